// Every message between the evaluation page and its host, and the values they carry.
// A leaf: both sides import it, it imports nothing but types, and knows neither VS Code nor the DOM.
import type { EvaluationRunInfo, ItemsPage, ItemsQuery, RunDetail, RunDifference } from "../engine/protocol/evaluation.ts";
import type { UseReport } from "../engine/protocol/metrics.ts";

export type EvaluationTab = "runs" | "use";

/** Which runs are looked at: one, or two side by side (the earlier first). */
export interface ChosenRuns {
  before: string;
  after: string | null;
}

/** From the page to its host. */
export type EvaluationViewMessage =
  | { type: "ready" }
  /** Figures of the chosen run or, of two, their differences. */
  | { type: "choose"; chosen: ChosenRuns }
  /** `request` comes back with the page, so that an answer to an earlier question is told apart. */
  | { type: "items"; request: number; chosen: ChosenRuns; query: ItemsQuery }
  | { type: "runAction"; action: "report" | "export" | "remove"; id: string; baseline: string | null }
  | { type: "use"; days: number }
  | { type: "useAction"; action: "exportJson" | "exportCsv" | "erase"; days: number }
  | { type: "command"; command: "evaluate" | "evaluateRepository" | "restartEngine" };

/** From the host to the page. */
export type EvaluationHostMessage =
  | { type: "runs"; runs: EvaluationRunInfo[]; engine: "ready" | "starting" | "failed" }
  | { type: "tab"; tab: EvaluationTab }
  | { type: "detail"; detail: RunDetail }
  | { type: "difference"; chosen: ChosenRuns; difference: RunDifference | null; failure: string | null }
  | { type: "items"; request: number; page: ItemsPage | null; failure: string | null }
  | { type: "use"; report: UseReport };
