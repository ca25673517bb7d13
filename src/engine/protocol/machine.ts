// What travels about this machine and the models for it: the gallery, measured speed, the report of a problem. Types only: does nothing.
import type { DoctorItem, ModelInfo } from "./types.ts";
import type { SocketCount } from "./socketCount.ts";

export interface MachineInfo {
  cpu: string;
  cores: number;
  totalRamBytes: number;
  /** What can be taken without swapping. */
  availableRamBytes: number;
  gpu: { name: string; kind: string; totalVramBytes: number; freeVramBytes: number } | null;
  /** "cpu", "vulkan", "cuda", "metal". */
  device: string;
  /** A sentence: which device, and why. */
  explanation: string;
}

/** One thing that is decided by hardware where no setting says it. */
export interface MachineDefault {
  name: string;
  /** As people read it: "3 threads". */
  value: string;
  /** A sentence. */
  why: string;
  /** The setting that overrules it, without "kalactica."; null where none does. */
  setting: string | null;
}

/** How quickly a model computed on this machine, when it was last measured here. */
export interface ModelSpeed {
  /** Tokens a second of a text that is read; null where it was too short to tell. */
  promptPerSecond: number | null;
  /** Tokens a second of a text that is written; null for models that write none. */
  generatedPerSecond: number | null;
  nPrompt: number;
  nGenerated: number;
  device: string;
  /** ISO 8601. */
  at: string;
}

export interface GalleryModel extends ModelInfo {
  /** "embedded": came with KaLactica; "downloaded": in its models folder; "file": named by the user; "catalogue": could be downloaded; "unfinished": of no catalogue, begun; "endpoint": on a server. */
  origin: "embedded" | "downloaded" | "file" | "catalogue" | "unfinished" | "endpoint";
  /** The one of its kind to take on this machine. */
  recommended: boolean;
  speed: ModelSpeed | null;
  /** What has come of a download that was not finished. */
  part: { receivedBytes: number; totalBytes: number | null } | null;
}

export interface Gallery {
  machine: MachineInfo;
  defaults: MachineDefault[];
  models: GalleryModel[];
}

/** Everything that a report of a problem holds; nothing else is in it. Paths below the workspace and the home folder are taken out. */
export interface ProblemReport {
  /** ISO 8601. */
  at: string;
  versions: Record<string, string>;
  machine: MachineInfo | null;
  doctor: DoctorItem[];
  /** Settings that differ from their default, with texts that could name something replaced. */
  settings: Record<string, unknown>;
  state: Record<string, string | number | boolean | null>;
  sockets: SocketCount;
  /** The last entries of the log, oldest first, redacted. */
  log: string[];
}

export interface MachineRequests {
  /** Models here, recommended and begun, with how each fits and how quickly it was; the machine, and what is decided by its hardware. */
  "model/gallery": { params: null; result: Gallery };
  /** Long; computes with the model. */
  "model/measure": { params: { id: string }; result: ModelSpeed };
  /** Deletes a downloaded model's file; where it was in use, the embedded one is used. */
  "model/remove": { params: { id: string }; result: null };
  /** Deletes what has come of an unfinished download. */
  "model/discard": { params: { uri: string }; result: null };
  /** What the engine sent and opened since it started, by host. */
  "engine/sockets": { params: null; result: SocketCount };
  /** `log` and `state` are what the client adds of its own; the engine redacts them like its own. */
  "engine/report": { params: { versions: Record<string, string>; log: string[] }; result: { report: ProblemReport; /** As a Markdown document. */ text: string } };
}
