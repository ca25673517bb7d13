import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { SILENT_LOG } from "../../../src/engine/base/log.ts";
import { PRIORITY, Scheduler } from "../../../src/engine/base/scheduler.ts";
import { DIALOGUE_FORM, withModelReading } from "../../../src/engine/dialogue/modelReading.ts";
import type { DialogueState } from "../../../src/engine/protocol/dialogue.ts";
import type { AskResult } from "../../../src/engine/protocol/types.ts";
import { DialogueReader } from "../../../src/engine/tasks/trackDialogueModel.ts";
import type { DialogueReaderOptions } from "../../../src/engine/tasks/trackDialogueModel.ts";
import { useTinyChatModel } from "../../support/tinyChatModel.ts";

const STATE: DialogueState = { goal: null, constraints: [], decisions: [{ text: "Let's use node:sqlite.", turn: 0, said: "user", by: "rules" }], openQuestions: [], pendingActions: [], focus: [], references: [] };
const TURNS = [{ question: "Let's use node:sqlite. The old importer is awful, I'd rather see it gone before the release.", answer: "Deleting the importer saves 300 lines." }];

describe("what a model reads in a conversation", () => {
  it("adds what the developer said and the rules did not see, with its turn", () => {
    const form = JSON.stringify({ goal: "see the old importer gone before the release", constraints: [], decisions: ["use node:sqlite"], todo: [] });
    const state = withModelReading(STATE, form, TURNS);
    assert.deepEqual(state.goal, { text: "see the old importer gone before the release", turn: 0, said: "user", by: "model" });
    assert.equal(state.decisions.length, 1, "what the rules know is not said twice");
  });

  it("believes nothing that the developer did not say, and no form that is none", () => {
    for (const form of ["{", "null", "[]", JSON.stringify({ goal: "rewrite everything in Rust tomorrow", constraints: ["never touch production servers"], decisions: [7, ""], todo: "delete importer" })]) {
      assert.deepEqual(withModelReading(STATE, form, TURNS), STATE, form);
    }
    // The assistant's words are not the developer's.
    assert.deepEqual(withModelReading(STATE, JSON.stringify({ decisions: ["Deleting the importer saves 300 lines"] }), TURNS), STATE);
  });

  it("reads only where the model is able, after the answer, and gives way to what is asked next", async () => {
    const told: unknown[] = [];
    let asked: AbortSignal | undefined;
    const reader = (answer: boolean, generate: DialogueReaderOptions["generate"]): DialogueReader => new DialogueReader({
      status: () => ({ state: "ready", capabilities: { infill: true, answer, embed: false } }), generate, log: SILENT_LOG,
      whenIdle: (signal, work) => new Scheduler().run(PRIORITY.background, signal, work), tell: (askId, state) => told.push([askId, state.goal?.text]),
    });
    const result = { dialogue: STATE, stopped: false, card: null, prose: "" } as unknown as AskResult;
    const params = { askId: "a", question: TURNS[0]!.question, history: [], attachments: [] };
    await reader(false, () => assert.fail("asked a model that cannot answer")).after(params, result);
    await reader(true, async () => ({ text: JSON.stringify({ goal: "see the old importer gone" }), stopReason: "end" })).after(params, result);
    assert.deepEqual(told, [["a", "see the old importer gone"]]);
    const slow = reader(true, ({ signal }) => new Promise((resolve) => {
      asked = signal;
      signal.addEventListener("abort", () => resolve({ text: "{}", stopReason: "cancelled" }));
    }));
    const reading = slow.after(params, result);
    while (!asked) await new Promise((resolve) => setImmediate(resolve));
    slow.stop();
    await reading;
    assert.equal(told.length, 1);
  });
});

describe("a form filled in by a real model", function () {
  this.timeout(60_000);
  const runtime = useTinyChatModel();

  it("is JSON of the schema whatever the weights are, cut only by the limit", async () => {
    const schema = { type: "object", properties: { goal: { type: "string", maxLength: 8 }, urgent: { type: "boolean" } } } as const;
    const { text, stopReason } = await new Scheduler().run(PRIORITY.background, undefined, (lease) => runtime.generate({ messages: [{ role: "user", text: "Fill in." }], maxTokens: 60, schema, lease, onText: () => undefined }));
    assert.equal(stopReason, "end", text);
    const filled = JSON.parse(text) as Record<string, unknown>;
    assert.deepEqual([Object.keys(filled), typeof filled["goal"], typeof filled["urgent"]], [["goal", "urgent"], "string", "boolean"]);
    const cut = await new Scheduler().run(PRIORITY.background, undefined, (lease) => runtime.generate({ messages: [{ role: "user", text: "Fill in." }], maxTokens: 6, schema: DIALOGUE_FORM, lease, onText: () => undefined }));
    assert.match(cut.text, /^\{\s*"goal?/);
  });
});
