// Text that a model wrote comes back with every space that it wrote; llama.cpp's own joining takes some away.
import assert from "node:assert/strict";
import type { Token } from "node-llama-cpp";
import { exactDetokenizer } from "../../../src/engine/model/exactText.ts";
import { TokenText } from "../../../src/engine/model/tokenText.ts";

/** Words with their space as tokens, as in GPT-2's vocabulary; bytes of "é" apart; `cleans` as llama.cpp does. */
function vocabulary(cleans: boolean) {
  const ids = new Map<string, number>();
  const texts: string[] = [];
  const idOf = (text: string): number => ids.get(text) ?? (ids.set(text, texts.push(text) - 1), texts.length - 1);
  const joined = (tokens: readonly Token[]): string => Buffer.from(tokens.map((token) => texts[token]!).join(""), "latin1").toString("utf8");
  return {
    tokenize: (text: string) => (Buffer.from(text, "utf8").toString("latin1").match(/ ?[a-z]+| ?[?!.,:']+|[\x80-\xff]| /g) ?? []).map(idOf) as Token[],
    detokenize: (tokens: readonly Token[]) => cleans ? joined(tokens).replaceAll(/ (?=[?!.,])/g, "") : joined(tokens),
  };
}

describe("model/exactText", () => {
  it("keeps the spaces that the library's joining takes away", () => {
    const model = vocabulary(true);
    for (const text of ["a ? b : c", "from .a import b", "if a !b", "a , b .c", "caf\u00e9 ? \u00e9\u00e9 .x", "a? b", " .a"]) {
      const tokens = model.tokenize(text);
      assert.equal(exactDetokenizer(model).detokenize(tokens, false), text);
      const stream = new TokenText(exactDetokenizer(model));
      for (const token of tokens) stream.push(token);
      stream.finish();
      assert.equal(stream.text, text);
    }
    assert.notEqual(model.detokenize(model.tokenize("a ? b")), "a ? b");
  });

  it("leaves alone what takes none away", () => {
    const model = vocabulary(false);
    assert.equal(exactDetokenizer(model), model);
  });
});
