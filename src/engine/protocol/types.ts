// The values that travel between client and engine, and between rooms of the engine. Types only: does nothing.
import type { DialogueState } from "./dialogue.ts";
import type { RecalledItem } from "./memory.ts";

/** Lines of a file of the workspace. `path` is relative with forward slashes; lines are 1-based and inclusive. */
export interface FileRange {
  path: string;
  startLine: number;
  endLine: number;
}

/** "long": the corpus of the workspace. "short": what this session touched. */
export type Crop = "short" | "long";

/** A passage found by search. `sha256` is that of `text`, which is what stood at those lines when it was indexed. */
export interface SearchHit extends FileRange {
  score: number;
  crop: Crop;
  /** Which signals found it, strongest first, for example ["symbol", "keyword", "vector"]. */
  via: string[];
  text: string;
  sha256: string;
  /** VS Code language id, or "plaintext". */
  language: string;
  /** Enclosing symbols or headings, outermost first. */
  breadcrumb: string[];
  /** The shared index that it comes from; absent: the open workspace. Its path is then one of where it was published. */
  origin?: string;
}

/** A definition known to the symbol table. */
export interface SymbolDefinition extends FileRange {
  name: string;
  /** "function" | "method" | "class" | "interface" | "type" | "enum" | "constant" | "variable" | "module" */
  kind: string;
  language: string;
  /** Enclosing symbols, outermost first. */
  container: string[];
  /** The declaration without its body, on one or a few lines. */
  signature: string;
  /** The documentation comment or docstring without its comment marks, or "". */
  documentation: string;
  exported: boolean;
}

/** A line on which a symbol is used (calls, references, imports), its definition excluded. */
export interface SymbolUsage {
  path: string;
  line: number;
  /** The line, trimmed, at most 200 characters. */
  text: string;
}

/** A file that was left out of the index, and why, in a form to show. */
export interface SkippedFile {
  path: string;
  reason: string;
}

export interface IndexStatus {
  state: "off" | "scanning" | "indexing" | "ready" | "failed";
  files: number;
  chunks: number;
  /** Files still to be read, embedded or removed. */
  pendingFiles: number;
  /** Passages that are found by their words only as yet, while vectors are being made. */
  pendingPassages?: number;
  skipped: SkippedFile[];
  /** A sentence when `state` is "failed". */
  failure?: string;
}

export interface IndexReport {
  files: number;
  chunks: number;
  skipped: SkippedFile[];
  seconds: number;
  filesPerSecond: number;
  chunksPerSecond: number;
  peakRssMb: number;
}

/** What a checked text may be used for. */
export type VerdictAction = "allow" | "warn" | "ask" | "block";

export interface Check {
  name: string;
  score: number;
  threshold: number;
  action: VerdictAction;
  reason: string;
  span?: { start: number; end: number };
  /** The check could not be made (too long a text, its time was over): `action` is then never "allow". */
  notChecked?: true;
}

/** Something found in one block of code or commands of an answer. */
export interface BlockConcern {
  /** Of the block's text: `blockKey` in safety.ts. */
  block: string;
  check: "commands" | "insecureCode" | "licence" | "drift" | "grounded";
  action: VerdictAction;
  /** What kind of finding it is: "CWE-89", "run-downloaded", "MIT". */
  rule: string;
  /** A sentence: what is wrong, or what would happen. */
  reason: string;
  /** A sentence: what to do instead; "" where nothing is to be done but not to do it. */
  fix: string;
  /** UTF-16 offsets into the block's text, and what stands there, cut. */
  span: { start: number; end: number } | null;
  excerpt: string;
  /** Names this finding in this text, for an override. */
  key: string;
  /** The user has allowed it. */
  allowed: boolean;
}

export interface Verdict {
  action: VerdictAction;
  checks: Check[];
  /** What was found in blocks of an answer; absent where it has none. */
  concerns?: BlockConcern[];
  ms: number;
}

export interface TokenCounts {
  prompt: number;
  /** Prompt tokens whose computation was reused from an earlier request. */
  reused: number;
  generated: number;
}

/** A numbered source of an answer. `verified`: the file was read again and its lines still hash to `sha256`. */
export interface Citation extends FileRange {
  n: number;
  sha256: string;
  verified: boolean;
  text: string;
}

/** What kind of question was understood, without a model call. */
export type QuestionIntent = "where" | "what" | "how" | "which" | "usages" | "error" | "overview" | "open";

/** One definition or place in the grounded card. `citation` is the number `[n]` of its source. */
export interface CardItem {
  title: string;
  kind: string;
  location: FileRange;
  language: string;
  signature: string;
  documentation: string;
  usageCount: number;
  usages: FileRange[];
  citation: number;
}

/** The extractive answer that the engine composes itself, right about where things stand by construction. */
export interface GroundedCard {
  intent: QuestionIntent;
  /** One to three sentences of Markdown with [n] citations. */
  summary: string;
  items: CardItem[];
  /** False when nothing in the index supports an answer; the summary then says so and names the nearest finds. */
  supported: boolean;
  /** What memory holds that clearly bears on the question; absent where nothing does. */
  fromMemory?: RecalledItem;
}

/** How the context window was spent, in tokens, for the user to see. */
export interface PromptBudget {
  contextSize: number;
  instructions: number;
  history: number;
  sources: number;
  question: number;
  reservedForAnswer: number;
  /** Sources that were found but did not fit. */
  droppedSources: number;
}

export interface ChatTurn {
  role: "user" | "assistant";
  text: string;
}

export interface AskParams {
  askId: string;
  question: string;
  /** Earlier turns, oldest first. */
  history: ChatTurn[];
  /** Turns before `history`, shortened: read for goal, decisions and what "it" means, never put into the prompt. */
  earlier?: ChatTurn[];
  /** The user asked for memory by `@memory`: more of it is recalled. */
  memory?: "wanted";
  /** The same question was answered before and is answered again in its place. */
  again?: boolean;
  /** "/explain", "/fix", "/tests", "/doc", "/search", or none. */
  command?: "explain" | "fix" | "tests" | "doc" | "search";
  /** What the user attached: whole files and selections. */
  attachments: Attachment[];
  /** The file in the active editor, for "this file" and as a weak signal of relevance. */
  activePath?: string;
  /** The conversation it belongs to, by an id that lasts: its turns are remembered as one thread. Absent: a thread of its own. */
  session?: string;
  /** Asked by a measurement rather than a person: nothing of it is remembered or counted. */
  measured?: true;
}

export interface Attachment extends FileRange {
  kind: "file" | "selection" | "cell";
  /** Text for selections and unsaved documents; files without it are read by the engine. */
  text?: string;
  /** Of a cell: its id in the notebook, and its number among the code cells (0: it is none). The engine finds its lines. */
  cell?: { id: string; number: number };
}

export interface AnswerTimings {
  retrieveMs: number;
  /** To the grounded card; null where there was none. */
  cardMs: number | null;
  /** To the first generated token; null where nothing was generated. */
  firstTokenMs: number | null;
  totalMs: number;
}

export interface AskResult {
  /** The whole answer as Markdown: the card's text and, below it, the prose whose citations held. */
  answer: string;
  card: GroundedCard | null;
  /** The model's prose, or "" where the model is not able to answer; `proseOmitted` says why. */
  prose: string;
  proseOmitted: string | null;
  citations: Citation[];
  /** Citations the model wrote that did not hold and were removed. */
  droppedCitations: number;
  verdict: Verdict;
  timings: AnswerTimings;
  tokens: TokenCounts;
  budget: PromptBudget | null;
  stopped: boolean;
  /** What was sent to an endpoint for this answer; absent where nothing was. */
  sentTo?: SentToEndpoint;
  /** Goal, constraints, decisions, open questions and what is in focus, after this answer. */
  dialogue?: DialogueState;
  /** What was recalled from memory for this answer, most relevant first; absent or empty: nothing was. */
  recalled?: RecalledItem[];
}

/** Streamed while an answer is made. Prose is provisional until the result arrives. */
export type AnswerEvent =
  | { type: "status"; text: string }
  | { type: "card"; card: GroundedCard; citations: Citation[] }
  | { type: "prose"; text: string }
  | { type: "citations"; citations: Citation[] };

export interface CompleteParams {
  path: string;
  language: string;
  /** Text before and after the caret; the client may clip to 32,768 characters before and 8,192 after. */
  prefix: string;
  suffix: string;
  /** 1-based line and 0-based UTF-16 column of the caret. */
  line: number;
  column: number;
  /** "manual" lowers the gate: the user asked for a suggestion. */
  trigger: "automatic" | "manual";
}

export type CompletionSource = "model" | "lookup" | "cache";

/** Why nothing is shown. */
export type NoCompletionReason =
  | "belowGate" // a candidate existed but was not sure enough
  | "noCandidate"
  | "insideWord"
  | "noModel"
  | "timeout"
  | "filtered" // repetition, duplicate of what follows, out-of-scope, unsafe
  | "disabledLanguage"
  | "cancelled";

export interface CompleteResult {
  completionId: string;
  text: string | null;
  /** Characters after the caret on its line that `text` brings itself and replaces (closers the editor put there); absent: 0. */
  replacesAfter?: number;
  source: CompletionSource | null;
  /** Estimated probability that the text is what the user wants, in [0, 1]. */
  confidence: number;
  reason: NoCompletionReason | null;
  verdict: Verdict;
  timings: { lookupMs: number; modelMs: number; totalMs: number };
  tokens: TokenCounts;
}

export interface CompletionOutcome {
  completionId: string;
  outcome: "shown" | "accepted" | "partiallyAccepted" | "rejected" | "keptAfter30s" | "undoneWithin30s" | "keptAfter5min" | "undoneWithin5min";
  charactersKept?: number;
  /** With "shown": milliseconds from the request until the editor had the suggestion. */
  ms?: number;
  /** What the user wrote in place of a suggestion that was rejected or undone, half a minute later. */
  instead?: string;
}

/** Code of an answer that was put into a file, and what had become of it minutes later. */
export interface AnswerApplied {
  /** Chosen by the client; told again with the same id, the later news stands. */
  id: string;
  question: string;
  path: string;
  language: string;
  /** The lines that it replaced, "" where it replaced none; what stood there afterwards; what stands there now. */
  before: string;
  applied: string;
  kept: string;
}

/** A notebook cell was run. Texts may be clipped by the client. */
export interface NotebookExecuted {
  /** Path relative to the workspace, with forward slashes. */
  notebook: string;
  /** The cell's id in the notebook, else one that lasts while the notebook is open. */
  cell: string;
  /** When it ended, in ms since 1970. */
  at?: number;
  language: string;
  executionOrder?: number;
  /** What was run, as it stood when it was started. */
  source: string;
  /** The cells above it, first to last. */
  above: { kind: "code" | "markdown"; source: string; output?: string }[];
  output: string;
  error: { name: string; message: string; traceback: string } | null;
  /** Ascending with the start of executions of this window, whatever the clock says. */
  started?: number;
  durationMs?: number;
  /** Of everything that the cell showed. */
  outputHash?: string;
  /** One line for each output that is no text. */
  shown?: string[];
}

/** A command ended in the editor's terminal; sent only where the user allows it. Texts may be clipped by the client. */
export interface TerminalExecuted {
  command: string;
  /** In which it ran, relative to the workspace ("" is the workspace); null: elsewhere or unknown. */
  folder: string | null;
  /** Null where the shell does not say. */
  exitCode: number | null;
  /** The end of what it printed, as it stood on the screen. */
  output: string;
  /** When it started, in ms since 1970. */
  at: number;
  durationMs: number;
}

/** What a model can be asked for, set by measurement or by the registry, never by guess. */
export interface ModelCapabilities {
  /** Has fill-in-the-middle tokens. */
  infill: boolean;
  /** Follows instructions well enough to write cited prose. */
  answer: boolean;
  embed: boolean;
}

export interface MemoryFit {
  fits: boolean;
  ramBytes: number;
  vramBytes: number;
  contextSize: number;
  /** A sentence: why it fits or not, and what to do. */
  explanation: string;
}

export interface ModelInfo {
  id: string;
  name: string;
  /** Absolute path, or null where the model is only in the catalogue. */
  file: string | null;
  uri: string | null;
  sha256: string | null;
  sizeBytes: number;
  licence: string;
  architecture: string;
  parameters: number;
  quantisation: string;
  contextSize: number;
  fimTokens: boolean;
  chatTemplate: boolean;
  capabilities: ModelCapabilities;
  fit: MemoryFit | null;
  installed: boolean;
  active: boolean;
  /** An endpoint: it has no file, and what it is asked may leave this machine. */
  remote?: RemotePlace;
}

/** A conversation for the loaded model alone: no search, no memory, no card. */
export interface GenerateParams {
  /** Names the stream of `chat/text`. */
  id: string;
  /** Id of the model that is meant; another one that is loaded by now is refused. */
  model: string;
  /** Oldest first, ending with the user's. */
  messages: {
    role: "user" | "assistant";
    text: string;
    /** Of the assistant's: tools that it called, each with what came of it. */
    calls?: AnsweredCall[];
  }[];
  maxTokens: number;
  /** Tools that the model may call. Refused where its chat template teaches no calls (`chat/describe`). */
  tools?: ToolOffer[];
  /** 0 (the default) always takes the likeliest token. */
  temperature?: number;
}

/** A tool of the caller's: what it does and what it takes, as a JSON Schema of an object. */
export interface ToolOffer {
  name: string;
  description: string;
  input: object;
}

export interface ToolCall {
  name: string;
  input: Record<string, unknown>;
}

export interface AnsweredCall extends ToolCall {
  result: string;
}

export interface ChatText {
  id: string;
  text: string;
}

export interface ModelStatus {
  state: "none" | "loading" | "ready" | "unloaded" | "failed";
  id: string | null;
  name: string | null;
  /** "cpu", "vulkan", "cuda", "metal". */
  device: string | null;
  /** A sentence: which device and why. */
  explanation: string;
  contextSize: number;
  tokensPerSecond: number | null;
  capabilities: ModelCapabilities;
  /** A sentence where the model could write prose and is not asked for it. */
  noProse?: string;
  /** SHA-256 of the adapter that chat and completion use; null or absent: the base model alone. */
  adapter?: string | null;
  /** Where it is, if it is an endpoint; absent: it runs in the engine. */
  remote?: RemotePlace;
}

/** A host that a model or a shared index is on. */
export interface RemotePlace {
  /** With its port, as people read it. */
  host: string;
  /** False where the host is this machine. */
  leavesMachine: boolean;
}

/** What an answer sent to an endpoint. */
export interface SentToEndpoint extends RemotePlace {
  /** The endpoint's name. */
  name: string;
  /** Passages of files, attachments and memory in the prompt. */
  passages: number;
}

export interface DoctorItem {
  name: string;
  state: "ok" | "warning" | "problem";
  found: string;
  remedy: string | null;
}

export interface EngineStatus {
  index: IndexStatus;
  model: ModelStatus;
  /** Bytes that the engine, and the trainers it started, sent to addresses other than this machine since it started. */
  bytesOut: number;
  /** Memory that the engine's process holds. */
  residentBytes?: number;
}

export interface DownloadProgress {
  uri: string;
  receivedBytes: number;
  totalBytes: number | null;
  bytesPerSecond: number;
}
