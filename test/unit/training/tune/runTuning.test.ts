// The tuning loop, end to end on an exact little model: it learns, stops, resumes bit for bit, and refuses what cannot work.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { EngineError } from "../../../../src/engine/base/errors.ts";
import { SeededRandom } from "../../../../src/engine/base/random.ts";
import type { TrainingMessage, TrainingRecord } from "../../../../src/engine/base/trainingRecord.ts";
import type { RunFigures, TrainingMethod } from "../../../../src/engine/protocol/training.ts";
import { runTuning } from "../../../../src/engine/training/tune/runTuning.ts";
import type { Reward, Rollouts, TuningHooks, TuningOptions, TuningResult } from "../../../../src/engine/training/tune/tuningTypes.ts";
import { asciiTokenizer } from "../samples/asciiTokenizer.ts";
import type { BigramModel } from "./bigramModel.ts";
import { bigramRollouts, bigramRun, pairedText, splitOf } from "./support.ts";

const origin = { at: "here" };

describe("tune/runTuning", () => {
  let folder: string;
  beforeEach(async () => { folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-tune-")); });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function run(name: string, method: TrainingMethod, train: readonly TrainingRecord[], validation: readonly TrainingRecord[], config: Record<string, unknown> = {}, hooks: TuningHooks = {}, more: Partial<TuningOptions> = {}): Promise<TuningResult & { figures: RunFigures[]; models: BigramModel[]; log: string[] }> {
    const { options, models } = await bigramRun(path.join(folder, name), method, train, validation, config, more);
    const figures: RunFigures[] = [];
    const log: string[] = [];
    const result = await runTuning({ ...options, ...method === "grpo" && more.rollouts === undefined ? { rollouts: bigramRollouts(models) } : {} }, { ...hooks, onFigures: (f) => { figures.push(f); hooks.onFigures?.(f); }, onLog: (s) => log.push(s) });
    return { ...result, figures, models, log };
  }

  async function refusal(work: Promise<unknown>): Promise<EngineError> {
    const error = await work.then(() => undefined, (e: unknown) => e);
    assert.ok(error instanceof EngineError, String(error));
    return error;
  }

  it("learns by SFT, leaves unrelated text alone, and says what was reached", async () => {
    const { state, receipt, adapter, figures, render } = await run("sft", "sft", pairedText(40, 1), pairedText(12, 2), { epochs: 6, batchSize: 8, validateEverySteps: 4 });
    assert.equal(state, "finished");
    assert.ok(receipt && adapter && existsSync(adapter.file));
    assert.ok(receipt.heldOut.perplexityAfter < 0.5 * receipt.heldOut.perplexityBefore, `${receipt.heldOut.perplexityBefore} → ${receipt.heldOut.perplexityAfter}`);
    assert.ok(receipt.heldOut.perplexityBefore > 100, "to the base nearly all tokens are alike");
    assert.ok(receipt.promoted, receipt.sentence);
    assert.equal(receipt.adapterSha256, adapter.sha256);
    assert.ok(figures.filter((f) => f.validationLoss !== undefined).length >= 7);
    assert.ok(figures.every((f) => f.loss === undefined || (f.rate ?? -1) >= 0));
    assert.equal(render.learntTokens, render.tokens - render.samples);
    assert.deepEqual((await readdir(path.join(folder, "sft", "run"))).sort(), ["adapters", "best.gguf", "checkpoint.gguf", "references.jsonl", "samples"].filter((n) => n !== "references.jsonl"));
  });

  const preferences = (n: number, seed: number, shuffled = false): TrainingRecord[] => {
    const random = new SeededRandom(seed);
    return Array.from({ length: n }, (_, i) => {
      const [chosen, rejected] = shuffled && random.integer(2) === 0 ? ["yz", "yx"] : ["yx", "yz"];
      return { kind: "preference", prompt: { form: "text", text: "q".repeat(1 + random.integer(5)) }, chosen: `${chosen}${i % 7}`, rejected: `${rejected}${i % 7}`, origin: { at: `pair ${i}` } };
    });
  };

  it("learns preferences by DPO, in every form of the loss, and nothing from shuffled labels", async () => {
    for (const dpo of [{}, { loss: "hinge" }, { loss: "ipo" }, { loss: "robust", labelSmoothing: 0.1 }, { lengthNormalised: true, beta: 1 }, { sftWeight: 0.5 }]) {
      const { receipt, figures } = await run(`dpo ${JSON.stringify(dpo)}`.replace(/\W+/g, "-"), "dpo", preferences(24, 1), preferences(12, 2), { epochs: 3, batchSize: 6, validateEverySteps: 100, dpo });
      assert.ok((receipt?.preference?.accuracy ?? 0) > 0.95, JSON.stringify(dpo));
      assert.ok((figures.at(-2)?.margin ?? 0) > 0 && figures.at(-2)?.chosenLogProbability !== undefined);
    }
    const { receipt } = await run("shuffled", "dpo", preferences(100, 3, true), preferences(60, 4, true), { epochs: 1, validateEverySteps: 100, optimizer: { learningRate: 0.005 } });
    assert.ok(Math.abs((receipt?.preference?.accuracy ?? 1) - 0.5) < 0.2, JSON.stringify(receipt?.preference));
    assert.equal(receipt?.promoted, false);
  });

  it("learns from single judged replies by KTO", async () => {
    const judged = (n: number): TrainingRecord[] => Array.from({ length: n }, (_, i) => ({ kind: "judged", prompt: { form: "text", text: "q" }, completion: i % 2 === 0 ? "yx" : "yz", good: i % 2 === 0, origin: { at: `judged ${i}` } }));
    const { receipt, figures } = await run("kto", "kto", judged(48), judged(16), { epochs: 3, validateEverySteps: 100, batchSize: 8 });
    assert.ok((receipt?.preference?.accuracy ?? 0) > 0.95, JSON.stringify(receipt?.preference));
    assert.ok(figures.some((f) => (f.margin ?? 0) > 0));
    const pairs = await run("kto-pairs", "kto", preferences(24, 1), preferences(12, 2), { epochs: 3, validateEverySteps: 100, batchSize: 8 });
    assert.ok((pairs.receipt?.preference?.accuracy ?? 0) > 0.9);
  });

  const tasks = (n: number): TrainingRecord[] => Array.from({ length: n }, (_, i) => ({ kind: "task", prompt: { form: "text", text: "abc".slice(0, 1 + (i % 3)) }, origin: { at: `task ${i}` } }));
  /** The share of a reply's characters that are small letters: a fifth by chance. */
  const lowercase: Reward = { name: "lowercase", score: (_, reply) => Promise.resolve(reply.length === 0 ? 0 : reply.replace(/[^a-z]/g, "").length / reply.length) };
  const grpoConfig = { epochs: 12, validateEverySteps: 100, optimizer: { learningRate: 0.2 }, grpo: { maxReplyTokens: 6 } };

  it("learns from rewards by GRPO, and gains nothing from random ones", async () => {
    const { receipt, figures } = await run("grpo", "grpo", tasks(12), tasks(6), grpoConfig, {}, { rewards: [lowercase] });
    assert.ok(receipt?.reward && receipt.reward.after > receipt.reward.before + 0.2, JSON.stringify(receipt?.reward));
    const first = figures.find((f) => f.reward !== undefined);
    assert.ok(first?.kl === 0 && (first.entropy ?? 0) > 0 && first.zeroDeviationShare !== undefined, JSON.stringify(first));
    const random = new SeededRandom(5);
    const control = await run("grpo-random", "grpo", tasks(12), tasks(6), { ...grpoConfig, epochs: 3 }, {}, { rewards: [{ name: "random", score: () => Promise.resolve(random.uniform()) }] });
    assert.equal(control.receipt?.promoted, false, control.receipt?.sentence);
  });

  it("takes several updates on the same replies, with clipping", async () => {
    const { receipt, figures } = await run("grpo-updates", "grpo", tasks(12), tasks(6), { ...grpoConfig, grpo: { maxReplyTokens: 6, updatesPerRollout: 3, beta: 0.01 } }, {}, { rewards: [lowercase] });
    assert.ok(receipt?.reward && receipt.reward.after > receipt.reward.before + 0.2, JSON.stringify(receipt?.reward));
    assert.ok(figures.some((f) => (f.clippedShare ?? 0) > 0));
  });

  for (const [method, data] of [["sft", pairedText(30, 1)], ["dpo", preferences(30, 1)], ["kto", preferences(30, 1)]] as const) {
    it(`comes to the same adapter bit for bit, however often it is paused or killed: ${method}`, async () => {
      const config = { epochs: 2, batchSize: 7, checkpointEverySteps: 2 };
      const whole = await run("whole", method, data, data.slice(0, 9), config);
      let interruptions = 0;
      for (let attempt = 0; ; attempt++) {
        assert.ok(attempt < 60, "it never ends");
        const { options, models } = await bigramRun(path.join(folder, "broken"), method, data, data.slice(0, 9), config);
        const pausing = new AbortController();
        let left = 3 + 6 * attempt;
        const result = await runTuning({
          ...options,
          openModel: async (given) => {
            const model = await options.openModel(given);
            models[0]!.onCompute = () => {
              if (left-- > 0) return;
              if (attempt % 2 === 0) pausing.abort();
              else throw new Error("killed");
            };
            return model;
          },
        }, { pauseSignal: pausing.signal }).catch((error: unknown) => (error instanceof Error && error.message === "killed" ? null : Promise.reject(error as Error)));
        if (result?.state === "finished") {
          assert.equal(result.adapter?.sha256, whole.adapter?.sha256);
          assert.deepEqual({ ...result.receipt, seconds: 0, tokensPerSecond: 0, peakRssMb: 0 }, { ...whole.receipt, seconds: 0, tokensPerSecond: 0, peakRssMb: 0 });
          break;
        }
        if (result !== null) assert.equal(result.state, "paused");
        interruptions++;
      }
      assert.ok(interruptions >= 3, `only ${interruptions} interruptions`);
    });
  }

  it("is cancelled at once and says so", async () => {
    const cancelling = new AbortController();
    const states: string[] = [];
    const { state, receipt } = await run("cancel", "sft", pairedText(40, 1), [], {}, { signal: cancelling.signal, onFigures: () => { cancelling.abort(); }, onState: (s) => states.push(s) });
    assert.equal(state, "cancelled");
    assert.equal(receipt, null);
    assert.deepEqual([states[0], states.at(-1)], ["preparing", "cancelled"]);
  });

  it("stops early where validation gets worse, and keeps the best adapter", async () => {
    const other: TrainingRecord[] = Array.from({ length: 12 }, (_, i) => ({ kind: "text", text: "acacacbdbd".slice(0, 4 + (i % 5)), origin }));
    const { figures, log, step } = await run("early", "sft", pairedText(40, 1), other, { epochs: 40, patience: 2, validateEverySteps: 2, schedule: "constant" });
    assert.ok(step < 100, `it went on to step ${step}`);
    assert.ok(log.some((line) => line.startsWith("Stopped early")), log.join("\n"));
    const losses = figures.flatMap((f) => (f.validationLoss === undefined ? [] : [f.validationLoss]));
    assert.ok(losses.slice(0, -2).some((loss) => loss < Math.min(...losses.slice(-2))), "the last validations are no better than an earlier one");
  });

  it("stops at a loss that is no number, names the records, and keeps the last checkpoint", async () => {
    const data: TrainingRecord[] = [...pairedText(30, 1), { kind: "text", text: "ab~ab", origin: { at: "bad.jsonl:31" } }];
    const { options, models } = await bigramRun(path.join(folder, "nan"), "sft", data, [], { epochs: 3, batchSize: 4, checkpointEverySteps: 1 });
    const failed = await refusal(runTuning({ ...options, openModel: async (given) => { const model = await options.openModel(given); models[0]!.poisonedToken = "~".charCodeAt(0); return model; } }));
    assert.equal(failed.reason, "trainingFailed");
    assert.match(failed.message, /bad\.jsonl:31/);
    const kept = await run("nan", "sft", data, [], { epochs: 3, batchSize: 4, checkpointEverySteps: 1 });
    assert.ok(kept.log.some((line) => /Goes on from the checkpoint of step [1-9]/.test(line)), kept.log.join("\n"));
  });

  it("refuses to resume on another base model, other data or other settings, but not with another learning rate", async () => {
    await run("base", "sft", pairedText(20, 1), [], {});
    assert.match((await refusal(run("base", "sft", pairedText(20, 1), [], {}, {}, { modelSha256: "b".repeat(64) }))).message, /base model has been replaced/);
    assert.match((await refusal(run("base", "sft", pairedText(20, 1), [], {}, {}, { datasetVersion: "d2" }))).message, /data set or the settings differ/);
    assert.match((await refusal(run("base", "sft", pairedText(20, 1), [], { seed: 2 }))).message, /data set or the settings differ/);
    assert.equal((await run("base", "sft", pairedText(20, 1), [], { optimizer: { learningRate: 0.01 } })).state, "finished");
    assert.equal((await run("base", "sft", pairedText(20, 1), [], { seed: 2 }, {}, { resume: false })).state, "finished", "a new run in the same folder begins anew");
  });

  it("waits while the disk is full, and loses nothing", async () => {
    const { options, models } = await bigramRun(path.join(folder, "full"), "sft", pairedText(20, 1), [], { checkpointEverySteps: 1 });
    const whole = await run("space", "sft", pairedText(20, 1), [], { checkpointEverySteps: 1 });
    let full = 3;
    const log: string[] = [];
    const result = await runTuning({
      ...options, diskRetryMs: 1,
      openModel: async (given) => {
        const model = await options.openModel(given);
        const state = model.state.bind(model);
        models[0]!.state = () => {
          if (full-- > 0) throw new EngineError("diskFull", "There is no space left.");
          return state();
        };
        return model;
      },
    }, { onLog: (line) => log.push(line) });
    assert.equal(result.adapter?.sha256, whole.adapter?.sha256);
    assert.ok(log.some((line) => /no space left for the checkpoint of step 1\b/.test(line)), log.join("\n"));
  });

  it("refuses data that cannot teach anything, with a sentence", async () => {
    const because = async (method: TrainingMethod, train: readonly TrainingRecord[], more: Partial<TuningOptions> = {}, config: Record<string, unknown> = {}): Promise<string> => (await refusal(run(`bad ${Math.random()}`, method, train, [], config, {}, more))).message;
    const messages: TrainingMessage[] = [{ role: "user", content: "a" }];
    assert.match(await because("sft", []), /no training record/);
    assert.match(await because("sft", preferences(3, 1)), /SFT learns from records of kind "text" or "conversation" or "example".*3 of kind "preference"/);
    assert.match(await because("sft", [{ kind: "conversation", messages, origin }]), /1 with nothing to learn \(here: it has no turn of the assistant\)/);
    assert.match(await because("sft", [{ kind: "example", prompt: { form: "text", text: "a" }, completion: "b".repeat(500), origin }]), /would be learnt with its end.*sequenceLength higher/s);
    assert.match(await because("sft", [{ kind: "conversation", messages: [...messages, { role: "assistant", content: "b" }], origin }], { tokenizer: asciiTokenizer({ chat: false }) }), /no chat template/);
    assert.match(await because("grpo", tasks(2), { rewards: [] }), /at least one reward/);
    assert.match(await because("grpo", tasks(2), { rewards: [{ name: "r", score: () => Promise.resolve(1) }] }, { grpo: { maxReplyTokens: 95 } }), /no room for prompts/);
    assert.match(await because("grpo", tasks(2), { rewards: [{ name: "r", score: () => Promise.resolve(NaN) }] }, { grpo: { maxReplyTokens: 5 } }), /The reward "r" gave NaN/);
    assert.match(await because("sft", pairedText(2, 1), {}, { sequenceLength: 4096 }), /made for 96 tokens/);
  });

  it("takes one line of data for what it is", async () => {
    const { state, receipt, log } = await run("line", "sft", [{ kind: "text", text: "one line", origin }], []);
    assert.equal(state, "finished");
    assert.equal(receipt?.promoted, false);
    assert.match(receipt?.sentence ?? "", /no held-out data/);
    assert.ok(log.some((line) => /no held-out samples/.test(line)));
  });

  it("shows texts before and after, and measures line endings, where replies can be written", async () => {
    const { options, models } = await bigramRun(path.join(folder, "shown"), "sft",
      Array.from({ length: 40 }, (_, i): TrainingRecord => ({ kind: "example", prompt: { form: "infill", prefix: "let q = ".slice(0, 3 + (i % 5)), suffix: "\n" }, completion: "x", origin })),
      Array.from({ length: 10 }, (): TrainingRecord => ({ kind: "example", prompt: { form: "infill", prefix: "let", suffix: "\n" }, completion: "x", origin })), { epochs: 8, shownSamples: 2, optimizer: { learningRate: 0.3 } });
    const samples: { before: string; after: string; reference?: string }[] = [];
    const { receipt } = await runTuning({ ...options, rollouts: bigramRollouts(models) }, { onSample: (s) => samples.push(s) });
    assert.ok(samples.length >= 2);
    assert.deepEqual([samples.at(-1)?.after, samples.at(-1)?.reference], ["x", "x"]);
    assert.notEqual(samples.at(-1)?.before, "x");
    assert.deepEqual(receipt?.exactMatch, { before: 0, after: 1, n: 10 });
  });

  it("goes on without texts and line endings where replies cannot be written", async () => {
    const broken: Rollouts = { generate: () => Promise.reject(new EngineError("modelLoadFailed", "There is no memory.")), close: () => Promise.resolve() };
    const infill = (n: number): TrainingRecord[] => Array.from({ length: n }, () => ({ kind: "example", prompt: { form: "infill", prefix: "let", suffix: "\n" }, completion: "x", origin }));
    const { state, receipt, log } = await run("no-replies", "sft", infill(20), infill(4), { shownSamples: 1 }, { onSample: () => undefined }, { rollouts: broken });
    assert.deepEqual([state, receipt?.exactMatch], ["finished", null]);
    assert.equal(log.filter((line) => /There is no memory/.test(line)).length, 2);
  });

  it("can be paused while it measures, and measures when it is resumed", async () => {
    const pausing = new AbortController();
    const data = pairedText(30, 1);
    const paused = await run("measuring", "sft", data, data.slice(0, 5), {}, { pauseSignal: pausing.signal, onState: (state) => { if (state === "evaluating") pausing.abort(); } });
    assert.equal(paused.state, "paused");
    const { receipt } = await run("measuring", "sft", data, data.slice(0, 5));
    const whole = await run("measured", "sft", data, data.slice(0, 5));
    assert.equal(receipt?.adapterSha256, whole.receipt?.adapterSha256);
  });

  it("renders once: a resumed run does not read the records again", async () => {
    let reads = 0;
    const counted = { ...splitOf(pairedText(10, 1)), read: () => { reads++; return splitOf(pairedText(10, 1)).read(); } };
    await run("once", "sft", [], [], {}, {}, { train: counted });
    await run("once", "sft", [], [], {}, {}, { train: counted });
    assert.equal(reads, 1);
  });
});
