// Adapter files: what is written is read again, PEFT's forms are converted or refused, merging adds what it should.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { EngineError } from "../../../src/engine/base/errors.ts";
import { GgmlType } from "../../../src/engine/base/ggmlTypes.ts";
import { readGguf } from "../../../src/engine/base/gguf.ts";
import { entriesOf, writeGguf } from "../../../src/engine/base/ggufWriter.ts";
import { pairsOf, readLora, readLoraHeader, requireFit, targetsOf, tensorsOf, writeLora } from "../../../src/engine/training/adapters/loraFile.ts";
import { mergeAdapter } from "../../../src/engine/training/adapters/merge.ts";
import { layoutOf, readPeft, writePeft } from "../../../src/engine/training/adapters/peft.ts";
import type { BaseLayout } from "../../../src/engine/training/adapters/peft.ts";
import { readSafetensors, writeSafetensors } from "../../../src/engine/training/adapters/safetensors.ts";
import type { SafeTensor } from "../../../src/engine/training/adapters/safetensors.ts";
import { writeTinyModel } from "../../../tools/random-model.ts";
import { randomAdapter, writeRandomAdapter } from "./adapterSupport.ts";

describe("training/adapters", () => {
  let folder: string;
  let model: string;

  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-adapters-"));
    model = path.join(folder, "tiny.gguf");
    await writeTinyModel(model);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function refusal(work: Promise<unknown>, pattern: RegExp): Promise<EngineError> {
    return work.then(() => assert.fail("was accepted"), (error: unknown) => {
      assert.ok(error instanceof EngineError, String(error));
      assert.match(error.message, /[.)]$/, "a sentence");
      assert.match(error.message, pattern);
      return error;
    });
  }

  describe("GGUF files", () => {
    it("are named by their content and read again as they were", async () => {
      const canary = { tokens: [1, 2, 3], adapted: [-1.5, -2], base: [-2.5, -3] };
      const adapter = await randomAdapter(model, { canary, baseSha256: "ab".repeat(32) });
      const written = await writeLora(path.join(folder, "files"), adapter);
      assert.equal(createHash("sha256").update(await readFile(written.file)).digest("hex"), written.sha256);
      assert.equal(path.basename(written.file), `${written.sha256}.gguf`);
      assert.deepEqual(await readLora(written.file), adapter);
      assert.deepEqual(await writeLora(path.join(folder, "files"), adapter), written, "the same adapter is the same file");
      const other = await writeLora(path.join(folder, "files"), { ...adapter, facts: { ...adapter.facts, alpha: 9 } });
      assert.notEqual(other.sha256, written.sha256);
      assert.deepEqual((await readdir(path.join(folder, "files"))).sort(), [`${written.sha256}.gguf`, `${other.sha256}.gguf`].sort(), "nothing else is left");
    });

    it("take half-precision and quantised tensors of other programs", async () => {
      // 1.5 and −0.25 are exact in each of these formats.
      const values = [1.5, -0.25];
      const half = Buffer.from(Uint16Array.of(0x3e00, 0xb400).buffer);
      const brain = Buffer.from(Uint16Array.of(0x3fc0, 0xbe80).buffer);
      const q8 = Buffer.alloc(34);
      q8.writeUInt16LE(0x3400, 0); // scale 0.25
      q8.writeInt8(6, 2);
      q8.writeInt8(-1, 3);
      for (const [type, data, columns] of [[GgmlType.F16, half, 2], [GgmlType.BF16, brain, 2], [GgmlType.Q8_0, q8, 32]] as const) {
        const file = path.join(folder, `half-${type}.gguf`);
        await writeGguf(file, {
          metadata: new Map([["general.type", "adapter"], ["adapter.type", "lora"], ["general.architecture", "llama"]].map(([key, value]) => [key as string, { type: "string" as const, value: value as string }])),
          tensors: [{ name: "w.lora_a", type, shape: [columns, 1], data }, { name: "w.lora_b", type: GgmlType.F32, shape: [1, 1], data: new Uint8Array(4) }],
        });
        const { pairs, facts } = await readLora(file);
        assert.deepEqual([...pairs[0]?.a.subarray(0, 2) ?? []], values);
        assert.equal(facts.alpha, facts.rank, "without an alpha the scale is 1");
      }
    });

    it("refuse what is no adapter, half a pair, numbers that are none, and alpha 0", async () => {
      await refusal(readLoraHeader(model), /no LoRA adapter but a model of architecture "qwen2"/);
      const adapter = await randomAdapter(model);
      const [a, ...rest] = tensorsOf(adapter.pairs);
      assert.ok(a);
      assert.throws(() => pairsOf(rest, "it"), /only one half of the pair for "blk.0.attn_q.weight"/);
      assert.throws(() => pairsOf([{ ...a, name: "blk.0.attn_q.weight" }], "it"), /no half of a low-rank pair/);
      await refusal(writeLora(folder, { ...adapter, facts: { ...adapter.facts, alpha: 0 } }), /alpha is 0/);
      adapter.pairs[1]?.b.fill(NaN, 3, 4);
      await refusal(writeLora(folder, adapter), /"blk.0.attn_k.weight" holds values that are no numbers/);
    });

    it("are held against the base: architecture, names and shapes", async () => {
      const base = await readGguf(model);
      const { facts, gguf } = await readLoraHeader((await writeRandomAdapter(model, folder)).file);
      const targets = targetsOf(gguf);
      requireFit({ facts, targets }, base, "tiny");
      assert.throws(() => requireFit({ facts: { ...facts, architecture: "llama" }, targets }, base, "tiny"), /for models of architecture "llama", but tiny is a "qwen2"/);
      assert.throws(() => requireFit({ facts, targets: [{ target: "blk.7.attn_q.weight", inputs: 64, outputs: 64 }] }, base, "tiny"), /"blk.7.attn_q.weight", which tiny does not have/);
      assert.throws(() => requireFit({ facts, targets: [{ target: "blk.0.attn_k.weight", inputs: 64, outputs: 64 }] }, base, "tiny"), /64 × 64, but that of tiny is 64 × 32/);
    });
  });

  describe("safetensors", () => {
    const tensors: SafeTensor[] = [
      { name: "b", shape: [2, 2], values: Float32Array.of(1, -2, 3.5, 4) },
      { name: "a", shape: [3], values: Float32Array.of(0.1, 0, -1e-20) },
    ];

    it("are read as they were written", async () => {
      const file = path.join(folder, "plain.safetensors");
      await writeSafetensors(file, tensors, { format: "pt" });
      assert.deepEqual(await readSafetensors(file), [tensors[1], tensors[0]]);
    });

    it("hold F16 and BF16 as well", async () => {
      const file = path.join(folder, "half.safetensors");
      await writeRaw(file, { h: { dtype: "F16", shape: [4], data_offsets: [0, 8] }, b: { dtype: "BF16", shape: [2], data_offsets: [8, 12] } }, Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0x3f80, 0xc2f7));
      assert.deepEqual((await readSafetensors(file)).map(({ values }) => [...values]), [[1, -2, 2 ** -24, 65504], [1, -123.5]]);
    });

    it("are refused where they are damaged, at every cut", async () => {
      const file = path.join(folder, "cut.safetensors");
      await writeSafetensors(file, tensors);
      const whole = await readFile(file);
      for (let length = 0; length < whole.length; length += 7) {
        await writeFile(file, whole.subarray(0, length));
        assert.equal((await refusal(readSafetensors(file), /no sound safetensors file/)).reason, "dataInvalid");
      }
      await writeRaw(file, { x: { dtype: "I64", shape: [1], data_offsets: [0, 8] } }, new Uint8Array(8));
      await refusal(readSafetensors(file), /"x" .* is in format I64; expected F32, F16 or BF16/);
      await writeRaw(file, { x: { dtype: "F32", shape: [4], data_offsets: [0, 8] } }, new Uint8Array(8));
      await refusal(readSafetensors(file), /tensor "x" of shape 4 lies at bytes 0 to 8/);
      await refusal(readSafetensors(path.join(folder, "none.safetensors")), /There is no file/);
    });

    async function writeRaw(file: string, header: object, data: ArrayBufferView): Promise<void> {
      const json = Buffer.from(JSON.stringify(header));
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(json.length));
      await writeFile(file, Buffer.concat([length, json, Buffer.from(data.buffer, data.byteOffset, data.byteLength)]));
    }
  });

  describe("PEFT", () => {
    const llama: BaseLayout = { architecture: "llama", nHeads: 2, nKvHeads: 1 };
    const qwen: BaseLayout = { ...llama, architecture: "qwen2" };
    const prefix = "base_model.model.model.layers.0";
    const plain = { peft_type: "LORA", r: 2, lora_alpha: 4, bias: "none" };
    /** Rank 2, 3 inputs; B's rows are numbered. */
    const pair = (module: string, rows = 8, rank = 2): SafeTensor[] => [
      { name: `${prefix}.${module}.lora_A.weight`, shape: [rank, 3], values: Float32Array.from({ length: 3 * rank }, (_, i) => i) },
      { name: `${prefix}.${module}.lora_B.weight`, shape: [rows, rank], values: Float32Array.from({ length: rows * rank }, (_, i) => Math.floor(i / rank)) },
    ];
    let count = 0;
    async function saved(config: object, tensors: SafeTensor[]): Promise<string> {
      const place = path.join(folder, `peft-${count++}`);
      await writeSafetensors(path.join(place, "adapter_model.safetensors"), tensors);
      await writeFile(path.join(place, "adapter_config.json"), JSON.stringify({ ...plain, ...config }));
      return place;
    }
    const rowsOf = (b: Float32Array | undefined, rank = 2): number[] => [...b ?? []].filter((_, i) => i % rank === 0);

    it("gets llama.cpp's names, and its order of rows in Q and K of llama only", async () => {
      const place = await saved({}, [...pair("self_attn.q_proj"), ...pair("self_attn.k_proj", 4), ...pair("mlp.down_proj")]);
      const { pairs, facts } = await readPeft(place, llama);
      assert.deepEqual(pairs.map(({ target }) => target), ["blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.ffn_down.weight"]);
      // Two heads of four rows: the halves of each interleave.
      assert.deepEqual(rowsOf(pairs[0]?.b), [0, 2, 1, 3, 4, 6, 5, 7]);
      assert.deepEqual(rowsOf(pairs[1]?.b), [0, 2, 1, 3]);
      assert.deepEqual(rowsOf(pairs[2]?.b), [0, 1, 2, 3, 4, 5, 6, 7]);
      assert.deepEqual([facts.rank, facts.alpha], [2, 4]);
      assert.deepEqual(rowsOf((await readPeft(place, qwen)).pairs[0]?.b), [0, 1, 2, 3, 4, 5, 6, 7]);
    });

    it("comes back as it was", async () => {
      const tensors = [...pair("self_attn.q_proj"), ...pair("self_attn.k_proj", 4), ...pair("mlp.up_proj")];
      const again = path.join(folder, "peft-again");
      await writePeft(again, await readPeft(await saved({}, tensors), llama), llama, "some/base");
      assert.deepEqual(await readSafetensors(path.join(again, "adapter_model.safetensors")), [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1)));
      const config = JSON.parse(await readFile(path.join(again, "adapter_config.json"), "utf8")) as Record<string, unknown>;
      assert.deepEqual([config["r"], config["lora_alpha"], config["target_modules"], config["base_model_name_or_path"]], [2, 4, ["q_proj", "k_proj", "up_proj"], "some/base"]);
    });

    it("keeps the scale: rank-stabilised, and with ranks and alphas of their own", async () => {
      const stabilised = await readPeft(await saved({ use_rslora: true }, pair("mlp.up_proj")), llama);
      assert.equal(stabilised.facts.alpha, Math.fround(4 * Math.sqrt(2)));
      const mixed = await readPeft(await saved({ rank_pattern: { q_proj: 5 }, alpha_pattern: { "layers\\.0\\.mlp\\.up_proj": 12 } }, [
        ...pair("self_attn.q_proj", 8, 5), ...pair("self_attn.v_proj"), ...pair("self_attn.o_proj"), ...pair("mlp.up_proj"),
      ]), qwen);
      assert.deepEqual([mixed.facts.rank, mixed.facts.alpha], [5, 4]);
      assert.deepEqual(rowsOf(mixed.pairs[0]?.b, 5), [0, 1, 2, 3, 4, 5, 6, 7], "4/5 is llama.cpp's own scale for rank 5");
      assert.deepEqual(rowsOf(mixed.pairs[3]?.b), [0, 3, 6, 9, 12, 15, 18, 21], "12/2 instead of 4/2");
    });

    it("is refused where llama.cpp's format cannot say it", async () => {
      const cases: [object, RegExp][] = [
        [{ peft_type: "LOHA" }, /its kind is "LOHA"/], [{ use_dora: true }, /DoRA/], [{ modules_to_save: ["lm_head"] }, /modules_to_save: \["lm_head"\]/],
        [{ trainable_token_indices: [5] }, /rows of the embedding/], [{ target_parameters: ["experts.w"] }, /target_parameters/], [{ bias: "all" }, /trains biases/],
        [{ lora_bias: true }, /trains biases/], [{ fan_in_fan_out: true }, /transposed/], [{ init_lora_weights: "pissa_niter_4" }, /pissa_niter_4, which changed the base/],
        [{ lora_alpha: 0 }, /alpha is 0/], [{ layer_replication: [[0, 1]] }, /replicates/], [{ alora_invocation_tokens: [1] }, /activated LoRA/],
      ];
      for (const [config, pattern] of cases) await refusal(readPeft(await saved(config, pair("mlp.up_proj")), llama), pattern);
      const embedding: SafeTensor = { name: "base_model.model.model.embed_tokens.lora_embedding_A", shape: [1], values: new Float32Array(1) };
      await refusal(readPeft(await saved({}, [embedding]), llama), /"base_model.model.model.embed_tokens.lora_embedding_A", an embedding/);
      await refusal(readPeft(await saved({}, pair("mlp.up_proj").slice(0, 1)), llama), /no fitting pair .* model.layers.0.mlp.up_proj/);
      await refusal(readPeft(await saved({}, pair("block_sparse_moe.gate")), llama), /a module that is not known/);
      await refusal(readPeft(folder, llama), /no adapter_config.json/);
      const pickled = await saved({}, pair("mlp.up_proj"));
      await rm(path.join(pickled, "adapter_model.safetensors"));
      await writeFile(path.join(pickled, "adapter_model.bin"), "");
      await refusal(readPeft(pickled, llama), /Python pickle, which can run code/);
      assert.throws(() => layoutOf({ metadata: new Map([["general.architecture", "mamba"]]) } as never, "it"), /"mamba"; PEFT adapters are converted for llama, qwen2/);
    });
  });

  describe("merging", () => {
    it("adds the change to F32 weights and copies everything else bit by bit", async () => {
      const plain = path.join(folder, "f32.gguf");
      const source = await readGguf(model);
      await writeGguf(plain, { metadata: entriesOf(source), tensors: source.tensors.map(({ name, shape }, t) => ({ name, shape, type: GgmlType.F32, data: new Uint8Array(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i + t)).buffer) })) });
      const adapter = await randomAdapter(plain);
      // Only one layer's, so that the other must stay as it is; slices smaller than a matrix.
      const half = { ...adapter, pairs: adapter.pairs.filter(({ target }) => target.startsWith("blk.1.")) };
      const out = path.join(folder, "merged.gguf");
      const report = await mergeAdapter(plain, half, out, { threads: 1, sliceElements: 500 });
      assert.deepEqual([report.merged, report.converted, report.relativeLoss], [7, [], 0]);
      const [before, after] = [await readFile(plain), await readFile(out)];
      const gguf = await readGguf(plain);
      assert.ok(before.subarray(0, gguf.dataOffset).equals(after.subarray(0, gguf.dataOffset)), "the header");
      for (const { name, offset, sizeBytes, shape } of gguf.tensors) {
        const at = gguf.dataOffset + offset;
        const pair = half.pairs.find(({ target }) => target === name);
        if (pair === undefined) {
          assert.ok(before.subarray(at, at + sizeBytes).equals(after.subarray(at, at + sizeBytes)), name);
          continue;
        }
        const columns = shape[0] ?? 0;
        for (const index of [0, 17, columns + 3, sizeBytes / 4 - 1]) {
          const [row, column] = [Math.floor(index / columns), index % columns];
          let change = 0;
          for (let r = 0; r < pair.rank; r++) change += (pair.b[row * pair.rank + r] ?? 0) * (pair.a[r * columns + column] ?? 0);
          const wanted = before.readFloatLE(at + 4 * index) + (half.facts.alpha / pair.rank) * change;
          assert.ok(Math.abs(after.readFloatLE(at + 4 * index) - wanted) < 1e-5, `${name}[${index}]`);
        }
      }
    });

    it("keeps each matrix's own format, says what that loses, and converts what cannot be written", async () => {
      const out = path.join(folder, "merged-q8.gguf");
      const report = await mergeAdapter(model, await randomAdapter(model), out, { threads: 1 });
      assert.deepEqual((await readGguf(out)).tensors.map(({ type }) => type), (await readGguf(model)).tensors.map(({ type }) => type));
      assert.ok(report.relativeLoss > 0 && report.relativeLoss < 0.1, `loss ${report.relativeLoss}`);

      const rare = path.join(folder, "iq2.gguf");
      const iq2 = 16;
      await writeGguf(rare, {
        metadata: new Map([["general.architecture", { type: "string", value: "llama" }]]),
        tensors: [{ name: "blk.0.attn_q.weight", type: iq2, shape: [256, 2], data: new Uint8Array(2 * 66) }],
      });
      const pair = { target: "blk.0.attn_q.weight", inputs: 256, outputs: 2, rank: 1, a: new Float32Array(256).fill(1), b: Float32Array.of(1, 2) };
      const converted = await mergeAdapter(rare, { facts: { architecture: "llama", rank: 1, alpha: 1, baseSha256: null, method: null, datasetVersion: null, run: null, canary: null }, pairs: [pair] }, path.join(folder, "iq2-merged.gguf"), { threads: 1 });
      assert.deepEqual(converted.converted, [{ name: "blk.0.attn_q.weight", from: "IQ2_XXS", to: "Q8_0" }]);
    });

    it("leaves nothing behind when it is cancelled or does not fit", async () => {
      const out = path.join(folder, "not-there.gguf");
      await assert.rejects(mergeAdapter(model, await randomAdapter(model), out, { threads: 1, signal: AbortSignal.abort() }), { name: "CancelledError" });
      const adapter = await randomAdapter(model);
      await refusal(mergeAdapter(model, { ...adapter, facts: { ...adapter.facts, architecture: "llama" } }, out, { threads: 1 }), /architecture "llama"/);
      assert.deepEqual((await readdir(folder)).filter((name) => name.includes("not-there")), []);
    });
  });
});
