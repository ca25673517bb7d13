// Memory in which layers keep what their backward pass needs, so that it need not be computed again (selective checkpointing,
// Korthikanti et al. 2022): the forward graph's results stand there from the beginning, nothing is copied.
// What one pass over memory gives again (norms, the gated activation) is not kept.
import { TensorStore } from "../../ggml/backend.ts";
import type { Backend } from "../../ggml/backend.ts";
import { GgmlType } from "../../base/ggmlTypes.ts";
import { EngineError } from "../../base/errors.ts";
import type { Tensor } from "../../ggml/tensor.ts";
import { maskBlocks, maskElements } from "./attentionMask.ts";
import type { LayerTape } from "./decoderLayers.ts";
import type { LinearTape } from "./linear.ts";
import { linearNames } from "./modelDescription.ts";
import type { ModelDescription } from "./modelDescription.ts";

/** Tensors begin at multiples of this many floats: 256 bytes, the most that Vulkan devices ask for. */
const alignment = 64;

/** Which optional parts of a tape are kept. */
export interface TapeParts {
  /** Norms over queries and keys: their linears' results are inputs of a norm. */
  readonly headNorms: boolean;
  /** Norms after attention and feed-forward, likewise. */
  readonly postNorms: boolean;
  /** Numbers of an adapter's inner activations per token, over all linears. */
  readonly inner: number;
  /** Attention probabilities; without them they are computed again from queries and keys. */
  readonly probabilities: boolean;
}

export function tapeParts(description: ModelDescription, rank: number, nTargets: number, probabilities: boolean): TapeParts {
  const has = (name: string): boolean => description.tensors.has(`blk.0.${name}.weight`);
  return { headNorms: has("attn_q_norm"), postNorms: has("post_attention_norm"), inner: rank * nTargets, probabilities };
}

/** Bytes of one layer's tape for batches of `nTokens`. */
export function tapeBytes(description: ModelDescription, parts: TapeParts, nTokens: number, queryBlock: number): number {
  const { nHeads, nKvHeads, headSize, dim, feedForward } = description;
  const [queries, keys] = [nHeads * headSize, nKvHeads * headSize];
  const perToken = 2 * queries + 2 * keys + dim + 2 * feedForward + parts.inner + (parts.headNorms ? queries + keys : 0) + (parts.postNorms ? 2 * dim : 0);
  const blocks = maskBlocks(nTokens, queryBlock);
  const slack = alignment * (2 * linearNames.length + 8 + blocks.length);
  return 4 * (perToken * nTokens + (parts.probabilities ? nHeads * maskElements(blocks) : 0) + slack);
}

export class KeptTapes {
  readonly nLayers: number;
  readonly #backend: Backend;
  readonly #parts: TapeParts;
  readonly #store: TensorStore;
  readonly #rooms: readonly Tensor[];

  /** Room for the tapes of `nLayers` layers; `maxLengths` bounds how often each is laid out. Errors: `modelTooLarge`. */
  constructor(backend: Backend, parts: TapeParts, nLayers: number, bytesPerLayer: number, tensorsPerLayer: number, maxLengths: number) {
    this.nLayers = nLayers;
    this.#backend = backend;
    this.#parts = parts;
    this.#store = new TensorStore(backend, nLayers * (1 + maxLengths * tensorsPerLayer) + 1);
    this.#rooms = Array.from({ length: nLayers }, () => this.#store.declare(GgmlType.F32, [Math.ceil(bytesPerLayer / 4)]));
    this.#store.allocate();
  }

  /** Makes the results in `tape`, of a graph that has no memory yet, stand in the room of `layer`; gives the tape for another graph to read. */
  keep(layer: number, tape: LayerTape): LayerTape {
    const room = this.#rooms[layer];
    if (room === undefined) throw new EngineError("internal", `Layer ${layer} keeps no tape.`);
    let offset = 0;
    const stay = (result: Tensor): Tensor => {
      this.#store.place(result.owner, room, 4 * offset);
      // Another graph reads it: a GPU that computes several operations in one must not leave it out.
      this.#backend.functions.ggml_set_output(result.owner.pointer);
      const kept = this.#store.window(room, result.shape, 4 * offset);
      offset += Math.ceil(result.nElements / alignment) * alignment;
      return kept;
    };
    const linear = ({ output, inner }: LinearTape, wantsOutput: boolean): LinearTape => ({ output: wantsOutput ? stay(output) : output, ...(inner && { inner: stay(inner) }) });
    const { headNorms, postNorms, probabilities } = this.#parts;
    return {
      input: tape.input,
      query: linear(tape.query, headNorms), key: linear(tape.key, headNorms), value: linear(tape.value, true),
      rotatedQuery: stay(tape.rotatedQuery), rotatedKey: stay(tape.rotatedKey),
      ...(probabilities && tape.probabilities && { probabilities: tape.probabilities.map(stay) }),
      attended: stay(tape.attended), attentionOutput: linear(tape.attentionOutput, postNorms), middle: stay(tape.middle),
      gate: linear(tape.gate, true), up: linear(tape.up, true), down: linear(tape.down, postNorms),
    };
  }

  get sizeBytes(): number {
    return this.#store.sizeBytes;
  }

  close(): void {
    this.#store.close();
  }
}
