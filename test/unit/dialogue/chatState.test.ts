import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { ChatStateTracker } from "../../../src/engine/dialogue/chatState.ts";
import { Focus } from "../../../src/engine/dialogue/focus.ts";
import type { DialogueState } from "../../../src/engine/protocol/dialogue.ts";

function after(...turns: [question: string, answer: string][]): DialogueState {
  const tracker = new ChatStateTracker();
  for (const [question, answer] of turns) tracker.exchange(question, answer);
  return tracker.state(new Focus(), []);
}
const texts = (items: readonly { text: string }[]): string[] => items.map(({ text }) => text);

describe("ChatStateTracker", () => {
  it("reads goal, constraint and decision, each with its turn", () => {
    const state = after(["I want to move the index to SQLite. It must not add any dependency.", "Fine [1]."], ["Let's use node:sqlite.", "Done."]);
    assert.deepEqual(state.goal, { text: "I want to move the index to SQLite.", turn: 0, said: "user", by: "rules" });
    assert.deepEqual(state.constraints.map(({ text, turn }) => [text, turn]), [["It must not add any dependency.", 0]]);
    assert.deepEqual(state.decisions.map(({ text, turn }) => [text, turn]), [["Let's use node:sqlite.", 1]]);
  });

  it("replaces a decision that is made anew, and keeps the others", () => {
    const state = after(["Let's use sqlite for the index.", ""], ["We will keep the vector file.", ""], ["Actually let's use leveldb for the index instead.", ""]);
    assert.deepEqual(texts(state.decisions), ["We will keep the vector file.", "Actually let's use leveldb for the index instead."]);
  });

  it("keeps a question open until an answer answers it", () => {
    assert.deepEqual(texts(after(["Where is the lock taken?", "Nothing in the index supports an answer: nothing was found."]).openQuestions), ["Where is the lock taken?"]);
    assert.deepEqual(after(["Where is the lock taken?", "In `lock.ts:3` [1]."]).openQuestions, []);
  });

  it("keeps what is to do until it is reported done", () => {
    const pending: [string, string] = ["I'll write the migration tomorrow.", "You should add a test for old databases [1]."];
    assert.deepEqual(after(pending).pendingActions.map(({ text, said }) => [text, said]), [["I'll write the migration tomorrow.", "user"], ["You should add a test for old databases.", "assistant"]]);
    assert.deepEqual(texts(after(pending, ["I've written the migration.", "Good."]).pendingActions), ["You should add a test for old databases."]);
  });

  it("takes no item out of pasted code, quotations or questions", () => {
    const state = after(["What does this do?\n```ts\n// we decided to use X, it must not change\n```\n> let's use Y", "It opens [1]."], ["Should we use Z? Must it stay?", ""]);
    assert.deepEqual([state.decisions, state.constraints], [[], []]);
  });

  it("stays short whatever is said", () => {
    const state = after(...Array.from({ length: 60 }, (_, at): [string, string] => [`Let's use tool${at} ${"very ".repeat(90)}.`, ""]));
    assert.equal(state.decisions.length, 8);
    assert.ok(state.decisions.every(({ text }) => text.length <= 160));
  });
});
