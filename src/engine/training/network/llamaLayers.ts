// One llama layer, forward and backward, and the head with its loss: the maths of training, in ggml operations.
// Every gradient is checked against finite differences (test/unit/training/gradients.test.ts).
// It does not decide what is trained (linear.ts) nor how a whole model is put together (llamaNetwork.ts).
//
// Shapes are innermost first. N = nSequences · sequenceLength tokens stand side by side; tokens attend within their sequence.
// Sources: Touvron et al. 2023 (llama); Zhang & Sennrich 2019 (RMSNorm); Su et al. 2021 (RoPE); Shazeer 2020 (SwiGLU);
// Ainslie et al. 2023 (grouped-query attention).
import type { GraphBuilder, RopeSettings } from "../../ggml/graph.ts";
import type { Tensor } from "../../ggml/tensor.ts";
import type { Linear } from "./linear.ts";
import { headSize } from "./llamaShape.ts";
import type { LlamaShape } from "./llamaShape.ts";

/** How the N tokens of a graph are laid out, and the inputs that say so. */
export interface BatchLayout {
  readonly nSequences: number;
  readonly sequenceLength: number;
  /** Position of each token in its sequence, I32 [N]. */
  readonly positions: Tensor;
  /** The queries of a sequence in blocks, in order. */
  readonly blocks: readonly AttentionBlock[];
}

/**
 * A run of queries. Its keys are those up to its last query: later ones would be masked anyway, and not computing them at all
 * saves nearly half of attention.
 */
export interface AttentionBlock {
  /** First query. */
  readonly start: number;
  readonly nQueries: number;
  /** 0 where a query may attend to a key, −∞ where not; F32 [start + nQueries, nQueries]. */
  readonly mask: Tensor;
}

/** An RMSNorm's weight [dim] and its gradient, or undefined where it is frozen. */
export interface NormWeights {
  readonly weight: Tensor;
  readonly gradient: Tensor | undefined;
}

export interface LayerWeights {
  readonly attentionNorm: NormWeights;
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly attentionOutput: Linear;
  readonly feedForwardNorm: NormWeights;
  readonly gate: Linear;
  readonly up: Linear;
  readonly down: Linear;
}

interface NormTape {
  readonly input: Tensor;
  /** Normalised, before the weight. */
  readonly unit: Tensor;
  readonly output: Tensor;
}

/** What the backward pass needs of a layer's forward pass. */
export interface LayerTape {
  readonly attentionNorm: NormTape;
  /** Rotated queries and keys, and values, as [headSize, sequenceLength, heads, nSequences] views. */
  readonly query: Tensor;
  readonly key: Tensor;
  readonly value: Tensor;
  /** Attention probabilities [keys, queries, nHeads, nSequences] of each block of queries. */
  readonly probabilities: readonly Tensor[];
  /** The heads' outputs side by side [dim, N]. */
  readonly attended: Tensor;
  readonly feedForwardNorm: NormTape;
  readonly gate: Tensor;
  readonly up: Tensor;
  readonly activation: Tensor;
  readonly output: Tensor;
}

export class LlamaLayers {
  readonly #graph: GraphBuilder;
  readonly #shape: LlamaShape;
  readonly #batch: BatchLayout;
  readonly #rope: RopeSettings;
  readonly #attentionScale: number;

  constructor(graph: GraphBuilder, shape: LlamaShape, batch: BatchLayout) {
    this.#graph = graph;
    this.#shape = shape;
    this.#batch = batch;
    this.#rope = { nDimensions: headSize(shape), frequencyBase: shape.ropeBase };
    this.#attentionScale = 1 / Math.sqrt(headSize(shape));
  }

  /** x [dim, N] → the tape, whose `output` [dim, N] is the next layer's input. */
  forward(weights: LayerWeights, x: Tensor): LayerTape {
    const g = this.#graph;
    const { nHeads, nKvHeads } = this.#shape;
    const attentionNorm = this.norm(weights.attentionNorm, x);
    const n = attentionNorm.output;
    const query = this.#byHead(this.#rotate(weights.query.forward(g, n), nHeads), nHeads);
    const key = this.#byHead(this.#rotate(weights.key.forward(g, n), nKvHeads), nKvHeads);
    const value = this.#byHead(weights.value.forward(g, n), nKvHeads);
    const attended = g.empty(x.type, x.shape);
    const attendedByHead = this.#byHead(attended, nHeads);
    const probabilities = this.#batch.blocks.map((block) => {
      const nKeys = block.start + block.nQueries;
      const scores = g.transposedMatMul(this.#part(key, 0, nKeys), this.#part(query, block.start, block.nQueries));
      const p = g.maskedSoftMaxInPlace(scores, block.mask, this.#attentionScale);
      g.expand(g.placeProduct(this.#part(attendedByHead, block.start, block.nQueries), g.matMul(this.#part(value, 0, nKeys), p)));
      return p;
    });
    const h = g.add(x, weights.attentionOutput.forward(g, attended));
    const feedForwardNorm = this.norm(weights.feedForwardNorm, h);
    const gate = weights.gate.forward(g, feedForwardNorm.output);
    const up = weights.up.forward(g, feedForwardNorm.output);
    const activation = g.swiglu(gate, up);
    const output = g.add(h, weights.down.forward(g, activation));
    return { attentionNorm, query, key, value, probabilities, attended, feedForwardNorm, gate, up, activation, output };
  }

  /** The gradient of the layer's input, given that of its output; accumulates the gradients of its weights. */
  backward(weights: LayerWeights, tape: LayerTape, dOutput: Tensor): Tensor {
    const g = this.#graph;
    weights.down.accumulate(g, tape.activation, dOutput);
    const dActivation = weights.down.backward(g, dOutput);
    const dGate = g.siluBack(g.mul(dActivation, tape.up), tape.gate);
    const dUp = g.mul(g.silu(tape.gate), dActivation);
    weights.gate.accumulate(g, tape.feedForwardNorm.output, dGate);
    weights.up.accumulate(g, tape.feedForwardNorm.output, dUp);
    const dNormed = weights.up.backward(g, dUp, weights.gate.backward(g, dGate));
    const dH = g.add(dOutput, this.normBack(weights.feedForwardNorm, tape.feedForwardNorm, dNormed));

    weights.attentionOutput.accumulate(g, tape.attended, dH);
    const { dQuery, dKey, dValue } = this.#attentionBack(tape, weights.attentionOutput.backward(g, dH));
    const n = tape.attentionNorm.output;
    weights.query.accumulate(g, n, dQuery);
    weights.key.accumulate(g, n, dKey);
    weights.value.accumulate(g, n, dValue);
    const dN = weights.value.backward(g, dValue, weights.key.backward(g, dKey, weights.query.backward(g, dQuery)));
    return g.add(dH, this.normBack(weights.attentionNorm, tape.attentionNorm, dN));
  }

  /** Gradients of the unrotated queries, keys and values, each [heads · headSize, N], given that of the heads' outputs [dim, N]. */
  #attentionBack(tape: LayerTape, dAttended: Tensor): { dQuery: Tensor; dKey: Tensor; dValue: Tensor } {
    const g = this.#graph;
    const { nHeads, nKvHeads } = this.#shape;
    const dHeads = this.#byHead(dAttended, nHeads);
    const like = (nHeadsOf: number): Tensor => g.empty(dAttended.type, [headSize(this.#shape) * nHeadsOf, dAttended.shape[1]]);
    const [dQuery, dKey, dValue] = [like(nHeads), like(nKvHeads), like(nKvHeads)];
    const [dQueryByHead, dKeyByHead, dValueByHead] = [this.#byHead(dQuery, nHeads), this.#byHead(dKey, nKvHeads), this.#byHead(dValue, nKvHeads)];
    // The last block sees every key: it writes the gradients of keys and values, the others add to theirs.
    for (const [i, block] of [...this.#batch.blocks.entries()].reverse()) {
      const p = tape.probabilities[i];
      if (p === undefined) continue;
      const nKeys = block.start + block.nQueries;
      const dOut = this.#part(dHeads, block.start, block.nQueries);
      const isLast = i === this.#batch.blocks.length - 1;
      const collect = (whole: Tensor, term: Tensor): void => {
        const part = this.#part(whole, 0, nKeys);
        g.expand(isLast ? g.placeProduct(part, term) : g.addProduct(part, term));
      };
      collect(dValueByHead, this.#sumGroups(g.matMulTransposed(dOut, p), nKvHeads));
      const dP = g.transposedMatMul(this.#part(tape.value, 0, nKeys), dOut);
      const dScores = g.softMaxBackInPlace(dP, p, this.#attentionScale);
      g.expand(g.placeProduct(this.#part(dQueryByHead, block.start, block.nQueries), g.matMul(this.#part(tape.key, 0, nKeys), dScores)));
      collect(dKeyByHead, this.#sumGroups(g.matMulTransposed(this.#part(tape.query, block.start, block.nQueries), dScores), nKvHeads));
    }
    return { dQuery: this.#rotateBack(dQuery, nHeads), dKey: this.#rotateBack(dKey, nKvHeads), dValue };
  }

  /** Tokens `start` … of a [headSize, sequenceLength, heads, nSequences] tensor, a view. */
  #part(x: Tensor, start: number, length: number): Tensor {
    return start === 0 && length === x.shape[1] ? x : this.#graph.view(x, [x.shape[0], length, x.shape[2], x.shape[3]], start * x.strides[1]);
  }

  /** Query heads share key–value heads in runs of nHeads/nKvHeads: the gradient of the shared one is the sum over its run. */
  #sumGroups(gradient: Tensor, nKvHeads: number): Tensor {
    const [headDim, length, nHeads, nSequences] = gradient.shape;
    if (nHeads === nKvHeads) return gradient;
    const g = this.#graph;
    const grouped = g.reshape(gradient, [headDim * length, nHeads / nKvHeads, nKvHeads, nSequences]);
    const target = g.view(grouped, [headDim * length, 1, nKvHeads, nSequences], 0);
    return g.reshape(g.repeatBack(grouped, target), [headDim, length, nKvHeads, nSequences]);
  }

  norm({ weight }: NormWeights, input: Tensor): NormTape {
    const unit = this.#graph.rmsNorm(input, this.#shape.epsilon);
    return { input, unit, output: this.#graph.mul(unit, weight) };
  }

  normBack({ weight, gradient }: NormWeights, tape: NormTape, dOutput: Tensor): Tensor {
    const g = this.#graph;
    if (gradient !== undefined) g.expand(g.addInPlace(gradient, g.repeatBack(g.mul(dOutput, tape.unit), gradient)));
    return g.rmsNormBack(g.mul(dOutput, weight), tape.input, this.#shape.epsilon);
  }

  #rotate(x: Tensor, nHeads: number): Tensor {
    return this.#graph.rope(this.#graph.reshape(x, [headSize(this.#shape), nHeads, x.shape[1]]), this.#batch.positions, this.#rope);
  }

  #rotateBack(x: Tensor, nHeads: number): Tensor {
    const g = this.#graph;
    return g.reshape(g.ropeBack(g.reshape(x, [headSize(this.#shape), nHeads, x.shape[1]]), this.#batch.positions, this.#rope), x.shape);
  }

  /** [heads · headSize, N] → [headSize, sequenceLength, heads, nSequences], a view. */
  #byHead(x: Tensor, nHeads: number): Tensor {
    const { sequenceLength, nSequences } = this.#batch;
    return this.#graph.permute(this.#graph.reshape(x, [headSize(this.#shape), nHeads, sequenceLength, nSequences]), [0, 2, 1, 3]);
  }
}
