// The values of data sets, training runs and adapters that travel between client and engine. Types only.

export type DatasetSource = "workspace" | "git" | "notebooks" | "feedback" | "file";

/** One immutable version of a data set. */
export interface DatasetInfo {
  name: string;
  /** SHA-256 of its content and lineage: its identity. */
  version: string;
  createdAt: number;
  source: DatasetSource;
  /** Records by split and by kind ("text", "conversation", "example", "preference", "judged", "task"). */
  train: number;
  validation: number;
  kinds: Record<string, number>;
  bytes: number;
  report: DatasetReport;
}

/** A problem of the data, with where it is. */
export interface DatasetProblem {
  severity: "error" | "warning";
  /** File and line ("train.jsonl:9999"), or a record's origin. */
  at: string;
  sentence: string;
}

/** What is to be known of a data set before training on it. */
export interface DatasetReport {
  read: number;
  kept: number;
  invalid: number;
  exactDuplicates: number;
  nearDuplicates: number;
  /** Records dropped from validation because something near was in training. */
  leaked: number;
  secretsRedacted: number;
  personalDataRedacted: number;
  /** Quantiles of record length, in characters. */
  lengths: { p50: number; p90: number; p99: number; longest: number };
  /** Share of the characters of all records that is learnt rather than only given; what it is in tokens, a run's estimate tells. */
  supervisedShare?: number;
  /** Histogram of lengths: counts of records below each bound (characters). */
  lengthHistogram: { upTo: number; count: number }[];
  encodings: Record<string, number>;
  licences: Record<string, number>;
  languages: Record<string, number>;
  problems: DatasetProblem[];
  /** Problems beyond those listed. */
  problemsLeftOut: number;
}

/** A record as a person reviews it before it is used. */
export interface ReviewItem {
  id: string;
  kind: string;
  at: string;
  prompt: string;
  chosen: string;
  rejected?: string;
  included: boolean;
}

export interface PrepareDataParams {
  /** Chosen by the client: `data/progress` notifications of this request carry it. */
  id?: string;
  source: DatasetSource;
  /** Folder or file for "file"; defaults to the workspace otherwise. */
  path?: string;
  name: string;
  /** Share of records (by file or conversation) for validation. */
  validationShare?: number;
  /** "time": the newest files, commits or conversations are for validation, "group": any. Default: time for git and feedback. */
  splitBy?: "group" | "time";
  seed?: number;
}

/** How far `data/prepare` has come; `id` is the one that the request gave. `total` is null where it is not known. */
export interface DataProgress {
  id: string;
  /** What is being done, in a few words to show ("reading files", "looking for near duplicates"). */
  label: string;
  done: number;
  total: number | null;
}

/** A page of the records of a data set, for review. */
export interface ReviewPage {
  items: ReviewItem[];
  /** Records that can be reviewed. */
  total: number;
  excluded: number;
}

export type TrainingMethod = "sft" | "dpo" | "kto" | "grpo";
export type RunState = "queued" | "preparing" | "running" | "pausing" | "paused" | "interrupted" | "evaluating" | "finished" | "cancelled" | "failed";

/** A piece of a rendered training sample: what the model only reads, and what it learns to write. */
export interface SamplePiece {
  text: string;
  learnt: boolean;
}

/** Memory and time of a run, estimated before it starts. */
export interface RunEstimate {
  memoryBytes: number;
  availableBytes: number;
  tokensPerStep: number;
  steps: number;
  /** From a measurement of this machine's speed with this model, or null where none was made yet. */
  seconds: number | null;
  fits: boolean;
  /** What was shrunk so that it fits, and why; or why it does not. */
  sentence: string;
  /** The configuration that the run would have, all defaults filled in and shrunk where needed. */
  config: Record<string, unknown>;
  /** Rewards that judge any of the run's tasks, with their weights; none but for GRPO. Tasks may differ in what judges them. */
  rewards: Readonly<Record<string, number>>;
  /** One sample as the model will see it. */
  sample: SamplePiece[];
}

export interface StartRunParams {
  method: TrainingMethod;
  /** Name or version of a prepared data set. */
  dataset: string;
  /** Model id or file; the chosen model where absent. */
  model?: string;
  /** Values over the defaults of training/tune/runConfig.ts, by their names there. */
  config?: Record<string, unknown>;
  /** The user agreed that code written by the model is run in the sandbox (GRPO with rewards that execute). */
  executeCode?: boolean;
  /** Goes live when it is better (default), or only on the user's word. */
  promote?: "whenBetter" | "never";
}

export interface RunInfo {
  id: string;
  method: TrainingMethod;
  state: RunState;
  /** Why it failed or waits, as a sentence; "" otherwise. */
  sentence: string;
  /** Name of the model, its file and the hash of it. */
  model: string;
  modelFile: string;
  modelSha256: string;
  /** Name of the data set and the version that the run uses, whatever is prepared under that name later. */
  dataset: string;
  datasetVersion: string;
  config: Record<string, unknown>;
  createdAt: number;
  endedAt: number | null;
  step: number;
  steps: number;
  epoch: number;
  secondsLeft: number | null;
  last: RunFigures | null;
  receipt: RunReceipt | null;
  /** Whether `train/resume` can go on with it. */
  resumable: boolean;
}

/** Figures of one point in time of a run; absent ones do not belong to the method, or were not measured then. */
export interface RunFigures {
  step: number;
  at: number;
  loss?: number;
  validationLoss?: number;
  rate?: number;
  gradientNorm?: number;
  tokensPerSecond?: number;
  residentMb?: number;
  /** DPO and KTO. */
  margin?: number;
  accuracy?: number;
  validationAccuracy?: number;
  chosenLogProbability?: number;
  rejectedLogProbability?: number;
  /** GRPO. */
  reward?: number;
  /** Of replies to held-out tasks. */
  validationReward?: number;
  rewardDeviation?: number;
  zeroDeviationShare?: number;
  kl?: number;
  entropy?: number;
  clippedShare?: number;
  replyTokens?: number;
}

/** Texts written by the model for the same prompt before and after. */
export interface RunSample {
  step: number;
  prompt: string;
  before: string;
  after: string;
  reference?: string;
}

/** What was reached, and whether the adapter went live. */
export interface RunReceipt {
  modelSha256: string;
  datasetVersion: string;
  adapterSha256: string;
  method: TrainingMethod;
  config: Record<string, unknown>;
  heldOut: { perplexityBefore: number; perplexityAfter: number; nTokens: number };
  general: { perplexityBefore: number; perplexityAfter: number; nTokens: number };
  /** Line completion on held-out files, share exact; null where the model cannot fill in. */
  exactMatch: { before: number; after: number; n: number } | null;
  /** Held-out pairs of DPO and KTO: share in which the better reply gained more, and the mean gain over the worse one in nats. */
  preference?: { accuracy: number; margin: number; n: number };
  /** Mean reward of replies to held-out tasks, of GRPO. */
  reward?: { before: number; after: number; n: number };
  /** Share of the learnt change that the adapter applies, in (0, 1]: less than 1 where unrelated text would suffer (tune/strength.ts). */
  strength?: number;
  tokensPerSecond: number;
  peakRssMb: number;
  seconds: number;
  promoted: boolean;
  /** Why it was promoted or not. */
  sentence: string;
}

export interface AdapterInfo {
  sha256: string;
  file: string;
  /** The base that it fits, by the hash of its file. */
  modelSha256: string;
  model: string;
  createdAt: number;
  bytes: number;
  rank: number;
  alpha: number;
  active: boolean;
  /** Run that made it, or null for an imported one. */
  run: string | null;
  receipt: RunReceipt | null;
  /** What is wrong with its file, as a sentence; absent where nothing is. */
  problem?: string;
}

export type AdapterFormat = "gguf" | "peft" | "merged";
