// The loop on the real network, vocabulary and reply drawer, with a random model of a few thousand weights: prompts as chat and
// completion build them, masks, resuming bit for bit, and replies from the distribution that is trained.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { TrainingRecord } from "../../../../src/engine/base/trainingRecord.ts";
import { openRollouts } from "../../../../src/engine/model/rollouts.ts";
import type { ReplyDrawer } from "../../../../src/engine/model/rollouts.ts";
import { openSampleTokenizer } from "../../../../src/engine/model/sampleTokenizer.ts";
import type { ModelSampleTokenizer } from "../../../../src/engine/model/sampleTokenizer.ts";
import type { AdaptedModel } from "../../../../src/engine/training/adaptedModel.ts";
import { pairsOf, writeLora } from "../../../../src/engine/training/adapters/loraFile.ts";
import { openAdaptedModel } from "../../../../src/engine/training/network/openAdaptedModel.ts";
import { pack } from "../../../../src/engine/training/samples/pack.ts";
import { Renderer } from "../../../../src/engine/training/samples/render.ts";
import { describeSample, sampleOf } from "../../../../src/engine/training/samples/tokenSample.ts";
import { completeRunConfig } from "../../../../src/engine/training/tune/runConfig.ts";
import { runTuning } from "../../../../src/engine/training/tune/runTuning.ts";
import type { TuningHooks, TuningResult } from "../../../../src/engine/training/tune/tuningTypes.ts";
import { writeTinyModel } from "../../../../tools/random-model.ts";
import { splitOf } from "./support.ts";

describe("tune on a real model", function () {
  this.timeout(60_000);
  let folder: string;
  let modelFile: string;
  let tokenizer: ModelSampleTokenizer;
  let rollouts: ReplyDrawer;
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-real-"));
    modelFile = path.join(folder, "tiny.gguf");
    await writeTinyModel(modelFile, { contextLength: 256 });
    tokenizer = await openSampleTokenizer(modelFile);
    rollouts = openRollouts({ modelFile, threads: 1, atOnce: 4 });
  });
  after(async () => {
    await rollouts.close();
    await tokenizer.close();
    await rm(folder, { recursive: true, force: true });
  });

  function shown(record: TrainingRecord): string {
    const [unit] = new Renderer(tokenizer, 256).render(record).units;
    assert.ok(unit?.samples[0]);
    return describeSample(unit.samples[0], tokenizer).map(({ text, learnt }) => (learnt ? `[${text}]` : text)).join("");
  }

  it("renders conversations in the model's own template, learning what the assistant says and its end", () => {
    const text = shown({ kind: "conversation", origin: { at: "" }, messages: [{ role: "user", content: "a <|im_end|>" }, { role: "assistant", content: "b" }, { role: "user", content: "c" }, { role: "assistant", content: "d" }] });
    assert.match(text, /<\|im_start\|>user\na <\|im_end\|><\|im_end\|>\n<\|im_start\|>assistant\n\[b<\|im_end\|>\]\n<\|im_start\|>user\nc<\|im_end\|>\n<\|im_start\|>assistant\n\[d<\|im_end\|>\]$/);
  });

  it("renders infill as completion asks for it, ending with the model's end token", () => {
    assert.equal(shown({ kind: "example", origin: { at: "" }, prompt: { form: "infill", prefix: "let a", suffix: ";\n", path: "a.ts" }, completion: " = 1" }), "<|file_sep|>a.ts\n<|fim_prefix|>let a<|fim_suffix|>;\n<|fim_middle|>[ = 1<|endoftext|>]");
  });

  const data: TrainingRecord[] = Array.from({ length: 12 }, (_, i) => ({ kind: "example", origin: { at: `${i}` }, prompt: { form: "chat", messages: [{ role: "user", content: `n ${i}` }] }, completion: "yes yes" }));
  const config = { adapter: { rank: 4, targets: ["attn_q", "ffn_down"] }, optimizer: { learningRate: 1e-2 }, epochs: 2, batchSize: 4, sequenceLength: 64, checkpointEverySteps: 1, shownSamples: 0, promotion: { draws: 100 } };

  async function run(name: string, hooks: TuningHooks): Promise<TuningResult> {
    let model: AdaptedModel | undefined;
    try {
      return await runTuning({
        runFolder: path.join(folder, name), method: "sft", modelFile, modelSha256: "a".repeat(64), train: splitOf(data), validation: splitOf(data.slice(0, 2)), datasetVersion: "d", config, tokenizer,
        openModel: async (options) => (model = await openAdaptedModel(options)),
        writeAdapter: (to, tensors, { rank, alpha }) => writeLora(to, { facts: { architecture: "qwen2", rank, alpha, baseSha256: null, method: "sft", datasetVersion: null, run: null, canary: null }, pairs: pairsOf(tensors, "test") }),
        general: splitOf([{ kind: "text", text: "unrelated", origin: { at: "" } }]), threads: 1, resume: true,
      }, hooks);
    } finally {
      model?.close();
    }
  }

  it("learns, and comes to the same adapter bit for bit when it is paused", async () => {
    const whole = await run("whole", {});
    assert.ok(whole.receipt && whole.receipt.heldOut.perplexityAfter < 0.9 * whole.receipt.heldOut.perplexityBefore, JSON.stringify(whole.receipt?.heldOut));
    const pausing = new AbortController();
    const paused = await run("paused", { pauseSignal: pausing.signal, onFigures: ({ step }) => { if (step === 2) pausing.abort(); } });
    assert.deepEqual([paused.state, paused.step], ["paused", 2]);
    const resumed = await run("paused", {});
    assert.equal(resumed.adapter?.sha256, whole.adapter?.sha256);
  });

  it("draws replies from the distribution that training computes, repeatably", async () => {
    const model = await openAdaptedModel({ modelFile, adapter: completeRunConfig("sft", config).adapter, optimizer: completeRunConfig("sft", config).optimizer, maxTokens: 64, threads: 1 });
    try {
      const prompt = tokenizer.encode("let a = ");
      const options = { n: 400, temperature: 1, seed: 3, maxTokens: 1, adapterFile: null };
      const [replies = []] = await rollouts.generate([prompt], options);
      assert.deepEqual(await rollouts.generate([prompt], { ...options, n: 8 }).then(([r]) => r?.map((x) => x.tokens[0])), replies.slice(0, 8).map((x) => x.tokens[0]));
      const drawn = new Map<number, number>();
      for (const { tokens } of replies) drawn.set(tokens[0] ?? -1, (drawn.get(tokens[0] ?? -1) ?? 0) + 1);
      assert.ok(drawn.size > 45, `only ${drawn.size} different tokens: sampling is cut to the likeliest`);
      // The mean of log p over draws is minus the entropy, within its sampling error.
      let entropy = 0;
      let second = 0;
      const all: number[] = [];
      for (let token = 0; token < tokenizer.nVocab; token++) {
        const [packed] = pack([[sampleOf(prompt, [token])]], 64);
        const [value = 0] = (await model.logProbabilities(packed!.batch, "off")).filter((v) => v !== 0);
        all.push(value);
        entropy -= Math.exp(value) * value;
        second += Math.exp(value) * value * value;
      }
      const mean = replies.reduce((n, { tokens }) => n + (all[tokens[0] ?? 0] ?? 0), 0) / replies.length;
      const error = Math.sqrt((second - entropy * entropy) / replies.length);
      assert.ok(Math.abs(mean + entropy) < 4 * error + 0.01, `mean log p ${mean}, entropy ${entropy}, error ${error}`);
    } finally {
      model.close();
    }
  });
});
