// The network behind an adapted model: what transposed copies of quantised bases round away may turn the gradient of an adapter only a
// little, and what is kept or computed again does not change it at all.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { GgmlType } from "../../../src/engine/base/ggmlTypes.ts";
import { readGguf } from "../../../src/engine/base/gguf.ts";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { Backend } from "../../../src/engine/ggml/backend.ts";
import type { AdapterSettings, PackedBatch } from "../../../src/engine/training/adaptedModel.ts";
import { AdaptedNetwork } from "../../../src/engine/training/network/adaptedNetwork.ts";
import { adaptedMatrices, AdapterParameters } from "../../../src/engine/training/network/adapterParameters.ts";
import { FrozenWeights } from "../../../src/engine/training/network/frozenWeights.ts";
import { planMemory } from "../../../src/engine/training/network/memoryPlan.ts";
import type { MemoryPlan } from "../../../src/engine/training/network/memoryPlan.ts";
import { describeModel, linearNames } from "../../../src/engine/training/network/modelDescription.ts";
import { tinyVocabulary, writeTinyDecoder } from "./tinyDecoders.ts";

const nTokens = 32;
const adapter: AdapterSettings = { rank: 4, alpha: 8, targets: linearNames, rankStabilised: false, seed: 1 };
const random = new SeededRandom(8);
const draw = (): Int32Array => Int32Array.from({ length: nTokens }, () => random.integer(tinyVocabulary));
const batch: PackedBatch = { nTokens, tokens: draw(), labels: draw(), learnt: new Uint8Array(nTokens).fill(1), positions: Int32Array.from({ length: nTokens }, (_, t) => t), segments: new Int32Array(nTokens) };

describe("an adapted network", () => {
  let folder: string;
  let file: string;
  let backend: Backend;
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "frozen-"));
    file = path.join(folder, "model.gguf");
    backend = Backend.cpu(1);
  });
  after(async () => {
    backend.close();
    await rm(folder, { recursive: true });
  });

  /** All gradients of the adapter, one after the other, with transposed copies of that format or of the one that is chosen. */
  const gradients = async (transposedType?: number, planOf = (plan: MemoryPlan): MemoryPlan => plan): Promise<number[]> => {
    const gguf = await readGguf(file);
    const description = describeModel(gguf, file);
    const weights = await FrozenWeights.load(backend, description, file, gguf.dataOffset, { stridedProducts: false, fastFourBit: backend.interleaves(GgmlType.Q4_0, [256, 64]), ...(transposedType !== undefined && { transposedType }) });
    const parameters = new AdapterParameters(backend, adaptedMatrices(description, adapter), adapter, { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, clipNorm: 1 });
    parameters.restore(parameters.adapter().map((t, k) => ({ ...t, values: t.values.map((_, i) => 0.1 * Math.sin(7 * i + k)) })));
    const network = new AdaptedNetwork(backend, description, weights, parameters, { maxTokens: nTokens, blas: undefined, plan: planOf(planMemory(description, adapter, nTokens, undefined, false)) });
    await network.forward(batch, () => true, undefined);
    await network.backward(batch, new Float32Array(nTokens).fill(1), undefined);
    const all = parameters.gradients().flatMap(({ values }) => [...values]);
    for (const part of [network, parameters, weights]) part.close();
    return all;
  };
  const cosine = (a: readonly number[], b: readonly number[]): number => {
    const dot = (x: readonly number[], y: readonly number[]): number => x.reduce((sum, v, i) => sum + v * (y[i] ?? 0), 0);
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  };

  const cases: [string, number, number][] = [["Q4_0", 2, 0.98], ["Q4_K", 12, 0.98], ["Q6_K", 14, 0.999], ["Q8_0", 8, 0.999], ["BF16", 30, 0.999]];
  for (const [name, type, bound] of cases) {
    it(`gives a ${name} base gradients within a cosine of ${bound} of those by F32 copies`, async () => {
      await writeTinyDecoder(file, { architecture: "qwen3", type, dim: 256, headSize: 64, feedForward: 512 });
      const found = cosine(await gradients(), await gradients(GgmlType.F32));
      assert.ok(found >= bound && found <= 1 + 1e-9, `cosine ${found}`);
    });
  }

  it("gives the same bits where attention probabilities are computed again, in kept layers and others", async () => {
    await writeTinyDecoder(file, { architecture: "gemma3" });
    const expected = await gradients();
    for (const keptLayers of [2, 1, 0]) {
      const found = await gradients(undefined, (plan) => ({ ...plan, keptLayers, queryBlock: plan.queryBlock, parts: { ...plan.parts, probabilities: false } }));
      assert.deepEqual(found, expected, `${keptLayers} kept layers`);
    }
  });

  it("computes attention in blocks of queries as in one", async () => {
    await writeTinyDecoder(file, { architecture: "qwen2" });
    const [one, four] = [await gradients(), await gradients(undefined, (plan) => ({ ...plan, queryBlock: 8, tapeBytes: 2 * plan.tapeBytes }))];
    const largest = Math.max(...one.map(Math.abs));
    assert.ok(four.every((value, i) => Math.abs(value - (one[i] ?? NaN)) <= 1e-5 * largest));
  });

  it("transposes matrices that are no whole number of pieces, and whose rows are no whole blocks", async () => {
    // The vocabulary of 262 is neither a multiple of 32 nor of 256.
    await writeTinyDecoder(file, { architecture: "llama", type: 8, dim: 96, feedForward: 544, untied: true });
    const found = cosine(await gradients(), await gradients(GgmlType.F32));
    assert.ok(found >= 0.999, `cosine ${found}`);
  });
});
