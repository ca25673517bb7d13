// Packing and the store of rendered units: nothing lost, nothing mixed up, nothing that depends on what lies beside it.
import assert from "node:assert/strict";
import { appendFile, mkdtemp, rm, truncate } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { SeededRandom } from "../../../../src/engine/base/random.ts";
import { learntOf, pack, spread } from "../../../../src/engine/training/samples/pack.ts";
import { sampleOf } from "../../../../src/engine/training/samples/tokenSample.ts";
import type { TokenSample } from "../../../../src/engine/training/samples/tokenSample.ts";
import { UnitStore, UnitWriter } from "../../../../src/engine/training/samples/unitStore.ts";

function randomUnits(n: number, seed: number): TokenSample[][] {
  const random = new SeededRandom(seed);
  const tokens = (length: number): number[] => Array.from({ length }, () => random.integer(1000));
  return Array.from({ length: n }, () => Array.from({ length: 1 + random.integer(2) }, () => sampleOf(tokens(1 + random.integer(20)), tokens(1 + random.integer(20)))));
}

describe("samples/pack", () => {
  it("lays every token once, each sample for itself, with the next token as the label", () => {
    const units = randomUnits(60, 1);
    const packed = pack(units, 64, 16);
    const seen = new Set<string>();
    for (const { batch, samples } of packed) {
      assert.ok(batch.nTokens <= 64 && batch.nTokens % 16 === 0);
      let covered = 0;
      for (const [segment, at] of samples.entries()) {
        seen.add(`${at.unit}.${at.sample}`);
        covered += at.length;
        const sample = units[at.unit]?.[at.sample];
        assert.ok(sample);
        for (let t = 0; t < at.length; t++) {
          assert.equal(batch.tokens[at.offset + t], sample.tokens[t]);
          assert.equal(batch.positions[at.offset + t], t);
          assert.equal(batch.segments[at.offset + t], segment);
          assert.equal(batch.learnt[at.offset + t], sample.learnt[t + 1] ?? 0);
          if (t + 1 < at.length) assert.equal(batch.labels[at.offset + t], sample.tokens[t + 1]);
        }
      }
      assert.ok(batch.segments.subarray(covered).every((s) => s === -1), "what is left is padding");
      assert.ok(batch.learnt.subarray(covered).every((l) => l === 0));
    }
    assert.equal(seen.size, units.flat().length);
  });

  it("keeps the samples of a unit together where they fit, and fills batches well", () => {
    const packed = pack(randomUnits(200, 2), 128);
    const places = new Map<number, Set<number>>();
    for (const [b, { samples }] of packed.entries()) for (const { unit } of samples) places.set(unit, (places.get(unit) ?? new Set()).add(b));
    assert.ok([...places.values()].every((batches) => batches.size === 1));
    const used = packed.reduce((n, p) => n + p.samples.reduce((m, s) => m + s.length, 0), 0);
    assert.ok(used / (packed.length * 128) > 0.9, `only ${used / (packed.length * 128)} full`);
  });

  it("splits a unit that does not fit, and refuses a sample that never can", () => {
    const long = sampleOf([1, 2, 3], [4, 5, 6]);
    assert.equal(pack([[long, long]], 8).length, 2);
    assert.throws(() => pack([[long]], 5), /A sample has 6 tokens/);
  });

  it("puts values where they were taken from", () => {
    const [packed] = pack([[sampleOf([1, 2], [3, 4])], [sampleOf([5], [6])]], 16);
    assert.ok(packed);
    const target = new Float32Array(packed.batch.nTokens);
    const [first] = packed.samples;
    assert.ok(first);
    spread([7, 8], packed.batch, first, target);
    assert.deepEqual(Array.from(learntOf(target, packed.batch, first)), [7, 8]);
    assert.deepEqual(Array.from(target), [0, 7, 8, 0, 0, 0]);
  });
});

describe("samples/unitStore", () => {
  let folder: string;
  beforeEach(async () => { folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-units-")); });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function write(): Promise<TokenSample[][]> {
    const units = randomUnits(50, 3);
    const writer = await UnitWriter.create(folder, "train");
    for (const [i, samples] of units.entries()) await writer.add({ at: `file ${i} ü`, samples, extra: i === 7 ? "{\"é\":1}" : "", ...i % 3 === 0 ? {} : { good: i % 3 === 1 } });
    await writer.finish("f", { records: 50 });
    return units;
  }

  it("gives back any unit as it was, with the report", async () => {
    const units = await write();
    const opened = await UnitStore.open<{ records: number }>(folder, "train", "f");
    assert.ok(opened);
    assert.deepEqual(opened.report, { records: 50 });
    for (const i of [49, 0, 7, 22, 7]) {
      const unit = await opened.store.read(i);
      assert.deepEqual(unit.samples, units[i]);
      assert.equal(unit.at, `file ${i} ü`);
      assert.equal(unit.extra, i === 7 ? "{\"é\":1}" : "");
      assert.equal(unit.good, i % 3 === 0 ? undefined : i % 3 === 1);
    }
    assert.equal(opened.store.tokensOf(5), units[5]?.reduce((n, s) => n + s.tokens.length, 0));
    await opened.store.close();
  });

  it("is not there for another fingerprint, when cut off, when longer, or when it was never finished", async () => {
    await write();
    assert.equal(await UnitStore.open(folder, "train", "other"), null);
    await appendFile(path.join(folder, "train.bin"), "x");
    assert.equal(await UnitStore.open(folder, "train", "f"), null);
    await truncate(path.join(folder, "train.bin"), 100);
    assert.equal(await UnitStore.open(folder, "train", "f"), null);
    const writer = await UnitWriter.create(folder, "train");
    await writer.add({ at: "", samples: [sampleOf([1], [2])], extra: "" });
    await writer.discard();
    assert.equal(await UnitStore.open(folder, "train", "f"), null);
  });
});
