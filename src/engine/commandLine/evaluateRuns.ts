// kalactica evaluate runs | compare | report | remove: what was measured before. The suites are in evaluate.ts.
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { EngineError, errnoCode } from "../base/errors.ts";
import { compareRuns } from "../evaluation/runs/compareRuns.ts";
import type { RunComparison } from "../evaluation/runs/compareRuns.ts";
import { REPORT_FORMATS, reportOf } from "../evaluation/runs/report.ts";
import type { ReportFormat } from "../evaluation/runs/report.ts";
import { RunStore } from "../evaluation/runs/runStore.ts";
import { UsageError } from "./command.ts";
import type { Command } from "./command.ts";
import { homeDir } from "./openEngine.ts";

/** Where the command line keeps evaluations. */
export function runStore(): RunStore {
  return new RunStore(path.join(homeDir(), "evaluations"));
}

/** Whether any figure got worse by more than chance. */
export function isWorse(comparison: RunComparison): boolean {
  return comparison.metrics.some(({ verdict }) => verdict === "worse");
}

export function comparisonText({ before, after, metrics, changed, settings }: RunComparison): string {
  return [
    `${after} compared with ${before}:`,
    ...metrics.map((row) => `  ${row.metric.padEnd(22)} ${row.before} → ${row.after}  (${row.difference >= 0 ? "+" : ""}${row.difference} [${row.low}, ${row.high}], n ${row.n}, p ${row.p}) ${row.verdict}`),
    ...(changed.length > 0 ? [`  ${changed.length} items changed, for example ${changed.slice(0, 3).map(({ id, before: was, after: is }) => `${id} (${was} → ${is})`).join(", ")}`] : []),
    ...settings.slice(0, 5).map(({ name, before: was, after: is }) => `  setting ${name}: ${JSON.stringify(was)} → ${JSON.stringify(is)}`),
  ].join("\n");
}

function oneRun(positionals: readonly string[]): string {
  const [name] = positionals;
  if (name === undefined) throw new UsageError("Name a run: its id, the beginning of it, or a suite for the newest of that suite. `kalactica evaluate runs` lists them.");
  return name;
}

export const RUN_COMMANDS: readonly Command[] = [
  {
    words: ["evaluate", "runs"], usage: "", summary: "The evaluations made on this machine, newest first.", options: {},
    async run() {
      const runs = await runStore().list();
      const text = runs.map(({ id, n, seconds, metrics }) => `${id.padEnd(40)} n ${String(n).padEnd(6)} ${seconds.toFixed(0).padStart(5)} s  ${Object.entries(metrics).filter(([name, value]) => typeof value === "number" && name !== "n").slice(0, 2).map(([name, value]) => `${name} ${(value as number).toFixed(3)}`).join("  ")}`);
      return { json: { runs }, text: text.length > 0 ? text.join("\n") : "No evaluation was made here yet." };
    },
  },
  {
    words: ["evaluate", "compare"], usage: "BEFORE AFTER", summary: "Two runs of one suite, item by item, with intervals.",
    options: { "fail-if-worse": { type: "flag", description: "Exit with 1 where a figure is worse beyond chance." } },
    async run({ positionals, flags }) {
      const [before, after] = positionals;
      if (before === undefined || after === undefined) throw new UsageError("Name two runs: `kalactica evaluate compare BEFORE AFTER`.");
      const store = runStore();
      const comparison = compareRuns(await store.find(before), await store.find(after));
      return { json: comparison, text: comparisonText(comparison), ...(flags.has("fail-if-worse") && isWorse(comparison) ? { exitCode: 1 as const } : {}) };
    },
  },
  {
    words: ["evaluate", "report"], usage: "RUN [--format html|md|csv|json] [--to FILE] [--baseline RUN]", summary: "A run as a document.",
    options: {
      format: { type: "value", placeholder: "FORMAT", description: `${REPORT_FORMATS.join(", ")}. Default: by the file's ending, else md.` },
      to: { type: "value", placeholder: "FILE", description: "Write it there instead of printing it." },
      baseline: { type: "value", placeholder: "RUN", description: "With a comparison." },
    },
    async run({ positionals, values }) {
      const store = runStore();
      const run = await store.find(oneRun(positionals));
      const to = values.get("to");
      const format = values.get("format") ?? (to === undefined ? "md" : path.extname(to).slice(1));
      if (!REPORT_FORMATS.includes(format as ReportFormat)) throw new UsageError(`--format is "${format}", but must be one of ${REPORT_FORMATS.join(", ")}.`);
      const baseline = values.get("baseline");
      const text = reportOf(run, format as ReportFormat, baseline === undefined ? undefined : compareRuns(await store.find(baseline), run));
      if (to === undefined) return { json: { id: run.id, format, text }, text };
      try {
        await writeFile(path.resolve(to), text);
      } catch (error) {
        throw new EngineError("unreadable", `${to} cannot be written (${errnoCode(error) ?? "unknown error"}). Name another file with --to.`, { to }, error);
      }
      return { json: { id: run.id, format, file: path.resolve(to) }, text: `Written to ${path.resolve(to)}` };
    },
  },
  {
    words: ["evaluate", "remove"], usage: "RUN", summary: "Deletes a stored run.", options: {},
    async run({ positionals }) {
      const id = await runStore().remove(oneRun(positionals));
      return { json: { removed: id }, text: `Removed ${id}` };
    },
  },
];
