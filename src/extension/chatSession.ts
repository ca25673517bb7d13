// The conversations of a workspace and the question in flight: asks the engine, follows its events, keeps everything.
// The view may be hidden, shown again or gone meanwhile; this goes on. It knows neither VS Code nor how things look.
import { randomUUID } from "node:crypto";
import type { EngineNotifications, EngineRequests, ClientNotifications } from "../engine/protocol/messages.ts";
import type { AskResult, ChatTurn as WireTurn } from "../engine/protocol/types.ts";
import { applyAnswerEvent, titleOf } from "../webview/protocol.ts";
import type { ChatStore } from "./chatStore.ts";
import type { ChatAttachment, ChatTurn, Conversation, ConversationSummary, HostMessage, SlashCommand, TurnFailure } from "../webview/protocol.ts";
import { t } from "../webview/shared/l10n.ts";

/** What the session needs of the engine; EngineClient has this shape. */
export interface ChatEngine {
  request<M extends keyof EngineRequests>(method: M, params: EngineRequests[M]["params"], token?: CancelToken): Promise<EngineRequests[M]["result"]>;
  notify<M extends keyof ClientNotifications>(method: M, params: ClientNotifications[M]): void;
  onNotification<M extends keyof EngineNotifications>(method: M, listener: (value: EngineNotifications[M]) => void): { dispose(): void };
}

/** A vscode-jsonrpc (and VS Code) cancellation token. */
export interface CancelToken {
  readonly isCancellationRequested: boolean;
  onCancellationRequested(listener: (event: unknown) => unknown): { dispose(): void };
}

export interface ChatSessionOptions {
  engine: ChatEngine;
  store: ChatStore;
  /** To the view; dropped by the caller while no view listens. */
  post: (message: HostMessage) => void;
  /** A failure as a sentence with what to do, or null for one that is not worth a word, as a cancelled request. */
  describeError: (error: unknown) => TurnFailure | null;
  now?: () => number;
  /** Whether a question is what the product itself writes where a command stands alone. The engine is then asked without words:
   *  screens judge what people write, and took "Explain this code." for a request to do harm. */
  isOwnWords?: (question: string, command: SlashCommand | null) => boolean;
}

/** Conversations kept for a folder, newest first. */
const MAX_CONVERSATIONS = 40;
/** Turns of the conversation that go along with a question, and characters of each. */
const MAX_HISTORY_TURNS = 6;
const MAX_HISTORY_CHARACTERS = 4_000;
/** Turns before those from which the engine reads what the talk is about, and characters of each. */
const MAX_EARLIER_TURNS = 34;
const MAX_EARLIER_CHARACTERS = 600;
/** A stream is stored this often, so that a window that dies loses little. */
const STORE_EVERY_MS = 1_000;

interface Flight {
  turnId: string;
  askId: string;
  token: StopSource;
}

export class ChatSession {
  readonly #options: ChatSessionOptions;
  readonly #now: () => number;
  #conversations: Conversation[];
  #currentId: string;
  #flight: Flight | null = null;
  #storeTimer: NodeJS.Timeout | null = null;
  /** Conversations that changed since they were last stored. */
  readonly #unstored = new Set<string>();
  #disposed = false;
  readonly #subscriptions: { dispose(): void }[];

  constructor(options: ChatSessionOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    const stored = options.store.load();
    this.#conversations = stored.conversations.map((conversation) => ({ ...conversation, turns: conversation.turns.map(interrupted) }));
    this.#currentId = this.#conversations.some(({ id }) => id === stored.currentId) ? stored.currentId : "";
    if (this.#currentId === "") this.#begin();
    this.#subscriptions = [options.engine.onNotification("answer/event", ({ askId, event }) => {
      const flight = this.#flight;
      if (!flight || flight.askId !== askId) return;
      this.#update(flight.turnId, (turn) => applyAnswerEvent(turn, event), "quiet");
      this.#options.post({ type: "turnEvent", turnId: flight.turnId, event });
    }), options.engine.onNotification("answer/dialogue", ({ askId, state }) => {
      const turn = this.#conversations.flatMap(({ turns }) => turns).find((other) => askIdOf(other) === askId);
      if (turn) this.#update(turn.id, (before) => ({ ...before, dialogue: state }));
    })];
  }

  get current(): Conversation {
    return this.#conversations.find(({ id }) => id === this.#currentId) ?? this.#begin();
  }

  /** Whether a question is being answered, in whichever conversation. */
  get busy(): boolean {
    return this.#flight !== null;
  }

  /** Conversations with at least one question, newest first. */
  summaries(): ConversationSummary[] {
    return this.#conversations
      .filter(({ turns }) => turns.length > 0)
      .sort((a, b) => b.updatedAt - a.updatedAt)
      .map(({ id, title, updatedAt }) => ({ id, title, updatedAt }));
  }

  turn(turnId: string): ChatTurn | undefined {
    return this.#conversations.flatMap(({ turns }) => turns).find(({ id }) => id === turnId);
  }

  /** Asks; resolves when the answer has ended in whatever way. A question asked while another is answered stops that one. */
  async ask(question: string, command: SlashCommand | null, attachments: ChatAttachment[], activePath: string | null): Promise<void> {
    this.stop();
    const turn: ChatTurn = {
      id: randomUUID(), question, command, attachments, askedAt: this.#now(), state: "running", status: null,
      card: null, citations: [], prose: "", checks: null, failure: null, rating: null,
    };
    const conversation = this.current;
    const title = conversation.turns.length === 0 ? titleOf(command ? `/${command} ${question}` : question) : conversation.title;
    this.#replace({ ...conversation, title, updatedAt: this.#now(), turns: [...conversation.turns, turn] });
    this.#options.post({ type: "turn", turn });
    this.#options.post({ type: "conversations", conversations: this.summaries() });
    this.#options.store.setCurrent(conversation.id);
    this.#store();
    await this.#answer(turn, activePath);
  }

  /** Asks the question of a turn again, in its place. Only the last turn of the open conversation can be. */
  async regenerate(turnId: string, activePath: string | null): Promise<void> {
    const last = this.current.turns.at(-1);
    if (!last || last.id !== turnId) return;
    this.stop();
    const again: ChatTurn = { ...last, askedAt: this.#now(), state: "running", status: null, card: null, citations: [], prose: "", checks: null, failure: null, rating: null };
    this.#update(turnId, () => again);
    await this.#answer(again, activePath, true);
  }

  /** Stops the answer in flight; what has come so far stays. */
  stop(): void {
    const flight = this.#flight;
    if (!flight) return;
    this.#flight = null;
    this.#update(flight.turnId, (turn) => ({ ...turn, state: "stopped", status: null }));
    flight.token.cancel();
  }

  rate(turnId: string, rating: "up" | "down" | null): void {
    const turn = this.turn(turnId);
    if (!turn) return;
    this.#update(turnId, (before) => ({ ...before, rating }));
    this.#options.engine.notify("answer/feedback", { askId: askIdOf(turn), rating });
  }

  /** A source that the turn's answer cites was opened. */
  followed(turnId: string): void {
    const turn = this.turn(turnId);
    if (turn) this.#options.engine.notify("answer/followed", { askId: askIdOf(turn) });
  }

  /** Takes a memory off an answer and tells the engine, which uses it less from then on. */
  async dismissMemory(turnId: string, key: string): Promise<void> {
    if (!this.turn(turnId)?.memories?.some((memory) => memory.key === key)) return;
    this.#withoutMemory((turn) => turn.id === turnId, [key]);
    await this.#options.engine.request("memory/dismiss", { key });
  }

  /** A finding was allowed, or is not any more: all blocks with the same text show it. */
  setAllowed(key: string, allowed: boolean): void {
    for (const turn of this.#conversations.flatMap(({ turns }) => turns)) {
      if (!turn.checks?.verdict.concerns?.some((concern) => concern.key === key && concern.allowed !== allowed)) continue;
      this.#update(turn.id, (before) => before.checks === null ? before : {
        ...before, checks: { ...before.checks, verdict: { ...before.checks.verdict, concerns: before.checks.verdict.concerns?.map((concern) => (concern.key === key ? { ...concern, allowed } : concern)) ?? [] } },
      });
    }
  }

  /** What was forgotten is shown by no answer any more, in whichever conversation. */
  forgetMemories(keys: readonly string[]): void {
    this.#withoutMemory(() => true, keys);
  }

  #withoutMemory(of: (turn: ChatTurn) => boolean, keys: readonly string[]): void {
    for (const turn of this.#conversations.flatMap(({ turns }) => turns)) {
      if (!of(turn) || !turn.memories?.some(({ key }) => keys.includes(key))) continue;
      this.#update(turn.id, (before) => ({ ...before, memories: before.memories?.filter(({ key }) => !keys.includes(key)) ?? [] }));
    }
  }

  newConversation(): void {
    if (this.current.turns.length > 0) this.#begin();
    this.#showCurrent();
  }

  openConversation(id: string): void {
    if (!this.#conversations.some((conversation) => conversation.id === id)) return;
    this.#currentId = id;
    this.#showCurrent();
  }

  deleteConversation(id: string): void {
    const conversation = this.#conversations.find((other) => other.id === id);
    if (!conversation) return;
    if (conversation.turns.some((turn) => turn.id === this.#flight?.turnId)) this.stop();
    this.#conversations = this.#conversations.filter((other) => other.id !== id);
    this.#unstored.delete(id);
    this.#options.store.remove(id);
    if (id === this.#currentId) this.#begin();
    this.#showCurrent();
  }

  /** Writes what is not yet written. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#store();
    await this.#options.store.flush();
  }

  async #answer(turn: ChatTurn, activePath: string | null, again = false): Promise<void> {
    const flight: Flight = { turnId: turn.id, askId: askIdOf(turn), token: new StopSource() };
    this.#flight = flight;
    try {
      const result = await this.#options.engine.request("answer/ask", {
        askId: flight.askId,
        question: turn.attachments.length > 0 && this.#options.isOwnWords?.(turn.question, turn.command) ? "" : plainQuestion(turn.question),
        history: historyFor(this.current.turns, turn.id),
        earlier: earlierFor(this.current.turns, turn.id),
        session: this.current.id,
        ...(asksForMemory(turn.question) ? { memory: "wanted" as const } : {}),
        ...(turn.command ? { command: turn.command } : {}),
        attachments: turn.attachments,
        ...(activePath === null ? {} : { activePath }),
        ...(again ? { again } : {}),
      }, flight.token);
      // A stopped answer may still bring its checks; a turn that was asked again or deleted takes nothing more.
      if (this.#flight === flight || (this.#flight === null && this.turn(turn.id)?.state === "stopped")) this.#update(turn.id, (before) => withResult(before, result));
    } catch (error) {
      if (this.#flight === flight) {
        const failure = this.#options.describeError(error);
        this.#update(turn.id, (before) => ({ ...before, state: failure ? "failed" : "stopped", status: null, failure }));
      }
    } finally {
      if (this.#flight === flight) this.#flight = null;
      this.#store();
    }
  }

  #begin(): Conversation {
    const fresh: Conversation = { id: randomUUID(), title: "", updatedAt: this.#now(), turns: [] };
    const asked = this.#conversations.filter(({ turns }) => turns.length > 0).sort((a, b) => b.updatedAt - a.updatedAt);
    this.#conversations = [fresh, ...asked.slice(0, MAX_CONVERSATIONS)];
    for (const { id } of asked.slice(MAX_CONVERSATIONS)) this.#options.store.remove(id);
    this.#currentId = fresh.id;
    return fresh;
  }

  #showCurrent(): void {
    this.#options.post({ type: "conversation", conversation: this.current });
    this.#options.post({ type: "conversations", conversations: this.summaries() });
    this.#options.store.setCurrent(this.#currentId);
  }

  #replace(conversation: Conversation): void {
    this.#conversations = this.#conversations.map((other) => (other.id === conversation.id ? conversation : other));
    this.#unstored.add(conversation.id);
    this.#storeSoon();
  }

  /** Changes a turn wherever it stands; "quiet" when the view learns of it in another way. */
  #update(turnId: string, change: (turn: ChatTurn) => ChatTurn, how: "tell" | "quiet" = "tell"): void {
    const conversation = this.#conversations.find(({ turns }) => turns.some(({ id }) => id === turnId));
    if (!conversation) return;
    const turns = conversation.turns.map((turn) => (turn.id === turnId ? change(turn) : turn));
    this.#replace({ ...conversation, updatedAt: this.#now(), turns });
    const turn = turns.find(({ id }) => id === turnId);
    if (how === "tell" && turn && conversation.id === this.#currentId) this.#options.post({ type: "turn", turn });
  }

  #storeSoon(): void {
    if (this.#storeTimer || this.#disposed) return;
    this.#storeTimer = setTimeout(() => this.#store(), STORE_EVERY_MS);
    this.#storeTimer.unref();
  }

  #store(): void {
    if (this.#storeTimer) clearTimeout(this.#storeTimer);
    this.#storeTimer = null;
    for (const conversation of this.#conversations) if (this.#unstored.has(conversation.id)) this.#options.store.save(conversation);
    this.#unstored.clear();
  }
}

/** An answer asked again gets an id of its own at the engine, so that late events of the first are told apart. */
function askIdOf(turn: ChatTurn): string {
  return `${turn.id}:${turn.askedAt}`;
}

/** The question as the engine reads it: `@chat.ts` is the name of a file, `#selection` the code that goes along. */
export function plainQuestion(question: string): string {
  return question.replace(/(^|[\s(])@memory\b\s?/g, "$1").replace(/(^|[\s(])@(?=[\w./-]*\.\w)/g, "$1").replace(/(^|[\s(])#selection\b/g, "$1the selected code").replace(/(^|[\s(])#file\b/g, "$1this file");
}

/** `@memory`: what was said and done before is wanted. */
function asksForMemory(question: string): boolean {
  return /(?:^|[\s(])@memory\b/.test(question);
}

/** What of a turn goes along with later questions. */
export type SaidTurn = Pick<ChatTurn, "id" | "state" | "question" | "prose"> & { card: { summary: string } | null };

/** Earlier questions and answers, oldest first, clipped so that a long chat does not crowd out the sources. `beforeId` null: all turns. */
export function historyFor(turns: readonly SaidTurn[], beforeId: string | null): WireTurn[] {
  return answered(turns, beforeId).slice(-MAX_HISTORY_TURNS).flatMap((turn): WireTurn[] => [
    { role: "user", text: clip(plainQuestion(turn.question)) },
    { role: "assistant", text: clip([turn.card?.summary, turn.prose].filter(Boolean).join("\n\n")) },
  ]);
}

/** Turns before those of {@link historyFor}, shortened: enough to know what was wanted and decided. */
export function earlierFor(turns: readonly SaidTurn[], beforeId: string | null): WireTurn[] {
  return answered(turns, beforeId).slice(-MAX_EARLIER_TURNS - MAX_HISTORY_TURNS, -MAX_HISTORY_TURNS).flatMap((turn): WireTurn[] => [
    { role: "user", text: clip(plainQuestion(turn.question), MAX_EARLIER_CHARACTERS) },
    { role: "assistant", text: clip(turn.card?.summary ?? turn.prose, MAX_EARLIER_CHARACTERS) },
  ]);
}

function answered(turns: readonly SaidTurn[], beforeId: string | null): SaidTurn[] {
  return (beforeId === null ? turns : turns.slice(0, turns.findIndex(({ id }) => id === beforeId))).filter(({ state }) => state === "done");
}

function clip(text: string, limit = MAX_HISTORY_CHARACTERS): string {
  return text.length <= limit ? text : `${text.slice(0, limit)}…`;
}

function withResult(turn: ChatTurn, result: AskResult): ChatTurn {
  const { card, prose, citations, proseOmitted, droppedCitations, verdict, timings, tokens, budget } = result;
  return {
    ...turn, state: result.stopped || turn.state === "stopped" ? "stopped" : "done", status: null, card, prose, citations,
    checks: { proseOmitted, droppedCitations, verdict, timings, tokens, budget, ...(result.sentTo ? { sentTo: result.sentTo } : {}) },
    ...(result.dialogue ? { dialogue: result.dialogue } : {}),
    ...(result.recalled ? { memories: result.recalled } : {}),
  };
}

/** A turn that was in flight when the window went: it will not go on by itself. */
function interrupted(turn: ChatTurn): ChatTurn {
  if (turn.state !== "running") return turn;
  return {
    ...turn, state: "failed", status: null,
    failure: { text: t("The window was closed or reloaded before this answer was complete."), action: { label: t("Try Again"), command: "retry" } },
  };
}

/** A cancellation token that remembers, of the shape that vscode-jsonrpc takes. */
class StopSource implements CancelToken {
  isCancellationRequested = false;
  readonly #listeners = new Set<(event: unknown) => unknown>();

  onCancellationRequested(listener: (event: unknown) => unknown): { dispose(): void } {
    this.#listeners.add(listener);
    return { dispose: () => this.#listeners.delete(listener) };
  }

  cancel(): void {
    if (this.isCancellationRequested) return;
    this.isCancellationRequested = true;
    for (const listener of this.#listeners) listener(undefined);
  }
}
