// Rehearsal of the base's own texts beside a run's data, and what is learnt from replies that were cut off.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { makeGroupStep } from "../../../../src/engine/training/tune/groupStep.ts";
import type { RewardedReply } from "../../../../src/engine/training/tune/groupStep.ts";
import type { Objective } from "../../../../src/engine/training/tune/objective.ts";
import { withRehearsal } from "../../../../src/engine/training/tune/rehearsal.ts";
import { completeRunConfig, defaultRunConfig } from "../../../../src/engine/training/tune/runConfig.ts";
import { runTuning } from "../../../../src/engine/training/tune/runTuning.ts";
import type { TuningResult } from "../../../../src/engine/training/tune/tuningTypes.ts";
import { sampleOf } from "../../../../src/engine/training/samples/tokenSample.ts";
import { BigramModel } from "./bigramModel.ts";
import { bigramRollouts, bigramRun, pairedText } from "./support.ts";

describe("tune/rehearsal", () => {
  let folder: string;
  beforeEach(async () => { folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-rehearsal-")); });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("pulls a token back in proportion to how far it moved, and nowhere while nothing has", () => {
    const data: Objective = { total: 10, weigh: () => ({ loss: 7, weights: [1], figures: {} }) };
    const sample = sampleOf([1], [2, 3]);
    const references = [Float32Array.of(-1, -2)];
    const objective = withRehearsal(data, 1, { units: [{ at: "", samples: [sample] }], references }, 3);
    assert.equal(objective.total, 10);
    assert.equal(objective.weigh(0, []).loss, 7);
    assert.deepEqual(Array.from(objective.weigh(1, [Float32Array.of(-1, -2)]).weights[0] as Float32Array, Math.abs), [0, 0]);
    const { weights: [weights], loss, figures } = objective.weigh(1, [Float32Array.of(-0.5, -4)]);
    // −∂/∂log p of 3 · 10 · ½·mean d² (the step divides by 10): −3 · 10/2 · d with d = +0.5 and −2.
    assert.deepEqual(Array.from(weights as Float32Array), [-7.5, 30]);
    assert.equal(loss, 0);
    assert.ok(Math.abs((figures["kl"] ?? 0) - 0.5 * (0.25 + 4) / 2) < 1e-6);
  });

  it("keeps a run nearer to its base, and goes on bit for bit", async () => {
    const run = async (name: string, share: number, pauseAt?: number): Promise<{ result: TuningResult; kl: number[] }> => {
      const kl: number[] = [];
      const config = { epochs: 6, batchSize: 8, checkpointEverySteps: 2, rehearsal: { share, weight: 20, texts: 200, tokens: 16 } };
      for (let attempt = 0; ; attempt++) {
        const { options, models } = await bigramRun(path.join(folder, name), "sft", pairedText(32, 1), pairedText(8, 2), config);
        const pause = new AbortController();
        const result = await runTuning({ ...options, rollouts: bigramRollouts(models) }, {
          pauseSignal: pause.signal,
          onFigures: (f) => {
            if (f.kl !== undefined) kl.push(f.kl);
            if (attempt === 0 && f.step === pauseAt) pause.abort();
          },
        });
        if (result.state === "finished") return { result, kl };
        assert.equal(result.state, "paused");
      }
    };
    const free = await run("free", 0);
    const held = await run("held", 1);
    const paused = await run("paused", 1, 7);
    assert.equal(free.kl.length, 0);
    assert.ok(held.kl.length > 10 && held.kl[0] === 0, "nothing has moved before the first step");
    const moved = ({ result }: typeof held): number => (result.receipt?.heldOut.perplexityBefore ?? 0) / (result.receipt?.heldOut.perplexityAfter ?? 1);
    assert.ok(moved(held) > 1.02 && moved(held) < moved(free), `learnt ${moved(held)}, without rehearsal ${moved(free)}`);
    assert.equal(paused.result.adapter?.sha256, held.result.adapter?.sha256);
  });
});

describe("tune/groupStep", () => {
  const reply = (tokens: number[], reward: number, truncated: boolean): RewardedReply => ({ reply: { tokens, text: "", truncated }, reward });
  const step = async (truncated: "learn" | "mask"): Promise<{ units: number; total: number }> => {
    const model = new BigramModel(12, 64, defaultRunConfig("grpo").optimizer, () => 0);
    const { grpo } = completeRunConfig("grpo", { grpo: { truncated } });
    const source = [{ at: "t", samples: [sampleOf([1, 2], [])], extra: "" }];
    const made = await makeGroupStep(model, [[reply([3, 4], 1, true), reply([5], 0, false), reply([], 0, false)]], source, grpo);
    return { units: made.units.length, total: made.objective().total };
  };

  it("learns from replies that were cut off as they stand, or leaves them out", async () => {
    assert.deepEqual(await step("learn"), { units: 2, total: 3 });
    assert.deepEqual(await step("mask"), { units: 1, total: 1 });
    assert.equal(completeRunConfig("grpo", {}).grpo.truncated, "learn");
  });
});
