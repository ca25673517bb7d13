// Reading a caret while typing along gives the same as reading it anew, however the index came about.
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { CaretReader, type CaretContext } from "../../../src/engine/completion/caretContext.ts";
import { Lexicon } from "../../../src/engine/completion/lexicon.ts";

const text = Array.from({ length: 60 }, (_, i) => `function f${i}(a, b) {\n  const sum${i} = a + b * ${i};\n\n  return sum${i};\n}\n`).join("\n");
const suffix = "\n  return 1;\n}\nconst z = f1(2, 3);\n";

function state(caret: CaretContext): unknown {
  const { file, tracker, lastSeen, prefixLength, indent, constraint, linePrefix } = caret;
  tracker.computeHashes();
  return {
    lexemes: Array.from({ length: file.length }, (_, at) => [file.lexeme(at), file.gap(at), file.text(at)]), hashes: [...tracker.hashes],
    heads: [...tracker.hashes].map((hash, context) => file.head(context, hash)), lastSeen: [...lastSeen].sort(([a], [b]) => a - b), prefixLength, indent, constraint, linePrefix,
  };
}

describe("reading a caret", () => {
  it("is the same letter by letter as anew", () => {
    const lexicon = new Lexicon();
    const along = new CaretReader(lexicon);
    const typed = "function g(x) {\n  const y = f3(x, 1);\n\n    if (y) {";
    for (let n = 0; n <= typed.length; n++) {
      const prefix = text + typed.slice(0, n);
      assert.deepEqual(state(along.read(prefix, suffix)), state(new CaretReader(lexicon).read(prefix, suffix)), `after ${JSON.stringify(typed.slice(0, n))}`);
    }
  });

  it("is the same after going elsewhere and back, and after deleting", () => {
    const lexicon = new Lexicon();
    const reader = new CaretReader(lexicon);
    const places: [string, string][] = [[text, suffix], [text.slice(0, 500), text.slice(500)], [`${text}abc\n  d`, suffix], [`${text}abc`, suffix], ["", ""], ["a", ""], [text, "\n"]];
    for (const [prefix, after] of places) assert.deepEqual(state(reader.read(prefix, after)), state(new CaretReader(lexicon).read(prefix, after)));
  });

  it("goes on when the beginning of a long prefix is clipped", () => {
    const lexicon = new Lexicon();
    const reader = new CaretReader(lexicon);
    reader.read(text, suffix);
    const clipped = reader.read(`${text}ab(`.slice(3), suffix);
    const anew = new CaretReader(lexicon).read(`${text}ab(`, suffix);
    assert.deepEqual(state(clipped), state(anew));
  });

  it("knows the word half typed and the gap before the caret", () => {
    const reader = new CaretReader(new Lexicon());
    assert.deepEqual(reader.read("const fo", "").constraint, { typed: "fo", afterGap: false });
    assert.deepEqual(reader.read("const ", "").constraint, { typed: "", afterGap: true });
    assert.equal(reader.read("f(", "").constraint, null);
    assert.equal(reader.read("a;\n    ", "").constraint, null);
    assert.equal(reader.read("a;\n    ", "").indent, 4);
  });

  it("keeps to its capacity on a file of endless lines", () => {
    const reader = new CaretReader(new Lexicon());
    assert.doesNotThrow(() => reader.read("a b c d ".repeat(9_000), "e f g ".repeat(9_000)));
    assert.doesNotThrow(() => reader.read(`${"x = 1\n".repeat(9_000)}y`, `\n${"e f g\n".repeat(9_000)}`));
  });
});
