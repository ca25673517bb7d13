// The losses against finite differences, against numbers worked out by hand or by TRL's formulas, and against each other.
import assert from "node:assert/strict";
import { groupAdvantages, replyLoss, replyShare } from "../../../../src/engine/training/losses/groupPolicy.ts";
import { divergenceEstimate, judgedLoss } from "../../../../src/engine/training/losses/judged.ts";
import { logSigmoid, preferenceLoss, sigmoid } from "../../../../src/engine/training/losses/preference.ts";
import type { ReplyPair } from "../../../../src/engine/training/losses/preference.ts";
import { sftLoss } from "../../../../src/engine/training/losses/sft.ts";
import { defaultRunConfig } from "../../../../src/engine/training/tune/runConfig.ts";
import type { DpoSettings } from "../../../../src/engine/training/tune/runConfig.ts";

const dpo = defaultRunConfig("dpo").dpo;
const kto = defaultRunConfig("kto").kto;
const grpo = defaultRunConfig("grpo").grpo;
const pair: ReplyPair = { chosen: -12.5, rejected: -9.25, referenceChosen: -13, referenceRejected: -8.5, chosenTokens: 5, rejectedTokens: 4 };

function near(actual: number, expected: number, tolerance = 1e-9): void {
  assert.ok(Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected)), `${actual} is not ${expected}`);
}

/** The derivative of `f` at `x`, by central differences. */
function slope(f: (x: number) => number, x: number, step = 1e-5): number {
  return (f(x + step) - f(x - step)) / (2 * step);
}

describe("losses/preference", () => {
  const kinds: DpoSettings[] = [
    dpo, { ...dpo, labelSmoothing: 0.1 }, { ...dpo, loss: "hinge" }, { ...dpo, loss: "ipo" }, { ...dpo, loss: "ipo", lengthNormalised: true },
    { ...dpo, loss: "robust", labelSmoothing: 0.2 }, { ...dpo, lengthNormalised: true, beta: 2 }, { ...dpo, sftWeight: 0.7 }, { ...dpo, sftWeight: 0.3, lengthNormalised: true },
  ];
  for (const settings of kinds) {
    it(`weighs each token by minus the derivative: ${settings.loss}, smoothing ${settings.labelSmoothing}, by length ${settings.lengthNormalised}, sft ${settings.sftWeight}`, () => {
      const { chosenWeight, rejectedWeight } = preferenceLoss(pair, settings);
      near(chosenWeight, -slope((chosen) => preferenceLoss({ ...pair, chosen }, settings).loss, pair.chosen), 1e-7);
      near(rejectedWeight, -slope((rejected) => preferenceLoss({ ...pair, rejected }, settings).loss, pair.rejected), 1e-7);
    });
  }

  it("gives the published losses", () => {
    // Δ = (−12.5 + 9.25) − (−13 + 8.5) = 1.25, βΔ = 0.125.
    near(preferenceLoss(pair, dpo).margin, 0.125);
    near(preferenceLoss(pair, dpo).loss, Math.log(1 + Math.exp(-0.125)));
    near(preferenceLoss(pair, { ...dpo, labelSmoothing: 0.1 }).loss, 0.9 * Math.log(1 + Math.exp(-0.125)) + 0.1 * Math.log(1 + Math.exp(0.125)));
    near(preferenceLoss(pair, { ...dpo, loss: "hinge" }).loss, 0.875);
    near(preferenceLoss(pair, { ...dpo, loss: "ipo" }).loss, (1.25 - 5) ** 2);
    near(preferenceLoss(pair, { ...dpo, loss: "robust", labelSmoothing: 0.2 }).loss, (0.8 * Math.log(1 + Math.exp(-0.125)) - 0.2 * Math.log(1 + Math.exp(0.125))) / 0.6);
    near(preferenceLoss(pair, { ...dpo, sftWeight: 1 }).loss, Math.log(1 + Math.exp(-0.125)) + 2.5);
  });

  it("starts at log 2 with weights of β/2 where policy and reference agree", () => {
    const start = { ...pair, chosen: -13, rejected: -8.5 };
    const { loss, chosenWeight, rejectedWeight } = preferenceLoss(start, dpo);
    near(loss, Math.LN2);
    near(chosenWeight, 0.05);
    near(rejectedWeight, -0.05);
  });

  it("stays finite far from zero", () => {
    near(logSigmoid(-800), -800);
    assert.equal(logSigmoid(800), -0);
    assert.equal(sigmoid(-800), 0);
    near(preferenceLoss({ ...pair, rejected: 9e5 }, dpo).loss, 0.1 * (9e5 + 8.5 - 0.5), 1e-6);
  });
});

describe("losses/judged", () => {
  it("weighs each token by minus the derivative, whether the reply was good or bad", () => {
    for (const good of [true, false]) {
      const settings = { ...kto, desirableWeight: 1.3, undesirableWeight: 0.8 };
      near(judgedLoss(-10, -11, good, 0.4, settings).weight, -slope((x) => judgedLoss(x, -11, good, 0.4, settings).loss, -10), 1e-7);
    }
  });

  it("gives half of each weight where policy, reference and divergence agree, and pulls both ways", () => {
    near(judgedLoss(-10, -10, true, 0, kto).loss, 0.5);
    assert.ok(judgedLoss(-10, -10, true, 0, kto).weight > 0);
    assert.ok(judgedLoss(-10, -10, false, 0, kto).weight < 0);
  });

  it("estimates the divergence as a mean that is never negative", () => {
    near(divergenceEstimate([0.5, 1.5]), 1);
    assert.equal(divergenceEstimate([-3, 1]), 0);
    assert.equal(divergenceEstimate([]), 0);
  });
});

describe("losses/groupPolicy", () => {
  it("gives advantages of mean 0 and deviation 1, or only centred ones", () => {
    // Rewards 0, 0, 1, 1: mean 0.5, deviation of the sample √(1/3).
    const { advantages, mean, deviation } = groupAdvantages([0, 0, 1, 1], true);
    near(mean, 0.5);
    near(deviation, Math.sqrt(1 / 3));
    near(advantages[3] ?? 0, 0.5 / (Math.sqrt(1 / 3) + 1e-4));
    assert.deepEqual(groupAdvantages([0, 0, 1, 1], false).advantages, [-0.5, -0.5, 0.5, 0.5]);
  });

  it("gives no advantage at all where a group's rewards are alike", () => {
    // The mean of three times 0.1 is not 0.1 in floating point; nothing must come of that.
    assert.deepEqual(groupAdvantages([0.1, 0.1, 0.1], true), { advantages: [0, 0, 0], mean: (0.1 + 0.1 + 0.1) / 3, deviation: 0 });
  });

  const policy = Float32Array.of(-1, -2, -0.5, -3);
  const old = Float32Array.of(-1.1, -2.4, -0.45, -2.5);
  const reference = Float32Array.of(-1.2, -1.5, -0.5, -4);
  for (const advantage of [1.4, -0.9]) {
    it(`weighs each token by minus the derivative, clipped ones by nothing but the KL: advantage ${advantage}`, () => {
      const settings = { ...grpo, beta: 0.04, clipHigh: 0.28 };
      const { weights, clipped } = replyLoss(policy, old, reference, advantage, 0.5, settings);
      for (let t = 0; t < policy.length; t++) {
        const lossAt = (x: number): number => replyLoss(policy.with(t, x), old, reference, advantage, 0.5, settings).loss;
        assert.ok(Math.abs((weights[t] ?? 0) + slope(lossAt, policy[t] ?? 0, 1e-3)) < 2e-3, `token ${t}`);
      }
      // Ratios: e^0.1 = 1.105, e^0.4 = 1.49, e^−0.05 = 0.95, e^−0.5 = 0.61.
      assert.equal(clipped, 1);
    });
  }

  it("is the plain policy gradient in the first update, with or without clipping", () => {
    const { weights, clipped, loss } = replyLoss(policy, undefined, undefined, 2, 0.25, grpo);
    assert.deepEqual(Array.from(weights), [0.5, 0.5, 0.5, 0.5]);
    assert.equal(clipped, 0);
    near(loss, -2);
  });

  it("estimates the divergence without ever being negative", () => {
    const { divergence } = replyLoss(policy, undefined, reference, 0, 1, grpo);
    const k3 = (d: number): number => Math.exp(d) - d - 1;
    near(divergence, k3(-0.2) + k3(0.5) + k3(0) + k3(-1), 1e-6);
  });

  it("counts tokens as the setting says", () => {
    assert.deepEqual(replyShare("tokens", 10, 100), { scale: 1, count: 10 });
    assert.deepEqual(replyShare("replies", 10, 100), { scale: 0.1, count: 1 });
    assert.deepEqual(replyShare("constant", 10, 100), { scale: 0.01, count: 1 });
  });
});

describe("losses/sft", () => {
  it("is the sum over tokens, to be divided by all of a step", () => {
    assert.deepEqual(sftLoss(Float32Array.of(-1, -2.5)), { loss: 3.5, weight: 1 });
  });
});
