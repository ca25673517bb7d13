// A day of use: 2,000 seeded actions (typing, completions, questions, notebook runs, memory, branch switches, reloads of the
// window) against the real engine process on a copied repository. Fails on an error, a lost item, or memory or open
// things that grow. What the actions are: dayOfUse/day.ts.
// usage: node --expose-gc test/bench/dayOfUse.ts [--repository DIR] [--actions N] [--seed N] [--engine FILE] [--json]
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { liveThroughDay } from "./dayOfUse/day.ts";
import { growth } from "./dayOfUse/readings.ts";
import type { Measure } from "./dayOfUse/readings.ts";
import { Repository } from "./dayOfUse/repository.ts";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const { values: flags } = parseArgs({ options: {
  repository: { type: "string", default: path.join(root, "src") }, actions: { type: "string", default: "2000" }, seed: { type: "string", default: "1" },
  engine: { type: "string", default: path.join(root, "dist", "engine.mjs") }, json: { type: "boolean", default: false }, keep: { type: "boolean", default: false },
} });

/** The most that memory may grow over a day after warm-up, as a part of what was held before. */
const MOST_GROWTH = 0.1;
/** Handles, timers, listeners and files come and go with the moment; a leak of one an action would be hundreds. */
const MOST_MORE = 3;

const scratch = mkdtempSync(path.join(os.tmpdir(), "kalactica-day-"));
const actions = Number(flags.actions);
const begun = performance.now();
try {
  const repository = new Repository(path.resolve(flags.repository), path.join(scratch, "repository"));
  // Reloads fall into the first quarter; what follows is one stretch of the same two processes, in which a leak has time to show.
  const reloads = [0.05, 0.1, 0.15, 0.2].map((part) => Math.round(actions * part));
  const report = await liveThroughDay({
    repository, modulePath: path.resolve(flags.engine), scratch, actions, seed: Number(flags.seed), readings: 40, reloads,
    onAction: (n, name) => { if (process.stderr.isTTY) process.stderr.write(`\r${n} of ${actions} ${name.padEnd(16)}`); else if (process.env["KALACTICA_DEBUG"]) console.error(n, name); },
  });
  const last = report.readings.at(-1)?.pid;
  const stretch = report.readings.filter(({ pid }) => pid === last);
  // The first sixth of the stretch warms up: caches fill, the model is loaded, code is compiled.
  const steady = stretch.slice(Math.ceil(stretch.length / 6));
  const grown = (["rss", "heapUsed", "external", "clientHeap", "files", "timers", "handles", "listeners", "warnings"] as const).map((measure) => ({ measure, ...growth(steady, measure) }));
  const growing = grown.filter(({ measure, first, last: end, growth: part }) => (isBytes(measure) ? part > MOST_GROWTH : end - first > MOST_MORE));
  const failed = report.errors.length > 0 || report.lost.length > 0 || growing.length > 0;
  if (flags.json) console.log(JSON.stringify({ actions, seed: Number(flags.seed), seconds: (performance.now() - begun) / 1_000, ...report, grown, failed }));
  else print(report, grown, steady.length, growing.map(({ measure }) => measure));
  process.exitCode = failed ? 1 : 0;
} finally {
  if (flags.keep) console.error(scratch);
  else rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
}
process.exit();

function isBytes(measure: Measure): boolean {
  return ["rss", "heapUsed", "external", "clientHeap"].includes(measure);
}

function print(report: Awaited<ReturnType<typeof liveThroughDay>>, grown: { measure: Measure; first: number; last: number; growth: number }[], nReadings: number, growing: Measure[]): void {
  console.log("\naction           n    median ms    p95 ms");
  for (const [name, times] of Object.entries(report.times).sort(([, a], [, b]) => b.length - a.length)) {
    const sorted = times.toSorted((a, b) => a - b);
    console.log(`${name.padEnd(14)} ${String(sorted.length).padStart(4)} ${at(sorted, 0.5).padStart(10)} ${at(sorted, 0.95).padStart(10)}`);
  }
  console.log(`\n${report.engines} engines; ${nReadings} readings after warm-up, medians of their first and last third`);
  for (const { measure, first, last, growth: part } of grown) {
    const show = (value: number): string => (isBytes(measure) ? `${(value / 2 ** 20).toFixed(1)} MB` : String(value));
    console.log(`${measure.padEnd(12)} ${show(first).padStart(10)} ${show(last).padStart(10)}  ${first === 0 ? "" : `${part >= 0 ? "+" : ""}${(part * 100).toFixed(1)} %`}${growing.includes(measure) ? "  grows" : ""}`);
  }
  const { kept } = report;
  console.log(`\nkept: ${kept.remembered} remembered things, ${kept.questions} questions, ${kept.conversations} conversations, ${kept.executions} executions, ${kept.symbols} pieces of saved code`);
  console.log(`lost: ${report.lost.length}${report.lost.slice(0, 10).map((line) => `\n  ${line}`).join("")}`);
  console.log(`errors: ${report.errors.length}${[...new Set(report.errors)].slice(0, 10).map((line) => `\n  ${line}`).join("")}`);
  console.log(`warnings: ${report.warnings.length}${[...new Set(report.warnings)].slice(0, 5).map((line) => `\n  ${line}`).join("")}`);
  console.log(`${((performance.now() - begun) / 1_000).toFixed(0)} s`);
}

function at(sorted: readonly number[], part: number): string {
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0).toFixed(1);
}
