// The reward model on feedback whose preference is known, and its refusals: too little, none, and length alone.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import type { TaskRecord } from "../../../src/engine/base/reward.ts";
import type { TrainingRecord } from "../../../src/engine/base/trainingRecord.ts";
import { fitLogistic, fitTemperature, sigmoid } from "../../../src/engine/training/rewardModel/bradleyTerry.ts";
import type { Observation } from "../../../src/engine/training/rewardModel/bradleyTerry.ts";
import { featureNames, featuresOf } from "../../../src/engine/training/rewardModel/features.ts";
import type { FeatureSources } from "../../../src/engine/training/rewardModel/features.ts";
import { fitRewardModel, loadRewardModel, preferenceReward, saveRewardModel } from "../../../src/engine/training/rewardModel/rewardModel.ts";

const WORDS = "the index holds chunks of each file and finds them again by words or by meaning when a question comes in".split(" ");

/** A reply of random words; `commented` ones have comment lines, of which this user is fond. */
function reply(random: SeededRandom, commented: boolean, length = 20 + random.integer(60)): string {
  const words = Array.from({ length }, () => WORDS[random.integer(WORDS.length)]);
  const lines: string[] = [];
  while (words.length > 0) lines.push(words.splice(0, 8).join(" "));
  if (!commented) return lines.join("\n");
  return lines.map((line, i) => i % 2 === 0 ? `# ${line}` : line).join("\n");
}

/** Preferences for comments, wrong in `noise` of the cases, independent of length. */
function pairs(n: number, seed: number, noise: number, preference: (random: SeededRandom) => [chosen: string, rejected: string]): TrainingRecord[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: n }, (_, i) => {
    const [better, worse] = preference(random);
    const wrong = random.uniform() < noise;
    return { kind: "preference", prompt: { form: "text", text: `question ${i}` }, chosen: wrong ? worse : better, rejected: wrong ? better : worse, origin: { at: `feedback-${i}` } };
  });
}

const forComments = (random: SeededRandom): [string, string] => [reply(random, true), reply(random, false)];
const forLength = (random: SeededRandom): [string, string] => [reply(random, random.uniform() < 0.5, 20), reply(random, random.uniform() < 0.5, 60)];
const task: TaskRecord = { kind: "task", prompt: { form: "text", text: "question" }, origin: { at: "t" } };

describe("the reward model", function () {
  this.timeout(30_000);

  it("finds a known preference, and scores replies by it", async () => {
    const { model, report, sentence } = await fitRewardModel(pairs(120, 1, 0.1, forComments), {}, { seed: 1 });
    assert.ok(model !== null && report !== null, sentence);
    // 10 % of the labels are wrong: 90 % is the most there is.
    assert.ok(report.accuracy > 0.8, sentence);
    assert.ok(report.lengthAccuracy < 0.65, sentence);
    assert.ok(report.logLoss < 0.5 && report.calibrationError < 0.15, JSON.stringify(report));
    const reward = preferenceReward(model, {});
    const random = new SeededRandom(9);
    let right = 0;
    for (let i = 0; i < 40; i++) {
      const [better, worse] = await Promise.all(forComments(random).map((text) => reward.score(task, text)));
      if ((better as number) > (worse as number)) right++;
    }
    assert.ok(right >= 36, `right in ${right} of 40 new pairs`);
    assert.equal(await reward.score(task, "  "), 0);
  });

  it("learns from single judgements and pairs together", async () => {
    const random = new SeededRandom(2);
    const judged: TrainingRecord[] = Array.from({ length: 80 }, (_, i) => {
      const good = random.uniform() < 0.6;
      return { kind: "judged", prompt: { form: "text", text: `q ${i}` }, completion: reply(random, good), good, origin: { at: `j${i}` } };
    });
    const { model, report } = await fitRewardModel([...judged, ...pairs(20, 3, 0, forComments)], {}, { seed: 1 });
    assert.ok(model !== null);
    assert.deepEqual([report.pairs, report.judged], [20, 80]);
    assert.ok(report.accuracy > 0.9);
  });

  it("is refused for shuffled labels: unseen feedback is judged as by a coin", async () => {
    const accuracies: number[] = [];
    for (const seed of [1, 2, 3]) {
      const { model, report } = await fitRewardModel(pairs(64, seed, 0.5, forComments), {}, { seed });
      assert.equal(model, null);
      accuracies.push(report?.accuracy ?? NaN);
    }
    const mean = accuracies.reduce((sum, value) => sum + value, 0) / accuracies.length;
    assert.ok(Math.abs(mean - 0.5) < 0.12, `mean accuracy ${mean}`);
  });

  it("is refused where length explains everything, and where there is too little", async () => {
    const length = await fitRewardModel(pairs(64, 5, 0.05, forLength), {}, { seed: 1 });
    assert.equal(length.model, null);
    assert.match(length.sentence, /length alone/);
    const few = await fitRewardModel(pairs(39, 6, 0, forComments), {}, { seed: 1 });
    assert.equal(few.model, null);
    assert.equal(few.report, null);
    assert.match(few.sentence, /39 pieces of feedback.*at least 40/);
  });

  it("is the same for the same seed, survives being saved, and refuses damaged files and other features", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "kalactica-reward-"));
    try {
      const file = path.join(folder, "reward.json");
      const first = await fitRewardModel(pairs(44, 7, 0, forComments), {}, { seed: 4 });
      const second = await fitRewardModel(pairs(44, 7, 0, forComments), {}, { seed: 4 });
      assert.deepEqual(first, second);
      assert.ok(first.model !== null);
      await saveRewardModel(file, first.model);
      const loaded = await loadRewardModel(file);
      assert.equal(await preferenceReward(loaded, {}).score(task, "# a\nb"), await preferenceReward(first.model, {}).score(task, "# a\nb"));
      const likelihood: FeatureSources["likelihood"] = { id: "base", logProbability: () => Promise.resolve({ sum: -1, tokens: 1 }) };
      assert.throws(() => preferenceReward(loaded, { likelihood }), { reason: "badRequest" });
      await writeFile(file, JSON.stringify({ ...first.model, weights: [1, 2] }));
      await assert.rejects(loadRewardModel(file), { reason: "dataInvalid" });
      await writeFile(file, "{");
      await assert.rejects(loadRewardModel(file), { reason: "dataInvalid" });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("takes embeddings and likelihoods where they are given", async () => {
    // The preference shows in the embedding alone.
    const hidden = new Map<string, number>();
    const sources: FeatureSources = {
      embedding: { id: "e", dimension: 64, embed: (texts) => Promise.resolve(texts.map((text) => Float32Array.from({ length: 64 }, (_, i) => Math.sin(i + 1) * (hidden.get(text) ?? 0)))) },
      likelihood: { id: "base", logProbability: (_, text) => Promise.resolve({ sum: -text.length, tokens: text.length }) },
    };
    const records = pairs(48, 8, 0, (random) => {
      const both: [string, string] = [reply(random, false), reply(random, false)];
      hidden.set(both[0], 1);
      return both;
    });
    const { model, sentence } = await fitRewardModel(records, sources, { seed: 1 });
    assert.ok(model !== null, sentence);
    assert.equal(featureNames(sources).length, model.weights.length);
    const [row] = await featuresOf([{ prompt: { form: "text", text: "" }, reply: "abc" }], sources);
    assert.equal(row?.length, model.weights.length);
  });
});

describe("logistic regression", () => {
  it("reaches the minimum: its gradient vanishes, and the closed form of one feature holds", () => {
    const random = new SeededRandom(11);
    const observations: Observation[] = Array.from({ length: 60 }, () => {
      const x = Float64Array.from({ length: 4 }, () => random.normal());
      return { x, outcome: random.uniform() < sigmoid(2 * (x[0] ?? 0) - (x[1] ?? 0)) ? 1 : 0, intercept: 1 };
    });
    const { weights, intercept } = fitLogistic(observations, 4, 0.5);
    for (let j = 0; j < 4; j++) {
      const gradient = observations.reduce((sum, { x, outcome }) => sum + (sigmoid(x.reduce((z, value, k) => z + value * (weights[k] ?? 0), intercept)) - outcome) * (x[j] ?? 0), 0.5 * (weights[j] ?? 0));
      assert.ok(Math.abs(gradient) < 1e-4, `gradient ${j}: ${gradient}`);
    }
    // Judgements alone: the intercept is the log odds.
    const coin: Observation[] = Array.from({ length: 40 }, (_, i) => ({ x: new Float64Array(0), outcome: i < 30 ? 1 : 0, intercept: 1 }));
    assert.ok(Math.abs(fitLogistic(coin, 0, 1).intercept - Math.log(3)) < 1e-3);
  });

  it("finds the temperature that scores were made with", () => {
    const random = new SeededRandom(12);
    const scores = Array.from({ length: 4000 }, () => {
      const z = 3 * random.normal();
      return { z, outcome: random.uniform() < sigmoid(0.5 * z) ? 1 as const : 0 as const };
    });
    assert.ok(Math.abs(fitTemperature(scores) - 0.5) < 0.06);
  });
});
