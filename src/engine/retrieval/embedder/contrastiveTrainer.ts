// Trains the embedded encoder: a bag of subwords whose vectors bring a documentation text near the code that it documents
// and away from the other codes of its batch. Plain TypeScript on one core, deterministic, and as deterministic when it is stopped
// and goes on from a saved state. It neither reads pairs from disk nor writes models (trainEncoder.ts does).
// What one step computes is in contrastiveStep.ts; the encoder's shape is our choice, see the model card.
import { setImmediate as nextTurn } from "node:timers/promises";
import { throwIfCancelled } from "../../base/errors.ts";
import { SeededRandom } from "../../base/random.ts";
import { TrainingStep } from "./contrastiveStep.ts";
import type { Bag, EncoderWeights, Moments, Pair, TrainingState } from "./contrastiveStep.ts";

/** Where pairs come from. */
export interface PairSource {
  readonly size: number;
  /** Pairs of one group are put into the same batches, where they are harder to tell apart. */
  group(at: number): number;
  /** The pair at a place; what is drawn for it comes from `random`, so that each epoch may see another side of it. */
  pair(at: number, random: SeededRandom): Pair;
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
  /** Initial gain of each row, for example its inverse document frequency. */
  initialGains: Float32Array;
  /** Where an earlier run of the same options and pairs stopped; it is changed in place. */
  from?: TrainingState;
  signal?: AbortSignal;
  onStep?: (step: number, nSteps: number, loss: number) => void;
  /** Told every so many steps and at the end; what it does with the state must be done when it resolves. */
  onState?: { everySteps: number; save: (state: TrainingState) => void | Promise<void> };
}

/** Repetition counts little: ln(1 + n) for both sides. */
export function bagOf(counts: ReadonlyMap<number, number>): Bag {
  return { rows: Int32Array.from(counts.keys()), counts: Float32Array.from(counts.values(), (n) => Math.log1p(n)) };
}

export async function trainContrastive(pairs: PairSource, options: TrainingOptions): Promise<EncoderWeights> {
  const { epochs, batchSize, seed, dropout, learningRate, onState } = options;
  const state = options.from ?? initialState(options);
  const step = new TrainingStep(state, options.temperature);
  for (let epoch = 0, before = 0; epoch < epochs; epoch++) {
    const order = batches(pairs, batchSize, new SeededRandom(seed + 1_000 * (epoch + 1)));
    const nSteps = epochs * order.length;
    for (; state.steps < before + order.length;) {
      throwIfCancelled(options.signal);
      // Seeded by the step, so that a run that goes on draws what it would have drawn.
      const random = new SeededRandom(seed + 1 + 7_919 * state.steps);
      const rate = learningRate * (1 - 0.9 * Math.min(1, state.steps / nSteps));
      const loss = step.run((order[state.steps - before] as number[]).map((at) => thinnedPair(pairs.pair(at, random), dropout, random)), rate);
      options.onStep?.(state.steps, nSteps, loss);
      if (onState && (state.steps % onState.everySteps === 0 || state.steps === nSteps)) await onState.save(state);
      await nextTurn();
    }
    before += order.length;
  }
  return state.weights;
}

function initialState({ nRows, dimension, seed, initialGains }: TrainingOptions): TrainingState {
  const random = new SeededRandom(seed);
  const vectors = Float32Array.from({ length: nRows * dimension }, () => random.normal() / Math.sqrt(dimension));
  const moments = (size: number): Moments => ({ first: new Float32Array(size), second: new Float32Array(size) });
  return {
    steps: 0, weights: { dimension, vectors, queryGains: Float32Array.from(initialGains), passageGains: Float32Array.from(initialGains) },
    moments: { vectors: moments(vectors.length), queryGains: moments(nRows), passageGains: moments(nRows) },
  };
}

function thinnedPair({ query, passage }: Pair, share: number, random: SeededRandom): Pair {
  return share === 0 ? { query, passage } : { query: thinned(query, share, random), passage: thinned(passage, share, random) };
}

/** The bag without about `share` of its pieces, never empty. */
function thinned(bag: Bag, share: number, random: SeededRandom): Bag {
  const kept: number[] = [];
  for (let i = 0; i < bag.rows.length; i++) if (random.uniform() >= share) kept.push(i);
  if (kept.length === 0) return bag;
  return { rows: Int32Array.from(kept, (i) => bag.rows[i] as number), counts: Float32Array.from(kept, (i) => bag.counts[i] as number) };
}

/** Full batches of places in random order, each of one group as far as groups fill batches. */
function batches(pairs: PairSource, size: number, random: SeededRandom): number[][] {
  const byGroup = new Map<number, number[]>();
  for (let at = 0; at < pairs.size; at++) {
    const group = byGroup.get(pairs.group(at));
    if (group) group.push(at);
    else byGroup.set(pairs.group(at), [at]);
  }
  const made: number[][] = [];
  const rest: number[] = [];
  for (const group of byGroup.values()) {
    random.shuffle(group);
    const whole = group.length - (group.length % size);
    for (let i = 0; i < whole; i += size) made.push(group.slice(i, i + size));
    for (let i = whole; i < group.length; i++) rest.push(group[i] as number);
  }
  random.shuffle(rest);
  for (let i = 0; i + size <= rest.length; i += size) made.push(rest.slice(i, i + size));
  return random.shuffle(made);
}
