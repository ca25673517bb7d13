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
}

export interface EvaluationProgress {
  /** Of the request. */
  id: string;
  done: number;
  total: number;
}
