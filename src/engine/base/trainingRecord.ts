// The canonical form of training data: what every reader and source in data/ produces and every trainer in training/ takes.
// It knows no file format (data/) and no tokens (training/samples/).

export interface TrainingMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** What a model is given. `chat` is rendered by the model's own chat template, `infill` by its own fill-in-the-middle layout. */
export type TrainingPrompt =
  | { readonly form: "text"; readonly text: string }
  | { readonly form: "chat"; readonly messages: readonly TrainingMessage[] }
  | { readonly form: "infill"; readonly prefix: string; readonly suffix: string; readonly path?: string };

/** Where a record comes from, for reports, reviews and splits. */
export interface RecordOrigin {
  /** Path relative to the source's folder, "path:line" of a data file, or a feedback id. */
  readonly at: string;
  /** Hash of the commit that it was taken from, where it comes from history. */
  readonly commit?: string;
  /** When it came about, in ms since 1970, where that is known. */
  readonly time?: number;
  /** SPDX identifier, where it is known. */
  readonly licence?: string;
  readonly language?: string;
}

/** How a reply to a `task` is judged; the sandbox runs `tests` after the reply's code. */
export interface TaskCheck {
  readonly language: "python" | "javascript" | "typescript";
  /** Code that fails (throws, exits non-zero) where the reply is wrong. */
  readonly tests: string;
  /** Put before the reply's code, for example the signature that the prompt shows. */
  readonly preamble?: string;
}

export type TrainingRecord =
  /** Every token is learnt. */
  | { readonly kind: "text"; readonly text: string; readonly origin: RecordOrigin }
  /** The turns of the assistant are learnt. */
  | { readonly kind: "conversation"; readonly messages: readonly TrainingMessage[]; readonly origin: RecordOrigin }
  /** The completion is learnt. */
  | { readonly kind: "example"; readonly prompt: TrainingPrompt; readonly completion: string; readonly origin: RecordOrigin }
  /** For DPO: `chosen` is better than `rejected`. */
  | { readonly kind: "preference"; readonly prompt: TrainingPrompt; readonly chosen: string; readonly rejected: string; readonly origin: RecordOrigin }
  /** For KTO: a single completion that was found good or bad. */
  | { readonly kind: "judged"; readonly prompt: TrainingPrompt; readonly completion: string; readonly good: boolean; readonly origin: RecordOrigin }
  /** For GRPO: a prompt whose replies are generated and rewarded. */
  | { readonly kind: "task"; readonly prompt: TrainingPrompt; readonly check?: TaskCheck; readonly reference?: string; readonly origin: RecordOrigin };

export type RecordKind = TrainingRecord["kind"];
