// What an evaluation costs beside the model: the loop, the file of items, the stored run, the comparison; and whether memory grows with
// the number of items. usage: node24 test/bench/evaluation.ts [--items 10000] [--ms 20] [--timed 250]
// Items take `--ms` of waiting, as a model's time is; overhead is everything else. Memory is what is left after a full collection
// (run with --expose-gc) while items are computed, per thousand items; the items themselves must stay, since they become the run.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { compareRuns } from "../../src/engine/evaluation/runs/compareRuns.ts";
import { ItemFile } from "../../src/engine/evaluation/runs/itemCache.ts";
import { runItems } from "../../src/engine/evaluation/runs/runItems.ts";
import { RunStore } from "../../src/engine/evaluation/runs/runStore.ts";

const { values } = parseArgs({ options: { items: { type: "string", default: "10000" }, ms: { type: "string", default: "20" }, timed: { type: "string", default: "250" } } });
const [n, ms, timed] = [Number(values.items), Number(values.ms), Number(values.timed)];
const collect = (globalThis as { gc?: () => void }).gc;
const folder = mkdtempSync(path.join(tmpdir(), "kalactica-bench-evaluation-"));
const provenance = { at: "2026-01-01T00:00:00.000Z", data: "", engineVersion: "bench", node: process.version, platform: process.platform, processor: "", cores: 1 };
const result = (i: number): { exact: number; text: string } => ({ exact: i % 3 === 0 ? 1 : 0, text: `item ${i} `.repeat(20) });

try {
  // Overhead: with items that take as long as a small model does.
  const cache = await ItemFile.open(path.join(folder, "timed.jsonl"));
  let waited = 0;
  const begun = performance.now();
  await runItems({
    items: Array.from({ length: timed }, (_, i) => i), idOf: String, dependsOn: { bench: "timed" }, failed: () => result(0),
    compute: async (i) => {
      const from = performance.now();
      await new Promise((resolve) => setTimeout(resolve, ms));
      waited += performance.now() - from;
      return result(i);
    },
  }, { cache, onProgress: () => undefined });
  const wall = performance.now() - begun;
  await cache.close();

  // Memory: many items that take no time.
  const many = await ItemFile.open(path.join(folder, "many.jsonl"));
  const heaps: { done: number; heapMb: number; rssMb: number }[] = [];
  const store = new RunStore(folder);
  const started = performance.now();
  const items = await runItems({ items: Array.from({ length: n }, (_, i) => i), idOf: String, dependsOn: { bench: "many" }, failed: () => result(0), compute: (i) => Promise.resolve(result(i)) }, {
    cache: many, onProgress(done) {
      if (done % Math.max(1, Math.floor(n / 5)) !== 0) return;
      collect?.();
      heaps.push({ done, heapMb: process.memoryUsage().heapUsed / 1e6, rssMb: process.memoryUsage.rss() / 1e6 });
    },
  });
  const perItem = (performance.now() - started) / n;
  await many.close();
  const run = await store.add({ suite: "bench", n, seconds: 0, settings: {}, metrics: {}, items }, provenance);
  const other = await store.add({ suite: "bench", n, seconds: 0, settings: {}, metrics: {}, items: items.map((item, i) => ({ ...item, exact: i % 4 === 0 ? 1 : 0 })) }, provenance);
  const compared = performance.now();
  compareRuns(await store.find(run.id), await store.find(other.id));
  const compareMs = performance.now() - compared;

  const overhead = (wall - waited) / waited;
  const [first, last] = [heaps[0], heaps.at(-1)];
  const growth = first && last && last.done > first.done ? (1000 * (last.heapMb - first.heapMb)) / (last.done - first.done) : NaN;
  console.log(JSON.stringify({
    overhead: { items: timed, msOfModelPerItem: Math.round((waited / timed) * 100) / 100, overheadPercent: Math.round(10_000 * overhead) / 100, target: 5 },
    memory: { items: n, msPerItem: Math.round(perItem * 1000) / 1000, heapMbPerThousandItems: Math.round(growth * 1000) / 1000, bytesOfOneItem: JSON.stringify(items[0]).length, heaps: heaps.map(({ done, heapMb, rssMb }) => ({ done, heapMb: Math.round(heapMb * 10) / 10, rssMb: Math.round(rssMb) })), collected: collect !== undefined },
    compare: { items: n, ms: Math.round(compareMs) },
  }, null, 1));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
