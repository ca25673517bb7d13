// Frozen linears, mostly quantised, alone or with a low-rank adapter that learns beside them: the rules of LoRA's gradients.
// Where the weights come from: frozenWeights.ts. Where the adapter's numbers live: adapterParameters.ts.
// Sources: Hu et al. 2021 (LoRA); Dettmers et al. 2023 (QLoRA: the gradient passes through the dequantised frozen weights).
import type { GraphBuilder } from "../../ggml/graph.ts";
import type { Tensor } from "../../ggml/tensor.ts";
import type { Linear, LinearTape } from "./linear.ts";

/** A frozen W [inputs, outputs] and how it is multiplied. */
export interface FrozenMatrix {
  /** As the file has it. */
  readonly weight: Tensor;
  /**
   * A transposed copy [outputs, inputs] for the backward pass; undefined where products take W itself transposed (a BLAS), after
   * it has been turned into floats for each use.
   */
  readonly transposed: Tensor | undefined;
  readonly bias: Tensor | undefined;
  /** 0, 1, 2 …, at least as many as W has outputs (I32). */
  readonly rowNumbers: Tensor;
}

/** One linear's low-rank matrices A [inputs, rank] and B [rank, outputs], with their gradients. */
export interface LowRankPair {
  /** What they add is scale · Bᵀ·Aᵀ·x. */
  readonly scale: number;
  readonly weights: { readonly a: Tensor; readonly b: Tensor };
  readonly gradients: { readonly a: Tensor; readonly b: Tensor };
}

/** y = Wᵀ·x + bias, nothing trained. */
export class FrozenLinear implements Linear {
  readonly #matrix: FrozenMatrix;

  constructor(matrix: FrozenMatrix) {
    this.#matrix = matrix;
  }

  forward(graph: GraphBuilder, x: Tensor): LinearTape {
    const { weight, transposed, bias, rowNumbers } = this.#matrix;
    const product = graph.transposedMatMul(transposed === undefined ? graph.toFloats(weight, rowNumbers) : weight, x);
    return { output: bias === undefined ? product : graph.addInPlace(product, bias) };
  }

  accumulate(): undefined {
    // Nothing learns here.
  }

  backward(graph: GraphBuilder, dy: Tensor, _dInner: Tensor | undefined, sum?: Tensor): Tensor {
    const { weight, transposed, rowNumbers } = this.#matrix;
    const dx = transposed === undefined ? graph.matMul(graph.toFloats(weight, rowNumbers), dy) : graph.transposedMatMul(transposed, dy);
    return sum === undefined ? dx : graph.addProduct(sum, dx);
  }
}

/**
 * y = Wᵀ·x + bias + s·Bᵀ·Aᵀ·x. With z = s·Aᵀ·x (the inner activation) and dz = s·B·dy:
 * dA += x·dzᵀ, dB += z·dyᵀ, dx = W·dy + A·dz.
 */
export class AdaptedLinear implements Linear {
  readonly #frozen: FrozenLinear;
  readonly #pair: LowRankPair;

  constructor(matrix: FrozenMatrix, pair: LowRankPair) {
    this.#frozen = new FrozenLinear(matrix);
    this.#pair = pair;
  }

  forward(graph: GraphBuilder, x: Tensor): LinearTape {
    const { a, b } = this.#pair.weights;
    const { output } = this.#frozen.forward(graph, x);
    const inner = graph.scale(graph.transposedMatMul(a, x), this.#pair.scale);
    return { output: graph.addProduct(output, widen(graph, b, inner)), inner };
  }

  accumulate(graph: GraphBuilder, x: Tensor, inner: Tensor | undefined, dy: Tensor): Tensor | undefined {
    if (inner === undefined) return undefined; // computed without the adapter
    const { weights, gradients } = this.#pair;
    const dInner = graph.scale(graph.matMul(weights.b, dy), this.#pair.scale);
    graph.expand(graph.addProduct(gradients.a, graph.outProd(x, dInner)));
    if (graph.stridedProducts) graph.expand(graph.addProduct(gradients.b, graph.outProd(inner, dy)));
    // ggml's out_prod runs along the first operand's rows: long rows first, and turning the small result, is four times as fast.
    else graph.expand(graph.addInPlace(gradients.b, graph.cont(graph.transpose(graph.outProd(dy, inner)))));
    return dInner;
  }

  backward(graph: GraphBuilder, dy: Tensor, dInner: Tensor | undefined, sum?: Tensor): Tensor {
    const dx = this.#frozen.backward(graph, dy, undefined, sum);
    return dInner === undefined ? dx : graph.addProduct(dx, graph.outProd(this.#pair.weights.a, graph.transpose(dInner)));
  }
}

/**
 * bᵀ·z with b [rank, m], z [rank, n] → [m, n]. ggml's mul_mat sums along rank numbers at a time, which for 16 of them took four times
 * as long as its out_prod (15 against 4 ms for 4864 × 16 × 512 on one thread of a Cascade Lake Xeon).
 */
function widen(graph: GraphBuilder, b: Tensor, z: Tensor): Tensor {
  return graph.stridedProducts ? graph.transposedMatMul(b, z) : graph.outProd(graph.cont(graph.transpose(b)), graph.transpose(z));
}
