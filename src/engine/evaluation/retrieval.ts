// `evaluate retrieval`: queries, a corpus and what is relevant, in the layout of BEIR (Thakur et al. 2021):
// corpus.jsonl {_id, text, title?}, queries.jsonl {_id, text}, qrels.tsv or qrels/test.tsv (query, document, score).
import { existsSync } from "node:fs";
import path from "node:path";
import { EngineError, throwIfCancelled } from "../base/errors.ts";
import { mean, meanInterval, pairedMetrics } from "./intervals.ts";
import { ndcgWithin, recallWithin, reciprocalRank } from "./ranking.ts";
import { fileOf, hasFields, readRows, readTable } from "./readSet.ts";
import { rounded } from "./suite.ts";
import type { EvaluationHooks, EvaluationResult, Metrics } from "./suite.ts";

export interface CorpusRankers {
  /** The shipped ranking first. */
  readonly ablations: readonly string[];
  /** Indexes the documents and ranks their ids. */
  corpus(documents: readonly { id: string; text: string; title: string }[], onProgress: (done: number) => void): Promise<{ rank(ablation: string, query: string): Promise<readonly string[]>; close(): void }>;
  readonly settings: Readonly<Record<string, unknown>>;
}

interface TextRow {
  _id: string;
  text: string;
  title?: string;
}

const METRICS = ["recall@1", "recall@5", "recall@10", "recall@20", "mrr@10", "ndcg@10"] as const;
const isText = (value: unknown): value is TextRow => hasFields(value, { _id: "string", text: "string" });

export async function evaluateRetrieval(folder: string, rankers: CorpusRankers, hooks: EvaluationHooks = {}): Promise<EvaluationResult> {
  const began = performance.now();
  const corpus = await readRows(fileOf(folder, "corpus.jsonl"), isText, "{_id, text}");
  const queries = await readRows(fileOf(folder, "queries.jsonl"), isText, "{_id, text}");
  const relevant = await readRelevant(folder);
  const judged = queries.filter((query) => relevant.has(query._id));
  if (judged.length === 0) throw new EngineError("dataInvalid", `No query of ${folder} has a relevant document in its qrels.`, { folder });
  const total = corpus.length + judged.length;
  const index = await rankers.corpus(corpus.map(({ _id, text, title }) => ({ id: _id, text, title: title ?? "" })), (done) => hooks.onProgress?.(done, total));
  const scores = new Map(rankers.ablations.map((name) => [name, [] as Record<string, number>[]]));
  const items: Record<string, unknown>[] = [];
  try {
    for (const [done, { _id, text }] of judged.entries()) {
      throwIfCancelled(hooks.signal);
      const gold = relevant.get(_id) ?? [];
      for (const name of rankers.ablations) {
        const ranked = await index.rank(name, text);
        const row: Record<string, number> = { "mrr@10": reciprocalRank(ranked, gold, 10), "ndcg@10": ndcgWithin(ranked, gold, 10) };
        for (const k of [1, 5, 10, 20]) row[`recall@${k}`] = recallWithin(ranked, gold, k);
        scores.get(name)?.push(row);
        if (name === rankers.ablations[0]) items.push({ id: _id, query: text, gold, ranked: ranked.slice(0, 10), ...row });
      }
      hooks.onProgress?.(corpus.length + done + 1, total);
    }
  } finally {
    index.close();
  }
  const first = rankers.ablations[0] ?? "";
  const values = (name: string, metric: string): number[] => (scores.get(name) ?? []).map((row) => row[metric] ?? NaN);
  const metricsOf = (name: string): Metrics => Object.fromEntries(METRICS.map((metric) => [metric, rounded(mean(values(name, metric)))]));
  return {
    suite: "retrieval", n: judged.length, seconds: (performance.now() - began) / 1000, items, settings: { ...rankers.settings, documents: corpus.length },
    metrics: {
      ...metricsOf(first),
      interval: Object.fromEntries(METRICS.map((metric) => [metric, meanInterval(values(first, metric)).map(rounded)])),
      ablations: Object.fromEntries(rankers.ablations.map((name) => [name, name === first ? metricsOf(name) : { ...metricsOf(name), shippedBetterBy: pairedMetrics("recall@10", values(first, "recall@10"), values(name, "recall@10")) }])),
    },
  };
}

async function readRelevant(folder: string): Promise<Map<string, string[]>> {
  const file = [path.join(folder, "qrels.tsv"), path.join(folder, "qrels", "test.tsv")].find((candidate) => existsSync(candidate));
  if (file === undefined) throw new EngineError("notFound", `${folder} has neither qrels.tsv nor qrels/test.tsv. Name the folder of a set in the layout of BEIR with --data.`, { folder });
  const relevant = new Map<string, string[]>();
  for (const cells of await readTable(file, (heading) => /query|_?id/i.test(heading[0] ?? "") && !/\d/.test(heading[0] ?? ""))) {
    // Two columns, three with a score at the end, or TREC's four with an unused second one.
    const [query, document, score] = cells.length === 4 ? [cells[0], cells[2], cells[3]] : [cells[0], cells[1], cells[2] ?? "1"];
    if (query === undefined || document === undefined || !(Number(score) > 0)) continue;
    relevant.set(query, [...relevant.get(query) ?? [], document]);
  }
  return relevant;
}
