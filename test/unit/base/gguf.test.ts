// GGUF reader and writer: round trips, and one sentence for every way in which a file can be bad.
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { EngineError } from "../../../src/engine/base/errors.ts";
import type { ErrorReason } from "../../../src/engine/base/errors.ts";
import { readGguf } from "../../../src/engine/base/gguf.ts";
import { entriesOf, GgufWriter, writeGguf } from "../../../src/engine/base/ggufWriter.ts";
import type { GgufEntry } from "../../../src/engine/base/ggufWriter.ts";

let folder: string;
let file: string;
before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "gguf-"));
});
beforeEach(() => {
  file = path.join(folder, "model.gguf");
});
after(() => rm(folder, { recursive: true }));

const everyType = new Map<string, GgufEntry>([
  ["general.architecture", { type: "string", value: "llama" }],
  ["a.uint8", { type: "uint8", value: 255 }],
  ["a.int8", { type: "int8", value: -128 }],
  ["a.uint16", { type: "uint16", value: 65535 }],
  ["a.int16", { type: "int16", value: -2 }],
  ["a.uint32", { type: "uint32", value: 4294967295 }],
  ["a.int32", { type: "int32", value: -7 }],
  ["a.float32", { type: "float32", value: 0.5 }],
  ["a.bool", { type: "bool", value: true }],
  ["a.uint64", { type: "uint64", value: (1n << 64n) - 1n }],
  ["a.int64", { type: "int64", value: -5 }],
  ["a.float64", { type: "float64", value: 1e-300 }],
  ["tokens", { type: "array", elementType: "string", value: ["é", "", "Ġa"] }],
  ["numbers", { type: "array", elementType: "int32", value: [1, -1] }],
]);

const twoTensors = [
  { name: "one", type: 0, shape: [3], data: new Uint8Array(new Float32Array([1, 2, 3]).buffer) },
  { name: "two", type: 8, shape: [32, 2], data: new Uint8Array(68).fill(7) },
];

async function writeSample(): Promise<Buffer> {
  await writeGguf(file, { metadata: everyType, tensors: twoTensors });
  return readFile(file);
}

async function rejects(reason: ErrorReason, sentence: RegExp): Promise<void> {
  await assert.rejects(readGguf(file), (error: unknown) => {
    assert.ok(error instanceof EngineError);
    assert.equal(error.reason, reason);
    assert.match(error.message, sentence);
    assert.ok(error.message.includes(file), "the sentence names the file");
    return true;
  });
}

describe("gguf", () => {
  it("reads back every metadata type and the tensor table", async () => {
    await writeSample();
    const gguf = await readGguf(file);
    assert.deepEqual(
      [...gguf.metadata],
      [...everyType].map(([key, entry]) => [key, entry.value]),
    );
    assert.deepEqual(gguf.tensors, [
      { name: "one", type: 0, typeName: "F32", shape: [3], offset: 0, sizeBytes: 12 },
      { name: "two", type: 8, typeName: "Q8_0", shape: [32, 2], offset: 32, sizeBytes: 68 },
    ]);
    assert.equal(gguf.dataOffset % 32, 0);
    const bytes = await readFile(file);
    assert.equal(gguf.fileSize, bytes.length);
    assert.equal(bytes.readFloatLE(gguf.dataOffset + 8), 3);
    assert.equal(bytes[gguf.dataOffset + 32], 7);
  });

  it("copies a file byte for byte", async () => {
    const first = await writeSample();
    const metadata = entriesOf(await readGguf(file));
    await writeGguf(file, { metadata, tensors: twoTensors });
    assert.deepEqual(await readFile(file), first);
  });

  it("says that a file cut at any byte is truncated", async () => {
    const whole = await writeSample();
    for (let length = 4; length < whole.length - 28; length += 13) {
      await writeFile(file, whole.subarray(0, length));
      await rejects("modelTruncated", /cut off/);
    }
    await writeFile(file, whole);
    await truncate(file, whole.length - 29); // into the data of the last tensor
    await rejects("modelTruncated", /cut off/);
  });

  it("says that another format is no GGUF", async () => {
    await writeFile(file, "PK\u0003\u0004 and so on");
    await rejects("modelForeign", /not a GGUF/);
    await writeFile(file, "");
    await rejects("modelForeign", /empty/);
  });

  const patched: [name: string, at: number, bytes: number[], reason: ErrorReason, sentence: RegExp][] = [
    ["a future version", 4, [4, 0, 0, 0], "modelTooNew", /version 4/],
    ["version 1", 4, [1, 0, 0, 0], "modelForeign", /version 1/],
    ["big-endian", 4, [0, 0, 0, 3], "modelForeign", /big-endian/],
    ["an absurd tensor count", 8, [255, 255, 255, 255, 255, 255, 255, 127], "modelForeign", /damaged/],
    ["an absurd entry count", 16, [255, 255, 255, 255, 255, 255, 255, 127], "modelForeign", /damaged/],
    ["an absurd key length", 24, [255, 255, 255, 255, 0, 0, 0, 0], "modelForeign", /metadata key/],
    ["a value type of the future", 24 + 8 + 20, [13, 0, 0, 0], "modelTooNew", /general\.architecture/],
  ];
  for (const [name, at, bytes, reason, sentence] of patched) {
    it(`refuses ${name}`, async () => {
      const whole = await writeSample();
      whole.set(bytes, at);
      await writeFile(file, whole);
      await rejects(reason, sentence);
    });
  }

  it("refuses tensors of an unknown format or with unaligned offsets", async () => {
    const whole = await writeSample();
    const at = whole.indexOf("two") + 3 + 4 + 16;
    const tooNew = Buffer.from(whole);
    tooNew.writeUInt32LE(99, at);
    await writeFile(file, tooNew);
    await rejects("modelTooNew", /format 99/);
    const unaligned = Buffer.from(whole);
    unaligned.writeUInt32LE(33, at + 4);
    await writeFile(file, unaligned);
    await rejects("modelForeign", /aligned/);
  });

  it("says that a missing file is missing and a folder is no file", async () => {
    file = path.join(folder, "absent.gguf");
    await rejects("modelNotFound", /no model file/);
    file = folder;
    await rejects("unreadable", /not a file/);
  });

  it("refuses values and data that do not fit, and leaves nothing behind", async () => {
    const before = await readdir(folder);
    const target = path.join(folder, "bad.gguf");
    await assert.rejects(writeGguf(target, { metadata: new Map([["k", { type: "uint8", value: 256 }]]), tensors: [] }), /cannot hold 256/);
    await assert.rejects(writeGguf(target, { metadata: new Map(), tensors: [{ name: "t", type: 0, shape: [2], data: new Uint8Array(7) }] }), /need 8/);
    const writer = await GgufWriter.create(target, new Map(), [{ name: "t", type: 0, shape: [2] }]);
    await assert.rejects(writer.finish(), /0 of the 1/);
    await writer.discard();
    assert.deepEqual(await readdir(folder), before);
  });
});
