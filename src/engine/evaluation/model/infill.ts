// `evaluate infill`: what belongs into a gap, judged by the tests (HumanEval-Infilling, Bavarian et al. 2022) and by likeness; and
// `evaluate crossfile`: the next statement of a file with excerpts of others beside it (CrossCodeEval, Ding et al. 2023).
import { EngineError } from "../../base/errors.ts";
import { mean, meanInterval } from "../intervals.ts";
import { hasFields, readRows } from "../readSet.ts";
import { runItems } from "../runs/runItems.ts";
import { rounded } from "../suite.ts";
import type { EvaluationHooks, EvaluationResult, Metrics } from "../suite.ts";
import { judgeCompletion, readCodeTasks, rowFiles } from "./codeTasks.ts";
import type { CodeTask } from "./codeTasks.ts";
import type { EvaluatedModel, RunProgram } from "./evaluatedModel.ts";
import { editSimilarity, exactMatch } from "./textMatch.ts";

/** Of what stands around a gap, for the reader of an item. */
const SHOWN_CHARACTERS = 800;

export interface InfillOptions {
  readonly maxTokens: number;
  /** Null: nothing is run, and pass@1 is not told. */
  readonly run: RunProgram | null;
}

interface InfillResult {
  set: string;
  exactMatch: number;
  editSimilarity: number;
  "pass@1": number | null;
  text: string;
  expected: string;
  error: string;
  ms: number;
}

/** Errors: `dataInvalid`, `notFound`, `modelIncapable`, CancelledError. */
export async function evaluateInfill(place: string, model: EvaluatedModel, { maxTokens, run }: InfillOptions, hooks: EvaluationHooks = {}): Promise<EvaluationResult> {
  const began = performance.now();
  mustInfill(model);
  const tasks = (await readCodeTasks(place)).filter((task) => task.suffix !== "");
  if (tasks.length === 0) throw new EngineError("dataInvalid", `No task of ${place} has a gap to fill (a "suffix"). Evaluate whole functions with \`evaluate code\`.`, { place });
  const settings = { maxTokens, ran: run !== null, modelKey: model.key };
  const results = await runItems<CodeTask, InfillResult>({
    items: tasks, idOf: (task) => task.id, shown: ({ prompt, suffix }) => ({ before: prompt.slice(-SHOWN_CHARACTERS), behind: suffix.slice(0, SHOWN_CHARACTERS / 2) }), dependsOn: { suite: "infill", version: 1, ...settings },
    async compute(task) {
      // A gap of one line ends with it.
      const singleLine = !task.canonical.trimEnd().includes("\n") && task.canonical.endsWith("\n");
      const { text, ms } = await model.infill({ path: "solution.py", prefix: task.prompt, suffix: task.suffix, context: [] }, {
        maxTokens, temperature: 0, seed: 0, keepGoing: (soFar) => !singleLine || !soFar.trimStart().includes("\n"), ...(hooks.signal ? { signal: hooks.signal } : {}),
      });
      const written = singleLine ? `${(/^\s*[^\n]*/.exec(text)?.[0] ?? "")}\n` : text;
      const judged = run === null ? null : await judgeCompletion(task, written, run, hooks.signal);
      return { ...likeness(written, task.canonical), set: setOf(task.id), "pass@1": judged === null ? null : Number(judged.passed), text: written, expected: task.canonical, error: judged?.error ?? "", ms };
    },
    failed: (task, error) => ({ ...likeness("", task.canonical), exactMatch: 0, set: setOf(task.id), "pass@1": run === null ? null : 0, text: "", expected: task.canonical, error, ms: 0 }),
    ends: endsRun,
  }, hooks);
  const sets = [...new Set(results.map(({ set }) => set))];
  const names = run === null ? LIKENESS : ["pass@1", ...LIKENESS] as const;
  return resultOf("infill", results, names, { model: model.name, ...settings }, began, sets.length > 1 ? { bySet: Object.fromEntries(sets.map((set) => [set, metricsOf(results.filter((result) => result.set === set), names)])) } : {});
}

interface CrossfileRow {
  prompt: string;
  groundtruth: string;
  right_context?: string;
  metadata: { task_id: string; file?: string };
  crossfile_context?: { text?: string; list?: readonly { filename?: string; retrieved_chunk?: string }[] };
}

interface CrossfileResult {
  exactMatch: number;
  editSimilarity: number;
  "withoutContext.exactMatch": number;
  "withoutContext.editSimilarity": number;
  text: string;
  expected: string;
  ms: number;
}

/** Errors: `dataInvalid`, `notFound`, `modelIncapable`, CancelledError. */
export async function evaluateCrossfile(place: string, model: EvaluatedModel, { maxTokens }: Pick<InfillOptions, "maxTokens">, hooks: EvaluationHooks = {}): Promise<EvaluationResult> {
  const began = performance.now();
  mustInfill(model);
  const rows: CrossfileRow[] = [];
  for (const file of rowFiles(place)) rows.push(...await readRows(file, (value): value is CrossfileRow => hasFields(value, { prompt: "string", groundtruth: "string", metadata: "object" }), "{prompt, groundtruth, metadata}"));
  const settings = { maxTokens, modelKey: model.key };
  const results = await runItems<CrossfileRow, CrossfileResult>({
    items: rows, idOf: (row) => row.metadata.task_id, shown: ({ prompt, right_context: behind = "" }) => ({ before: prompt.slice(-SHOWN_CHARACTERS), behind: behind.slice(0, SHOWN_CHARACTERS / 2) }), dependsOn: { suite: "crossfile", version: 1, ...settings },
    async compute(row) {
      const write = async (context: { path: string; text: string }[]) => {
        const { text, ms } = await model.infill({ path: row.metadata.file ?? "file.py", prefix: row.prompt, suffix: row.right_context ?? "", context }, {
          maxTokens, temperature: 0, seed: 0, keepGoing: (soFar) => !soFar.trimStart().includes("\n"), ...(hooks.signal ? { signal: hooks.signal } : {}),
        });
        return { text: (/^\s*[^\n]*/.exec(text)?.[0] ?? "").trim(), ms };
      };
      // The set's excerpts, most useful first; a prompt cuts from the front.
      const excerpts = (row.crossfile_context?.list ?? []).map((part) => ({ path: part.filename ?? "", text: part.retrieved_chunk ?? "" })).reverse();
      const [without, withContext] = [await write([]), await write(excerpts)];
      const bare = likeness(without.text, row.groundtruth);
      return { ...likeness(withContext.text, row.groundtruth), "withoutContext.exactMatch": bare.exactMatch, "withoutContext.editSimilarity": bare.editSimilarity, text: withContext.text, expected: row.groundtruth, ms: withContext.ms };
    },
    failed: (row) => ({ exactMatch: 0, editSimilarity: 0, "withoutContext.exactMatch": 0, "withoutContext.editSimilarity": 0, text: "", expected: row.groundtruth, ms: 0 }),
    ends: endsRun,
  }, hooks);
  return resultOf("crossfile", results, LIKENESS, { model: model.name, ...settings }, began, {
    withoutContext: Object.fromEntries(LIKENESS.map((name) => [name, rounded(mean(results.map((result) => result[`withoutContext.${name}`])))])),
  });
}

const LIKENESS = ["exactMatch", "editSimilarity"] as const;

function likeness(text: string, expected: string): { exactMatch: number; editSimilarity: number } {
  return { exactMatch: Number(exactMatch(text, expected)), editSimilarity: rounded(editSimilarity(text, expected)) };
}

type Scored = { readonly [name in "exactMatch" | "editSimilarity"]: number } & { readonly "pass@1"?: number | null };

function metricsOf(results: readonly Scored[], names: readonly ("exactMatch" | "editSimilarity" | "pass@1")[]): Metrics {
  return { n: results.length, ...Object.fromEntries(names.map((name) => [name, rounded(mean(results.map((result) => result[name] ?? 0)))])) };
}

function resultOf(suite: string, results: readonly (Scored & { id: string })[], names: readonly ("exactMatch" | "editSimilarity" | "pass@1")[], settings: Record<string, unknown>, began: number, more: Metrics): EvaluationResult {
  return {
    suite, n: results.length, seconds: (performance.now() - began) / 1000, items: results, settings,
    metrics: { ...metricsOf(results, names), interval: Object.fromEntries(names.map((name) => [name, meanInterval(results.map((result) => result[name] ?? 0)).map(rounded)])), ...more },
  };
}

function setOf(id: string): string {
  return id.includes("/") ? id.slice(0, id.indexOf("/")) : "all";
}

function mustInfill(model: EvaluatedModel): void {
  if (!model.abilities.infill) throw new EngineError("modelIncapable", `${model.name} fills no gaps: it has no infill tokens. Choose a model for code completion.`, { model: model.name });
}

function endsRun(error: unknown): boolean {
  return error instanceof EngineError && ["modelIncapable", "nativeMissing", "noModel"].includes(error.reason);
}
