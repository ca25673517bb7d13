// What users did becomes pairs and judgements; what says nothing, or has a hole in it, becomes none.
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { TrainingRecord } from "../../../../src/engine/base/trainingRecord.ts";
import { feedback } from "../../../../src/engine/data/sources/feedback.ts";
import type { CompletionFeedback, FeedbackOptions } from "../../../../src/engine/data/sources/feedback.ts";
import { isProblem } from "../../../../src/engine/data/sources/source.ts";

let n = 0;
const shown = (change: Partial<CompletionFeedback>): CompletionFeedback => ({ id: `c${++n}`, at: 1_000 * n, path: "src/a.ts", language: "typescript", outcome: "shown", before: "function area(width, height) {\n  return ", after: "\n}\n", text: "width * height;", instead: null, ...change });
const recordsOf = async (options: Partial<FeedbackOptions>): Promise<TrainingRecord[]> => {
  const found: TrainingRecord[] = [];
  for await (const item of feedback({ completions: [], applied: [], ratings: [], ...options }).records()) if (!isProblem(item)) found.push(item);
  return found;
};
const line = (record: TrainingRecord): string => (record.kind === "preference" ? `${record.origin.at}: ${record.chosen} > ${record.rejected}` : record.kind === "judged" ? `${record.origin.at}: ${record.good ? "good" : "bad"} ${record.completion}` : record.kind);

describe("feedback on completions", () => {
  beforeEach(() => { n = 0; });

  it("that were kept are good, undone or written otherwise bad, with what was written as the better one", async () => {
    const found = await recordsOf({ completions: [
      shown({ outcome: "keptAfter30s" }), shown({ outcome: "undoneWithin30s", text: "width + height;", instead: "width * height * depth;" }), shown({ outcome: "rejected", text: "0;", instead: "width;" }),
      shown({ outcome: "shown" }), shown({ outcome: "accepted" }), shown({ outcome: "partiallyAccepted" }), shown({ outcome: "rejected", text: "1;" }),
    ] });
    assert.deepEqual(found.map(line), [
      "completion c1: good width * height;", "completion c2: bad width + height;", "completion c2 (pair): width * height * depth; > width + height;", "completion c3: bad 0;", "completion c3 (pair): width; > 0;",
    ]);
    assert.deepEqual(found[0]?.kind === "judged" && found[0].prompt, { form: "infill", prefix: "function area(width, height) {\n  return ", suffix: "\n}\n", path: "src/a.ts" });
  });

  it("pairs a rejected one with what was kept at the same place, with what was typed meanwhile", async () => {
    const place = "function area(width, height) {\n  return ";
    const found = await recordsOf({ completions: [shown({ outcome: "rejected", text: "height;", before: place }), shown({ outcome: "keptAfter30s", before: `${place}wi`, text: "dth * height;" })] });
    assert.deepEqual(found.map(line), ["completion c2: good dth * height;", "completion c1 (pair): width * height; > height;", "completion c1: bad height;"]);
    const apart: Partial<CompletionFeedback>[] = [{ path: "src/b.ts" }, { before: `${place}x;\n}\n\nfunction other() {\n  return ` }, { at: 999_999 }, { before: `${place}hei`, text: "ght;" }];
    for (const change of apart) {
      n = 0;
      const others = await recordsOf({ completions: [shown({ outcome: "rejected", text: "height;", before: place }), shown({ outcome: "keptAfter30s", before: `${place}wi`, text: "dth * height;", ...change })] });
      assert.deepEqual(others.map(({ kind }) => kind), ["judged"], JSON.stringify(change));
    }
  });

  it("without text, of one character, or with a hole where a secret was, teach nothing", async () => {
    await assert.rejects(recordsOf({ completions: [shown({ outcome: "keptAfter30s", text: null }), shown({ outcome: "keptAfter30s", text: "key = \"<redacted:aws-access-key>\"" }), shown({ outcome: "keptAfter30s", before: null }), shown({ outcome: "keptAfter30s", text: ")" })] }), { reason: "dataInvalid", message: /Nothing to learn from has been recorded yet/ });
  });

  it("can be taken out one by one", async () => {
    const completions = [shown({ outcome: "undoneWithin30s", text: "width + height;", instead: "width * height * depth;" })];
    assert.deepEqual((await recordsOf({ completions, excluded: new Set(["completion c1"]) })).map(({ kind }) => kind), ["preference"]);
  });
});

describe("feedback on answers", () => {
  const applied = { id: "7", at: 5, question: "Make it a product.", path: "src/a.ts", language: "typescript", before: "return width + height;", applied: "return width * height;", kept: "return width * height * depth;" };

  it("edited after it was applied is a pair, kept is good, undone is bad, and something else altogether is nothing", async () => {
    const [pair] = await recordsOf({ applied: [applied] });
    assert.ok(pair?.kind === "preference" && pair.prompt.form === "chat");
    assert.equal(pair.chosen, "```typescript\nreturn width * height * depth;\n```");
    assert.equal(pair.rejected, "```typescript\nreturn width * height;\n```");
    assert.equal(pair.prompt.messages[0]?.content, "Make it a product.\n\nThis is the part of src/a.ts to change:\n\n```typescript\nreturn width + height;\n```");
    const kinds = async (kept: string): Promise<string[]> => (await recordsOf({ applied: [{ ...applied, kept }] })).map((record) => (record.kind === "judged" ? String(record.good) : record.kind));
    assert.deepEqual(await kinds("return  width * height;\n"), ["true"]);
    assert.deepEqual(await kinds("return width + height;"), ["false"]);
    assert.deepEqual(await kinds(""), ["false"]);
    await assert.rejects(kinds("import fs from \"node:fs\"; export default fs.readFileSync(process.argv[2], \"utf8\")"), { reason: "dataInvalid" });
  });

  it("rated is judged with the sources it was given, but only where the model wrote it", async () => {
    const rated = { askId: "q1", at: 9, rating: "down" as const, question: "Where is it?", prose: "It is in a.ts [1].", sources: [{ path: "src/a.ts", startLine: 1, endLine: 2, text: "const it = 1;" }] };
    const [record, ...others] = await recordsOf({ ratings: [rated, { ...rated, askId: "q2", prose: "" }] });
    assert.deepEqual(others, []);
    assert.deepEqual(record, {
      kind: "judged", good: false, completion: "It is in a.ts [1].", origin: { at: "rating q1", time: 9 },
      prompt: { form: "chat", messages: [{ role: "user", content: "[1] src/a.ts:1-2\n```\nconst it = 1;\n```\n\nWhere is it?" }] },
    });
  });
});
