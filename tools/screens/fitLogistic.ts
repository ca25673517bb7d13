// Fits a logistic model over hashed features by AdaGrad with decay, averaged over the last epochs, and writes it in one byte a weight.
import type { SeededRandom } from "../../src/engine/base/random.ts";
import { FEATURE_BITS } from "../../src/engine/safety/linear/textFeatures.ts";
import type { Features } from "../../src/engine/safety/linear/textFeatures.ts";
import type { LinearModelFile } from "../../src/engine/safety/linear/linearModel.ts";

export interface Example {
  readonly features: Features;
  readonly positive: boolean;
  /** How much it counts. */
  readonly weight: number;
  readonly family: string;
}

export function fitLogistic(name: string, examples: readonly Example[], random: SeededRandom, { epochs = 12, rate = 0.3, decay = 2e-6, fitted = {} }: { epochs?: number; rate?: number; decay?: number; fitted?: Record<string, unknown> } = {}): LinearModelFile {
  const n = 1 << FEATURE_BITS;
  const weights = new Float64Array(n);
  const squares = new Float64Array(n).fill(1e-6);
  const sum = new Float64Array(n);
  let bias = 0;
  let biasSquares = 1e-6;
  let biasSum = 0;
  let nSummed = 0;
  const order = examples.map((_, i) => i);
  for (let epoch = 0; epoch < epochs; epoch++) {
    random.shuffle(order);
    for (const at of order) {
      const example = examples[at];
      if (!example) continue;
      const { buckets, values } = example.features;
      let logit = bias;
      for (let i = 0; i < buckets.length; i++) logit += (weights[buckets[i] ?? 0] ?? 0) * (values[i] ?? 0);
      const error = (1 / (1 + Math.exp(-logit)) - Number(example.positive)) * example.weight;
      biasSquares += error * error;
      bias -= rate * error / Math.sqrt(biasSquares);
      for (let i = 0; i < buckets.length; i++) {
        const bucket = buckets[i] ?? 0;
        const gradient = error * (values[i] ?? 0) + decay * (weights[bucket] ?? 0);
        squares[bucket] = (squares[bucket] ?? 0) + gradient * gradient;
        weights[bucket] = (weights[bucket] ?? 0) - rate * gradient / Math.sqrt(squares[bucket] ?? 1);
      }
    }
    if (epoch < epochs / 2) continue;
    for (let i = 0; i < n; i++) sum[i] = (sum[i] ?? 0) + (weights[i] ?? 0);
    biasSum += bias;
    nSummed++;
  }
  const mean = sum.map((value) => value / nSummed);
  const largest = mean.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-9);
  const scale = largest / 127;
  const bytes = Int8Array.from(mean, (value) => Math.round(value / scale));
  return { format: "kalactica-linear-1", name, bits: FEATURE_BITS, bias: biasSum / nSummed, scale, weights: Buffer.from(bytes.buffer).toString("base64"), fitted };
}
