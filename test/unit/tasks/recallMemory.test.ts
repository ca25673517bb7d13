// What clients ask of the memory, and what becomes of a question and its answer.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { openDatabase } from "../../../src/engine/base/database.ts";
import { EngineError } from "../../../src/engine/base/errors.ts";
import { MemoryGraph } from "../../../src/engine/memory/graph/memoryGraph.ts";
import { MEMORY_GRAPH_SCHEMA } from "../../../src/engine/memory/graph/schema.ts";
import type { AskParams, AskResult } from "../../../src/engine/protocol/types.ts";
import { MemoryDesk } from "../../../src/engine/tasks/recallMemory.ts";
import { importFile, recordFile } from "../../../src/engine/tasks/transferMemory.ts";

const asked = (question: string, more: Partial<AskParams> = {}): AskParams => ({ askId: `ask-${question}`, question, history: [], attachments: [], ...more });
const answered = (summary: string, more: Partial<AskResult> = {}): AskResult => ({
  answer: summary, card: { intent: "open", summary, items: [], supported: true }, prose: "", proseOmitted: null, citations: [], droppedCitations: 0, verdict: { action: "allow", checks: [], ms: 0 },
  timings: { retrieveMs: 0, cardMs: 0, firstTokenMs: null, totalMs: 0 }, tokens: { prompt: 0, reused: 0, generated: 0 }, budget: null, stopped: false, ...more,
});

function open(enabled = true): { desk: MemoryDesk; graph: MemoryGraph; unrated: string[] } {
  const unrated: string[] = [];
  const graph = new MemoryGraph(openDatabase(":memory:", [MEMORY_GRAPH_SCHEMA], () => assert.fail("damaged")), { scrub: (text) => text.replaceAll("hunter2", "[secret]") });
  return { graph, unrated, desk: new MemoryDesk({ graph, settings: () => ({ "memory.enabled": enabled }), forgetRating: (askId) => unrated.push(askId) }) };
}
const reason = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return error instanceof EngineError ? error.reason : String(error);
  }
  return "none";
};

describe("MemoryDesk", () => {
  it("remembers a question and its answer as one thread, with the files they rest on, without secrets", () => {
    const { desk, graph } = open();
    const citation = { n: 1, path: "src/db.ts", startLine: 1, endLine: 2, sha256: "", verified: true, text: "" };
    desk.answered(asked("where do sessions live, hunter2?", { session: "s" }), answered("Sessions live in SQLite [1].", { citations: [citation] }));
    desk.answered(asked("and the tokens?", { session: "s" }), answered("They are signed."));
    const turns = graph.retrieve({ kinds: ["turn"] }).toReversed();
    assert.deepEqual(turns.map(({ label, session, text }) => [label, session, text]), [
      ["user", "chat s", "where do sessions live, [secret]?"], ["assistant", "chat s", "Sessions live in SQLite [1]."], ["user", "chat s", "and the tokens?"], ["assistant", "chat s", "They are signed."],
    ]);
    const shown = desk.show(turns[1]!.key);
    assert.deepEqual(shown.links.map(({ type, item }) => [type, item.text]).sort(), [["answers", "where do sessions live, [secret]?"], ["cites", "src/db.ts"]]);
    assert.equal(shown.around.length, 4);
  });

  it("remembers nothing of an answer that was stopped, and nothing where memory is off", () => {
    const { desk, graph } = open();
    desk.answered(asked("a"), answered("b", { stopped: true }));
    assert.equal(graph.counts().nodes, 0);
    const off = open(false);
    off.desk.answered(asked("a"), answered("b"));
    assert.equal(off.graph.counts().nodes, 0);
    assert.deepEqual(off.desk.forAnswer(asked("a")), []);
    assert.equal(reason(() => off.desk.remember({ text: "x" })), "badRequest");
  });

  it("gives an answer what was said earlier, not what stands in its prompt, and counts the use", () => {
    const { desk, graph } = open();
    desk.answered(asked("why is the import slow?", { session: "old" }), answered("The import is slow because every row commits its own transaction."));
    const params = asked("what made the import of rows slow, every transaction?", { memory: "wanted" });
    const recalled = desk.forAnswer(params);
    assert.match(recalled[0]!.text, /every row commits/);
    assert.deepEqual(desk.forAnswer({ ...params, history: [{ role: "assistant", text: recalled[0]!.text }] }).filter(({ key }) => key === recalled[0]!.key), []);
    desk.answered(params, answered("As said.", { recalled, prose: "As said." }));
    assert.equal(graph.get(recalled[0]!.key)!.uses, 1);
    // What was written with it in view becomes doubtful when it falls.
    assert.ok(graph.invalidate(recalled[0]!.key).length === 1);
  });

  it("does not take a question for an answer, nor a doubtful item for clear", () => {
    const { desk } = open();
    const item = { ...desk.remember({ text: "We deploy on Fridays" }), relevance: 0.9, why: [], tokens: 5 };
    assert.equal(desk.clearly([{ ...item, kind: "turn", text: "When do we deploy?" }, item], true)?.text, "We deploy on Fridays");
    assert.equal(desk.clearly([{ ...item, doubted: true }], true), undefined);
    assert.equal(desk.clearly([{ ...item, relevance: 0.1 }], true), undefined);
    // A note was remembered on purpose: less is enough than for something that was merely said.
    assert.deepEqual([desk.clearly([{ ...item, relevance: 0.3 }], true)?.text, desk.clearly([{ ...item, kind: "turn", relevance: 0.3 }], true)], ["We deploy on Fridays", undefined]);
    const own = { ...item, kind: "turn", label: "assistant", relevance: 0.9 };
    assert.deepEqual([desk.clearly([own], true)?.text, desk.clearly([own], false)?.text], [undefined, "We deploy on Fridays"], "what an answer said adds nothing where the workspace answers");
  });

  it("notes decisions that take the place of earlier ones, pins, dismisses and forgets with the rating", () => {
    const { desk, unrated, graph } = open();
    const old = desk.remember({ text: "Deploy on Fridays", kind: "decision", about: ["deploy.sh"] });
    const now = desk.remember({ text: "Deploy on Mondays", kind: "decision", supersedes: old.key });
    assert.deepEqual([desk.show(old.key).item.holds, desk.show(old.key).item.supersededBy], [false, now.key]);
    assert.equal(desk.dismiss(now.key).dismissals, 1);
    assert.equal(desk.pin(now.key, true).pinned, true);
    desk.answered(asked("q"), answered("a long enough answer"));
    const { items, overview } = desk.list({ kinds: ["turn"] });
    assert.equal(overview.byKind["turn"], 2);
    desk.forget([items[0]!.key]);
    assert.deepEqual(unrated, ["ask-q"]);
    assert.equal(graph.get(items[0]!.key), null);
    for (const work of [() => desk.show("note-0"), () => desk.dismiss("note-0"), () => desk.pin("note-0", true), () => desk.remember({ text: "x", supersedes: "note-0" })]) assert.equal(reason(work), "notFound");
    for (const work of [() => desk.list({ kinds: ["thought"] }), () => desk.recall({ query: "x", k: 0 }), () => desk.recall({ query: "x", tokenBudget: 0 }), () => desk.remember({ text: " " })]) assert.equal(reason(work), "badRequest");
  });

  it("takes in files of records whole or not at all", () => {
    const { graph } = open();
    const folder = mkdtempSync(path.join(os.tmpdir(), "kalactica-records-"));
    const write = (name: string, lines: readonly string[]): string => {
      writeFileSync(path.join(folder, name), lines.join("\r\n"));
      return path.join(folder, name);
    };
    try {
      const good = write("good.jsonl", ["{\"id\":\"a\",\"text\":\"old\",\"at\":5}", "", "{\"kind\":\"note\",\"text\":\"new\",\"supersedes\":\"a\"}", "{\"edge\":\"about\",\"source\":\"a\",\"target\":\"a\"}"]);
      assert.deepEqual([recordFile(graph, good)].map(({ stored, edges }) => [stored, edges]), [[2, 1]]);
      for (const bad of ["{", "[1]", "{\"kind\":\"turn\"}", "{\"text\":\"x\",\"at\":\"soon\"}", "{\"edge\":\"about\",\"source\":\"none\",\"target\":\"a\"}"]) {
        assert.equal(reason(() => recordFile(graph, write("bad.jsonl", ["{\"text\":\"fine\"}", bad]))), "dataInvalid", bad);
      }
      assert.equal(graph.counts().nodes, 2);
      assert.equal(reason(() => importFile(graph, path.join(folder, "none.jsonl"))), "unreadable");
      assert.equal(importFile(graph, write("whole.jsonl", [...graph.export()])).nodes, 0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
