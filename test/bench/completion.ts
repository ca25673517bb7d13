// How good and how fast completion is on a folder of sources: seeded masked line endings, each posed as an editor poses
// it, with the cut text nowhere in what the look-up may see. Prints show rate and exact match for look-up alone, model
// alone and both, at the gate's threshold and swept; latency; and how much typing along is answered from the cache.
//
//   node test/bench/completion.ts FOLDER [--n 500] [--seed 1] [--model FILE.gguf] [--threads 0] [--gate 0.3] [--timeout 400] [--json] [--items FILE.jsonl]
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Scheduler } from "../../src/engine/base/scheduler.ts";
import type { CompletionModel } from "../../src/engine/completion/completionModel.ts";
import { CompletionSession } from "../../src/engine/completion/session.ts";
import { DEFAULT_SETTINGS } from "../../src/engine/settings.ts";
import { screenCompletion } from "../../src/engine/safety/completionScreen.ts";
import { completeCode, type CompleteDependencies } from "../../src/engine/tasks/completeCode.ts";
import { completionCases, languageIdOf, type CompletionCase } from "./completionCases.ts";
import { loadBenchModel } from "./completionModelLoader.ts";

interface Item {
  case: CompletionCase;
  text: string | null;
  confidence: number;
  exact: boolean;
  /** The first line of a suggestion of several lines. */
  multiLine: boolean;
  source: string | null;
  ms: number;
  /** Processor time of this process, which does not suffer from what else the machine does. */
  cpuMs: number;
  modelMs: number;
}

interface Figures {
  n: number;
  threshold: number;
  shown: number;
  exactOfShown: number;
  exactOverall: number;
  multiLineShown: number;
  p50Ms: number;
  p95Ms: number;
  p50CpuMs: number;
  p95CpuMs: number;
}

const thresholds = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8];

/** Suggestions with the gate wide open: thresholds are applied afterwards, so that one run gives the whole sweep. */
async function complete(cases: CompletionCase[], session: CompletionSession, model: CompletionModel | null, timeoutMs: number): Promise<Item[]> {
  const dependencies: CompleteDependencies = {
    session, scheduler: new Scheduler(), model, screenCompletion, prepareNext: false,
    settings: { ...DEFAULT_SETTINGS, "completion.gate": 0, "completion.timeoutMs": timeoutMs },
  };
  const items: Item[] = [];
  for (const item of cases) {
    session.cache.clear();
    const started = performance.now();
    const cpu = process.cpuUsage();
    const result = await completeCode({ ...item, trigger: "automatic" }, dependencies);
    const ms = performance.now() - started;
    const used = process.cpuUsage(cpu);
    const first = result.text?.split("\n", 1)[0]?.trimEnd() ?? null;
    items.push({
      case: item, text: result.text, confidence: result.confidence, exact: first !== null && first === item.expected.trimEnd(),
      multiLine: result.text?.includes("\n") ?? false, source: result.source, ms, cpuMs: (used.user + used.system) / 1000, modelMs: result.timings.modelMs,
    });
  }
  return items;
}

function figures(items: Item[], threshold: number): Figures {
  const shown = items.filter((item) => item.text !== null && item.confidence >= threshold);
  const exact = shown.filter((item) => item.exact).length;
  const quantile = (key: "ms" | "cpuMs", q: number): number => {
    const sorted = items.map((item) => item[key]).sort((a, b) => a - b);
    return round(sorted[Math.floor(sorted.length * q)] ?? 0);
  };
  return {
    n: items.length, threshold, shown: round(shown.length / items.length), exactOfShown: round(shown.length === 0 ? 0 : exact / shown.length),
    exactOverall: round(exact / items.length), multiLineShown: shown.filter((item) => item.multiLine).length,
    p50Ms: quantile("ms", 0.5), p95Ms: quantile("ms", 0.95), p50CpuMs: quantile("cpuMs", 0.5), p95CpuMs: quantile("cpuMs", 0.95),
  };
}

/** Types every shown suggestion letter by letter: share of keystrokes whose answer came from the cache, unchanged. */
async function typingAlong(items: Item[], session: CompletionSession): Promise<{ keystrokes: number; reused: number; p95Ms: number }> {
  const dependencies: CompleteDependencies = { session, scheduler: new Scheduler(), model: null, screenCompletion, prepareNext: false, settings: { ...DEFAULT_SETTINGS } };
  let keystrokes = 0;
  let reused = 0;
  const times: number[] = [];
  for (const item of items) {
    session.cache.clear();
    const first = await completeCode({ ...item.case, trigger: "automatic" }, dependencies);
    if (first.text === null) continue;
    for (let typed = 1; typed < first.text.length; typed++) {
      // The middle of a word is where the caret stands while typing; nothing follows it on the line here.
      const started = performance.now();
      const next = await completeCode({ ...item.case, prefix: item.case.prefix + first.text.slice(0, typed), trigger: "automatic" }, dependencies);
      times.push(performance.now() - started);
      keystrokes++;
      if (next.source === "cache" && next.text === first.text.slice(typed)) reused++;
    }
  }
  times.sort((a, b) => a - b);
  return { keystrokes, reused: round(reused / Math.max(1, keystrokes)), p95Ms: round(times[Math.floor(times.length * 0.95)] ?? 0) };
}

/** A model with no look-up beside it: the same task over an empty workspace whose proposals are held back. */
function withoutLookup(): CompletionSession {
  const session = new CompletionSession();
  const { lookup } = session;
  const judge = lookup.judge.bind(lookup);
  lookup.judge = (request, limits) => ({ ...judge(request, limits), proposals: [] });
  return session;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    n: { type: "string", default: "500" }, seed: { type: "string", default: "1" }, model: { type: "string" }, gate: { type: "string", default: String(DEFAULT_SETTINGS["completion.gate"]) },
    timeout: { type: "string", default: String(DEFAULT_SETTINGS["completion.timeoutMs"]) }, json: { type: "boolean", default: false }, threads: { type: "string", default: "0" }, items: { type: "string" },
  },
});
const [folder] = positionals;
if (folder === undefined) {
  console.error("usage: node test/bench/completion.ts FOLDER [--n 500] [--seed 1] [--model FILE.gguf] [--threads 0] [--gate 0.3] [--timeout 400] [--json] [--items FILE.jsonl]");
  process.exit(2);
}
const { files, cases } = completionCases(folder, Number(values.n), Number(values.seed));
const session = new CompletionSession();
const loadStarted = performance.now();
const loaded = await session.load(files.map((file) => ({ path: file.path, language: languageIdOf(file.path), text: file.text })));
const loadMs = performance.now() - loadStarted;
const gate = Number(values.gate);
const timeoutMs = Number(values.timeout);
const runs: Record<string, Item[]> = { lookupAlone: await complete(cases, session, null, timeoutMs) };
if (values.model) {
  const { model, dispose } = await loadBenchModel(values.model, Number(values.threads));
  // The first request pays for the context; a user's first one does, once.
  await complete(cases.slice(0, 1), session, model, 60_000);
  runs["both"] = await complete(cases, session, model, timeoutMs);
  runs["modelAlone"] = await complete(cases, withoutLookup(), model, timeoutMs);
  await dispose();
}
const report = {
  folder, n: cases.length, seed: Number(values.seed), model: values.model ?? null, timeoutMs,
  workspace: { files: loaded.taken, left: loaded.left, lexemes: session.texts.index.length, megabytes: round(session.texts.bytes / 1e6), loadMs: Math.round(loadMs) },
  metrics: Object.fromEntries(Object.entries(runs).map(([name, items]) => [name, figures(items, gate)])),
  sweep: Object.fromEntries(Object.entries(runs).map(([name, items]) => [name, thresholds.map((threshold) => figures(items, threshold))])),
  typingAlong: await typingAlong(cases.slice(0, 100).map((item) => ({ case: item }) as Item), session),
};
session.dispose();
if (values.items) writeFileSync(values.items, Object.entries(runs).flatMap(([name, items]) => items.map((item) => `${JSON.stringify({ run: name, path: item.case.path, line: item.case.line, column: item.case.column, expected: item.case.expected, text: item.text, confidence: round(item.confidence), exact: item.exact, source: item.source, ms: round(item.ms) })}\n`)).join(""));
if (values.json) console.log(JSON.stringify(report));
else {
  console.log(`${folder}: ${report.n} masked line endings (seed ${report.seed}), ${loaded.taken} files, ${report.workspace.lexemes} lexemes, ${report.workspace.megabytes} MB, loaded in ${report.workspace.loadMs} ms`);
  for (const [name, sweep] of Object.entries(report.sweep)) {
    const at = report.metrics[name] as Figures;
    console.log(`${name}: shown ${percent(at.shown)}, exact of shown ${percent(at.exactOfShown)}, exact overall ${percent(at.exactOverall)} at gate ${gate}; p50 ${at.p50Ms} ms, p95 ${at.p95Ms} ms (processor: ${at.p50CpuMs}, ${at.p95CpuMs}); several lines ${at.multiLineShown}`);
    console.log(`  sweep (gate: shown/exact of shown): ${sweep.map((row) => `${row.threshold}: ${percent(row.shown)}/${percent(row.exactOfShown)}`).join("  ")}`);
  }
  console.log(`typing along: ${report.typingAlong.keystrokes} keystrokes, reused ${percent(report.typingAlong.reused)}, p95 ${report.typingAlong.p95Ms} ms`);
}
process.exit(0);

function percent(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}
