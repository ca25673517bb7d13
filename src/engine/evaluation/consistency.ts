// evaluate consistency: among several samples of one task, does agreement tell the right ones from the wrong? AUROC over all samples
// of all tasks, and how often the sample that agrees most is right. It compares nothing itself and runs no code: functions do.
import { stat } from "node:fs/promises";
import { EngineError } from "../base/errors.ts";
import { auroc, aurocInterval, groupedInterval } from "./auroc.ts";
import { fileOf, hasFields, readRows } from "./readSet.ts";
import { rounded } from "./suite.ts";
import type { EvaluationHooks, EvaluationResult } from "./suite.ts";

export interface ConsistencyRow {
  readonly task_id: string;
  readonly prompt: string;
  readonly samples: readonly string[];
  /** One a sample, or the share of tests that passed: 1 is right. */
  readonly passed: readonly (number | boolean)[];
  /** The function that is asked for; the last one that the prompt begins where absent. */
  readonly entry_point?: string;
}

/** Scores of a task's samples, by name of the method; the larger the more likely right. The first method is the shipped one. */
export interface ConsistencyFunctions {
  readonly methods: readonly string[];
  score(row: ConsistencyRow, signal?: AbortSignal): Promise<Readonly<Record<string, readonly number[]>>>;
  readonly settings: Readonly<Record<string, unknown>>;
}

interface Judged {
  readonly group: string;
  readonly right: readonly boolean[];
  readonly scores: Readonly<Record<string, readonly number[]>>;
}

export async function evaluateConsistency(data: string, functions: ConsistencyFunctions, hooks: EvaluationHooks = {}): Promise<EvaluationResult> {
  const started = performance.now();
  const rows = await readRows(await fileIn(data), isRow, "an object with task_id, prompt, samples and, one a sample, passed");
  const judged: Judged[] = [];
  for (const row of rows) {
    hooks.signal?.throwIfAborted();
    judged.push({ group: row.task_id, right: row.passed.map((passed) => Number(passed) >= 1), scores: await functions.score(row, hooks.signal) });
    hooks.onProgress?.(judged.length, rows.length);
  }
  const [shipped = ""] = functions.methods;
  const figures = (method: string): { auroc: number; "selectedPass@1": number } => ({ auroc: rounded(auroc(casesOf(judged, method))), "selectedPass@1": rounded(mean(judged.map((task) => selected(task, method)))) });
  return {
    suite: "consistency", n: rows.length,
    metrics: {
      ...figures(shipped),
      samples: judged.reduce((sum, { right }) => sum + right.length, 0),
      "randomPass@1": rounded(mean(judged.map(({ right }) => mean(right.map(Number))))),
      interval: {
        auroc: aurocInterval(casesOf(judged, shipped)).map(rounded),
        "selectedPass@1": groupedInterval(judged, (tasks) => mean(tasks.map((task) => selected(task, shipped)))).map(rounded),
      },
      methods: Object.fromEntries(functions.methods.map((method) => [method, figures(method)])),
    },
    settings: functions.settings, seconds: (performance.now() - started) / 1000,
    items: judged.map(({ group, right, scores }) => ({ id: group, right: right.filter(Boolean).length, n: right.length, scores: scores[shipped], passed: right })),
  };
}

async function fileIn(data: string): Promise<string> {
  const found = await stat(data).catch((error: unknown) => { throw new EngineError("notFound", `${data} is not there. Name the file or folder of the set with --data.`, { data }, error); });
  return found.isDirectory() ? fileOf(data, "codet.jsonl", "consistency.jsonl", "samples.jsonl") : data;
}

function isRow(value: unknown): value is ConsistencyRow {
  if (!hasFields(value, { task_id: "string", prompt: "string", samples: "array", passed: "array" })) return false;
  const { samples, passed } = value as { samples: unknown[]; passed: unknown[] };
  return samples.length > 0 && samples.length === passed.length && samples.every((sample) => typeof sample === "string") && passed.every((one) => typeof one === "number" || typeof one === "boolean");
}

function casesOf(judged: readonly Judged[], method: string): { score: number; positive: boolean; group: string }[] {
  return judged.flatMap(({ group, right, scores }) => right.map((positive, at) => ({ score: scores[method]![at]!, positive, group })));
}

/** How often the best sample is right, those that score alike counting alike. */
function selected({ right, scores }: Judged, method: string): number {
  const best = Math.max(...scores[method]!);
  return mean(right.filter((_, at) => scores[method]![at] === best).map(Number));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
