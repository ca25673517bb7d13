// The suites of `kalactica evaluate` that need an engine: those in which the loaded model writes, and those about an open folder.
import { evaluateCode } from "../evaluation/model/code.ts";
import type { EvaluatedModel, RunProgram } from "../evaluation/model/evaluatedModel.ts";
import { evaluateCrossfile, evaluateInfill } from "../evaluation/model/infill.ts";
import { recommend } from "../evaluation/completion.ts";
import type { EvaluationResult } from "../evaluation/suite.ts";
import { SILENT_LOG } from "../base/log.ts";
import { withSandbox } from "../tasks/evaluateModel.ts";
import { runLatency } from "../tasks/evaluateLatency.ts";
import { refreshIndex } from "./askAndSearch.ts";
import { integerOption, UsageError } from "./command.ts";
import type { CommandContext, OptionSpec } from "./command.ts";
import type { Suite } from "./evaluateSuite.ts";
import { withEngine } from "./openEngine.ts";

const MAX_TOKENS: OptionSpec = { type: "value", placeholder: "N", description: "The most that is written for one item, in tokens." };

export const MODEL_SUITES: Readonly<Record<string, Suite>> = {
  code: {
    summary: "Functions written from their description, judged by their tests in the sandbox (rows of HumanEval or MBXP).",
    options: {
      samples: { type: "value", placeholder: "N", description: "Samples a task, for pass@k. Default: 1." },
      temperature: { type: "value", placeholder: "T", description: "Of the sampling. Default: 0 for one sample, 0.8 for more." },
      "max-tokens": { ...MAX_TOKENS, description: `${MAX_TOKENS.description} Default: 256.` },
      writer: { type: "value", placeholder: "WHO", description: "Judge the model (default), or the set's own solutions: canonical must all pass, mutated must all fail." },
    },
    run(data, hooks, context) {
      const samples = integerOption(context.values, "samples", 1);
      const writer = context.values.get("writer") ?? "model";
      if (writer !== "model" && writer !== "canonical" && writer !== "mutated") throw new UsageError(`--writer is "${writer}", but must be model, canonical or mutated.`);
      const options = { samples, temperature: temperatureOf(context, samples), maxTokens: integerOption(context.values, "max-tokens", 256), seed: integerOption(context.values, "seed", 1, 0), writer } as const;
      return withModel(context, (model, run) => evaluateCode(data, model, run, options, hooks));
    },
  },
  infill: {
    summary: "What belongs into a gap, judged by the tests and by likeness (rows of HumanEval-Infilling).",
    options: {
      "max-tokens": { ...MAX_TOKENS, description: `${MAX_TOKENS.description} Default: 96.` },
      "no-run": { type: "flag", description: "Run nothing: exact match and edit similarity only." },
    },
    run(data, hooks, context) {
      const maxTokens = integerOption(context.values, "max-tokens", 96);
      return withModel(context, (model, run) => evaluateInfill(data, model, { maxTokens, run: context.flags.has("no-run") ? null : run }, hooks));
    },
  },
  crossfile: {
    summary: "The next statement of a file, with and without excerpts of other files (rows of CrossCodeEval).",
    options: { "max-tokens": { ...MAX_TOKENS, description: `${MAX_TOKENS.description} Default: 48.` } },
    run(data, hooks, context) {
      const maxTokens = integerOption(context.values, "max-tokens", 48);
      return withModel(context, (model) => evaluateCrossfile(data, model, { maxTokens }, hooks));
    },
  },
  completion: {
    summary: "Endings of lines that the folder's last commits added (--workspace), with the look-up as it stood before them.",
    data: "none",
    options: {
      commits: { type: "value", placeholder: "N", description: "How many of the last commits. Default: 50." },
      count: { type: "value", short: "n", placeholder: "N", description: "How many endings. Default: 200." },
      models: { type: "value", placeholder: "A,B", description: "Measure several models and recommend one: ids, or all for every installed one that fills gaps." },
    },
    async run(_data, hooks, context) {
      const options = { commits: integerOption(context.values, "commits", 50), n: integerOption(context.values, "count", 200), seed: integerOption(context.values, "seed", 1, 0) };
      const measure = (model: string | null): Promise<EvaluationResult> => withEngine(model === null ? context : { ...context, values: new Map([...context.values, ["model", model]]) }, { workspace: true }, (engine) => engine.evaluateCompletion(options, hooks));
      const wanted = context.values.get("models");
      if (wanted === undefined) return measure(null);
      const models = wanted === "all" ? await withEngine(context, { workspace: false }, async (engine) => (await engine.listModels()).filter(({ installed, capabilities }) => installed && capabilities.infill).map(({ id }) => id)) : wanted.split(",").map((id) => id.trim()).filter((id) => id !== "");
      const results: EvaluationResult[] = [];
      for (const model of models) {
        context.progress.say(`${model} (${results.length + 1} of ${models.length})`);
        results.push(await measure(model));
      }
      return bestOf(models, results);
    },
  },
  latency: {
    summary: "How long search, answers and completions take on the folder (--workspace).",
    data: "none",
    options: { count: { type: "value", short: "n", placeholder: "N", description: "How many of each. Default: 30." } },
    run: (_data, hooks, context) => withEngine(context, { workspace: true }, async (engine) => {
      await refreshIndex(engine, context);
      await engine.loadModel();
      await engine.prepareCompletion();
      return runLatency(engine, { n: integerOption(context.values, "count", 30, 2), seed: integerOption(context.values, "seed", 1, 0) }, hooks);
    }),
  },
};

/** What a suggestion may take while typing (ms), for a model to be recommended. */
const MOST_MS = 400;

/** The result of the model to recommend, with the others' figures beside it. */
function bestOf(models: readonly string[], results: readonly EvaluationResult[]): EvaluationResult {
  const figures = results.map(({ metrics }, at) => ({ name: models[at] ?? "", exact: Number(metrics["exact"]), p95Ms: Number(metrics["p95Ms"]) }));
  const recommended = recommend(figures, MOST_MS);
  const best = results[Math.max(0, models.indexOf(recommended ?? ""))];
  if (best === undefined) throw new UsageError("--models names no model that fills gaps. `kalactica models list` shows what is installed.");
  const byModel = Object.fromEntries(results.map(({ metrics }, at) => [models[at] ?? "", Object.fromEntries(["shown", "exactOfShown", "exact", "p50Ms", "p95Ms"].map((name) => [name, metrics[name] ?? null]))]));
  return { ...best, settings: { ...best.settings, recommended, mostMs: MOST_MS }, metrics: { ...best.metrics, models: byModel } };
}

function temperatureOf(context: CommandContext, samples: number): number {
  const text = context.values.get("temperature");
  if (text === undefined) return samples > 1 ? 0.8 : 0;
  const temperature = Number(text);
  if (!(temperature >= 0 && temperature <= 2)) throw new UsageError(`--temperature is "${text}", but must be a number from 0 to 2.`);
  return temperature;
}

function withModel<T>(context: CommandContext, work: (model: EvaluatedModel, run: RunProgram) => Promise<T>): Promise<T> {
  return withEngine(context, { workspace: false }, (engine) => withSandbox(SILENT_LOG, async (run) => work(await engine.evaluatedModel(), run)));
}
