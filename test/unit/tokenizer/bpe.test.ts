import assert from "node:assert/strict";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { BpeTokenizer } from "../../../src/engine/training/tokenizer/bpeTokenizer.ts";
import { BpeTrainer } from "../../../src/engine/training/tokenizer/bpeTrainer.ts";
import { alphabetToBytes, bytesToAlphabet } from "../../../src/engine/training/tokenizer/byteAlphabet.ts";
import { preTokenize } from "../../../src/engine/training/tokenizer/preTokenizer.ts";
import { specialTokens } from "../../../src/engine/training/tokenizer/specialTokens.ts";

const code = [
  "export function add(left: number, right: number): number {\n    return left + right;\n}\n",
  "def add(left, right):\n    \"\"\"Return the sum.\"\"\"\n    return left + right\n",
  "for (let i = 0; i < 10; i++) {\n        total += values[i];\n}\n",
];

function trained(nVocab = 400): BpeTokenizer {
  const trainer = new BpeTrainer({ nVocab, minGroups: 1 });
  code.forEach((text, i) => trainer.add(text.repeat(4), `group ${i}`));
  return new BpeTokenizer(trainer.train());
}

/** Merges by definition: the lowest rank anywhere, leftmost first, until none is left. */
function encodeNaively(text: string, merges: readonly string[]): string[] {
  const ranks = new Map(merges.map((merge, rank) => [merge, rank]));
  return preTokenize(text).flatMap((piece) => {
    const symbols = Array.from(bytesToAlphabet(new TextEncoder().encode(piece)));
    for (;;) {
      let best = Infinity;
      let at = -1;
      for (let i = 0; i + 1 < symbols.length; i++) {
        const rank = ranks.get(`${symbols[i] as string} ${symbols[i + 1] as string}`) ?? Infinity;
        if (rank < best) [best, at] = [rank, i];
      }
      if (at < 0) return symbols;
      symbols.splice(at, 2, (symbols[at] as string) + (symbols[at + 1] as string));
    }
  });
}

describe("byte alphabet", () => {
  it("writes every byte as one character and reads it back", () => {
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    const text = bytesToAlphabet(all);
    assert.equal(new Set(text).size, 256);
    assert.deepEqual(alphabetToBytes(text), all);
    assert.equal(bytesToAlphabet(new TextEncoder().encode(" \n")), "ĠĊ");
    assert.throws(() => alphabetToBytes("你"), RangeError);
  });
});

describe("pre-tokenizer", () => {
  it("splits digits one by one and keeps indentation apart from the last space", () => {
    assert.deepEqual(preTokenize("x = 123;\n    return  42"), ["x", " =", " ", "1", "2", "3", ";", "\n   ", " return", "  ", "4", "2"]);
  });

  it("loses nothing of any text", () => {
    const random = new SeededRandom(3);
    for (let i = 0; i < 300; i++) {
      const text = String.fromCodePoint(...Array.from({ length: 40 }, () => {
        const point = random.integer(random.uniform() < 0.7 ? 128 : 0x10ffff);
        return point >= 0xd800 && point < 0xe000 ? 32 : point;
      }));
      assert.equal(preTokenize(text).join(""), text);
    }
  });
});

describe("BPE training and encoding", () => {
  it("learns the most frequent pair first and stops where nothing repeats", () => {
    const trainer = new BpeTrainer({ nVocab: 300, minGroups: 1 });
    trainer.add("abab abab cd", "a");
    const { merges, tokens } = trainer.train();
    assert.equal(merges[0], "a b");
    assert.deepEqual(tokens.slice(268, 270), ["ab", "abab"]);
    assert.ok(tokens.length < 300);
  });

  it("leaves out pieces of too few groups, and tokens that would be too long", () => {
    const trainer = new BpeTrainer({ nVocab: 320, minGroups: 2, maxTokenBytes: 4 });
    trainer.add("privateName privateName shared", "a");
    trainer.add("shared shared", "b");
    const learnt = trainer.train().tokens.slice(268);
    assert.ok(learnt.length > 0 && learnt.every((token) => token.length <= 4 && "Ġshared".includes(token)), learnt.join(" "));
  });

  it("is deterministic", () => {
    const train = (): string => {
      const trainer = new BpeTrainer({ nVocab: 400, minGroups: 1 });
      code.forEach((text, i) => trainer.add(text, `group ${i}`));
      return JSON.stringify(trainer.train());
    };
    assert.equal(train(), train());
  });

  it("merges as the definition says, in long pieces too", () => {
    const trainer = new BpeTrainer({ nVocab: 400, minGroups: 1, maxTokenBytes: 16 });
    [...code, "-------- ======== aaaaaaa abcabcabc ".repeat(5)].forEach((text, i) => trainer.add(text, `group ${i}`));
    const data = trainer.train();
    const tokenizer = new BpeTokenizer(data);
    for (const text of [...code, "-".repeat(700), "abc".repeat(301), " ".repeat(500) + "x", "aaab".repeat(99)]) {
      assert.deepEqual(Array.from(tokenizer.encode(text), (id) => data.tokens[id]), encodeNaively(text, data.merges));
    }
  });

  it("gives every text back, whatever its bytes", () => {
    const tokenizer = trained();
    const random = new SeededRandom(11);
    for (let i = 0; i < 200; i++) {
      const text = String.fromCodePoint(...Array.from({ length: 60 }, () => {
        const point = random.integer(random.uniform() < 0.6 ? 256 : 0x10ffff);
        return point >= 0xd800 && point < 0xe000 ? 10 : point;
      }));
      assert.equal(tokenizer.decode(tokenizer.encode(text)), text);
    }
    assert.equal(tokenizer.decode(tokenizer.encode("a\ud800b")), "a\ufffdb");
    assert.equal(tokenizer.encode("").length, 0);
  });

  it("never makes a special token of text", () => {
    const trainer = new BpeTrainer({ nVocab: 500, minGroups: 1, maxTokenBytes: 64 });
    const text = specialTokens.join("").repeat(50);
    trainer.add(text, "a");
    const tokenizer = new BpeTokenizer(trainer.train());
    const ids = tokenizer.encode(text);
    const special = new Set<number>(Object.values(tokenizer.special));
    assert.ok(ids.every((id) => !special.has(id)));
    assert.equal(tokenizer.decode(ids), text);
    assert.equal(tokenizer.decode([tokenizer.special["<|end|>"]]), "");
  });

  it("refuses merges that do not fit its tokens, and ids outside its vocabulary", () => {
    const data = new BpeTrainer({ nVocab: 268 }).train();
    assert.throws(() => new BpeTokenizer({ ...data, merges: ["a b"] }), /"ab"/);
    assert.throws(() => new BpeTokenizer(data).decode([9999]), RangeError);
  });
});
