// What training computes of a GGUF file against what node-llama-cpp says of the same file: log-probabilities of every architecture
// and number format, and of an adapter that was trained here and is applied there.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";
import type { Llama, Token } from "node-llama-cpp";
import { writeGguf } from "../../src/engine/base/ggufWriter.ts";
import { SeededRandom } from "../../src/engine/base/random.ts";
import type { PackedBatch } from "../../src/engine/training/adaptedModel.ts";
import { linearNames } from "../../src/engine/training/network/modelDescription.ts";
import { openAdaptedModel } from "../../src/engine/training/network/openAdaptedModel.ts";
import type { GgmlAdaptedModel } from "../../src/engine/training/network/openAdaptedModel.ts";
import { tinyVocabulary, writeTinyDecoder } from "../unit/training/tinyDecoders.ts";
import type { TinyDecoder } from "../unit/training/tinyDecoders.ts";

const nTokens = 40;
/** Labels that are asked for at each position. */
const nLabels = 6;
const alpha = 8;

const formats = { F32: 0, F16: 1, BF16: 30, Q4_0: 2, Q8_0: 8, Q4_K: 12, Q5_K: 13, Q6_K: 14 } as const;
/** K formats store blocks of 256 weights. */
const wide = { dim: 256, headSize: 64, feedForward: 512 } as const;

describe("log-probabilities in training, against node-llama-cpp", function () {
  this.timeout(120_000);
  let folder: string;
  let llama: Llama;
  const random = new SeededRandom(21);
  const tokens = Int32Array.from({ length: nTokens }, () => 6 + random.integer(256));

  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "parity-"));
    llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error, maxThreads: 1 });
  });
  after(async () => {
    await llama.dispose();
    await rm(folder, { recursive: true });
  });

  const open = (file: string): Promise<GgmlAdaptedModel> => openAdaptedModel({
    modelFile: file, maxTokens: 64, threads: 1, blas: "ggml",
    adapter: { rank: 4, alpha, targets: linearNames, rankStabilised: false, seed: 1 },
    optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, clipNorm: 1 },
  });

  /** log p of some labels at each position: those asked for are the same in both. */
  const labelsAt = (round: number): Int32Array => tokens.map((_, t) => (37 * t + 101 * round) % tinyVocabulary);
  const ours = async (model: GgmlAdaptedModel, adapter: "on" | "off"): Promise<number[]> => {
    const all: number[] = [];
    for (let round = 0; round < nLabels; round++) {
      const batch: PackedBatch = { nTokens, tokens, labels: labelsAt(round), learnt: new Uint8Array(nTokens).fill(1), positions: tokens.map((_, t) => t), segments: new Int32Array(nTokens) };
      all.push(...(await model.logProbabilities(batch, adapter)));
    }
    return all;
  };
  const theirs = async (file: string, adapter?: string): Promise<number[]> => {
    const model = await llama.loadModel({ modelPath: file });
    const context = await model.createContext({ contextSize: 256, flashAttention: false, experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32", ...(adapter !== undefined && { lora: { adapters: [{ filePath: adapter, scale: 1 }] } }) });
    const result = await context.getSequence().controlledEvaluate([...tokens].map((token) => [token as Token, { generateNext: { logits: true, options: { temperature: 0 } } }] as const) as never);
    const rows = result.map((item) => {
      const logits = new Float64Array(tinyVocabulary);
      for (const [token, value] of item?.next.logits ?? []) logits[token] = value;
      const largest = Math.max(...logits);
      const logSum = largest + Math.log(logits.reduce((sum, x) => sum + Math.exp(x - largest), 0));
      return logits.map((x) => x - logSum);
    });
    await model.dispose();
    return Array.from({ length: nLabels }, (_, round) => [...labelsAt(round)].map((label, t) => rows[t]?.[label] ?? NaN)).flat();
  };

  /** Root mean square of the difference over that of the values. */
  const relativeError = (a: readonly number[], b: readonly number[]): number => Math.sqrt(a.reduce((sum, x, i) => sum + (x - (b[i] ?? NaN)) ** 2, 0) / b.reduce((sum, x) => sum + x * x, 0));

  const cases: [string, TinyDecoder][] = [
    ...(Object.entries(formats) as [string, number][]).map(([name, type]): [string, TinyDecoder] => [`llama, ${name}`, { architecture: "llama", type, ...wide }]),
    ["llama with an own head, Q4_K with embeddings in Q6_K", { architecture: "llama", type: formats.Q4_K, embeddingType: formats.Q6_K, untied: true, ...wide }],
    ["llama with Llama 3's frequency factors", { architecture: "llama", ropeFactors: true }],
    ["qwen2, F32", { architecture: "qwen2" }], ["qwen2, Q4_0", { architecture: "qwen2", type: formats.Q4_0, ...wide }],
    ["qwen3, F32", { architecture: "qwen3" }], ["qwen3, Q4_K", { architecture: "qwen3", type: formats.Q4_K, ...wide }],
    ["qwen3 with linear rope scaling", { architecture: "qwen3", ropeScale: 4 }],
    ["gemma3, F32, windowed and unwindowed layers", { architecture: "gemma3", nLayers: 6 }], ["gemma3, Q8_0", { architecture: "gemma3", type: formats.Q8_0, nLayers: 6, ...wide }],
  ];
  for (const [name, variant] of cases) {
    // Formats that round activations turn differences of the last bit (in the order of sums) into steps of their own size, where a
    // value lies on the edge between two steps.
    const bound = (variant.type ?? 0) === formats.F32 ? 1e-4 : 1e-3;
    it(`agree to ${bound}: ${name}`, async () => {
      const file = path.join(folder, "model.gguf");
      await writeTinyDecoder(file, variant);
      const model = await open(file);
      const mine = await ours(model, "off");
      model.close();
      const error = relativeError(mine, await theirs(file));
      if (process.env["KALACTICA_FIGURES"] !== undefined) console.log(`      relative error ${error.toExponential(1)}`);
      assert.ok(error <= bound, `relative error ${error}`);
    });
  }

  it("agree to 1e-3 with an adapter that was trained here", async () => {
    const file = path.join(folder, "model.gguf");
    await writeTinyDecoder(file, { architecture: "qwen3" });
    const model = await open(file);
    for (let step = 1; step <= 5; step++) {
      model.clearGradients();
      const batch: PackedBatch = { nTokens, tokens, labels: labelsAt(0), learnt: new Uint8Array(nTokens).fill(1), positions: tokens.map((_, t) => t), segments: new Int32Array(nTokens) };
      await model.accumulate(batch, new Float32Array(nTokens).fill(1 / nTokens));
      model.step(step, 3e-2);
    }
    const adapterFile = path.join(folder, "adapter.gguf");
    await writeGguf(adapterFile, {
      metadata: new Map([
        ["general.type", { type: "string", value: "adapter" }], ["general.architecture", { type: "string", value: "qwen3" }],
        ["adapter.type", { type: "string", value: "lora" }], ["adapter.lora.alpha", { type: "float32", value: alpha }],
      ]),
      tensors: model.adapter().map(({ name, shape, values }) => ({ name, shape, type: 0, data: new Uint8Array(values.buffer) })),
    });
    const [on, off] = [await ours(model, "on"), await ours(model, "off")];
    model.close();
    assert.ok(relativeError(on, off) > 0.1, "the adapter changes much");
    const error = relativeError(on, await theirs(file, adapterFile));
    assert.ok(error <= 1e-3, `relative error ${error}`);
  });
});
