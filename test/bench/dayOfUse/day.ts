// A day of use: seeded actions of a developer against the real engine process over its protocol, with a ledger of what
// must still be there at the end. Says what went wrong and what was held when; judges nothing.
import { mkdirSync } from "node:fs";
import path from "node:path";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import type { AskResult, CompleteResult } from "../../../src/engine/protocol/types.ts";
import { EngineClient, EngineRequestError, RequestCancelled } from "../../../src/extension/engineClient.ts";
import { ChatFiles } from "../../../src/extension/chatStore.ts";
import type { Conversation } from "../../../src/webview/protocol.ts";
import { CancellationTokenSource } from "vscode-jsonrpc/node";
import { PROBE, readEngine } from "./readings.ts";
import type { Reading } from "./readings.ts";
import type { Repository } from "./repository.ts";

export interface DayOptions {
  repository: Repository;
  /** Where the engine's bundle, or its sources' entry, lies. */
  modulePath: string;
  /** A fresh folder for storage, models and the probe's file. */
  scratch: string;
  actions: number;
  seed: number;
  /** How many readings to take over the day; 0: none. */
  readings: number;
  /** Actions with a reload before them; the last of the stretches is meant to be the longest. */
  reloads: readonly number[];
  onAction?: (n: number, name: string) => void | Promise<void>;
}

export interface DayReport {
  counts: Record<string, number>;
  /** Milliseconds of each action by name. */
  times: Record<string, number[]>;
  /** What failed, and what the engine logged as an error. */
  errors: string[];
  warnings: string[];
  /** What should be there at the end and is not, or should be gone and is there. */
  lost: string[];
  kept: { remembered: number; questions: number; conversations: number; executions: number; symbols: number; ratings: number };
  readings: Reading[];
  engines: number;
}

interface Document { path: string; text: string; language: string }
interface Cell { id: string; source: string; order: number }

const LANGUAGES: Record<string, string> = { ts: "typescript", js: "javascript", py: "python", go: "go", rs: "rust", java: "java" };

/** How often each action comes, out of the sum; typing and its completions are most of a day. */
const WEIGHTS: readonly (readonly [keyof Actions, number])[] = [
  ["type", 30], ["complete", 22], ["save", 8], ["open", 6], ["close", 4], ["ask", 8], ["stop", 1.5], ["search", 3], ["runCell", 6], ["notebookState", 3],
  ["remember", 2], ["recall", 2], ["pin", 0.7], ["listMemory", 1], ["forget", 0.7], ["rate", 1.5], ["apply", 1], ["judge", 1], ["tool", 1], ["status", 2],
  ["configure", 0.5], ["switchBranch", 0.7], ["lists", 1],
];

type Actions = Record<"type" | "complete" | "save" | "open" | "close" | "ask" | "stop" | "search" | "runCell" | "notebookState" | "remember" | "recall" | "pin" | "listMemory" | "forget" | "rate" | "apply" | "judge" | "tool" | "status" | "configure" | "switchBranch" | "lists", () => Promise<void>>;

export async function liveThroughDay(options: DayOptions): Promise<DayReport> {
  const day = new Day(options);
  try {
    return await day.live();
  } finally {
    day.end();
  }
}

class Day {
  readonly #options: DayOptions;
  readonly #random: SeededRandom;
  readonly #report: DayReport = { counts: {}, times: {}, errors: [], warnings: [], lost: [], kept: { remembered: 0, questions: 0, conversations: 0, executions: 0, symbols: 0, ratings: 0 }, readings: [], engines: 0 };
  readonly #storageDir: string;
  readonly #probeFile: string;
  readonly #chat: ChatFiles;
  #client: EngineClient;
  #settings: Record<string, unknown> = { "model.device": "cpu", "model.threads": 1 };

  readonly #open: Document[] = [];
  readonly #conversations: Conversation[] = [];
  readonly #questions: { session: string; text: string }[] = [];
  readonly #remembered = new Map<string, string>();
  readonly #forgotten = new Map<string, string>();
  readonly #executions = new Map<string, number>();
  readonly #symbols = new Map<string, string>();
  readonly #notebooks = new Map<string, Cell[]>();
  #lastAnswer: { askId: string; result: AskResult; question: string } | null = null;
  #ratings = 0;
  #order = 0;
  #unique = 0;

  constructor(options: DayOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
    this.#storageDir = path.join(options.scratch, "storage");
    this.#probeFile = path.join(options.scratch, "probe.json");
    mkdirSync(path.join(options.scratch, "models"), { recursive: true });
    mkdirSync(this.#storageDir, { recursive: true });
    this.#chat = new ChatFiles(path.join(this.#storageDir, "chat"), (message) => this.#report.errors.push(message));
    this.#chat.load();
    this.#client = this.#startEngine();
    for (const name of ["analysis.ipynb", "report.ipynb"]) this.#notebooks.set(name, Array.from({ length: 6 }, (_, i) => ({ id: `cell${i}`, source: i === 0 ? "import math\nx0 = 1" : `x${i} = x${i - 1} + ${i}\nprint(x${i})`, order: 0 })));
  }

  async live(): Promise<DayReport> {
    const { actions, reloads, readings } = this.#options;
    await this.#ready();
    const every = readings === 0 ? Infinity : Math.max(1, Math.floor(actions / readings));
    const names = this.#plan(actions);
    for (let n = 1; n <= actions; n++) {
      if (reloads.includes(n)) await this.#timed("reload", () => this.#reload());
      else await this.#act(names[n - 1] as keyof Actions);
      await this.#options.onAction?.(n, names[n - 1] as string);
      if (n % every === 0) {
        await this.#quiet();
        this.#report.readings.push(await readEngine(this.#client.pid as number, this.#probeFile, n));
      }
    }
    await this.#chat.flush();
    await this.#audit();
    return this.#report;
  }

  end(): void {
    this.#client.stop();
  }

  /** The same mixture whatever the number of actions: draws by weight. */
  #plan(actions: number): (keyof Actions)[] {
    const total = WEIGHTS.reduce((sum, [, weight]) => sum + weight, 0);
    return Array.from({ length: actions }, () => {
      let at = this.#random.uniform() * total;
      for (const [name, weight] of WEIGHTS) if ((at -= weight) < 0) return name;
      return "type";
    });
  }

  #startEngine(): EngineClient {
    const { repository, modulePath, scratch } = this.#options;
    const client = new EngineClient({
      modulePath, execPath: process.execPath,
      execArgv: ["--disable-warning=ExperimentalWarning", "--expose-gc", `--require=${PROBE}`],
      env: { KALACTICA_PROBE: this.#probeFile },
      hello: () => ({ client: "day of use", workspaceDir: repository.folder, storageDir: this.#storageDir, modelsDir: path.join(scratch, "models"), settings: this.#settings, trusted: true }),
      onLog: (level, message) => this.#note(level, message),
    });
    client.onNotification("engine/log", ({ level, room, message }) => this.#note(level, `[${room}] ${message}`));
    client.start();
    this.#report.engines++;
    return client;
  }

  #note(level: string, message: string): void {
    // An engine that has to be started anew in the middle of a day is an error, however well that goes.
    if (level === "error" || /Warning:|Unhandled|The engine stopped|no sign of life/.test(message)) this.#report.errors.push(message);
    else if (level === "warn") this.#report.warnings.push(message);
  }

  async #ready(): Promise<void> {
    await this.#client.whenReady();
    for (;;) {
      const status = await this.#client.request("engine/status", null).catch((error: unknown) => {
        if (error instanceof EngineRequestError && error.reason === "engineGone") return null;
        throw error;
      });
      if (status === null) continue;
      const { index, model } = status;
      if (index.state === "failed") throw new Error(index.failure);
      if (index.state === "ready" && index.pendingFiles === 0 && (index.pendingPassages ?? 0) === 0 && model.state !== "loading" && model.state !== "none") return;
      await pause(50);
    }
  }

  /** Until what runs in the background has come to rest, so that readings compare like with like. */
  async #quiet(): Promise<void> {
    await this.#ready();
    await pause(250);
  }

  async #act(name: keyof Actions): Promise<void> {
    await this.#timed(name, () => this.#actions[name]());
  }

  async #timed(name: string, work: () => Promise<void>): Promise<void> {
    const begun = performance.now();
    try {
      await work();
    } catch (error) {
      this.#report.errors.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
    this.#report.counts[name] = (this.#report.counts[name] ?? 0) + 1;
    (this.#report.times[name] ??= []).push(performance.now() - begun);
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items.length === 0 ? undefined : items[this.#random.integer(items.length)];
  }

  #document(): Document {
    return this.#pick(this.#open) ?? this.#openOne();
  }

  #openOne(): Document {
    const file = this.#pick(this.#options.repository.sources()) as string;
    const open = this.#open.find((document) => document.path === file);
    if (open) return open;
    const document = { path: file, text: this.#options.repository.read(file), language: LANGUAGES[file.split(".").at(-1) as string] as string };
    this.#open.push(document);
    this.#client.notify("session/documentTouched", { ...document, reason: "opened" });
    return document;
  }

  readonly #actions: Actions = {
    open: async () => { this.#openOne(); },
    close: async () => {
      const [document] = this.#open.splice(this.#random.integer(Math.max(1, this.#open.length)), 1);
      if (document) this.#client.notify("session/documentClosed", { path: document.path });
    },
    type: async () => {
      const document = this.#document();
      const at = this.#caret(document);
      const word = this.#pick(["const value = ", "return ", "if (", "// ", "x", "(", ".", "\n"]) as string;
      const cut = this.#random.uniform() < 0.25 ? this.#random.integer(12) : 0;
      document.text = document.text.slice(0, at) + word + document.text.slice(at + cut);
      this.#client.notify("session/documentTouched", { ...document, reason: "edited" });
    },
    complete: async () => {
      const document = this.#document();
      const at = this.#caret(document);
      // A keystroke cancels the request of the one before it.
      const superseded = this.#random.uniform() < 0.3;
      const first = superseded ? this.#complete(document, Math.max(0, at - 1), 5) : Promise.resolve(null);
      const [, shown] = await Promise.all([first, this.#complete(document, at)]);
      if (shown === null || shown.text === null) return;
      this.#client.notify("completion/outcome", { completionId: shown.completionId, outcome: "shown" });
      const accepted = this.#random.uniform() < 0.4;
      if (accepted) document.text = document.text.slice(0, at) + shown.text + document.text.slice(at);
      this.#client.notify("completion/outcome", { completionId: shown.completionId, outcome: accepted ? "accepted" : "rejected", ...(accepted ? { charactersKept: shown.text.length } : {}) });
      if (accepted) this.#client.notify("completion/outcome", { completionId: shown.completionId, outcome: "keptAfter30s" });
    },
    save: async () => {
      const document = this.#document();
      const name = `dayOfUse${++this.#unique}`;
      const code = document.language === "python" ? `\n\ndef ${name}(count):\n    """Counts the ${name} items."""\n    return count + ${this.#unique}\n` : `\n\n/** Counts the ${name} items. */\nfunction ${name}(count) {\n  return count + ${this.#unique};\n}\n`;
      document.text = `${this.#options.repository.read(document.path)}${code}`;
      this.#options.repository.write(document.path, document.text);
      this.#symbols.set(name, `${this.#options.repository.branch} ${document.path}`);
      this.#client.notify("session/documentTouched", { ...document, reason: "saved" });
      this.#client.notify("index/filesChanged", { paths: [document.path] });
    },
    ask: async () => {
      const conversation = this.#conversation();
      const question = this.#question();
      const askId = `ask-${++this.#unique}`;
      const active = this.#open[0];
      const result = await this.#client.request("answer/ask", {
        askId, question, session: conversation.id, history: conversation.turns.slice(-4).flatMap((turn) => [{ role: "user" as const, text: turn.question }, { role: "assistant" as const, text: turn.prose }]),
        attachments: active && this.#random.uniform() < 0.3 ? [{ kind: "file", path: active.path, startLine: 1, endLine: Math.min(40, active.text.split("\n").length) }] : [], ...(active ? { activePath: active.path } : {}),
      });
      if (result.citations.some((citation) => !citation.verified)) this.#report.errors.push(`ask: a citation of "${question}" is not verified`);
      conversation.turns.push({ id: askId, question, command: null, attachments: [], askedAt: Date.now(), state: "done", status: null, card: result.card, citations: result.citations, prose: result.prose, checks: null, failure: null, rating: null });
      conversation.updatedAt = Date.now();
      this.#chat.save(conversation);
      this.#questions.push({ session: conversation.id, text: question });
      this.#lastAnswer = { askId, result, question };
    },
    stop: async () => {
      const source = new CancellationTokenSource();
      const asking = this.#client.request("answer/ask", { askId: `stopped-${++this.#unique}`, question: this.#question(), session: this.#conversation().id, history: [], attachments: [] }, source.token);
      setTimeout(() => source.cancel(), this.#random.integer(30));
      await ignoreCancelled(asking);
      source.dispose();
    },
    rate: async () => {
      if (!this.#lastAnswer) return;
      this.#client.notify("answer/feedback", { askId: this.#lastAnswer.askId, rating: this.#random.uniform() < 0.7 ? "up" : "down" });
      this.#ratings++;
    },
    apply: async () => {
      if (!this.#lastAnswer) return;
      const document = this.#document();
      this.#client.notify("answer/applied", { id: `applied-${++this.#unique}`, question: this.#lastAnswer.question, path: document.path, language: document.language, before: "", applied: "return 1;", kept: "return 1;" });
    },
    search: async () => {
      const { results } = await this.#client.request("retrieval/search", { query: this.#question(), k: 8 });
      if (results.length === 0) this.#report.errors.push("search: nothing was found");
    },
    runCell: async () => {
      const [notebook, cells] = this.#pick([...this.#notebooks]) as [string, Cell[]];
      const at = this.#random.integer(cells.length);
      const cell = cells[at] as Cell;
      if (this.#random.uniform() < 0.4) cell.source = `x${at} = ${at === 0 ? "1" : `x${at - 1}`} + ${this.#random.integer(100)}\nprint(x${at})`;
      const failed = this.#random.uniform() < 0.15;
      cell.order = ++this.#order;
      this.#client.notify("memory/notebookExecuted", {
        notebook, cell: cell.id, at: Date.now(), language: "python", executionOrder: cell.order, source: cell.source, started: this.#order, durationMs: 3, outputHash: `hash${this.#random.integer(5)}`,
        above: cells.slice(0, at).map(({ source }) => ({ kind: "code" as const, source })), output: failed ? "" : `${this.#order}\n`,
        error: failed ? { name: "NameError", message: `name 'x${at}' is not defined`, traceback: `NameError: name 'x${at}' is not defined` } : null,
      });
      this.#executions.set(notebook, (this.#executions.get(notebook) ?? 0) + 1);
    },
    notebookState: async () => {
      const [notebook, cells] = this.#pick([...this.#notebooks]) as [string, Cell[]];
      const texts = cells.map(({ id, source }) => ({ id, language: "python", source }));
      const { cells: states } = await this.#client.request("notebook/state", { notebook, cells: texts });
      if (states.length !== cells.length) this.#report.errors.push(`notebookState: ${states.length} of ${cells.length} cells`);
      const stale = states.find(({ state }) => state === "stale");
      if (stale) await this.#client.request("notebook/explain", { notebook, cells: texts, cell: stale.cell });
    },
    remember: async () => {
      const text = `Decision ${++this.#unique}: the ${this.#pick(["cache", "queue", "parser", "client", "index"])} keeps ${this.#random.integer(1000)} entries.`;
      const item = await this.#client.request("memory/remember", { text, kind: this.#random.uniform() < 0.5 ? "decision" : "note", ...(this.#open[0] ? { about: [this.#open[0].path] } : {}) });
      this.#remembered.set(item.key, text);
    },
    recall: async () => { await this.#client.request("memory/recall", { query: this.#question(), k: 10 }); },
    pin: async () => {
      const key = this.#pick([...this.#remembered.keys()]);
      if (key !== undefined) await this.#client.request("memory/pin", { key, pinned: this.#random.uniform() < 0.5 });
    },
    listMemory: async () => {
      const { items } = await this.#client.request("memory/list", { limit: 50 });
      const item = this.#pick(items);
      if (item) await this.#client.request("memory/show", { key: item.key });
    },
    forget: async () => {
      const key = this.#pick([...this.#remembered.keys()]);
      if (key === undefined) return;
      const { forgotten } = await this.#client.request("memory/forget", { keys: [key] });
      if (!forgotten.includes(key)) this.#report.errors.push(`forget: ${key} was not forgotten`);
      this.#forgotten.set(key, this.#remembered.get(key) as string);
      this.#remembered.delete(key);
    },
    judge: async () => { await this.#client.request("safety/judge", { code: "rm -rf build", language: "shellscript" }); },
    tool: async () => {
      const { text } = await this.#client.request("tool/run", { name: "kalactica_search", input: { query: this.#question(), count: 3 } });
      if (text === "") this.#report.errors.push("tool: no text");
    },
    status: async () => { await this.#client.request("engine/status", null); },
    configure: async () => {
      this.#settings = { ...this.#settings, "completion.gate": this.#random.integer(5) / 10 };
      await this.#client.request("engine/configure", { settings: this.#settings, trusted: true });
    },
    switchBranch: async () => {
      for (const { path: file } of this.#open.splice(0)) this.#client.notify("session/documentClosed", { path: file });
      this.#client.notify("index/filesChanged", { paths: this.#options.repository.switchBranch() });
    },
    lists: async () => {
      await Promise.all([this.#client.request("model/list", null), this.#client.request("adapters/list", null), this.#client.request("train/list", null), this.#client.request("data/list", null), this.#client.request("evaluate/runs", null)]);
    },
  };

  /** A reload of the window: another process, which finds what the one before left. */
  async #reload(): Promise<void> {
    const ended = waitForEnd(this.#client.pid as number);
    this.#client.stop();
    await ended;
    this.#client = this.#startEngine();
    await this.#ready();
    for (const document of this.#open) this.#client.notify("session/documentTouched", { ...document, reason: "opened" });
  }

  async #complete(document: Document, at: number, cancelAfterMs?: number): Promise<CompleteResult | null> {
    const before = document.text.slice(0, at);
    const source = new CancellationTokenSource();
    const timer = cancelAfterMs === undefined ? undefined : setTimeout(() => source.cancel(), cancelAfterMs);
    const result = await ignoreCancelled(this.#client.request("completion/complete", {
      path: document.path, language: document.language, prefix: before.slice(-32_768), suffix: document.text.slice(at, at + 8_192),
      line: before.split("\n").length, column: at - (before.lastIndexOf("\n") + 1), trigger: this.#random.uniform() < 0.1 ? "manual" : "automatic",
    }, source.token));
    clearTimeout(timer);
    source.dispose();
    return result;
  }

  /** Mostly the end of a line, where people type. */
  #caret({ text }: Document): number {
    const at = this.#random.integer(text.length + 1);
    const end = text.indexOf("\n", at);
    return this.#random.uniform() < 0.8 && end !== -1 ? end : at;
  }

  #question(): string {
    const document = this.#document();
    const names = document.text.match(/\b[a-z]+[A-Z]\w+|\b[a-z]+_[a-z_]+/g) ?? ["index"];
    const name = this.#pick(names) as string;
    return this.#pick([`Where is ${name} defined?`, `What does ${name} do?`, `How is ${name} used?`, `Which function calls ${name}?`, `Why might ${name} fail?`, "What did we decide about the cache?", "Which cell failed last?"]) as string;
  }

  #conversation(): Conversation {
    const last = this.#conversations.at(-1);
    if (last && last.turns.length < 6 && this.#random.uniform() < 0.85) return last;
    const made: Conversation = { id: `talk-${this.#conversations.length + 1}`, title: "", updatedAt: Date.now(), turns: [] };
    this.#conversations.push(made);
    this.#chat.setCurrent(made.id);
    return made;
  }

  /** After one more reload: is everything there that was promised to be kept, and nothing that was to go? */
  async #audit(): Promise<void> {
    await this.#reload();
    const { lost, kept } = this.#report;
    for (const [key, text] of this.#remembered) {
      const shown = await this.#client.request("memory/show", { key }).catch(() => null);
      if (shown?.item.text !== text) lost.push(`remembered: "${text}"`);
      else kept.remembered++;
    }
    for (const [key, text] of this.#forgotten) {
      if (await this.#client.request("memory/show", { key }).then(() => true, () => false)) lost.push(`forgotten, and still there: "${text}"`);
    }
    for (const session of new Set(this.#questions.map((question) => question.session))) {
      const { items } = await this.#client.request("memory/list", { kinds: ["turn"], session: `chat ${session}`, invalidated: true, limit: 1_000 });
      const texts = items.map(({ text }) => text);
      for (const { text } of this.#questions.filter((question) => question.session === session)) {
        const at = texts.indexOf(text);
        if (at === -1) lost.push(`question of ${session}: "${text}"`);
        else {
          texts.splice(at, 1);
          kept.questions++;
        }
      }
    }
    for (const [notebook, expected] of this.#executions) {
      const { items } = await this.#client.request("memory/list", { kinds: ["execution"], session: notebook, invalidated: true, limit: 10_000 });
      if (items.length !== expected) lost.push(`executions of ${notebook}: ${items.length} of ${expected}`);
      kept.executions += items.length;
    }
    const stored = new ChatFiles(path.join(this.#storageDir, "chat"), (message) => this.#report.errors.push(message)).load();
    for (const conversation of this.#conversations.filter(({ turns }) => turns.length > 0)) {
      const found = stored.conversations.find(({ id }) => id === conversation.id);
      if (found?.turns.length !== conversation.turns.length) lost.push(`conversation ${conversation.id}: ${found?.turns.length ?? 0} of ${conversation.turns.length} turns`);
      else kept.conversations++;
    }
    const { repository } = this.#options;
    for (const [name, place] of this.#symbols) {
      const [branch, file = ""] = place.split(" ");
      if (branch !== repository.branch) continue;
      const { results } = await this.#client.request("retrieval/search", { query: name, k: 3 });
      // The same name in a file that another branch has changed too may stand there once more; its own file must be among them.
      if (!results.some((hit) => hit.path === file && hit.text.includes(name))) lost.push(`saved code: ${name} in ${file}`);
      else kept.symbols++;
    }
    kept.ratings = this.#ratings;
  }
}

async function ignoreCancelled<T>(request: Promise<T>): Promise<T | null> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof RequestCancelled) return null;
    throw error;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function waitForEnd(pid: number): Promise<void> {
  const end = Date.now() + 10_000;
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    if (Date.now() > end) throw new EngineRequestError("internal", `The engine ${pid} lived on for 10 s after the window was closed.`);
    await pause(20);
  }
}
