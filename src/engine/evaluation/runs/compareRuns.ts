// Two runs of one suite, item by item: what got better, what worse, and whether that is more than chance. Paired, since the same items
// are judged in both.
import { EngineError } from "../../base/errors.ts";
import { mean, pairedDifference } from "../intervals.ts";
import { rounded } from "../suite.ts";
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

/** Of these, less is better. */
const LESS_IS_BETTER = /(?:ms|seconds|perplexity|bitsPerByte|falsePositive)/i;
/** Not measures of quality. */
const LEFT_OUT = new Set(["samples", "n", "ms", "seed"]);

/** Errors: `badRequest` where the runs are of two suites or share no item. */
export function compareRuns(before: StoredRun, after: StoredRun): RunComparison {
  if (before.suite !== after.suite) throw new EngineError("badRequest", `${before.id} is of the suite ${before.suite}, ${after.id} of ${after.suite}. Compare two runs of one suite.`);
  const later = new Map(after.items.map((item) => [String(item["id"]), item]));
  const pairs = before.items.flatMap((item) => {
    const other = later.get(String(item["id"]));
    return other === undefined ? [] : [[item, other] as const];
  });
  if (pairs.length === 0) throw new EngineError("badRequest", `${before.id} and ${after.id} have no item in common. Compare runs on the same data.`);
  const [first] = pairs;
  const names = Object.keys(first?.[0] ?? {}).filter((name) => !LEFT_OUT.has(name) && pairs.every(([a, b]) => isFigure(a[name]) && isFigure(b[name])));
  const metrics = names.map((metric): MetricDifference => {
    const [was, is] = [pairs.map(([item]) => Number(item[metric])), pairs.map(([, item]) => Number(item[metric]))];
    const { difference, low, high } = pairedDifference(is, was);
    const sign = LESS_IS_BETTER.test(metric) ? -1 : 1;
    const verdict = low * sign > 0 && high * sign > 0 ? "better" : low * sign < 0 && high * sign < 0 ? "worse" : "same";
    return { metric, n: pairs.length, before: rounded(mean(was)), after: rounded(mean(is)), difference: rounded(difference), low: rounded(low), high: rounded(high), verdict };
  });
  const metric = names[0];
  const changed = metric === undefined ? [] : pairs
    .map(([was, is]) => ({ id: String(was["id"]), metric, before: Number(was[metric]), after: Number(is[metric]) }))
    .filter((item) => item.before !== item.after)
    .sort((a, b) => Math.abs(b.after - b.before) - Math.abs(a.after - a.before) || a.id.localeCompare(b.id));
  const settings = [...new Set([...Object.keys(before.settings), ...Object.keys(after.settings)])]
    .map((name) => ({ name, before: before.settings[name], after: after.settings[name] }))
    .filter((setting) => JSON.stringify(setting.before) !== JSON.stringify(setting.after));
  return { suite: before.suite, before: before.id, after: after.id, metrics, settings, changed };
}

function isFigure(value: unknown): boolean {
  return typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value));
}
