// One layer of a decoder, forward and backward: the maths of training, in ggml operations. The parts that architectures differ in
// (biases belong to linears; norms of queries and keys; norms after attention and feed-forward; the gate's function) are optional.
// Every gradient is checked against finite differences (test/unit/training/gradients.test.ts, architectures.test.ts).
// It does not decide what is trained (linear.ts) nor how a whole model is put together (llamaNetwork.ts, adaptedNetwork.ts).
//
// Shapes are innermost first. N = nSequences · sequenceLength tokens stand side by side; tokens attend within their sequence.
// Sources: Touvron et al. 2023 (llama); Zhang & Sennrich 2019 (RMSNorm); Su et al. 2021 (RoPE); Shazeer 2020 (SwiGLU, GEGLU);
// Ainslie et al. 2023 (grouped-query attention); Henry et al. 2020 (norms of queries and keys); Gemma Team 2025 (Gemma 3).
import type { GraphBuilder, RopeSettings } from "../../ggml/graph.ts";
import type { Tensor } from "../../ggml/tensor.ts";
import type { Linear, LinearTape } from "./linear.ts";

/** What the layers of a model have in common. */
export interface DecoderShape {
  readonly nHeads: number;
  /** A divisor of nHeads. */
  readonly nKvHeads: number;
  readonly headSize: number;
  /** Added to the mean square in RMSNorm. */
  readonly epsilon: number;
  /** Factor on query · key. */
  readonly attentionScale: number;
  /**
   * The gate's function: silu (SwiGLU) or gelu in its tanh form (GEGLU), out of llama.cpp's table or, smooth enough for finite
   * differences, computed.
   */
  readonly activation: "silu" | "gelu" | "smoothGelu";
}

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

/** An RMSNorm's weight and its gradient, or undefined where it is frozen. */
export interface NormWeights {
  readonly weight: Tensor;
  readonly gradient: Tensor | undefined;
}

export interface LayerWeights {
  readonly attentionNorm: NormWeights;
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  /** Norms over each head of the queries and keys [headSize] (Qwen 3, Gemma 3). */
  readonly queryNorm?: NormWeights;
  readonly keyNorm?: NormWeights;
  readonly attentionOutput: Linear;
  /** Norm of what attention adds to the residual stream (Gemma 3). */
  readonly attentionPostNorm?: NormWeights;
  readonly feedForwardNorm: NormWeights;
  readonly gate: Linear;
  readonly up: Linear;
  readonly down: Linear;
  /** Norm of what the feed-forward part adds to the residual stream (Gemma 3). */
  readonly feedForwardPostNorm?: NormWeights;
}

/**
 * What the backward pass needs of a layer's forward pass. `input`, the linears' results and the attention are enough; what can be
 * computed again from them in one pass over memory (norms, the gated activation, probabilities) may be left out.
 */
export interface LayerTape {
  readonly input: Tensor;
  readonly query: LinearTape;
  readonly key: LinearTape;
  readonly value: LinearTape;
  /** Queries and keys, normed and rotated [headSize, heads, N]. */
  readonly rotatedQuery: Tensor;
  readonly rotatedKey: Tensor;
  /** Attention probabilities [keys, queries, nHeads, nSequences] of each block of queries. */
  readonly probabilities?: readonly Tensor[];
  /** The heads' outputs side by side [headSize · nHeads, N]. */
  readonly attended: Tensor;
  readonly attentionOutput: LinearTape;
  /** The residual stream between attention and feed-forward [dim, N]. */
  readonly middle: Tensor;
  readonly gate: LinearTape;
  readonly up: LinearTape;
  readonly down: LinearTape;
  readonly normedInput?: Tensor;
  readonly normedMiddle?: Tensor;
  readonly activation?: Tensor;
}

export class DecoderLayers {
  readonly #graph: GraphBuilder;
  readonly #shape: DecoderShape;
  readonly #rope: RopeSettings;
  readonly #batch: BatchLayout;

  constructor(graph: GraphBuilder, shape: DecoderShape, rope: RopeSettings, batch: BatchLayout) {
    this.#graph = graph;
    this.#shape = shape;
    this.#rope = rope;
    this.#batch = batch;
  }

  /** x [dim, N] → the next layer's input [dim, N], and the tape. */
  forward(weights: LayerWeights, x: Tensor): { output: Tensor; tape: LayerTape } {
    const g = this.#graph;
    const { nHeads, nKvHeads } = this.#shape;
    const normedInput = this.norm(weights.attentionNorm, x);
    const query = weights.query.forward(g, normedInput);
    const key = weights.key.forward(g, normedInput);
    const value = weights.value.forward(g, normedInput);
    const rotatedQuery = this.#rotate(this.#normHeads(weights.queryNorm, this.#heads(query.output, nHeads)));
    const rotatedKey = this.#rotate(this.#normHeads(weights.keyNorm, this.#heads(key.output, nKvHeads)));
    const { attended, probabilities } = this.#attend(rotatedQuery, rotatedKey, value.output);
    const attentionOutput = weights.attentionOutput.forward(g, attended);
    const middle = g.add(this.#postNorm(weights.attentionPostNorm, attentionOutput.output), x);
    const normedMiddle = this.norm(weights.feedForwardNorm, middle);
    const gate = weights.gate.forward(g, normedMiddle);
    const up = weights.up.forward(g, normedMiddle);
    const activation = this.#activate(gate.output, up.output);
    const down = weights.down.forward(g, activation);
    const output = g.add(this.#postNorm(weights.feedForwardPostNorm, down.output), middle);
    return { output, tape: { input: x, query, key, value, rotatedQuery, rotatedKey, probabilities, attended, attentionOutput, middle, gate, up, down, normedInput, normedMiddle, activation } };
  }

  /**
   * The gradient of the layer's input, given that of its output; accumulates the gradients of its weights. Without `wantsInput`
   * (the first layer of a model whose embedding is frozen) only the latter, and nothing is given.
   */
  backward(weights: LayerWeights, tape: LayerTape, dOutput: Tensor): Tensor;
  backward(weights: LayerWeights, tape: LayerTape, dOutput: Tensor, wantsInput: boolean): Tensor | undefined;
  backward(weights: LayerWeights, tape: LayerTape, dOutput: Tensor, wantsInput = true): Tensor | undefined {
    const g = this.#graph;
    const activation = tape.activation ?? this.#activate(tape.gate.output, tape.up.output);
    const dDown = this.#postNormBack(weights.feedForwardPostNorm, tape.down.output, dOutput);
    const dDownInner = weights.down.accumulate(g, activation, tape.down.inner, dDown);
    const dActivation = weights.down.backward(g, dDown, dDownInner);
    const { dGate, dUp } = this.#activateBack(tape.gate.output, tape.up.output, dActivation);
    const normedMiddle = tape.normedMiddle ?? this.norm(weights.feedForwardNorm, tape.middle);
    const dGateInner = weights.gate.accumulate(g, normedMiddle, tape.gate.inner, dGate);
    const dUpInner = weights.up.accumulate(g, normedMiddle, tape.up.inner, dUp);
    const dNormedMiddle = weights.up.backward(g, dUp, dUpInner, weights.gate.backward(g, dGate, dGateInner));
    const dMiddle = g.add(this.normBack(weights.feedForwardNorm, tape.middle, dNormedMiddle), dOutput);

    const dProjected = this.#postNormBack(weights.attentionPostNorm, tape.attentionOutput.output, dMiddle);
    const dOutputInner = weights.attentionOutput.accumulate(g, tape.attended, tape.attentionOutput.inner, dProjected);
    const { dQuery, dKey, dValue } = this.#attendBack(weights, tape, weights.attentionOutput.backward(g, dProjected, dOutputInner));
    const normedInput = tape.normedInput ?? this.norm(weights.attentionNorm, tape.input);
    const dQueryInner = weights.query.accumulate(g, normedInput, tape.query.inner, dQuery);
    const dKeyInner = weights.key.accumulate(g, normedInput, tape.key.inner, dKey);
    const dValueInner = weights.value.accumulate(g, normedInput, tape.value.inner, dValue);
    if (!wantsInput) return undefined;
    const dNormedInput = weights.value.backward(g, dValue, dValueInner, weights.key.backward(g, dKey, dKeyInner, weights.query.backward(g, dQuery, dQueryInner)));
    return g.add(this.normBack(weights.attentionNorm, tape.input, dNormedInput), dMiddle);
  }

  norm({ weight }: NormWeights, input: Tensor): Tensor {
    return this.#graph.mul(this.#graph.rmsNorm(input, this.#shape.epsilon), weight);
  }

  normBack({ weight, gradient }: NormWeights, input: Tensor, dOutput: Tensor): Tensor {
    const g = this.#graph;
    if (gradient !== undefined) g.expand(g.addInPlace(gradient, g.repeatBack(g.mul(dOutput, g.rmsNorm(input, this.#shape.epsilon)), gradient)));
    return g.rmsNormBack(g.mul(dOutput, weight), input, this.#shape.epsilon);
  }

  #postNorm(weights: NormWeights | undefined, x: Tensor): Tensor {
    return weights === undefined ? x : this.norm(weights, x);
  }

  #postNormBack(weights: NormWeights | undefined, input: Tensor, dOutput: Tensor): Tensor {
    return weights === undefined ? dOutput : this.normBack(weights, input, dOutput);
  }

  #normHeads(weights: NormWeights | undefined, x: Tensor): Tensor {
    return weights === undefined ? x : this.norm(weights, x);
  }

  #activate(gate: Tensor, up: Tensor): Tensor {
    const g = this.#graph;
    if (this.#shape.activation === "silu") return g.swiglu(gate, up);
    if (this.#shape.activation === "gelu") return g.geglu(gate, up);
    const { t } = this.#geluTanh(gate);
    return g.mul(g.mul(gate, g.scaleBias(t, 0.5, 0.5)), up);
  }

  #activateBack(gate: Tensor, up: Tensor, dActivation: Tensor): { dGate: Tensor; dUp: Tensor } {
    const g = this.#graph;
    const dGated = g.mul(dActivation, up);
    const dUp = this.#activate(gate, dActivation);
    return { dGate: this.#shape.activation === "silu" ? g.siluBack(dGated, gate) : g.mul(dGated, this.#geluSlope(gate)), dUp };
  }

  /** t = tanh u and du/dx of gelu(x) = ½x(1 + t) with u = √(2/π)·(x + 0.044715x³). */
  #geluTanh(x: Tensor): { t: Tensor; slope: Tensor } {
    const g = this.#graph;
    const c = Math.sqrt(2 / Math.PI);
    const cubic = 0.044715;
    const square = g.mul(x, x);
    return { t: g.tanh(g.mul(x, g.scaleBias(square, c * cubic, c))), slope: g.scaleBias(square, 3 * c * cubic, c) };
  }

  /** d gelu(x)/dx = ½(1 + t) + ½x(1 − t²)·du/dx. */
  #geluSlope(x: Tensor): Tensor {
    const g = this.#graph;
    const { t, slope } = this.#geluTanh(x);
    return g.add(g.mul(g.mul(x, g.scaleBias(g.mul(t, t), -0.5, 0.5)), slope), g.scaleBias(t, 0.5, 0.5));
  }

  #attend(rotatedQuery: Tensor, rotatedKey: Tensor, values: Tensor): { attended: Tensor; probabilities: Tensor[] } {
    const g = this.#graph;
    const { nHeads, nKvHeads, headSize } = this.#shape;
    const [query, key, value] = [this.#byHead(rotatedQuery), this.#byHead(rotatedKey), this.#byHead(this.#heads(values, nKvHeads))];
    const attended = g.empty(values.type, [headSize * nHeads, values.shape[1]]);
    const attendedByHead = this.#byHead(this.#heads(attended, nHeads));
    const probabilities = this.#batch.blocks.map((block) => {
      const p = this.#probabilities(query, key, block);
      const heads = this.#ungrouped(g.matMul(this.#part(value, 0, block.start + block.nQueries), this.#grouped(p)), block.nQueries);
      g.expand(g.placeProduct(this.#part(attendedByHead, block.start, block.nQueries), heads));
      return p;
    });
    return { attended, probabilities };
  }

  /** softmax(scale · query · key + mask) of a block's queries: [keys, queries, nHeads, nSequences]. */
  #probabilities(query: Tensor, key: Tensor, block: AttentionBlock): Tensor {
    const g = this.#graph;
    const scores = g.transposedMatMul(this.#part(key, 0, block.start + block.nQueries), this.#grouped(this.#part(query, block.start, block.nQueries)));
    return g.maskedSoftMaxInPlace(this.#ungrouped(scores, block.nQueries), block.mask, this.#shape.attentionScale);
  }

  /** Gradients of the linears' outputs (queries, keys, values before norms and rotation), each [heads · headSize, N], given that of the heads' outputs. */
  #attendBack(weights: LayerWeights, tape: LayerTape, dAttended: Tensor): { dQuery: Tensor; dKey: Tensor; dValue: Tensor } {
    const g = this.#graph;
    const { nHeads, nKvHeads } = this.#shape;
    const [query, key, value] = [this.#byHead(tape.rotatedQuery), this.#byHead(tape.rotatedKey), this.#byHead(this.#heads(tape.value.output, nKvHeads))];
    const dHeads = this.#byHead(this.#heads(dAttended, nHeads));
    const like = (x: Tensor): Tensor => g.empty(x.type, x.shape);
    const [dQuery, dKey, dValue] = [like(tape.rotatedQuery), like(tape.rotatedKey), this.#heads(like(tape.value.output), nKvHeads)];
    const [dQueryByHead, dKeyByHead, dValueByHead] = [this.#byHead(dQuery), this.#byHead(dKey), this.#byHead(dValue)];
    // The last block sees every key: it writes the gradients of keys and values, the others add to theirs.
    for (const [i, block] of [...this.#batch.blocks.entries()].reverse()) {
      const p = tape.probabilities?.[i] ?? this.#probabilities(query, key, block);
      const nKeys = block.start + block.nQueries;
      const isLast = i === this.#batch.blocks.length - 1;
      const collect = (whole: Tensor, term: Tensor): void => {
        const part = this.#part(whole, 0, nKeys);
        g.expand(isLast ? g.placeProduct(part, term) : g.addProduct(part, term));
      };
      const dOut = this.#grouped(this.#part(dHeads, block.start, block.nQueries));
      // With so few rows (a head's size) ggml's out_prod beats two transposed copies and a mul_mat: 11 against 19 ms for 64 × 512 × 896.
      collect(dValueByHead, g.outProd(dOut, this.#grouped(p)));
      const dP = this.#ungrouped(g.transposedMatMul(this.#part(value, 0, nKeys), dOut), block.nQueries);
      const dScores = this.#grouped(g.softMaxBackInPlace(dP, p, this.#shape.attentionScale));
      g.expand(g.placeProduct(this.#part(dQueryByHead, block.start, block.nQueries), this.#ungrouped(g.matMul(this.#part(key, 0, nKeys), dScores), block.nQueries)));
      collect(dKeyByHead, g.outProd(this.#grouped(this.#part(query, block.start, block.nQueries)), dScores));
    }
    return {
      dQuery: this.#rotateBack(weights.queryNorm, tape.query.output, dQuery),
      dKey: this.#rotateBack(weights.keyNorm, tape.key.output, dKey),
      dValue: g.reshape(dValue, tape.value.output.shape),
    };
  }

  #rotateBack(norm: NormWeights | undefined, output: Tensor, dRotated: Tensor): Tensor {
    const g = this.#graph;
    const dHeads = g.ropeBack(dRotated, this.#batch.positions, this.#rope);
    return g.reshape(norm === undefined ? dHeads : this.normBack(norm, g.reshape(output, dHeads.shape), dHeads), output.shape);
  }

  #rotate(x: Tensor): Tensor {
    return this.#graph.rope(x, this.#batch.positions, this.#rope);
  }

  /** [heads · headSize, N] → [headSize, heads, N], the same memory. */
  #heads(x: Tensor, nHeads: number): Tensor {
    return this.#graph.reshape(x, [this.#shape.headSize, nHeads, x.shape[1]]);
  }

  /** [headSize, heads, N] → [headSize, sequenceLength, heads, nSequences], a view. */
  #byHead(x: Tensor): Tensor {
    const { sequenceLength, nSequences } = this.#batch;
    return this.#graph.permute(this.#graph.reshape(x, [x.shape[0], x.shape[1], sequenceLength, nSequences]), [0, 2, 1, 3]);
  }

  /** Tokens `start` … of a [headSize, sequenceLength, heads, nSequences] tensor, a view. */
  #part(x: Tensor, start: number, length: number): Tensor {
    return start === 0 && length === x.shape[1] ? x : this.#graph.view(x, [x.shape[0], length, x.shape[2], x.shape[3]], start * x.strides[1]);
  }

  /**
   * [n, queries, nHeads, nSequences] → [n, queries · nHeads/nKvHeads, nKvHeads, nSequences]: the query heads that share a head of
   * keys and values stand below one another, so that one product serves them all, and gradients of the shared head sum by themselves.
   */
  #grouped(x: Tensor): Tensor {
    const { nHeads, nKvHeads } = this.#shape;
    if (nHeads === nKvHeads) return x;
    const g = this.#graph;
    return g.reshape(x.isContiguous ? x : g.cont(x), [x.shape[0], x.shape[1] * (nHeads / nKvHeads), nKvHeads, x.shape[3]]);
  }

  #ungrouped(x: Tensor, nQueries: number): Tensor {
    const { nHeads, nKvHeads } = this.#shape;
    return nHeads === nKvHeads ? x : this.#graph.reshape(x, [x.shape[0], nQueries, nHeads, x.shape[3]]);
  }
}
