// One step of contrastive training: encodes a batch of bags, takes the loss (InfoNCE, both directions) and its gradient, and
// moves the rows that the batch touched by Adam. Plain arithmetic over typed arrays; what is in a batch is decided elsewhere.
// Source: van den Oord et al. 2018 (InfoNCE), Kingma & Ba 2015 (Adam).

/** A text as its pieces: rows and how much each counts, already damped for repetition. */
export interface Bag {
  rows: Int32Array;
  counts: Float32Array;
}

export interface Pair {
  query: Bag;
  passage: Bag;
}

/** What was learned. Row vectors are `nRows × dimension`, row-major; a text's vector is the sum of count × gain × row vector. */
export interface EncoderWeights {
  dimension: number;
  vectors: Float32Array;
  queryGains: Float32Array;
  passageGains: Float32Array;
}

/** Means of the gradient and of its square, along the parameters. */
export interface Moments {
  first: Float32Array;
  second: Float32Array;
}

/** Weights with all that the next step depends on: from it, training goes on as if it had not been stopped. */
export interface TrainingState {
  /** Steps done. */
  steps: number;
  weights: EncoderWeights;
  moments: { vectors: Moments; queryGains: Moments; passageGains: Moments };
}

/** One optimiser step over a batch; owns the buffers that it reuses. */
export class TrainingStep {
  readonly #state: TrainingState;
  readonly #temperature: number;
  /** Rows that the batch has, each once, and where that is noted. */
  readonly #touched: Int32Array;
  readonly #isTouched: Uint8Array;
  readonly #vectorGradient: Float32Array;
  readonly #queryGainGradient: Float32Array;
  readonly #passageGainGradient: Float32Array;

  /** Changes `state` in place. `temperature`: softmax temperature of the similarities. */
  constructor(state: TrainingState, temperature: number) {
    this.#state = state;
    this.#temperature = temperature;
    const nRows = state.weights.queryGains.length;
    this.#touched = new Int32Array(nRows);
    this.#isTouched = new Uint8Array(nRows);
    this.#vectorGradient = new Float32Array(state.weights.vectors.length);
    this.#queryGainGradient = new Float32Array(nRows);
    this.#passageGainGradient = new Float32Array(nRows);
  }

  /** Returns the batch's loss, in nats. */
  run(batch: readonly Pair[], learningRate: number): number {
    const { dimension, vectors, queryGains, passageGains } = this.#state.weights;
    const { moments } = this.#state;
    const steps = ++this.#state.steps;
    const n = batch.length;
    const queries = encode(batch.map((pair) => pair.query), vectors, queryGains, dimension);
    const passages = encode(batch.map((pair) => pair.passage), vectors, passageGains, dimension);
    // Gradient of the loss by each similarity: (softmax by row + softmax by column − 2 · identity) / (2 n τ).
    const similarities = new Float64Array(n * n);
    multiplyTransposed(queries.unit, passages.unit, similarities, n, n, dimension);
    const { loss, gradient } = symmetricCrossEntropy(similarities, n, this.#temperature);
    const queryGradient = new Float64Array(n * dimension);
    const passageGradient = new Float64Array(n * dimension);
    multiply(gradient, passages.unit, queryGradient, n, n, dimension);
    multiply(transposed(gradient, n), queries.unit, passageGradient, n, n, dimension);
    scatter(batch.map((pair) => pair.query), queries, queryGradient, vectors, queryGains, this.#vectorGradient, this.#queryGainGradient, dimension);
    scatter(batch.map((pair) => pair.passage), passages, passageGradient, vectors, passageGains, this.#vectorGradient, this.#passageGainGradient, dimension);
    // A batch has a fifth of all rows: the others are left alone, momentum included ("lazy" Adam), which halves the time of a step.
    const touched = this.#touched.subarray(0, this.#listTouched(batch));
    adam(vectors, this.#vectorGradient, moments.vectors, steps, learningRate, touched, dimension);
    // Gains are of the order of 5 where vectors are of the order of 1/16: they may move in larger steps.
    adam(queryGains, this.#queryGainGradient, moments.queryGains, steps, learningRate * 4, touched, 1);
    adam(passageGains, this.#passageGainGradient, moments.passageGains, steps, learningRate * 4, touched, 1);
    for (const row of touched) {
      this.#isTouched[row] = 0;
      if ((queryGains[row] as number) < 0) queryGains[row] = 0;
      if ((passageGains[row] as number) < 0) passageGains[row] = 0;
    }
    return loss;
  }

  #listTouched(batch: readonly Pair[]): number {
    let n = 0;
    for (const pair of batch) {
      for (const bag of [pair.query, pair.passage]) {
        for (const row of bag.rows) {
          if (this.#isTouched[row] === 1) continue;
          this.#isTouched[row] = 1;
          this.#touched[n++] = row;
        }
      }
    }
    return n;
  }
}

interface Encoded {
  /** n × dimension unit vectors. */
  unit: Float64Array;
  /** Lengths before scaling; 0 where a text has no pieces. */
  norms: Float64Array;
}

function encode(bags: readonly Bag[], vectors: Float32Array, gains: Float32Array, dimension: number): Encoded {
  const unit = new Float64Array(bags.length * dimension);
  const norms = new Float64Array(bags.length);
  bags.forEach((bag, i) => {
    const base = i * dimension;
    const { rows, counts } = bag;
    // Four rows at a time: a sum is loaded and stored once for four products.
    let j = 0;
    for (; j + 4 <= rows.length; j += 4) {
      const r0 = rows[j] as number, r1 = rows[j + 1] as number, r2 = rows[j + 2] as number, r3 = rows[j + 3] as number;
      const w0 = (counts[j] as number) * (gains[r0] as number), w1 = (counts[j + 1] as number) * (gains[r1] as number);
      const w2 = (counts[j + 2] as number) * (gains[r2] as number), w3 = (counts[j + 3] as number) * (gains[r3] as number);
      const f0 = r0 * dimension, f1 = r1 * dimension, f2 = r2 * dimension, f3 = r3 * dimension;
      for (let d = 0; d < dimension; d++) {
        unit[base + d] = (unit[base + d] as number) + w0 * (vectors[f0 + d] as number) + w1 * (vectors[f1 + d] as number) + w2 * (vectors[f2 + d] as number) + w3 * (vectors[f3 + d] as number);
      }
    }
    for (; j < rows.length; j++) {
      const row = rows[j] as number;
      const weight = (counts[j] as number) * (gains[row] as number);
      const from = row * dimension;
      for (let d = 0; d < dimension; d++) unit[base + d] = (unit[base + d] as number) + weight * (vectors[from + d] as number);
    }
    let square = 0;
    for (let d = 0; d < dimension; d++) square += (unit[base + d] as number) ** 2;
    const norm = Math.sqrt(square);
    norms[i] = norm;
    if (norm > 0) for (let d = 0; d < dimension; d++) unit[base + d] = (unit[base + d] as number) / norm;
  });
  return { unit, norms };
}

/** Carries the gradient by the unit vectors back to row vectors and gains. */
function scatter(bags: readonly Bag[], encoded: Encoded, gradient: Float64Array, vectors: Float32Array, gains: Float32Array, vectorGradient: Float32Array, gainGradient: Float32Array, dimension: number): void {
  const by = new Float64Array(dimension);
  bags.forEach((bag, i) => {
    const norm = encoded.norms[i] as number;
    if (norm === 0) return;
    const base = i * dimension;
    let along = 0;
    for (let d = 0; d < dimension; d++) along += (gradient[base + d] as number) * (encoded.unit[base + d] as number);
    for (let d = 0; d < dimension; d++) by[d] = ((gradient[base + d] as number) - along * (encoded.unit[base + d] as number)) / norm;
    for (let j = 0; j < bag.rows.length; j++) {
      const row = bag.rows[j] as number;
      const count = bag.counts[j] as number;
      const weight = count * (gains[row] as number);
      const from = row * dimension;
      let gain = 0;
      for (let d = 0; d < dimension; d++) {
        const g = by[d] as number;
        vectorGradient[from + d] = (vectorGradient[from + d] as number) + weight * g;
        gain += g * (vectors[from + d] as number);
      }
      gainGradient[row] = (gainGradient[row] as number) + count * gain;
    }
  });
}

/** Mean cross-entropy of rows and of columns against the diagonal, and its gradient by the similarities. */
export function symmetricCrossEntropy(similarities: Float64Array, n: number, temperature: number): { loss: number; gradient: Float64Array } {
  const gradient = new Float64Array(n * n);
  let loss = 0;
  for (const [across, along] of [[n, 1], [1, n]] as const) {
    for (let i = 0; i < n; i++) {
      let largest = -Infinity;
      for (let j = 0; j < n; j++) largest = Math.max(largest, similarities[i * across + j * along] as number);
      let sum = 0;
      for (let j = 0; j < n; j++) sum += Math.exp(((similarities[i * across + j * along] as number) - largest) / temperature);
      loss += Math.log(sum) - ((similarities[i * n + i] as number) - largest) / temperature;
      for (let j = 0; j < n; j++) {
        const at = i * across + j * along;
        gradient[at] = (gradient[at] as number) + Math.exp(((similarities[at] as number) - largest) / temperature) / sum / (2 * n * temperature);
      }
      gradient[i * n + i] = (gradient[i * n + i] as number) - 1 / (2 * n * temperature);
    }
  }
  return { loss: loss / (2 * n), gradient };
}

/** out[i][j] = Σ_d a[i][d] · b[j][d], in blocks of 2 × 4 that stay in registers. */
function multiplyTransposed(a: Float64Array, b: Float64Array, out: Float64Array, nA: number, nB: number, dimension: number): void {
  for (let i = 0; i < nA; i += 2) {
    const i0 = i * dimension;
    const i1 = Math.min(i + 1, nA - 1) * dimension;
    for (let j = 0; j < nB; j += 4) {
      const j0 = j * dimension;
      const j1 = Math.min(j + 1, nB - 1) * dimension;
      const j2 = Math.min(j + 2, nB - 1) * dimension;
      const j3 = Math.min(j + 3, nB - 1) * dimension;
      let s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0;
      for (let d = 0; d < dimension; d++) {
        const x = a[i0 + d] as number, y = a[i1 + d] as number;
        const p = b[j0 + d] as number, q = b[j1 + d] as number, r = b[j2 + d] as number, s = b[j3 + d] as number;
        s00 += x * p; s01 += x * q; s02 += x * r; s03 += x * s;
        s10 += y * p; s11 += y * q; s12 += y * r; s13 += y * s;
      }
      const row0 = [s00, s01, s02, s03], row1 = [s10, s11, s12, s13];
      for (let k = 0; k < 4 && j + k < nB; k++) {
        out[i * nB + j + k] = row0[k] as number;
        if (i + 1 < nA) out[(i + 1) * nB + j + k] = row1[k] as number;
      }
    }
  }
}

/** Weights below this are left out of sums over a batch: after the first steps most softmax weights are. */
const NEGLIGIBLE = 1e-7;

/** out[i][d] = Σ_j a[i][j] · b[j][d], four j at a time, negligible weights left out. */
function multiply(a: Float64Array, b: Float64Array, out: Float64Array, nA: number, nB: number, dimension: number): void {
  const used = new Int32Array(nB + 3);
  for (let i = 0; i < nA; i++) {
    const to = i * dimension;
    let n = 0;
    for (let j = 0; j < nB; j++) if (Math.abs(a[i * nB + j] as number) > NEGLIGIBLE) used[n++] = j;
    let k = 0;
    for (; k + 4 <= n; k += 4) {
      const j0 = used[k] as number, j1 = used[k + 1] as number, j2 = used[k + 2] as number, j3 = used[k + 3] as number;
      const w0 = a[i * nB + j0] as number, w1 = a[i * nB + j1] as number, w2 = a[i * nB + j2] as number, w3 = a[i * nB + j3] as number;
      const b0 = j0 * dimension, b1 = j1 * dimension, b2 = j2 * dimension, b3 = j3 * dimension;
      for (let d = 0; d < dimension; d++) {
        out[to + d] = (out[to + d] as number) + w0 * (b[b0 + d] as number) + w1 * (b[b1 + d] as number) + w2 * (b[b2 + d] as number) + w3 * (b[b3 + d] as number);
      }
    }
    for (; k < n; k++) {
      const j = used[k] as number;
      const w = a[i * nB + j] as number;
      for (let d = 0; d < dimension; d++) out[to + d] = (out[to + d] as number) + w * (b[j * dimension + d] as number);
    }
  }
}

function transposed(matrix: Float64Array, n: number): Float64Array {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) out[j * n + i] = matrix[i * n + j] as number;
  return out;
}

/** Adam without weight decay: moves `rows` of `width` parameters each, and clears their gradient. `steps` counts from 1. */
function adam(parameters: Float32Array, gradient: Float32Array, { first, second }: Moments, steps: number, learningRate: number, rows: Int32Array, width: number): void {
  const rate = (learningRate * Math.sqrt(1 - 0.999 ** steps)) / (1 - 0.9 ** steps);
  for (const row of rows) {
    for (let i = row * width, end = i + width; i < end; i++) {
      const g = gradient[i] as number;
      gradient[i] = 0;
      const m = 0.9 * (first[i] as number) + 0.1 * g;
      const v = 0.999 * (second[i] as number) + 0.001 * g * g;
      first[i] = m;
      second[i] = v;
      if (v > 0) parameters[i] = (parameters[i] as number) - (rate * m) / (Math.sqrt(v) + 1e-8);
    }
  }
}
