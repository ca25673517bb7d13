// A small reward model of one user's taste, fitted on recorded preferences and judgements: Bradley–Terry logistic
// regression over features of replies. It is given out only where it judges unseen feedback better than chance and better
// than length alone; otherwise a sentence says why not. Pairs from features.ts, mathematics from bradleyTerry.ts.
import { readFile } from "node:fs/promises";
import { EngineError } from "../../base/errors.ts";
import { sha256, writeFileAtomic } from "../../base/files.ts";
import { SeededRandom } from "../../base/random.ts";
import type { Reward } from "../../base/reward.ts";
import type { TrainingRecord } from "../../base/trainingRecord.ts";
import { fitTemperature, score, sigmoid, softplus } from "./bradleyTerry.ts";
import { fitFeedback, scaled, scoresOfUnseen } from "./crossValidation.ts";
import type { Feedback, Judged } from "./crossValidation.ts";
import { featureNames, featuresOf, LENGTH_FEATURE, promptText } from "./features.ts";
import type { FeatureSources } from "./features.ts";

/** Fewer pieces of feedback (pairs and judgements) than this say too little: at 40, an accuracy of 66 % is just above chance (95 %). */
export const FEWEST = 40;
/** Accuracy on unseen feedback must beat length alone in this share of bootstrap draws. */
const BETTER_SHARE = 0.95;
const DRAWS = 2000;
const FORMAT = "kalactica.rewardModel.1";

/** How the model judges feedback that it was not fitted on. */
export interface RewardModelReport {
  readonly pairs: number;
  readonly judged: number;
  /** Share judged rightly, with a 95 % interval (bootstrap over feedback). */
  readonly accuracy: number;
  readonly interval: readonly [low: number, high: number];
  /** The same of a model of length alone. */
  readonly lengthAccuracy: number;
  /** Mean log loss after calibration; log 2 = 0.693 is chance. */
  readonly logLoss: number;
  /** Expected calibration error in ten bins. */
  readonly calibrationError: number;
  readonly lambda: number;
  /** The features that weigh most, by weight per deviation. */
  readonly strongest: readonly { readonly feature: string; readonly weight: number }[];
}

export interface RewardModel {
  readonly format: typeof FORMAT;
  readonly features: readonly string[];
  readonly embedding: string | null;
  readonly likelihood: string | null;
  readonly mean: readonly number[];
  /** Null for a feature that never changed. */
  readonly deviation: readonly (number | null)[];
  readonly weights: readonly number[];
  readonly intercept: number;
  /** Factor of the score before σ. */
  readonly temperature: number;
  readonly report: RewardModelReport;
}

export type FittedRewardModel =
  | { readonly model: RewardModel; readonly report: RewardModelReport; readonly sentence: string }
  /** Not good enough to train with; `report` where there was enough feedback to measure. */
  | { readonly model: null; readonly report: RewardModelReport | null; readonly sentence: string };

/** Fits on preference and judged records (others are passed over). Errors: `cancelled`, those of `sources`. */
export async function fitRewardModel(records: Iterable<TrainingRecord> | AsyncIterable<TrainingRecord>, sources: FeatureSources, options: { readonly seed: number; readonly signal?: AbortSignal }): Promise<FittedRewardModel> {
  const feedback = await feedbackOf(records, sources, options.signal);
  const pairs = feedback.filter((item) => item.rejected !== undefined).length;
  const judged = feedback.length - pairs;
  if (feedback.length < FEWEST) {
    return { model: null, report: null, sentence: `There are ${feedback.length} pieces of feedback; a reward model needs at least ${FEWEST}. Work with completions and answers for a while and rate some.` };
  }
  const names = featureNames(sources);
  const all = names.map((_, i) => i);
  const length = [names.indexOf(LENGTH_FEATURE)];
  const random = new SeededRandom(options.seed);
  const unseen = scoresOfUnseen(feedback, all, random);
  const byLength = scoresOfUnseen(feedback, length, random);
  const { scaling, coefficients, lambda } = fitFeedback(feedback, all, random);
  const temperature = fitTemperature(unseen);
  const right = unseen.map(isRight), lengthRight = byLength.map(isRight);
  const { interval, betterShare } = bootstrap(right, lengthRight, random);
  const report: RewardModelReport = {
    pairs, judged, accuracy: mean(right), interval, lengthAccuracy: mean(lengthRight), lambda,
    logLoss: mean(unseen.map(({ z, outcome }) => softplus((outcome === 1 ? -1 : 1) * temperature * z))),
    calibrationError: calibrationError(unseen, temperature),
    strongest: names.map((feature, i) => ({ feature, weight: coefficients.weights[i] ?? 0 })).sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight)).slice(0, 5),
  };
  const percent = (value: number): string => `${(100 * value).toFixed(0)} %`;
  const figures = `On feedback that it had not seen it was right in ${percent(report.accuracy)} of ${feedback.length} cases (95 % interval ${percent(interval[0])} to ${percent(interval[1])}); length alone in ${percent(report.lengthAccuracy)}.`;
  if (interval[0] <= 0.5) return { model: null, report, sentence: `The feedback shows no preference that replies' features explain. ${figures} No reward model was made.` };
  if (betterShare < BETTER_SHARE) return { model: null, report, sentence: `The reward model does not clearly beat length alone. ${figures} Training with it would only change how long replies are; no reward model was made.` };
  const model: RewardModel = {
    format: FORMAT, features: names, embedding: sources.embedding?.id ?? null, likelihood: sources.likelihood?.id ?? null,
    mean: [...scaling.mean], deviation: [...scaling.deviation].map((value) => Number.isFinite(value) ? value : null),
    weights: [...coefficients.weights], intercept: coefficients.intercept, temperature, report,
  };
  return { model, report, sentence: `A reward model was fitted. ${figures}` };
}

/** The model as a reward: the probability that a reply is better than the average one it was fitted on. Errors: `badRequest` for other sources. */
export function preferenceReward(model: RewardModel, sources: FeatureSources): Reward {
  const names = featureNames(sources);
  if ((sources.embedding?.id ?? null) !== model.embedding || (sources.likelihood?.id ?? null) !== model.likelihood || names.join("\n") !== model.features.join("\n")) {
    throw new EngineError("badRequest", "The reward model was fitted on other features than are given now (another embedding, another base model or an older version). Fit it again.", { fitted: [model.embedding, model.likelihood], given: [sources.embedding?.id, sources.likelihood?.id] });
  }
  const columns = names.map((_, i) => i);
  const scaling = { mean: Float64Array.from(model.mean), deviation: Float64Array.from(model.deviation, (value) => value ?? Infinity) };
  const weights = Float64Array.from(model.weights);
  return {
    name: "preference",
    async score(task, reply, signal) {
      if (reply.trim() === "") return 0;
      const [row] = await featuresOf([{ prompt: task.prompt, reply }], sources, signal);
      const probability = sigmoid(model.temperature * score(scaled(row as Float64Array, columns, scaling), weights));
      return Number.isFinite(probability) ? probability : 0;
    },
  };
}

export async function saveRewardModel(file: string, model: RewardModel): Promise<void> {
  await writeFileAtomic(file, `${JSON.stringify(model, null, 1)}\n`);
}

/** Errors: `dataInvalid` for a file that is none, is damaged or of another version. */
export async function loadRewardModel(file: string): Promise<RewardModel> {
  let model: RewardModel;
  try {
    model = JSON.parse(await readFile(file, "utf8")) as RewardModel;
  } catch (error) {
    throw new EngineError("dataInvalid", `${file} cannot be read as a reward model: ${error instanceof Error ? error.message : String(error)}. Fit it again.`, { file }, error);
  }
  const n = Array.isArray(model.features) ? model.features.length : -1;
  const numbers = (list: unknown): boolean => Array.isArray(list) && list.length === n && list.every((value) => Number.isFinite(value));
  const sound = model.format === FORMAT && numbers(model.mean) && numbers(model.weights) && Array.isArray(model.deviation) && model.deviation.length === n
    && model.deviation.every((value) => value === null || (Number.isFinite(value) && value > 0)) && Number.isFinite(model.temperature) && Number.isFinite(model.intercept);
  if (!sound) throw new EngineError("dataInvalid", `${file} is no reward model of this version, or it is damaged. Fit it again.`, { file, format: model.format });
  return model;
}

async function feedbackOf(records: Iterable<TrainingRecord> | AsyncIterable<TrainingRecord>, sources: FeatureSources, signal: AbortSignal | undefined): Promise<Feedback[]> {
  const feedback: Feedback[] = [];
  for await (const record of records) {
    if (record.kind === "preference") {
      const [x, rejected] = await featuresOf([{ prompt: record.prompt, reply: record.chosen }, { prompt: record.prompt, reply: record.rejected }], sources, signal) as [Float64Array, Float64Array];
      feedback.push({ group: sha256(promptText(record.prompt)), x, rejected });
    } else if (record.kind === "judged") {
      const [x] = await featuresOf([{ prompt: record.prompt, reply: record.completion }], sources, signal) as [Float64Array];
      feedback.push({ group: sha256(promptText(record.prompt)), x, good: record.good });
    }
  }
  return feedback;
}

/** 1 right, 0 wrong, a half where the model cannot tell. */
function isRight({ z, outcome }: Judged): number {
  return z === 0 ? 0.5 : (z > 0) === (outcome === 1) ? 1 : 0;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function bootstrap(right: readonly number[], baseline: readonly number[], random: SeededRandom): { interval: [number, number]; betterShare: number } {
  const accuracies: number[] = [];
  let better = 0;
  for (let draw = 0; draw < DRAWS; draw++) {
    let own = 0, other = 0;
    for (let i = 0; i < right.length; i++) {
      const j = random.integer(right.length);
      own += right[j] as number;
      other += baseline[j] as number;
    }
    accuracies.push(own / right.length);
    if (own > other) better++;
  }
  accuracies.sort((a, b) => a - b);
  return { interval: [accuracies[Math.floor(0.025 * DRAWS)] as number, accuracies[Math.floor(0.975 * DRAWS)] as number], betterShare: better / DRAWS };
}

function calibrationError(judged: readonly Judged[], temperature: number): number {
  const bins = Array.from({ length: 10 }, () => ({ probability: 0, outcome: 0 }));
  for (const { z, outcome, isPair } of judged) {
    // Every pair has the outcome 1: half of them are looked at the other way round, or the bins would say nothing.
    const turned = isPair && z < 0;
    const probability = sigmoid(temperature * (turned ? -z : z));
    const bin = bins[Math.min(9, Math.floor(probability * 10))];
    if (bin === undefined) continue;
    bin.probability += probability;
    bin.outcome += turned ? 1 - outcome : outcome;
  }
  return bins.reduce((sum, { probability, outcome }) => sum + Math.abs(probability - outcome), 0) / judged.length;
}
