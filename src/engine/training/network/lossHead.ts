// The head of a model and its loss L = −Σₜ wₜ · log pₜ(label), in chunks of tokens, so that the logits of a whole batch never
// stand in memory. The weights wₜ are an input: masks (0), means (1/n) and preference losses differ only in them.
import type { GraphBuilder } from "../../ggml/graph.ts";
import type { Tensor } from "../../ggml/tensor.ts";
import type { DecoderLayers, NormWeights } from "./decoderLayers.ts";

export interface HeadInputs {
  /** The right next token of each token, as index into the flattened probabilities of its chunk: (t − chunk start) · nVocab + label. I32 [N]. */
  readonly flatLabels: Tensor;
  /** wₜ, F32 [1, N]. */
  readonly lossWeights: Tensor;
  /** Receives log p of each label, F32 [N]. */
  readonly logProbabilities: Tensor;
}

export interface HeadWeights {
  readonly norm: NormWeights;
  /** Output embedding [dim, nVocab] and its gradient, or undefined where it is frozen. */
  readonly output: Tensor;
  readonly outputGradient: Tensor | undefined;
}

/**
 * Adds the head to the graph for `h` [dim, N]: computes log-probabilities and, where `dHidden` [dim, N] is given, writes the
 * gradient of `h` into it and accumulates those of the weights.
 */
export function addLossHead(graph: GraphBuilder, layers: DecoderLayers, weights: HeadWeights, inputs: HeadInputs, h: Tensor, chunk: number, dHidden: Tensor | undefined): void {
  const g = graph;
  const [dim, nTokens] = h.shape;
  const nVocab = weights.output.shape[1];
  for (let start = 0; start < nTokens; start += chunk) {
    const n = Math.min(chunk, nTokens - start);
    const part = (t: Tensor, shape: number[]): Tensor => g.view(t, shape, start * (t.strides[t.shape[1] === nTokens ? 1 : 0]));
    const labels = part(inputs.flatLabels, [n]);
    const hidden = part(h, [dim, n]);
    const normed = layers.norm(weights.norm, hidden);
    const probabilities = g.softMaxInPlace(g.mulMat(weights.output, normed));
    const flat = g.reshape(probabilities, [1, nVocab * n]);
    const ofLabel = g.getRows(flat, labels);
    g.expand(g.copy(g.log(g.reshape(ofLabel, [n])), part(inputs.logProbabilities, [n])));
    if (dHidden === undefined) continue;
    // d(−log p)/d(logits) = p − onehot(label): overwrite p at the label, then weigh the two small factors instead of the logits.
    const dLogits = g.reshape(g.setRows(flat, g.scaleBias(ofLabel, 1, -1), labels), [nVocab, n]);
    const w = part(inputs.lossWeights, [1, n]);
    if (weights.outputGradient !== undefined) g.expand(g.addProduct(weights.outputGradient, g.matMulTransposed(g.mul(normed, w), dLogits)));
    const dNormed = g.mul(g.matMul(weights.output, dLogits), w);
    g.expand(g.copy(layers.normBack(weights.norm, hidden, dNormed), part(dHidden, [dim, n])));
  }
}

