import assert from "node:assert/strict";
import type { TrainingRecord } from "../../../src/engine/base/trainingRecord.ts";
import type { DatasetInfo, RunInfo, StartRunParams } from "../../../src/engine/protocol/training.ts";
import { planRun } from "../../../src/engine/tasks/planRun.ts";
import type { PlanParts } from "../../../src/engine/tasks/planRun.ts";
import type { SampleTokenizer } from "../../../src/engine/training/samples/sampleTokenizer.ts";

/** A token a character. */
const tokenizer: SampleTokenizer = {
  nVocab: 256, beginning: null, endOfText: 0, chat: null, infill: null,
  encode: (text) => Array.from(text, (letter) => letter.charCodeAt(0)),
  decode: (tokens) => String.fromCharCode(...tokens),
  decodeText: (tokens) => String.fromCharCode(...tokens),
};
const origin = { at: "x" };
const example = (completion: string): TrainingRecord => ({ kind: "example", prompt: { form: "text", text: "say " }, completion, origin });

function parts(records: readonly TrainingRecord[], change: Partial<PlanParts> = {}): PlanParts {
  return {
    model: { file: "m.gguf", name: "m", sizeBytes: 0, contextSize: 4096, sha256: "abc" } as unknown as PlanParts["model"],
    dataset: {
      info: { name: "d", version: "1", train: records.length, kinds: { example: records.length } } as unknown as DatasetInfo,
      async *train() { yield* records; },
    },
    tokenizer, threads: 1, runs: [], availableBytes: 10e9,
    memoryOf: ({ maxTokens, activationBytes }) => Promise.resolve(maxTokens * 1e6 + (activationBytes === undefined ? 1e9 : activationBytes)),
    ...change,
  };
}

const plan = (change: Partial<StartRunParams>, given: PlanParts): ReturnType<typeof planRun> => planRun({ method: "sft", dataset: "d", ...change }, given);

describe("the plan of a run", () => {
  it("counts steps and tokens from the first records, and shows what is learnt", async () => {
    const estimate = await plan({ config: { batchSize: 4, epochs: 2 } }, parts(Array.from({ length: 10 }, () => example("abc"))));
    assert.deepEqual([estimate.steps, estimate.tokensPerStep, estimate.seconds, estimate.fits], [5, 4 * 8, null, true]);
    assert.deepEqual(estimate.sample, [{ text: "say ", learnt: false }, { text: "abc\0", learnt: true }]);
    assert.equal((await plan({ config: { maxSteps: 3, epochs: 100 } }, parts([example("a")]))).steps, 3);
  });

  it("takes the time from the last run of the same model and method", async () => {
    const run = { method: "sft", modelSha256: "abc", last: { step: 1, at: 0, tokensPerSecond: 16 }, receipt: null } as unknown as RunInfo;
    const records = Array.from({ length: 16 }, () => example("abc"));
    const config = { batchSize: 8, epochs: 1 };
    assert.equal((await plan({ config }, parts(records, { runs: [{ ...run, modelSha256: "other" }, run] }))).seconds, (2 * 8 * 8) / 16);
  });

  it("recomputes before it shortens samples, and says so", async () => {
    const roomy = await plan({}, parts([example("a")], { availableBytes: 4.5e9 }));
    assert.deepEqual([roomy.config["sequenceLength"], roomy.config["activationMb"], roomy.sentence.includes("So that it fits")], [2048, -1, false]);
    const tighter = await plan({}, parts([example("a")], { availableBytes: 3e9 }));
    assert.deepEqual([tighter.config["sequenceLength"], tighter.config["activationMb"], tighter.fits], [2048, 0, true]);
    assert.match(tighter.sentence, /So that it fits, activations are recomputed instead of kept\./);
    const tight = await plan({}, parts([example("a")], { availableBytes: 1e9 }));
    assert.deepEqual([tight.config["sequenceLength"], tight.fits], [512, true]);
    const hopeless = await plan({}, parts([example("a")], { availableBytes: 0.2e9 }));
    assert.equal(hopeless.fits, false);
    assert.match(hopeless.sentence, /too much\. Close other programs, or choose a smaller model/);
  });

  it("refuses data that hold nothing for the method", async () => {
    await assert.rejects(plan({ method: "dpo" }, parts([example("a")])), /DPO learns from: it holds 1 × example, and DPO needs preference pairs/);
  });

  it("names the rewards of a run by what its tasks hold", async () => {
    const task = (change: Partial<Extract<TrainingRecord, { kind: "task" }>>): TrainingRecord => ({ kind: "task", prompt: { form: "text", text: "p" }, origin, ...change });
    const mixed = await plan({ method: "grpo" }, parts([task({ reference: "r" }), task({ check: { language: "python", tests: "assert 1" } })]));
    assert.deepEqual(mixed.rewards, { match: 1, tests: 1, format: 0.1 }, "all that any task needs");
    assert.deepEqual((mixed.config["grpo"] as { rewards: unknown }).rewards, {}, "each task keeps its own");
    const rewards = async (record: TrainingRecord, given: Record<string, number> = {}): Promise<unknown> => (await plan({ method: "grpo", config: { grpo: { rewards: given } } }, parts([record]))).rewards;
    assert.deepEqual(await rewards(task({ reference: "r" })), { match: 1 });
    assert.deepEqual(await rewards(task({ check: { language: "python", tests: "assert 1" } })), { tests: 1, format: 0.1 });
    assert.deepEqual(await rewards(task({ reference: "r" }), { format: 2 }), { format: 2 });
    await assert.rejects(rewards(task({})), /neither tests nor a reference/);
    await assert.rejects(rewards(task({ reference: "r" }), { beauty: 1 }), /no reward "beauty"/);
  });
});
