// Trains the embedded encoder: a bag of subwords whose vectors bring a documentation text near the code that it documents
// and away from the other codes of its batch (InfoNCE, both directions). Plain TypeScript on one core, deterministic.
// It neither reads pairs from disk nor writes models (tools/embedder/train.ts does).
// Source: van den Oord et al. 2018 (InfoNCE), Kingma & Ba 2015 (Adam); the encoder's shape is our choice, see the model card.
import { throwIfCancelled } from "../../base/errors.ts";
import { SeededRandom } from "../../base/random.ts";
import { setImmediate as nextTurn } from "node:timers/promises";

/** A text as its pieces: rows and how much each counts, already damped for repetition. */
export interface Bag {
  rows: Int32Array;
  counts: Float32Array;
}

export interface Pair {
  query: Bag;
  passage: Bag;
  /** Pairs of one group are put into the same batches, where they are harder to tell apart. */
  group: number;
}

export interface TrainingOptions {
  nRows: number;
  dimension: number;
  epochs: number;
  batchSize: number;
  /** Adam's step at the start; falls linearly to a tenth. */
  learningRate: number;
  /** Softmax temperature of the similarities. */
  temperature: number;
  seed: number;
  /** Share of the pieces of each text that are left out, anew in every epoch: no single word may carry a pair. 0: off. */
  dropout: number;
  /**
   * Share of passages that also hold about half of their query's pieces, as passages with their documentation do: so that the
   * encoder learns that equal words match, beside learning which different words do. 0: off.
   */
  echo: number;
  /** Initial gain of each row, for example its inverse document frequency. */
  initialGains: Float32Array;
  signal?: AbortSignal;
  onStep?: (step: number, nSteps: number, loss: number) => void;
  onEpoch?: (epoch: number, model: EncoderWeights) => void | Promise<void>;
}

/** What was learned. Row vectors are `nRows × dimension`, row-major; a text's vector is the sum of count × gain × row vector. */
export interface EncoderWeights {
  dimension: number;
  vectors: Float32Array;
  queryGains: Float32Array;
  passageGains: Float32Array;
}

/** Repetition counts little: ln(1 + n) for both sides. */
export function bagOf(counts: ReadonlyMap<number, number>): Bag {
  return { rows: Int32Array.from(counts.keys()), counts: Float32Array.from(counts.values(), (n) => Math.log1p(n)) };
}

export async function trainContrastive(pairs: readonly Pair[], options: TrainingOptions): Promise<EncoderWeights> {
  const { nRows, dimension, epochs, batchSize, seed } = options;
  const random = new SeededRandom(seed);
  const model: EncoderWeights = {
    dimension, vectors: new Float32Array(nRows * dimension), queryGains: Float32Array.from(options.initialGains), passageGains: Float32Array.from(options.initialGains),
  };
  for (let i = 0; i < model.vectors.length; i++) model.vectors[i] = random.normal() / Math.sqrt(dimension);
  const step = new TrainingStep(model, nRows, options);
  const augmentation = new SeededRandom(seed + 1);
  const nSteps = epochs * Math.floor(pairs.length / batchSize);
  let done = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const batch of batches(pairs, batchSize, random)) {
      throwIfCancelled(options.signal);
      const loss = step.run(batch.map((pair) => augment(pair, options, augmentation)), options.learningRate * (1 - 0.9 * Math.min(1, done / nSteps)));
      options.onStep?.(++done, nSteps, loss);
      await nextTurn();
    }
    await options.onEpoch?.(epoch, model);
  }
  return model;
}

function augment(pair: Pair, { dropout, echo }: TrainingOptions, random: SeededRandom): Pair {
  if (dropout === 0 && echo === 0) return pair;
  const query = thinned(pair.query, dropout, random);
  const passage = thinned(pair.passage, dropout, random);
  return { query, passage: random.uniform() < echo ? joined(passage, thinned(pair.query, 0.5, random)) : passage, group: pair.group };
}

/** The bag without about `share` of its pieces, never empty. */
function thinned(bag: Bag, share: number, random: SeededRandom): Bag {
  const kept: number[] = [];
  for (let i = 0; i < bag.rows.length; i++) if (random.uniform() >= share) kept.push(i);
  if (kept.length === 0) return bag;
  return { rows: Int32Array.from(kept, (i) => bag.rows[i] as number), counts: Float32Array.from(kept, (i) => bag.counts[i] as number) };
}

/** Both bags' pieces; those of both stand twice, which adds them up. */
function joined(a: Bag, b: Bag): Bag {
  const rows = new Int32Array(a.rows.length + b.rows.length);
  const counts = new Float32Array(rows.length);
  rows.set(a.rows);
  rows.set(b.rows, a.rows.length);
  counts.set(a.counts);
  counts.set(b.counts, a.counts.length);
  return { rows, counts };
}

/** Full batches in random order, each of one group as far as groups fill batches. */
function batches(pairs: readonly Pair[], size: number, random: SeededRandom): Pair[][] {
  const byGroup = new Map<number, Pair[]>();
  for (const pair of pairs) {
    const group = byGroup.get(pair.group);
    if (group) group.push(pair);
    else byGroup.set(pair.group, [pair]);
  }
  const made: Pair[][] = [];
  const rest: Pair[] = [];
  for (const group of byGroup.values()) {
    random.shuffle(group);
    const whole = group.length - (group.length % size);
    for (let i = 0; i < whole; i += size) made.push(group.slice(i, i + size));
    rest.push(...group.slice(whole));
  }
  random.shuffle(rest);
  for (let i = 0; i + size <= rest.length; i += size) made.push(rest.slice(i, i + size));
  return random.shuffle(made);
}

/** One optimiser step over a batch; owns the buffers that it reuses. */
class TrainingStep {
  readonly #model: EncoderWeights;
  readonly #options: TrainingOptions;
  readonly #nRows: number;
  readonly #vectorAdam: Adam;
  readonly #queryGainAdam: Adam;
  readonly #passageGainAdam: Adam;
  readonly #vectorGradient: Float32Array;
  readonly #queryGainGradient: Float32Array;
  readonly #passageGainGradient: Float32Array;

  constructor(model: EncoderWeights, nRows: number, options: TrainingOptions) {
    this.#model = model;
    this.#options = options;
    this.#nRows = nRows;
    this.#vectorGradient = new Float32Array(model.vectors.length);
    this.#queryGainGradient = new Float32Array(nRows);
    this.#passageGainGradient = new Float32Array(nRows);
    this.#vectorAdam = new Adam(model.vectors.length);
    this.#queryGainAdam = new Adam(nRows);
    this.#passageGainAdam = new Adam(nRows);
  }

  /** Returns the batch's loss, in nats. */
  run(batch: readonly Pair[], learningRate: number): number {
    const { dimension, vectors, queryGains, passageGains } = this.#model;
    const { temperature } = this.#options;
    const n = batch.length;
    const queries = encode(batch.map((pair) => pair.query), vectors, queryGains, dimension);
    const passages = encode(batch.map((pair) => pair.passage), vectors, passageGains, dimension);
    // Gradient of the loss by each similarity: (softmax by row + softmax by column − 2 · identity) / (2 n τ).
    const similarities = new Float64Array(n * n);
    multiplyTransposed(queries.unit, passages.unit, similarities, n, n, dimension);
    const { loss, gradient } = symmetricCrossEntropy(similarities, n, temperature);
    const queryGradient = new Float64Array(n * dimension);
    const passageGradient = new Float64Array(n * dimension);
    multiply(gradient, passages.unit, queryGradient, n, n, dimension);
    multiply(transposed(gradient, n), queries.unit, passageGradient, n, n, dimension);
    this.#vectorGradient.fill(0);
    this.#queryGainGradient.fill(0);
    this.#passageGainGradient.fill(0);
    scatter(batch.map((pair) => pair.query), queries, queryGradient, vectors, queryGains, this.#vectorGradient, this.#queryGainGradient, dimension);
    scatter(batch.map((pair) => pair.passage), passages, passageGradient, vectors, passageGains, this.#vectorGradient, this.#passageGainGradient, dimension);
    this.#vectorAdam.step(vectors, this.#vectorGradient, learningRate);
    // Gains are of the order of 5 where vectors are of the order of 1/16: they may move in larger steps.
    this.#queryGainAdam.step(queryGains, this.#queryGainGradient, learningRate * 4);
    this.#passageGainAdam.step(passageGains, this.#passageGainGradient, learningRate * 4);
    for (let row = 0; row < this.#nRows; row++) {
      if ((queryGains[row] as number) < 0) queryGains[row] = 0;
      if ((passageGains[row] as number) < 0) passageGains[row] = 0;
    }
    return loss;
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
    for (let j = 0; j < bag.rows.length; j++) {
      const row = bag.rows[j] as number;
      const weight = (bag.counts[j] as number) * (gains[row] as number);
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

/** Adam without weight decay; entries whose gradient is zero and that never moved stay as they are. */
class Adam {
  readonly #first: Float32Array;
  readonly #second: Float32Array;
  #steps = 0;

  constructor(size: number) {
    this.#first = new Float32Array(size);
    this.#second = new Float32Array(size);
  }

  step(parameters: Float32Array, gradient: Float32Array, learningRate: number): void {
    this.#steps++;
    const rate = (learningRate * Math.sqrt(1 - 0.999 ** this.#steps)) / (1 - 0.9 ** this.#steps);
    const first = this.#first, second = this.#second;
    for (let i = 0; i < parameters.length; i++) {
      const g = gradient[i] as number;
      const m = 0.9 * (first[i] as number) + 0.1 * g;
      const v = 0.999 * (second[i] as number) + 0.001 * g * g;
      first[i] = m;
      second[i] = v;
      if (v > 0) parameters[i] = (parameters[i] as number) - (rate * m) / (Math.sqrt(v) + 1e-8);
    }
  }
}
