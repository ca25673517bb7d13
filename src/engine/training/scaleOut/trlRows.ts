// Records as rows of TRL's data formats, for training elsewhere. Which token is learnt follows from the form of the row:
// the script that goes along (media/training/train_trl.py) renders it. It writes no files (clusterFolder.ts does).
// Source: "Dataset formats and types" of TRL's documentation.
import { EngineError } from "../../base/errors.ts";
import type { TrainingMessage, TrainingPrompt, TrainingRecord } from "../../base/trainingRecord.ts";
import type { TrainingMethod } from "../../protocol/training.ts";

/** Methods that a cluster without this program can do: GRPO's rewards are functions of this engine. */
export type ClusterMethod = Exclude<TrainingMethod, "grpo">;

export type TrlRow =
  | { readonly text: string }
  | { readonly messages: readonly TrainingMessage[] }
  | { readonly prompt: TrlText; readonly completion: TrlText }
  | { readonly prompt: TrlText; readonly chosen: TrlText; readonly rejected: TrlText }
  | { readonly prompt: TrlText; readonly completion: TrlText; readonly label: boolean };
export type TrlText = string | readonly TrainingMessage[];

/** Writes an infill prompt as text with the base model's own markers, and says what ends a middle. */
export interface InfillText {
  prompt(parts: { readonly prefix: string; readonly suffix: string; readonly path: string }): string;
  readonly end: string;
}

/** The kinds of records that a method learns from. */
const kinds: Readonly<Record<ClusterMethod, readonly TrainingRecord["kind"][]>> = { sft: ["text", "conversation", "example"], dpo: ["preference"], kto: ["judged"] };

/** The row for `record`, or null where `method` does not learn from its kind. Errors: `modelIncapable` for infill without markers. */
export function trlRow(record: TrainingRecord, method: ClusterMethod, infill: InfillText | null): TrlRow | null {
  if (!kinds[method].includes(record.kind)) return null;
  switch (record.kind) {
    case "text": return { text: record.text };
    case "conversation": return { messages: record.messages };
    case "example": return { prompt: promptOf(record.prompt, infill), completion: replyOf(record.prompt, record.completion, infill) };
    case "preference": return { prompt: promptOf(record.prompt, infill), chosen: replyOf(record.prompt, record.chosen, infill), rejected: replyOf(record.prompt, record.rejected, infill) };
    case "judged": return { prompt: promptOf(record.prompt, infill), completion: replyOf(record.prompt, record.completion, infill), label: record.good };
    case "task": return null;
  }
}

function promptOf(prompt: TrainingPrompt, infill: InfillText | null): TrlText {
  switch (prompt.form) {
    case "text": return prompt.text;
    case "chat": return prompt.messages;
    case "infill": return markers(infill).prompt({ prefix: prompt.prefix, suffix: prompt.suffix, path: prompt.path ?? "" });
  }
}

function replyOf(prompt: TrainingPrompt, reply: string, infill: InfillText | null): TrlText {
  switch (prompt.form) {
    case "text": return reply;
    case "chat": return [{ role: "assistant", content: reply }];
    case "infill": return reply + markers(infill).end;
  }
}

function markers(infill: InfillText | null): InfillText {
  if (infill === null) throw new EngineError("modelIncapable", "The data hold infill samples, but the base model has no infill markers. Choose a model for code, or data without them.");
  return infill;
}
