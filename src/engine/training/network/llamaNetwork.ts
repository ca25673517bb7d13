// A whole llama model as one graph, for pretraining: embedding, layers, head and loss, and the backward pass through all of them.
// It trains every weight; adapters on frozen weights have a network of their own (adaptedNetwork.ts) out of the same layers.
import { EngineError } from "../../base/errors.ts";
import { GgmlType } from "../../base/ggmlTypes.ts";
import { readFloats, TensorStore, writeTensor } from "../../ggml/backend.ts";
import type { Backend } from "../../ggml/backend.ts";
import type { Blas } from "../../ggml/blas.ts";
import { CompiledGraph } from "../../ggml/compiledGraph.ts";
import { GraphBuilder } from "../../ggml/graph.ts";
import type { Tensor } from "../../ggml/tensor.ts";
import { TrainedLinear } from "./linear.ts";
import { DecoderLayers } from "./decoderLayers.ts";
import type { LayerTape, LayerWeights, NormWeights } from "./decoderLayers.ts";
import { headSize } from "./llamaShape.ts";
import type { LlamaShape } from "./llamaShape.ts";
import { addLossHead } from "./lossHead.ts";
import type { ParameterSet } from "./parameters.ts";

export interface NetworkOptions {
  readonly nSequences: number;
  readonly sequenceLength: number;
  /** Tokens whose logits stand in memory at once. */
  readonly headChunk: number;
  /** Queries of attention computed at once (see AttentionBlock): smaller skips more of the masked half, at more overhead. */
  readonly queryBlock: number;
  /** Whether the graph has a backward pass. */
  readonly backward: boolean;
  readonly blas: Blas | undefined;
}

export class LlamaNetwork {
  readonly nTokens: number;
  readonly graph: CompiledGraph;
  readonly #backend: Backend;
  readonly #inputs: TensorStore;
  readonly #tokens: Tensor;
  readonly #flatLabels: Tensor;
  readonly #lossWeights: Tensor;
  readonly #logProbabilities: Tensor;
  readonly #nVocab: number;
  readonly #headChunk: number;
  readonly #flat: Int32Array;

  constructor(backend: Backend, shape: LlamaShape, parameters: ParameterSet, options: NetworkOptions) {
    const { nSequences, sequenceLength } = options;
    const nTokens = nSequences * sequenceLength;
    this.nTokens = nTokens;
    this.#backend = backend;
    this.#nVocab = shape.nVocab;
    this.#headChunk = options.headChunk;
    this.#flat = new Int32Array(nTokens);

    this.#inputs = new TensorStore(backend, 8 + Math.ceil(sequenceLength / options.queryBlock));
    this.#tokens = this.#inputs.declare(GgmlType.I32, [nTokens]);
    const positions = this.#inputs.declare(GgmlType.I32, [nTokens]);
    const blocks = attentionBlocks(sequenceLength, options.queryBlock).map((block) => ({ ...block, mask: this.#inputs.declare(GgmlType.F32, [block.start + block.nQueries, block.nQueries]) }));
    this.#flatLabels = this.#inputs.declare(GgmlType.I32, [nTokens]);
    this.#lossWeights = this.#inputs.declare(GgmlType.F32, [1, nTokens]);
    this.#logProbabilities = this.#inputs.declare(GgmlType.F32, [nTokens]);
    const dHidden = options.backward ? this.#inputs.declare(GgmlType.F32, [shape.dim, nTokens]) : undefined;
    this.#inputs.allocate();
    writeTensor(backend, positions, Int32Array.from({ length: nTokens }, (_, t) => t % sequenceLength));
    for (const { start, nQueries, mask } of blocks) writeTensor(backend, mask, causalMask(start, nQueries));

    const nChunks = Math.ceil(nTokens / options.headChunk);
    const g = new GraphBuilder(backend, 256 + (160 + 64 * blocks.length) * shape.nLayers + 48 * nChunks, options.blas !== undefined);
    const decoder = { nHeads: shape.nHeads, nKvHeads: shape.nKvHeads, headSize: headSize(shape), epsilon: shape.epsilon, attentionScale: 1 / Math.sqrt(headSize(shape)), activation: "silu" } as const;
    const layers = new DecoderLayers(g, decoder, { nDimensions: headSize(shape), frequencyBase: shape.ropeBase }, { nSequences, sequenceLength, positions, blocks });
    const weightsOf = Array.from({ length: shape.nLayers }, (_, layer) => layerWeights(parameters, layer));
    const embedding = parameters.get("token_embd.weight");

    let x = g.getRows(embedding.weight, this.#tokens);
    const tapes = weightsOf.map((weights): LayerTape => {
      const { output, tape } = layers.forward(weights, x);
      x = output;
      return tape;
    });
    g.expand(x);
    const head = { norm: normWeights(parameters, "output_norm.weight"), output: embedding.weight, outputGradient: embedding.gradient };
    const headInputs = { flatLabels: this.#flatLabels, lossWeights: this.#lossWeights, logProbabilities: this.#logProbabilities };
    addLossHead(g, layers, head, headInputs, x, options.headChunk, dHidden);
    if (dHidden !== undefined) {
      let dX = dHidden;
      for (let layer = shape.nLayers - 1; layer >= 0; layer--) {
        const weights = weightsOf[layer];
        const tape = tapes[layer];
        if (weights !== undefined && tape !== undefined) dX = layers.backward(weights, tape, dX);
        g.expand(dX);
      }
      g.expand(g.addInPlace(embedding.gradient, g.getRowsBack(dX, this.#tokens, embedding.weight)));
    }
    this.graph = new CompiledGraph(backend, g, options.blas);
  }

  /**
   * Computes one batch: `tokens` and `labels` (the right next tokens) of all sequences side by side, and the loss weight of
   * each. Gradients, where the graph has a backward pass, are added to those already there.
   * Gives log p of each label.
   */
  run(tokens: Int32Array, labels: Int32Array, lossWeights: Float32Array): Float32Array {
    if (tokens.length !== this.nTokens || labels.length !== this.nTokens || lossWeights.length !== this.nTokens) {
      throw new EngineError("internal", `A batch of ${tokens.length} tokens was given to a graph of ${this.nTokens}.`);
    }
    for (let t = 0; t < this.nTokens; t++) {
      const token = tokens[t] ?? -1;
      const label = labels[t] ?? -1;
      // ggml does not check indices: a wrong one would write into foreign memory.
      if (token < 0 || token >= this.#nVocab || label < 0 || label >= this.#nVocab) throw new EngineError("dataInvalid", `The data hold token ${Math.max(token, label)}, but the vocabulary has ${this.#nVocab} tokens.`);
      this.#flat[t] = (t % this.#headChunk) * this.#nVocab + label;
    }
    writeTensor(this.#backend, this.#tokens, tokens);
    writeTensor(this.#backend, this.#flatLabels, this.#flat);
    writeTensor(this.#backend, this.#lossWeights, lossWeights);
    this.graph.compute();
    return readFloats(this.#backend, this.#logProbabilities);
  }

  close(): void {
    this.graph.close();
    this.#inputs.close();
  }
}

function normWeights(parameters: ParameterSet, name: string): NormWeights {
  const { weight, gradient } = parameters.get(name);
  return { weight, gradient };
}

function layerWeights(parameters: ParameterSet, layer: number): LayerWeights {
  const linear = (part: string): TrainedLinear => new TrainedLinear(parameters.get(`blk.${layer}.${part}.weight`));
  return {
    attentionNorm: normWeights(parameters, `blk.${layer}.attn_norm.weight`),
    query: linear("attn_q"),
    key: linear("attn_k"),
    value: linear("attn_v"),
    attentionOutput: linear("attn_output"),
    feedForwardNorm: normWeights(parameters, `blk.${layer}.ffn_norm.weight`),
    gate: linear("ffn_gate"),
    up: linear("ffn_up"),
    down: linear("ffn_down"),
  };
}

/** Cuts a sequence's queries into blocks of `size`, the last one shorter where it does not divide. */
function attentionBlocks(sequenceLength: number, size: number): { start: number; nQueries: number }[] {
  return Array.from({ length: Math.ceil(sequenceLength / size) }, (_, i) => ({ start: i * size, nQueries: Math.min(size, sequenceLength - i * size) }));
}

/** Query `start + i` may attend to keys 0 … start + i: [start + nQueries, nQueries]. */
function causalMask(start: number, nQueries: number): Float32Array {
  const nKeys = start + nQueries;
  const mask = new Float32Array(nKeys * nQueries);
  for (let i = 0; i < nQueries; i++) mask.fill(-Infinity, i * nKeys + start + i + 1, (i + 1) * nKeys);
  return mask;
}
