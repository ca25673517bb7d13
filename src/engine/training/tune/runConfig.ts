// The settings of a tuning run: defaults, and checking of what a user gives over them, by name. It reads no files: YAML and
// JSON are parsed by the caller, and flags of the command line are set by their dotted names (setByName).
import { EngineError } from "../../base/errors.ts";
import { sha256 } from "../../base/files.ts";
import type { TrainingMethod } from "../../protocol/training.ts";
import type { AdamWSettings, AdapterSettings } from "../adaptedModel.ts";

export interface DpoSettings {
  /**
   * "sigmoid": Rafailov et al. 2023; "hinge": Zhao et al. 2023 (SLiC); "ipo": Azar et al. 2023; "robust": Chowdhury et al.
   * 2024, unbiased under `labelSmoothing` as the share of wrong labels.
   */
  readonly loss: "sigmoid" | "hinge" | "ipo" | "robust";
  readonly beta: number;
  /** Share of labels taken to be wrong (cDPO for "sigmoid"; needed by "robust"), from 0 to below 0.5. */
  readonly labelSmoothing: number;
  /** Log-probabilities are means over the reply's tokens instead of sums, so that longer replies win nothing by length. */
  readonly lengthNormalised: boolean;
  /** Weight of an added SFT loss on the chosen reply (Pang et al. 2024, RPO); 0 for none. */
  readonly sftWeight: number;
}

export interface KtoSettings {
  readonly beta: number;
  /** Weights of good and bad replies; their sums should be alike (Ethayarajh et al. 2024, eq. 8). */
  readonly desirableWeight: number;
  readonly undesirableWeight: number;
}

export interface GrpoSettings {
  /** Replies to each prompt. */
  readonly groupSize: number;
  /** Prompts of each step. */
  readonly promptsPerStep: number;
  readonly temperature: number;
  readonly maxReplyTokens: number;
  /** How far the probability ratio may move a token's weight: [1 − clip, 1 + clipHigh]. */
  readonly clip: number;
  /** The upper clip; DAPO's "clip higher" where it is above `clip`. */
  readonly clipHigh: number;
  /** Weight of the KL divergence to the base model; 0 for none. */
  readonly beta: number;
  /** Optimizer steps on each set of replies. */
  readonly updatesPerRollout: number;
  /** Divide a group's advantages by their deviation (GRPO), or not (Dr. GRPO). */
  readonly scaleByDeviation: boolean;
  /** "tokens": every token of the step counts alike (DAPO); "constant": divided by replies · maxReplyTokens (Dr. GRPO); "replies": every reply counts alike (GRPO). */
  readonly normalise: "tokens" | "constant" | "replies";
  /**
   * Replies that maxReplyTokens cut off are judged as they stand. "learn": they are learnt from like all others, since they are what
   * a user would get, and a model that never ends can learn to end from nothing else (as TRL does). "mask": not learnt from, since
   * what they would have become is not known (Yu et al. 2025, DAPO §3.4); right for long reasoning that is usually right in the end.
   */
  readonly truncated: "learn" | "mask";
  /** Weights of rewards by name; none: each task is judged by what it holds, its tests (with a little for form) or its reference. */
  readonly rewards: Readonly<Record<string, number>>;
}

export interface RehearsalSettings {
  /** Tokens of the base model's own texts in each step, as a share of those of its data; 0 for none. See rehearsal.ts. */
  readonly share: number;
  /** How much their divergence from the base counts beside the loss of the data. */
  readonly weight: number;
  /** Texts that the base writes before the first step, and tokens of each at most. */
  readonly texts: number;
  readonly tokens: number;
}

export interface PromotionSettings {
  /** How much the perplexity of unrelated text may rise, as a share (0.02 is 2 %). */
  readonly generalMargin: number;
  /** Samples of unrelated text that are read, at most. */
  readonly generalSamples: number;
  /** Draws of the bootstrap. */
  readonly draws: number;
}

export interface RunConfig {
  readonly adapter: AdapterSettings;
  readonly optimizer: AdamWSettings & { readonly learningRate: number };
  readonly schedule: "cosine" | "linear" | "constant";
  /** Share of the steps in which the learning rate rises from 0. */
  readonly warmupShare: number;
  readonly epochs: number;
  /** Most optimizer steps; 0 for as many as the epochs take. */
  readonly maxSteps: number;
  /** Samples (pairs for DPO) per optimizer step, however they are packed. GRPO has grpo.promptsPerStep instead. */
  readonly batchSize: number;
  /** Longest sample, in tokens; 0 for the smaller of the model's context and 2,048. */
  readonly sequenceLength: number;
  /** Tokens computed at once, at least sequenceLength; 0 for sequenceLength. Speed and memory only. */
  readonly batchTokens: number;
  readonly seed: number;
  /** Optimizer steps between validations; 0 for ten in the whole run. */
  readonly validateEverySteps: number;
  /** Held-out samples that each validation reads, and those that are read before and after at the end, at most. */
  readonly validationSamples: number;
  readonly heldOutSamples: number;
  /** Validations without improvement after which the run ends early; 0 for never. */
  readonly patience: number;
  readonly checkpointEverySteps: number;
  /** Where to compute: as the setting `model.device` says, on a GPU of its own or Metal where one works, on any GPU, or on the processor. */
  readonly device: "setting" | "auto" | "gpu" | "cpu";
  /** Memory for stored activations in MB; less means more recomputation. 0 for full checkpointing, −1 for the machine's choice. */
  readonly activationMb: number;
  /** Prompts for which texts before and after are shown; 0 for none. */
  readonly shownSamples: number;
  /** Held-out line endings for exact match; 0 for none. */
  readonly exactMatchCases: number;
  readonly dpo: DpoSettings;
  readonly kto: KtoSettings;
  readonly grpo: GrpoSettings;
  readonly rehearsal: RehearsalSettings;
  readonly promotion: PromotionSettings;
}

const allLinears = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"] as const;

const common: RunConfig = {
  adapter: { rank: 16, alpha: 32, targets: allLinears, rankStabilised: false, seed: 1 },
  optimizer: { learningRate: 2e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, clipNorm: 1 },
  schedule: "cosine",
  warmupShare: 0.06,
  epochs: 2,
  maxSteps: 0,
  batchSize: 16,
  sequenceLength: 0,
  batchTokens: 0,
  seed: 1,
  validateEverySteps: 0,
  validationSamples: 64,
  heldOutSamples: 256,
  patience: 3,
  checkpointEverySteps: 20,
  device: "setting",
  activationMb: -1,
  shownSamples: 3,
  exactMatchCases: 100,
  dpo: { loss: "sigmoid", beta: 0.1, labelSmoothing: 0, lengthNormalised: false, sftWeight: 0 },
  kto: { beta: 0.1, desirableWeight: 1, undesirableWeight: 1 },
  grpo: {
    groupSize: 8, promptsPerStep: 4, temperature: 1, maxReplyTokens: 256, clip: 0.2, clipHigh: 0.2, beta: 0, updatesPerRollout: 1,
    scaleByDeviation: true, normalise: "tokens", truncated: "learn", rewards: {},
  },
  rehearsal: { share: 0, weight: 4, texts: 128, tokens: 192 },
  promotion: { generalMargin: 0.02, generalSamples: 400, draws: 2000 },
};

/** What a run uses where nothing is given. */
export function defaultRunConfig(method: TrainingMethod): RunConfig {
  if (method === "sft") return common;
  // A preference moves a model that can already write; the rates are those of the papers, for adapters.
  const gentle = { ...common, optimizer: { ...common.optimizer, learningRate: 5e-6 }, epochs: 1, warmupShare: 0.1 };
  return method === "grpo" ? { ...gentle, patience: 0 } : gentle;
}

/** Fills what is missing from the defaults of `method` and checks everything. Errors: `badRequest`, naming the setting. */
export function completeRunConfig(method: TrainingMethod, given: Record<string, unknown>): RunConfig {
  const config = merge(defaultRunConfig(method) as unknown as Fields, given, "") as unknown as RunConfig;
  for (const [name, isRight, wanted] of rules(config)) {
    if (!isRight) throw invalid(name, valueAt(config, name), wanted);
  }
  return config;
}

/** `config` with the setting `name` ("optimizer.learningRate") set to `value`; for flags over a file. Unknown names are refused later, by {@link completeRunConfig}. */
export function setByName(config: Record<string, unknown>, name: string, value: unknown): Record<string, unknown> {
  const [first = "", ...rest] = name.split(".");
  if (rest.length === 0) return { ...config, [first]: value };
  const inner = config[first];
  return { ...config, [first]: setByName(isFields(inner) ? inner : {}, rest.join("."), value) };
}

/** Names of all settings, dotted, for help and completion. */
export function settingNames(): string[] {
  const names: string[] = [];
  const visit = (fields: Fields, prefix: string): void => {
    for (const [key, value] of Object.entries(fields)) {
      if (isFields(value) && Object.keys(value).length > 0) visit(value, `${prefix}${key}.`);
      else names.push(prefix + key);
    }
  };
  visit(common as unknown as Fields, "");
  return names;
}

/**
 * Identifies what a checkpoint's numbers mean. Memory, display and evaluation settings may change on resumption, and the
 * learning rate, so that a run that diverged can go on with a lower one; all others would make it another run.
 */
export function fingerprintOf(method: TrainingMethod, config: RunConfig, datasetVersion: string): string {
  const free: readonly (keyof RunConfig)[] = ["device", "activationMb", "shownSamples", "exactMatchCases", "heldOutSamples", "checkpointEverySteps", "promotion"];
  // What is not used names nothing, so that runs from before there was rehearsal go on.
  const unused = config.rehearsal.share === 0 ? ["rehearsal"] : [];
  const kept = Object.fromEntries(Object.entries(config).filter(([name]) => ![...free as readonly string[], ...unused].includes(name)));
  return sha256(JSON.stringify({ method, config: { ...kept, optimizer: { ...config.optimizer, learningRate: null } }, datasetVersion }));
}

type Fields = Record<string, unknown>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function merge(known: Fields, given: unknown, prefix: string): Fields {
  if (!isFields(given)) throw invalid(prefix.slice(0, -1) || "the configuration", given, "an object of settings");
  const out: Fields = { ...known };
  for (const [key, value] of Object.entries(given)) {
    const name = prefix + key;
    const expected = known[key];
    if (!Object.hasOwn(known, key)) {
      throw new EngineError("badRequest", `The run configuration has the unknown setting "${name}". Known are: ${Object.keys(known).map((k) => prefix + k).join(", ")}.`, { name });
    }
    if (name === "grpo.rewards") {
      if (!isFields(value)) throw invalid(name, value, "an object of weights by the names of rewards");
      for (const [reward, weight] of Object.entries(value)) if (!Number.isFinite(weight)) throw invalid(`${name}.${reward}`, weight, "a number");
      out[key] = value;
    } else if (isFields(expected)) out[key] = merge(expected, value, `${name}.`);
    else if (Array.isArray(expected)) {
      if (!Array.isArray(value)) throw invalid(name, value, "a list");
      out[key] = value;
    } else if (typeof value !== typeof expected) throw invalid(name, value, typeof expected === "number" ? "a number" : typeof expected === "boolean" ? "true or false" : "a text");
    else out[key] = value;
  }
  return out;
}

function rules(c: RunConfig): (readonly [string, boolean, string])[] {
  const whole = (n: number, least: number): boolean => Number.isInteger(n) && n >= least;
  const positive = (n: number): boolean => Number.isFinite(n) && n > 0;
  const notNegative = (n: number): boolean => Number.isFinite(n) && n >= 0;
  const targets: readonly string[] = c.adapter.targets;
  return [
    ["adapter.rank", whole(c.adapter.rank, 1) && c.adapter.rank <= 512, "a whole number from 1 to 512"],
    ["adapter.alpha", positive(c.adapter.alpha), "a positive number"],
    ["adapter.targets", targets.length > 0 && targets.every((t) => (allLinears as readonly string[]).includes(t)) && new Set(targets).size === targets.length, `some of ${allLinears.join(", ")}, each once`],
    ["adapter.seed", whole(c.adapter.seed, 0), "a whole number from 0"],
    ["optimizer.learningRate", positive(c.optimizer.learningRate) && c.optimizer.learningRate <= 1, "a number above 0, at most 1 (2e-4 is usual)"],
    ["optimizer.beta1", c.optimizer.beta1 >= 0 && c.optimizer.beta1 < 1, "from 0 to below 1"],
    ["optimizer.beta2", c.optimizer.beta2 >= 0 && c.optimizer.beta2 < 1, "from 0 to below 1"],
    ["optimizer.epsilon", positive(c.optimizer.epsilon), "a positive number"],
    ["optimizer.weightDecay", notNegative(c.optimizer.weightDecay), "a number from 0"],
    ["optimizer.clipNorm", c.optimizer.clipNorm > 0, "a positive number"],
    ["schedule", ["cosine", "linear", "constant"].includes(c.schedule), '"cosine", "linear" or "constant"'],
    ["warmupShare", c.warmupShare >= 0 && c.warmupShare <= 1, "from 0 to 1"],
    ["epochs", positive(c.epochs), "a positive number"],
    ["maxSteps", whole(c.maxSteps, 0), "a whole number from 0"],
    ["batchSize", whole(c.batchSize, 1), "a whole number from 1"],
    ["sequenceLength", c.sequenceLength === 0 || whole(c.sequenceLength, 8), "0, or a whole number from 8"],
    ["batchTokens", c.batchTokens === 0 || (whole(c.batchTokens, 8) && c.batchTokens >= c.sequenceLength), "0, or a whole number of at least sequenceLength"],
    ["seed", whole(c.seed, 0), "a whole number from 0"],
    ["validateEverySteps", whole(c.validateEverySteps, 0), "a whole number from 0"],
    ["validationSamples", whole(c.validationSamples, 1), "a whole number from 1"],
    ["heldOutSamples", whole(c.heldOutSamples, 1), "a whole number from 1"],
    ["patience", whole(c.patience, 0), "a whole number from 0"],
    ["checkpointEverySteps", whole(c.checkpointEverySteps, 1), "a whole number from 1"],
    ["device", ["setting", "auto", "gpu", "cpu"].includes(c.device), '"setting", "auto", "gpu" or "cpu"'],
    ["activationMb", Number.isFinite(c.activationMb) && c.activationMb >= -1, "a number of megabytes, or -1"],
    ["shownSamples", whole(c.shownSamples, 0), "a whole number from 0"],
    ["exactMatchCases", whole(c.exactMatchCases, 0), "a whole number from 0"],
    ["dpo.loss", ["sigmoid", "hinge", "ipo", "robust"].includes(c.dpo.loss), '"sigmoid", "hinge", "ipo" or "robust"'],
    ["dpo.beta", positive(c.dpo.beta), "a positive number (0.1 is usual)"],
    ["dpo.labelSmoothing", c.dpo.labelSmoothing >= 0 && c.dpo.labelSmoothing < 0.5, "from 0 to below 0.5"],
    ["dpo.sftWeight", notNegative(c.dpo.sftWeight), "a number from 0"],
    ["kto.beta", positive(c.kto.beta), "a positive number (0.1 is usual)"],
    ["kto.desirableWeight", notNegative(c.kto.desirableWeight), "a number from 0"],
    ["kto.undesirableWeight", notNegative(c.kto.undesirableWeight), "a number from 0"],
    ["grpo.groupSize", whole(c.grpo.groupSize, 2), "a whole number from 2"],
    ["grpo.promptsPerStep", whole(c.grpo.promptsPerStep, 1), "a whole number from 1"],
    ["grpo.temperature", positive(c.grpo.temperature), "a positive number"],
    ["grpo.maxReplyTokens", whole(c.grpo.maxReplyTokens, 1), "a whole number from 1"],
    ["grpo.clip", c.grpo.clip > 0 && c.grpo.clip < 1, "between 0 and 1"],
    ["grpo.clipHigh", c.grpo.clipHigh >= c.grpo.clip, "a number of at least grpo.clip"],
    ["grpo.beta", notNegative(c.grpo.beta), "a number from 0"],
    ["grpo.updatesPerRollout", whole(c.grpo.updatesPerRollout, 1), "a whole number from 1"],
    ["grpo.normalise", ["tokens", "constant", "replies"].includes(c.grpo.normalise), '"tokens", "constant" or "replies"'],
    ["grpo.truncated", ["learn", "mask"].includes(c.grpo.truncated), '"learn" or "mask"'],
    ["rehearsal.share", c.rehearsal.share >= 0 && c.rehearsal.share <= 4, "a number from 0 to 4"],
    ["rehearsal.weight", notNegative(c.rehearsal.weight), "a number from 0"],
    ["rehearsal.texts", whole(c.rehearsal.texts, 1), "a whole number from 1"],
    ["rehearsal.tokens", whole(c.rehearsal.tokens, 16), "a whole number from 16"],
    ["promotion.generalMargin", notNegative(c.promotion.generalMargin), "a number from 0"],
    ["promotion.generalSamples", whole(c.promotion.generalSamples, 1), "a whole number from 1"],
    ["promotion.draws", whole(c.promotion.draws, 100), "a whole number from 100"],
  ];
}

function valueAt(config: RunConfig, name: string): unknown {
  return name.split(".").reduce<unknown>((value, key) => (isFields(value) ? value[key] : undefined), config);
}

function invalid(name: string, value: unknown, wanted: string): EngineError {
  return new EngineError("badRequest", `In the run configuration ${name} is ${JSON.stringify(value) ?? String(value)}; it must be ${wanted}.`, { name, value });
}
