// `evaluate vectors`: how well and how quickly a nearest-neighbour index finds what exact search finds, fresh and after half of
// it was deleted and put in again. The index is handed in; exact search is computed here.
import { setImmediate as nextTurn } from "node:timers/promises";
import { throwIfCancelled } from "../base/errors.ts";
import { SeededRandom } from "../base/random.ts";
import { mean, meanInterval } from "./intervals.ts";
import { rounded } from "./suite.ts";
import type { EvaluationHooks, EvaluationResult, Metrics } from "./suite.ts";

/** What is measured. Ids are never used twice. */
export interface MeasuredIndex {
  add(id: number, vector: Float32Array): void;
  remove(id: number): void;
  /** Best first; `limit` hits wherever there are as many. */
  search(vector: Float32Array, limit: number): readonly { id: number }[];
  /** Compaction, where the index does any; called after the churn. */
  compact(): Promise<void>;
  /** Bytes on disk. */
  sizeBytes(): Promise<number>;
  close(): Promise<void>;
}

export interface VectorsOptions {
  /** Unit vectors to index, all of one length. */
  readonly vectors: readonly Float32Array[];
  /** Unit vectors to look for. */
  readonly queries: readonly Float32Array[];
  readonly seed: number;
  readonly settings: Readonly<Record<string, unknown>>;
}

const K = 10;

/** recall@10 against exact search, latency in ms, build time in s, bytes per vector; `afterChurn` with half of the vectors replaced. */
export async function evaluateVectors(open: () => Promise<MeasuredIndex>, { vectors, queries, seed, settings }: VectorsOptions, hooks: EvaluationHooks = {}): Promise<EvaluationResult> {
  const began = performance.now();
  const random = new SeededRandom(seed);
  const total = 2 * vectors.length;
  const index = await open();
  const items: Record<string, unknown>[] = [];
  try {
    const held = new Map<number, Float32Array>();
    const put = async (ids: readonly number[], of: (id: number) => Float32Array, done: number): Promise<void> => {
      for (const [at, id] of ids.entries()) {
        index.add(id, of(id));
        held.set(id, of(id));
        if (at % 64 === 63) {
          throwIfCancelled(hooks.signal);
          hooks.onProgress?.(done + at, total);
          await nextTurn();
        }
      }
    };
    const buildStarted = performance.now();
    await put(vectors.map((_, i) => i + 1), (id) => vectors[id - 1] as Float32Array, 0);
    const buildSeconds = (performance.now() - buildStarted) / 1_000;
    const fresh = measure(index, held, queries, "fresh", items);
    const bytes = await index.sizeBytes();
    // Half of the vectors go and come back under new ids, as passages of changed files do.
    const gone = random.shuffle([...held.keys()]).slice(0, Math.floor(vectors.length / 2));
    for (const id of gone) {
      index.remove(id);
      held.delete(id);
    }
    const deleted = measure(index, held, queries, "half deleted", items);
    await put(gone.map((id) => id + vectors.length), (id) => vectors[id - 1 - vectors.length] as Float32Array, vectors.length);
    const churned = measure(index, held, queries, "after churn", items);
    await index.compact();
    const compacted = measure(index, held, queries, "compacted", items);
    return {
      suite: "vectors", n: queries.length, seconds: (performance.now() - began) / 1_000, items,
      settings: { ...settings, vectors: vectors.length, dimension: vectors[0]?.length ?? 0, k: K },
      metrics: {
        ...fresh, interval: { "recall@10": meanInterval(items.filter((item) => item["stage"] === "fresh").map((item) => item["recall"] as number)).map(rounded) },
        buildSeconds: rounded(buildSeconds), vectorsPerSecond: Math.round(vectors.length / buildSeconds), bytesPerVector: Math.round(bytes / vectors.length),
        stages: { fresh, halfDeleted: deleted, afterChurn: churned, compacted },
      },
    };
  } finally {
    await index.close();
  }
}

function measure(index: MeasuredIndex, held: ReadonlyMap<number, Float32Array>, queries: readonly Float32Array[], stage: string, items: Record<string, unknown>[]): Metrics {
  const recalls: number[] = [];
  const times: number[] = [];
  const cpuTimes: number[] = [];
  let short = 0;
  const ids = [...held.keys()];
  const rows = [...held.values()];
  for (const query of queries) {
    const cpuBefore = process.cpuUsage();
    const started = performance.now();
    const found = index.search(query, K);
    times.push(performance.now() - started);
    const cpu = process.cpuUsage(cpuBefore);
    cpuTimes.push((cpu.user + cpu.system) / 1_000);
    const exact = exactly(ids, rows, query);
    const recall = exact.length === 0 ? 1 : found.filter(({ id }) => exact.includes(id)).length / exact.length;
    if (found.length < exact.length) short++;
    recalls.push(recall);
    items.push({ stage, recall, ms: rounded(times[times.length - 1] as number) });
  }
  const at = (values: readonly number[], share: number): number => rounded(values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))] ?? NaN);
  // On a busy machine the clock measures the neighbours; processor time is what a search costs.
  return { "recall@10": rounded(mean(recalls)), p50Ms: at(times, 0.5), p95Ms: at(times, 0.95), p50CpuMs: at(cpuTimes, 0.5), p95CpuMs: at(cpuTimes, 0.95), shortLists: short };
}

/** Ids of the {@link K} largest inner products. */
function exactly(ids: readonly number[], rows: readonly Float32Array[], query: Float32Array): number[] {
  const best: { id: number; score: number }[] = [];
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as Float32Array;
    let score = 0;
    for (let d = 0; d < row.length; d++) score += (row[d] as number) * (query[d] as number);
    const last = best[K - 1];
    if (last && score <= last.score) continue;
    let place = best.length;
    while (place > 0 && (best[place - 1] as { score: number }).score < score) place--;
    best.splice(place, 0, { id: ids[i] as number, score });
    best.length = Math.min(best.length, K);
  }
  return best.map(({ id }) => id);
}

/**
 * Vectors as texts have them: each is a sum of a few of many directions, so that they have neighbours, and some noise. Vectors
 * without any structure (`topics` 0) are all equally far from one another, which no search can use and no text shows.
 */
export function syntheticVectors(n: number, dimension: number, topics: number, random: SeededRandom): Float32Array[] {
  const draw = (): Float32Array => Float32Array.from({ length: dimension }, () => random.normal());
  const directions = Array.from({ length: topics }, draw);
  return Array.from({ length: n }, () => {
    const sum = topics === 0 ? draw() : draw().map((x) => 0.5 * x);
    for (let i = 0; topics > 0 && i < 4; i++) {
      // Some topics are much more common than others.
      const direction = directions[Math.floor(topics * random.uniform() ** 2)] as Float32Array;
      for (let d = 0; d < dimension; d++) sum[d] = (sum[d] as number) + (direction[d] as number);
    }
    const length = Math.sqrt(sum.reduce((total, x) => total + x * x, 0));
    return sum.map((x) => x / length);
  });
}
