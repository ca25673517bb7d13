// The numbers of a low-rank adapter with their gradients and optimizer state: four flat tensors, of which each pair (A, B) is a
// window. So that clearing, norms, clipping and AdamW are a handful of operations over all of them, and a state is read at once.
// Sources: Hu et al. 2021 (LoRA); Kalajdzievski 2023 (rank-stabilised scale); Loshchilov & Hutter 2019 (AdamW); Pascanu et al. 2013
// (clipping by the global norm).
import { EngineError } from "../../base/errors.ts";
import { GgmlType } from "../../base/ggmlTypes.ts";
import { SeededRandom } from "../../base/random.ts";
import { readFloats, TensorStore, writeTensor, zeroTensor } from "../../ggml/backend.ts";
import type { Backend } from "../../ggml/backend.ts";
import { CompiledGraph } from "../../ggml/compiledGraph.ts";
import { GraphBuilder } from "../../ggml/graph.ts";
import type { Tensor } from "../../ggml/tensor.ts";
import type { AdamWSettings, AdapterSettings, NamedTensor } from "../adaptedModel.ts";
import type { LowRankPair } from "./adaptedLinear.ts";
import { linearNames } from "./modelDescription.ts";
import type { ModelDescription } from "./modelDescription.ts";

/** A matrix of the adapter, as a window of the flat tensors. */
interface Window {
  readonly name: string;
  /** Innermost first. */
  readonly shape: readonly [number, number];
  readonly start: number;
}

/** A linear of the model that gets a pair: its name in the file ("blk.0.attn_q.weight") and its shape [inputs, outputs]. */
export interface AdaptedMatrix {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Row length of the flat tensors: ggml shares work among threads by rows. Windows begin at multiples of it, which keeps them aligned. */
const rowLength = 64;
/** Rows that the optimizer updates at once, so that the clipped gradient of a part stays in cache. */
const rowsPerUpdate = 4096;
/** Keeps the quotient finite where all gradients are zero (as PyTorch's clip_grad_norm_). */
const tinyNorm = 1e-6;

/** The linears of `description` that `adapter` names. */
export function adaptedMatrices(description: ModelDescription, adapter: AdapterSettings): AdaptedMatrix[] {
  return Array.from({ length: description.nLayers }, (_, layer) => linearNames.filter((name) => adapter.targets.includes(name)).map((name) => {
    const full = `blk.${layer}.${name}.weight`;
    return { name: full, shape: description.tensors.get(full)?.shape ?? [] };
  })).flat();
}

/** Errors: `badRequest`, naming the setting that is out of range. */
export function checkSettings(adapter: AdapterSettings, maxTokens: number): void {
  const fail = (sentence: string): never => {
    throw new EngineError("badRequest", `The adapter cannot be made: ${sentence}.`, { adapter, maxTokens });
  };
  if (!Number.isInteger(adapter.rank) || adapter.rank < 1 || adapter.rank > 512) fail(`the rank is ${adapter.rank}, which should be a whole number from 1 to 512`);
  if (!(adapter.alpha > 0) || !Number.isFinite(adapter.alpha)) fail(`alpha is ${adapter.alpha}, which should be positive`);
  const unknown = adapter.targets.find((target) => !linearNames.includes(target));
  if (adapter.targets.length === 0) fail("it has no targets; name some linears, for example attn_q and attn_v");
  if (unknown !== undefined) fail(`its target ${unknown} is none of ${linearNames.join(", ")}`);
  if (!Number.isInteger(maxTokens) || maxTokens < 1) fail(`the longest batch is ${maxTokens} tokens, which should be a positive whole number`);
}

export class AdapterParameters {
  readonly nTrainable: number;
  readonly #backend: Backend;
  readonly #settings: AdamWSettings;
  readonly #scale: number;
  readonly #windows: readonly Window[];
  readonly #byName: ReadonlyMap<string, Window>;
  readonly #store: TensorStore;
  readonly #weights: Tensor;
  readonly #gradients: Tensor;
  readonly #mean: Tensor;
  readonly #variance: Tensor;
  readonly #squares: Tensor;
  readonly #clip: Tensor;
  readonly #hyper: Tensor;
  readonly #norm: CompiledGraph;
  readonly #update: CompiledGraph;

  /** A by Kaiming's uniform rule with a = √5, as PEFT does, which is uniform in ±1/√inputs; B zero. */
  constructor(backend: Backend, matrices: readonly AdaptedMatrix[], adapter: AdapterSettings, optimizer: AdamWSettings) {
    this.#backend = backend;
    this.#settings = optimizer;
    this.#scale = adapter.alpha / (adapter.rankStabilised ? Math.sqrt(adapter.rank) : adapter.rank);
    let end = 0;
    const window = (name: string, shape: readonly [number, number]): Window => {
      const start = end;
      end += Math.ceil((shape[0] * shape[1]) / rowLength) * rowLength;
      return { name, shape, start };
    };
    this.#windows = matrices.flatMap(({ name, shape: [nInputs = 1, nOutputs = 1] }) => [window(`${name}.lora_a`, [nInputs, adapter.rank]), window(`${name}.lora_b`, [adapter.rank, nOutputs])]);
    this.#byName = new Map(this.#windows.map((w) => [w.name, w]));
    this.nTrainable = this.#windows.reduce((sum, { shape }) => sum + shape[0] * shape[1], 0);

    const nRows = end / rowLength;
    this.#store = new TensorStore(backend, 8 + 2 * this.#windows.length + 4 * Math.ceil(nRows / rowsPerUpdate));
    const flat = (): Tensor => this.#store.declare(GgmlType.F32, [rowLength, nRows]);
    [this.#weights, this.#gradients, this.#mean, this.#variance] = [flat(), flat(), flat(), flat()];
    this.#squares = this.#store.declare(GgmlType.F32, [nRows]);
    this.#clip = this.#store.declare(GgmlType.F32, [1]);
    this.#hyper = this.#store.declare(GgmlType.F32, [7]);
    this.#store.allocate();
    const random = new SeededRandom(adapter.seed);
    const initial = new Float32Array(end);
    for (const { name, shape, start } of this.#windows) {
      if (!name.endsWith(".lora_a")) continue;
      const bound = 1 / Math.sqrt(shape[0]);
      for (let i = 0; i < shape[0] * shape[1]; i++) initial[start + i] = (2 * random.uniform() - 1) * bound;
    }
    writeTensor(backend, this.#weights, initial);
    this.#norm = this.#buildNorm(nRows);
    this.#update = this.#buildUpdate(nRows);
  }

  /** The pair of a linear, or undefined where it has none. To be asked once for each. */
  pair(name: string): LowRankPair | undefined {
    const a = this.#byName.get(`${name}.lora_a`);
    const b = this.#byName.get(`${name}.lora_b`);
    if (a === undefined || b === undefined) return undefined;
    const windows = (flat: Tensor): { a: Tensor; b: Tensor } => ({ a: this.#store.window(flat, a.shape, 4 * a.start), b: this.#store.window(flat, b.shape, 4 * b.start) });
    return { scale: this.#scale, weights: windows(this.#weights), gradients: windows(this.#gradients) };
  }

  clearGradients(): void {
    zeroTensor(this.#backend, this.#gradients);
  }

  /** AdamW with the accumulated gradients, clipped by their global norm. Where that is no finite number nothing is changed. */
  step(step: number, rate: number): { readonly gradientNorm: number } {
    this.#norm.compute();
    const gradientNorm = Math.sqrt(readFloats(this.#backend, this.#squares).reduce((sum, square) => sum + square, 0));
    if (!Number.isFinite(gradientNorm)) return { gradientNorm };
    const { beta1, beta2, epsilon, weightDecay, clipNorm } = this.#settings;
    writeTensor(this.#backend, this.#clip, Float32Array.of(Math.min(1, clipNorm / (gradientNorm + tinyNorm))));
    writeTensor(this.#backend, this.#hyper, Float32Array.of(rate, beta1, beta2, epsilon, weightDecay, 1 / (1 - beta1 ** step), 1 / (1 - beta2 ** step)));
    this.#update.compute();
    return { gradientNorm };
  }

  adapter(): NamedTensor[] {
    return this.#read(this.#weights, "");
  }

  /** Gradients under the names of the adapter's tensors: for tests and reports. */
  gradients(): NamedTensor[] {
    return this.#read(this.#gradients, "");
  }

  state(): NamedTensor[] {
    return [...this.adapter(), ...this.#read(this.#mean, ".mean"), ...this.#read(this.#variance, ".variance")];
  }

  /** Takes what {@link state} gave, or {@link adapter} (then the optimizer starts anew). Errors: `badRequest` where it does not fit. */
  restore(state: readonly NamedTensor[]): void {
    const given = new Map(state.map((tensor) => [tensor.name, tensor]));
    const parts: [Tensor, string, boolean][] = [[this.#weights, "", true], [this.#mean, ".mean", false], [this.#variance, ".variance", false]];
    const loaded = parts.map(([flat, suffix, required]): [Tensor, Float32Array] => {
      const values = new Float32Array(flat.nElements);
      for (const { name, shape, start } of this.#windows) {
        const tensor = given.get(name + suffix);
        if (tensor === undefined && !required) continue;
        if (tensor === undefined || tensor.values.length !== shape[0] * shape[1] || shape.some((n, axis) => tensor.shape[axis] !== n)) {
          throw new EngineError("badRequest", `The state holds ${tensor === undefined ? "no" : "another shape of"} ${name}${suffix}: it belongs to another model, rank or set of targets.`, { name });
        }
        values.set(tensor.values, start);
      }
      return [flat, values];
    });
    for (const [flat, values] of loaded) writeTensor(this.#backend, flat, values);
  }

  get sizeBytes(): number {
    return this.#store.sizeBytes + this.#norm.computeBytes + this.#update.computeBytes;
  }

  close(): void {
    this.#norm.close();
    this.#update.close();
    this.#store.close();
  }

  #read(flat: Tensor, suffix: string): NamedTensor[] {
    const values = readFloats(this.#backend, flat);
    return this.#windows.map(({ name, shape, start }) => ({ name: name + suffix, shape, values: values.slice(start, start + shape[0] * shape[1]) }));
  }

  /** The sum of squares of each row, which are then added up in double precision. */
  #buildNorm(nRows: number): CompiledGraph {
    const g = new GraphBuilder(this.#backend, 16, false);
    const rows = g.reshape(this.#gradients, [rowLength, 1, nRows]);
    // On the processor a product needs no memory for the squares; GPUs cannot multiply more than 65,535 matrices at once.
    const squares = this.#backend.isGpu ? g.sumRows(g.mul(this.#gradients, this.#gradients)) : g.mulMat(rows, rows);
    g.expand(g.copy(g.reshape(squares, [nRows]), this.#squares));
    return new CompiledGraph(this.#backend, g);
  }

  #buildUpdate(nRows: number): CompiledGraph {
    const g = new GraphBuilder(this.#backend, 16 * Math.ceil(nRows / rowsPerUpdate) + 16, false);
    for (let row = 0; row < nRows; row += rowsPerUpdate) {
      const part = (t: Tensor): Tensor => this.#store.window(t, [rowLength, Math.min(rowsPerUpdate, nRows - row)], row * t.strides[1]);
      const weights = part(this.#weights);
      // ggml refuses to update a tensor that is not marked as a parameter.
      this.#backend.functions.ggml_set_param(weights.pointer);
      g.expand(g.adamw(weights, g.mul(part(this.#gradients), this.#clip), part(this.#mean), part(this.#variance), this.#hyper));
    }
    return new CompiledGraph(this.#backend, g);
  }
}
