// Formats of rows: which record each stands for, and the sentence for what is wrong with one.
import assert from "node:assert/strict";
import type { TrainingRecord } from "../../../src/engine/base/trainingRecord.ts";
import { convertRow } from "../../../src/engine/data/formats/convertRow.ts";
import { canonicalLine, mapTexts, recordId } from "../../../src/engine/data/recordContent.ts";

const origin = { at: "f:1" };
const user = (content: string) => ({ role: "user", content }) as const;
const assistant = (content: string) => ({ role: "assistant", content }) as const;
const system = (content: string) => ({ role: "system", content }) as const;

const record = (row: unknown): TrainingRecord => {
  const read = convertRow(row, "f:1");
  if ("sentence" in read) assert.fail(read.sentence);
  return read.value;
};
const sentence = (row: unknown): string => {
  const read = convertRow(row, "f:1");
  if ("value" in read) assert.fail(`taken as ${read.value.kind}`);
  return read.sentence;
};

describe("formats of training data", () => {
  const formats: [string, unknown, TrainingRecord][] = [
    ["text", { text: "x" }, { kind: "text", text: "x", origin }],
    ["text with licence, language and time", { content: "x", license: "MIT", lang: "python", created_at: "2024-05-06T07:08:09Z" }, { kind: "text", text: "x", origin: { ...origin, licence: "MIT", language: "python", time: Date.UTC(2024, 4, 6, 7, 8, 9) } }],
    ["messages", { messages: [system("s"), user("q"), assistant("a")] }, { kind: "conversation", messages: [system("s"), user("q"), assistant("a")], origin }],
    ["messages in parts", { messages: [user("q"), { role: "assistant", content: [{ type: "text", text: "a" }, { type: "text", text: "b" }] }] }, { kind: "conversation", messages: [user("q"), assistant("ab")], origin }],
    ["ShareGPT", { system: "s", conversations: [{ from: "human", value: "q" }, { from: "gpt", value: "a" }] }, { kind: "conversation", messages: [system("s"), user("q"), assistant("a")], origin }],
    ["alpaca", { instruction: "do", input: "this", output: "done" }, { kind: "conversation", messages: [user("do\n\nthis"), assistant("done")], origin }],
    ["alpaca without input", { instruction: "do", input: "", output: "done" }, { kind: "conversation", messages: [user("do"), assistant("done")], origin }],
    ["Dolly", { instruction: "do", context: "this", response: "done", category: "qa" }, { kind: "conversation", messages: [user("do\n\nthis"), assistant("done")], origin }],
    ["a question about a text", { question: "who?", context: "Ada wrote it.", answer: "Ada" }, { kind: "example", prompt: { form: "text", text: "who?\n\nAda wrote it." }, completion: "Ada", origin }],
    ["a preference of alpaca", { instruction: "do", input: "this", chosen: "good", rejected: "bad" }, { kind: "preference", prompt: { form: "text", text: "do\n\nthis" }, chosen: "good", rejected: "bad", origin }],
    ["prompt and completion", { prompt: "p", completion: " c" }, { kind: "example", prompt: { form: "text", text: "p" }, completion: " c", origin }],
    ["prompt and completion as messages", { prompt: [user("q")], completion: [assistant("a")] }, { kind: "example", prompt: { form: "chat", messages: [user("q")] }, completion: "a", origin }],
    ["question and answer", { question: "p", answer: "c" }, { kind: "example", prompt: { form: "text", text: "p" }, completion: "c", origin }],
    ["fill-in-the-middle", { prefix: "a", middle: "b", suffix: "", path: "x.ts" }, { kind: "example", prompt: { form: "infill", prefix: "a", suffix: "", path: "x.ts" }, completion: "b", origin }],
    ["preference", { prompt: "p", chosen: "good", rejected: "bad" }, { kind: "preference", prompt: { form: "text", text: "p" }, chosen: "good", rejected: "bad", origin }],
    ["preference with replies as messages", { prompt: [user("q")], chosen: [assistant("good")], rejected: [assistant("bad")] }, { kind: "preference", prompt: { form: "chat", messages: [user("q")] }, chosen: "good", rejected: "bad", origin }],
    ["preference with whole conversations", { prompt: "q", chosen: [user("q"), assistant("good")], rejected: [user("q"), assistant("bad")] }, { kind: "preference", prompt: { form: "chat", messages: [user("q")] }, chosen: "good", rejected: "bad", origin }],
    ["preference with the prompt inside", { chosen: "The sky is blue.", rejected: "The sky is black." }, { kind: "preference", prompt: { form: "text", text: "The sky is" }, chosen: " blue.", rejected: " black.", origin }],
    ["preference with system and question", { system: "s", question: "q", chosen: "good", rejected: "bad" }, { kind: "preference", prompt: { form: "chat", messages: [system("s"), user("q")] }, chosen: "good", rejected: "bad", origin }],
    ["preference of ShareGPT", { conversations: [{ from: "human", value: "q" }], chosen: { from: "gpt", value: "good" }, rejected: { from: "gpt", value: "bad" } }, { kind: "preference", prompt: { form: "chat", messages: [user("q")] }, chosen: "good", rejected: "bad", origin }],
    ["KTO", { prompt: "p", completion: "c", label: false }, { kind: "judged", prompt: { form: "text", text: "p" }, completion: "c", good: false, origin }],
    ["KTO of a spreadsheet", { prompt: "p", completion: "c", label: "True" }, { kind: "judged", prompt: { form: "text", text: "p" }, completion: "c", good: true, origin }],
    ["task", { prompt: "p", tests: "assert f(1) == 2", language: "python", reference: "def f" }, { kind: "task", prompt: { form: "text", text: "p" }, check: { language: "python", tests: "assert f(1) == 2" }, reference: "def f", origin: { ...origin, language: "python" } }],
    ["task of MBPP", { text: "p", test_list: ["assert f(1) == 2", "assert f(2) == 3"], code: "def f" }, { kind: "task", prompt: { form: "text", text: "p" }, check: { language: "python", tests: "assert f(1) == 2\nassert f(2) == 3" }, reference: "def f", origin }],
    ["task of HumanEval", { prompt: "def f(x):\n", test: "def check(c): pass", entry_point: "f", canonical_solution: "  return x" }, { kind: "task", prompt: { form: "text", text: "def f(x):\n" }, check: { language: "python", tests: "def check(c): pass\n\ncheck(f)\n", preamble: "def f(x):\n" }, reference: "  return x", origin }],
    ["a prompt alone", { prompt: [user("q")] }, { kind: "task", prompt: { form: "chat", messages: [user("q")] }, origin }],
  ];
  for (const [name, row, expected] of formats) {
    it(`takes ${name}`, () => assert.deepEqual(record(row), expected));
    it(`reads the stored form of ${name} back as it is`, () => assert.deepEqual(record(JSON.parse(canonicalLine(record(row)))), expected));
  }

  const wrong: [string, unknown, RegExp][] = [
    ["a role that is none", { messages: [user("q"), { role: "robot", content: "a" }] }, /message 2 of "messages" has the role "robot"; expected system, user or assistant/],
    ["calls of tools", { messages: [user("q"), { role: "tool", content: "a" }] }, /Calls of tools are not supported/],
    ["a message without text", { messages: [user("q"), { role: "assistant", content: null }] }, /message 2 .* has no text/],
    ["no turn of the assistant", { messages: [user("q")] }, /no turn of the assistant, so nothing would be learnt/],
    ["a conversation that the assistant begins", { messages: [assistant("a"), user("q"), assistant("b")] }, /begins with the assistant/],
    ["two turns by the same side", { messages: [user("q"), user("r"), assistant("a")] }, /Messages 1 and 2 .* both by the user/],
    ["a system message in the middle", { messages: [user("q"), system("s"), assistant("a")] }, /only the first may be/],
    ["an empty turn", { messages: [user("q"), assistant("  ")] }, /by the assistant, is empty/],
    ["an empty list", { messages: [] }, /empty list/],
    ["an empty completion", { prompt: "p", completion: " \n" }, /"completion" is empty, so nothing would be learnt/],
    ["a missing completion", { prompt: "p", completion: null, label: true }, /"prompt" stands without "completion"/],
    ["an empty prompt", { prompt: "", completion: "c" }, /"prompt" is empty/],
    ["a prompt that ends with the assistant", { prompt: [user("q"), assistant("a")], completion: "c" }, /must end with a message of the user/],
    ["chosen equal to rejected", { prompt: "p", chosen: "x", rejected: "x" }, /are the same, so nothing is preferred/],
    ["conversations that differ before the end", { chosen: [user("q"), assistant("a")], rejected: [user("r"), assistant("b")] }, /the same conversation up to their last message/],
    ["replies without a prompt", { chosen: "abc", rejected: "xyz" }, /"prompt" is missing/],
    ["a label that is neither", { prompt: "p", completion: "c", label: "maybe" }, /"label" must be true/],
    ["tests in an unknown language", { prompt: "p", tests: "x", language: "cobol" }, /python, javascript or typescript, not "cobol"/],
    ["an empty text", { text: "  " }, /"text" is empty/],
    ["unknown fields", { foo: 1, bar: 2 }, /No known format has the fields "foo", "bar"; expected messages, /],
    ["an empty object", {}, /object is empty/],
    ["a number", 7, /Expected an object, but found a number/],
    ["null", null, /found null/],
    ["a wrong record of our own", { kind: "judged", prompt: { form: "text", text: "p" }, completion: "c", origin: {} }, /"good" must be true or false/],
    ["an unknown kind of our own", { kind: "poem", origin: {} }, /"kind" is "poem"/],
  ];
  for (const [name, row, expected] of wrong) it(`names ${name}`, () => assert.match(sentence(row), expected));

  it("gives equal content the same id wherever it comes from, and other content another", () => {
    const a = record({ prompt: "p", completion: "c" });
    assert.equal(recordId(a), recordId({ ...a, origin: { at: "elsewhere:9", time: 1 } }));
    assert.notEqual(recordId(a), recordId(record({ prompt: "p", completion: "d" })));
    assert.notEqual(recordId(record({ prompt: "p", completion: "c", label: true })), recordId(record({ prompt: "p", completion: "c", label: false })));
  });

  it("reaches every text of every kind of record", () => {
    for (const [name, row] of formats) {
      const changed = mapTexts(record(row), () => "#");
      const texts: string[] = [];
      JSON.stringify(changed, (key, value: unknown) => {
        if (key === "origin") return undefined;
        if (typeof value === "string" && !["kind", "form", "role", "language", "path"].includes(key)) texts.push(value);
        return value;
      });
      assert.ok(texts.length > 0 && texts.every((text) => text === "#"), name);
    }
  });
});
