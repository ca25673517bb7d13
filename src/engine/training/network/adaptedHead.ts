// The head of a frozen model: log-probabilities of labels, and how they change with the hidden states. For a few tokens at a time,
// so that the logits of a whole batch never stand in memory, and only for tokens that are learnt.
//
// With h the last layer's output of a token, n = norm(h), p = softmax(W·n) and y its label:
//   log p_y = log softmax(W·n)_y,   ∂ log p_y/∂n = W_y − Wᵀ·p,   ∂ log p_y/∂h by the norm's rule.
// That direction does not depend on the token's loss weight, which only scales it: so that weights may be computed from the
// log-probabilities (as DPO and GRPO do) without computing the head twice.
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
/** Rows of the head that stand in memory as floats at once, where a BLAS multiplies them. */
const tileRows = 8192;

export class AdaptedHead {
  /** Tokens computed at once. */
  readonly chunk: number;
  readonly #backend: Backend;
  readonly #inputs: TensorStore;
  readonly #rows: Tensor;
  readonly #labels: Tensor;
  readonly #flatLabels: Tensor;
  readonly #logProbabilities: Tensor;
  readonly #spareRow: number;
  readonly #nVocab: number;
  readonly #forward: GraphBuilder;
  readonly #both: GraphBuilder;
  #compiled: { readonly forward: CompiledGraph; readonly both: CompiledGraph } | undefined;

  constructor(backend: Backend, parts: HeadParts, chunk: number, stridedProducts: boolean) {
    this.chunk = chunk;
    this.#backend = backend;
    this.#nVocab = parts.output.weight.shape[1];
    this.#spareRow = parts.hidden.shape[1] - 1;
    this.#inputs = new TensorStore(backend, 4);
    [this.#rows, this.#labels, this.#flatLabels] = [this.#inputs.declare(GgmlType.I32, [chunk]), this.#inputs.declare(GgmlType.I32, [chunk]), this.#inputs.declare(GgmlType.I32, [chunk])];
    this.#logProbabilities = this.#inputs.declare(GgmlType.F32, [chunk]);
    this.#inputs.allocate();
    [this.#forward, this.#both] = [this.#build(parts, stridedProducts, false), this.#build(parts, stridedProducts, true)];
  }

  reserve(memory: SharedMemory): void {
    memory.reserve(this.#forward);
    memory.reserve(this.#both);
  }

  compile(memory: SharedMemory, blas: Blas | undefined): void {
    this.#compiled = { forward: new CompiledGraph(this.#backend, this.#forward, blas, memory), both: new CompiledGraph(this.#backend, this.#both, blas, memory) };
  }

  /** log p of the labels of up to {@link chunk} tokens, by their rows; with `direction`, also fills those rows of the direction. */
  compute(rows: readonly number[], labels: readonly number[], direction: boolean): Float32Array {
    const filled = (values: readonly number[], otherwise: number): Int32Array => Int32Array.from({ length: this.chunk }, (_, i) => values[i] ?? otherwise);
    writeTensor(this.#backend, this.#rows, filled(rows, this.#spareRow));
    writeTensor(this.#backend, this.#labels, filled(labels, 0));
    writeTensor(this.#backend, this.#flatLabels, filled(labels, 0).map((label, i) => i * this.#nVocab + label));
    (direction ? this.#compiled?.both : this.#compiled?.forward)?.compute();
    return readFloats(this.#backend, this.#logProbabilities).subarray(0, rows.length);
  }

  get sizeBytes(): number {
    return this.#inputs.sizeBytes;
  }

  close(): void {
    this.#compiled?.forward.close();
    this.#compiled?.both.close();
    this.#inputs.close();
  }

  #build({ norm, epsilon, output, hidden, direction }: HeadParts, stridedProducts: boolean, backward: boolean): GraphBuilder {
    const g = new GraphBuilder(this.#backend, 64 + 16 * tiles(this.#nVocab).length, stridedProducts);
    const h = g.getRows(hidden, this.#rows);
    const normed = g.mul(g.rmsNorm(h, epsilon), norm);
    const p = g.softMaxInPlace(this.#logits(g, output, normed));
    const ofLabel = g.getRows(g.reshape(p, [1, this.#nVocab * this.chunk]), this.#flatLabels);
    g.expand(g.copy(g.log(g.scaleBias(g.reshape(ofLabel, [this.chunk]), 1, smallestProbability)), this.#logProbabilities));
    if (!backward) return g;
    const dNormed = g.add(g.scale(this.#expectedRows(g, output, p), -1), g.getRows(output.weight, this.#labels));
    g.expand(g.setRows(direction, g.rmsNormBack(g.mul(dNormed, norm), h, epsilon), this.#rows));
    return g;
  }

  /** W·n: [nVocab, chunk]. */
  #logits(g: GraphBuilder, { weight, transposed, rowNumbers }: FrozenMatrix, normed: Tensor): Tensor {
    if (transposed !== undefined) return g.transposedMatMul(weight, normed);
    const logits = g.empty(GgmlType.F32, [this.#nVocab, this.chunk]);
    for (const tile of tiles(this.#nVocab)) {
      g.expand(g.placeProduct(g.view(logits, [tile.n, this.chunk], 4 * tile.start), g.transposedMatMul(g.toFloats(rowsOf(g, weight, tile), rowNumbers), normed)));
    }
    return logits;
  }

  /** Wᵀ·p: the rows of W, each as much as it is expected, [dim, chunk]. */
  #expectedRows(g: GraphBuilder, { weight, transposed, rowNumbers }: FrozenMatrix, p: Tensor): Tensor {
    if (transposed !== undefined) return g.transposedMatMul(transposed, p);
    let sum: Tensor | undefined;
    for (const tile of tiles(this.#nVocab)) {
      const product = g.matMul(g.toFloats(rowsOf(g, weight, tile), rowNumbers), g.view(p, [tile.n, this.chunk], 4 * tile.start));
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
