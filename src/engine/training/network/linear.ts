// A linear layer with its gradient rules, behind one interface, so that the layers do not know whether its weights are trained
// whole (here), or frozen with or without a low-rank adapter (adaptedLinear.ts).
import type { GraphBuilder } from "../../ggml/graph.ts";
import type { Tensor } from "../../ggml/tensor.ts";
import type { Parameter } from "./parameters.ts";

/** What a linear's forward pass leaves for its backward pass. */
export interface LinearTape {
  /** [outputs, nTokens]. */
  readonly output: Tensor;
  /** The adapter's inner activation [rank, nTokens], where there is an adapter. */
  readonly inner?: Tensor;
}

export interface Linear {
  /** x [inputs, nTokens] → [outputs, nTokens]. */
  forward(graph: GraphBuilder, x: Tensor): LinearTape;
  /**
   * Accumulates the gradients of what is trained, given the linear's input `x`, the inner activation that its forward pass left and
   * the gradient `dy` of its output. Gives the gradient of the inner activation, which {@link backward} wants.
   */
  accumulate(graph: GraphBuilder, x: Tensor, inner: Tensor | undefined, dy: Tensor): Tensor | undefined;
  /** The gradient of the linear's input [inputs, nTokens], added to `sum` (which is overwritten) where that is given. */
  backward(graph: GraphBuilder, dy: Tensor, dInner: Tensor | undefined, sum?: Tensor): Tensor;
}

/** y = Wᵀ·x with W [inputs, outputs] trained whole. */
export class TrainedLinear implements Linear {
  readonly #parameter: Parameter;

  constructor(parameter: Parameter) {
    this.#parameter = parameter;
  }

  forward(graph: GraphBuilder, x: Tensor): LinearTape {
    return { output: graph.transposedMatMul(this.#parameter.weight, x) };
  }

  accumulate(graph: GraphBuilder, x: Tensor, _inner: Tensor | undefined, dy: Tensor): undefined {
    graph.expand(graph.addProduct(this.#parameter.gradient, graph.matMulTransposed(x, dy)));
  }

  backward(graph: GraphBuilder, dy: Tensor, _dInner: Tensor | undefined, sum?: Tensor): Tensor {
    const dx = graph.matMul(this.#parameter.weight, dy);
    return sum === undefined ? dx : graph.addProduct(sum, dx);
  }
}
