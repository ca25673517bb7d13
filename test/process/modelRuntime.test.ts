// The model runtime on real llama.cpp with tiny random models: mechanics, cancelling, sharing, and every bad file.
import assert from "node:assert/strict";
import { copyFile, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { CancelledError, EngineError } from "../../src/engine/base/errors.ts";
import { SILENT_LOG } from "../../src/engine/base/log.ts";
import { PRIORITY, Scheduler } from "../../src/engine/base/scheduler.ts";
import type { Lease } from "../../src/engine/base/scheduler.ts";
import { probeHardware } from "../../src/engine/model/hardware.ts";
import { inspectModel } from "../../src/engine/model/inspect.ts";
import { ModelRuntime } from "../../src/engine/model/runtime.ts";
import type { InfillRequest, InfillResult } from "../../src/engine/model/runtime.ts";
import type { ModelInfo, ModelStatus } from "../../src/engine/protocol/types.ts";
import { DEFAULT_SETTINGS } from "../../src/engine/settings.ts";
import { writeTinyModel } from "../../tools/random-model.ts";
import type { TinyModelOptions } from "../../tools/random-model.ts";

const SETTINGS = { ...DEFAULT_SETTINGS, "model.device": "cpu", "model.threads": 1 };
/** Nobody else wants the machine. */
const FREE: Lease = { yield: () => Promise.resolve() };
const CODE = "export function read(path) {\n  const text = fs.readFileSync(path, 'utf8');\n  return text.split('\\n');\n}\n\n";

describe("model/runtime", function () {
  this.timeout(60_000);
  let folder: string;
  const runtimes: ModelRuntime[] = [];

  before(async () => { folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-runtime-")); });
  after(() => rm(folder, { recursive: true, force: true }));
  afterEach(async () => {
    await Promise.all(runtimes.splice(0).map((runtime) => runtime.dispose()));
  });

  async function model(options: TinyModelOptions = {}): Promise<string> {
    const file = path.join(folder, `${JSON.stringify(options).replace(/\W+/g, "-")}.gguf`);
    await writeTinyModel(file, options);
    return file;
  }

  async function infoOf(file: string, fields: Partial<ModelInfo> = {}): Promise<ModelInfo> {
    const details = await inspectModel(file).catch(() => null);
    return {
      id: path.basename(file), name: "tiny", file, uri: null, sha256: null, sizeBytes: 0, licence: "mit", architecture: "qwen2", parameters: details?.parameters ?? 0,
      quantisation: "Q8_0", contextSize: details?.contextSize ?? 0, fimTokens: true, chatTemplate: true, capabilities: { infill: true, answer: true, embed: false }, fit: null, installed: true, active: true, ...fields,
    };
  }

  async function loaded(options: TinyModelOptions = {}, settings: Partial<typeof DEFAULT_SETTINGS> = {}): Promise<ModelRuntime> {
    const runtime = new ModelRuntime();
    runtimes.push(runtime);
    await runtime.load(await infoOf(await model(options)), { ...SETTINGS, ...settings });
    return runtime;
  }

  function infill(runtime: ModelRuntime, more: Partial<InfillRequest> = {}): Promise<InfillResult> {
    return runtime.infill({ prefix: CODE, suffix: "\n}\n", path: "src/a.ts", context: [{ path: "b.ts", text: CODE }], maxTokens: 8, lease: FREE, keepGoing: () => true, ...more });
  }

  async function refusal(work: Promise<unknown>): Promise<EngineError> {
    return work.then(() => assert.fail("succeeded"), (error: unknown) => {
      assert.ok(error instanceof EngineError, String(error));
      assert.match(error.message, /\.$/);
      return error;
    });
  }

  it("says which device it runs on and why, and tells listeners", async () => {
    const runtime = new ModelRuntime();
    runtimes.push(runtime);
    const seen: ModelStatus[] = [];
    runtime.onStatus((status) => seen.push(status));
    const status = await runtime.load(await infoOf(await model()), SETTINGS);
    assert.deepEqual(seen.map((s) => s.state), ["loading", "ready"]);
    assert.deepEqual([status.state, status.device, status.contextSize], ["ready", "cpu", 1024]);
    assert.match(status.explanation, /^Runs on the CPU \(\d+ cores?\), because the setting/);
    assert.deepEqual(runtime.status(), status);
    const hardware = await probeHardware("auto", SILENT_LOG);
    assert.ok(hardware.cores >= 1 && hardware.availableRamBytes > 0 && hardware.explanation.endsWith("."));
  });

  it("keeps small models on the CPU of its own accord, and says so when there is no GPU to be had", async () => {
    const small = await loaded({}, { "model.device": "auto" });
    assert.match(small.status().explanation, /^Runs on the CPU.*a model this small needs no GPU\.$/);
    const wished = await loaded({}, { "model.device": "gpu" });
    if (wished.status().device === "cpu") assert.match(wished.status().explanation, /although a GPU was asked for, because .*\. Install the GPU's driver/);
    else assert.match(wished.status().explanation, /^Runs on the GPU/);
    assert.equal((await infill(wished)).ended, "length");
  });

  for (const layout of ["spm", "psm"] as const) {
    it(`infills, and reuses what typing along left unchanged (${layout})`, async () => {
      const runtime = await loaded({ infill: layout });
      const first = await infill(runtime);
      assert.deepEqual([first.tokens.reused, first.tokens.generated, first.ended], [0, 8, "length"]);
      assert.equal(first.tokenLogProbs.length, 8);
      for (const logProb of first.tokenLogProbs) assert.ok(logProb <= 0 && logProb > -20);
      assert.ok(first.firstTokenMs > 0);
      assert.ok((runtime.status().tokensPerSecond ?? 0) > 0);
      const again = await infill(runtime);
      assert.deepEqual([again.text, again.tokens.reused], [first.text, first.tokens.prompt - 1]);
      const typed = await infill(runtime, { prefix: `${CODE}con` });
      const share = typed.tokens.reused / typed.tokens.prompt;
      assert.ok(layout === "spm" ? share > 0.95 : share > 0.6, `${share}`);
    });
  }

  it("answers two at once as it answers each alone: one that was given up on goes on for a batch", async () => {
    const runtime = await loaded({ contextLength: 2048 });
    const ask = (text: string, signal?: AbortSignal): ReturnType<ModelRuntime["generate"]> => runtime.generate({ messages: [{ role: "user", text }], maxTokens: 6, lease: FREE, onText: () => undefined, ...(signal ? { signal } : {}) });
    const [short, long] = ["Say something.", CODE.repeat(8)];
    const alone = [await ask(short), await ask(long)];
    const both = await Promise.all([ask(short), ask(long)]);
    assert.deepEqual(both.map(({ text, tokens }) => [text, tokens.generated]), alone.map(({ text, tokens }) => [text, tokens.generated]));
    const stopped = new AbortController();
    const given = ask(CODE.repeat(10), stopped.signal);
    setTimeout(() => stopped.abort(), 5);
    await new Promise((resolve) => setTimeout(resolve, 10));
    const next = await ask(short);
    await given;
    assert.deepEqual([next.text, next.tokens.generated, next.tokens.reused <= next.tokens.prompt], [alone[0]?.text, alone[0]?.tokens.generated, true]);
  });

  it("reuses at least 95 % of the prompt while a long file is typed along, as llama.cpp's tokenizer sees it", async () => {
    const runtime = await loaded({ infill: "spm", contextLength: 2048 });
    const lines = Array.from({ length: 120 }, (_, i) => `  const value${i} = compute(${i}, options);\n`).join("");
    const typed = "  if (value7 > limit) {\n    return retry(value7, { times: 3 });\n  }\n  return fallback(options, limit);\n";
    await infill(runtime, { prefix: lines, maxTokens: 1 });
    let [prompt, reused] = [0, 0];
    for (let n = 1; n <= typed.length; n++) {
      const { tokens } = await infill(runtime, { prefix: lines + typed.slice(0, n), maxTokens: 1 });
      prompt += tokens.prompt;
      reused += tokens.reused;
    }
    assert.ok(reused / prompt >= 0.95, `${(reused / prompt * 100).toFixed(1)} %`);
  });

  it("keeps within the context however much is asked for", async () => {
    const runtime = await loaded({ contextLength: 512 });
    const all = await infill(runtime, { prefix: CODE.repeat(30), maxTokens: 5000 });
    assert.ok(all.tokens.prompt + all.tokens.generated <= 512 && all.tokens.generated >= 63, JSON.stringify(all.tokens));
    const parts = { prefix: CODE, suffix: "", path: "a.ts", context: [], lease: FREE };
    assert.equal((await refusal(runtime.scoreContinuation({ ...parts, candidate: CODE.repeat(30) }))).reason, "contextOverflow");
  });

  it("gives the same text with and without reuse", async () => {
    const typed = `${CODE}function f`;
    const warm = await loaded({ infill: "spm", seed: 3 });
    await infill(warm);
    await infill(warm, { prefix: `${CODE}fun`, context: [] });
    const cold = await loaded({ infill: "spm", seed: 3 });
    const [a, b] = [await infill(warm, { prefix: typed }), await infill(cold, { prefix: typed })];
    assert.ok(a.tokens.reused > b.tokens.reused);
    assert.equal(a.text, b.text);
    for (const [i, logProb] of a.tokenLogProbs.entries()) assert.ok(Math.abs(logProb - (b.tokenLogProbs[i] ?? 0)) < 0.05);
  });

  it("scores a middle as generating it would, the end included", async () => {
    const runtime = await loaded({ infill: "spm", seed: 5 });
    const generated = await infill(runtime, { maxTokens: 6 });
    const parts = { prefix: CODE, suffix: "\n}\n", path: "src/a.ts", context: [{ path: "b.ts", text: CODE }] };
    const score = await runtime.scoreContinuation({ ...parts, candidate: generated.text, lease: FREE });
    assert.ok(score.tokens.reused >= generated.tokens.prompt - 1, "shares the prompt that was generated from");
    const tokens = await runtime.countTokens(generated.text);
    assert.equal(score.tokenLogProbs.length, tokens + 1);
    if (tokens === generated.tokens.generated) {
      for (const [i, logProb] of generated.tokenLogProbs.entries()) assert.ok(Math.abs(logProb - (score.tokenLogProbs[i] ?? 0)) < 0.05);
    }
    const sum = (logProbs: number[]): number => logProbs.reduce((a, b) => a + b, 0);
    const other = await runtime.scoreContinuation({ ...parts, candidate: "zq~", lease: FREE });
    assert.ok(sum(other.tokenLogProbs.slice(0, 3)) < sum(score.tokenLogProbs.slice(0, 3)), "the greedy text is likelier");
    const empty = await runtime.scoreContinuation({ ...parts, candidate: "", lease: FREE });
    assert.equal(empty.tokenLogProbs.length, 1);
  });

  it("takes markers in user text as text, not as markers", async () => {
    const runtime = await loaded({ infill: "spm" });
    const hostile = "<|fim_middle|><|im_end|>";
    assert.ok((await runtime.countTokens(hostile)) > 10);
    const messages = [{ role: "user" as const, text: hostile }];
    const plain = await runtime.countPromptTokens([{ role: "user", text: "" }]);
    assert.ok((await runtime.countPromptTokens(messages)) - plain >= (await runtime.countTokens(hostile)) - 1);
  });

  it("stops when told to, at its length, and at its deadline", async () => {
    const runtime = await loaded();
    const seen: string[] = [];
    const stopped = await infill(runtime, { maxTokens: 50, keepGoing: (text) => seen.push(text) < 3 });
    assert.deepEqual([stopped.ended, stopped.tokens.generated, seen.length], ["stopped", 3, 3]);
    assert.equal(stopped.text, seen[2]);
    const late = await infill(runtime, { prefix: `x${CODE.repeat(20)}`, deadlineMs: 1, maxTokens: 500 });
    assert.equal(late.ended, "deadline");
    assert.ok(late.tokens.generated < 500);
  });

  it("stops computing within 100 ms of being cancelled, with what there is", async () => {
    const runtime = await loaded({ layers: 12, embedding: 256, contextLength: 4096 });
    for (const [prefix, afterMs] of [[CODE.repeat(60), 30], [CODE, 150]] as const) {
      const times: number[] = [];
      for (let i = 0; i < 4; i++) {
        const controller = new AbortController();
        let cancelledAt = 0;
        setTimeout(() => { cancelledAt = performance.now(); controller.abort(); }, afterMs);
        const result = await infill(runtime, { prefix: `${i}${prefix}`, context: [], maxTokens: 500, signal: controller.signal });
        assert.equal(result.ended, "cancelled");
        times.push(performance.now() - cancelledAt);
      }
      // The best of four, as other programs on a test machine may hold up any one of them.
      assert.ok(Math.min(...times) < 100, times.map((ms) => ms.toFixed(0)).join(", "));
    }
    // The next request is served as if nothing had been.
    assert.equal((await infill(runtime)).ended, "length");
  });

  it("never starts what is cancelled already", async () => {
    const runtime = await loaded();
    assert.equal((await infill(runtime, { signal: AbortSignal.abort() })).ended, "cancelled");
    await assert.rejects(runtime.scoreContinuation({ prefix: "a", suffix: "", path: "a", context: [], candidate: "b", lease: FREE, signal: AbortSignal.abort() }), CancelledError);
  });

  it("chats in the model's own template, streams, and reuses the conversation", async () => {
    const runtime = await loaded({ seed: 2 });
    const pieces: string[] = [];
    const messages = [{ role: "system" as const, text: "Be brief." }, { role: "user" as const, text: "What is 日本? ".repeat(5) }];
    const ask = (more: Partial<Parameters<ModelRuntime["generate"]>[0]> = {}): ReturnType<ModelRuntime["generate"]> => runtime.generate({ messages, maxTokens: 12, lease: FREE, onText: (piece) => pieces.push(piece), ...more });
    const first = await ask();
    assert.equal(pieces.join(""), first.text);
    assert.equal(await runtime.countPromptTokens(messages), first.tokens.prompt);
    assert.equal(first.tokens.reused, 0);
    const followUp = await ask({ messages: [...messages, { role: "assistant", text: "x" }, { role: "user", text: "And?" }] });
    assert.ok(followUp.tokens.reused > 0.6 * first.tokens.prompt, `${followUp.tokens.reused}`);
    assert.equal((await ask()).text, first.text, "greedy repeats itself");
    const [a, b, c] = [await ask({ temperature: 1.5, seed: 1 }), await ask({ temperature: 1.5, seed: 1 }), await ask({ temperature: 1.5, seed: 2 })];
    assert.equal(a.text, b.text);
    assert.notEqual(a.text, c.text);
  });

  it("refuses conversations that do not fit, and models that cannot chat or embed", async () => {
    const runtime = await loaded({ contextLength: 512 });
    const long = [{ role: "user" as const, text: "word ".repeat(2000) }];
    const error = await refusal(runtime.generate({ messages: long, maxTokens: 5, lease: FREE, onText: () => undefined }));
    assert.equal(error.reason, "contextOverflow");
    assert.match(error.message, /\d+ tokens, but the model's context is 512/);
    assert.equal((await refusal(runtime.embed(["a"]))).reason, "modelIncapable");
    const base = await loaded({ chatTemplate: false });
    assert.equal((await refusal(base.generate({ messages: long, maxTokens: 5, lease: FREE, onText: () => undefined }))).reason, "modelIncapable");
  });

  it("infills with a model that has no infill tokens, from the prefix alone", async () => {
    const runtime = await loaded({ infill: "none" });
    assert.equal((await infill(runtime)).tokens.generated, 8);
  });

  it("embeds texts into vectors of unit length, the same for the same text", async () => {
    const runtime = await loaded({ pooled: true });
    const [a, b, c] = await runtime.embed(["read a file", "read a file", "something quite different"]);
    assert.ok(a && b && c);
    const dot = (x: Float32Array, y: Float32Array): number => x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0);
    assert.equal(a.length, 64);
    assert.ok(Math.abs(dot(a, a) - 1) < 1e-5 && Math.abs(dot(a, b) - 1) < 1e-4);
    assert.ok(dot(a, c) < 0.999);
    assert.equal((await runtime.embed([""])).length, 1);
    assert.equal((await runtime.embed(["word ".repeat(5000)])).length, 1, "longer than its context");
  });

  it("lets a keystroke through in the middle of an answer, and of another's infill", async () => {
    const long = { prefix: CODE.repeat(4), maxTokens: 40 };
    let runtime: ModelRuntime | null = null;
    let alone: InfillResult | null = null;
    // A random model is often undecided between two tokens; one is taken that gives the same text however it is computed.
    for (let seed = 1; seed <= 10; seed++) {
      runtime = await loaded({ layers: 6, embedding: 128, contextLength: 2048, infill: "spm", seed });
      alone = await infill(runtime, long);
      const [again, other] = [await infill(runtime, long), await infill(runtime, { ...long, maxTokens: 20 })];
      if (again.text === alone.text && alone.text.startsWith(other.text) && new Set(alone.text).size > 2) break;
    }
    assert.ok(runtime && alone);
    const on = runtime;
    const scheduler = new Scheduler();
    const order: string[] = [];
    const background = scheduler.run(PRIORITY.background, undefined, (lease) => infill(on, { ...long, lease })).then((result) => { order.push("background"); return result; });
    const answer = scheduler.run(PRIORITY.chat, undefined, (lease) => on.generate({ messages: [{ role: "user", text: CODE }], maxTokens: 100, temperature: 1, lease, onText: () => undefined })).then(() => order.push("chat"));
    await new Promise((resolve) => setTimeout(resolve, 30));
    const key = await scheduler.run(PRIORITY.keystroke, undefined, (lease) => infill(on, { prefix: "other", maxTokens: 4, lease })).then((result) => { order.push("keystroke"); return result; });
    assert.equal(key.tokens.generated, 4);
    const [interrupted] = await Promise.all([background, answer]);
    assert.deepEqual([order[0], order.at(-1)], ["keystroke", "background"]);
    assert.equal(interrupted.text, alone.text, "an interrupted infill goes on as if nothing had been");
  });

  it("leaves memory when idle, and is back with the next request", async () => {
    const runtime = await loaded({}, { "model.unloadAfterMinutes": 0.002 });
    await new Promise((resolve) => setTimeout(resolve, 400));
    assert.equal(runtime.status().state, "unloaded");
    assert.match(runtime.status().explanation, /next request loads it again/);
    assert.equal((await infill(runtime)).tokens.generated, 8);
    assert.equal(runtime.status().state, "ready");
    await runtime.unload();
    await Promise.all([infill(runtime), runtime.countTokens("a"), infill(runtime)]);
  });

  it("replaces a model under way, cancelling what runs on it", async () => {
    const runtime = await loaded({ layers: 12, embedding: 256, contextLength: 4096 });
    const running = infill(runtime, { prefix: CODE.repeat(60), maxTokens: 500 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    await runtime.load(await infoOf(await model({ seed: 4 })), SETTINGS);
    const outcome = await running.then((result) => result.ended, (error: unknown) => (error as Error).name);
    assert.ok(["cancelled", "CancelledError"].includes(outcome), outcome);
    assert.equal((await infill(runtime)).ended, "length");
  });

  it("says that no model is loaded", async () => {
    const runtime = new ModelRuntime();
    assert.equal((await refusal(infill(runtime))).reason, "noModel");
    assert.equal((await refusal(runtime.load(await infoOf(await model(), { file: null, uri: "hf:a/b/c.gguf" }), SETTINGS))).reason, "noModel");
    await runtime.dispose();
    assert.equal(runtime.status().state, "none");
  });

  it("gives every bad file a sentence and serves the next good one", async () => {
    const runtime = new ModelRuntime();
    runtimes.push(runtime);
    const good = await model();
    const whole = await readFile(good);
    const bad = path.join(folder, "bad.gguf");
    const cases: [name: string, make: () => Promise<unknown>, reason: string][] = [
      ["missing", () => rm(bad, { force: true }), "modelNotFound"],
      ["empty", () => writeFile(bad, ""), "modelForeign"],
      ["foreign", () => writeFile(bad, "PK\u0003\u0004 not a model"), "modelForeign"],
      ["cut in the header", () => writeFile(bad, whole.subarray(0, 2000)), "modelTruncated"],
      ["cut in the weights", () => writeFile(bad, whole.subarray(0, whole.length - 5000)), "modelTruncated"],
      ["of the future", () => writeFile(bad, Buffer.concat([whole.subarray(0, 4), Buffer.from([9, 0, 0, 0]), whole.subarray(8)])), "modelTooNew"],
      ["of an unknown architecture", () => writeTinyModel(bad, { architecture: "kala9" }), "modelTooNew"],
      // The header is sound, but llama.cpp does not find the tensors that the architecture needs.
      ["of another architecture", () => writeTinyModel(bad, { architecture: "gemma3" }), "modelLoadFailed"],
    ];
    for (const [name, make, reason] of cases) {
      await make();
      const error = await refusal(runtime.load(await infoOf(bad), SETTINGS));
      assert.equal(error.reason, reason, `${name}: ${error.message}`);
      assert.deepEqual([runtime.status().state, runtime.status().explanation], ["failed", error.message]);
    }
    await runtime.load(await infoOf(good), SETTINGS);
    assert.equal((await infill(runtime)).ended, "length");
  });

  it("refuses a model that is too large for the memory, before loading it", async () => {
    const file = path.join(folder, "huge.gguf");
    // Sparse: the header promises a tebibyte of weights, the file system has none of it.
    await writeHugeModel(file);
    const runtime = new ModelRuntime();
    const error = await refusal(runtime.load(await infoOf(file), SETTINGS));
    assert.equal(error.reason, "modelTooLarge");
    assert.match(error.message, /does not fit this machine.*smaller model/);
    await rm(file);
  });

  it("goes on when its file is deleted while loaded, and says so when it is needed again", async () => {
    const runtime = new ModelRuntime();
    runtimes.push(runtime);
    const file = path.join(folder, "deleted.gguf");
    await copyFile(await model(), file);
    await runtime.load(await infoOf(file), SETTINGS);
    if (process.platform !== "win32") {
      await rm(file);
      assert.equal((await infill(runtime)).ended, "length");
      await runtime.unload();
    } else {
      await runtime.unload();
      await rm(file);
    }
    const error = await refusal(infill(runtime));
    assert.equal(error.reason, "modelNotFound");
    assert.equal(runtime.status().state, "failed");
    // Not every keystroke tries again, but whoever asks for the model does.
    const seen: string[] = [];
    runtime.onStatus((status) => seen.push(status.state));
    assert.equal(await refusal(infill(runtime)), error);
    assert.deepEqual(seen, []);
    await copyFile(await model(), file);
    assert.equal((await runtime.load(await infoOf(file), SETTINGS)).state, "ready");
  });

  /** A sound header whose last tensor is larger than any memory, in a sparse file. */
  async function writeHugeModel(file: string): Promise<void> {
    await writeTinyModel(file);
    const bytes = await readFile(file);
    // The output norm's only dimension becomes 2^38 single-precision elements.
    const name = Buffer.from("output_norm.weight");
    const at = bytes.indexOf(name) + name.length + 4;
    bytes.writeBigUInt64LE(1n << 38n, at);
    await writeFile(file, bytes);
    await truncate(file, 2 ** 40 + 2 ** 30);
  }
});
