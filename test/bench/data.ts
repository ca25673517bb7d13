// Speed and memory of preparing data: generated JSON Lines of growing size through the whole pipeline, secrets and personal
// data included. Memory must not grow with the data; what was planted (duplicates, near duplicates, broken lines) must be found.
// node tools/node24.mjs test/bench/data.ts [--megabytes 50,200] [--keep FOLDER]
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { SeededRandom } from "../../src/engine/base/random.ts";
import { FileSource } from "../../src/engine/data/readers/fileSource.ts";
import { DatasetStore } from "../../src/engine/data/versions.ts";
import { cleanText } from "../../src/engine/tasks/dataSources.ts";
import { prepareDataset } from "../../src/engine/tasks/prepareData.ts";

interface Planted {
  lines: number;
  broken: number;
  exact: number;
  near: number;
}

/** Rows of {prompt, completion} of 100 to 4,000 characters from a vocabulary with Zipf's frequencies. */
function generate(file: string, bytes: number, seed: number): Planted {
  const random = new SeededRandom(seed);
  const vocabulary = Array.from({ length: 20_000 }, () => Array.from({ length: 2 + random.integer(9) }, () => String.fromCharCode(97 + random.integer(26))).join(""));
  const word = (): string => vocabulary[Math.floor(vocabulary.length ** random.uniform()) - 1] ?? "a";
  const words = (n: number): string[] => Array.from({ length: n }, word);
  const descriptor = openSync(file, "w");
  const planted: Planted = { lines: 0, broken: 0, exact: 0, near: 0 };
  let written = 0;
  let last: { prompt: string[]; completion: string[] } = { prompt: words(20), completion: words(100) };
  let used = true;
  let block: string[] = [];
  while (written < bytes) {
    const kind = random.integer(100);
    let line: string;
    if (kind === 0) {
      line = "{\"prompt\": \"cut off";
      planted.broken++;
    } else if (kind <= 4 && !used) {
      line = JSON.stringify({ prompt: last.prompt.join(" "), completion: last.completion.join(" ") });
      planted.exact++;
      used = true;
    } else if (kind <= 8 && !used && last.completion.length >= 60) {
      // One word in the middle of at least sixty: five shingles of at least 56 on either side, a similarity of .83 and more.
      const completion = [...last.completion];
      completion[30] = `near${planted.near}`;
      line = JSON.stringify({ prompt: last.prompt.join(" "), completion: completion.join(" ") });
      planted.near++;
      used = true;
    } else {
      last = { prompt: words(10 + random.integer(60)), completion: words(15 + Math.floor(500 * random.uniform() ** 3)) };
      used = false;
      line = JSON.stringify({ prompt: last.prompt.join(" "), completion: last.completion.join(" ") });
    }
    planted.lines++;
    block.push(line, "\n");
    written += line.length + 1;
    if (block.length > 5_000) {
      writeSync(descriptor, block.join(""));
      block = [];
    }
  }
  writeSync(descriptor, block.join(""));
  closeSync(descriptor);
  return planted;
}

/** One preparation in a process of its own, so that its peak memory is its own. */
async function measure(file: string, folder: string): Promise<void> {
  const phases = new Map<string, number>();
  let phase = "reading";
  let since = performance.now();
  let longestStallMs = 0;
  let tick = performance.now();
  const timer = setInterval(() => {
    longestStallMs = Math.max(longestStallMs, performance.now() - tick - 5);
    tick = performance.now();
  }, 5);
  const started = performance.now();
  const info = await prepareDataset({ source: "file", path: file, name: "bench" }, {
    store: new DatasetStore(folder), openSource: () => Promise.resolve({ source: new FileSource(file) }), clean: cleanText, codeVersion: "bench",
  }, {
    onProgress: (progress) => {
      if (progress.phase === phase) return;
      phases.set(phase, performance.now() - since);
      since = performance.now();
      phase = progress.phase;
    },
  });
  phases.set(phase, performance.now() - since);
  clearInterval(timer);
  const seconds = (performance.now() - started) / 1_000;
  const cpu = process.cpuUsage();
  console.log(JSON.stringify({
    seconds, cpuSeconds: (cpu.user + cpu.system) / 1e6, peakRssMb: process.resourceUsage().maxRSS / 1_024, longestStallMs,
    phases: Object.fromEntries([...phases].map(([name, ms]) => [name, ms / 1_000])), report: { ...info.report, problems: [] }, train: info.train, validation: info.validation,
  }));
}

const { values } = parseArgs({ options: { megabytes: { type: "string", default: "50,200" }, keep: { type: "string" }, measure: { type: "string" }, store: { type: "string" } } });
if (values.measure !== undefined) {
  await measure(values.measure, values.store!);
  process.exit();
}
const folder = values.keep ?? mkdtempSync(path.join(os.tmpdir(), "kalactica-bench-data-"));
console.log(`load ${os.loadavg()[0]!.toFixed(1)} on ${os.availableParallelism()} cores, Node ${process.versions.node}`);
for (const [i, megabytes] of values.megabytes.split(",").map(Number).entries()) {
  const file = path.join(folder, `rows-${megabytes}.jsonl`);
  const planted = generate(file, megabytes * 1e6, i + 1);
  const store = path.join(folder, `store-${megabytes}`);
  const child = spawnSync(process.execPath, ["--disable-warning=ExperimentalWarning", import.meta.filename, "--measure", file, "--store", store], { encoding: "utf8", maxBuffer: 1 << 26 });
  if (child.status !== 0) throw new Error(child.stderr);
  const found = JSON.parse(child.stdout) as { seconds: number; cpuSeconds: number; peakRssMb: number; longestStallMs: number; phases: Record<string, number>; report: { invalid: number; exactDuplicates: number; nearDuplicates: number; leaked: number; kept: number } };
  const size = statSync(file).size / 1e6;
  console.log(`${size.toFixed(0)} MB, ${planted.lines} lines: ${found.seconds.toFixed(1)} s, ${(size / found.seconds).toFixed(1)} MB/s (${(size / found.cpuSeconds).toFixed(1)} MB per CPU second), peak ${found.peakRssMb.toFixed(0)} MB, longest stall ${found.longestStallMs.toFixed(0)} ms, ${Object.entries(found.phases).map(([name, s]) => `${name} ${s.toFixed(1)} s`).join(", ")}`);
  console.log(`  planted: ${planted.broken} broken, ${planted.exact} exact, ${planted.near} near; found: ${found.report.invalid} invalid, ${found.report.exactDuplicates} exact, ${found.report.nearDuplicates + found.report.leaked} near`);
  rmSync(store, { recursive: true, force: true });
  if (values.keep === undefined) rmSync(file, { force: true });
}
if (values.keep === undefined) rmSync(folder, { recursive: true, force: true });
