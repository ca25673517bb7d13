// Every message between the training monitor and its host, and the values they carry.
// A leaf: both sides import it, it imports nothing but types, and knows neither VS Code nor the DOM.
import type { AdapterInfo, DatasetInfo, RunFigures, RunInfo, RunSample, RunState } from "../engine/protocol/training.ts";

/** What stands in the way of training, for the page's one banner. */
export interface MonitorStatus {
  engine: "starting" | "ready" | "failed";
  /** A sentence when `engine` is "failed". */
  engineFailure: string | null;
  folderOpen: boolean;
  trusted: boolean;
}

/** What can be done with a run or with the adapter that it made. The host asks back where something would be lost. */
export type RunAction = "pause" | "resume" | "cancel" | "activate" | "rollBack" | "export" | "remove";

/** Commands of the host that the page may ask for; nothing else can be run from the page. */
export type MonitorCommand = "fineTune" | "train" | "prepareData" | "manageAdapters" | "openFolder" | "manageTrust" | "restartEngine" | "showLog";

/** From the page to its host. */
export type MonitorViewMessage =
  | { type: "ready" }
  /** The runs whose figures are shown; the first is the chosen one, whose samples and data are shown too. */
  | { type: "watch"; runIds: string[] }
  | { type: "runAction"; runId: string; action: RunAction }
  | { type: "command"; command: MonitorCommand };

/** From the host to the page. */
export type MonitorHostMessage =
  | { type: "snapshot"; runs: RunInfo[]; adapters: AdapterInfo[]; status: MonitorStatus }
  | { type: "run"; run: RunInfo }
  | { type: "adapters"; adapters: AdapterInfo[] }
  | { type: "status"; status: MonitorStatus }
  /** `whole`: these are all figures so far; otherwise they follow those already sent. */
  | { type: "figures"; runId: string; figures: RunFigures[]; whole: boolean }
  | { type: "samples"; runId: string; samples: RunSample[] }
  /** The data set of a run; null where it is no longer there. */
  | { type: "dataset"; runId: string; dataset: DatasetInfo | null }
  /** Chooses a run, as when it was just started. */
  | { type: "choose"; runId: string }
  | { type: "notice"; text: string };

/** Whether something of a run is still to come. */
export function isOpen(state: RunState): boolean {
  return state === "queued" || state === "preparing" || state === "running" || state === "pausing" || state === "evaluating";
}

/** The adapter that a run made, where it is still kept. */
export function adapterOf(run: RunInfo, adapters: readonly AdapterInfo[]): AdapterInfo | null {
  return adapters.find((adapter) => adapter.run === run.id || adapter.sha256 === run.receipt?.adapterSha256) ?? null;
}

/** What can be done with a run now, most wanted first. */
export function actionsOf(run: RunInfo, adapters: readonly AdapterInfo[]): RunAction[] {
  const resume: RunAction[] = run.resumable ? ["resume"] : [];
  switch (run.state) {
    case "running":
      return ["pause", "cancel"];
    case "queued":
    case "preparing":
    case "pausing":
    case "evaluating":
      return ["cancel"];
    case "paused":
    case "interrupted":
      return [...resume, "cancel"];
    case "failed":
    case "cancelled":
      return [...resume, "remove"];
    case "finished": {
      const adapter = adapterOf(run, adapters);
      return [...(adapter ? ([adapter.active ? "rollBack" : "activate", "export"] satisfies RunAction[]) : []), "remove"];
    }
  }
}
