// An answer in parts for a chat that only appends: what is shown may never have to be taken back.
import assert from "node:assert/strict";
import { cardParts, fenced, placeName, ProseParts, textParts, withoutButtons } from "../../../src/extension/chatParticipantParts.ts";
import type { AnswerPart } from "../../../src/extension/chatParticipantParts.ts";
import type { Citation } from "../../../src/engine/protocol/types.ts";
import { CARD, CITATIONS } from "../../webview/scenarios.ts";

const WORDS = { fromMemory: (source: string, date: string, text: string) => `From memory (${source}, ${date}): ${text}` };
const cited = (n: number, path: string, startLine: number): Citation => ({ n, path, startLine, endLine: startLine + 2, sha256: "", verified: true, text: "" });
const plain = (parts: readonly AnswerPart[]): string => parts.map((part) => (part.kind === "text" ? part.markdown : part.kind === "place" ? `<${placeName(part.place)}>` : fenced(part.language, part.code))).join("");

/** All ways to cut a text are the same text: whole, and one character at a time. */
function streamed(prose: string, citations: Citation[] = [cited(1, "src/a.ts", 4)]): { whole: AnswerPart[]; single: AnswerPart[] } {
  const run = (pieces: readonly string[]): AnswerPart[] => {
    const parts = new ProseParts();
    parts.know(citations);
    return [...pieces.flatMap((piece) => parts.push(piece)), ...parts.end()];
  };
  return { whole: run([prose]), single: run(prose.split(/(?:)/u)) };
}

describe("the parts of an answer", () => {
  it("are the card with its citations as places", () => {
    const shown = plain(cardParts(CARD, CITATIONS, WORDS));
    assert.match(shown, /^`schedule` is defined in `src\/engine\/base\/scheduler\.ts`, line 41 <scheduler\.ts:41>\. The README describes the order of work <README\.md:12>\./);
    assert.match(shown, /```typescript\nschedule<T>\(priority/);
    assert.match(shown, /- `Scheduler — src\/engine\/base\/scheduler\.ts:22` \(class\) <scheduler\.test\.ts:8>/);
  });

  it("leave numbers in code, links and unknown numbers alone", () => {
    const places = new Map([[1, { path: "a.ts", startLine: 3, endLine: 3 }]]);
    assert.equal(plain(textParts("see [1], `rows[1]`, [1](http://x), [7]", places)), "see <a.ts:3>, `rows[1]`, [1](http://x), [7]");
  });

  it("fetch nothing: an image becomes a link", () => {
    assert.equal(plain(textParts("![x](https://tracker.example/a.png) <img src=x> `![kept]`", new Map())), "[x](https://tracker.example/a.png) &lt;img src=x> `![kept]`");
  });

  for (const [name, prose, expected] of [
    ["citations", "It is there [1]. And [9].\nDone", "It is there <a.ts:4>. And [9].\nDone"],
    ["code in a line", "Use `rows[1]` [1] and `x", "Use `rows[1]` <a.ts:4> and `x"],
    ["an image", "Look: ![a](b)!", "Look: [a](b)!"],
    ["a list with emphasis", "- **a** [1]\n- *b*\n", "- **a** <a.ts:4>\n- *b*\n"],
    ["inline ticks at the start of a line", "`a` and ``b`` stay\n", "`a` and ``b`` stay\n"],
  ] as const) {
    it(`say the same however they arrive: ${name}`, () => {
      const { whole, single } = streamed(prose);
      assert.equal(plain(whole), expected);
      assert.equal(plain(single), expected);
    });
  }

  it("hand a block of code on when it is whole, and not before", () => {
    const parts = new ProseParts();
    const shown = [...parts.push("Do:\n``"), ...parts.push("`ts src/a.ts\nconst a = [1];\n"), ...parts.push("const b")];
    assert.deepEqual(shown, [{ kind: "text", markdown: "Do:\n" }]);
    assert.deepEqual(parts.push(" = 2;\n```\nThen"), [{ kind: "code", language: "ts", code: "const a = [1];\nconst b = 2;" }, { kind: "text", markdown: "Then" }]);
    assert.deepEqual(parts.end(), []);
  });

  it("keep a block that was never closed, and one in a list", () => {
    const { whole, single } = streamed("1. So:\n   ```sh\n   make\n   ```\n~~~py\nx = 1");
    const expected: AnswerPart[] = [{ kind: "text", markdown: "1. So:\n" }, { kind: "code", language: "sh", code: "make" }, { kind: "code", language: "py", code: "x = 1" }];
    assert.deepEqual(whole, expected);
    assert.deepEqual(single.filter(({ kind }) => kind === "code"), expected.slice(1));
  });

  it("stream: what cannot change its meaning is not held back", () => {
    const parts = new ProseParts();
    parts.know([cited(1, "src/a.ts", 4)]);
    assert.equal(plain(parts.push("It is in the ")), "It is in the ");
    assert.equal(plain(parts.push("queue [")), "queue ");
    assert.equal(plain(parts.push("1]")), "");
    assert.equal(plain(parts.push(".")), "<a.ts:4>.");
  });

  it("show a refused command without a block that has buttons", () => {
    assert.equal(withoutButtons("cd /\n\nrm -rf `pwd`\n"), "\n\n> `cd /`  \n> `` rm -rf `pwd` ``\n\n");
    assert.ok(!withoutButtons("```\nx").includes("\n```"));
  });

  it("use a fence that no line of the code closes", () => {
    assert.equal(fenced("md", "```js\n```"), "\n\n````md\n```js\n```\n````\n\n");
  });
});
