// Every message between the model gallery and its host, and the values they carry.
// A leaf: both sides import it, it imports nothing but types, and knows neither VS Code nor the DOM.
import type { Gallery, GalleryModel } from "../engine/protocol/machine.ts";

/** What stands in the way, for the page's one banner. */
export interface GalleryStatus {
  engine: "starting" | "ready" | "failed";
  /** A sentence when `engine` is "failed". */
  engineFailure: string | null;
  trusted: boolean;
}

/** What can be done with a model. The host asks back where something would be lost. */
export type ModelAction = "use" | "download" | "cancelDownload" | "discard" | "measure" | "cancelMeasure" | "showFile" | "inspect" | "remove";

/** Commands of the host that the page may ask for; nothing else can be run from the page. */
export type GalleryCommand = "openFile" | "downloadAddress" | "addEndpoint" | "doctor" | "manageTrust" | "restartEngine" | "showLog";

/** A download that this window runs. */
export interface DownloadState {
  /** What was asked for: the model's `uri`. */
  uri: string;
  receivedBytes: number;
  totalBytes: number | null;
  bytesPerSecond: number;
}

/** What the host does now. */
export interface GalleryWork {
  downloads: DownloadState[];
  /** Ids of models. */
  loading: string | null;
  measuring: string | null;
}

/** From the page to its host. */
export type GalleryViewMessage =
  | { type: "ready" }
  | { type: "action"; id: string; action: ModelAction }
  /** Opens the settings at one of ours, without "kalactica.". */
  | { type: "setting"; key: string }
  | { type: "command"; command: GalleryCommand };

/** From the host to the page. */
export type GalleryHostMessage =
  /** `gallery` is null while the engine has not told yet. */
  | { type: "snapshot"; gallery: Gallery | null; work: GalleryWork; status: GalleryStatus }
  | { type: "work"; work: GalleryWork }
  | { type: "status"; status: GalleryStatus }
  /** Chooses a model, as when its download has ended. */
  | { type: "choose"; id: string }
  | { type: "notice"; text: string };

export const NO_WORK: GalleryWork = { downloads: [], loading: null, measuring: null };

export function downloadOf(model: GalleryModel, work: GalleryWork): DownloadState | null {
  return model.uri === null ? null : work.downloads.find(({ uri }) => uri === model.uri) ?? null;
}

/** What can be done with a model now, most wanted first. */
export function actionsOf(model: GalleryModel, work: GalleryWork): ModelAction[] {
  if (!model.installed) {
    if (downloadOf(model, work)) return ["cancelDownload"];
    return ["download", ...(model.part ? (["discard"] satisfies ModelAction[]) : [])];
  }
  const use: ModelAction[] = model.active || !(model.capabilities.infill || model.capabilities.answer) ? [] : ["use"];
  if (model.origin === "endpoint") return use;
  return [
    ...use, work.measuring === model.id ? "cancelMeasure" : "measure", "inspect", "showFile",
    ...(model.origin === "downloaded" ? (["remove"] satisfies ModelAction[]) : []),
  ];
}
