// The head of a frozen model: log-probabilities of labels, and how they change with the hidden states. For a few tokens at a time,
// so that the logits of a whole batch never stand in memory, and only for tokens that are learnt.
//
// With h the last layer's output of a token, n = norm(h), p = softmax(W·n) and y its label:
//   log p_y = log softmax(W·n)_y,   ∂ log p_y/∂n = W_y − Wᵀ·p,   ∂ log p_y/∂h by the norm's rule.
// That direction does not depend on the token's loss weight, which only scales it: so that weights may be computed from the
// log-probabilities (as DPO and GRPO do) without computing the head twice.
import { EngineError } from "../../base/errors.ts";
import { GgmlType } from "../../base/ggmlTypes.ts";
import { readFloats, TensorStore, writeTensor } from "../../ggml/backend.ts";
import type { Backend } from "../../ggml/backend.ts";
import type { Blas } from "../../ggml/blas.ts";
import { CompiledGraph } from "../../ggml/compiledGraph.ts";
import type { SharedMemory } from "../../ggml/compiledGraph.ts";
import { GraphBuilder } from "../../ggml/graph.ts";
import type { Tensor } from "../../ggml/tensor.ts";
import type { FrozenMatrix } from "./adaptedLinear.ts";

export interface HeadParts {
  readonly norm: Tensor;
  readonly epsilon: number;
  readonly output: FrozenMatrix;
  /** The last layer's output [dim, nTokens + 1]; the last row is not a token's and stays zero. */
  readonly hidden: Tensor;
  /** Receives ∂ log p/∂h in the rows of the tokens computed; the same shape. */
  readonly direction: Tensor;
}

/** Smallest normal number: what a probability that F32 cannot hold counts as (log p ≥ −87.4), so that no loss becomes infinite. */
const smallestProbability = 1.2e-38;
/** Fewer tokens than this at once save nothing. */
const smallestChunk = 16;
/** Rows of the head that stand in memory as floats at once, where a BLAS multiplies them. */
const tileRows = 8192;

/** The head for one number of tokens. */
interface SizedHead {
  readonly size: number;
  readonly inputs: TensorStore;
  readonly rows: Tensor;
  readonly labels: Tensor;
  readonly flatLabels: Tensor;
  readonly logProbabilities: Tensor;
  /** Graphs without and with the direction, once they are compiled. */
  readonly builders: { readonly forward: GraphBuilder; readonly both: GraphBuilder };
  graphs?: { readonly forward: CompiledGraph; readonly both: CompiledGraph };
}

export class AdaptedHead {
  /** Most tokens computed at once. */
  readonly chunk: number;
  readonly #backend: Backend;
  readonly #sized: readonly SizedHead[];
  readonly #spareRow: number;
  readonly #nVocab: number;
  readonly #memory: SharedMemory;
  readonly #blas: Blas | undefined;

  /** Reserves in `memory` what it needs, and compiles itself there when it is first used. */
  constructor(backend: Backend, parts: HeadParts, chunk: number, memory: SharedMemory, blas: Blas | undefined) {
    this.chunk = chunk;
    this.#backend = backend;
    this.#nVocab = parts.output.weight.shape[1];
    this.#spareRow = parts.hidden.shape[1] - 1;
    this.#memory = memory;
    this.#blas = blas;
    // A few learnt tokens should not cost as much as a whole chunk.
    const sizes = [chunk / 16, chunk / 4, chunk].filter((size) => Number.isInteger(size) && size >= smallestChunk);
    this.#sized = sizes.map((size) => this.#declare(parts, size, blas !== undefined));
    for (const { builders } of this.#sized) for (const builder of [builders.forward, builders.both]) memory.reserve(builder);
  }

  /** log p of the labels of up to {@link chunk} tokens, by their rows; with `direction`, also fills those rows of the direction. */
  compute(rows: readonly number[], labels: readonly number[], direction: boolean): Float32Array {
    const head = this.#sized.find(({ size }) => size >= rows.length);
    if (head === undefined) throw new EngineError("internal", `The head was asked for ${rows.length} tokens at once.`);
    const compile = (builder: GraphBuilder): CompiledGraph => new CompiledGraph(this.#backend, builder, this.#blas, this.#memory);
    head.graphs ??= { forward: compile(head.builders.forward), both: compile(head.builders.both) };
    const filled = (values: readonly number[], otherwise: number): Int32Array => Int32Array.from({ length: head.size }, (_, i) => values[i] ?? otherwise);
    writeTensor(this.#backend, head.rows, filled(rows, this.#spareRow));
    writeTensor(this.#backend, head.labels, filled(labels, 0));
    writeTensor(this.#backend, head.flatLabels, filled(labels, 0).map((label, i) => i * this.#nVocab + label));
    (direction ? head.graphs.both : head.graphs.forward).compute();
    return readFloats(this.#backend, head.logProbabilities).subarray(0, rows.length);
  }

  get sizeBytes(): number {
    return this.#sized.reduce((sum, { inputs }) => sum + inputs.sizeBytes, 0);
  }

  close(): void {
    for (const { graphs, builders, inputs } of this.#sized) {
      for (const graph of graphs === undefined ? [builders.forward, builders.both] : [graphs.forward, graphs.both]) graph.close();
      inputs.close();
    }
  }

  #declare(parts: HeadParts, size: number, stridedProducts: boolean): SizedHead {
    const inputs = new TensorStore(this.#backend, 4);
    const integers = (): Tensor => inputs.declare(GgmlType.I32, [size]);
    const tensors = { size, inputs, rows: integers(), labels: integers(), flatLabels: integers(), logProbabilities: inputs.declare(GgmlType.F32, [size]) };
    inputs.allocate();
    const build = (backward: boolean): GraphBuilder => this.#build(parts, tensors, stridedProducts, backward);
    return { ...tensors, builders: { forward: build(false), both: build(true) } };
  }

  #build({ norm, epsilon, output, hidden, direction }: HeadParts, { size, rows, labels, flatLabels, logProbabilities }: Omit<SizedHead, "builders">, stridedProducts: boolean, backward: boolean): GraphBuilder {
    const g = new GraphBuilder(this.#backend, 64 + 16 * tiles(this.#nVocab).length, stridedProducts);
    const h = g.getRows(hidden, rows);
    const normed = g.mul(g.rmsNorm(h, epsilon), norm);
    const p = g.softMaxInPlace(this.#logits(g, output, normed));
    const ofLabel = g.getRows(g.reshape(p, [1, this.#nVocab * size]), flatLabels);
    g.expand(g.copy(g.log(g.scaleBias(g.reshape(ofLabel, [size]), 1, smallestProbability)), logProbabilities));
    if (!backward) return g;
    const dNormed = g.add(g.scale(this.#expectedRows(g, output, p), -1), g.getRows(output.weight, labels));
    g.expand(g.setRows(direction, g.rmsNormBack(g.mul(dNormed, norm), h, epsilon), rows));
    return g;
  }

  /** W·n: [nVocab, tokens]. */
  #logits(g: GraphBuilder, { weight, transposed, rowNumbers }: FrozenMatrix, normed: Tensor): Tensor {
    if (transposed !== undefined) return g.transposedMatMul(weight, normed);
    const logits = g.empty(GgmlType.F32, [this.#nVocab, normed.shape[1]]);
    for (const tile of tiles(this.#nVocab)) {
      g.expand(g.placeProduct(g.view(logits, [tile.n, normed.shape[1]], 4 * tile.start), g.transposedMatMul(g.toFloats(rowsOf(g, weight, tile), rowNumbers), normed)));
    }
    return logits;
  }

  /** Wᵀ·p: the rows of W, each as much as it is expected, [dim, tokens]. */
  #expectedRows(g: GraphBuilder, { weight, transposed, rowNumbers }: FrozenMatrix, p: Tensor): Tensor {
    if (transposed !== undefined) return g.transposedMatMul(transposed, p);
    let sum: Tensor | undefined;
    for (const tile of tiles(this.#nVocab)) {
      const product = g.matMul(g.toFloats(rowsOf(g, weight, tile), rowNumbers), g.view(p, [tile.n, p.shape[1]], 4 * tile.start));
      sum = sum === undefined ? product : g.addProduct(sum, product);
      g.expand(sum);
    }
    return sum ?? p;
  }
}

interface Tile {
  readonly start: number;
  readonly n: number;
}

/** The vocabulary in parts whose rows fit memory as floats. */
function tiles(nVocab: number): Tile[] {
  return Array.from({ length: Math.ceil(nVocab / tileRows) }, (_, i) => ({ start: i * tileRows, n: Math.min(tileRows, nVocab - i * tileRows) }));
}

function rowsOf(g: GraphBuilder, weight: Tensor, { start, n }: Tile): Tensor {
  return g.view(weight, [weight.shape[0], n], start * weight.strides[1]);
}
