import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { ChatSession, historyFor, plainQuestion } from "../../../src/extension/chatSession.ts";
import type { CancelToken, ChatEngine } from "../../../src/extension/chatSession.ts";
import type { DialogueState } from "../../../src/engine/protocol/dialogue.ts";
import type { AskParams, AskResult } from "../../../src/engine/protocol/types.ts";
import type { EngineNotifications } from "../../../src/engine/protocol/messages.ts";
import type { Conversation, HostMessage } from "../../../src/webview/protocol.ts";
import type { ChatStore } from "../../../src/extension/chatStore.ts";
import { rankFiles } from "../../../src/extension/chatFiles.ts";
import { contentSecurityPolicy, webviewHtml } from "../../../src/extension/webviewHtml.ts";
import { CARD, CHECKS, CITATIONS, DIALOGUE, REMEMBERED, turn } from "../../webview/scenarios.ts";

const RESULT: AskResult = {
  answer: "", card: CARD, prose: "Done [1].", citations: CITATIONS, stopped: false, ...CHECKS!,
};

interface Asked {
  params: AskParams;
  token: CancelToken | undefined;
  resolve: (result: AskResult) => void;
  reject: (error: Error) => void;
}

class MemoryStore implements ChatStore {
  readonly conversations = new Map<string, Conversation>();
  currentId = "";
  load() { return { currentId: this.currentId, conversations: [...this.conversations.values()].map((c) => structuredClone(c)) }; }
  save(conversation: Conversation) { this.conversations.set(conversation.id, structuredClone(conversation)); }
  remove(id: string) { this.conversations.delete(id); }
  setCurrent(id: string) { this.currentId = id; }
  async flush() {}
}

function setUp(store = new MemoryStore()) {
  const asked: Asked[] = [];
  const told: unknown[] = [];
  const posted: HostMessage[] = [];
  const listeners = new Map<string, (value: unknown) => void>();
  const engine: ChatEngine = {
    request: ((_method: string, params: AskParams, token?: CancelToken) => new Promise((resolve, reject) => asked.push({ params, token, resolve, reject }))),
    notify: (method, params) => { told.push([method, params]); },
    onNotification: (method, added) => {
      listeners.set(method, added as (value: unknown) => void);
      return { dispose: () => { listeners.delete(method); } };
    },
  };
  let clock = 1_000;
  const session = new ChatSession({
    isOwnWords: (question) => question === "Explain this code.",
    engine, store, post: (message) => posted.push(message), now: () => clock++,
    describeError: (error) => (error instanceof Error && error.message === "cancelled" ? null : { text: String(error), action: { label: "Try Again", command: "retry" } }),
  });
  return { session, asked, told, posted, store, emit: (askId: string, event: EngineNotifications["answer/event"]["event"]) => listeners.get("answer/event")?.({ askId, event }), read: (askId: string, state: DialogueState) => listeners.get("answer/dialogue")?.({ askId, state }) };
}

describe("chat session", () => {
  it("asks without words where the words are the product's own, and only about something that is attached", async () => {
    const { session, asked } = setUp();
    const selection = { kind: "selection" as const, path: "a.ts", startLine: 1, endLine: 2, text: "x" };
    for (const attachments of [[selection], []]) void session.ask("Explain this code.", "explain", attachments, null);
    void session.ask("Explain that code.", "explain", [selection], null);
    assert.deepEqual(asked.map(({ params }) => params.question), ["", "Explain this code.", "Explain that code."]);
  });

  it("streams an answer to the view and keeps it with its checks", async () => {
    const { session, asked, posted, emit } = setUp();
    const done = session.ask("Where is x?", "explain", [], "a.ts");
    const [{ params, resolve }] = asked as [Asked];
    assert.equal(params.command, "explain");
    assert.equal(params.activePath, "a.ts");
    emit(params.askId, { type: "card", card: CARD, citations: CITATIONS });
    emit(params.askId, { type: "prose", text: "Do" });
    emit("another", { type: "prose", text: "XX" });
    assert.equal(session.current.turns[0]?.prose, "Do");
    assert.equal(session.busy, true);
    resolve(RESULT);
    await done;
    assert.equal(session.current.turns[0]?.state, "done");
    assert.equal(session.current.turns[0]?.prose, "Done [1].");
    assert.equal(session.busy, false);
    assert.deepEqual(posted.map((m) => m.type), ["turn", "conversations", "turnEvent", "turnEvent", "turn"]);
    assert.equal(session.summaries()[0]?.title, "/explain Where is x?");
  });

  it("sends the talk's name, what was said long ago, and that memory is wanted", async () => {
    const { session, asked } = setUp();
    for (let i = 0; i < 8; i++) {
      const done = session.ask(`question ${i}`, null, [], null);
      asked.at(-1)?.resolve(RESULT);
      await done;
    }
    void session.ask("what did we decide @memory about sqlite?", null, [], null);
    const params = asked.at(-1)?.params;
    assert.deepEqual([params?.session, params?.memory, params?.question], [session.current.id, "wanted", "what did we decide about sqlite?"]);
    assert.deepEqual([params?.earlier?.length, params?.earlier?.[0]?.text, params?.history.length, params?.history[0]?.text], [4, "question 0", 12, "question 2"]);
  });

  it("takes what the model read in the talk, for the answer that it read, and keeps it", async () => {
    const { session, asked, read } = setUp();
    const done = session.ask("q", null, [], null);
    asked[0]?.resolve({ ...RESULT, dialogue: { ...DIALOGUE, goal: null } });
    await done;
    read("of a turn that is gone", DIALOGUE);
    assert.equal(session.current.turns[0]?.dialogue?.goal, null);
    read(asked[0]?.params.askId ?? "", DIALOGUE);
    assert.deepEqual(session.current.turns[0]?.dialogue, DIALOGUE);
  });

  it("takes a memory off an answer, tells the engine, and shows nowhere what was forgotten", async () => {
    const { session, asked, posted } = setUp();
    const done = session.ask("q", null, [], null);
    asked[0]?.resolve({ ...RESULT, recalled: REMEMBERED });
    await done;
    const id = session.current.turns[0]?.id ?? "";
    void session.dismissMemory(id, "decision-1");
    assert.deepEqual(asked[1]?.params, { key: "decision-1" });
    assert.deepEqual(session.turn(id)?.memories?.map(({ key }) => key), ["execution-2"]);
    void session.dismissMemory(id, "unknown");
    assert.equal(asked.length, 2);
    session.newConversation();
    session.forgetMemories(["execution-2"]);
    assert.deepEqual(session.turn(id)?.memories, []);
    assert.equal(posted.filter(({ type }) => type === "turn").length, 3, "a turn of another conversation is not sent");
  });

  it("stops at once, cancels the request, and takes no late events", async () => {
    const { session, asked, emit } = setUp();
    const done = session.ask("q", null, [], null);
    const [{ params, token, reject }] = asked as [Asked];
    emit(params.askId, { type: "prose", text: "Half" });
    session.stop();
    assert.equal(token?.isCancellationRequested, true);
    assert.equal(session.current.turns[0]?.state, "stopped");
    emit(params.askId, { type: "prose", text: " more" });
    reject(new Error("cancelled"));
    await done;
    assert.equal(session.current.turns[0]?.prose, "Half");
    assert.equal(session.current.turns[0]?.state, "stopped");
  });

  it("turns an engine that died into a sentence with a way to try again", async () => {
    const { session, asked } = setUp();
    const done = session.ask("q", null, [], null);
    asked[0]!.reject(new Error("gone"));
    await done;
    const [failed] = session.current.turns;
    assert.equal(failed?.state, "failed");
    assert.equal(failed?.failure?.action?.command, "retry");
    const again = session.regenerate(failed.id, null);
    assert.equal(session.current.turns.length, 1, "in its place");
    assert.notEqual(asked[1]!.params.askId, asked[0]!.params.askId);
    asked[1]!.resolve(RESULT);
    await again;
    assert.equal(session.current.turns[0]?.state, "done");
    assert.equal(session.current.turns[0]?.failure, null);
  });

  it("goes on in a conversation that is not shown, and tells the view nothing of it", async () => {
    const { session, asked, posted } = setUp();
    const done = session.ask("first", null, [], null);
    const first = session.current.id;
    session.newConversation();
    posted.length = 0;
    asked[0]!.resolve(RESULT);
    await done;
    assert.deepEqual(posted, []);
    session.openConversation(first);
    assert.equal(session.current.turns[0]?.state, "done");
  });

  it("keeps conversations over a reload, and says so where an answer was cut off", async () => {
    const before = setUp();
    const done = before.session.ask("kept", null, [], null);
    before.asked[0]!.resolve(RESULT);
    await done;
    void before.session.ask("cut off", null, [], null);
    await before.session.dispose();
    const after = setUp(before.store);
    assert.deepEqual(after.session.current.turns.map((t) => [t.question, t.state]), [["kept", "done"], ["cut off", "failed"]]);
    assert.match(after.session.current.turns[1]?.failure?.text ?? "", /reloaded/);
  });

  it("stores a question as soon as it is asked, and its answer as soon as it is there", async () => {
    const { session, asked, store } = setUp();
    const done = session.ask("q", null, [], null);
    assert.equal([...store.conversations.values()][0]?.turns[0]?.state, "running");
    asked[0]!.resolve(RESULT);
    await done;
    assert.equal([...store.conversations.values()][0]?.turns[0]?.state, "done");
    assert.equal(store.currentId, session.current.id);
    session.deleteConversation(session.current.id);
    assert.equal(store.conversations.size, 0);
  });

  it("rates by the id that the engine knows", async () => {
    const { session, asked, told } = setUp();
    const done = session.ask("q", null, [], null);
    asked[0]!.resolve(RESULT);
    await done;
    session.rate(session.current.turns[0]!.id, "down");
    assert.deepEqual(told, [["answer/feedback", { askId: asked[0]!.params.askId, rating: "down" }]]);
    assert.equal(session.current.turns[0]?.rating, "down");
  });

  it("deletes a conversation, and stops what it was answering", () => {
    const { session, asked } = setUp();
    void session.ask("q", null, [], null);
    session.deleteConversation(session.current.id);
    assert.equal(asked[0]!.token?.isCancellationRequested, true);
    assert.deepEqual(session.summaries(), []);
    assert.deepEqual(session.current.turns, []);
  });
});

describe("what is sent along", () => {
  it("reads mentions as words", () => {
    assert.equal(plainQuestion("what does @chat.ts do with #selection?"), "what does chat.ts do with the selected code?");
    assert.equal(plainQuestion("mail me@example.com about @decorators"), "mail me@example.com about @decorators");
  });

  it("gives earlier answers, clipped, and none that failed", () => {
    const turns = [turn({ id: "1", prose: "x".repeat(9_000) }), turn({ id: "2", state: "failed" }), turn({ id: "3" })];
    const history = historyFor(turns, "3");
    assert.deepEqual(history.map(({ role }) => role), ["user", "assistant"]);
    assert.equal(history[1]?.text.length, 4_001);
  });
});

describe("files for @", () => {
  it("puts names before folders and open files first", () => {
    const ranked = rankFiles(["src/chat/a.ts", "src/chatView.ts", "chat.md", "x/cxhxaxt.py"], new Set(["src/chatView.ts"]), "chat", 10);
    assert.deepEqual(ranked.map(({ path }) => path), ["src/chatView.ts", "chat.md", "src/chat/a.ts", "x/cxhxaxt.py"]);
    assert.equal(rankFiles(["a"], new Set(), "zz", 10).length, 0);
  });
});

describe("the page", () => {
  it("allows its own script and style and nothing else", () => {
    const policy = contentSecurityPolicy({ cspSource: "vscode-webview:", nonce: "n1" });
    assert.match(policy, /^default-src 'none';/);
    assert.ok(!/unsafe|\*|https?:/.test(policy));
    const html = webviewHtml({ title: "<KaLactica>", cspSource: "vscode-webview:", nonce: "n1", scriptUri: "a\"b", styleUri: "s", language: "en" });
    assert.match(html, /<script nonce="n1" src="a&quot;b">/);
    assert.ok(!/\son\w+=|style=/.test(html));
  });
});
