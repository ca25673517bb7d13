// What ran in the terminal, as the memory keeps it.
import assert from "node:assert/strict";
import { openDatabase } from "../../../src/engine/base/database.ts";
import { MemoryGraph } from "../../../src/engine/memory/graph/memoryGraph.ts";
import { MEMORY_GRAPH_SCHEMA } from "../../../src/engine/memory/graph/schema.ts";
import type { TerminalExecuted } from "../../../src/engine/protocol/types.ts";
import { MemoryDesk } from "../../../src/engine/tasks/recallMemory.ts";
import { rememberTerminalRun } from "../../../src/engine/tasks/terminalEpisodes.ts";

const ran = (command: string, at: number, more: Partial<TerminalExecuted> = {}): TerminalExecuted => ({ command, folder: "", exitCode: 0, output: "", at, durationMs: 5, ...more });

function open(): MemoryGraph {
  return new MemoryGraph(openDatabase(":memory:", [MEMORY_GRAPH_SCHEMA], () => assert.fail("damaged")), { scrub: (text) => text.replaceAll("hunter2", "[secret]"), now: () => 10_000 });
}

describe("a command in the terminal", () => {
  it("is remembered with its end and the files that its output names, without secrets", () => {
    const graph = open();
    const key = rememberTerminalRun(graph, ran("npm test --token hunter2", 1_000, { folder: "web", exitCode: 1, output: "src/a.ts:3 expected 4, got 5" }), ["src/a.ts"]);
    const execution = graph.get(key!)!;
    assert.equal(execution.text, "$ npm test --token [secret] in web\nfailed with exit code 1\nsrc/a.ts:3 expected 4, got 5");
    assert.deepEqual(graph.neighbours(key!).map(({ edge, episode }) => [edge.type, episode.kind]).sort(), [["mentions", "file"], ["raises", "error"]]);
    assert.ok(!JSON.stringify(graph.retrieve({})).includes("hunter2"));
  });

  it("mends its own failure, and no other command's or folder's", () => {
    const graph = open();
    rememberTerminalRun(graph, ran("make", 1_000, { exitCode: 2, output: "undefined reference to main" }), []);
    const fixes = (run: TerminalExecuted): string[] => graph.neighbours(rememberTerminalRun(graph, run, [])!).filter(({ edge }) => edge.type === "fixes").map(({ episode }) => episode.text);
    assert.deepEqual(fixes(ran("make docs", 2_000)), []);
    assert.deepEqual(fixes(ran("make", 3_000, { folder: "other" })), []);
    assert.deepEqual(fixes(ran("make", 4_000, { exitCode: null })), [], "whether it ran well is not known");
    rememberTerminalRun(graph, ran("make", 4_500, { exitCode: 2, output: "undefined reference to start" }), []);
    assert.deepEqual(fixes(ran("make", 5_000)).map((text) => text.split("\n")[1]), ["undefined reference to start"], "the last failure");
    assert.deepEqual(fixes(ran("make", 6_000)), [], "it is mended already");
  });

  it("is recalled by what it was and how it ended", () => {
    const graph = open();
    rememberTerminalRun(graph, ran("cargo build", 1_000, { exitCode: 101, output: "error[E0502]: cannot borrow `parser` as mutable" }), []);
    for (let i = 0; i < 20; i++) rememberTerminalRun(graph, ran(`git show ${i}`, 2_000 + i), []);
    const desk = new MemoryDesk({ graph, settings: () => ({ "memory.enabled": true }), forgetRating: () => undefined });
    assert.match(desk.recall({ query: "why did cargo build fail?", k: 2 }).items[0]?.text ?? "", /cannot borrow/);
  });
});
