// Adapters in the model runtime, on real llama.cpp with a tiny random model: another one changes what is said from the next
// request on, nothing computed under one is reused under another, and the canary finds one that is not what it should be.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { EngineError } from "../../../src/engine/base/errors.ts";
import { GgmlType } from "../../../src/engine/base/ggmlTypes.ts";
import { readGguf } from "../../../src/engine/base/gguf.ts";
import { entriesOf, writeGguf } from "../../../src/engine/base/ggufWriter.ts";
import { SILENT_LOG } from "../../../src/engine/base/log.ts";
import { openBackend } from "../../../src/engine/model/backend.ts";
import { inspectModel } from "../../../src/engine/model/inspect.ts";
import { ModelRuntime } from "../../../src/engine/model/runtime.ts";
import type { InfillResult, ModelAdapter } from "../../../src/engine/model/runtime.ts";
import type { ModelInfo } from "../../../src/engine/protocol/types.ts";
import { DEFAULT_SETTINGS } from "../../../src/engine/settings.ts";
import { readLora, writeLora } from "../../../src/engine/training/adapters/loraFile.ts";
import { mergeAdapter } from "../../../src/engine/training/adapters/merge.ts";
import { writeTinyModel } from "../../../tools/random-model.ts";
import { randomAdapter, writeRandomAdapter } from "../training/adapterSupport.ts";

const SETTINGS = { ...DEFAULT_SETTINGS, "model.device": "cpu", "model.threads": 1 };
const CODE = "export function read(path) {\n  const text = fs.readFileSync(path, 'utf8');\n  return text;\n}\n\n";
const TOKENS = Array.from({ length: 32 }, (_, i) => (i * 37) % 250);

describe("model/adapter", function () {
  this.timeout(60_000);
  let folder: string;
  let file: string;
  const runtimes: ModelRuntime[] = [];

  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-adapter-"));
    const tiny = path.join(folder, "tiny.gguf");
    file = path.join(folder, "base.gguf");
    await writeTinyModel(tiny);
    // In F32, so that a merged file is the same model as base and adapter.
    const source = await readGguf(tiny);
    const data = await readFile(tiny);
    await writeGguf(file, {
      metadata: entriesOf(source),
      tensors: source.tensors.map(({ name, shape, type, offset, sizeBytes }) => {
        const bytes = data.subarray(source.dataOffset + offset, source.dataOffset + offset + sizeBytes);
        return { name, shape, type: GgmlType.F32, data: type === GgmlType.F32 ? bytes : q8ToFloats(bytes) };
      }),
    });
  });
  after(() => rm(folder, { recursive: true, force: true }));
  afterEach(async () => { await Promise.all(runtimes.splice(0).map((runtime) => runtime.dispose())); });

  function q8ToFloats(bytes: Buffer): Uint8Array {
    const values = new Float32Array(bytes.length / 34 * 32);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < values.length; i++) {
      const block = Math.floor(i / 32) * 34;
      values[i] = view.getFloat16(block, true) * view.getInt8(block + 2 + i % 32);
    }
    return new Uint8Array(values.buffer);
  }

  async function infoOf(model: string): Promise<ModelInfo> {
    const { parameters, contextSize, architecture } = await inspectModel(model);
    return { id: "tiny", name: "tiny", file: model, uri: null, sha256: null, sizeBytes: 0, licence: "mit", architecture, parameters, quantisation: "F32", contextSize, fimTokens: true, chatTemplate: true, capabilities: { infill: true, answer: true, embed: false }, fit: null, installed: true, active: true };
  }

  async function loaded(adapterFor?: (info: ModelInfo) => Promise<ModelAdapter | null>): Promise<ModelRuntime> {
    const runtime = new ModelRuntime(undefined, adapterFor);
    runtimes.push(runtime);
    await runtime.load(await infoOf(file), SETTINGS);
    return runtime;
  }

  async function adapter(seed: number, more: Partial<Parameters<typeof writeRandomAdapter>[2]> = {}): Promise<ModelAdapter> {
    const written = await writeRandomAdapter(file, folder, { seed, ...more });
    return { file: written.file, sha256: written.sha256, canary: null };
  }

  const free = { yield: () => Promise.resolve() };
  const infill = (runtime: ModelRuntime): Promise<InfillResult> => runtime.infill({ prefix: CODE, suffix: "\n}\n", path: "a.ts", context: [], maxTokens: 6, lease: free, keepGoing: () => true });
  async function say(runtime: ModelRuntime, onText: (text: string) => void = () => undefined): Promise<string> {
    return (await runtime.generate({ messages: [{ role: "user", text: "Say something." }], maxTokens: 12, lease: free, onText })).text;
  }
  async function refusal(work: Promise<unknown>, pattern: RegExp): Promise<void> {
    await work.then(() => assert.fail("was accepted"), (error: unknown) => {
      assert.ok(error instanceof EngineError, String(error));
      assert.match(error.message, pattern);
    });
  }

  it("changes chat and completion from the next request on, and the way back is exact", async () => {
    const runtime = await loaded();
    const [text, middle] = [await say(runtime), await infill(runtime)];
    const one = await adapter(1);
    assert.equal((await runtime.useAdapter(one)).adapter, one.sha256);
    const changed = await say(runtime);
    assert.notEqual(changed, text);
    assert.notDeepEqual((await infill(runtime)).tokenLogProbs, middle.tokenLogProbs);
    await runtime.useAdapter(await adapter(2));
    assert.notEqual(await say(runtime), changed);
    await runtime.useAdapter(one);
    assert.equal(await say(runtime), changed);
    assert.equal((await runtime.useAdapter(null)).adapter, null);
    assert.equal(await say(runtime), text);
    assert.deepEqual((await infill(runtime)).tokenLogProbs, middle.tokenLogProbs);
  });

  it("reuses nothing that was computed under another adapter", async () => {
    const runtime = await loaded();
    await infill(runtime);
    assert.ok((await infill(runtime)).tokens.reused > 0, "under the same adapter it does");
    const one = await adapter(1);
    await runtime.useAdapter(one);
    assert.equal((await infill(runtime)).tokens.reused, 0);
    assert.ok((await infill(runtime)).tokens.reused > 0);
    await runtime.useAdapter(one);
    assert.ok((await infill(runtime)).tokens.reused > 0, "the same adapter again changes nothing");
    await runtime.useAdapter(null);
    assert.equal((await infill(runtime)).tokens.reused, 0);
  });

  it("lets what runs end under the adapter that it began with", async () => {
    const runtime = await loaded();
    const text = await say(runtime);
    const one = await adapter(1);
    let change: Promise<unknown> | undefined;
    assert.equal(await say(runtime, () => { change ??= runtime.useAdapter(one); }), text);
    await change;
    assert.notEqual(await say(runtime), text);
  });

  it("comes back with the model after a pause, and with the model that it is for", async () => {
    const one = await adapter(1);
    const asked: string[] = [];
    const runtime = await loaded((info) => {
      asked.push(info.id);
      return Promise.resolve(one);
    });
    assert.deepEqual([runtime.status().adapter, asked], [one.sha256, ["tiny"]]);
    const text = await say(runtime);
    await runtime.unload();
    assert.equal(await say(runtime), text);
    assert.equal(runtime.status().adapter, one.sha256);
    await runtime.unload();
    await runtime.useAdapter(null);
    assert.notEqual(await say(runtime), text);
  });

  it("loads the base model alone, and says so, where its adapter cannot be used", async () => {
    const plain = await say(await loaded());
    const missing = { file: path.join(folder, "none.gguf"), sha256: "0".repeat(64), canary: null };
    const runtime = await loaded(() => Promise.resolve(missing));
    assert.deepEqual([runtime.status().state, runtime.status().adapter], ["ready", null]);
    assert.match(runtime.status().explanation, /The base model is used alone: The adapter .*none\.gguf could not be applied/);
    assert.equal(await say(runtime), plain);
    const unknown = await loaded(() => Promise.reject(new Error("the store is gone")));
    assert.equal(unknown.status().state, "ready");
  });

  describe("canary", () => {
    /** What the adapter does according to the merged model: another way to the same numbers. */
    async function expectation(seed: number): Promise<NonNullable<ModelAdapter["canary"]>> {
      const merged = path.join(folder, `merged-${seed}.gguf`);
      await mergeAdapter(file, await readLora((await adapter(seed)).file), merged, { threads: 1 });
      return { tokens: TOKENS, adapted: await logProbabilities(merged), base: await logProbabilities(file) };
    }

    async function logProbabilities(model: string): Promise<number[]> {
      const backend = await openBackend("cpu", SILENT_LOG);
      const weights = await backend.llama.loadModel({ modelPath: model, gpuLayers: 0 });
      const context = await weights.createContext({ contextSize: 64, threads: 1 });
      const outputs = await context.getSequence().controlledEvaluate(TOKENS.slice(0, -1).map((token) => [token as never, { generateNext: { probabilities: true } }]));
      const result = TOKENS.slice(1).map((token, i) => Math.log(outputs[i]?.next.probabilities?.get(token as never) ?? NaN));
      await weights.dispose();
      await backend.release();
      return result;
    }

    it("accepts an adapter that does what its trainer saw", async () => {
      const runtime = await loaded();
      const one = { ...(await adapter(1)), canary: await expectation(1) };
      assert.equal((await runtime.useAdapter(one)).adapter, one.sha256);
    });

    it("refuses one that does something else, and the former one stays", async () => {
      const runtime = await loaded();
      const one = await adapter(1);
      await runtime.useAdapter(one);
      const text = await say(runtime);
      await refusal(runtime.useAdapter({ ...(await adapter(2)), canary: await expectation(1) }), /does not do what it was trained to: it changes a fixed text by [\d.]+ nats a token, expected were/);
      assert.equal(runtime.status().adapter, one.sha256);
      assert.equal(await say(runtime), text);
    });

    it("accepts a gentle one, whose change is lost in what differs between trainer and assistant", async () => {
      const runtime = await loaded();
      const gentle = await adapter(1, { size: 0.002 });
      const base = await logProbabilities(file);
      const apart = (nats: number): NonNullable<ModelAdapter["canary"]> => ({ tokens: TOKENS, adapted: base.map((value, i) => value + (i % 2 ? nats : -nats)), base });
      await refusal(runtime.useAdapter({ ...gentle, canary: apart(0.3) }), /does not do what it was trained to/);
      assert.equal((await runtime.useAdapter({ ...gentle, canary: apart(0.04) })).adapter, gentle.sha256);
    });

    it("refuses one that changes nothing, and one for another shape", async () => {
      const runtime = await loaded();
      await refusal(runtime.useAdapter(await adapter(1, { size: 0 })), /changes nothing of what the model says/);
      const wide = path.join(folder, "wide.gguf");
      await writeTinyModel(wide, { embedding: 128 });
      const { file: foreign, sha256 } = await writeLora(folder, await randomAdapter(wide));
      await refusal(runtime.useAdapter({ file: foreign, sha256, canary: null }), /could not be applied to the model: .*incorrect shape/);
      assert.equal(runtime.status().adapter ?? null, null);
    });
  });
});
