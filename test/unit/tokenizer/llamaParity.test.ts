// The TypeScript tokenizer and llama.cpp's must give the same ids: training sees one, the product the other.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { getLlama, LlamaLogLevel, type LlamaModel } from "node-llama-cpp";
import { writeGguf, type GgufEntry } from "../../../src/engine/base/ggufWriter.ts";
import { BpeTokenizer, type TokenizerData } from "../../../src/engine/training/tokenizer/bpeTokenizer.ts";
import { BpeTrainer } from "../../../src/engine/training/tokenizer/bpeTrainer.ts";
import { specialTokens } from "../../../src/engine/training/tokenizer/specialTokens.ts";

const root = path.resolve(import.meta.dirname, "../../..");

/** Metadata of a llama-architecture GGUF that llama.cpp loads for its vocabulary alone. */
function vocabularyMetadata(data: TokenizerData): Map<string, GgufEntry> {
  const special = new Set<string>(specialTokens);
  const integer = (value: number): GgufEntry => ({ type: "uint32", value });
  return new Map<string, GgufEntry>([
    ["general.architecture", { type: "string", value: "llama" }],
    ["general.name", { type: "string", value: "vocabulary" }],
    ["llama.context_length", integer(256)],
    ["llama.embedding_length", integer(32)],
    ["llama.block_count", integer(1)],
    ["llama.feed_forward_length", integer(64)],
    ["llama.attention.head_count", integer(2)],
    ["llama.attention.head_count_kv", integer(2)],
    ["llama.rope.dimension_count", integer(16)],
    ["llama.vocab_size", integer(data.tokens.length)],
    ["llama.attention.layer_norm_rms_epsilon", { type: "float32", value: 1e-5 }],
    ["tokenizer.ggml.model", { type: "string", value: "gpt2" }],
    ["tokenizer.ggml.pre", { type: "string", value: "starcoder" }],
    ["tokenizer.ggml.tokens", { type: "array", elementType: "string", value: data.tokens }],
    ["tokenizer.ggml.token_type", { type: "array", elementType: "int32", value: data.tokens.map((token) => (special.has(token) ? 3 : 1)) }],
    ["tokenizer.ggml.merges", { type: "array", elementType: "string", value: data.merges }],
    ["tokenizer.ggml.bos_token_id", integer(0)],
    ["tokenizer.ggml.eos_token_id", integer(0)],
    ["tokenizer.ggml.add_bos_token", { type: "bool", value: false }],
  ]);
}

const difficult = [
  "def f(x):\n\treturn x  # tab\n\n\n    y = 12345 + 0x1F\n",
  "const a = 1;\r\n  const bb = `x${ a }`;   \n\n",
  "  42  007 3.14 v2.0-rc1 \n 5",
  "naïve café Überprüfung Straße ΑΒΓ Привет مرحبا 你好,世界 こんにちは 한국어",
  "emoji 👩‍👩‍👧‍👦🏳️‍🌈 flags 🇩🇪 x\u200dy zero\u200bwidth \ufeffbom \u0085nel \u00a0nbsp \u2028ls \u3000wide",
  "½ ² ① Ⅷ ٣ ५ 𝟘 a½b",
  "it's we'll they'd I'm you've 'tis 's 'S can't'LL",
  "<|endoftext|><|fim_prefix|>x<|end|> <|file_sep|>",
  "a\u0301 e\u0300 \u0000\u0001\u001f\u007f \u{10ffff}\u{e000}\u0378",
  "-".repeat(900) + "=".repeat(301) + " ".repeat(600) + "x" + "\n".repeat(50) + "\t".repeat(33) + "y",
  "AAAA".repeat(200) + "0123456789".repeat(30),
  " lead", "trail ", "", " ", "\n", "   \n  \n x", "\t \t\n\t \tz",
];

describe("tokenizer beside llama.cpp", () => {
  let folder: string;
  let model: LlamaModel;
  let tokenizer: BpeTokenizer;
  const sources: string[] = [];

  before(async function () {
    this.timeout(120_000);
    folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-tokenizer-"));
    for (const file of ["src/engine/base/gguf.ts", "src/engine/base/files.ts", "package.json", "node_modules/mocha/bin/mocha.js", "node_modules/typescript/lib/lib.es5.d.ts"]) {
      sources.push(readFileSync(path.join(root, file), "utf8"));
    }
    const trainer = new BpeTrainer({ nVocab: 3000, minGroups: 1 });
    [...sources, ...difficult].forEach((text, i) => trainer.add(text, `group ${i}`));
    const data = trainer.train();
    tokenizer = new BpeTokenizer(data);
    const file = path.join(folder, "vocabulary.gguf");
    await writeGguf(file, { metadata: vocabularyMetadata(data), tensors: [] });
    const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.disabled });
    model = await llama.loadModel({ modelPath: file, vocabOnly: true });
  });

  after(async () => {
    await model?.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  const same = (text: string): void => {
    const ours = Array.from(tokenizer.encode(text));
    const theirs = model.tokenize(text, false).map(Number);
    assert.deepEqual(ours, theirs, `ids differ for ${JSON.stringify(text.slice(0, 80))}`);
  };

  it("gives the same ids on whole source files", () => {
    for (const text of sources) same(text);
  });

  it("gives the same ids on difficult text", () => {
    for (const text of difficult) same(text);
  });

  it("gives the same ids on random mixtures of characters", () => {
    const pool = Array.from(" \n\t 's re012½ab_$.(){}é你👍\u00a0\u0085\u3000\u0301");
    let state = 7;
    const next = (n: number): number => (state = (state * 1103515245 + 12345) % 2147483648) % n;
    for (let i = 0; i < 1500; i++) {
      let text = "";
      for (let j = next(24); j >= 0; j--) text += pool[next(pool.length)] as string;
      same(text);
    }
  });

  it("reads the special tokens as llama.cpp does", () => {
    assert.deepEqual(model.tokenize("<|fim_prefix|>", true).map(Number), [tokenizer.special["<|fim_prefix|>"]]);
    assert.equal(Number(model.tokens.infill.prefix), tokenizer.special["<|fim_prefix|>"]);
    assert.equal(Number(model.tokens.infill.suffix), tokenizer.special["<|fim_suffix|>"]);
    assert.equal(Number(model.tokens.infill.middle), tokenizer.special["<|fim_middle|>"]);
  });
});
