// Every message between the chat view and its host, the values they carry, and what an answer event does to a turn.
// A leaf: both sides import it, it imports nothing but types, and knows neither VS Code nor the DOM.
import type { DialogueState } from "../engine/protocol/dialogue.ts";
import type { RecalledItem } from "../engine/protocol/memory.ts";
import type { AnswerEvent, AnswerTimings, Citation, FileRange, GroundedCard, PromptBudget, RemotePlace, SentToEndpoint, TokenCounts, Verdict } from "../engine/protocol/types.ts";
import { mark } from "./shared/l10n.ts";

export type SlashCommand = "explain" | "fix" | "tests" | "doc" | "search";

export const SLASH_COMMANDS: readonly { name: SlashCommand; description: string }[] = [
  { name: "explain", description: mark("Explain how the code works") },
  { name: "fix", description: mark("Propose a fix") },
  { name: "tests", description: mark("Write tests") },
  { name: "doc", description: mark("Write documentation") },
  { name: "search", description: mark("List matching places only") },
];

/** Commands about memory, which ask the engine nothing about the folder and make no turn. */
export type MemoryCommand = "remember" | "forget" | "why";

export const MEMORY_COMMANDS: readonly { name: MemoryCommand; description: string }[] = [
  { name: "remember", description: mark("Remember a fact or decision") },
  { name: "forget", description: mark("Choose what to forget") },
  { name: "why", description: mark("Why the last answer used what it used") },
];

/** What a chip above the composer stands for. `text` travels only for selections and cells, `cell` only for cells. */
export interface ChatAttachment extends FileRange {
  kind: "file" | "selection" | "cell";
  text?: string;
  cell?: { id: string; number: number };
}

/** How a turn ended, or that it has not. */
export type TurnState = "running" | "done" | "stopped" | "failed";

/** A sentence about a failure and the one thing to do about it. */
export interface TurnFailure {
  text: string;
  /** "retry" asks the same question again; the others are the host's commands. */
  action: { label: string; command: "retry" | HostCommand } | null;
}

/** What is known about an answer once its checks have run. */
export interface TurnChecks {
  proseOmitted: string | null;
  droppedCitations: number;
  verdict: Verdict;
  timings: AnswerTimings;
  tokens: TokenCounts;
  budget: PromptBudget | null;
  /** What left for an endpoint; absent where nothing did. */
  sentTo?: SentToEndpoint;
}

/** One question and its answer, as shown and as stored. */
export interface ChatTurn {
  id: string;
  question: string;
  command: SlashCommand | null;
  attachments: ChatAttachment[];
  /** Milliseconds since the epoch. */
  askedAt: number;
  state: TurnState;
  /** What the engine is doing, while the turn runs. */
  status: string | null;
  card: GroundedCard | null;
  citations: Citation[];
  /** The model's prose. Provisional while the turn runs: its citations are not yet checked. */
  prose: string;
  checks: TurnChecks | null;
  failure: TurnFailure | null;
  rating: "up" | "down" | null;
  /** What memory gave to this answer; what was dismissed is gone from here. */
  memories?: RecalledItem[];
  /** What was known of the conversation after this answer. */
  dialogue?: DialogueState;
}

export interface Conversation {
  id: string;
  title: string;
  updatedAt: number;
  turns: ChatTurn[];
}

export interface ConversationSummary {
  id: string;
  title: string;
  updatedAt: number;
}

/** What the header and the states of the view show. */
export interface ChatStatus {
  engine: "starting" | "ready" | "restarting" | "failed";
  /** A sentence when `engine` is "failed". */
  engineFailure: string | null;
  folderOpen: boolean;
  trusted: boolean;
  /** Null until the engine has reported. */
  model: { state: "none" | "loading" | "ready" | "unloaded" | "failed"; name: string | null; detail: string; answers: boolean; remote?: RemotePlace } | null;
  index: { state: "off" | "scanning" | "indexing" | "ready" | "failed"; files: number; pendingFiles: number; skippedFiles: number; failure: string | null } | null;
  bytesOut: number | null;
}

/** What the user has in front of them in the editor. */
export interface EditorContext {
  activePath: string | null;
  selection: ChatAttachment | null;
}

/** A change to a file that waits, in a diff editor, for accept or discard. */
export interface ChangeProposal {
  id: string;
  path: string;
}

/** A file that `@` may stand for. */
export interface FileSuggestion {
  path: string;
  /** Open in an editor. */
  open: boolean;
}

/** Commands of the host that the view may ask for; nothing else can be run from the view. */
export type HostCommand = "chooseModel" | "openFolder" | "manageTrust" | "restartEngine" | "showLog" | "showIndex" | "updateIndex" | "showMemory";

/** From the view to its host. */
export type ViewMessage =
  | { type: "ready" }
  | { type: "ask"; question: string; command: SlashCommand | null; attachments: ChatAttachment[]; useActiveFile: boolean }
  | { type: "stop" }
  | { type: "regenerate"; turnId: string }
  | { type: "rate"; turnId: string; rating: "up" | "down" | null }
  | { type: "openConversation"; id: string }
  | { type: "deleteConversation"; id: string }
  /** `cited`: the turn whose answer cites the range, where it does. */
  | { type: "openRange"; range: FileRange & Pick<ChatAttachment, "cell">; cited?: string }
  | { type: "openLink"; href: string }
  | { type: "copy"; text: string }
  | { type: "insertAtCursor"; code: string; language?: string }
  /** Runs a block of commands in a terminal, after what the checks say about it. */
  | { type: "runCode"; code: string; language: string }
  /** Allows a finding about a block, or takes that back. */
  | { type: "allowConcern"; turnId: string; key: string; allowed: boolean }
  | { type: "applyCode"; turnId: string; code: string; language: string; path: string | null }
  | { type: "resolveProposal"; id: string; accept: boolean }
  | { type: "suggestFiles"; requestId: number; query: string }
  | { type: "attachSelection" }
  | { type: "remember"; text: string }
  | { type: "forget"; text: string }
  | { type: "dismissMemory"; turnId: string; key: string }
  | { type: "openMemory"; key: string }
  | { type: "command"; command: HostCommand };

/** From the host to the view. */
export type HostMessage =
  | { type: "snapshot"; conversation: Conversation; conversations: ConversationSummary[]; status: ChatStatus; editor: EditorContext; proposal: ChangeProposal | null }
  | { type: "conversation"; conversation: Conversation }
  | { type: "conversations"; conversations: ConversationSummary[] }
  | { type: "turn"; turn: ChatTurn }
  | { type: "turnEvent"; turnId: string; event: AnswerEvent }
  | { type: "status"; status: ChatStatus }
  | { type: "editor"; editor: EditorContext }
  | { type: "files"; requestId: number; files: FileSuggestion[] }
  | { type: "proposal"; proposal: ChangeProposal | null }
  | { type: "notice"; text: string }
  | { type: "compose"; text: string; command: SlashCommand | null; attachments: ChatAttachment[] }
  | { type: "focus" };

/** The turn after `event`: the same on both sides, so that a view opened late shows what one open all along shows. */
export function applyAnswerEvent(turn: ChatTurn, event: AnswerEvent): ChatTurn {
  switch (event.type) {
    case "status":
      return { ...turn, status: event.text };
    case "card":
      return { ...turn, card: event.card, citations: event.citations };
    case "prose":
      return { ...turn, prose: turn.prose + event.text };
    case "citations":
      return { ...turn, citations: event.citations };
  }
}

/** A conversation's title from its first question: one line, at most 60 characters, cut at a word. */
export function titleOf(question: string): string {
  const line = question.replace(/\s+/g, " ").trim();
  if (line.length <= 60) return line;
  const cut = line.slice(0, 60);
  const space = cut.lastIndexOf(" ");
  return `${cut.slice(0, space > 30 ? space : 60)}…`;
}
