// What training an adapter would take, told from a model file's header in milliseconds: for refusing or shrinking a run before
// anything is loaded. How long a run takes, which only a measurement can tell, is estimated elsewhere.
import { GgmlType, ggmlTypeInfo, tensorBytes } from "../../base/ggmlTypes.ts";
import { readGguf } from "../../base/gguf.ts";
import { Blas } from "../../ggml/blas.ts";
import type { AdaptedModelOptions, AdapterSettings } from "../adaptedModel.ts";
import { adaptedMatrices, checkSettings } from "./adapterParameters.ts";
import { maskBlocks, maskElements } from "./attentionMask.ts";
import { transposedFormat } from "./frozenWeights.ts";
import { planMemory, tokenStep } from "./memoryPlan.ts";
import { describeModel, linearNames } from "./modelDescription.ts";
import type { ModelDescription } from "./modelDescription.ts";

export interface AdaptedModelEstimate {
  readonly architecture: string;
  /** Longest sequence that the model was made for, in tokens. */
  readonly context: number;
  readonly nTrainable: number;
  /** Native memory of weights, adapter and computation; the process takes some 100 MB beside it. */
  readonly memoryBytes: number;
  readonly weightBytes: number;
  readonly adapterBytes: number;
  /** Bytes of activations that are kept, and of how many layers. */
  readonly activationBytes: number;
  readonly keptLayers: number;
  readonly nLayers: number;
  /** Floating-point operations of one training step per learnt token of a batch of `maxTokens` (forward, recomputation, backward). */
  readonly flopsPerToken: number;
}

/**
 * Estimates what `openAdaptedModel` with these options takes, from the header of `modelFile`.
 * Errors: those of reading GGUF, `modelTooNew` for an architecture that cannot be trained, `badRequest` for settings out of range.
 */
export async function estimateAdaptedModel(modelFile: string, adapter: AdapterSettings, maxTokens: number, activationBytes?: number, blas?: AdaptedModelOptions["blas"]): Promise<AdaptedModelEstimate> {
  checkSettings(adapter, maxTokens);
  const description = describeModel(await readGguf(modelFile), modelFile);
  const library = blas === "ggml" ? undefined : Blas.open(1, blas === "auto" ? undefined : blas);
  return estimate(description, adapter, maxTokens, activationBytes, library !== undefined);
}

/** As {@link estimateAdaptedModel}, of a model that has been described. */
export function estimate(description: ModelDescription, adapter: AdapterSettings, maxTokens: number, activationBytes: number | undefined, blas: boolean): AdaptedModelEstimate {
  const { dim, nLayers, nVocab, nHeads, nKvHeads, headSize, feedForward, tensors, architecture, context } = description;
  const plan = planMemory(description, adapter, maxTokens, activationBytes, blas);
  const nTokens = Math.ceil(maxTokens / tokenStep) * tokenStep;
  const nTrainable = adaptedMatrices(description, adapter).reduce((sum, { shape }) => sum + adapter.rank * ((shape[0] ?? 0) + (shape[1] ?? 0)), 0);

  const headName = tensors.has("output.weight") ? "output.weight" : "token_embd.weight";
  let weightBytes = 0;
  let linearElements = 0;
  for (const info of tensors.values()) {
    weightBytes += info.sizeBytes;
    const isLinear = linearNames.some((name) => info.name.endsWith(`.${name}.weight`));
    const elements = info.shape.reduce((product, n) => product * n, 1);
    if (isLinear) linearElements += elements;
    const transposed = isLinear || info.name === headName ? transposedFormat(info, { stridedProducts: blas, fastFourBit: true }) : undefined;
    const type = transposed === undefined ? undefined : ggmlTypeInfo(transposed);
    if (type !== undefined) weightBytes += tensorBytes(type, [info.shape[1] ?? 1, info.shape[0] ?? 1]) ?? 0;
  }

  const floats = (n: number): number => 4 * n;
  const blocks = maskBlocks(nTokens, plan.queryBlock);
  const lastBlock = nHeads * plan.queryBlock * nTokens;
  const hidden = floats((nLayers + 4) * dim * nTokens + (description.window === undefined ? 1 : 2) * maskElements(blocks));
  // What stands at once while a layer is gone through backward: its tape where it is not kept, the widest gradients, one block's
  // probabilities and their gradient; or else while the head is: logits and the rows of a tile.
  const recomputed = plan.keptLayers === nLayers ? 0 : plan.tapeBytes;
  const widest = Math.max(3 * feedForward, 2 * (nHeads + nKvHeads) * headSize) + 3 * dim;
  const matrix = blas && [...tensors.values()].some(({ type }) => type !== GgmlType.F32) ? dim * feedForward : 0;
  const layer = recomputed + floats(widest * nTokens + 2 * lastBlock + matrix);
  const head = floats((nVocab + 4 * dim) * plan.headChunk + (blas ? 8192 * dim : 0));
  const kept = plan.keptLayers * plan.tapeBytes;
  const adapterBytes = floats(4 * nTrainable) + floats(nTrainable / 64);

  const headElements = nVocab * dim;
  const attention = 2 * nHeads * headSize * (nTokens / 2 + plan.queryBlock / 2); // query · key and probability · value, half of each masked
  const forward = 2 * (linearElements + nTrainable) + 2 * nLayers * attention;
  const recomputation = forward * (1 - plan.keptLayers / nLayers);
  const backward = 2 * linearElements + 4 * nTrainable + 4 * nLayers * attention;
  return {
    architecture, context, nTrainable, weightBytes, adapterBytes, nLayers,
    keptLayers: plan.keptLayers,
    activationBytes: kept,
    memoryBytes: Math.round(weightBytes + adapterBytes + hidden + kept + Math.max(layer, head)),
    flopsPerToken: Math.round(forward + recomputation + backward + 4 * headElements),
  };
}
