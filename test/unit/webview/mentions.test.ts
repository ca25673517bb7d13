import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { replaceTrigger, splitCommand, triggerAt } from "../../../src/webview/chat/mentions.ts";

const at = (text: string) => triggerAt(text, text.length);

describe("mentions", () => {
  it("finds a command only at the start", () => {
    assert.deepEqual(at("/ex"), { kind: "command", query: "ex", start: 0, end: 3 });
    assert.equal(at("why /ex"), null);
    assert.equal(at("/explain this"), null);
    assert.equal(at("src/x"), null);
  });

  it("finds a file or context where a word begins", () => {
    assert.deepEqual(at("see @ch"), { kind: "file", query: "ch", start: 4, end: 7 });
    assert.deepEqual(at("(@a/b.ts"), { kind: "file", query: "a/b.ts", start: 1, end: 8 });
    assert.deepEqual(at("#"), { kind: "context", query: "", start: 0, end: 1 });
    assert.equal(at("me@example.com"), null);
    assert.equal(at("@a b"), null);
  });

  it("looks at the caret, not at the end", () => {
    assert.deepEqual(triggerAt("@ab later", 3), { kind: "file", query: "ab", start: 0, end: 3 });
    assert.equal(triggerAt("@ab later", 9), null);
  });

  it("replaces the trigger with one space after it", () => {
    assert.deepEqual(replaceTrigger("see @ch now", { kind: "file", query: "ch", start: 4, end: 7 }, "@chat.ts"), { text: "see @chat.ts now", caret: 13 });
    assert.deepEqual(replaceTrigger("/ex", { kind: "command", query: "ex", start: 0, end: 3 }, "/explain"), { text: "/explain ", caret: 9 });
  });

  it("splits a known command from the question and leaves an unknown one in it", () => {
    assert.deepEqual(splitCommand("/fix the loop"), { command: "fix", question: "the loop" });
    assert.deepEqual(splitCommand("/Explain"), { command: "explain", question: "" });
    assert.deepEqual(splitCommand("/etc/passwd is what?"), { command: null, question: "/etc/passwd is what?" });
    assert.deepEqual(splitCommand("/nope x"), { command: null, question: "/nope x" });
  });
});
