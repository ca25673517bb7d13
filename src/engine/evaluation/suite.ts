// What an evaluation gives, whatever it measures. Suites compute; printing and files belong to the command line and views.

import type { ItemCache } from "./runs/itemCache.ts";

/** Metrics by name, nested where a suite has parts (ablations, categories). */
export type Metrics = { readonly [name: string]: number | null | string | boolean | readonly number[] | readonly Metrics[] | Metrics };

export interface EvaluationResult {
  readonly suite: string;
  /** Cases that were judged. */
  readonly n: number;
  readonly metrics: Metrics;
  /** What the figures depend on: weights, models, seeds. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly seconds: number;
  /** One object a case, for looking at single ones and for paired comparisons; written by `--items`. */
  readonly items: readonly Readonly<Record<string, unknown>>[];
}

export interface EvaluationHooks {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
  /** What costly items came to before. */
  readonly cache?: ItemCache;
}

/** Largest part of a figure that is kept: more digits than the data can tell. */
export function rounded(value: number): number {
  return Number(value.toFixed(4));
}
