// `evaluate localise`: from the description of a change to the files that it touched, as commit histories tell it.
// Data: instances.jsonl {id, repo, query, gold, files: {path: sha}} and blobs.jsonl {sha, text}, each maybe gzipped.
// The rankings that are measured are handed in; nothing of the case but its query and its tree is shown to them.
import { throwIfCancelled } from "../base/errors.ts";
import { mean, meanInterval, pairedMetrics, percentile } from "./intervals.ts";
import { allWithin, anyWithin, reciprocalRank } from "./ranking.ts";
import { fileOf, hasFields, readRows } from "./readSet.ts";
import { rounded } from "./suite.ts";
import type { EvaluationHooks, EvaluationResult, Metrics } from "./suite.ts";

/** A case with the tree in which its files are to be found. */
export interface LocaliseCase {
  readonly id: string;
  readonly repo: string;
  readonly query: string;
  /** Paths. */
  readonly gold: readonly string[];
  /** Path → id of its content. */
  readonly files: Readonly<Record<string, string>>;
}

export interface LocaliseSet {
  readonly cases: readonly LocaliseCase[];
  /** The content with this id. */
  readonly text: (id: string) => Promise<string>;
}

/** A tree of files that can be asked for an order of paths; `rank` has one entry per ablation. */
export interface LocaliseTree {
  rank(ablation: string, query: string): Promise<readonly string[]>;
}

export interface LocaliseRankers {
  /** The shipped ranking first. */
  readonly ablations: readonly string[];
  /** The tree of a case; valid until the next one is asked for. */
  tree(files: Readonly<Record<string, string>>, text: (id: string) => Promise<string>): Promise<LocaliseTree>;
  close(): void;
  readonly settings: Readonly<Record<string, unknown>>;
}

const DEPTHS = [1, 3, 5, 10] as const;
const METRICS = [...DEPTHS.map((k) => `strictAcc@${k}`), "anyHit@5", "mrr"] as const;
const isInstance = (value: unknown): value is LocaliseCase => hasFields(value, { id: "string", repo: "string", query: "string", gold: "array", files: "object" });
const isBlob = (value: unknown): value is { sha: string; text: string } => hasFields(value, { sha: "string", text: "string" });

/** The public set in a folder. */
export async function readLocaliseSet(folder: string): Promise<LocaliseSet> {
  const cases = await readRows(fileOf(folder, "instances.jsonl"), isInstance, "{id, repo, query, gold: [path], files: {path: sha}}");
  const blobs = new Map((await readRows(fileOf(folder, "blobs.jsonl"), isBlob, "{sha, text}")).map(({ sha, text }) => [sha, text]));
  return { cases, text: (id) => Promise.resolve(blobs.get(id) ?? "") };
}

/** Strict accuracy: all changed files among the first k. Figures are macro averages over repositories; intervals over cases. */
export async function evaluateLocalise({ cases: instances, text }: LocaliseSet, rankers: LocaliseRankers, hooks: EvaluationHooks = {}): Promise<EvaluationResult> {
  const began = performance.now();
  const scores = new Map(rankers.ablations.map((name) => [name, [] as Record<string, number>[]]));
  const items: Record<string, unknown>[] = [];
  const queryMs: number[] = [];
  try {
    for (const [done, { id, repo, query, gold, files }] of instances.entries()) {
      throwIfCancelled(hooks.signal);
      const tree = await rankers.tree(files, text);
      for (const name of rankers.ablations) {
        const started = performance.now();
        const ranked = await tree.rank(name, query);
        if (name === rankers.ablations[0]) queryMs.push(performance.now() - started);
        const row: Record<string, number> = { "anyHit@5": Number(anyWithin(ranked, gold, 5)), mrr: reciprocalRank(ranked, gold) };
        for (const k of DEPTHS) row[`strictAcc@${k}`] = Number(allWithin(ranked, gold, k));
        scores.get(name)?.push(row);
        if (name === rankers.ablations[0]) items.push({ id, repo, query, gold, ranked: ranked.slice(0, 10), ...row });
      }
      hooks.onProgress?.(done + 1, instances.length);
    }
  } finally {
    rankers.close();
  }
  const repos = instances.map((instance) => instance.repo);
  const first = rankers.ablations[0] ?? "";
  const values = (name: string, metric: string): number[] => (scores.get(name) ?? []).map((row) => row[metric] ?? NaN);
  const metricsOf = (name: string): Metrics => Object.fromEntries(METRICS.map((metric) => [metric, rounded(macro(values(name, metric), repos))]));
  const interval = Object.fromEntries(METRICS.map((metric) => [metric, meanInterval(values(first, metric)).map(rounded)]));
  const goldCounts = [...new Set(instances.map((instance) => instance.gold.length))].sort((a, b) => a - b);
  const strict = values(first, "strictAcc@5");
  return {
    suite: "localise", n: instances.length, seconds: (performance.now() - began) / 1000, items,
    settings: { ...rankers.settings, average: "macro over repositories" },
    metrics: {
      ...metricsOf(first), interval,
      queryMs: { p50: rounded(percentile(queryMs, 0.5)), p95: rounded(percentile(queryMs, 0.95)) },
      micro: Object.fromEntries(METRICS.map((metric) => [metric, rounded(mean(values(first, metric)))])),
      byFilesChanged: Object.fromEntries(goldCounts.map((count) => [String(count), { n: goldCounts.length === 0 ? 0 : instances.filter((one) => one.gold.length === count).length, "strictAcc@5": rounded(mean(strict.filter((_, at) => instances[at]?.gold.length === count))) }])),
      ablations: Object.fromEntries(rankers.ablations.map((name) => [name, name === first ? metricsOf(name) : { ...metricsOf(name), shippedBetterBy: pairedMetrics("strictAcc@5", strict, values(name, "strictAcc@5")) }])),
    },
  };
}


function macro(values: readonly number[], groups: readonly string[]): number {
  const byGroup = new Map<string, number[]>();
  values.forEach((value, at) => {
    const group = groups[at] ?? "";
    byGroup.set(group, [...byGroup.get(group) ?? [], value]);
  });
  return mean([...byGroup.values()].map(mean));
}
