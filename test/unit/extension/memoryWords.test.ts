import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { MemoryItem } from "../../../src/engine/protocol/memory.ts";
import { byTime, description, isDecision, isEditable, itemPage, linkWords, oneLine } from "../../../src/extension/memoryWords.ts";

const NOW = new Date(2026, 5, 10, 15, 0).getTime();
const HOUR = 3_600_000;

function item(changes: Partial<MemoryItem>): MemoryItem {
  return {
    key: "note-1", kind: "note", text: "Use node:sqlite", label: "", session: "", source: "you, in the chat", at: NOW, until: null, learnedAt: NOW,
    holds: true, supersededBy: null, doubted: false, pinned: false, uses: 0, dismissals: 0, ...changes,
  };
}

describe("words of the memory view", () => {
  it("groups by calendar days, newest first, what is pinned on top", () => {
    const groups = byTime([item({ key: "a", at: NOW - HOUR }), item({ key: "b", at: NOW }), item({ key: "c", at: NOW - 16 * HOUR }), item({ key: "d", at: NOW - 4 * 24 * HOUR }), item({ key: "e", at: NOW - 20 * 24 * HOUR }), item({ key: "f", at: 0 }), item({ key: "g", at: 0, pinned: true })], NOW);
    assert.deepEqual(groups.map(({ title, items }) => [title, items.map(({ key }) => key).join()]), [["Pinned", "g"], ["Today", "b,a"], ["Yesterday", "c"], ["This Week", "d"], ["This Month", "e"], ["Older", "f"]]);
  });

  it("puts what a clock that was set back calls the future under today", () => {
    assert.equal(byTime([item({ at: NOW + 100 * HOUR })], NOW)[0]?.title, "Today");
  });

  it("says beside an item that it does not hold, or is doubtful", () => {
    assert.equal(description(item({})), "you, in the chat");
    assert.equal(description(item({ holds: false, supersededBy: "note-2", doubted: true })), "replaced · you, in the chat");
    assert.equal(description(item({ holds: false })), "no longer true · you, in the chat");
    assert.equal(description(item({ doubted: true })), "doubtful · you, in the chat");
  });

  it("tells a decision from a fact", () => {
    assert.deepEqual(["We decided on sqlite", "Let’s keep the vector file", "we never deploy on Fridays", "The backoff uses full jitter", "this is undecided"].map(isDecision), [true, true, true, false, false]);
  });

  it("lets words of the user's own be written anew, while they hold", () => {
    assert.deepEqual([item({}), item({ kind: "decision" }), item({ kind: "turn" }), item({ holds: false })].map(isEditable), [true, true, false, false]);
  });

  it("shows on its page what an item is, and no Markdown that somebody remembered", () => {
    const hostile = "# Title ```\n![x](https://example.com/x.png) | a";
    const page = itemPage({ item: item({ text: hostile, doubted: true }), around: [], links: [{ type: "dependsOn", direction: "out", item: item({ key: "x", text: "[link](https://example.com)", holds: false }) }] });
    assert.ok(page.includes("````text\n# Title ```"), "a longer fence than any inside");
    assert.ok(page.includes("- *rests on* \\[link\\](https://example.com) (does not hold any more)"));
    assert.ok(page.startsWith("# \\# Title"));
    assert.ok(page.includes("Doubtful"));
  });

  it("reads links from both ends", () => {
    assert.deepEqual([linkWords("cites", "out"), linkWords("cites", "in"), linkWords("unheardOf", "in")], ["cites", "cited by", "unheardOf"]);
    assert.equal(oneLine("a\n b ".repeat(100)).length, 120);
  });
});
