// `evaluate code`: a function is written from its signature and description, and judged by the set's own tests in the sandbox.
// HumanEval (Chen et al. 2021) and MBXP (Athiwaratkun et al. 2022); pass@k without bias.
import { EngineError } from "../../base/errors.ts";
import { mean, meanInterval } from "../intervals.ts";
import { runItems } from "../runs/runItems.ts";
import { rounded } from "../suite.ts";
import type { EvaluationHooks, EvaluationResult, Metrics } from "../suite.ts";
import { cutAtEnd, judgeCompletion, readCodeTasks } from "./codeTasks.ts";
import type { CodeTask } from "./codeTasks.ts";
import type { EvaluatedModel, RunProgram } from "./evaluatedModel.ts";
import { passAtK } from "./passAtK.ts";

/** Of a task, for its reader: what stands before the gap, and what belongs into it. */
const SHOWN_CHARACTERS = 2_000;

export interface CodeOptions {
  /** Samples a task; pass@k is told for every k up to it that is 1, 5, 10 or 100. */
  readonly samples: number;
  /** Of the sampling; 0 (the default for one sample) takes the likeliest token. */
  readonly temperature: number;
  readonly maxTokens: number;
  readonly seed: number;
  /** Whose writing is judged: the model's; the set's own solutions, which must all pass; or those with their result spoiled, which must not. */
  readonly writer: "model" | "canonical" | "mutated";
}

interface CodeResult {
  language: string;
  samples: number;
  passed: number;
  compiled: number;
  outcome: string;
  text: string;
  error: string;
  ms: number;
}

const K = [1, 5, 10, 100] as const;

/** Errors: `dataInvalid`, `notFound`, `modelIncapable`, CancelledError. */
export async function evaluateCode(place: string, model: EvaluatedModel, run: RunProgram, options: CodeOptions, hooks: EvaluationHooks = {}): Promise<EvaluationResult> {
  const began = performance.now();
  const tasks = (await readCodeTasks(place)).filter((task) => task.suffix === "");
  if (tasks.length === 0) throw new EngineError("dataInvalid", `${place} has tasks with a gap to fill only. Evaluate them with \`evaluate infill\`.`, { place });
  if (options.writer === "model" && !model.abilities.infill && !model.abilities.answer) throw new EngineError("modelIncapable", `${model.name} neither fills gaps nor answers, so it cannot write code.`, { model: model.name });
  const settings = { writer: options.writer, ...(options.writer === "model" ? { ...options, modelKey: model.key } : {}) };
  const results = await runItems<CodeTask, CodeResult>({
    items: tasks, idOf: (task) => task.id, shown: ({ prompt, canonical }) => ({ prompt: prompt.slice(-SHOWN_CHARACTERS), expected: canonical.slice(0, SHOWN_CHARACTERS) }), dependsOn: { suite: "code", version: 2, ...settings },
    compute: (task) => judge(task, model, run, options, hooks.signal),
    failed: (task, error) => ({ language: task.language, samples: options.samples, passed: 0, compiled: 0, outcome: "notRun", text: "", error, ms: 0 }),
    ends: (error) => error instanceof EngineError && (error.reason === "modelIncapable" || error.reason === "nativeMissing" || error.reason === "noModel"),
  }, hooks);
  const passAt = (k: number, of: readonly CodeResult[]): number[] => of.map(({ samples, passed }) => passAtK(samples, passed, k));
  const metricsOf = (of: readonly CodeResult[]): Metrics => ({
    n: of.length,
    ...Object.fromEntries(K.filter((k) => k <= samplesOf(options)).map((k) => [`pass@${k}`, rounded(mean(passAt(k, of)))])),
    compileRate: rounded(mean(of.map(({ samples, compiled }) => compiled / samples))),
  });
  const languages = [...new Set(results.map(({ language }) => language))];
  return {
    suite: "code", n: results.length, seconds: (performance.now() - began) / 1000, items: results.map((result) => ({ ...result, "pass@1": result.passed / result.samples })),
    settings: { model: model.name, ...settings },
    metrics: {
      ...metricsOf(results), interval: { "pass@1": meanInterval(passAt(1, results)).map(rounded) },
      ...(languages.length > 1 ? { byLanguage: Object.fromEntries(languages.map((language) => [language, metricsOf(results.filter((result) => result.language === language))])) } : {}),
    },
  };
}

function samplesOf({ samples, writer }: CodeOptions): number {
  return writer === "model" ? samples : 1;
}

async function judge(task: CodeTask, model: EvaluatedModel, run: RunProgram, options: CodeOptions, signal?: AbortSignal): Promise<CodeResult> {
  const samples = samplesOf(options);
  const texts: string[] = [];
  let ms = 0;
  for (let sample = 0; sample < samples; sample++) {
    if (options.writer !== "model") {
      texts.push(options.writer === "canonical" ? task.canonical : mutated(task));
      continue;
    }
    const written = await write(task, model, { ...options, seed: options.seed + sample }, signal);
    ms += written.ms;
    texts.push(written.text);
  }
  // The same text has the same end: greedy draws, and short ones, repeat.
  const judged = new Map<string, Awaited<ReturnType<typeof judgeCompletion>>>();
  for (const text of texts) if (!judged.has(text)) judged.set(text, await judgeCompletion(task, text, run, signal));
  const all = texts.map((text) => judged.get(text)).filter((judgement) => judgement !== undefined);
  const first = all[0];
  return {
    language: task.language, samples, passed: all.filter(({ passed }) => passed).length, compiled: all.filter(({ compiled }) => compiled).length,
    outcome: first?.outcome ?? "notRun", text: texts[0] ?? "", error: first?.error ?? "", ms,
  };
}

/** Models that answer are asked; the others go on writing the file. */
async function write(task: CodeTask, model: EvaluatedModel, options: CodeOptions, signal?: AbortSignal): Promise<{ text: string; ms: number }> {
  const sampling = { maxTokens: options.maxTokens, temperature: options.temperature, seed: options.seed, ...(signal ? { signal } : {}) };
  if (model.abilities.answer) {
    const { text, ms } = await model.answer(`Complete this ${task.language} function. Reply with the whole function in one code block and nothing else.\n\n\`\`\`${task.language}\n${task.prompt}\n\`\`\``, sampling);
    const code = fenced(text);
    // A reply that repeats the function is a program of its own, behind the prompt's imports.
    return { text: code.includes(task.entryPoint) ? `${task.language === "python" ? `${indentOf(task)}pass` : "}"}\n\n${code}` : code, ms };
  }
  const { text, ms } = await model.infill({ path: `solution.${task.language === "python" ? "py" : task.language === "javascript" ? "js" : "ts"}`, prefix: task.prompt, suffix: "", context: [], continues: true }, {
    ...sampling, keepGoing: (soFar) => cutAtEnd(task, soFar) === soFar,
  });
  return { text: cutAtEnd(task, text), ms };
}

function fenced(text: string): string {
  return /```[\w+-]*\n([\s\S]*?)(?:```|$)/.exec(text)?.[1] ?? text;
}

function indentOf(task: CodeTask): string {
  return /^([ \t]+)\S/m.exec(task.prompt)?.[1] ?? "    ";
}

/** The set's solution with every result it returns replaced, which its tests must notice. */
export function mutated(task: CodeTask): string {
  if (task.language === "python") return task.canonical.replace(/\b(?:return|yield)\b(?:[ \t]+[^\n]+)?/g, "return object()").replace(/object\(\)[^\n]*(?=\n[ \t]*[)\]}])/g, "object()");
  return task.canonical.replace(/\breturn\b/g, 'return "spoiled"; ');
}
