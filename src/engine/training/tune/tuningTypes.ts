// What a tuning run takes and gives: the signature between the loop (runTuning.ts) and whoever starts it. Types only.
import type { TrainingRecord } from "../../base/trainingRecord.ts";
import type { RunFigures, RunReceipt, RunSample, RunState, TrainingMethod } from "../../protocol/training.ts";
import type { AdaptedModel, AdaptedModelOptions, AdapterSettings, NamedTensor } from "../adaptedModel.ts";
import type { SampleTokenizer } from "../samples/sampleTokenizer.ts";

export type TaskRecord = Extract<TrainingRecord, { kind: "task" }>;

/** A split of a data set, read anew on each call, always in the same order. */
export interface RecordSplit {
  read(): AsyncIterable<TrainingRecord>;
  readonly count: number;
}

/** Replies of the model that is being trained, by an engine that generates quickly (model/rollouts.ts). */
export interface Rollouts {
  /** Replies in the order of `prompts`, `n` of each. Errors: CancelledError, `modelLoadFailed`. */
  generate(prompts: readonly (readonly number[])[], options: RolloutOptions): Promise<Rollout[][]>;
  close(): Promise<void>;
}

export interface RolloutOptions {
  /** Replies to each prompt. */
  readonly n: number;
  /** 0 always takes the likeliest token. */
  readonly temperature: number;
  readonly seed: number;
  readonly maxTokens: number;
  /** Tokens that end a reply, beside those that end text in this vocabulary. */
  readonly stopTokens?: readonly number[];
  /** The adapter to reply with, or null for the base model. Every adapter is a file of its own. */
  readonly adapterFile: string | null;
  readonly signal?: AbortSignal;
}

export interface Rollout {
  /** What was drawn, the token that ended it included. */
  readonly tokens: readonly number[];
  /** Without special tokens. */
  readonly text: string;
  /** Whether `maxTokens` cut it off. */
  readonly truncated: boolean;
}

/** Judges replies; implementations are passed in (sandbox/, tasks/). */
export interface Reward {
  readonly name: string;
  /** Any finite number, usually 0–1; more is better. */
  score(task: TaskRecord, reply: string, signal?: AbortSignal): Promise<number>;
}

export interface TuningOptions {
  /** Holds everything of the run: rendered samples, checkpoints, adapters. Made where it does not exist. */
  readonly runFolder: string;
  readonly method: TrainingMethod;
  readonly modelFile: string;
  /** SHA-256 of the model file as it is now; resuming with another one is refused. */
  readonly modelSha256: string;
  readonly train: RecordSplit;
  readonly validation: RecordSplit;
  readonly datasetVersion: string;
  /** Values over the defaults of runConfig.ts, by their names there; checked with completeRunConfig. */
  readonly config: Record<string, unknown>;
  readonly tokenizer: SampleTokenizer;
  /** Opens the model; whoever passes this in closes the model once the run has ended. */
  openModel(options: AdaptedModelOptions): Promise<AdaptedModel>;
  /** Writes the adapter as a GGUF LoRA file named by its content into `folder`. */
  writeAdapter(folder: string, adapter: readonly NamedTensor[], settings: AdapterSettings): Promise<{ file: string; sha256: string }>;
  /** Needed for GRPO; with it, runs of other methods show samples and measure exact match too. */
  readonly rollouts?: Rollouts;
  /** Needed for GRPO; the reward of a reply is the sum of these, each times its weight in `config.grpo.rewards` (1 where absent). */
  readonly rewards?: readonly Reward[];
  /** Text that has nothing to do with the data (media/general), as records. */
  readonly general: RecordSplit;
  /** Other such text, by which the strength of the adapter is chosen; `general` itself where absent. */
  readonly strengthTexts?: RecordSplit;
  readonly threads: number;
  /** Matrix products; see AdaptedModelOptions. */
  readonly blas?: string;
  /** Where to compute, unless the configuration says; "cpu" where absent. */
  readonly device?: "auto" | "cpu" | "gpu";
  /** Goes on from the checkpoint in `runFolder` where there is one. */
  readonly resume: boolean;
  /** Milliseconds between attempts to write a checkpoint while the disk is full; 15,000 where absent. */
  readonly diskRetryMs?: number;
}

export interface TuningHooks {
  /** Aborted: the run stops at once, as cancelled; what was kept before stays. */
  readonly signal?: AbortSignal;
  /** Aborted: the run stops at once with a checkpoint of its last whole step, as paused. */
  readonly pauseSignal?: AbortSignal;
  onFigures?(figures: RunFigures): void;
  onSample?(sample: RunSample): void;
  onState?(state: RunState, progress: TuningProgress): void;
  /** What became of the data, before the first step: for a look at what is learnt and what is masked. */
  onRendered?(report: RenderReport): void;
  /** A sentence for the run's log. */
  onLog?(sentence: string): void;
}

export interface TuningProgress {
  readonly step: number;
  readonly steps: number;
  readonly epoch: number;
  /** From the pace of the last steps; null before the first. */
  readonly secondsLeft: number | null;
}

/** What became of the data in rendering; shown before training. */
export interface RenderReport {
  /** Records read, and samples made of them (long texts give several). */
  readonly records: number;
  readonly samples: number;
  readonly tokens: number;
  readonly learntTokens: number;
  /** Samples whose prompt was shortened so that the completion fits. */
  readonly truncatedPrompts: number;
  /** Samples whose completion itself was too long, and so ends without its end token. */
  readonly truncatedCompletions: number;
  /** Records of kinds that this method cannot use, by kind. */
  readonly unused: Readonly<Record<string, number>>;
  /** Records that gave nothing to learn, with the first reasons. */
  readonly skipped: number;
  readonly skippedReasons: readonly string[];
  /** One sample, its parts told apart. */
  readonly shown: readonly { readonly text: string; readonly learnt: boolean }[];
}

export interface TuningResult {
  readonly state: "finished" | "paused" | "cancelled";
  readonly step: number;
  /** The best adapter (`<sha256>.gguf` in the run's folder `adapters`), once finished. */
  readonly adapter: { readonly file: string; readonly sha256: string; readonly settings: AdapterSettings } | null;
  /** Once finished: figures before and after, and whether the promotion rule lets it go live. */
  readonly receipt: RunReceipt | null;
  readonly render: RenderReport;
}
