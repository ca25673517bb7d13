// Measures the workspace index on a real folder: how fast it is built, how fast it answers, what it costs when idle.
//   node test/bench/retrieval.ts DIR [--words-only] [--embedder FILE] [--json]
// Wall-clock and CPU time are both given: on a busy machine only the second says what the work costs.
// The figures are printed, not asserted.
import { appendFileSync, cpSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { SILENT_LOG } from "../../src/engine/base/log.ts";
import { SeededRandom } from "../../src/engine/base/random.ts";
import { openEmbedder } from "../../src/engine/retrieval/embedder/embeddedEmbedder.ts";
import { WorkspaceIndex } from "../../src/engine/retrieval/workspaceIndex.ts";
import { DEFAULT_SETTINGS } from "../../src/engine/settings.ts";

const { values, positionals } = parseArgs({ allowPositionals: true, options: { "words-only": { type: "boolean", default: false }, embedder: { type: "string" }, json: { type: "boolean", default: false } } });
const source = positionals[0];
if (source === undefined) {
  console.error("Usage: node test/bench/retrieval.ts DIR [--words-only] [--embedder FILE] [--json]");
  process.exit(2);
}

const cpuSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const quantile = (sorted: readonly number[], q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] as number;
const round = (x: number) => Number(x.toPrecision(3));

const scratch = mkdtempSync(path.join(os.tmpdir(), "kalactica-bench-"));
const workspaceDir = path.join(scratch, "workspace");
const storageDir = path.join(scratch, "storage");
try {
  // A copy, so that one of its files can be changed.
  cpSync(source, workspaceDir, { recursive: true, filter: (file) => !/[/\\](node_modules|\.git)$/.test(file) });
  const embedder = values["words-only"] ? null : await openEmbedder(SILENT_LOG, values.embedder);
  const open = () => WorkspaceIndex.open({ workspaceDir, storageDir, settings: DEFAULT_SETTINGS, embedder, log: SILENT_LOG });
  let index = await open();
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  // CPU time between two turns of the event loop: what a turn costs, however busy the machine is.
  const turns: number[] = [];
  let lastTurn = cpuSeconds();
  const turnTimer = setInterval(() => {
    const now = cpuSeconds();
    turns.push((now - lastTurn) * 1_000);
    lastTurn = now;
  }, 1);
  let cpu = cpuSeconds();
  const report = await index.update();
  const buildCpu = cpuSeconds() - cpu;
  delay.disable();
  clearInterval(turnTimer);
  turns.sort((a, b) => a - b);

  const random = new SeededRandom(1);
  const symbols = random.shuffle(index.files().slice(0, 2_000).flatMap((file) => index.symbolsIn(file.path))).slice(0, 300);
  const queries = symbols.map((symbol, i) => (i % 3 === 0 ? `where is ${symbol.name} defined` : i % 3 === 1 && symbol.documentation !== "" ? (symbol.documentation.split("\n")[0] as string) : `how do I use ${symbol.name.replace(/([a-z])([A-Z])/g, "$1 $2")} in ${path.basename(symbol.path)}`));
  for (const query of queries.slice(0, 20)) await index.search(query, { k: 8 });
  const wall: number[] = [];
  const own: number[] = [];
  for (const query of queries) {
    const [started, startedCpu] = [performance.now(), cpuSeconds()];
    await index.search(query, { k: 8 });
    wall.push(performance.now() - started);
    own.push((cpuSeconds() - startedCpu) * 1_000);
  }
  wall.sort((a, b) => a - b);
  own.sort((a, b) => a - b);

  const changed = index.files().find((file) => file.language === "typescript" || file.language === "python" || file.language === "javascript")?.path;
  const updates: number[] = [];
  for (let i = 0; changed !== undefined && i < 10; i++) {
    appendFileSync(path.join(workspaceDir, changed), `\n// benchmarkword${i}\n`);
    const started = performance.now();
    await index.updateFiles([changed]);
    const found = await index.search(`benchmarkword${i}`, { k: 1 });
    if (found[0]?.path === changed) updates.push(performance.now() - started);
  }
  updates.sort((a, b) => a - b);

  await sleep(500);
  cpu = cpuSeconds();
  await sleep(5_000);
  const idleCpu = cpuSeconds() - cpu;
  await index.close();
  const reopened = performance.now();
  index = await open();
  const openMs = performance.now() - reopened;
  const rescan = performance.now();
  await index.update();
  const rescanMs = performance.now() - rescan;
  const vectors = index.status();
  await index.close();
  const bytes = readdirSync(storageDir).reduce((sum, name) => sum + statSync(path.join(storageDir, name)).size, 0);

  const figures = {
    files: report.files, chunks: report.chunks, skipped: vectors.skipped.length,
    build: { seconds: round(report.seconds), filesPerSecond: round(report.filesPerSecond), chunksPerSecond: round(report.chunksPerSecond), filesPerCpuSecond: round(report.files / buildCpu), chunksPerCpuSecond: round(report.chunks / buildCpu), peakRssMb: report.peakRssMb, eventLoopDelayMs: { p99: round(delay.percentile(99) / 1e6), max: round(delay.max / 1e6) }, turnCpuMs: { p99: round(quantile(turns, 0.99)), max: round(turns[turns.length - 1] as number) } },
    searchMs: { n: wall.length, p50: round(quantile(wall, 0.5)), p95: round(quantile(wall, 0.95)), max: round(wall[wall.length - 1] as number), cpuP50: round(quantile(own, 0.5)), cpuP95: round(quantile(own, 0.95)) },
    changedFileSearchableMs: { n: updates.length, p50: round(quantile(updates, 0.5)), max: round(updates[updates.length - 1] as number) },
    idleCpuPercent: round((idleCpu / 5) * 100), openMs: round(openMs), unchangedScanMs: round(rescanMs), bytesPerChunk: Math.round(bytes / report.chunks),
  };
  console.log(values.json ? JSON.stringify(figures) : figures);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
