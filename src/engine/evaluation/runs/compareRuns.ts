// Two runs of one suite, item by item: what got better, what worse, and whether that is more than chance. Paired, since the same items
// are judged in both.
import { mean, pairedDifference } from "../intervals.ts";
import { pairedP } from "../pairedTest.ts";
import { rounded } from "../suite.ts";
import { LESS_IS_BETTER, pairsOf, scoreNames } from "./pairItems.ts";
import type { StoredRun } from "./runStore.ts";

export interface MetricDifference {
  readonly metric: string;
  /** Items that both runs have. */
  readonly n: number;
  readonly before: number;
  readonly after: number;
  readonly difference: number;
  /** 95 % interval of the difference by the paired bootstrap. */
  readonly low: number;
  readonly high: number;
  /** Two-sided p-value by the paired permutation test. */
  readonly p: number;
  readonly verdict: "better" | "worse" | "same";
}

export interface RunComparison {
  readonly suite: string;
  readonly before: string;
  readonly after: string;
  readonly metrics: readonly MetricDifference[];
  /** Settings that differ. */
  readonly settings: readonly { readonly name: string; readonly before: unknown; readonly after: unknown }[];
  /** Items whose first metric changed, the largest change first. */
  readonly changed: readonly { readonly id: string; readonly metric: string; readonly before: number; readonly after: number }[];
}

/** Errors: `badRequest` where the runs are of two suites or share no item. */
export function compareRuns(before: StoredRun, after: StoredRun): RunComparison {
  const pairs = pairsOf(before, after);
  const names = scoreNames(pairs.flatMap((pair) => [pair.before, pair.after]));
  const metrics = names.map((metric): MetricDifference => {
    const [was, is] = [pairs.map((pair) => Number(pair.before[metric])), pairs.map((pair) => Number(pair.after[metric]))];
    const { difference, low, high } = pairedDifference(is, was);
    const sign = LESS_IS_BETTER.test(metric) ? -1 : 1;
    const verdict = low * sign > 0 && high * sign > 0 ? "better" : low * sign < 0 && high * sign < 0 ? "worse" : "same";
    return { metric, n: pairs.length, before: rounded(mean(was)), after: rounded(mean(is)), difference: rounded(difference), low: rounded(low), high: rounded(high), p: rounded(pairedP(is, was)), verdict };
  });
  const metric = names[0];
  const changed = metric === undefined ? [] : pairs
    .map((pair) => ({ id: pair.id, metric, before: Number(pair.before[metric]), after: Number(pair.after[metric]) }))
    .filter((item) => item.before !== item.after)
    .sort((a, b) => Math.abs(b.after - b.before) - Math.abs(a.after - a.before) || a.id.localeCompare(b.id));
  const settings = [...new Set([...Object.keys(before.settings), ...Object.keys(after.settings)])]
    .map((name) => ({ name, before: before.settings[name], after: after.settings[name] }))
    .filter((setting) => JSON.stringify(setting.before) !== JSON.stringify(setting.after));
  return { suite: before.suite, before: before.id, after: after.id, metrics, settings, changed };
}
