// Confidence intervals and paired comparisons by the bootstrap, seeded, so that the same data give the same interval.
// Source: Efron & Tibshirani 1993 (percentile intervals); Koehn 2004 (paired bootstrap of metrics).
import { SeededRandom } from "../base/random.ts";
import { rounded } from "./suite.ts";
import type { Metrics } from "./suite.ts";

const RESAMPLES = 2000;
const SEED = 20_24;

/** 95 % percentile interval of the mean of `values`; [NaN, NaN] where there are none. */
export function meanInterval(values: readonly number[], seed = SEED): [number, number] {
  return interval(resampled(values.length, seed, (at) => values[at] ?? NaN));
}

/** Mean of `a − b` over the same cases with its 95 % interval, and the share of resamples in which it is not above 0. */
export function pairedDifference(a: readonly number[], b: readonly number[], seed = SEED): { difference: number; low: number; high: number; pNotBetter: number } {
  if (a.length !== b.length) throw new RangeError(`Paired values must be of the same cases, but there are ${a.length} and ${b.length}.`);
  const differences = a.map((value, at) => value - (b[at] ?? NaN));
  const means = resampled(differences.length, seed, (at) => differences[at] ?? NaN);
  const [low, high] = interval(means);
  return { difference: mean(differences), low, high, pNotBetter: means.filter((value) => value <= 0).length / Math.max(1, means.length) };
}

/** {@link pairedDifference} as metrics, under the name of the metric that is compared. */
export function pairedMetrics(metric: string, a: readonly number[], b: readonly number[]): Metrics {
  const { difference, low, high, pNotBetter } = pairedDifference(a, b);
  return { [metric]: rounded(difference), interval: [rounded(low), rounded(high)], pNotBetter: rounded(pNotBetter) };
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? NaN : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The smallest value that at least `share` of all are not above (nearest rank). NaN where there are none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

function resampled(n: number, seed: number, value: (at: number) => number): number[] {
  if (n === 0) return [];
  const random = new SeededRandom(seed);
  return Array.from({ length: RESAMPLES }, () => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += value(random.integer(n));
    return sum / n;
  });
}

function interval(means: number[]): [number, number] {
  if (means.length === 0) return [NaN, NaN];
  const sorted = [...means].sort((x, y) => x - y);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
  return [at(0.025), at(0.975)];
}
