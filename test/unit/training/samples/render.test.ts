// Rendering: what is learnt and what is masked, for every kind of record, and what is cut where it is too long.
import assert from "node:assert/strict";
import { EngineError } from "../../../../src/engine/base/errors.ts";
import type { TrainingMessage, TrainingRecord } from "../../../../src/engine/base/trainingRecord.ts";
import { Renderer } from "../../../../src/engine/training/samples/render.ts";
import type { Rendered } from "../../../../src/engine/training/samples/render.ts";
import { describeSample } from "../../../../src/engine/training/samples/tokenSample.ts";
import { asciiTokenizer } from "./asciiTokenizer.ts";
import type { AsciiOptions } from "./asciiTokenizer.ts";

const origin = { at: "a.ts:1" };
const user = (content: string): TrainingMessage => ({ role: "user", content });
const assistant = (content: string): TrainingMessage => ({ role: "assistant", content });

/** The samples of a record, learnt parts in [brackets]. */
function shown(record: TrainingRecord, longest = 200, options: AsciiOptions = {}): string[] {
  const tokenizer = asciiTokenizer(options);
  return new Renderer(tokenizer, longest).render(record).units.flatMap((unit) => unit.samples.map((sample) => {
    assert.ok(sample.tokens.length <= longest, `${sample.tokens.length} tokens`);
    assert.equal(sample.learnt[0], 0, "the first token has nothing before it");
    return describeSample(sample, tokenizer).map(({ text, learnt }) => (learnt ? `[${text}]` : text)).join("");
  }));
}

function rendered(record: TrainingRecord, longest = 200, options: AsciiOptions = {}): Rendered {
  return new Renderer(asciiTokenizer(options), longest).render(record);
}

describe("samples/render", () => {
  it("learns every token of a text, with its end, and nothing of what the model expects before it", () => {
    assert.deepEqual(shown({ kind: "text", text: "abc", origin }), ["a[bc<end>]"]);
    assert.deepEqual(shown({ kind: "text", text: "abc", origin }, 200, { beginning: true }), ["<bos>[abc<end>]"]);
  });

  it("cuts a long text into windows that follow one another, of which the last one ends it", () => {
    assert.deepEqual(shown({ kind: "text", text: "abcdefghijklmnopqr", origin }, 8, { beginning: true }), ["<bos>[abcdefg]", "<bos>[hijklmn]", "<bos>[opqr<end>]"]);
  });

  it("learns the completion with its end token, not the prompt, in every form", () => {
    assert.deepEqual(shown({ kind: "example", prompt: { form: "text", text: "1+1=" }, completion: "2", origin }), ["1+1=[2<end>]"]);
    assert.deepEqual(shown({ kind: "example", prompt: { form: "chat", messages: [user("hi")] }, completion: "yo", origin }), ["<user>hi<eot>\n<assistant>[yo<eot>]"]);
    assert.deepEqual(shown({ kind: "example", prompt: { form: "infill", prefix: "let a", suffix: ";\n" }, completion: " = 1", origin }), ["<suf>;\n<pre>let a<mid>[ = 1<eom>]"]);
  });

  it("learns each turn of the assistant with its end of turn, and nothing else", () => {
    const messages: TrainingMessage[] = [{ role: "system", content: "S" }, user("a"), assistant("b"), user("c"), assistant("d")];
    assert.deepEqual(shown({ kind: "conversation", messages, origin }), ["<system>S<eot>\n<user>a<eot>\n<assistant>[b<eot>]\n<user>c<eot>\n<assistant>[d<eot>]"]);
  });

  it("gives a turn a sample of its own where the template writes past turns differently", () => {
    const messages = [user("a"), assistant("(hm)b"), user("c"), assistant("(so)d")];
    assert.deepEqual(shown({ kind: "conversation", messages, origin }, 200, { dropsThoughts: true }), [
      "<user>a<eot>\n<assistant>[(hm)b<eot>]",
      "<user>a<eot>\n<assistant>b<eot>\n<user>c<eot>\n<assistant>[(so)d<eot>]",
    ]);
  });

  it("begins a new sample where a conversation outgrows one, dropping its oldest turns", () => {
    const messages = [user("aaaa"), assistant("bbbb"), user("cccc"), assistant("dddd")];
    assert.deepEqual(shown({ kind: "conversation", messages, origin }, 16), ["<user>aaaa<eot>\n<assistant>[bbbb<eot>]", "<user>cccc<eot>\n<assistant>[dddd<eot>]"]);
    assert.equal(rendered({ kind: "conversation", messages, origin }, 16).truncatedPrompts, 1);
  });

  it("shortens the prompt where both do not fit, from its beginning, and keeps the completion whole", () => {
    assert.deepEqual(shown({ kind: "example", prompt: { form: "text", text: "0123456789" }, completion: "abcd", origin }, 9, { beginning: true }), ["<bos>789[abcd<end>]"]);
    assert.deepEqual(shown({ kind: "example", prompt: { form: "chat", messages: [user("0123456789")] }, completion: "abcd", origin }, 14), ["<user>56789<eot>\n<assistant>[abcd<eot>]"]);
    assert.equal(rendered({ kind: "example", prompt: { form: "text", text: "0123456789" }, completion: "abcd", origin }, 9).truncatedPrompts, 1);
  });

  it("learns a completion that is too long as far as it goes, without an end that it does not have there", () => {
    const record: TrainingRecord = { kind: "example", prompt: { form: "text", text: "01" }, completion: "abcdefghijkl", origin };
    assert.deepEqual(shown(record, 8), ["01[abcdef]"]);
    assert.equal(rendered(record, 8).truncatedCompletions, 1);
    assert.deepEqual(shown({ ...record, prompt: { form: "infill", prefix: "let a", suffix: "" } }, 12), ["<suf><pre><mid>[abcdefghi]"]);
  });

  it("renders the two replies of a preference after the same prompt, and keeps whether a judged one was good", () => {
    const prompt = { form: "text", text: "p" } as const;
    assert.deepEqual(shown({ kind: "preference", prompt, chosen: "x", rejected: "", origin }), ["p[x<end>]", "p[<end>]"]);
    assert.equal(rendered({ kind: "judged", prompt, completion: "x", good: false, origin }).units[0]?.good, false);
  });

  it("gives a task's prompt alone", () => {
    assert.deepEqual(shown({ kind: "task", prompt: { form: "text", text: "p=" }, origin }), ["p="]);
  });

  it("skips what holds nothing to learn, and says why", () => {
    const because = (record: TrainingRecord): string => {
      const { units, skipped } = rendered(record);
      assert.deepEqual(units, []);
      return skipped;
    };
    const prompt = { form: "text", text: "p" } as const;
    assert.match(because({ kind: "text", text: "", origin }), /empty/);
    assert.match(because({ kind: "example", prompt, completion: "", origin }), /completion is empty/);
    assert.match(because({ kind: "preference", prompt, chosen: "x", rejected: "x", origin }), /the same/);
    assert.match(because({ kind: "conversation", messages: [user("a")], origin }), /no turn of the assistant/);
    assert.match(because({ kind: "conversation", messages: [], origin }), /no turn of the assistant/);
    assert.match(because({ kind: "conversation", messages: [user("a"), assistant("  ")], origin }), /turns are empty/);
    assert.match(because({ kind: "conversation", messages: [assistant("a"), user("b")], origin }), /begins with the assistant/);
    assert.match(because({ kind: "example", prompt: { form: "chat", messages: [user("a"), assistant("b")] }, completion: "c", origin }), /ends with the assistant/);
    assert.match(because({ kind: "example", prompt: { form: "chat", messages: [] }, completion: "c", origin }), /no message/);
  });

  it("refuses data that the model has no template, no markers or no end of turn for", () => {
    const conversation: TrainingRecord = { kind: "conversation", messages: [user("a"), assistant("b")], origin };
    const infill: TrainingRecord = { kind: "example", prompt: { form: "infill", prefix: "a", suffix: "" }, completion: "b", origin };
    const refused = (record: TrainingRecord, options: AsciiOptions, pattern: RegExp): void => {
      assert.throws(() => rendered(record, 200, options), (error) => error instanceof EngineError && error.reason === "modelIncapable" && pattern.test(error.message));
    };
    refused(conversation, { chat: false }, /no chat template/);
    refused(conversation, { endOfTurn: false }, /never stop/);
    refused(infill, { infill: false }, /no infill markers/);
  });
});
