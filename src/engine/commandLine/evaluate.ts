// kalactica evaluate …: the measures of the engine on public or own data. What is measured is in evaluation/ and tasks/.
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { EngineError, errnoCode } from "../base/errors.ts";
import { SILENT_LOG } from "../base/log.ts";
import type { EvaluationHooks, EvaluationResult, Metrics } from "../evaluation/suite.ts";
import { openEmbedder } from "../retrieval/embedder/embeddedEmbedder.ts";
import { runSafety } from "../tasks/evaluateSafety.ts";
import { runCorpusRetrieval, runLocalise } from "../tasks/evaluateRetrieval.ts";
import { UsageError } from "./command.ts";
import type { Command, CommandContext } from "./command.ts";

const SUITES: Readonly<Record<string, { summary: string; run: (data: string, hooks: EvaluationHooks) => Promise<EvaluationResult> }>> = {
  localise: { summary: "From the description of a change to the files it touched (folder with instances and blobs).", run: async (data, hooks) => runLocalise(data, await openEmbedder(SILENT_LOG), hooks) },
  retrieval: { summary: "From a query to the right document (folder in the layout of BEIR).", run: async (data, hooks) => runCorpusRetrieval(data, await openEmbedder(SILENT_LOG), hooks) },
  safety: { summary: "Whether each detector finds what it should, and how often it cries wolf (*.jsonl with detector, text, label).", run: runSafety },
};

export const EVALUATE_COMMANDS: readonly Command[] = Object.entries(SUITES).map(([suite, { summary, run }]): Command => ({
  words: ["evaluate", suite],
  usage: "--data PATH [--items FILE.jsonl]",
  summary,
  options: {
    data: { type: "value", placeholder: "PATH", description: "The evaluation data." },
    items: { type: "value", placeholder: "FILE", description: "Also write one JSON object a case." },
  },
  async run(context) {
    const data = context.values.get("data");
    if (data === undefined) throw new UsageError("--data is missing; it needs the path of the evaluation data.");
    const result = await run(path.resolve(data), { signal: context.signal, onProgress: (done, total) => context.progress.report(suite, done, total) });
    context.progress.finish();
    await writeItems(context, result);
    const { items, ...json } = result;
    return { json, text: tableOf(result.suite, items.length, json.metrics, json.seconds) };
  },
}));

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
    if (group === "interval" || typeof parts !== "object" || parts === null || Array.isArray(parts)) continue;
    lines.push(group);
    for (const [name, part] of Object.entries(parts as Metrics)) lines.push(`  ${name.padEnd(18)} ${figures(part)}`);
  }
  return lines.join("\n");
}

function figures(part: Metrics[string]): string {
  if (typeof part === "number") return part.toFixed(3);
  if (typeof part !== "object" || part === null || Array.isArray(part)) return String(part);
  return Object.entries(part as Metrics).filter(([, value]) => typeof value === "number").map(([name, value]) => `${name} ${(value as number).toFixed(3)}`).join("  ");
}
