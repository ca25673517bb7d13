// The parts of the tuning loop: settings, order, rate, packing and accumulation, references, promotion.
import assert from "node:assert/strict";
import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { EngineError } from "../../../../src/engine/base/errors.ts";
import { SeededRandom } from "../../../../src/engine/base/random.ts";
import { sampleOf } from "../../../../src/engine/training/samples/tokenSample.ts";
import type { TrainingUnit } from "../../../../src/engine/training/samples/tokenSample.ts";
import { accumulateStep, measureStep } from "../../../../src/engine/training/tune/computeStep.ts";
import { DataOrder } from "../../../../src/engine/training/tune/dataOrder.ts";
import { rateFactor } from "../../../../src/engine/training/tune/learningRate.ts";
import { objectiveFor } from "../../../../src/engine/training/tune/objective.ts";
import { bootstrap, decidePromotion, perplexityChange } from "../../../../src/engine/training/tune/promotion.ts";
import type { PairedLoss } from "../../../../src/engine/training/tune/promotion.ts";
import { ReferenceCache } from "../../../../src/engine/training/tune/references.ts";
import { completeRunConfig, defaultRunConfig, fingerprintOf, setByName, settingNames } from "../../../../src/engine/training/tune/runConfig.ts";
import { BigramModel } from "./bigramModel.ts";

const nVocab = 12;

function model(maxTokens: number): BigramModel {
  const made = new BigramModel(nVocab, maxTokens, defaultRunConfig("sft").optimizer, (from, to) => Math.sin(from * 3 + to * 5));
  return made;
}

function units(n: number, seed: number, samplesEach = 1): TrainingUnit[] {
  const random = new SeededRandom(seed);
  const tokens = (length: number): number[] => Array.from({ length }, () => random.integer(nVocab));
  return Array.from({ length: n }, (_, i) => ({ at: `unit ${i}`, good: i % 2 === 0, samples: Array.from({ length: samplesEach }, () => sampleOf(tokens(1 + random.integer(4)), tokens(1 + random.integer(9)))) }));
}

describe("tune/runConfig", () => {
  it("has the defaults that users expect", () => {
    const sft = completeRunConfig("sft", {});
    assert.deepEqual([sft.adapter.rank, sft.adapter.alpha, sft.adapter.targets.length, sft.optimizer.learningRate, sft.optimizer.clipNorm, sft.optimizer.weightDecay, sft.batchSize, sft.schedule], [16, 32, 7, 2e-4, 1, 0.01, 16, "cosine"]);
    assert.equal(completeRunConfig("dpo", {}).optimizer.learningRate, 5e-6);
    assert.equal(completeRunConfig("dpo", {}).dpo.beta, 0.1);
    const { grpo } = completeRunConfig("grpo", {});
    assert.deepEqual([grpo.groupSize, grpo.temperature, grpo.clip, grpo.beta, grpo.normalise], [8, 1, 0.2, 0, "tokens"]);
  });

  it("takes values over them, and keeps the rest", () => {
    const config = completeRunConfig("sft", { adapter: { rank: 4, targets: ["attn_q"] }, epochs: 0.5, grpo: { rewards: { tests: 2 } } });
    assert.deepEqual([config.adapter.rank, config.adapter.alpha, config.adapter.targets, config.epochs, config.grpo.rewards], [4, 32, ["attn_q"], 0.5, { tests: 2 }]);
  });

  it("refuses by name what it does not know, or what is out of range", () => {
    const wrong: [Record<string, unknown>, RegExp][] = [
      [{ learningRate: 1 }, /unknown setting "learningRate". Known are: adapter, optimizer/],
      [{ optimizer: { lr: 1 } }, /unknown setting "optimizer.lr".*optimizer.learningRate/],
      [{ optimizer: { learningRate: "fast" } }, /optimizer.learningRate is "fast"; it must be a number/],
      [{ optimizer: { learningRate: 0 } }, /optimizer.learningRate is 0/],
      [{ optimizer: 3 }, /optimizer is 3; it must be an object/],
      [{ adapter: { targets: ["wq"] } }, /adapter.targets is \["wq"\]; it must be some of attn_q/],
      [{ adapter: { targets: "attn_q" } }, /adapter.targets is "attn_q"; it must be a list/],
      [{ adapter: { rank: 1.5 } }, /adapter.rank is 1.5/],
      [{ dpo: { loss: "kto" } }, /dpo.loss is "kto"/],
      [{ dpo: { labelSmoothing: 0.5 } }, /dpo.labelSmoothing is 0.5; it must be from 0 to below 0.5/],
      [{ grpo: { groupSize: 1 } }, /grpo.groupSize is 1; it must be a whole number from 2/],
      [{ grpo: { rewards: { tests: "much" } } }, /grpo.rewards.tests is "much"/],
      [{ epochs: NaN }, /epochs is null; it must be a positive number/],
      [{ sequenceLength: 64, batchTokens: 32 }, /batchTokens is 32/],
    ];
    for (const [given, pattern] of wrong) assert.throws(() => completeRunConfig("sft", given), (error) => error instanceof EngineError && error.reason === "badRequest" && pattern.test(error.message), JSON.stringify(given));
  });

  it("sets a value by its dotted name, and names all there are", () => {
    assert.deepEqual(setByName({ optimizer: { beta1: 0.8 } }, "optimizer.learningRate", 0.1), { optimizer: { beta1: 0.8, learningRate: 0.1 } });
    for (const name of ["epochs", "optimizer.learningRate", "adapter.targets", "grpo.rewards", "dpo.beta"]) assert.ok(settingNames().includes(name), name);
  });

  it("tells runs apart by what makes their numbers, not by what is shown of them", () => {
    const of = (given: Record<string, unknown>): string => fingerprintOf("sft", completeRunConfig("sft", given), "d");
    assert.equal(of({}), of({ shownSamples: 0, activationMb: 5, optimizer: { learningRate: 1e-5 }, checkpointEverySteps: 1 }));
    assert.notEqual(of({}), of({ seed: 2 }));
    assert.notEqual(of({}), of({ optimizer: { weightDecay: 0 } }));
  });
});

describe("tune/dataOrder", () => {
  it("reads everything once an epoch, otherwise ordered each time, and from any position alike", () => {
    const order = new DataOrder(50, 3);
    const [first, second] = [order.take(0, 50), order.take(50, 50)];
    for (const epoch of [first, second]) assert.deepEqual(epoch.toSorted((a, b) => a - b), Array.from({ length: 50 }, (_, i) => i));
    assert.notDeepEqual(first, second);
    assert.deepEqual(new DataOrder(50, 3).take(45, 10), [...first.slice(45), ...second.slice(0, 5)]);
    assert.notDeepEqual(new DataOrder(50, 4).take(0, 50), first);
  });
});

describe("tune/learningRate", () => {
  it("rises, then falls as a cosine or a line, or stays", () => {
    const cosine = Array.from({ length: 100 }, (_, i) => rateFactor("cosine", i + 1, 100, 0.1));
    assert.equal(cosine[0], 0.1);
    assert.equal(cosine[9], 1);
    assert.ok(Math.abs((cosine[55] ?? 0) - 0.5) < 0.02 && (cosine[99] ?? 0) > 0 && (cosine[99] ?? 1) < 0.001);
    assert.ok(Math.abs(rateFactor("linear", 55, 100, 0.1) - 46 / 91) < 1e-9);
    assert.equal(rateFactor("constant", 100, 100, 0.1), 1);
    assert.equal(rateFactor("cosine", 1, 1, 0), 0.5 * (1 + Math.cos(Math.PI / 2)));
  });
});

describe("tune/computeStep", () => {
  for (const method of ["sft", "dpo", "kto"] as const) {
    it(`accumulates over batches what one large batch gives: ${method}`, async () => {
      const step = units(20, 1, method === "dpo" ? 2 : 1);
      const references = { sums: step.map((u) => u.samples.map((s) => -2 * s.tokens.length)), divergence: 0.3 };
      const config = completeRunConfig(method, { dpo: { sftWeight: 0.2 } });
      const outcomes = [];
      const gradients: Float64Array[] = [];
      // 16 tokens hold no pair whole: then log-probabilities are computed before the first backward pass.
      for (const maxTokens of [1000, 64, 16]) {
        const one = model(maxTokens);
        outcomes.push(await accumulateStep(one, step, objectiveFor(method, config, step, references)));
        gradients.push(one.gradients());
        const measured = await measureStep(one, step, objectiveFor(method, config, step, references));
        assert.ok(Math.abs(measured.loss - (outcomes.at(-1)?.loss ?? 0)) < 1e-6);
      }
      for (const i of [1, 2]) {
        assert.ok(Math.abs((outcomes[i]?.loss ?? 0) - (outcomes[0]?.loss ?? 1)) < 1e-6);
        const difference = Math.max(...gradients[i]!.map((g, j) => Math.abs(g - (gradients[0]?.[j] ?? 0))));
        assert.ok(difference < 1e-7, `gradients differ by ${difference}`);
        for (const [name, value] of Object.entries(outcomes[0]!.figures)) assert.ok(Math.abs((outcomes[i]?.figures[name] ?? NaN) - value) < 1e-5, name);
      }
    });
  }

  it("gives the mean loss over tokens, not the mean of means", async () => {
    const step: TrainingUnit[] = [{ at: "", samples: [sampleOf([1], [2])] }, { at: "", samples: [sampleOf([1], [3, 4, 5])] }];
    const one = model(100);
    const { loss } = await accumulateStep(one, step, objectiveFor("sft", completeRunConfig("sft", {}), step, null));
    const p = (from: number, to: number): number => Math.log(one.distribution(from, "off")[to] ?? 0);
    assert.ok(Math.abs(loss + (p(1, 2) + p(1, 3) + p(3, 4) + p(4, 5)) / 4) < 1e-6);
  });

  it("clears what it accumulated where it is stopped midway", async () => {
    const one = model(16);
    const stop = new AbortController();
    let batches = 0;
    one.onCompute = () => { if (++batches === 3) stop.abort(); };
    const step = units(20, 2);
    await assert.rejects(accumulateStep(one, step, objectiveFor("sft", completeRunConfig("sft", {}), step, null), stop.signal), /cancelled/);
    assert.ok(batches === 3 && one.gradients().every((g) => g === 0));
  });
});

describe("tune/references", () => {
  let folder: string;
  beforeEach(async () => { folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-references-")); });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("computes each sample once, by its content, and survives a torn line", async () => {
    const file = path.join(folder, "references.jsonl");
    const samples = units(10, 1).flatMap((u) => u.samples);
    const one = model(64);
    const first = await (await ReferenceCache.open(file)).sums(one, samples);
    const computed = one.batches;
    assert.ok(computed > 0);
    await appendFile(file, '{"torn');
    const again = await ReferenceCache.open(file);
    assert.deepEqual(await again.sums(one, samples.toReversed()), first.toReversed());
    assert.equal(one.batches, computed);
    await again.sums(one, units(3, 9).flatMap((u) => u.samples));
    assert.equal((await (await ReferenceCache.open(file)).sums(one, units(3, 9).flatMap((u) => u.samples))).length, 3);
    assert.equal((await readFile(file, "utf8")).split("\n").length, 4, "a line for each step, one torn, and the end");
  });
});

describe("tune/promotion", () => {
  const settings = { generalMargin: 0.02, draws: 500, generalSamples: 80 };
  const samples = (n: number, gain: (i: number) => number): PairedLoss[] => Array.from({ length: n }, (_, i) => ({ before: 20 + (i % 9), after: 20 + (i % 9) - gain(i), nTokens: 10 }));
  const better = { kind: "perplexity", change: perplexityChange(samples(40, (i) => 1 + (i % 3)), settings).change } as const;
  const same = perplexityChange(samples(60, (i) => (i % 2 === 0 ? 0.02 : -0.02)), settings);

  it("gives perplexities over all tokens, and the interval of their change by samples", () => {
    const { perplexityBefore, perplexityAfter, nTokens, change } = perplexityChange([{ before: 10, after: 5, nTokens: 5 }, { before: 30, after: 15, nTokens: 15 }], settings);
    assert.ok(Math.abs(perplexityBefore - Math.exp(2)) < 1e-9 && Math.abs(perplexityAfter - Math.exp(1)) < 1e-9);
    assert.equal(nTokens, 20);
    assert.ok(change && Math.abs(change.value - (Math.exp(-1) - 1)) < 1e-9 && change.low === change.high, "both samples change alike");
    assert.equal(perplexityChange([], settings).change, null);
  });

  it("draws intervals that hold the mean of what they are drawn from", () => {
    const random = new SeededRandom(1);
    const values = Array.from({ length: 200 }, () => random.normal());
    const { low, high } = bootstrap(values, (drawn) => drawn.reduce((a, b) => a + b, 0) / drawn.length, 2000, 1);
    // 1.96/√200 = 0.139 to either side.
    assert.ok(Math.abs(high - low - 0.277) < 0.05, `${high - low}`);
    assert.ok(low < 0.05 && high > -0.05);
  });

  it("promotes what is better there and not worse here", () => {
    const { promoted, sentence } = decidePromotion("sft", better, same, settings);
    assert.equal(promoted, true);
    assert.match(sentence, /^Promoted: held-out perplexity changed by −\d+\.\d %.*unrelated text changed by .*at most \+2\.0 % is allowed/);
  });

  it("does not promote what is no better, what forgot too much, or what was not measured", () => {
    const noise = { kind: "perplexity", change: perplexityChange(samples(40, (i) => (i % 2 === 0 ? 1 : -1)), settings).change } as const;
    assert.match(decidePromotion("sft", noise, same, settings).sentence, /^Not promoted: held-out perplexity changed by/);
    const forgot = perplexityChange(samples(60, () => -0.5), settings);
    assert.match(decidePromotion("sft", better, forgot, settings).sentence, /^Not promoted: .*, but the perplexity of unrelated text changed by \+5\.\d %/);
    assert.match(decidePromotion("sft", { kind: "perplexity", change: null }, same, settings).sentence, /no held-out data/);
    assert.match(decidePromotion("sft", better, perplexityChange([], settings), settings).sentence, /no unrelated text/);
    assert.equal(decidePromotion("dpo", { kind: "pairs", accuracy: { value: 0.6, low: 0.49, high: 0.7 } }, same, settings).promoted, false);
    assert.equal(decidePromotion("dpo", { kind: "pairs", accuracy: { value: 0.6, low: 0.52, high: 0.7 } }, same, settings).promoted, true);
    assert.equal(decidePromotion("grpo", { kind: "reward", gain: { value: 0.1, low: -0.01, high: 0.2 } }, same, settings).promoted, false);
    assert.equal(decidePromotion("grpo", { kind: "reward", gain: { value: 0.1, low: 0.01, high: 0.2 } }, same, settings).promoted, true);
  });
});
