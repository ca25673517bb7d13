// Text as it streams: whole characters only, nothing of a stop text.
import assert from "node:assert/strict";
import type { Token } from "node-llama-cpp";
import { StopTextStream } from "../../../src/engine/model/stopText.ts";
import { TokenText } from "../../../src/engine/model/tokenText.ts";

describe("model/tokenText", () => {
  /** Tokens are bytes. */
  const bytes = { detokenize: (tokens: readonly Token[]) => Buffer.from(tokens as readonly number[]).toString("utf8") };
  const tokensOf = (text: string): Token[] => [...Buffer.from(text)] as Token[];

  it("shows only whole characters, and all of them", () => {
    const stream = new TokenText(bytes);
    const pieces = tokensOf("aé日\u{1F600}z").map((token) => stream.push(token));
    assert.deepEqual(pieces.filter((piece) => piece !== ""), ["a", "é", "日", "\u{1F600}", "z"]);
    assert.equal(stream.text, "aé日\u{1F600}z");
  });

  it("gives up on bytes that never become a character, and shows the end as it is", () => {
    const stream = new TokenText(bytes);
    for (let i = 0; i < 20; i++) stream.push(0x80 as Token);
    assert.ok(stream.text.length > 0);
    const cut = new TokenText(bytes);
    cut.push(0xe6 as Token);
    assert.equal(cut.text, "");
    cut.finish();
    assert.equal(cut.text, "\uFFFD");
  });
});

describe("model/stopText", () => {
  function streamed(stops: string[], pieces: string[]): { shown: string[]; text: string; stopped: boolean } {
    const shown: string[] = [];
    const stream = new StopTextStream(stops, (piece) => shown.push(piece));
    let stopped = false;
    for (const piece of pieces) stopped = stream.push(piece);
    stream.flush();
    assert.equal(shown.join(""), stream.text);
    return { shown, text: stream.text, stopped };
  }

  it("ends before the stop text, however it is cut into pieces", () => {
    const text = "Answer.<|end|>more";
    for (let at = 0; at <= text.length; at++) {
      assert.deepEqual(streamed(["<|end|>"], [text.slice(0, at), text.slice(at)]).text, "Answer.", `cut at ${at}`);
    }
    assert.equal(streamed(["<|end|>"], text.split("")).text, "Answer.");
    assert.equal(streamed(["</s>", "User:"], ["a User", ": b"]).text, "a ");
  });

  it("shows at once what cannot be the beginning of a stop text, and the rest at the end", () => {
    assert.deepEqual(streamed(["<|end|>"], ["ab", "c <", "d", "<|e"]).shown, ["ab", "c ", "<d", "<|e"]);
    assert.deepEqual(streamed([], ["a", "b"]), { shown: ["a", "b"], text: "ab", stopped: false });
  });
});
