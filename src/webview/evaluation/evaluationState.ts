// What the evaluation page shows, and how a message from the host or a choice of the reader changes it. Pure: no DOM, no clock.
import type { EvaluationRunInfo, ItemFilter, ItemsPage, RunDetail, RunDifference } from "../../engine/protocol/evaluation.ts";
import type { UseReport } from "../../engine/protocol/metrics.ts";
import type { ChosenRuns, EvaluationHostMessage, EvaluationTab } from "../evaluationProtocol.ts";

/** What the reader has set; survives a reload of the page. */
export interface EvaluationChoices {
  tab: EvaluationTab;
  runId: string | null;
  /** The run that the chosen one is compared with. */
  baselineId: string | null;
  score: string | null;
  filter: ItemFilter;
  words: string;
  days: number;
}

export interface EvaluationState {
  /** False until the runs are known: nothing is drawn before, so that the page does not flash an empty state. */
  loaded: boolean;
  engine: "ready" | "starting" | "failed";
  runs: readonly EvaluationRunInfo[];
  detail: RunDetail | null;
  difference: RunDifference | null;
  /** Why two runs cannot be compared, or their items not be read. */
  failure: string | null;
  page: ItemsPage | null;
  /** The number of the last question for items; what answers another one is late. */
  request: number;
  itemId: string | null;
  use: UseReport | null;
  choices: EvaluationChoices;
}

export const DEFAULT_CHOICES: EvaluationChoices = { tab: "runs", runId: null, baselineId: null, score: null, filter: "all", words: "", days: 30 };
/** Items on the page at a time. */
export const PAGE_ITEMS = 100;

export function initialState(choices: EvaluationChoices): EvaluationState {
  return { loaded: false, engine: "starting", runs: [], detail: null, difference: null, failure: null, page: null, request: 0, itemId: null, use: null, choices };
}

export type EvaluationAction =
  | EvaluationHostMessage
  | { type: "set"; choices: Partial<EvaluationChoices> }
  | { type: "chooseRun"; id: string }
  | { type: "chooseBaseline"; id: string | null }
  | { type: "asked"; request: number }
  | { type: "openItem"; id: string };

export function reduce(state: EvaluationState, action: EvaluationAction): EvaluationState {
  switch (action.type) {
    case "runs": {
      const known = new Map(action.runs.map((run) => [run.id, run]));
      const runId = state.choices.runId !== null && known.has(state.choices.runId) ? state.choices.runId : action.runs[0]?.id ?? null;
      const kept = state.choices.baselineId !== null && known.get(state.choices.baselineId)?.suite === known.get(runId ?? "")?.suite && state.choices.baselineId !== runId;
      return { ...state, loaded: true, engine: action.engine, runs: action.runs, choices: { ...state.choices, runId, baselineId: kept ? state.choices.baselineId : null } };
    }
    case "tab":
      return { ...state, choices: { ...state.choices, tab: action.tab } };
    case "detail":
      return action.detail.info.id === state.choices.runId ? { ...state, detail: action.detail } : state;
    case "difference":
      return action.chosen.after === state.choices.runId && action.chosen.before === state.choices.baselineId ? { ...state, difference: action.difference, failure: action.failure } : state;
    case "items": {
      if (action.request !== state.request) return state;
      const items = action.page?.items ?? [];
      return { ...state, page: action.page, failure: action.failure ?? state.failure, itemId: items.some(({ id }) => id === state.itemId) ? state.itemId : items[0]?.id ?? null };
    }
    case "use":
      return { ...state, use: action.report };
    case "set":
      return { ...state, choices: { ...state.choices, ...action.choices } };
    case "chooseRun": {
      if (action.id === state.choices.runId) return state;
      return { ...state, detail: null, difference: null, failure: null, page: null, choices: { ...state.choices, runId: action.id, baselineId: null, score: null, filter: "all" } };
    }
    case "chooseBaseline":
      return { ...state, difference: null, failure: null, page: null, choices: { ...state.choices, baselineId: action.id, score: null, filter: "all" } };
    case "asked":
      return { ...state, request: action.request };
    case "openItem":
      return { ...state, itemId: action.id };
  }
}

/** The runs that the page is about, as the host is asked for them: the baseline stands before. */
export function chosenRuns({ choices: { runId, baselineId } }: EvaluationState): ChosenRuns | null {
  if (runId === null) return null;
  return baselineId === null ? { before: runId, after: null } : { before: baselineId, after: runId };
}

export function chosenRun(state: EvaluationState): EvaluationRunInfo | null {
  return state.runs.find(({ id }) => id === state.choices.runId) ?? null;
}

/** Runs that the chosen one can be compared with. */
export function comparableRuns(state: EvaluationState): EvaluationRunInfo[] {
  const run = chosenRun(state);
  return run === null ? [] : state.runs.filter(({ id, suite }) => suite === run.suite && id !== run.id);
}
