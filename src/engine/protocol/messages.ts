// Every message between client and engine: its name, direction, parameters and result, in one place.
import type {
  AnswerApplied, AnswerEvent, AskParams, AskResult, ChatText, CompleteParams, CompleteResult, CompletionOutcome, DoctorItem,
  DownloadProgress, EngineStatus, GenerateParams, IndexReport, IndexStatus, ModelInfo, NotebookExecuted, SearchHit, TerminalExecuted, TokenCounts, ToolCall,
} from "./types.ts";
import type { DialogueState } from "./dialogue.ts";
import type { EndpointNotifications, EndpointRequests } from "./endpoints.ts";
import type { ErrorReason } from "./errors.ts";
import type { MachineRequests } from "./machine.ts";
import type { MemoryRequests } from "./memory.ts";
import type { MetricsRequests } from "./metrics.ts";
import type { NotebookRequests } from "./notebooks.ts";
import type { OfflineProof } from "./offlineProof.ts";
import type { SafetyRequests } from "./safety.ts";
import type { EvaluationProgress, EvaluationRunInfo, EvaluationSuiteInfo, ItemsPage, ItemsQuery, RunDetail, RunDifference } from "./evaluation.ts";
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
  /** The editor's proxy; absent or null: that of the environment. */
  proxy?: ProxyChoice | null;
}

/** `url` "" is none. */
export interface ProxyChoice {
  url: string;
  noProxy: string[];
}

export interface HelloResult {
  protocolVersion: number;
  engineVersion: string;
  pid: number;
}

/** Requests from client to engine. */
export interface EngineRequests extends MachineRequests, EndpointRequests, MemoryRequests, MetricsRequests, NotebookRequests, SafetyRequests {
  /** The handshake: the first request of a connection, once. Opens the workspace's rooms and starts loading the model and indexing in the background. Errors: `protocolMismatch`, `badRequest`, `diskFull`, `unreadable`. */
  "engine/hello": { params: HelloParams; result: HelloResult };
  /** Where index and model stand, and how many bytes left this machine. The same comes unasked as `engine/statusChanged`. */
  "engine/status": { params: null; result: EngineStatus };
  /** Settings and trust as they are now, all of them. `refused` has a sentence for each value that is not taken; its default stands. */
  "engine/configure": { params: { settings: Record<string, unknown>; trusted: boolean; proxy?: ProxyChoice | null }; result: { refused: string[] } };
  /** Checks hardware, libraries, models and disk, each with a remedy where it is wrong. */
  "engine/doctor": { params: null; result: DoctorItem[] };
  /** Stops what runs, closes the databases, and ends the process once this is answered. */
  "engine/shutdown": { params: null; result: null };
  /** Models on this machine and in the catalogue, the active one marked. */
  "model/list": { params: null; result: ModelInfo[] };
  /** What a GGUF file is, and whether it fits this machine; loads nothing. `file` is an absolute path. Errors: `modelNotFound`, `modelForeign`, `modelTruncated`, `modelTooNew`, `unreadable`. */
  "model/inspect": { params: { file: string }; result: ModelInfo };
  /** Chooses and loads a model by its id or file. Where it cannot be loaded, the embedded one is, and the failure is told all the same. Errors: `notFound`, `noModel`, `modelTooLarge`, `modelLoadFailed`, `modelTooNew`. */
  "model/use": { params: { id: string }; result: ModelInfo };
  /** Downloads a model (`hf:owner/repo/file.gguf` or an address), resuming and verifying it. Long: sends `model/downloadProgress`; cancelling keeps the part for the next time. Errors: `badRequest`, `downloadFailed`, `checksumMismatch`, `diskFull`, `busyElsewhere`. */
  "model/pull": { params: { uri: string }; result: ModelInfo };
  /** Brings the index up to date. Long; a keystroke or a question goes first. Errors: `noWorkspace`, `indexCorrupt`, `diskFull`. */
  "index/update": { params: { full: boolean }; result: IndexReport };
  /** The part of `engine/status` about the index. */
  "index/status": { params: null; result: IndexStatus };
  /** Passages that fit a query, best first. `k`: how many at most. Errors: `noWorkspace`, `indexCorrupt`. */
  "retrieval/search": { params: { query: string; k: number }; result: { results: SearchHit[]; ms: number; notes?: string[] } };
  /** A cited answer. Sends `answer/event`: first the card, then prose as it is written, which is provisional until the result. Cancelling gives the result so far, with `stopped`. Errors: `noWorkspace`, `indexCorrupt`, `contextOverflow`, `badRequest`. */
  "answer/ask": { params: AskParams; result: AskResult };
  /** What to show at the caret, or the reason for silence: a value, never an error. */
  "completion/complete": { params: CompleteParams; result: CompleteResult };
  /** Long: sends `data/progress`; cancelling it leaves nothing behind. Errors: `badRequest`, `noWorkspace`, `notFound`, `dataInvalid`, `busyElsewhere`, `diskFull`. */
  "data/prepare": { params: PrepareDataParams; result: DatasetInfo };
  /** The newest version of each data set of the folder. Errors: `unreadable`. */
  "data/list": { params: null; result: DatasetInfo[] };
  /** `dataset` is a name (its newest version) or a version. Errors: `notFound`, `dataInvalid`. */
  "data/show": { params: { dataset: string }; result: DatasetInfo };
  /** Records as a person reviews them before they are used. Errors: `notFound`, `dataInvalid`. */
  "data/review": { params: { dataset: string; offset: number; limit: number }; result: ReviewPage };
  /** Takes records in or out; versions are immutable, so the result is a new one under the same name. Errors: `notFound`, `badRequest`, `busyElsewhere`. */
  "data/decide": { params: { dataset: string; ids: string[]; included: boolean }; result: DatasetInfo };
  /** What a run would need, without starting it. Sends `data/progress` only where samples must be counted first. Errors: `badRequest`, `notFound`, `noModel`, `modelIncapable`, `dataInvalid`. */
  "train/estimate": { params: StartRunParams; result: RunEstimate };
  /** Returns once the run is queued; how it goes on comes as `train/changed` and `train/figures`. Errors: `badRequest`, `notFound`, `noModel`, `modelIncapable`, `modelTooLarge`, `dataInvalid`. */
  "train/start": { params: StartRunParams; result: RunInfo };
  /** Makes a checkpoint and stops; `train/resume` goes on bit for bit. Errors: `notFound`, `badRequest`. */
  "train/pause": { params: { id: string }; result: RunInfo };
  /** Goes on with a run that was paused, interrupted or failed. Errors: `notFound`, `badRequest`, `noModel`, `busyElsewhere`. */
  "train/resume": { params: { id: string }; result: RunInfo };
  /** Stops a run for good. Errors: `notFound`, `badRequest`. */
  "train/cancel": { params: { id: string }; result: RunInfo };
  /** Deletes the folder of a run that is not running; its adapter stays. Errors: `notFound`, `badRequest`. */
  "train/remove": { params: { id: string }; result: null };
  /** Newest first. */
  "train/list": { params: null; result: RunInfo[] };
  /** The history of a run from a step on (0: all of it). Errors: `notFound`. */
  "train/figures": { params: { id: string; fromStep: number }; result: RunFigures[] };
  /** Texts that the model wrote for the same prompts before and after. Errors: `notFound`. */
  "train/samples": { params: { id: string }; result: RunSample[] };
  /** Adapters of this folder, trained or imported, newest first. */
  "adapters/list": { params: null; result: AdapterInfo[] };
  /** Makes an adapter live in chat and completion, after a canary has proved that it is applied. Errors: `notFound`, `noModel`, `badRequest` (it fits another model), `checksumMismatch`, `dataInvalid`, `modelLoadFailed`. */
  "adapters/activate": { params: { sha256: string }; result: AdapterInfo };
  /** Back to the base model alone. */
  "adapters/deactivate": { params: null; result: null };
  /** Back to what was live before the last activation: an adapter, or null for the base model alone. Errors: `badRequest`. */
  "adapters/rollback": { params: null; result: AdapterInfo | null };
  /** Deletes an adapter that is not active. Errors: `notFound`, `badRequest`. */
  "adapters/remove": { params: { sha256: string }; result: null };
  /** The loaded model by itself, for VS Code's own chat; sends `chat/text`. Errors: `badRequest`, `noModel`, `modelIncapable`, `contextOverflow`. */
  "chat/generate": { params: GenerateParams; result: { stopReason: "end" | "length" | "cancelled"; tokens: TokenCounts; calls: ToolCall[] } };
  /** Whether the chat template of the model in use teaches calls of tools. */
  "chat/describe": { params: null; result: { tools: boolean } };
  /** How many tokens the loaded model takes for a text. Errors: `noModel`. */
  "chat/countTokens": { params: { text: string }; result: { tokens: number } };
  /** Runs one of ASSISTANT_TOOLS for another assistant; the text is for its model. Errors: `badRequest`, `noWorkspace`, `indexCorrupt`. */
  "tool/run": { params: { name: string; input: unknown }; result: { text: string } };
  /** Long: exercises every feature with all sockets watched; sends `offline/progress`. `text` is the proof as Markdown. */
  "offline/prove": { params: null; result: { proof: OfflineProof; text: string } };
  /** What can be measured. */
  "evaluate/suites": { params: null; result: EvaluationSuiteInfo[] };
  /** Long: sends `evaluate/progress` under `id`; `data` is null for suites about the folder. A run that was cut short goes on where it was. Errors: `badRequest`, `noWorkspace`, `notFound`, `dataInvalid`, `modelIncapable`. */
  "evaluate/run": { params: { id: string; suite: string; data: string | null }; result: EvaluationRunInfo };
  /** Newest first. */
  "evaluate/runs": { params: null; result: EvaluationRunInfo[] };
  /** The run as a document; with `baseline`, compared with that run item by item. Errors: `notFound`, `badRequest`. */
  "evaluate/report": { params: { id: string; format: "json" | "csv" | "md" | "html"; baseline?: string }; result: { text: string } };
  /** One run with all its figures and settings. Errors: `notFound`. */
  "evaluate/show": { params: { id: string }; result: RunDetail };
  /** Two runs of one suite, paired item by item. Errors: `notFound`, `badRequest`. */
  "evaluate/compare": { params: { before: string; after: string }; result: RunDifference };
  /** Single items of a run, or with `after` of two side by side. Errors: `notFound`, `badRequest`. */
  "evaluate/items": { params: ItemsQuery & { before: string; after: string | null }; result: ItemsPage };
  /** Deletes a stored run. Errors: `notFound`. */
  "evaluate/remove": { params: { id: string }; result: null };
  /** Writes an adapter for other programs: `to` is a file for "gguf" and "merged", a folder for "peft". Errors: `notFound`, `modelNotFound`, `badRequest`, `diskFull`, `unreadable`. */
  "adapters/export": { params: { sha256: string; format: AdapterFormat; to: string }; result: { files: string[] } };
}

/** Notifications from client to engine. */
export interface ClientNotifications {
  /** Files that were created, changed or deleted on disk, as relative paths. */
  "index/filesChanged": { paths: string[] };
  /** What the user has open or edited: feeds the short-term crop. Text is that of the editor, saved or not. */
  "session/documentTouched": { path: string; language: string; text: string; reason: "opened" | "edited" | "saved" };
  /** The editor of a file was closed. */
  "session/documentClosed": { path: string };
  /** What became of a suggestion; recorded only where `training.record` is on. */
  "completion/outcome": CompletionOutcome;
  /** What the user thought of an answer; null takes an earlier rating back. */
  "answer/feedback": { askId: string; rating: "up" | "down" | null };
  /** The user opened a source that an answer cites. */
  "answer/followed": { askId: string };
  /** What the user made of code from an answer. */
  "answer/applied": AnswerApplied;
  /** A notebook cell was run. */
  "memory/notebookExecuted": NotebookExecuted;
  /** A command ended in the terminal; recorded only where `memory.recordTerminal` is on. */
  "memory/terminalExecuted": TerminalExecuted;
}

/** Notifications from engine to client. */
export interface EngineNotifications extends EndpointNotifications {
  /** Index, model or bytes sent changed; at most every 200 ms. */
  "engine/statusChanged": EngineStatus;
  /** A line for the output channel, without code, prompts or secrets. */
  "engine/log": { level: "debug" | "info" | "warn" | "error"; room: string; message: string; at: string; /** Of the request that it was for: "r17". */ id?: string };
  /** A piece of an answer while it is made. */
  "answer/event": { askId: string; event: AnswerEvent };
  /** The model read the conversation after the answer and found more in it. */
  "answer/dialogue": { askId: string; state: DialogueState };
  /** How far `model/pull` has come. */
  "model/downloadProgress": DownloadProgress;
  /** How far `data/prepare` has come, under the `id` that the request gave. */
  "data/progress": DataProgress;
  /** How far `evaluate/run` has come, under the `id` that the request gave. */
  "evaluate/progress": EvaluationProgress;
  /** What of the proof of being offline is exercised now, and how much of it is done. */
  "offline/progress": { title: string; done: number; total: number };
  /** A piece of the text of `chat/generate`. */
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
