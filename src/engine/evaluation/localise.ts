// `evaluate localise`: from the description of a change to the files that it touched, as commit histories tell it.
// Data: instances.jsonl {id, repo, query, gold, files: {path: sha}} and blobs.jsonl {sha, text}, each maybe gzipped.
// The rankings that are measured are handed in; nothing of the case but its query and its tree is shown to them.
import { throwIfCancelled } from "../base/errors.ts";
import { mean, meanInterval, pairedMetrics } from "./intervals.ts";
import { allWithin, anyWithin, reciprocalRank } from "./ranking.ts";
import { fileOf, hasFields, readRows } from "./readSet.ts";
import { rounded } from "./suite.ts";
import type { EvaluationHooks, EvaluationResult, Metrics } from "./suite.ts";

/** A tree of files that can be asked for an order of paths; `rank` has one entry per ablation. */
export interface LocaliseTree {
  rank(ablation: string, query: string): Promise<readonly string[]>;
  close(): void;
}

export interface LocaliseRankers {
  /** The shipped ranking first. */
  readonly ablations: readonly string[];
  tree(files: readonly { path: string; text: string }[]): Promise<LocaliseTree>;
  readonly settings: Readonly<Record<string, unknown>>;
}

interface Instance {
  id: string;
  repo: string;
  query: string;
  gold: string[];
  files: Record<string, string>;
}

const DEPTHS = [1, 3, 5, 10] as const;
const METRICS = [...DEPTHS.map((k) => `strictAcc@${k}`), "anyHit@5", "mrr"] as const;
const isInstance = (value: unknown): value is Instance => hasFields(value, { id: "string", repo: "string", query: "string", gold: "array", files: "object" });
const isBlob = (value: unknown): value is { sha: string; text: string } => hasFields(value, { sha: "string", text: "string" });

/** Strict accuracy: all changed files among the first k. Figures are macro averages over repositories; intervals over cases. */
export async function evaluateLocalise(folder: string, rankers: LocaliseRankers, hooks: EvaluationHooks = {}): Promise<EvaluationResult> {
  const began = performance.now();
  const instances = await readRows(fileOf(folder, "instances.jsonl"), isInstance, "{id, repo, query, gold: [path], files: {path: sha}}");
  const blobs = new Map((await readRows(fileOf(folder, "blobs.jsonl"), isBlob, "{sha, text}")).map(({ sha, text }) => [sha, text]));
  const scores = new Map(rankers.ablations.map((name) => [name, [] as Record<string, number>[]]));
  const items: Record<string, unknown>[] = [];
  for (const [done, { id, repo, query, gold, files }] of instances.entries()) {
    throwIfCancelled(hooks.signal);
    const tree = await rankers.tree(Object.entries(files).map(([path, sha]) => ({ path, text: blobs.get(sha) ?? "" })));
    try {
      for (const name of rankers.ablations) {
        const ranked = await tree.rank(name, query);
        const row: Record<string, number> = { "anyHit@5": Number(anyWithin(ranked, gold, 5)), mrr: reciprocalRank(ranked, gold) };
        for (const k of DEPTHS) row[`strictAcc@${k}`] = Number(allWithin(ranked, gold, k));
        scores.get(name)?.push(row);
        if (name === rankers.ablations[0]) items.push({ id, repo, query, gold, ranked: ranked.slice(0, 10), ...row });
      }
    } finally {
      tree.close();
    }
    hooks.onProgress?.(done + 1, instances.length);
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
