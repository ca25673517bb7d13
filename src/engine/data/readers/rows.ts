// What every reader of data files gives: rows with their place, and problems with theirs. It reads nothing itself.
import type { DatasetProblem } from "../../protocol/training.ts";

/** A value as it stood in a file, before anything is known of its format. */
export interface RawRow {
  /** "train.jsonl:17" (line), "rows.parquet:17" (row, from 1). */
  readonly at: string;
  readonly value: unknown;
}

export type RowItem = RawRow | DatasetProblem;

/**
 * Longest line, JSON value or CSV row that is taken in, in bytes. Our choice: at 4 characters a token this is 4 million
 * tokens, beyond every context window, and a line of that size is held a few times over while it is converted.
 */
export const MAXIMUM_ROW_BYTES = 16 << 20;

export function isProblemItem(item: RowItem): item is DatasetProblem {
  return "severity" in item;
}

/** An error at a place. */
export function errorAt(at: string, sentence: string): DatasetProblem {
  return { severity: "error", at, sentence };
}

/** "16 MB" for the sentences about sizes. */
export function megabytes(bytes: number): string {
  return `${Math.round(bytes / (1 << 20))} MB`;
}

/**
 * Why `text` is not JSON, without quoting it: what stands in data may be secret.
 * Returns the value, or a sentence that starts with "not valid JSON".
 */
export function parseJson(text: string): { value: unknown } | { sentence: string } {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (error) {
    const position = /at position (\d+)/.exec((error as Error).message)?.[1];
    const what = /Unexpected end/.test((error as Error).message) ? ": it ends too early" : position === undefined ? "" : `: something unexpected stands at character ${Number(position) + 1}`;
    return { sentence: `not valid JSON${what}` };
  }
}
