// Every message between client and engine: its name, direction, parameters and result, in one place.
import type {
  AnswerApplied, AnswerEvent, AskParams, AskResult, ChatText, CompleteParams, CompleteResult, CompletionOutcome, DoctorItem,
  DownloadProgress, EngineStatus, GenerateParams, IndexReport, IndexStatus, ModelInfo, NotebookExecuted, SearchHit, TokenCounts,
} from "./types.ts";
import type { DialogueState } from "./dialogue.ts";
import type { ErrorReason } from "./errors.ts";
import type { MemoryRequests } from "./memory.ts";
import type { MetricsRequests } from "./metrics.ts";
import type { NotebookRequests } from "./notebooks.ts";
import type { SafetyRequests } from "./safety.ts";
import type { EvaluationProgress, EvaluationRunInfo, EvaluationSuiteInfo } from "./evaluation.ts";
import type {
  AdapterFormat, AdapterInfo, DataProgress, DatasetInfo, PrepareDataParams, ReviewPage, RunEstimate, RunFigures, RunInfo, RunSample, StartRunParams,
} from "./training.ts";

export interface HelloParams {
  protocolVersion: number;
  client: string;
  /** Absolute path of the workspace folder, or null when none is open. */
  workspaceDir: string | null;
  /** Absolute folder for this workspace's database, vectors and logs. */
  storageDir: string;
  /** Absolute folder shared by all workspaces: downloaded models. */
  modelsDir: string;
  settings: Record<string, unknown>;
  trusted: boolean;
}

export interface HelloResult {
  protocolVersion: number;
  engineVersion: string;
  pid: number;
}

/** Requests from client to engine. */
export interface EngineRequests extends MemoryRequests, MetricsRequests, NotebookRequests, SafetyRequests {
  "engine/hello": { params: HelloParams; result: HelloResult };
  "engine/status": { params: null; result: EngineStatus };
  "engine/configure": { params: { settings: Record<string, unknown>; trusted: boolean }; result: { refused: string[] } };
  "engine/doctor": { params: null; result: DoctorItem[] };
  "engine/shutdown": { params: null; result: null };
  "model/list": { params: null; result: ModelInfo[] };
  "model/inspect": { params: { file: string }; result: ModelInfo };
  "model/use": { params: { id: string }; result: ModelInfo };
  "model/pull": { params: { uri: string }; result: ModelInfo };
  "index/update": { params: { full: boolean }; result: IndexReport };
  "index/status": { params: null; result: IndexStatus };
  "retrieval/search": { params: { query: string; k: number }; result: { results: SearchHit[]; ms: number } };
  "answer/ask": { params: AskParams; result: AskResult };
  "completion/complete": { params: CompleteParams; result: CompleteResult };
  /** Long: sends `data/progress`; cancelling it leaves nothing behind. */
  "data/prepare": { params: PrepareDataParams; result: DatasetInfo };
  "data/list": { params: null; result: DatasetInfo[] };
  /** `dataset` is a name (its newest version) or a version. */
  "data/show": { params: { dataset: string }; result: DatasetInfo };
  /** Records as a person reviews them before they are used. */
  "data/review": { params: { dataset: string; offset: number; limit: number }; result: ReviewPage };
  /** Takes records in or out; versions are immutable, so the result is a new one under the same name. */
  "data/decide": { params: { dataset: string; ids: string[]; included: boolean }; result: DatasetInfo };
  /** What a run would need, without starting it. Sends `data/progress` only where samples must be counted first. */
  "train/estimate": { params: StartRunParams; result: RunEstimate };
  /** Returns once the run is queued; how it goes on comes as `train/changed` and `train/figures`. */
  "train/start": { params: StartRunParams; result: RunInfo };
  "train/pause": { params: { id: string }; result: RunInfo };
  "train/resume": { params: { id: string }; result: RunInfo };
  "train/cancel": { params: { id: string }; result: RunInfo };
  /** Deletes the folder of a run that is not running; its adapter stays. */
  "train/remove": { params: { id: string }; result: null };
  /** Newest first. */
  "train/list": { params: null; result: RunInfo[] };
  /** The history of a run from a step on (0: all of it). */
  "train/figures": { params: { id: string; fromStep: number }; result: RunFigures[] };
  "train/samples": { params: { id: string }; result: RunSample[] };
  "adapters/list": { params: null; result: AdapterInfo[] };
  "adapters/activate": { params: { sha256: string }; result: AdapterInfo };
  /** Back to the base model alone. */
  "adapters/deactivate": { params: null; result: null };
  /** Back to what was live before the last activation: an adapter, or null for the base model alone. */
  "adapters/rollback": { params: null; result: AdapterInfo | null };
  "adapters/remove": { params: { sha256: string }; result: null };
  /** `to`: a file for "gguf" and "merged", a folder for "peft". */
  /** The loaded model by itself, for VS Code's own chat; sends `chat/text`. */
  "chat/generate": { params: GenerateParams; result: { stopReason: "end" | "length" | "cancelled"; tokens: TokenCounts } };
  "chat/countTokens": { params: { text: string }; result: { tokens: number } };
  /** Runs one of ASSISTANT_TOOLS for another assistant; the text is for its model. */
  "tool/run": { params: { name: string; input: unknown }; result: { text: string } };
  "evaluate/suites": { params: null; result: EvaluationSuiteInfo[] };
  /** Long: sends `evaluate/progress` under `id`; `data` is null for suites about the folder. A run that was cut short goes on where it was. */
  "evaluate/run": { params: { id: string; suite: string; data: string | null }; result: EvaluationRunInfo };
  /** Newest first. */
  "evaluate/runs": { params: null; result: EvaluationRunInfo[] };
  /** The run as a document; with `baseline`, compared with that run item by item. */
  "evaluate/report": { params: { id: string; format: "json" | "csv" | "md" | "html"; baseline?: string }; result: { text: string } };
  "evaluate/remove": { params: { id: string }; result: null };
  "adapters/export": { params: { sha256: string; format: AdapterFormat; to: string }; result: { files: string[] } };
}

/** Notifications from client to engine. */
export interface ClientNotifications {
  /** Files that were created, changed or deleted on disk, as relative paths. */
  "index/filesChanged": { paths: string[] };
  /** What the user has open or edited: feeds the short-term crop. Text is that of the editor, saved or not. */
  "session/documentTouched": { path: string; language: string; text: string; reason: "opened" | "edited" | "saved" };
  "session/documentClosed": { path: string };
  "completion/outcome": CompletionOutcome;
  /** What the user thought of an answer; null takes an earlier rating back. */
  "answer/feedback": { askId: string; rating: "up" | "down" | null };
  /** The user opened a source that an answer cites. */
  "answer/followed": { askId: string };
  /** What the user made of code from an answer. */
  "answer/applied": AnswerApplied;
  "memory/notebookExecuted": NotebookExecuted;
}

/** Notifications from engine to client. */
export interface EngineNotifications {
  "engine/statusChanged": EngineStatus;
  "engine/log": { level: "debug" | "info" | "warn" | "error"; room: string; message: string; at: string };
  "answer/event": { askId: string; event: AnswerEvent };
  /** The model read the conversation after the answer and found more in it. */
  "answer/dialogue": { askId: string; state: DialogueState };
  "model/downloadProgress": DownloadProgress;
  "data/progress": DataProgress;
  "evaluate/progress": EvaluationProgress;
  "chat/text": ChatText;
  /** A run came, went or changed its state. */
  "train/changed": RunInfo;
  /** A new point of a run's curves. */
  "train/figures": { id: string; figures: RunFigures };
  /** Adapters came, went, or another one is live. */
  "adapters/changed": AdapterInfo[];
}

/** Sends a notification to the client; typed by method. */
export type EngineNotifier = <M extends keyof EngineNotifications>(method: M, params: EngineNotifications[M]) => void;

/** The `data` of a JSON-RPC error: what the client branches on. */
export interface WireErrorData {
  reason: ErrorReason;
  details: Record<string, unknown>;
}

/** JSON-RPC error codes of ours; cancelled is the LSP's number, so that vscode-jsonrpc treats it alike. */
export const WIRE_ERROR_FAILED = -32001;
export const WIRE_ERROR_CANCELLED = -32800;
