// How a training computation uses memory: what is computed at once, and which layers keep their activations instead of computing
// them again. Decided from the model's description alone, so that it can be told before anything is loaded (estimate.ts).
import type { AdapterSettings } from "../adaptedModel.ts";
import { tapeBytes, tapeParts } from "./keptTape.ts";
import type { TapeParts } from "./keptTape.ts";
import type { ModelDescription } from "./modelDescription.ts";

export interface MemoryPlan {
  /** Queries of attention computed at once: smaller skips more of the masked half, at more overhead. */
  readonly queryBlock: number;
  /** Tokens whose logits stand in memory at once. */
  readonly headChunk: number;
  /** Layers, from the first, that keep their tape. */
  readonly keptLayers: number;
  readonly parts: TapeParts;
  /** Bytes of one layer's tape. */
  readonly tapeBytes: number;
}

/** Lengths of batches are rounded up to a multiple of this: matrix products are fastest on whole blocks. */
export const tokenStep = 32;
const queryBlock = 128;
/** Logits take at most this much. */
const logitsBytes = 160e6;
/** More tokens than this at once gain nothing: without a BLAS, and with one, for which each chunk turns the head into floats anew. */
const largestChunk = { ggml: 64, blas: 512 };
/** Probabilities of a layer that take more than this are computed again rather than kept: they grow with the square of the length. */
const probabilityBytes = 64e6;
/** Activations kept where nobody says otherwise: at most this, and this share of the memory that is free. */
const defaultActivationBytes = 1 << 30;
const defaultActivationShare = 0.25;

export function planMemory(description: ModelDescription, adapter: AdapterSettings, maxTokens: number, activationBytes: number | undefined, blas: boolean): MemoryPlan {
  const nTokens = Math.ceil(maxTokens / tokenStep) * tokenStep;
  const fitting = 2 ** Math.floor(Math.log2(logitsBytes / 4 / description.nVocab));
  const probabilities = 2 * description.nHeads * nTokens * nTokens <= probabilityBytes;
  const parts = tapeParts(description, adapter.rank, adapter.targets.length, probabilities);
  const bytes = tapeBytes(description, parts, nTokens, queryBlock);
  return {
    queryBlock, parts, tapeBytes: bytes,
    headChunk: Math.max(tokenStep, Math.min(fitting, nTokens, blas ? largestChunk.blas : largestChunk.ggml)),
    keptLayers: Math.min(description.nLayers, Math.floor(Math.max(0, activationBytes ?? Math.min(defaultActivationBytes, defaultActivationShare * process.availableMemory())) / bytes)),
  };
}
