// What training would take, told from the header alone, against what it takes; and which models are refused before anything is loaded.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { EngineError } from "../../../src/engine/base/errors.ts";
import type { GgufEntry } from "../../../src/engine/base/ggufWriter.ts";
import type { AdapterSettings } from "../../../src/engine/training/adaptedModel.ts";
import { estimateAdaptedModel } from "../../../src/engine/training/network/estimate.ts";
import { linearNames } from "../../../src/engine/training/network/modelDescription.ts";
import { openAdaptedModel } from "../../../src/engine/training/network/openAdaptedModel.ts";
import { writeTinyDecoder } from "./tinyDecoders.ts";
import type { TinyDecoder } from "./tinyDecoders.ts";

const adapter: AdapterSettings = { rank: 8, alpha: 16, targets: linearNames, rankStabilised: false, seed: 1 };
const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, clipNorm: 1 };

describe("the estimate of a training run's memory", () => {
  let folder: string;
  let file: string;
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "estimate-"));
    file = path.join(folder, "model.gguf");
  });
  after(() => rm(folder, { recursive: true }));

  const cases: [string, TinyDecoder, number][] = [
    ["all activations kept", { architecture: "llama", dim: 128, feedForward: 384, nLayers: 4 }, 1e9],
    ["all computed again", { architecture: "llama", dim: 128, feedForward: 384, nLayers: 4 }, 0],
    ["a quantised Gemma 3", { architecture: "gemma3", dim: 128, feedForward: 384, nLayers: 4, type: 8 }, 1.5e6],
  ];
  for (const [name, model, activationBytes] of cases) {
    it(`comes close to what is taken: ${name}`, async () => {
      await writeTinyDecoder(file, model);
      const estimate = await estimateAdaptedModel(file, adapter, 256, activationBytes, "ggml");
      const opened = await openAdaptedModel({ modelFile: file, adapter, optimizer, maxTokens: 256, threads: 1, activationBytes, blas: "ggml" });
      const taken = opened.memoryBytes;
      assert.equal(opened.nTrainable, estimate.nTrainable);
      opened.close();
      assert.ok(Math.abs(estimate.memoryBytes / taken - 1) < 0.2, `${estimate.memoryBytes} estimated, ${taken} taken`);
    });
  }

  it("refuses what memory cannot hold before loading it", async () => {
    await writeTinyDecoder(file, { architecture: "llama" });
    const refused = (error: unknown): boolean => error instanceof EngineError && error.reason === "modelTooLarge" && /needs about \d+ MB of memory, and \d+ MB are free/.test(error.message);
    await assert.rejects(openAdaptedModel({ modelFile: file, adapter, optimizer, maxTokens: 1 << 21, threads: 1 }), refused);
  });

  it("refuses by name what cannot be trained", async () => {
    const text = (value: string): GgufEntry => ({ type: "string", value });
    const refusals: [ReadonlyMap<string, GgufEntry>, RegExp][] = [
      [new Map([["general.architecture", text("mamba")]]), /architecture "mamba".*llama, qwen2, qwen3, gemma3/],
      [new Map([["llama.rope.scaling.type", text("yarn")]]), /rope scaling "yarn"/],
      [new Map([["llama.expert_count", { type: "uint32", value: 8 }]]), /experts/],
    ];
    for (const [metadata, sentence] of refusals) {
      await writeTinyDecoder(file, { architecture: "llama", metadata });
      const refused = (error: unknown): boolean => error instanceof EngineError && error.reason === "modelTooNew" && sentence.test(error.message);
      await assert.rejects(estimateAdaptedModel(file, adapter, 64), refused);
      await assert.rejects(openAdaptedModel({ modelFile: file, adapter, optimizer, maxTokens: 64, threads: 1 }), refused);
    }
    // A layer with a part that nobody would compute.
    await writeTinyDecoder(file, { architecture: "llama", metadata: new Map([["llama.attention.head_count_kv", { type: "uint32", value: 4 }]]) });
    await assert.rejects(estimateAdaptedModel(file, adapter, 64), /attn_k\.weight in the shape 64 × 64 instead of 64 × 128/);
  });
});
