// Inspecting model files: real shapes, and every kind of bad file gets a sentence.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { EngineError } from "../../../src/engine/base/errors.ts";
import type { ErrorReason } from "../../../src/engine/base/errors.ts";
import { writeGguf } from "../../../src/engine/base/ggufWriter.ts";
import type { GgufEntry } from "../../../src/engine/base/ggufWriter.ts";
import { inspectModel } from "../../../src/engine/model/inspect.ts";
import { writeTinyModel } from "../../../tools/random-model.ts";

describe("model/inspect", () => {
  let folder: string;
  let tiny: string;

  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-inspect-"));
    tiny = path.join(folder, "tiny.gguf");
    await writeTinyModel(tiny, { infill: "spm", contextLength: 512 });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function refusal(file: string): Promise<EngineError> {
    return inspectModel(file).then(() => assert.fail("was accepted"), (error: unknown) => {
      assert.ok(error instanceof EngineError, String(error));
      assert.match(error.message, /\.$/, "a sentence");
      return error;
    });
  }

  it("reads shape, format, infill layout and chat template", async () => {
    const details = await inspectModel(tiny);
    assert.equal(details.architecture, "qwen2");
    assert.equal(details.quantisation, "Q8_0");
    assert.equal(details.contextSize, 512);
    assert.equal(details.layers, 2);
    assert.equal(details.chatTemplate, true);
    assert.equal(details.embedding, false);
    assert.deepEqual([details.infill?.family, details.infill?.layout, details.infill?.limits?.prefix], ["qwen", "spm", 300]);
    // 2 layers × 2 key–value heads × 16 elements × (key + value).
    assert.equal(details.cacheElementsPerToken, 2 * 2 * 16 * 2);
    assert.equal(details.parameters, 284 * 64 + 64 + 2 * (2 * 64 + 64 * 64 * 2 + 64 + 2 * (64 * 32 + 32) + 3 * 64 * 128));
  });

  it("says that a model without infill tokens has none", async () => {
    const file = path.join(folder, "plain.gguf");
    await writeTinyModel(file, { infill: "none", chatTemplate: false, pooled: true });
    const details = await inspectModel(file);
    assert.equal(details.infill, null);
    assert.equal(details.chatTemplate, false);
    assert.equal(details.embedding, true);
  });

  it("gives every truncation a sentence, wherever the cut is", async () => {
    const whole = await readFile(tiny);
    const file = path.join(folder, "cut.gguf");
    const reasons = new Set<ErrorReason>();
    for (let length = 0; length < whole.length; length += Math.ceil(whole.length / 60)) {
      await writeFile(file, whole.subarray(0, length));
      reasons.add((await refusal(file)).reason);
    }
    await writeFile(file, whole.subarray(0, whole.length - 1));
    assert.equal((await refusal(file)).reason, "modelTruncated");
    // Only the empty file is no GGUF at all.
    assert.deepEqual([...reasons].sort(), ["modelForeign", "modelTruncated"]);
  });

  it("refuses foreign files and files of the future", async () => {
    const file = path.join(folder, "other.gguf");
    await writeFile(file, "<!doctype html><title>Sign in</title>");
    assert.equal((await refusal(file)).reason, "modelForeign");
    const future = Buffer.from(await readFile(tiny));
    future.writeUInt32LE(4, 4);
    await writeFile(file, future);
    assert.equal((await refusal(file)).reason, "modelTooNew");
    assert.equal((await refusal(path.join(folder, "missing.gguf"))).reason, "modelNotFound");
    assert.equal((await refusal(folder)).reason, "unreadable");
  });

  it("survives any single damaged byte of the header", async () => {
    const whole = await readFile(tiny);
    const file = path.join(folder, "damaged.gguf");
    for (let at = 0; at < 6000; at += 97) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0xff;
      await writeFile(file, damaged);
      await inspectModel(file).catch((error: unknown) => { assert.ok(error instanceof EngineError, `byte ${at}: ${String(error)}`); });
    }
  });

  it("refuses GGUF files that are no language model", async () => {
    const file = path.join(folder, "no-model.gguf");
    const base: [string, GgufEntry][] = [["general.architecture", { type: "string", value: "qwen2" }], ["qwen2.block_count", { type: "uint32", value: 1 }], ["qwen2.embedding_length", { type: "uint32", value: 8 }]];
    const tokens: [string, GgufEntry] = ["tokenizer.ggml.tokens", { type: "array", elementType: "string", value: ["a"] }];
    const tensors = [{ name: "token_embd.weight", type: 0, shape: [8, 1], data: new Uint8Array(32) }];
    const cases: [metadata: [string, GgufEntry][], said: RegExp][] = [
      [[], /architecture/],
      [[...base, ["general.type", { type: "string", value: "adapter" }], tokens], /adapter/],
      [[...base, ["split.count", { type: "uint16", value: 3 }], tokens], /one of 3 parts/],
      [base, /no vocabulary/],
    ];
    for (const [metadata, said] of cases) {
      await writeGguf(file, { metadata: new Map(metadata), tensors });
      const error = await refusal(file);
      assert.equal(error.reason, "modelForeign");
      assert.match(error.message, said);
    }
    await writeGguf(file, { metadata: new Map([...base, tokens]), tensors: [] });
    assert.match((await refusal(file)).message, /vocabulary only/);
  });
});
