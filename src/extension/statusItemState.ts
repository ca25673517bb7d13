// Which of the things that go on the one status item tells of. Pure: no VS Code, no words, so that the order can be read and tested.
import type { EngineStatus } from "../engine/protocol/types.ts";

export interface StatusSources {
  engine: "stopped" | "starting" | "ready" | "waiting" | "failed";
  /** What the engine said last; null before it has. */
  status: EngineStatus | null;
  /** Share of the run in progress, and seconds left; null where nothing trains. */
  training: { share: number; secondsLeft: number | null; running: boolean } | null;
  /** Share of the download in progress, null inside where its size is not known; null where nothing is downloaded. */
  download: { share: number | null } | null;
  measuring: boolean;
}

/** `command`: what a click is for in this state. */
export type StatusState =
  | { kind: "engineFailed" | "engineStopped" | "engineWaiting" | "modelFailed" | "indexFailed" | "starting" | "loading" | "measuring" | "leaving" | "idle"; command: string }
  | { kind: "training"; share: number; secondsLeft: number | null; running: boolean; command: string }
  | { kind: "downloading"; share: number | null; command: string }
  /** `share` null: how many files there are is not known yet. */
  | { kind: "indexing"; share: number | null; command: string };

/**
 * First what keeps the assistant from working, then what somebody waits for, longest waits last; last of all, what is always so.
 * A broken index or model does not hide behind work: it would never be seen while a run takes hours.
 */
export function stateOf({ engine, status, training, download, measuring }: StatusSources): StatusState {
  if (engine === "failed") return { kind: "engineFailed", command: "kalactica.restartEngine" };
  if (engine === "stopped") return { kind: "engineStopped", command: "kalactica.restartEngine" };
  if (engine === "waiting") return { kind: "engineWaiting", command: "kalactica.showLog" };
  if (engine === "starting" || status === null) return { kind: "starting", command: "kalactica.openChat" };
  const { index, model } = status;
  if (model.state === "failed") return { kind: "modelFailed", command: "kalactica.showModels" };
  if (index.state === "failed") return { kind: "indexFailed", command: "kalactica.showIndexReport" };
  if (model.state === "loading") return { kind: "loading", command: "kalactica.showModels" };
  if (download) return { kind: "downloading", share: download.share, command: "kalactica.showModels" };
  if (measuring) return { kind: "measuring", command: "kalactica.showModels" };
  if (index.state === "scanning") return { kind: "indexing", share: null, command: "kalactica.showIndexReport" };
  if (index.state === "indexing") {
    const all = index.files + index.pendingFiles;
    return { kind: "indexing", share: all > 0 && index.pendingFiles > 0 ? index.files / all : null, command: "kalactica.showIndexReport" };
  }
  if (training) return { kind: "training", ...training, command: "kalactica.showTrainingRuns" };
  return { kind: model.remote?.leavesMachine ? "leaving" : "idle", command: "kalactica.openChat" };
}
