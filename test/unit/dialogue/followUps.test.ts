import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "mocha";
import { understandQuestion } from "../../../src/engine/answering/question.ts";
import type { Question } from "../../../src/engine/answering/question.ts";
import type { ChatTurn } from "../../../src/engine/protocol/types.ts";
import { dialogueStateAfter, understandInDialogue } from "../../../src/engine/tasks/trackDialogue.ts";

interface FollowUp {
  id: string;
  turns: [question: string, answer: string][];
  q: string;
  gold: { symbol?: string; path?: string; intent?: string; none?: boolean };
}

const ROWS = JSON.parse(readFileSync(new URL("../../fixtures/dialogue/followUps.json", import.meta.url), "utf8")) as FollowUp[];
const said = (turns: FollowUp["turns"]): ChatTurn[] => turns.flatMap(([question, answer]): ChatTurn[] => [{ role: "user", text: question }, { role: "assistant", text: answer }]);
const named = (question: Question) => ({ symbols: question.identifiers.filter(({ mark }) => mark !== "capitalised").map(({ name }) => name), paths: question.paths.map(({ path }) => path) });

function isRight({ q, turns, gold }: FollowUp): boolean {
  const { question } = understandInDialogue(q, undefined, said(turns));
  if (gold.none) return JSON.stringify(named(question)) === JSON.stringify(named(understandQuestion(q)));
  if (gold.intent !== undefined && question.intent !== gold.intent) return false;
  return gold.symbol === undefined ? question.paths[0]?.path === gold.path : named(question).symbols[0] === gold.symbol;
}

describe("follow-ups", () => {
  it("resolves at least 95 % of the hand-written set about five repositories", () => {
    const wrong = ROWS.filter((row) => !isRight(row)).map(({ id }) => id);
    assert.ok(ROWS.length >= 40);
    assert.ok(wrong.length <= ROWS.length * 0.05, `wrong: ${wrong.join(", ")}`);
  });

  const history = said([["where is openSocket defined?", "`openSocket` is a function in `src/net/socket.ts:2` [1]."], ["and closeSocket?", "`closeSocket` is a function in `src/net/socket.ts:40` [1]."]]);

  it("takes a name with a file's ending for a file, though no folder stands before it", () => {
    const readme = said([["what is this about?", "`README.md` says: \u201cA small job queue\u201d [1]."]]);
    assert.deepEqual(understandInDialogue("what else does that file say?", undefined, readme).state.references, [{ phrase: "that file", name: "README.md", kind: "file" }]);
    const member = said([["how long is it?", "`queue.size` tells [1]."]]);
    assert.deepEqual(understandInDialogue("where is it set?", undefined, member).state.references.map(({ name, kind }) => [name, kind]), [["size", "symbol"]]);
  });

  it("says what a follow-up was taken to mean", () => {
    assert.deepEqual(understandInDialogue("who calls the first one?", undefined, history).state.references, [{ phrase: "the first one", name: "openSocket", kind: "symbol" }]);
    assert.deepEqual(understandInDialogue("what else does that file hold?", undefined, history).state.references, [{ phrase: "that file", name: "src/net/socket.ts", kind: "file" }]);
    assert.deepEqual(understandInDialogue("how do I run the tests here?", undefined, history).state.references, []);
  });

  it("looks for nothing in the talk where something is attached", () => {
    assert.equal(understandInDialogue("what does it do?", undefined, history, true).question.identifiers.length, 0);
  });

  it("searches for what is meant, not for \"it\"", () => {
    assert.match(understandInDialogue("who calls it?", undefined, history).question.searchQuery, /^closeSocket/);
  });

  it("lets no secret into the state that is shown and kept", () => {
    const state = dialogueStateAfter("I decided to use api_key=sk-live-abc", "`open` [1].", [], understandInDialogue("", undefined, []).state, (text) => text.replace(/sk-live-\w+/g, "…"));
    assert.equal(JSON.stringify(state).includes("sk-live"), false);
    assert.ok(JSON.stringify(state).includes("I decided to use"));
  });

  it("takes a conversation of forty long turns in without being felt", () => {
    const long = said(Array.from({ length: 40 }, (_, at): [string, string] => [`where is thing${at} and how does it work? ${"word ".repeat(100)}`, `\`thing${at}\` in \`src/a${at}.ts:1\` [1]. ${"text ".repeat(200)}`]));
    understandInDialogue("who calls it?", undefined, long);
    const began = performance.now();
    assert.equal(understandInDialogue("who calls it?", undefined, long).question.identifiers[0]?.name, "thing39");
    assert.ok(performance.now() - began < 250);
  });
});
