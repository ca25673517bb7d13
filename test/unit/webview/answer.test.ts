import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { answerMarkdown, nextAnnouncement } from "../../../src/webview/chat/answerText.ts";
import { attachmentLabel, budgetRows, checkRows, duration, healthLine, rangeLabel, timingRows } from "../../../src/webview/chat/healthLine.ts";
import { languageOfPath } from "../../../src/webview/chat/languageOfPath.ts";
import { remember } from "../../../src/webview/chat/remember.ts";
import { CARD_ONLY, CHECKS, CITATIONS, FULL, turn } from "../../webview/scenarios.ts";

describe("health line", () => {
  it("names what is attached: a file, lines, a notebook's cell by its number", () => {
    const place = { path: "notebooks/story.ipynb", startLine: 1, endLine: 1 };
    assert.deepEqual([attachmentLabel({ ...place, kind: "file" }), attachmentLabel({ kind: "selection", path: "src/queue.ts", startLine: 3, endLine: 9 }), attachmentLabel({ ...place, kind: "cell", cell: { id: "sum", number: 2 } })], ["story.ipynb", "queue.ts:3–9", "story.ipynb, cell 2"]);
  });

  it("counts sources, drops and time", () => {
    assert.equal(healthLine(CARD_ONLY), "3 sources verified · 2 checks passed · 42 ms");
    assert.equal(healthLine(turn({ citations: CITATIONS.slice(0, 1), checks: { ...CHECKS!, droppedCitations: 2 } })), "1 source verified · 2 dropped · 2 checks passed · 2.1 s");
  });

  it("does not call an unverified source verified", () => {
    assert.match(healthLine(turn({ citations: [{ ...CITATIONS[0]!, verified: false }], checks: CHECKS })), /^no sources/);
    assert.equal(checkRows(turn({ citations: [{ ...CITATIONS[0]!, verified: false }], checks: CHECKS }))[0]?.tone, "warning");
  });

  it("says that an answer was stopped, and counts its warnings", () => {
    assert.equal(healthLine(turn({ state: "stopped", citations: CITATIONS })), "3 sources verified · stopped");
    const warned = turn({ citations: CITATIONS, checks: { ...CHECKS!, verdict: { action: "warn", ms: 1, checks: [{ name: "x", score: 1, threshold: 0, action: "warn", reason: "r" }] } } });
    assert.match(healthLine(warned), /1 warning/);
  });

  it("opens into budget and timings, where there are any", () => {
    assert.deepEqual(timingRows(CARD_ONLY).map((row) => row.label), ["Search", "Card", "Whole answer"]);
    assert.equal(budgetRows(CARD_ONLY).length, 0);
    assert.ok(budgetRows(FULL).some((row) => row.label === "Sources that did not fit" && row.value === "2" && row.tone === "warning"));
  });

  it("writes ranges and durations shortly", () => {
    assert.equal(rangeLabel("a.ts", 3, 3), "a.ts:3");
    assert.equal(rangeLabel("a.ts", 3, 9), "a.ts:3–9");
    assert.deepEqual([41.6, 2140, 61_000].map(duration), ["42 ms", "2.1 s", "1 min 1 s"]);
  });
});

describe("answer as text", () => {
  it("carries card, prose and sources", () => {
    const text = answerMarkdown(FULL);
    assert.match(text, /\*\*schedule\*\* — src\/engine\/base\/scheduler\.ts:41/);
    assert.match(text, /\[2\] README\.md:12–20$/m);
    assert.ok(text.indexOf("A **keystroke**") > text.indexOf("**Scheduler**"));
  });

  it("is announced by whole sentences, code left out", () => {
    const first = nextAnnouncement("One. Two is not", 0, false);
    assert.deepEqual(first, { say: "One.", spoken: 4 });
    assert.deepEqual(nextAnnouncement("One. Two is not", first.spoken, true), { say: "Two is not", spoken: 15 });
    assert.equal(nextAnnouncement("See [1]. ```ts\na. b\n", 0, false).say, "", "an open fence waits");
    assert.equal(nextAnnouncement("See [1].\n```ts\na\n```\n", 0, true).say, "See source 1 . Code.");
  });
});

describe("languages by path", () => {
  it("knows the usual endings and calls the rest plain text", () => {
    assert.equal(languageOfPath("a/b.TSX"), "typescript");
    assert.equal(languageOfPath("Makefile"), "plaintext");
  });
});

describe("remember", () => {
  it("computes once for what it still knows, and forgets the oldest", () => {
    const computed: string[] = [];
    const shout = remember(2, (key) => {
      computed.push(key);
      return key.toUpperCase();
    });
    assert.deepEqual(["a", "a", "b", "c", "b", "a"].map(shout), ["A", "A", "B", "C", "B", "A"]);
    assert.deepEqual(computed, ["a", "b", "c", "a"]);
  });
});
