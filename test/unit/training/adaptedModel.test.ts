// A frozen model with an adapter: gradients against finite differences for every architecture, and what batches, accumulation,
// optimizer and state must keep true.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { EngineError } from "../../../src/engine/base/errors.ts";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { readGguf } from "../../../src/engine/base/gguf.ts";
import type { AdaptedModel, AdaptedModelOptions, PackedBatch } from "../../../src/engine/training/adaptedModel.ts";
import { describeModel, linearNames } from "../../../src/engine/training/network/modelDescription.ts";
import { openDescribed } from "../../../src/engine/training/network/openAdaptedModel.ts";
import type { GgmlAdaptedModel } from "../../../src/engine/training/network/openAdaptedModel.ts";
import { tinyVocabulary, writeTinyDecoder } from "./tinyDecoders.ts";
import type { TinyDecoder } from "./tinyDecoders.ts";

/** Samples side by side, every token with a label; those whose place in the sample `learnt` names are learnt. */
function pack(samples: readonly (readonly number[])[], learnt: (place: number) => boolean = () => true): PackedBatch {
  const tokens = samples.flatMap((sample) => [...sample]);
  const places = samples.flatMap((sample) => sample.map((_, i) => i));
  return {
    nTokens: tokens.length,
    tokens: Int32Array.from(tokens),
    labels: Int32Array.from(samples.flatMap((sample) => sample.map((_, i) => sample[i + 1] ?? 0))),
    learnt: Uint8Array.from(places, (place) => (learnt(place) ? 1 : 0)),
    positions: Int32Array.from(places),
    segments: Int32Array.from(samples.flatMap((sample, s) => sample.map(() => s))),
  };
}

describe("an adapted model", () => {
  let folder: string;
  const opened: AdaptedModel[] = [];
  const random = new SeededRandom(3);
  const draw = (length: number): number[] => Array.from({ length }, () => random.integer(tinyVocabulary));
  const weightsFor = (batch: PackedBatch): Float32Array => Float32Array.from({ length: batch.nTokens }, (_, t) => (t % 3 === 0 ? -0.5 : 1) * (0.2 + random.uniform()));

  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "adapted-"));
  });
  after(() => rm(folder, { recursive: true }));
  afterEach(() => {
    for (const model of opened.splice(0)) model.close();
  });

  const open = async (model: TinyDecoder, options: Partial<AdaptedModelOptions> = {}): Promise<GgmlAdaptedModel> => {
    const file = path.join(folder, "model.gguf");
    await writeTinyDecoder(file, model);
    const gguf = await readGguf(file);
    const description = describeModel(gguf, file);
    // gelu out of llama.cpp's table is a staircase, too coarse for finite differences.
    const adapted = await openDescribed(description.activation === "gelu" ? { ...description, activation: "smoothGelu" } : description, gguf.dataOffset, {
      modelFile: file, maxTokens: 64, threads: 1, blas: process.env["KALACTICA_BLAS"] ?? "ggml",
      adapter: { rank: 4, alpha: 8, targets: linearNames, rankStabilised: false, seed: 1 },
      optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, clipNorm: 1 },
      ...options,
    });
    opened.push(adapted);
    return adapted;
  };

  /** Gives B values, too, so that A has gradients. */
  const warm = (model: GgmlAdaptedModel, size = 0.2): void => {
    model.restore(model.adapter().map(({ name, shape, values }) => ({ name, shape, values: values.map(() => (size * random.normal()) / Math.sqrt(shape[0] ?? 1)) })));
  };
  const weighted = (logP: Float32Array, weights: Float32Array): number => -logP.reduce((sum, p, t) => sum + p * (weights[t] ?? 0), 0);
  const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? NaN))), 0);

  const variants: Record<string, TinyDecoder> = {
    llama: { architecture: "llama" },
    "llama with an own head and Llama 3's frequencies": { architecture: "llama", untied: true, ropeFactors: true },
    qwen2: { architecture: "qwen2" },
    "qwen3 with linear rope scaling": { architecture: "qwen3", ropeScale: 4 },
    "gemma3 with windowed and unwindowed layers": { architecture: "gemma3", nLayers: 6 },
  };
  for (const [name, variant] of Object.entries(variants)) {
    it(`has right gradients: ${name}`, async () => {
      const model = await open(variant);
      warm(model);
      // Two samples, one longer than the window; some tokens are not learnt.
      const batch = pack([draw(25), draw(9)], (place) => place % 5 !== 2);
      const weights = weightsFor(batch);
      await model.accumulate(batch, weights);
      const gradients = model.gradients();
      const original = model.adapter();
      const loss = async (): Promise<number> => weighted(await model.logProbabilities(batch, "on"), weights);
      for (const kind of linearNames.flatMap((linear) => [`${linear}.weight.lora_a`, `${linear}.weight.lora_b`])) {
        // The slope along the gradient of all layers' matrices of one kind is that gradient's length.
        const mine = new Map(gradients.filter((t) => t.name.endsWith(kind)).map((t) => [t.name, t.values]));
        const length = Math.sqrt([...mine.values()].reduce((sum, values) => sum + values.reduce((s, v) => s + v * v, 0), 0));
        assert.ok(length > 1e-3, `${kind} has a gradient`);
        const step = 1e-2;
        const at = async (steps: number): Promise<number> => {
          model.restore(original.map((t) => ({ ...t, values: t.values.map((v, i) => v + (steps * step * (mine.get(t.name)?.[i] ?? 0)) / length) })));
          return loss();
        };
        const slope = (8 * ((await at(1)) - (await at(-1))) - ((await at(2)) - (await at(-2)))) / (12 * step);
        assert.ok(Math.abs(slope - length) / length <= 1e-3, `${kind}: gradient ${length}, finite difference ${slope}`);
      }
    });
  }

  it("computes packed samples as each alone, at any length", async () => {
    const model = await open({ architecture: "llama" });
    warm(model);
    const samples = [draw(11), draw(20), draw(7)];
    const together = pack(samples);
    const weights = weightsFor(together);
    const logP = await model.accumulate(together, weights);
    const gradients = model.gradients();
    model.clearGradients();
    let start = 0;
    for (const sample of samples) {
      const alone = await model.accumulate(pack([sample]), weights.slice(start, start + sample.length));
      assert.ok(largestDifference(alone, logP.slice(start, start + sample.length)) < 2e-5);
      start += sample.length;
    }
    for (const [i, { name, values }] of model.gradients().entries()) {
      const scale = Math.max(...values.map(Math.abs));
      assert.ok(largestDifference(values, gradients[i]?.values ?? []) <= 1e-4 * scale, name);
    }
  });

  it("gives nothing to tokens that are not learnt, and the same gradient for weights computed in between", async () => {
    const model = await open({ architecture: "llama" });
    warm(model);
    const samples = [draw(15)];
    const all = pack(samples);
    const half = pack(samples, (place) => place >= 8);
    const weights = weightsFor(all);
    const masked = weights.map((w, t) => (t >= 8 ? w : 0));
    const logP = await model.accumulate(half, weights);
    assert.deepEqual([...logP.slice(0, 8)], Array.from({ length: 8 }, () => 0));
    const fromMask = model.gradients();
    model.clearGradients();
    await model.accumulate(all, masked);
    assert.ok(model.gradients().every((t, i) => largestDifference(t.values, fromMask[i]?.values ?? []) < 1e-6));
    model.clearGradients();
    const seen: number[] = [];
    await model.accumulate(half, (p) => {
      seen.push(...p);
      return weights;
    });
    assert.deepEqual(seen, [...logP]);
    assert.deepEqual(model.gradients(), fromMask);
    // Padding is nobody's context.
    const padded = { ...half, nTokens: 20, tokens: Int32Array.from({ length: 20 }, (_, t) => half.tokens[t] ?? 9), labels: Int32Array.from({ length: 20 }, (_, t) => half.labels[t] ?? 0), learnt: Uint8Array.from({ length: 20 }, (_, t) => half.learnt[t] ?? 0), positions: Int32Array.from({ length: 20 }, (_, t) => half.positions[t] ?? 0), segments: Int32Array.from({ length: 20 }, (_, t) => half.segments[t] ?? -1) };
    assert.deepEqual([...(await model.logProbabilities(padded, "on"))].slice(0, 15), [...logP]);
  });

  it("starts as the base model says, and differs from it only with the adapter on", async () => {
    const model = await open({ architecture: "qwen2" });
    const batch = pack([draw(30)]);
    const base = await model.logProbabilities(batch, "off");
    assert.deepEqual(await model.logProbabilities(batch, "on"), base);
    warm(model);
    assert.deepEqual(await model.logProbabilities(batch, "off"), base);
    assert.ok(largestDifference(await model.logProbabilities(batch, "on"), base) > 1e-3);
  });

  it("learns, deterministically by its seed, and goes on from a restored state bit for bit", async () => {
    const batches = [pack([draw(24), draw(8)]), pack([draw(31)])];
    const run = async (model: GgmlAdaptedModel, from: number, to: number): Promise<number> => {
      let loss = 0;
      for (let step = from; step <= to; step++) {
        const batch = batches[step % 2];
        assert.ok(batch);
        model.clearGradients();
        const weights = new Float32Array(batch.nTokens).fill(1 / batch.nTokens);
        loss = weighted(await model.accumulate(batch, weights), weights);
        assert.ok(model.step(step, 2e-2).gradientNorm > 0);
      }
      return loss;
    };
    const first = await open({ architecture: "llama" });
    const begin = await run(first, 1, 2);
    const middle = structuredClone(first.state());
    const end = await run(first, 3, 12);
    assert.ok(end < 0.8 * begin, `loss ${begin} fell only to ${end}`);
    const second = await open({ architecture: "llama" });
    await run(second, 1, 12);
    assert.deepEqual(second.state(), first.state());
    const resumed = await open({ architecture: "llama" }, { adapter: { rank: 4, alpha: 8, targets: linearNames, rankStabilised: false, seed: 99 } });
    resumed.restore(middle);
    await run(resumed, 3, 12);
    assert.deepEqual(resumed.state(), first.state());
  });

  it("does AdamW as PyTorch documents it, clipped by the global norm", async () => {
    const model = await open({ architecture: "llama" });
    warm(model);
    const batch = pack([draw(16)]);
    await model.accumulate(batch, new Float32Array(16).fill(1));
    const [before, gradients] = [model.adapter(), model.gradients()];
    const norm = Math.sqrt(gradients.reduce((sum, { values }) => sum + values.reduce((s, v) => s + v * v, 0), 0));
    const { gradientNorm } = model.step(1, 1e-2);
    assert.ok(Math.abs(gradientNorm / norm - 1) < 1e-5 && norm > 1);
    for (const [i, { name, values }] of model.adapter().entries()) {
      const expected = values.map((_, j) => {
        const gradient = (gradients[i]?.values[j] ?? 0) / norm;
        return (before[i]?.values[j] ?? 0) * (1 - 1e-2 * 0.01) - (1e-2 * gradient) / (Math.abs(gradient) + 1e-8);
      });
      assert.ok(largestDifference(values, expected) < 1e-4, name);
    }
  });

  it("changes nothing in a step whose gradient is no number, and reports it", async () => {
    const model = await open({ architecture: "llama" });
    const batch = pack([draw(16)]);
    await model.accumulate(batch, new Float32Array(16).fill(1));
    model.step(1, 1e-2);
    const state = model.state();
    await model.accumulate(batch, new Float32Array(16).fill(NaN));
    assert.ok(Number.isNaN(model.step(2, 1e-2).gradientNorm));
    assert.deepEqual(model.state(), state);
    model.clearGradients();
    await model.accumulate(batch, new Float32Array(16).fill(1));
    assert.ok(model.step(2, 1e-2).gradientNorm > 0);
  });

  it("gives the same bits whether layers keep their activations or compute them again", async () => {
    const batch = pack([draw(37), draw(20)]);
    const results = [];
    // All layers, one of the two, none.
    for (const activationBytes of [1e9, 400_000, 0]) {
      const model = await open({ architecture: "gemma3" }, { activationBytes });
      model.restore(model.adapter().map((t, k) => ({ ...t, values: t.values.map((_, i) => 0.1 * Math.sin(i + k)) })));
      const logP = await model.accumulate(batch, new Float32Array(batch.nTokens).fill(0.1));
      results.push({ logP, gradients: model.gradients(), bytes: model.memoryBytes });
    }
    const [all, one, none] = results;
    assert.ok(all && one && none && new Set(results.map((r) => r.bytes)).size === 3, results.map((r) => r.bytes).join(" "));
    for (const other of [one, none]) {
      assert.deepEqual(other.logP, all.logP);
      assert.deepEqual(other.gradients, all.gradients);
    }
  });

  it("stops between layers when cancelled", async () => {
    const model = await open({ architecture: "llama" });
    const abort = new AbortController();
    const batch = pack([draw(16)]);
    await assert.rejects(model.accumulate(batch, () => {
      abort.abort();
      return new Float32Array(16);
    }, abort.signal), { name: "CancelledError" });
    model.clearGradients();
    assert.equal((await model.logProbabilities(batch, "on")).length, 16);
  });

  it("refuses batches and settings that do not fit, in sentences", async () => {
    const model = await open({ architecture: "llama" });
    const batch = pack([draw(16)]);
    const invalid = (error: unknown): boolean => error instanceof EngineError && error.reason === "dataInvalid";
    await assert.rejects(model.logProbabilities({ ...batch, tokens: Int32Array.from(batch.tokens, () => tinyVocabulary) }, "on"), invalid);
    await assert.rejects(model.logProbabilities({ ...batch, labels: Int32Array.from(batch.labels, () => -1) }, "on"), invalid);
    await assert.rejects(model.accumulate(pack([draw(65)]), new Float32Array(65)), invalid);
    await assert.rejects(open({ architecture: "llama" }, { adapter: { rank: 0, alpha: 8, targets: linearNames, rankStabilised: false, seed: 1 } }), /rank is 0/);
    assert.throws(() => { model.restore(model.adapter().slice(1)); }, /another model/);
  });
});
