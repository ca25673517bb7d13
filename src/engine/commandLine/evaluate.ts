// kalactica evaluate …: the measures of the engine on public or own data. What is measured is in evaluation/ and tasks/; every run is
// kept (evaluateRuns.ts), so that it can be compared with later ones.
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { EngineError, errnoCode } from "../base/errors.ts";
import { compareRuns } from "../evaluation/runs/compareRuns.ts";
import { ItemFile } from "../evaluation/runs/itemCache.ts";
import type { EvaluationResult, Metrics } from "../evaluation/suite.ts";
import { provenanceOf } from "../tasks/evaluationDesk.ts";
import { DATA_SUITES } from "../tasks/evaluationSuites.ts";
import { RETRIEVAL_SUITES } from "./benchRetrieval.ts";
import type { Command, CommandContext } from "./command.ts";
import { UsageError } from "./command.ts";
import { MODEL_SUITES } from "./evaluateModel.ts";
import { comparisonText, isWorse, runStore, RUN_COMMANDS } from "./evaluateRuns.ts";
import type { Suite } from "./evaluateSuite.ts";

/** A suite that needs nothing but data is a line in tasks/evaluationSuites.ts. */
const SUITES: Readonly<Record<string, Suite>> = { ...DATA_SUITES, ...MODEL_SUITES, ...RETRIEVAL_SUITES };

export const EVALUATE_COMMANDS: readonly Command[] = [...Object.entries(SUITES).map(([suite, spec]): Command => ({
  words: ["evaluate", suite],
  usage: [...(spec.data === "none" ? [] : [spec.data === "optional" ? "[--data PATH]" : "--data PATH"]), "[--baseline RUN [--fail-if-worse]]"].join(" "),
  summary: spec.summary,
  options: {
    ...(spec.data === "none" ? {} : { data: { type: "value", placeholder: "PATH", description: "The evaluation data." } as const }),
    items: { type: "value", placeholder: "FILE", description: "Also write one JSON object a case." },
    seed: { type: "value", placeholder: "N", description: "Of all random draws. Default: 1." },
    baseline: { type: "value", placeholder: "RUN", description: "Compare with an earlier run (`kalactica evaluate runs`), item by item." },
    "fail-if-worse": { type: "flag", description: "Exit with 1 where a figure is worse than the baseline's beyond chance." },
    ...spec.options,
  },
  async run(context) {
    const data = context.values.get("data");
    if (data === undefined && (spec.data ?? "required") === "required") throw new UsageError("--data is missing; it needs the path of the evaluation data.");
    const store = runStore();
    const wanted = context.values.get("baseline");
    if (wanted === undefined && context.flags.has("fail-if-worse")) throw new UsageError("--fail-if-worse needs a run to compare with: name it with --baseline.");
    // Found before anything is computed: a wrong name should not cost an hour.
    const baseline = wanted === undefined ? undefined : await store.find(wanted);
    const cache = await ItemFile.open(store.itemFile(suite));
    try {
      const result = await spec.run(data === undefined ? "" : path.resolve(data), { signal: context.signal, onProgress: (done, total) => context.progress.report(suite, done, total), cache }, context);
      context.progress.finish();
      const run = await store.add(result, provenanceOf(data === undefined ? "" : path.resolve(data)));
      await writeItems(context, result);
      const comparison = baseline && compareRuns(baseline, run);
      const { items, ...json } = run;
      const table = tableOf(result.suite, items.length, json.metrics, json.seconds);
      return {
        json: comparison ? { ...json, comparison } : json,
        text: [table, ...adviceOf(json.settings), ...(comparison ? ["", comparisonText(comparison)] : []), "", `Kept as ${run.id}`].join("\n"),
        ...(comparison && context.flags.has("fail-if-worse") && isWorse(comparison) ? { exitCode: 1 as const } : {}),
      };
    } finally {
      await cache.close();
    }
  },
})), ...RUN_COMMANDS];

/** What a suite that compares says to use. */
function adviceOf({ recommendation }: EvaluationResult["settings"]): string[] {
  const sentence = (recommendation as { sentence?: unknown } | undefined)?.sentence;
  return typeof sentence === "string" ? ["", `Recommended: ${sentence}`] : [];
}

async function writeItems(context: CommandContext, result: EvaluationResult): Promise<void> {
  const file = context.values.get("items");
  if (file === undefined) return;
  try {
    await writeFile(path.resolve(file), result.items.map((item) => `${JSON.stringify(item)}\n`).join(""));
  } catch (error) {
    throw new EngineError("unreadable", `${file} cannot be written (${errnoCode(error) ?? "unknown error"}). Name another file with --items.`, { file }, error);
  }
}

/** The headline figures with their intervals, then one line a part (ablation, category). */
function tableOf(suite: string, n: number, metrics: Metrics, seconds: number): string {
  const intervals = metrics["interval"] as Metrics | undefined;
  const lines = [`${suite}, n ${n}, ${seconds.toFixed(1)} s`];
  for (const [name, value] of Object.entries(metrics)) {
    if (typeof value !== "number") continue;
    const bounds = intervals?.[name] as readonly number[] | undefined;
    lines.push(`  ${name.padEnd(18)} ${value.toFixed(3)}${bounds ? `  [${bounds.map((bound) => bound.toFixed(3)).join(", ")}]` : ""}`);
  }
  for (const [group, parts] of Object.entries(metrics)) {
    if (Array.isArray(parts)) lines.push(...listOf(parts as readonly Metrics[]));
    if (group === "interval" || typeof parts !== "object" || parts === null || Array.isArray(parts)) continue;
    lines.push(group);
    for (const [name, part] of Object.entries(parts as Metrics)) lines.push(`  ${name.padEnd(18)} ${figures(part)}`);
  }
  return lines.join("\n");
}

/** A list of named figures: the criteria. */
function listOf(rows: readonly Metrics[]): string[] {
  const text = (value: Metrics[string] | undefined): string => typeof value === "number" ? value.toFixed(Number.isInteger(value) || Math.abs(value) >= 100 ? 0 : 3) : typeof value === "string" ? value : "";
  return rows.filter((row) => typeof row["definition"] === "string").flatMap(({ name, definition, value, low, high, target, n, pass, found }) => [
    `${pass === true ? "pass" : "FAIL"}  ${text(name).padEnd(20)} ${value === null ? "not measured" : `${text(value)}${typeof low === "number" ? ` [${text(low)}, ${text(high)}]` : ""}`}, target ${text(target)}, n ${text(n)}`,
    `      ${text(definition)}`, `      ${text(found)}`,
  ]);
}

function figures(part: Metrics[string]): string {
  if (typeof part === "number") return part.toFixed(3);
  if (typeof part !== "object" || part === null || Array.isArray(part)) return String(part);
  return Object.entries(part as Metrics).filter(([, value]) => typeof value === "number").map(([name, value]) => `${name} ${(value as number).toFixed(3)}`).join("  ");
}
