// An initialisation in which a llama can copy from its context before it has learned anything: heads of layer 0 that look at
// the previous token, and heads of layer 1 that look for what followed the current token before ("induction heads").
// Training turns it into an ordinary llama. It helps small models that see few tokens: they complete code mostly by repeating
// identifiers, and would otherwise need most of their data to find that out.
// Sources: Olsson et al. 2022 (induction heads), Trockman & Kolter 2023 (mimetic initialisation); the construction is our own.
//
// The residual stream is divided: dimension 0 is the same constant for every token, the next two thirds hold the token's
// content (random directions), the rest is scratch space into which layer 0 writes the content of the previous token.
import { EngineError } from "../../base/errors.ts";
import { SeededRandom } from "../../base/random.ts";
import { readFloats, writeTensor } from "../../ggml/backend.ts";
import type { Backend } from "../../ggml/backend.ts";
import { headSize } from "../network/llamaShape.ts";
import type { LlamaShape, WeightSpec } from "../network/llamaShape.ts";
import type { ParameterSet } from "../network/parameters.ts";

/** Deviation of the content dimensions of an embedding; the constant is five times it. */
const embeddingScale = 0.15;
const constantRatio = 5;
/** Attention logits by which a previous-token head prefers the previous token, spread over its fastest rotary pairs. */
const previousTokenGap = 28;
const pairShares = [2, 1, 0.5, 0.5] as const;
/** Gain of queries and keys of the induction heads, and of what they write. */
const inductionGain = 5;
const inductionOutput = 9;
/** Rotary pairs slower than this (radians per token) hardly turn within a context: content is matched through them. */
const slowAngle = 0.0045;
/** With embeddings this large the untrained logits would be too sure of themselves. */
const outputNorm = 0.35;

/** Overwrites what the construction needs of an initialised model. Errors: `badRequest` where the shape leaves no room for it. */
export function writeCopyHeads(backend: Backend, shape: LlamaShape, parameters: ParameterSet, seed: number): void {
  const { dim, nHeads, nKvHeads, nVocab, ropeBase } = shape;
  const size = headSize(shape);
  const content = contentDimensions(shape);
  const scratch = content + 1;
  const nPrevious = Math.floor((dim - scratch) / size);
  const angle = (pair: number): number => ropeBase ** ((-2 * pair) / size);
  const slowRows = Array.from({ length: size / 2 }, (_, pair) => pair).filter((pair) => angle(pair) < slowAngle).flatMap((pair) => [2 * pair, 2 * pair + 1]);
  const nInduction = Math.min(nHeads - 2, Math.floor((nPrevious * size) / Math.max(1, slowRows.length)));
  if (nKvHeads !== nHeads || shape.nLayers < 2 || nPrevious < 1 || slowRows.length === 0 || nInduction < 1 || size / 2 < pairShares.length || content < size) {
    throw new EngineError("badRequest", "Copy heads need at least two layers, as many key heads as query heads, heads of at most a third of dim, and slow rotary pairs (ropeBase 100000). Change the shape, or set initialisation to \"plain\".", { shape });
  }
  const random = new SeededRandom(seed ^ 0x5bd1e995);
  // Size of content and constant after RMSNorm, whose root mean square is 1 over all dimensions.
  const rootMeanSquare = Math.sqrt((constantRatio ** 2 + content) / dim);
  const normedConstant = constantRatio / rootMeanSquare;
  const normedContent = 1 / rootMeanSquare;

  const edit = (name: string, change: (matrix: Matrix) => void): void => {
    const { weight } = parameters.get(name);
    const matrix = new Matrix(readFloats(backend, weight), weight.shape[0]);
    change(matrix);
    writeTensor(backend, weight, matrix.values);
  };
  edit("token_embd.weight", (m) => {
    for (let token = 0; token < nVocab; token++) {
      for (let i = 0; i < dim; i++) m.set(token, i, embeddingScale * random.normal() * (i < scratch ? 1 : 0.1));
      m.set(token, 0, constantRatio * embeddingScale);
    }
  });
  edit("output_norm.weight", (m) => m.values.fill(outputNorm));

  // Each previous-token head carries its own random projection of the content.
  const projections = Array.from({ length: nPrevious }, () => orthonormalRows(size, content, random));
  const project = (m: Matrix, row: number, direction: Float64Array, gain: number): void => {
    m.clearRow(row);
    for (let i = 0; i < content; i++) m.set(row, 1 + i, gain * (direction[i] ?? 0));
  };
  for (let head = 0; head < nPrevious; head++) {
    const first = head * size;
    for (const part of ["attn_q", "attn_k"]) edit(`blk.0.${part}.weight`, (m) => m.clearRows(first, size));
    for (const [pair, share] of pairShares.entries()) {
      const amplitude = Math.sqrt(previousTokenGap * share) / normedConstant;
      edit("blk.0.attn_q.weight", (m) => {
        // The query is turned back by one position, so that it meets the key of the token before.
        m.set(first + 2 * pair, 0, amplitude * Math.cos(-angle(pair)));
        m.set(first + 2 * pair + 1, 0, amplitude * Math.sin(-angle(pair)));
      });
      edit("blk.0.attn_k.weight", (m) => m.set(first + 2 * pair, 0, amplitude));
    }
    edit("blk.0.attn_v.weight", (m) => projections[head]?.forEach((direction, j) => project(m, first + j, direction, 1)));
    edit("blk.0.attn_output.weight", (m) => {
      m.clearColumns(first, size);
      for (let j = 0; j < size; j++) m.set(scratch + first + j, first + j, (2 * embeddingScale) / normedContent);
    });
  }

  for (let head = 0; head < nInduction; head++) {
    const first = head * size;
    for (const part of ["attn_q", "attn_k"]) edit(`blk.1.${part}.weight`, (m) => m.clearRows(first, size));
    for (const [slot, row] of slowRows.entries()) {
      const carried = head * slowRows.length + slot;
      const direction = projections[Math.floor(carried / size)]?.[carried % size];
      if (direction === undefined) continue;
      edit("blk.1.attn_q.weight", (m) => project(m, first + row, direction, inductionGain));
      edit("blk.1.attn_k.weight", (m) => m.set(first + row, scratch + carried, inductionGain));
    }
    const copied = orthonormalRows(size, content, random);
    edit("blk.1.attn_v.weight", (m) => copied.forEach((direction, j) => project(m, first + j, direction, 1)));
    edit("blk.1.attn_output.weight", (m) => {
      m.clearColumns(first, size);
      for (const [j, direction] of copied.entries()) {
        for (let i = 0; i < content; i++) m.set(1 + i, first + j, (direction[i] ?? 0) * embeddingScale * inductionOutput);
      }
    });
  }
}

/** Content dimensions of the residual stream: 1 … this number. */
function contentDimensions({ dim }: LlamaShape): number {
  return Math.floor((dim * 2) / 3) - 1;
}

/** While the construction is protected, only the content dimensions of embeddings learn: 1 where they do, 0 elsewhere. */
export function embeddingMask(shape: LlamaShape): Float32Array {
  const content = contentDimensions(shape);
  return Float32Array.from({ length: shape.dim }, (_, i) => (i >= 1 && i <= content ? 1 : 0));
}

/** Whether a weight belongs to the heads of the construction, which a full learning rate would wash out early on. */
export function isCopyHead({ role, layer }: WeightSpec): boolean {
  return layer !== undefined && layer < 2 && (role === "attentionInput" || role === "attentionOutput");
}

/** A linear layer's weights as rows of outputs. */
class Matrix {
  readonly values: Float32Array<ArrayBuffer>;
  readonly #nInputs: number;

  constructor(values: Float32Array<ArrayBuffer>, nInputs: number) {
    this.values = values;
    this.#nInputs = nInputs;
  }

  set(output: number, input: number, value: number): void {
    this.values[output * this.#nInputs + input] = value;
  }

  clearRow(output: number): void {
    this.values.fill(0, output * this.#nInputs, (output + 1) * this.#nInputs);
  }

  clearRows(first: number, count: number): void {
    for (let row = first; row < first + count; row++) this.clearRow(row);
  }

  clearColumns(first: number, count: number): void {
    for (let row = 0; row < this.values.length / this.#nInputs; row++) {
      for (let column = first; column < first + count; column++) this.set(row, column, 0);
    }
  }
}

/** `count` random orthonormal vectors of `length` (Gram–Schmidt). */
function orthonormalRows(count: number, length: number, random: SeededRandom): Float64Array[] {
  const rows: Float64Array[] = [];
  while (rows.length < count) {
    const row = Float64Array.from({ length }, () => random.normal());
    for (const other of rows) {
      const overlap = row.reduce((sum, x, i) => sum + x * (other[i] ?? 0), 0);
      for (let i = 0; i < length; i++) row[i] = (row[i] ?? 0) - overlap * (other[i] ?? 0);
    }
    const norm = Math.hypot(...row);
    rows.push(row.map((x) => x / norm));
  }
  return rows;
}
