// The configuration of a pretraining run (run.json), with its defaults, and its validation.
import { readFile } from "node:fs/promises";
import { EngineError, errnoCode } from "../../base/errors.ts";
import { sha256 } from "../../base/files.ts";
import { checkShape } from "../network/llamaShape.ts";
import type { LlamaShape } from "../network/llamaShape.ts";
import type { OptimizerSettings } from "../network/optimizer.ts";
import type { Schedule } from "../schedule.ts";

export interface BatchSettings {
  /** Tokens per sequence. */
  readonly sequenceLength: number;
  /** Sequences computed at once; memory grows with it. */
  readonly sequencesPerMicroBatch: number;
  /** Micro-batches whose gradients are summed before one optimizer step. */
  readonly microBatchesPerStep: number;
  /** Tokens whose logits stand in memory at once; speed and memory only. */
  readonly headChunk: number;
  /** Queries of attention computed at once; speed and memory only. */
  readonly queryBlock: number;
}

export interface InitialisationSettings {
  /** "plain": random; "copyHeads": able to copy from the start (copyHeads.ts); "model": the weights of `model`. */
  readonly kind: "plain" | "copyHeads" | "model";
  /** GGUF file whose weights training goes on from; only for kind "model". */
  readonly model: string;
  /** Steps during which copy heads learn at `protectedRate` times the learning rate of others. */
  readonly protectedSteps: number;
  readonly protectedRate: number;
}

export interface PretrainConfig {
  /** `nVocab` and `context` follow from the tokenizer and `batch.sequenceLength`. */
  readonly shape: LlamaShape;
  readonly batch: BatchSettings;
  readonly optimizer: OptimizerSettings;
  readonly schedule: Schedule;
  readonly seed: number;
  readonly initialisation: InitialisationSettings;
  /** Whether sequences begin where a sample of the data does, instead of anywhere. */
  readonly startAtSamples: boolean;
  /** How many times more the tokens to be filled in count in the loss than others (≥ 0; 1 for all alike). */
  readonly fillInWeight: number;
  /** Optimizer steps between checkpoints, and between measurements on held-out data. */
  readonly checkpointEverySteps: number;
  readonly evaluateEverySteps: number;
  /** Held-out tokens that each measurement reads (all, where fewer). */
  readonly evaluateTokens: number;
  readonly name: string;
}

export const defaultConfig: PretrainConfig = {
  shape: { nVocab: 8192, dim: 192, nLayers: 6, nHeads: 6, nKvHeads: 6, feedForward: 512, context: 512, ropeBase: 100_000, epsilon: 1e-5 },
  batch: { sequenceLength: 512, sequencesPerMicroBatch: 2, microBatchesPerStep: 4, headChunk: 256, queryBlock: 128 },
  optimizer: { muonRate: 0.015, muonMomentum: 0.95, embeddingRate: 0.002, adamRate: 0.002, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.02, clipNorm: 1 },
  schedule: { steps: 3000, warmupSteps: 60, decaySteps: 600 },
  seed: 1,
  initialisation: { kind: "copyHeads", model: "", protectedSteps: 2000, protectedRate: 0.2 },
  startAtSamples: true,
  fillInWeight: 6,
  checkpointEverySteps: 50,
  evaluateEverySteps: 100,
  evaluateTokens: 65_536,
  name: "kalactica-base",
};

type PartialConfig = { readonly [K in keyof PretrainConfig]?: PretrainConfig[K] extends object ? Partial<PretrainConfig[K]> : PretrainConfig[K] };

/**
 * Reads run.json over the defaults; `nVocab` comes from the tokenizer.
 * Errors: `notFound`, `badRequest` (no JSON, an unknown key by name, a value out of range).
 */
export async function readConfig(file: string, nVocab: number): Promise<PretrainConfig> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new EngineError("notFound", `The run configuration ${file} cannot be read (${errnoCode(error) ?? "unknown error"}). Name a JSON file.`, { file }, error);
  }
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (error) {
    throw new EngineError("badRequest", `The run configuration ${file} is not valid JSON: ${(error as Error).message}.`, { file }, error);
  }
  return completeConfig(given, nVocab);
}

/** Fills what is missing from the defaults and checks everything. Errors: `badRequest`. */
export function completeConfig(given: unknown, nVocab: number): PretrainConfig {
  requireKnownKeys(given, defaultConfig, "");
  const partial = given as PartialConfig;
  const batch = { ...defaultConfig.batch, ...partial.batch };
  const config: PretrainConfig = {
    ...defaultConfig,
    ...partial,
    batch,
    optimizer: { ...defaultConfig.optimizer, ...partial.optimizer },
    schedule: { ...defaultConfig.schedule, ...partial.schedule },
    initialisation: { ...defaultConfig.initialisation, ...partial.initialisation },
    shape: { ...defaultConfig.shape, ...partial.shape, nVocab, context: batch.sequenceLength },
  };
  checkShape(config.shape);
  const positive: [string, number][] = [
    ["batch.sequenceLength", batch.sequenceLength], ["batch.sequencesPerMicroBatch", batch.sequencesPerMicroBatch],
    ["batch.microBatchesPerStep", batch.microBatchesPerStep], ["batch.headChunk", batch.headChunk], ["batch.queryBlock", batch.queryBlock],
    ["schedule.steps", config.schedule.steps], ["checkpointEverySteps", config.checkpointEverySteps],
    ["evaluateEverySteps", config.evaluateEverySteps], ["evaluateTokens", config.evaluateTokens],
  ];
  for (const [key, value] of positive) if (!Number.isInteger(value) || value < 1) throw invalid(key, value, "a positive integer");
  const { warmupSteps, decaySteps, steps } = config.schedule;
  if (!Number.isInteger(warmupSteps) || warmupSteps < 0) throw invalid("schedule.warmupSteps", warmupSteps, "an integer of at least 0");
  if (!Number.isInteger(decaySteps) || decaySteps < 0 || decaySteps > steps) throw invalid("schedule.decaySteps", decaySteps, "an integer from 0 to schedule.steps");
  for (const key of ["muonRate", "embeddingRate", "adamRate", "epsilon"] as const) {
    if (!(config.optimizer[key] > 0)) throw invalid(`optimizer.${key}`, config.optimizer[key], "a positive number");
  }
  for (const key of ["muonMomentum", "beta1", "beta2"] as const) {
    if (!(config.optimizer[key] >= 0 && config.optimizer[key] < 1)) throw invalid(`optimizer.${key}`, config.optimizer[key], "from 0 to below 1");
  }
  if (!["plain", "copyHeads", "model"].includes(config.initialisation.kind)) throw invalid("initialisation.kind", config.initialisation.kind, '"plain", "copyHeads" or "model"');
  if (!(config.fillInWeight >= 0)) throw invalid("fillInWeight", config.fillInWeight, "a number of at least 0");
  return config;
}

function requireKnownKeys(given: unknown, known: object, prefix: string): void {
  if (typeof given !== "object" || given === null || Array.isArray(given)) throw invalid(prefix.slice(0, -1) || "run.json", given, "an object");
  for (const [key, value] of Object.entries(given)) {
    const expected: unknown = (known as Record<string, unknown>)[key];
    if (expected === undefined) throw new EngineError("badRequest", `The run configuration has the unknown key "${prefix}${key}". Known are: ${Object.keys(known).join(", ")}.`, { key: prefix + key });
    if (typeof expected === "object" && expected !== null) requireKnownKeys(value, expected, `${prefix}${key}.`);
    else if (typeof value !== typeof expected) throw invalid(prefix + key, value, `a ${typeof expected}`);
  }
}

function invalid(key: string, value: unknown, wanted: string): EngineError {
  return new EngineError("badRequest", `In the run configuration ${key} is ${JSON.stringify(value)}; it must be ${wanted}.`, { key, value });
}

/**
 * Identifies what a checkpoint's numbers mean: shape, batches, seed and data. Not the schedule, which may be prolonged, nor
 * rates and loss weights, which may be changed on resumption (the numbers are then no longer those of an unchanged run).
 */
export function fingerprintOf(config: PretrainConfig, dataHash: string): string {
  const { shape, seed, initialisation } = config;
  const { sequenceLength, sequencesPerMicroBatch, microBatchesPerStep } = config.batch;
  return sha256(JSON.stringify({ shape, batch: { sequenceLength, sequencesPerMicroBatch, microBatchesPerStep }, seed, initialisation: initialisation.kind, dataHash }));
}
