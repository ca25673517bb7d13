// Text becomes lexemes with gaps and line breaks that carry indentation.
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { lex } from "../../../src/engine/completion/lexer.ts";
import { LEXEME, LEXEME_CLASS, Lexicon } from "../../../src/engine/completion/lexicon.ts";

const words = (text: string, open = false) => {
  const lexicon = new Lexicon();
  const lexed = lex(text, lexicon, open);
  return { lexed, lexicon, texts: lexed.ids.map((id) => lexicon.text(id)) };
};

describe("the lexer", () => {
  it("cuts names, numbers and operators", () => {
    assert.deepEqual(words("a?.b === 1.5;", true).texts, ["a", "?.", "b", "===", "1.5", ";"]);
    assert.deepEqual(words("a?.b === 1.5;", true).lexed.gaps, [0, 0, 0, 1, 1, 0]);
  });

  it("marks line breaks by the next line's depth and skips blank lines", () => {
    const { lexed } = words("if (a):\n\n    b\nc\n");
    assert.deepEqual(lexed.ids.filter((id) => id >= LEXEME.lineSame && id <= LEXEME.lineShallower), [LEXEME.lineDeeper, LEXEME.lineShallower, LEXEME.lineSame]);
    assert.deepEqual(lexed.lineIndents, [0, 4, 0]);
  });

  it("keeps an open last line open, even an empty one", () => {
    assert.equal(words("a\nb", true).texts.at(-1), "b");
    assert.deepEqual(words("a\n  ", true).lexed.lineIndents, [0, 2]);
    assert.deepEqual(words("", true).lexed.ids, []);
  });

  it("treats CRLF as LF", () => {
    assert.deepEqual(words("a;\r\nb;\r\n").texts, words("a;\nb;\n").texts);
  });

  it("classes names apart from keywords and punctuation", () => {
    const { lexicon, lexed } = words("return fooBar Foo MAX 12 {", true);
    const classes = lexed.ids.map((id) => lexicon.classOf(id));
    assert.deepEqual(classes.slice(1, 5), [LEXEME_CLASS.lowerIdentifier, LEXEME_CLASS.upperIdentifier, LEXEME_CLASS.constantIdentifier, LEXEME_CLASS.number]);
    assert.equal(classes[0], lexed.ids[0]);
    assert.equal(classes[5], lexed.ids[5]);
  });

  it("does not learn data as words", () => {
    const { lexed } = words("x".repeat(200), true);
    assert.deepEqual(lexed.ids, [LEXEME.unknown]);
  });
});
