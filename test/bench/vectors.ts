// The vector index beside its peers on the same vectors: recall@10 against exact search, latency, memory and build time.
//   node test/bench/vectors.ts [--count 20000] [--dimension 128] [--queries 200] [--python /path/to/python]
// Ours runs in this process; faiss (HNSW and exact) and usearch where that Python has them; vectra alone in this process, on at
// most 5,000 vectors, as it compares with every one. Figures are printed, not asserted.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import type { LocalIndex } from "vectra";
import { SeededRandom } from "../../src/engine/base/random.ts";
import { syntheticVectors } from "../../src/engine/evaluation/vectors.ts";
import { runVectors } from "../../src/engine/tasks/evaluateRetrievalVectors.ts";

const { values } = parseArgs({ options: { count: { type: "string", default: "20000" }, dimension: { type: "string", default: "128" }, queries: { type: "string", default: "200" }, topics: { type: "string", default: "2000" }, python: { type: "string", default: "python3" } } });
const [count, dimension, queries, topics] = [values.count, values.dimension, values.queries, values.topics].map(Number) as [number, number, number, number];
const seed = 1;
const rows: Record<string, unknown>[] = [];

const ours = await runVectors({ count, dimension, topics, queries, seed }, {});
const stages = ours.metrics["stages"] as Record<string, Record<string, number>>;
rows.push({ index: "KaLactica (hnswlib, M 16, ef 400)", n: count, ...pick(stages["fresh"] ?? {}), buildS: ours.metrics["buildSeconds"], bytesPerVector: ours.metrics["bytesPerVector"] });
rows.push({ index: "KaLactica, half replaced", n: count, ...pick(stages["afterChurn"] ?? {}) });

const all = syntheticVectors(count + queries, dimension, topics, new SeededRandom(seed));
const asked = all.splice(0, queries);
const scratch = mkdtempSync(path.join(os.tmpdir(), "kalactica-peers-"));
try {
  const file = path.join(scratch, "vectors.f32");
  writeFileSync(file, Buffer.concat([...asked, ...all].map((vector) => Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength))));
  const peers = spawnSync(values.python, [path.join(import.meta.dirname, "vectors.py"), file, String(queries), String(dimension)], { encoding: "utf8" });
  if (peers.status === 0) rows.push(...(JSON.parse(peers.stdout) as Record<string, unknown>[]));
  else console.error(`No Python peers: ${(peers.stderr || String(peers.error)).trim().split("\n").at(-1)}`);
  rows.push(await vectraAlone(all.slice(0, 5_000), asked.slice(0, 50), scratch));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.table(rows);

function pick(stage: Record<string, number>): Record<string, unknown> {
  return { "recall@10": stage["recall@10"], p50Ms: stage["p50Ms"], p95Ms: stage["p95Ms"], p95CpuMs: stage["p95CpuMs"], shortLists: stage["shortLists"] };
}

async function vectraAlone(vectors: readonly Float32Array[], asked: readonly Float32Array[], folder: string): Promise<Record<string, unknown>> {
  const require = createRequire(import.meta.url);
  const { LocalIndex: Index } = require(path.join(path.dirname(require.resolve("vectra")), "LocalIndex.js")) as { LocalIndex: typeof LocalIndex };
  const index = new Index(path.join(folder, "vectra"));
  await index.createIndex({ version: 1 });
  const started = performance.now();
  await index.batchInsertItems(vectors.map((vector, i) => ({ id: String(i), vector: Array.from(vector), metadata: {} })));
  const buildS = (performance.now() - started) / 1_000;
  const times: number[] = [];
  for (const query of asked) {
    const before = performance.now();
    await index.queryItems(Array.from(query), "", 10);
    times.push(performance.now() - before);
  }
  times.sort((a, b) => a - b);
  return { index: "vectra alone (exact)", n: vectors.length, "recall@10": 1, p50Ms: times[Math.floor(times.length / 2)], p95Ms: times[Math.floor(0.95 * times.length)], buildS };
}
