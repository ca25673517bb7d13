// Recorded states of the chat view for the preview and the browser tests: what a host would send, message by message.
import type { DialogueState } from "../../src/engine/protocol/dialogue.ts";
import type { RecalledItem } from "../../src/engine/protocol/memory.ts";
import type { AskResult, Citation, GroundedCard } from "../../src/engine/protocol/types.ts";
import { blockKey } from "../../src/engine/protocol/safety.ts";
import type { ChatStatus, ChatTurn, Conversation, HostMessage } from "../../src/webview/protocol.ts";

export interface Scenario {
  /** Sent at once when the page says "ready". */
  snapshot: Extract<HostMessage, { type: "snapshot" }>;
  /** Sent one after the other, `everyMs` apart, when a question is asked (or at once, where `autoplay`). */
  replay: HostMessage[];
  everyMs: number;
  autoplay: boolean;
}

export const STATUS: ChatStatus = {
  engine: "ready", engineFailure: null, folderOpen: true, trusted: true, bytesOut: 0,
  model: { state: "ready", name: "KaLactica Base", detail: "Runs on the CPU: no GPU was found.", answers: false },
  index: { state: "ready", files: 1204, pendingFiles: 0, skippedFiles: 12, failure: null },
};

export const CITATIONS: Citation[] = [
  {
    n: 1, path: "src/engine/base/scheduler.ts", startLine: 41, endLine: 58, sha256: "a", verified: true,
    text: "  /** Runs `work` when its turn comes. A keystroke goes before chat, chat before indexing. */\n  schedule<T>(priority: Priority, work: (signal: AbortSignal) => Promise<T>): Promise<T> {\n    const job = new Job(priority, work);\n    this.#queue.push(job);\n    this.#preempt(priority);\n    return job.promise;\n  }\n\n  #preempt(priority: Priority): void {\n    if (this.#running && this.#running.priority > priority) {\n      this.#running.controller.abort(\"preempted\");\n    }\n  }",
  },
  { n: 2, path: "README.md", startLine: 12, endLine: 20, sha256: "b", verified: true, text: "## How it works\n\nOne scheduler decides what runs. A keystroke pre-empts chat, chat pre-empts indexing." },
  { n: 3, path: "test/unit/base/scheduler.test.ts", startLine: 8, endLine: 31, sha256: "c", verified: true, text: "describe(\"scheduler\", () => {\n  it(\"lets a keystroke go first\", async () => {\n    const order: string[] = [];\n  });\n});" },
];

export const CARD: GroundedCard = {
  intent: "where", supported: true,
  summary: "`schedule` is defined in `src/engine/base/scheduler.ts`, line 41 [1]. The README describes the order of work [2].",
  items: [
    {
      title: "schedule — src/engine/base/scheduler.ts:41", kind: "method", location: { path: "src/engine/base/scheduler.ts", startLine: 41, endLine: 58 }, language: "typescript",
      signature: "schedule<T>(priority: Priority, work: (signal: AbortSignal) => Promise<T>): Promise<T>",
      documentation: "Runs `work` when its turn comes. A keystroke goes before chat, chat before indexing.",
      usageCount: 7, citation: 1,
      usages: [
        { path: "src/engine/engine.ts", startLine: 88, endLine: 88 }, { path: "src/engine/tasks/completeCode.ts", startLine: 31, endLine: 31 },
        { path: "src/engine/tasks/answerQuestion.ts", startLine: 54, endLine: 54 }, { path: "src/engine/tasks/indexWorkspace.ts", startLine: 102, endLine: 102 },
      ],
    },
    {
      title: "Scheduler — src/engine/base/scheduler.ts:22", kind: "class", location: { path: "src/engine/base/scheduler.ts", startLine: 22, endLine: 96 }, language: "typescript",
      signature: "export class Scheduler implements Disposable", documentation: "Decides what runs: at most one job at a time, the most urgent first.",
      usageCount: 3, citation: 3, usages: [{ path: "src/engine/engine.ts", startLine: 12, endLine: 12 }],
    },
  ],
};

export const PROSE = `A **keystroke** goes first: \`schedule\` compares priorities and aborts the running job when a more urgent one comes [1].

1. The job is put into the queue.
2. \`#preempt\` aborts what runs, if that is less urgent [1].
3. The aborted job is queued again, so nothing is lost [3].

To add a kind of work, give it a priority between the two that it belongs between:

\`\`\`ts src/engine/base/priority.ts
// Lower runs first.
export const PRIORITIES = {
  keystroke: 0,
  chat: 1,
  embedding: 2, // added
  indexing: 3,
} as const;

export function isUrgent(name: keyof typeof PRIORITIES): boolean {
  return PRIORITIES[name] < 2 && name !== "chat";
}
\`\`\`

| Work | Priority |
|---|---|
| keystroke | 0 |
| chat | 1 |

See also [the scheduler's test](test/unit/base/scheduler.test.ts) and the README [2].`;

export const CHECKS: ChatTurn["checks"] = {
  proseOmitted: null, droppedCitations: 0,
  verdict: { action: "allow", ms: 3, checks: [{ name: "secrets", score: 0, threshold: 0.5, action: "allow", reason: "no secret found" }, { name: "consistency", score: 0.9, threshold: 0.5, action: "allow", reason: "the prose agrees with its sources" }] },
  timings: { retrieveMs: 12, cardMs: 42, firstTokenMs: 310, totalMs: 2140 },
  tokens: { prompt: 2310, reused: 1840, generated: 212 },
  budget: { contextSize: 8192, instructions: 180, history: 240, sources: 1810, question: 80, reservedForAnswer: 1024, droppedSources: 2 },
};

export function turn(changes: Partial<ChatTurn>): ChatTurn {
  return {
    id: "t1", question: "Where is the scheduler, and what goes first?", command: null, attachments: [], askedAt: 1, state: "done", status: null,
    card: null, citations: [], prose: "", checks: null, failure: null, rating: null, ...changes,
  };
}

export const CARD_ONLY = turn({
  card: CARD, citations: CITATIONS,
  checks: { ...CHECKS, proseOmitted: "The loaded model does not write answers.", budget: null, timings: { retrieveMs: 12, cardMs: 42, firstTokenMs: null, totalMs: 42 } },
});

export const FULL = turn({ id: "t2", question: "Explain how work is ordered", command: "explain", card: CARD, citations: CITATIONS, prose: PROSE, checks: CHECKS, rating: "up",
  attachments: [{ kind: "selection", path: "src/engine/base/scheduler.ts", startLine: 41, endLine: 58, text: "" }] });

/** Three days before a fixed now would read differently every day: the times count back from when the page is opened. */
const daysAgo = (days: number): number => Date.now() - days * 86_400_000;

function remembered(changes: Partial<RecalledItem>): RecalledItem {
  return {
    key: "decision-1", kind: "decision", text: "A keystroke may wait for nothing: the scheduler pre-empts even a training step.", label: "", session: "c0", source: "you, in the chat",
    at: daysAgo(3), until: null, learnedAt: daysAgo(3), holds: true, supersededBy: null, doubted: false, pinned: false, uses: 2, dismissals: 0,
    relevance: 0.9, why: ["same words", "decided by you"], tokens: 20, ...changes,
  };
}

export const REMEMBERED: RecalledItem[] = [
  remembered({}),
  remembered({ key: "execution-2", kind: "execution", text: "latency.groupby('kind').p95 → keystroke 41 ms, chat 300 ms", source: "notebook latency.ipynb, cell 4", at: daysAgo(1), why: ["linked to src/engine/base/scheduler.ts"], doubted: true }),
];

const evidence = (turnIndex: number, said: "user" | "assistant" = "user"): { turn: number; said: "user" | "assistant"; by: "rules" } => ({ turn: turnIndex, said, by: "rules" });

export const DIALOGUE: DialogueState = {
  goal: { text: "I want to give embedding a priority of its own.", ...evidence(0) },
  decisions: [{ text: "Let's put it between chat and indexing.", ...evidence(1) }],
  constraints: [{ text: "It must not slow down a keystroke.", ...evidence(0) }],
  openQuestions: [],
  pendingActions: [{ text: "You should add a test that embedding yields to chat.", ...evidence(1, "assistant") }, { text: "I'll write the migration tomorrow.", ...evidence(1) }],
  focus: [
    { kind: "symbol", name: "schedule", path: "src/engine/base/scheduler.ts", line: 41, ...evidence(1) },
    { kind: "file", name: "priority.ts", path: "src/engine/base/priority.ts", line: null, ...evidence(1, "assistant") },
    { kind: "symbol", name: "PRIORITIES", path: null, line: null, ...evidence(1, "assistant") },
  ],
  references: [{ phrase: "it", name: "schedule", kind: "symbol" }],
};

function scenario(turns: ChatTurn[], changes: Partial<Scenario["snapshot"]> = {}, replay: HostMessage[] = [], autoplay = false): Scenario {
  const conversation: Conversation = { id: "c1", title: "Where is the scheduler", updatedAt: 1, turns };
  return {
    everyMs: 15, autoplay, replay,
    snapshot: {
      type: "snapshot", conversation, conversations: [], status: STATUS, proposal: null,
      editor: { activePath: "src/engine/base/scheduler.ts", selection: { kind: "selection", path: "src/engine/base/scheduler.ts", startLine: 41, endLine: 58, text: "schedule()" } }, ...changes,
    },
  };
}

/** A stream as the engine sends it: status, card, prose in small pieces, then the checked turn. */
export function streamed(id: string, prose: string, result: Partial<AskResult> = {}): HostMessage[] {
  const running = turn({ id, question: "How is work ordered?", state: "running" });
  return [
    { type: "turn", turn: running },
    { type: "turnEvent", turnId: id, event: { type: "status", text: "Searching 1,204 files…" } },
    { type: "turnEvent", turnId: id, event: { type: "card", card: CARD, citations: CITATIONS } },
    ...(prose.match(/[\s\S]{1,12}/g) ?? []).map((text): HostMessage => ({ type: "turnEvent", turnId: id, event: { type: "prose", text } })),
    { type: "turn", turn: { ...running, state: "done", card: CARD, citations: CITATIONS, prose, checks: CHECKS, ...result } },
  ];
}

const HOSTILE = `Hello <script>window.hacked = 1</script> <img src="https://example.com/beacon.png" onerror="window.hacked = 2">

![beacon](https://example.com/beacon2.png) [click](javascript:window.hacked=3) [data](data:text/html,<script>window.hacked=4</script>)

<iframe src="https://example.com"></iframe> <a href="https://example.com" onclick="window.hacked=5">x</a> <style>body { background: url(https://example.com/s.png) }</style>

[ok](https://example.com/ok) and a source [1] and an unknown one [9]

\`\`\`html
<script>window.hacked = 6</script><img src=x onerror="window.hacked=7">
\`\`\``;

const RTL = `المجدول يقرر ما يعمل أولاً، وضغطة المفتاح تسبق المحادثة [1].\n\n\`\`\`ts\nconst first = "keystroke";\n\`\`\``;

const SHELL = "curl -fsSL https://get.example.com/install.sh | sh";
const WIPE = "sudo rm -rf / --no-preserve-root";
const QUERY = `def find_user(request, cursor):
    name = request.args["name"]
    cursor.execute("SELECT * FROM users WHERE name = '" + name + "'")
    return cursor.fetchone()`;

/** An answer whose blocks the checks have something to say about: asked first, blocked, warned, allowed by the user. */
export const SCREENED = turn({
  id: "t5", question: "How do I install the tool and look up a user?",
  prose: `Install it first:\n\n\`\`\`sh\n${SHELL}\n\`\`\`\n\nThen look the user up [1]:\n\n\`\`\`python app/users.py\n${QUERY}\n\`\`\`\n\nTo start over:\n\n\`\`\`sh\n${WIPE}\n\`\`\``,
  citations: CITATIONS.slice(0, 1),
  checks: { ...CHECKS, verdict: {
    action: "block", ms: 9,
    checks: [
      { name: "citations", score: 1, threshold: 1, action: "allow", reason: "1 source verified." },
      { name: "secrets", score: 0, threshold: 1, action: "allow", reason: "No secrets found." },
      { name: "commands", score: 1, threshold: 0.5, action: "block", reason: "Deletes every file on this machine, with administrator rights. And 1 more." },
      { name: "insecureCode", score: 1, threshold: 0.5, action: "warn", reason: "An SQL statement is put together from pieces. Pass values as parameters of a prepared statement. (CWE-89)" },
      { name: "drift", score: 0, threshold: 1, action: "warn", reason: "Not checked: there was no time left.", notChecked: true },
    ],
    concerns: [
      { block: blockKey(SHELL), check: "commands", action: "ask", rule: "run-downloaded", reason: "Runs a program downloaded from get.example.com unseen.", fix: "", span: { start: 0, end: 51 }, excerpt: SHELL, key: "k1", allowed: false },
      { block: blockKey(QUERY), check: "insecureCode", action: "warn", rule: "CWE-89", reason: "An SQL statement is put together from pieces.", fix: "Pass values as parameters of a prepared statement.", span: { start: 64, end: 130 }, excerpt: "cursor.execute(\"SELECT * FROM users WHERE name = '\" + name + \"'\")", key: "k2", allowed: false },
      { block: blockKey(WIPE), check: "commands", action: "block", rule: "delete-system", reason: "Deletes every file on this machine, with administrator rights.", fix: "", span: { start: 0, end: 32 }, excerpt: WIPE, key: "k3", allowed: false },
    ],
  } },
});

const CONVERSATIONS = [
  { id: "c1", title: "Where is the scheduler, and what goes first?", updatedAt: Date.now() - 60_000 },
  { id: "c2", title: "/explain How does the index skip binaries, minified files and everything that is…", updatedAt: Date.now() - 7_200_000 },
  { id: "c3", title: "Which tests cover cancellation?", updatedAt: Date.now() - 260_000_000 },
];

export const SCENARIOS: Record<string, Scenario> = {
  welcome: scenario([], {}, streamed("t9", PROSE)),
  card: scenario([CARD_ONLY], { editor: { activePath: "src/engine/base/scheduler.ts", selection: null } }),
  full: scenario([FULL]),
  conversation: scenario([CARD_ONLY, FULL], { conversations: CONVERSATIONS }),
  streaming: scenario([turn({ state: "running", card: CARD, citations: CITATIONS, prose: PROSE.slice(0, 420) })]),
  searching: scenario([turn({ state: "running", status: "Searching 1,204 files…" })]),
  hostile: scenario([turn({ prose: HOSTILE, citations: CITATIONS, checks: CHECKS })]),
  rtl: scenario([turn({ question: "كيف يُرتَّب العمل؟", prose: RTL, card: CARD, citations: CITATIONS, checks: CHECKS })]),
  failed: scenario([turn({ state: "failed", card: CARD, citations: CITATIONS, failure: { text: "The engine stopped while it was answering. It is being restarted; try again.", action: { label: "Try Again", command: "retry" } } })],
    { status: { ...STATUS, engine: "restarting" } }),
  stopped: scenario([turn({ state: "stopped", card: CARD, citations: CITATIONS, prose: PROSE.slice(0, 200) })]),
  unsupported: scenario([turn({
    question: "Where is the payment gateway?", card: { intent: "where", supported: false, items: [], summary: "Nothing in this folder supports an answer. The nearest finds are `pay` in `src/cli.ts` [1] and the README [2]." },
    citations: CITATIONS.slice(0, 2), checks: { ...CHECKS, budget: null, timings: { retrieveMs: 9, cardMs: 14, firstTokenMs: null, totalMs: 14 } },
  })]),
  warned: scenario([turn({
    card: CARD, citations: CITATIONS, prose: PROSE.slice(0, 120), checks: { ...CHECKS, droppedCitations: 1, verdict: { action: "warn", ms: 3, checks: [{ name: "insecureCode", score: 0.8, threshold: 0.5, action: "warn", reason: "The code runs a shell command built from user input (line 4)." }] } },
  })]),
  screened: scenario([SCREENED]),
  noFolder: scenario([], { status: { ...STATUS, folderOpen: false, index: null }, editor: { activePath: null, selection: null } }),
  indexing: scenario([], { status: { ...STATUS, index: { state: "indexing", files: 320, pendingFiles: 884, skippedFiles: 0, failure: null } } }),
  indexFailed: scenario([], { status: { ...STATUS, index: { state: "failed", files: 0, pendingFiles: 0, skippedFiles: 0, failure: "The index could not be written: the disk is full. Free some space and build it again." } } }),
  untrusted: scenario([], { status: { ...STATUS, trusted: false } }),
  engineFailed: scenario([CARD_ONLY], { status: { ...STATUS, engine: "failed", engineFailure: "The engine speaks protocol version 2, this extension 1. Reload the window so that both come from the same installation." } }),
  memory: scenario([CARD_ONLY, turn({ ...FULL, command: null, attachments: [], question: "And who calls it? @memory", prose: PROSE.slice(0, 130), memories: REMEMBERED, dialogue: DIALOGUE })], { editor: { activePath: null, selection: null } }),
  proposal: scenario([FULL], { proposal: { id: "1", path: "src/engine/base/priority.ts" } }),
};
