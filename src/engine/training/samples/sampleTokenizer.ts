// What rendering needs of a model's vocabulary and templates. model/sampleTokenizer.ts has the implementation, on the same
// code that builds prompts for chat and completion, so that a model is trained on exactly what it will be asked.
import type { TrainingMessage } from "../../base/trainingRecord.ts";

export interface SampleTokenizer {
  readonly nVocab: number;
  /** Put before everything where the model expects it, else null. */
  readonly beginning: number | null;
  /** What ends a text that is neither chat nor infill; null where the vocabulary has no such token. */
  readonly endOfText: number | null;
  /** Ids of plain text; markers that stand in it are text. */
  encode(text: string): readonly number[];
  /** Text of ids, special tokens written out. */
  decode(tokens: readonly number[]): string;
  /** Text of ids as a user sees it, without special tokens. */
  decodeText(tokens: readonly number[]): string;
  /** Null where the model has no chat template that can be rendered. */
  readonly chat: ChatRendering | null;
  /** Null where the vocabulary has no infill markers. */
  readonly infill: InfillRendering | null;
}

export interface ChatRendering {
  /** The conversation in the model's own template, up to where the assistant speaks. */
  prompt(messages: readonly TrainingMessage[]): readonly number[];
  /** The token that ends the assistant's turn and at which generating stops; null where the template has none. */
  readonly endOfTurn: number | null;
}

export interface InfillRendering {
  /** As completion builds it, in at most `budget` tokens; the model's next token is the first of the middle. */
  prompt(parts: { readonly prefix: string; readonly suffix: string; readonly path: string }, budget: number): readonly number[];
  /** The token that ends a middle. */
  readonly endOfMiddle: number;
}
