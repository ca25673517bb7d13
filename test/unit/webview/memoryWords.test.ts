import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { evidenceTurn, memoryLabel, memorySource, stateGroups, stateLine, whyRows } from "../../../src/webview/chat/memoryWords.ts";
import { splitMemoryCommand } from "../../../src/webview/chat/mentions.ts";
import { CARD, CITATIONS, DIALOGUE, REMEMBERED, turn } from "../../webview/scenarios.ts";

const NOTHING = { goal: null, constraints: [], decisions: [], openQuestions: [], pendingActions: [], focus: [], references: [] };

describe("words of memory in the chat", () => {
  it("labels a memory by one line, cut at a word", () => {
    assert.equal(memoryLabel("short\n  text"), "short text");
    assert.equal(memoryLabel("the scheduler pre-empts whatever runs when a keystroke comes"), "the scheduler pre-empts whatever runs when a…");
  });

  it("says how long ago", () => {
    const at = (minutes: number): string => memorySource({ source: "you", at: 0 }, minutes * 60_000);
    assert.deepEqual([at(0), at(1), at(90), at(60 * 24 * 3), at(60 * 24 * 70)], ["you, just now", "you, 1 minute ago", "you, 2 hours ago", "you, 3 days ago", "you, 2 months ago"]);
    assert.equal(memorySource({ source: "you", at: 60_000 }, 0), "you, just now", "a clock that was set back");
  });

  it("tells why: what was understood, each source, each memory", () => {
    const groups = whyRows(turn({ card: CARD, citations: CITATIONS, prose: "So [1].", memories: REMEMBERED, dialogue: DIALOGUE }));
    assert.deepEqual(groups.map(({ title, rows }) => [title, rows.length]), [["Understood", 1], ["Sources", 3], ["Memories", 2]]);
    assert.equal(groups[1]?.rows[0]?.reason, "where the method schedule is defined; cited in the text");
    assert.equal(groups[2]?.rows[1]?.reason, "linked to src/engine/base/scheduler.ts, rests on something that changed");
    assert.deepEqual(whyRows(turn({})), []);
  });

  it("puts the state of a talk into one line, or none", () => {
    assert.equal(stateLine(NOTHING), null);
    assert.equal(stateLine({ ...NOTHING, focus: DIALOGUE.focus.slice(0, 1), openQuestions: [{ text: "q", turn: 0, said: "user", by: "rules" }] }), "About schedule · 1 open question");
    assert.deepEqual(stateGroups(DIALOGUE).map(({ title }) => title), ["Goal", "Decisions", "Constraints", "To do"]);
  });

  it("finds the turn that is evidence among those that were answered", () => {
    const turns = [turn({ id: "a" }), turn({ id: "b", state: "failed" }), turn({ id: "c" })];
    assert.deepEqual([0, 1, 2].map((index) => evidenceTurn(turns, turns[2]!, index)?.id), ["a", "c", undefined]);
  });

  it("splits commands about memory from their text", () => {
    assert.deepEqual(splitMemoryCommand("/remember  use sqlite "), { command: "remember", text: "use sqlite" });
    assert.deepEqual(splitMemoryCommand("/Why"), { command: "why", text: "" });
    assert.equal(splitMemoryCommand("/explain x"), null);
    assert.equal(splitMemoryCommand("please /remember x"), null);
  });
});
