// What client and engine tell each other of evaluations. Types only.

export interface EvaluationSuiteInfo {
  name: string;
  summary: string;
  /** What it is about: the open folder, data that is named, or the folder and data where it is named. */
  needs: "workspace" | "data" | "either";
  /** Whether it runs code that a model wrote, in the sandbox. */
  runsCode: boolean;
}

export interface EvaluationRunInfo {
  id: string;
  suite: string;
  /** ISO 8601. */
  at: string;
  /** Path of the data; "" for suites about the folder. */
  data: string;
  n: number;
  seconds: number;
  /** The first figures: name, value and, where known, its 95 % interval. */
  headline: { name: string; value: number; low?: number; high?: number }[];
  model: string | null;
  /** What a suite that compares models says to use: the model's id, or null for the look-up alone, and the adapter's SHA-256. */
  recommendation?: { name: string; model: string | null; adapter: string | null; sentence: string; current: boolean };
}

export interface EvaluationProgress {
  /** Of the request. */
  id: string;
  done: number;
  total: number;
}

/** A run with all its figures. */
export interface RunDetail {
  info: EvaluationRunInfo;
  /** By part; "" is the headline. */
  parts: { part: string; figures: { name: string; value: number; low?: number; high?: number }[] }[];
  settings: Record<string, unknown>;
}

/** Two runs of one suite, as figures. */
export interface RunDifference {
  suite: string;
  before: string;
  after: string;
  metrics: {
    metric: string;
    /** Items that both runs have. */
    n: number;
    before: number;
    after: number;
    difference: number;
    /** 95 % interval of the difference, by the paired bootstrap. */
    low: number;
    high: number;
    /** Two-sided, by the paired permutation test. */
    p: number;
    verdict: "better" | "worse" | "same";
  }[];
  /** Settings that differ. */
  settings: { name: string; before: unknown; after: unknown }[];
}

/** Of two runs: all items, those whose score changed, those that the earlier or the later run has better. */
export type ItemFilter = "all" | "changed" | "before" | "after";

export interface ItemsQuery {
  /** The score that tells who was right; null: the first. */
  score: string | null;
  filter: ItemFilter;
  /** Words that an item must hold, in any of its fields; "" for all. */
  words: string;
  offset: number;
  /** At most 200. */
  limit: number;
}

export interface EvaluationItem {
  id: string;
  /** Who scored better; null where neither did, or there is one run only. */
  winner: "before" | "after" | null;
  /** Verdicts as 0 and 1; `after` is null where there is one run only. */
  scores: { name: string; before: number; after: number | null }[];
  /** What both runs have alike: the item. */
  shared: { name: string; text: string }[];
  /** What they have differently: what was written, found or decided. */
  own: { name: string; before: string; after: string }[];
}

export interface ItemsPage {
  /** Scores that single items have. */
  scores: string[];
  score: string | null;
  /** Whether the score is right or wrong, rather than more or less. */
  binary: boolean;
  counts: Record<ItemFilter, number>;
  /** Items that the filter and the words leave. */
  found: number;
  items: EvaluationItem[];
}
