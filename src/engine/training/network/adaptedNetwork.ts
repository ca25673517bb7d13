// A frozen model with an adapter as graphs, one per layer and direction. The forward pass keeps each layer's input; as many layers
// as memory was given for keep their whole tape (keptTape.ts), and the backward pass of the others computes the layer again before
// it goes back through it (gradient checkpointing, Chen et al. 2016).
// A run can stop between any two graphs. For batches shorter than the longest there are graphs of a few shorter lengths.
// It knows nothing of files, losses or optimizers (openAdaptedModel.ts joins them).
import { setImmediate } from "node:timers/promises";
import { throwIfCancelled } from "../../base/errors.ts";
import { GgmlType } from "../../base/ggmlTypes.ts";
import { TensorStore, writeTensor, zeroTensor } from "../../ggml/backend.ts";
import type { Backend } from "../../ggml/backend.ts";
import type { Blas } from "../../ggml/blas.ts";
import { CompiledGraph, SharedMemory } from "../../ggml/compiledGraph.ts";
import { GraphBuilder } from "../../ggml/graph.ts";
import type { RopeSettings } from "../../ggml/graph.ts";
import type { Tensor } from "../../ggml/tensor.ts";
import type { PackedBatch } from "../adaptedModel.ts";
import { AdaptedHead } from "./adaptedHead.ts";
import { AdaptedLinear, FrozenLinear } from "./adaptedLinear.ts";
import type { AdapterParameters } from "./adapterParameters.ts";
import { fillMasks, maskBlocks, maskElements } from "./attentionMask.ts";
import type { MaskBlock } from "./attentionMask.ts";
import { DecoderLayers } from "./decoderLayers.ts";
import type { LayerTape, LayerWeights, NormWeights } from "./decoderLayers.ts";
import type { FrozenWeights } from "./frozenWeights.ts";
import { KeptTapes } from "./keptTape.ts";
import type { Linear } from "./linear.ts";
import { tokenStep } from "./memoryPlan.ts";
import type { MemoryPlan } from "./memoryPlan.ts";
import type { LinearName, ModelDescription, RopeDescription } from "./modelDescription.ts";

export interface AdaptedNetworkOptions {
  /** Longest batch in tokens; a multiple of tokenStep (memoryPlan.ts). */
  readonly maxTokens: number;
  readonly blas: Blas | undefined;
  readonly plan: MemoryPlan;
}

/** Different lengths that graphs are made for, at most. */
const maxLengths = 8;

type Adapter = "on" | "off";

/** The graphs for batches of one length. */
interface LengthGraphs {
  readonly nTokens: number;
  readonly tokens: Tensor;
  readonly positions: Tensor;
  readonly embed: CompiledGraph;
  readonly forward: Partial<Record<Adapter, readonly CompiledGraph[]>>;
  readonly weigh: CompiledGraph;
  readonly backward: readonly CompiledGraph[];
}

export class AdaptedNetwork {
  readonly maxTokens: number;
  readonly #backend: Backend;
  readonly #description: ModelDescription;
  readonly #weights: FrozenWeights;
  readonly #blas: Blas | undefined;
  readonly #layers: Readonly<Record<Adapter, readonly LayerWeights[]>>;
  readonly #lengthStep: number;
  readonly #store: TensorStore;
  readonly #tokens: Tensor;
  readonly #positions: Tensor;
  readonly #masks: Tensor;
  readonly #windowMasks: Tensor | undefined;
  /** Inputs of each layer and the output of the last [dim, maxTokens + 1]; the row beyond the tokens stays zero. */
  readonly #hidden: readonly Tensor[];
  /** Gradients of a layer's input and output, in turns. */
  readonly #dHidden: readonly [Tensor, Tensor];
  readonly #direction: Tensor;
  readonly #lossWeights: Tensor;
  readonly #plan: MemoryPlan;
  readonly #kept: KeptTapes;
  readonly #memory: SharedMemory;
  readonly #head: AdaptedHead;
  readonly #byLength = new Map<number, LengthGraphs>();

  /** Errors: `modelTooLarge` where memory is short. */
  constructor(backend: Backend, description: ModelDescription, weights: FrozenWeights, parameters: AdapterParameters, options: AdaptedNetworkOptions) {
    const { maxTokens, blas, plan } = options;
    this.#plan = plan;
    this.maxTokens = maxTokens;
    this.#backend = backend;
    this.#description = description;
    this.#weights = weights;
    this.#blas = blas;
    this.#layers = { on: layerWeights(description, weights, parameters), off: layerWeights(description, weights, undefined) };
    this.#lengthStep = Math.ceil(maxTokens / maxLengths / tokenStep) * tokenStep;

    const { nLayers, dim } = description;
    this.#store = new TensorStore(backend, 16 + nLayers + 2 * maxLengths);
    this.#tokens = this.#store.declare(GgmlType.I32, [maxTokens]);
    this.#positions = this.#store.declare(GgmlType.I32, [maxTokens]);
    const nMasks = maskElements(maskBlocks(maxTokens, plan.queryBlock));
    this.#masks = this.#store.declare(GgmlType.F32, [nMasks]);
    this.#windowMasks = description.window === undefined ? undefined : this.#store.declare(GgmlType.F32, [nMasks]);
    this.#hidden = Array.from({ length: nLayers + 1 }, () => this.#store.declare(GgmlType.F32, [dim, maxTokens + 1]));
    this.#dHidden = [this.#store.declare(GgmlType.F32, [dim, maxTokens]), this.#store.declare(GgmlType.F32, [dim, maxTokens])];
    this.#direction = this.#store.declare(GgmlType.F32, [dim, maxTokens + 1]);
    this.#lossWeights = this.#store.declare(GgmlType.F32, [1, maxTokens]);
    this.#store.allocate();
    this.#kept = new KeptTapes(backend, plan.parts, plan.keptLayers, plan.tapeBytes, 32 + Math.ceil(maxTokens / plan.queryBlock), maxLengths);

    this.#memory = new SharedMemory(backend);
    const head = { norm: weights.outputNorm, epsilon: description.epsilon, output: weights.output, hidden: this.#last(this.#hidden), direction: this.#direction };
    this.#head = new AdaptedHead(backend, head, plan.headChunk, this.#memory, blas);
    this.#byLength.set(maxTokens, this.#buildLength(maxTokens));
  }

  /** log p of the label of each token, 0 where not learnt. */
  async logProbabilities(batch: PackedBatch, adapter: Adapter, signal: AbortSignal | undefined): Promise<Float32Array> {
    const graphs = this.#write(batch);
    await this.#forward(graphs, adapter, signal);
    return this.#computeHead(batch, () => false, signal);
  }

  /** As {@link logProbabilities}, with the adapter and with the direction in which log p grows, ready for {@link backward}. */
  async forward(batch: PackedBatch, wantsDirection: (token: number) => boolean, signal: AbortSignal | undefined): Promise<Float32Array> {
    const graphs = this.#write(batch);
    await this.#forward(graphs, "on", signal);
    zeroTensor(this.#backend, this.#direction);
    return this.#computeHead(batch, wantsDirection, signal);
  }

  /** After {@link forward} of the same batch: adds the gradients of −Σ wₜ · log pₜ to those of the adapter. */
  async backward(batch: PackedBatch, lossWeights: Float32Array, signal: AbortSignal | undefined): Promise<void> {
    const graphs = this.#lengthGraphs(batch.nTokens);
    const negative = new Float32Array(this.maxTokens);
    for (let t = 0; t < batch.nTokens; t++) negative[t] = batch.learnt[t] === 1 ? -(lossWeights[t] ?? 0) : 0;
    writeTensor(this.#backend, this.#lossWeights, negative);
    graphs.weigh.compute();
    for (const graph of [...graphs.backward].reverse()) {
      await pause(signal);
      graph.compute();
    }
  }

  /** Bytes of inputs, hidden states and intermediate tensors. */
  get sizeBytes(): number {
    return this.#store.sizeBytes + this.#kept.sizeBytes + this.#memory.sizeBytes + this.#head.sizeBytes;
  }

  close(): void {
    for (const { embed, forward, weigh, backward } of this.#byLength.values()) {
      for (const graph of [embed, weigh, ...(forward.on ?? []), ...(forward.off ?? []), ...backward]) graph.close();
    }
    this.#head.close();
    this.#memory.close();
    this.#kept.close();
    this.#store.close();
  }

  async #forward(graphs: LengthGraphs, adapter: Adapter, signal: AbortSignal | undefined): Promise<void> {
    throwIfCancelled(signal);
    graphs.embed.compute();
    graphs.forward[adapter] ??= this.#forwardBuilders(graphs.nTokens, adapter).map(({ builder }) => this.#compile(builder));
    for (const graph of graphs.forward[adapter]) {
      await pause(signal);
      graph.compute();
    }
  }

  async #computeHead(batch: PackedBatch, wantsDirection: (token: number) => boolean, signal: AbortSignal | undefined): Promise<Float32Array> {
    const result = new Float32Array(batch.nTokens);
    const learnt = Array.from({ length: batch.nTokens }, (_, t) => t).filter((t) => batch.learnt[t] === 1);
    const { chunk } = this.#head;
    for (const direction of [true, false]) {
      const rows = learnt.filter((t) => wantsDirection(t) === direction);
      for (let start = 0; start < rows.length; start += chunk) {
        await pause(signal);
        const part = rows.slice(start, start + chunk);
        const logP = this.#head.compute(part, part.map((t) => batch.labels[t] ?? 0), direction);
        for (const [i, t] of part.entries()) result[t] = logP[i] ?? NaN;
      }
    }
    return result;
  }

  #write(batch: PackedBatch): LengthGraphs {
    const graphs = this.#lengthGraphs(batch.nTokens);
    const padded = (values: Int32Array): Int32Array => {
      const all = new Int32Array(graphs.nTokens);
      all.set(values.subarray(0, batch.nTokens));
      return all;
    };
    writeTensor(this.#backend, graphs.tokens, padded(batch.tokens));
    writeTensor(this.#backend, graphs.positions, padded(batch.positions));
    const blocks = maskBlocks(graphs.nTokens, this.#plan.queryBlock);
    const masks = new Float32Array(this.#masks.nElements);
    fillMasks(masks, blocks, batch, undefined);
    writeTensor(this.#backend, this.#masks, masks);
    if (this.#windowMasks !== undefined) {
      fillMasks(masks, blocks, batch, this.#description.window);
      writeTensor(this.#backend, this.#windowMasks, masks);
    }
    return graphs;
  }

  #lengthGraphs(nTokens: number): LengthGraphs {
    const length = Math.min(this.maxTokens, Math.ceil(nTokens / this.#lengthStep) * this.#lengthStep);
    const known = this.#byLength.get(length);
    if (known !== undefined) return known;
    const built = this.#buildLength(length);
    this.#byLength.set(length, built);
    return built;
  }

  #buildLength(nTokens: number): LengthGraphs {
    const { embeddingScale } = this.#description;
    const tokens = this.#store.window(this.#tokens, [nTokens], 0);
    const positions = this.#store.window(this.#positions, [nTokens], 0);
    const embed = this.#builder(0);
    const embedded = embed.getRows(this.#weights.embedding, tokens);
    embed.expand(embed.copy(embeddingScale === 1 ? embedded : embed.scale(embedded, embeddingScale), this.#rows(embed, this.#hidden[0], nTokens)));
    const weigh = this.#builder(0);
    const lossWeights = weigh.view(this.#lossWeights, [1, nTokens], 0);
    weigh.expand(weigh.copy(weigh.mul(this.#rows(weigh, this.#direction, nTokens), lossWeights), this.#rows(weigh, this.#dHidden[this.#description.nLayers % 2], nTokens)));
    const forward = this.#forwardBuilders(nTokens, "on");
    const backward = this.#layers.on.map((weights, layer) => {
      const g = this.#builder(nTokens);
      const layers = this.#decoder(g, layer, nTokens);
      const input = this.#rows(g, this.#hidden[layer], nTokens);
      const kept = forward[layer]?.kept;
      const tape = kept === undefined ? this.#lean(layers.forward(weights, input).tape) : { ...kept, input };
      const dInput = layers.backward(weights, tape, this.#rows(g, this.#dHidden[(layer + 1) % 2], nTokens), layer > 0);
      if (dInput !== undefined) g.expand(g.copy(dInput, this.#rows(g, this.#dHidden[layer % 2], nTokens)));
      return g;
    });
    // The longest is built first: everything shorter fits the memory that it reserves.
    if (nTokens === this.maxTokens) {
      // Layers without the adapter keep nothing: all that they compute stands in the shared memory.
      const plain = this.#forwardBuilders(nTokens, "off").map(({ builder }) => builder);
      for (const builder of [embed, weigh, ...forward.map((f) => f.builder), ...backward, ...plain]) this.#memory.reserve(builder);
      for (const builder of plain) builder.close();
    }
    const compile = (builder: GraphBuilder): CompiledGraph => this.#compile(builder);
    return { nTokens, tokens, positions, embed: compile(embed), forward: { on: forward.map((f) => compile(f.builder)) }, weigh: compile(weigh), backward: backward.map(compile) };
  }

  #forwardBuilders(nTokens: number, adapter: Adapter): { builder: GraphBuilder; kept: LayerTape | undefined }[] {
    return this.#layers[adapter].map((weights, layer) => {
      const g = this.#builder(nTokens);
      const { output, tape } = this.#decoder(g, layer, nTokens).forward(weights, this.#rows(g, this.#hidden[layer], nTokens));
      const kept = adapter === "on" && layer < this.#kept.nLayers ? this.#kept.keep(layer, tape) : undefined;
      g.expand(g.copy(output, this.#rows(g, this.#hidden[layer + 1], nTokens)));
      return { builder: g, kept };
    });
  }

  /** Without what takes more memory than it is worth keeping even within a layer. */
  #lean(tape: LayerTape): LayerTape {
    if (this.#plan.parts.probabilities) return tape;
    const { input, query, key, value, rotatedQuery, rotatedKey, attended, attentionOutput, middle, gate, up, down } = tape;
    return { input, query, key, value, rotatedQuery, rotatedKey, attended, attentionOutput, middle, gate, up, down };
  }

  #decoder(g: GraphBuilder, layer: number, nTokens: number): DecoderLayers {
    const windowed = this.#description.isWindowed(layer);
    const masks = windowed && this.#windowMasks !== undefined ? this.#windowMasks : this.#masks;
    const blocks = maskBlocks(nTokens, this.#plan.queryBlock).map(({ start, nQueries, offset }: MaskBlock) => {
      const nKeys = start + nQueries;
      return { start, nQueries, mask: g.view(masks, [nKeys, nQueries], 4 * offset, [4, 4 * nKeys, 4 * nKeys * nQueries, 4 * nKeys * nQueries]) };
    });
    const rope = (description: RopeDescription): RopeSettings => (this.#weights.ropeFactors === undefined ? description : { ...description, frequencyFactors: this.#weights.ropeFactors });
    const positions = g.view(this.#positions, [nTokens], 0);
    return new DecoderLayers(g, this.#description, rope(windowed ? this.#description.windowedRope : this.#description.rope), { nSequences: 1, sequenceLength: nTokens, positions, blocks });
  }

  #builder(nTokens: number): GraphBuilder {
    return new GraphBuilder(this.#backend, 512 + 96 * Math.ceil(nTokens / this.#plan.queryBlock), this.#blas !== undefined);
  }

  #compile(builder: GraphBuilder): CompiledGraph {
    return new CompiledGraph(this.#backend, builder, this.#blas, this.#memory);
  }

  /** The first `nTokens` rows of one of the stores of hidden states. */
  #rows(g: GraphBuilder, t: Tensor | undefined, nTokens: number): Tensor {
    if (t === undefined) throw new RangeError("There is no such layer.");
    return g.view(t, [t.shape[0], nTokens], 0);
  }

  #last(tensors: readonly Tensor[]): Tensor {
    return tensors[tensors.length - 1] as Tensor;
  }
}

/** Lets events in, and stops where the run was cancelled. */
async function pause(signal: AbortSignal | undefined): Promise<void> {
  throwIfCancelled(signal);
  await setImmediate();
  throwIfCancelled(signal);
}

function layerWeights(description: ModelDescription, weights: FrozenWeights, parameters: AdapterParameters | undefined): LayerWeights[] {
  return weights.layers.map(({ linears, norms }, layer) => {
    const linear = (name: LinearName): Linear => {
      const pair = parameters?.pair(`blk.${layer}.${name}.weight`);
      return pair === undefined ? new FrozenLinear(linears[name]) : new AdaptedLinear(linears[name], pair);
    };
    const norm = (name: string): NormWeights | undefined => {
      const weight = norms.get(name);
      return weight && { weight, gradient: undefined };
    };
    const required = (name: string): NormWeights => {
      const found = norm(name);
      if (found === undefined) throw new RangeError(`Layer ${layer} of ${description.architecture} has no ${name}.`);
      return found;
    };
    const optional = { queryNorm: norm("attn_q_norm"), keyNorm: norm("attn_k_norm"), attentionPostNorm: norm("post_attention_norm"), feedForwardPostNorm: norm("post_ffw_norm") };
    return {
      attentionNorm: required("attn_norm"), feedForwardNorm: required("ffn_norm"),
      query: linear("attn_q"), key: linear("attn_k"), value: linear("attn_v"), attentionOutput: linear("attn_output"),
      gate: linear("ffn_gate"), up: linear("ffn_up"), down: linear("ffn_down"),
      ...Object.fromEntries(Object.entries(optional).filter(([, weights]) => weights !== undefined)),
    };
  });
}
