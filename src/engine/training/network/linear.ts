// A linear layer with its gradient rules, behind one interface, so that the llama layers do not know whether its weights are
// trained whole (here), frozen, or frozen with a low-rank adapter.
import type { GraphBuilder } from "../../ggml/graph.ts";
import type { Tensor } from "../../ggml/tensor.ts";
import type { Parameter } from "./parameters.ts";

export interface Linear {
  /** x [inputs, nTokens] → [outputs, nTokens]. */
  forward(graph: GraphBuilder, x: Tensor): Tensor;
  /** Accumulates the gradients of what is trained, given the layer's input `x` and the gradient `dy` of its output. */
  accumulate(graph: GraphBuilder, x: Tensor, dy: Tensor): void;
  /** The gradient of the layer's input [inputs, nTokens], added to `sum` (which is overwritten) where that is given. */
  backward(graph: GraphBuilder, dy: Tensor, sum?: Tensor): Tensor;
}

/** y = Wᵀ·x with W [inputs, outputs] trained whole. */
export class TrainedLinear implements Linear {
  readonly #parameter: Parameter;

  constructor(parameter: Parameter) {
    this.#parameter = parameter;
  }

  forward(graph: GraphBuilder, x: Tensor): Tensor {
    return graph.transposedMatMul(this.#parameter.weight, x);
  }

  accumulate(graph: GraphBuilder, x: Tensor, dy: Tensor): void {
    graph.expand(graph.addProduct(this.#parameter.gradient, graph.matMulTransposed(x, dy)));
  }

  backward(graph: GraphBuilder, dy: Tensor, sum?: Tensor): Tensor {
    const dx = graph.matMul(this.#parameter.weight, dy);
    return sum === undefined ? dx : graph.addProduct(sum, dx);
  }
}
