// What the training monitor shows, and how a message from the host changes it. Pure: no DOM, no clock.
import type { AdapterInfo, DatasetInfo, RunFigures, RunInfo, RunSample } from "../../engine/protocol/training.ts";
import { isOpen } from "../monitorProtocol.ts";
import type { MonitorHostMessage, MonitorStatus } from "../monitorProtocol.ts";

/** What the reader has set; survives a reload of the page. */
export interface MonitorChoices {
  runId: string | null;
  /** Further runs drawn into the same charts. */
  compared: readonly string[];
  /** Weight of the past in the moving average, from 0 (none) to below 1. */
  smoothing: number;
  axis: "step" | "time";
  /** Charts that are shown as tables, by their ids. */
  tables: readonly string[];
}

export interface MonitorState {
  /** False until the first snapshot: nothing is drawn before, so that the page does not flash an empty state. */
  loaded: boolean;
  runs: readonly RunInfo[];
  adapters: readonly AdapterInfo[];
  status: MonitorStatus;
  figures: Readonly<Record<string, readonly RunFigures[]>>;
  samples: Readonly<Record<string, readonly RunSample[]>>;
  datasets: Readonly<Record<string, DatasetInfo | null>>;
  choices: MonitorChoices;
  notice: string | null;
}

export const DEFAULT_CHOICES: MonitorChoices = { runId: null, compared: [], smoothing: 0.6, axis: "step", tables: [] };

/** More lines than this in one chart cannot be told apart. */
export const MAX_COMPARED = 5;

export function initialState(choices: MonitorChoices): MonitorState {
  return {
    loaded: false, runs: [], adapters: [], figures: {}, samples: {}, datasets: {}, choices, notice: null,
    status: { engine: "starting", engineFailure: null, folderOpen: true, trusted: true },
  };
}

export type MonitorAction =
  | MonitorHostMessage
  | { type: "chooseRun"; runId: string }
  | { type: "compare"; runId: string; on: boolean }
  | { type: "set"; choices: Partial<Pick<MonitorChoices, "smoothing" | "axis">> }
  | { type: "asTable"; chart: string; on: boolean }
  | { type: "dismissNotice" };

export function reduce(state: MonitorState, action: MonitorAction): MonitorState {
  switch (action.type) {
    case "snapshot": {
      const runs = newestFirst(action.runs);
      const known = new Set(runs.map(({ id }) => id));
      const runId = state.choices.runId !== null && known.has(state.choices.runId) ? state.choices.runId : preferredRun(runs);
      const compared = state.choices.compared.filter((id) => known.has(id) && id !== runId);
      return { ...state, loaded: true, runs, adapters: action.adapters, status: action.status, choices: { ...state.choices, runId, compared } };
    }
    case "run": {
      const runs = newestFirst([action.run, ...state.runs.filter(({ id }) => id !== action.run.id)]);
      return withChoices({ ...state, runs }, { runId: state.choices.runId ?? action.run.id });
    }
    case "adapters":
      return { ...state, adapters: action.adapters };
    case "status":
      return { ...state, status: action.status };
    case "figures":
      return { ...state, figures: { ...state.figures, [action.runId]: action.whole ? action.figures : following(state.figures[action.runId] ?? [], action.figures) } };
    case "samples":
      return { ...state, samples: { ...state.samples, [action.runId]: action.samples } };
    case "dataset":
      return { ...state, datasets: { ...state.datasets, [action.runId]: action.dataset } };
    case "choose":
    case "chooseRun":
      return withChoices(state, { runId: action.runId, compared: state.choices.compared.filter((id) => id !== action.runId) });
    case "compare": {
      const others = state.choices.compared.filter((id) => id !== action.runId);
      return withChoices(state, { compared: action.on && action.runId !== state.choices.runId ? [...others, action.runId].slice(-MAX_COMPARED) : others });
    }
    case "set":
      return withChoices(state, action.choices);
    case "asTable":
      return withChoices(state, { tables: [...state.choices.tables.filter((chart) => chart !== action.chart), ...(action.on ? [action.chart] : [])] });
    case "notice":
      return { ...state, notice: action.text };
    case "dismissNotice":
      return state.notice === null ? state : { ...state, notice: null };
  }
}

export function chosenRun(state: MonitorState): RunInfo | null {
  return state.runs.find(({ id }) => id === state.choices.runId) ?? null;
}

/** The chosen run and, after it, those it is compared with. */
export function shownRuns(state: MonitorState): RunInfo[] {
  const ids = [state.choices.runId, ...state.choices.compared];
  return ids.map((id) => state.runs.find((run) => run.id === id)).filter((run) => run !== undefined);
}

function withChoices(state: MonitorState, changes: Partial<MonitorChoices>): MonitorState {
  return { ...state, choices: { ...state.choices, ...changes } };
}

function newestFirst(runs: readonly RunInfo[]): RunInfo[] {
  return [...runs].sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? -1 : 1));
}

/** What runs, else the newest. */
function preferredRun(runs: readonly RunInfo[]): string | null {
  return (runs.find(({ state }) => isOpen(state) && state !== "queued") ?? runs[0])?.id ?? null;
}

/** A run that goes on from a checkpoint computes some steps again: what was told of them before gives way. */
function following(before: readonly RunFigures[], more: readonly RunFigures[]): RunFigures[] {
  const from = more[0]?.step ?? Infinity;
  return [...before.filter(({ step }) => step <= from), ...more];
}
