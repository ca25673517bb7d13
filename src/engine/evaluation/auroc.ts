// The area under the receiver operating characteristic, with intervals that respect that cases of one group (a file, a task)
// are alike. Source: Mann & Whitney 1947 for the area as a rank sum; Field & Welsh 2007 for resampling whole clusters.
import { SeededRandom } from "../base/random.ts";

const RESAMPLES = 1000;
const SEED = 20_24;

export interface Scored {
  readonly score: number;
  /** Whether the score should be high. */
  readonly positive: boolean;
  /** Cases of one group are drawn together. */
  readonly group: string;
}

/** The chance that a positive case scores above a negative one, ties counting half; NaN without both kinds. O(n log n). */
export function auroc(cases: readonly Pick<Scored, "score" | "positive">[]): number {
  const sorted = [...cases].sort((a, b) => a.score - b.score);
  let rankSum = 0, positives = 0;
  for (let from = 0; from < sorted.length;) {
    let to = from;
    while (to < sorted.length && sorted[to]!.score === sorted[from]!.score) to++;
    const rank = (from + to + 1) / 2;
    for (let at = from; at < to; at++) if (sorted[at]!.positive) {
      rankSum += rank;
      positives++;
    }
    from = to;
  }
  const negatives = sorted.length - positives;
  return positives === 0 || negatives === 0 ? NaN : (rankSum - positives * (positives + 1) / 2) / (positives * negatives);
}

/** 95 % percentile interval of {@link auroc} over resampled groups; [NaN, NaN] where no resample has both kinds. */
export function aurocInterval(cases: readonly Scored[], seed = SEED): [number, number] {
  return groupedInterval(cases, auroc, seed);
}

/** 95 % percentile interval of a statistic of cases over resampled groups. */
export function groupedInterval<T extends { readonly group: string }>(cases: readonly T[], statistic: (cases: readonly T[]) => number, seed = SEED): [number, number] {
  const groups = [...Map.groupBy(cases, ({ group }) => group).values()];
  const random = new SeededRandom(seed);
  const values: number[] = [];
  for (let round = 0; round < RESAMPLES && groups.length > 0; round++) {
    const value = statistic(groups.flatMap(() => groups[random.integer(groups.length)]!));
    if (!Number.isNaN(value)) values.push(value);
  }
  values.sort((a, b) => a - b);
  const at = (share: number): number => values[Math.min(values.length - 1, Math.floor(share * values.length))] ?? NaN;
  return [at(0.025), at(0.975)];
}
