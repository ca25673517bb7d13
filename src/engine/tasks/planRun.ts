// Before a run starts: which model, which version of the data, which whole configuration, and what memory and time it will
// take. Where the memory does not suffice, the configuration is shrunk, or the run refused, with a sentence either way.
// It starts nothing and writes nothing.
import { EngineError } from "../base/errors.ts";
import type { TrainingRecord } from "../base/trainingRecord.ts";
import type { DatasetInfo, RunEstimate, RunInfo, StartRunParams, TrainingMethod } from "../protocol/training.ts";
import type { ModelInfo } from "../protocol/types.ts";
import type { AdaptedModelOptions } from "../training/adaptedModel.ts";
import { Renderer } from "../training/samples/render.ts";
import type { SampleTokenizer } from "../training/samples/sampleTokenizer.ts";
import { describeSample } from "../training/samples/tokenSample.ts";
import { completeRunConfig } from "../training/tune/runConfig.ts";
import type { RunConfig } from "../training/tune/runConfig.ts";
import { rewardWeights } from "./taskRewards.ts";

export interface PlanParts {
  readonly model: ModelInfo & { readonly file: string };
  readonly dataset: { readonly info: DatasetInfo; train(): AsyncIterable<TrainingRecord> };
  readonly tokenizer: SampleTokenizer;
  /** Bytes that the model with its adapter takes while training. */
  memoryOf(options: AdaptedModelOptions): Promise<number>;
  readonly availableBytes: number;
  readonly threads: number;
  /** Earlier runs, for the speed of this machine. */
  readonly runs: readonly RunInfo[];
}

/** Records that are rendered to estimate the length of all. */
const RENDERED_RECORDS = 100;
/** Longest default sample (runConfig.ts: sequenceLength 0). */
const LONGEST_DEFAULT = 2048;
/** Shorter windows than this learn little of code. */
const SHORTEST_WINDOW = 128;
/** Left for everything else on the machine. */
const RESERVE_SHARE = 0.1;
/** The trainer's process itself, and what it reads data with (measured: 190 MB before a model is opened). */
const PROCESS_BYTES = 200e6;
const USES: Readonly<Record<TrainingMethod, string>> = {
  sft: "texts, conversations or examples", dpo: "preference pairs (prompt, chosen, rejected)", kto: "judged completions (prompt, completion, label)", grpo: "tasks (a prompt whose replies can be judged)",
};

/**
 * Errors: `badRequest` for a configuration that is none; `dataInvalid` where the data hold nothing that this method learns
 * from; `modelIncapable` where the model has no template for them. A run that does not fit is an estimate with `fits` false.
 */
export async function planRun(params: StartRunParams, parts: PlanParts): Promise<RunEstimate> {
  const { model, availableBytes } = parts;
  const asked = completeRunConfig(params.method, params.config ?? {});
  const sequenceLength = asked.sequenceLength || Math.min(model.contextSize, LONGEST_DEFAULT);
  const budget = availableBytes * (1 - RESERVE_SHARE);
  // Replies and samples are written by the same weights a second time (model/rollouts.ts).
  const beside = PROCESS_BYTES + model.sizeBytes;
  const memory = async (config: RunConfig): Promise<number> => beside + await parts.memoryOf({
    modelFile: model.file, adapter: config.adapter, optimizer: config.optimizer, threads: parts.threads,
    maxTokens: config.batchTokens || config.sequenceLength, ...(config.activationMb >= 0 ? { activationBytes: config.activationMb * 1e6 } : {}),
  });
  const shrunk: string[] = [];
  let config: RunConfig = { ...asked, sequenceLength };
  let memoryBytes = await memory(config);
  for (const { what, change } of smaller()) {
    if (memoryBytes <= budget) break;
    const next = change(config);
    if (next === null) continue;
    const bytes = await memory(next);
    if (bytes >= memoryBytes) continue;
    shrunk.push(what(next));
    config = next;
    memoryBytes = bytes;
  }
  const fits = memoryBytes <= budget;
  const data = await measure(params.method, config, parts);
  const perStep = params.method === "grpo" ? config.grpo.promptsPerStep : config.batchSize;
  const steps = Math.min(Math.max(1, Math.ceil((data.units * config.epochs) / perStep)), config.maxSteps || Infinity);
  const tokensPerStep = Math.round(data.tokensPerUnit * Math.min(perStep, data.units));
  return {
    memoryBytes, availableBytes, tokensPerStep, steps, fits,
    seconds: secondsOf(params.method, model.sha256, steps, tokensPerStep, parts.runs),
    sentence: sentenceOf(fits, memoryBytes, availableBytes, shrunk),
    config: config as unknown as Record<string, unknown>,
    sample: data.sample, rewards: data.rewards,
  };
}

interface Shrinking {
  readonly what: (config: RunConfig) => string;
  /** The next smaller configuration, or null where this way is at its end. */
  readonly change: (config: RunConfig) => RunConfig | null;
}

/** Ways to need less memory, the least harmful first: only the last ones change what is learnt. */
function* smaller(): Generator<Shrinking> {
  yield { what: () => "activations are recomputed instead of kept", change: (config) => config.activationMb === 0 ? null : { ...config, activationMb: 0 } };
  yield { what: () => "fewer tokens are computed at once", change: (config) => config.batchTokens > config.sequenceLength ? { ...config, batchTokens: config.sequenceLength } : null };
  for (let i = 0; i < 6; i++) {
    yield {
      what: (config) => `samples are at most ${config.sequenceLength} tokens long`,
      change: (config) => config.sequenceLength / 2 < SHORTEST_WINDOW ? null : { ...config, sequenceLength: Math.floor(config.sequenceLength / 2), batchTokens: 0 },
    };
  }
}

/** Renders the first records as the run will, for their number, their length, and one to show. */
async function measure(method: TrainingMethod, config: RunConfig, { dataset, tokenizer }: PlanParts): Promise<{ units: number; tokensPerUnit: number; sample: RunEstimate["sample"]; rewards: Record<string, number> }> {
  const renderer = new Renderer(tokenizer, config.sequenceLength);
  let records = 0;
  let units = 0;
  let tokens = 0;
  let sample: RunEstimate["sample"] | null = null;
  const rewards: Record<string, number> = {};
  for await (const record of dataset.train()) {
    // What judges tasks may differ from task to task, and whether code is run must be known of all.
    if (method === "grpo" && record.kind === "task") Object.assign(rewards, rewardWeights(config.grpo.rewards, record));
    if (records >= RENDERED_RECORDS) {
      if (method === "grpo") continue;
      break;
    }
    records++;
    if (!uses(method, record)) continue;
    for (const unit of renderer.render(record).units) {
      units++;
      for (const one of unit.samples) tokens += one.tokens.length + (method === "grpo" ? config.grpo.maxReplyTokens * config.grpo.groupSize : 0);
      sample ??= unit.samples[0] ? describeSample(unit.samples[0], tokenizer) : null;
    }
  }
  if (units === 0) {
    const kinds = Object.entries(dataset.info.kinds).map(([kind, n]) => `${n} × ${kind}`).join(", ") || "nothing";
    throw new EngineError("dataInvalid", `The data set "${dataset.info.name}" has nothing that ${method.toUpperCase()} learns from: it holds ${kinds}, and ${method.toUpperCase()} needs ${USES[method]}. Prepare other data, or choose another method.`, { dataset: dataset.info.version, method });
  }
  return { units: Math.round((units / records) * dataset.info.train), tokensPerUnit: tokens / units, sample: sample ?? [], rewards };
}

function uses(method: TrainingMethod, { kind }: TrainingRecord): boolean {
  switch (method) {
    case "sft": return kind === "text" || kind === "conversation" || kind === "example";
    case "dpo": return kind === "preference";
    case "kto": return kind === "judged";
    case "grpo": return kind === "task";
  }
}

/** By the speed of the latest run of this model and method on this machine; null where there was none. */
function secondsOf(method: TrainingMethod, modelSha256: string | null, steps: number, tokensPerStep: number, runs: readonly RunInfo[]): number | null {
  const alike = runs.find((run) => run.method === method && run.modelSha256 === modelSha256 && (run.receipt !== null || run.last?.tokensPerSecond !== undefined));
  if (!alike) return null;
  // A step of GRPO is mostly generating, which its tokens per second do not count.
  if (method === "grpo") return alike.receipt && alike.step > 0 ? (alike.receipt.seconds / alike.step) * steps : null;
  const speed = alike.receipt?.tokensPerSecond ?? alike.last?.tokensPerSecond ?? 0;
  return speed > 0 ? (steps * tokensPerStep) / speed : null;
}

function sentenceOf(fits: boolean, memoryBytes: number, availableBytes: number, shrunk: readonly string[]): string {
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
  const needs = `about ${gigabytes(memoryBytes)} of the ${gigabytes(availableBytes)} memory that is free`;
  if (!fits) return `The run would need ${needs}${shrunk.length > 0 ? ` even if ${shrunk.at(-1)}` : ""}, which is too much. Close other programs, or choose a smaller model.`;
  return shrunk.length > 0 ? `The run needs ${needs}. So that it fits, ${shrunk.join(", ")}.` : `The run needs ${needs}.`;
}
