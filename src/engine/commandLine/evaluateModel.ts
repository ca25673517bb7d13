// The suites of `kalactica evaluate` that need an engine: their options on the command line. What they do is in tasks/evaluationSuites.ts.
import { recommend } from "../evaluation/completion.ts";
import type { EvaluationResult } from "../evaluation/suite.ts";
import { ENGINE_SUITES } from "../tasks/evaluationSuites.ts";
import type { SuiteOptions } from "../tasks/evaluationSuites.ts";
import { integerOption, UsageError } from "./command.ts";
import type { CommandContext, OptionSpec } from "./command.ts";
import type { Suite } from "./evaluateSuite.ts";
import { withEngine } from "./openEngine.ts";

const OPTIONS = {
  "max-tokens": { type: "value", placeholder: "N", description: "The most that is written for one item, in tokens." },
  samples: { type: "value", placeholder: "N", description: "Samples a task, for pass@k. Default: 1." },
  temperature: { type: "value", placeholder: "T", description: "Of the sampling. Default: 0 for one sample, 0.8 for more." },
  writer: { type: "value", placeholder: "WHO", description: "Judge the model (default), or the set's own solutions: canonical must all pass, mutated must all fail." },
  "no-run": { type: "flag", description: "Run nothing: exact match and edit similarity only." },
  commits: { type: "value", placeholder: "N", description: "How many of the last commits. Default: 50." },
  count: { type: "value", short: "n", placeholder: "N", description: "How many cases." },
  models: { type: "value", placeholder: "A,B", description: "Measure several models and recommend one: ids, or all for every installed one that fills gaps." },
} as const satisfies Record<string, OptionSpec>;

const OF_SUITE: Readonly<Record<string, readonly (keyof typeof OPTIONS)[]>> = {
  code: ["samples", "temperature", "max-tokens", "writer"], infill: ["max-tokens", "no-run"], crossfile: ["max-tokens"], latency: ["count"], completion: ["commits", "count", "models"], repository: ["commits", "count", "models"],
};

export const MODEL_SUITES: Readonly<Record<string, Suite>> = Object.fromEntries(Object.entries(ENGINE_SUITES).map(([name, suite]): [string, Suite] => [name, {
  summary: suite.summary, data: suite.needs === "data" ? "required" : suite.needs === "either" ? "optional" : "none",
  options: Object.fromEntries((OF_SUITE[name] ?? []).map((option) => [option, OPTIONS[option]])),
  run(data, hooks, context) {
    const options = optionsOf(context);
    const measure = (model: string | null): Promise<EvaluationResult> => withEngine(model === null ? context : { ...context, values: new Map([...context.values, ["model", model]]) }, { workspace: suite.needs !== "data" }, (engine) => suite.run(engine, data, hooks, options));
    const models = context.values.get("models");
    return models === undefined || name === "repository" ? measure(null) : measureAll(models, context, measure);
  },
}]));

function optionsOf(context: CommandContext): SuiteOptions {
  const whole = (option: string, name: keyof SuiteOptions, least = 1): SuiteOptions => context.values.has(option) ? { [name]: integerOption(context.values, option, null, least) } : {};
  const writer = context.values.get("writer");
  if (writer !== undefined && writer !== "model" && writer !== "canonical" && writer !== "mutated") throw new UsageError(`--writer is "${writer}", but must be model, canonical or mutated.`);
  const temperature = context.values.get("temperature");
  const models = context.values.get("models");
  if (temperature !== undefined && !(Number(temperature) >= 0 && Number(temperature) <= 2)) throw new UsageError(`--temperature is "${temperature}", but must be a number from 0 to 2.`);
  return {
    ...whole("seed", "seed", 0), ...whole("count", "n", 2), ...whole("commits", "commits"), ...whole("max-tokens", "maxTokens"), ...whole("samples", "samples"),
    ...(models === undefined || models === "all" ? {} : { models: models.split(",").map((id) => id.trim()).filter((id) => id !== "") }),
    ...(writer === undefined ? {} : { writer }), ...(temperature === undefined ? {} : { temperature: Number(temperature) }), ...(context.flags.has("no-run") ? { run: false } : {}),
  };
}

/** What a suggestion may take while typing (ms), for a model to be recommended. */
const MOST_MS = 400;

/** The result of the model to recommend, with the others' figures beside it. */
async function measureAll(wanted: string, context: CommandContext, measure: (model: string) => Promise<EvaluationResult>): Promise<EvaluationResult> {
  const models = wanted !== "all" ? wanted.split(",").map((id) => id.trim()).filter((id) => id !== "")
    : await withEngine(context, { workspace: false }, async (engine) => (await engine.listModels()).filter(({ installed, capabilities }) => installed && capabilities.infill).map(({ id }) => id));
  const results: EvaluationResult[] = [];
  for (const model of models) {
    context.progress.say(`${model} (${results.length + 1} of ${models.length})`);
    results.push(await measure(model));
  }
  const recommended = recommend(results.map(({ metrics }, at) => ({ name: models[at] ?? "", exact: Number(metrics["exact"]), p95Ms: Number(metrics["p95Ms"]) })), MOST_MS);
  const best = results[Math.max(0, models.indexOf(recommended ?? ""))];
  if (best === undefined) throw new UsageError("--models names no model that fills gaps. `kalactica models list` shows what is installed.");
  const byModel = Object.fromEntries(results.map(({ metrics }, at) => [models[at] ?? "", Object.fromEntries(["shown", "exactOfShown", "exact", "p50Ms", "p95Ms"].map((name) => [name, metrics[name] ?? null]))]));
  return { ...best, settings: { ...best.settings, recommended, mostMs: MOST_MS }, metrics: { ...best.metrics, models: byModel } };
}
