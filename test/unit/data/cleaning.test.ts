// Sketches, duplicates, leaks, splits and reports.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { Bits, Column } from "../../../src/engine/data/cleaning/column.ts";
import { BANDS, exactDuplicates, nearDuplicates, SKETCH_WIDTH, sketchRecord } from "../../../src/engine/data/cleaning/duplicates.ts";
import { similarity, sketch, SKETCH_BINS } from "../../../src/engine/data/cleaning/minHash.ts";
import { ReportBuilder } from "../../../src/engine/data/cleaning/reportBuilder.ts";
import { splitGroups } from "../../../src/engine/data/cleaning/split.ts";

const words = (random: SeededRandom, n: number): string[] => Array.from({ length: n }, () => `w${random.integer(5_000)}`);

/** Jaccard similarity of the shingles of five words, counted. */
function jaccard(a: readonly string[], b: readonly string[]): number {
  const shingles = (list: readonly string[]): Set<string> => new Set(list.slice(4).map((_, i) => list.slice(i, i + 5).join(" ")));
  const [x, y] = [shingles(a), shingles(b)];
  const both = [...x].filter((shingle) => y.has(shingle)).length;
  return both / (x.size + y.size - both);
}

describe("cleaning of training data", () => {
  let folder: string;
  let n = 0;
  const open: Column[] = [];
  before(() => void (folder = mkdtempSync(path.join(os.tmpdir(), "kalactica-cleaning-"))));
  after(() => {
    for (const column of open) column.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const column = (width: number): Column => {
    const made = new Column(path.join(folder, `column-${n++}`), width);
    open.push(made);
    return made;
  };

  describe("sketches", () => {
    const sketchOf = (text: string): Uint16Array => {
      const bins = new Uint16Array(SKETCH_BINS);
      sketch(text, bins);
      return bins;
    };

    it("estimate the Jaccard similarity without bias, within the deviation that 64 minima have", () => {
      const random = new SeededRandom(7);
      let squares = 0;
      let bias = 0;
      const pairs = 200;
      for (let i = 0; i < pairs; i++) {
        const a = words(random, 400);
        const b = [...a];
        for (let change = random.integer(40); change > 0; change--) b[random.integer(b.length)] = "other";
        const error = similarity(sketchOf(a.join(" ")), 0, sketchOf(b.join(" ")), 0) - jaccard(a, b);
        squares += error * error;
        bias += error;
      }
      assert.ok(Math.abs(bias / pairs) < 0.015, `bias ${bias / pairs}`);
      assert.ok(Math.sqrt(squares / pairs) < 0.075, `deviation ${Math.sqrt(squares / pairs)}`);
    });

    it("do not see spaces, line breaks and punctuation", () => {
      assert.deepEqual(sketchOf("if (a === b) { return c; }"), sketchOf("if a b\n  return c"));
    });

    it("tell short texts apart, and texts of one word or none", () => {
      for (const [a, b] of [["yes", "no"], ["});", "]);"], ["a b c", "a b d"], ["日本語", "中文"], ["", "x"]] as const) assert.ok(similarity(sketchOf(a), 0, sketchOf(b), 0) < 0.5, `${a} ${b}`);
      for (const text of ["yes", "});", "a b c", "日本語 𝒳"]) assert.equal(similarity(sketchOf(text), 0, sketchOf(` ${text}\n`), 0), 1);
    });
  });

  describe("exact duplicates", () => {
    it("are all but the first, in one pass over the columns or in many", async () => {
      const hashes = column(8);
      const random = new SeededRandom(3);
      const seen = new Set<number>();
      const expected: number[] = [];
      for (let i = 0; i < 20_000; i++) {
        const value = random.integer(15_000);
        hashes.next().writeBigUInt64LE(BigInt(value) * 0x9e3779b97f4a7c15n & 0xffffffffffffffffn);
        if (seen.has(value)) expected.push(i);
        seen.add(value);
      }
      for (const workBytes of [64 << 20, 10_000]) {
        const found = await exactDuplicates(hashes, workBytes);
        assert.deepEqual(Array.from({ length: 20_000 }, (_, i) => i).filter((i) => found.has(i)), expected);
        assert.equal(found.count, expected.length);
      }
    });
  });

  describe("near duplicates and leaks", () => {
    interface Item { given?: string; learnt: string; validation?: boolean }
    const find = async (items: readonly Item[], workBytes?: number): Promise<{ near: number[]; leaked: number[] }> => {
      const sketches = column(SKETCH_WIDTH);
      const bands = Array.from({ length: BANDS }, () => column(4));
      const validation = new Bits(items.length);
      for (const [i, item] of items.entries()) {
        sketchRecord("text", item.learnt, item.given ?? "", sketches.next(), (band, key) => bands[band]!.pushUint32(key));
        if (item.validation) validation.add(i);
      }
      const { near, leaked } = await nearDuplicates(sketches, bands, new Bits(items.length), validation, {}, workBytes);
      const marked = (bits: Bits): number[] => items.map((_, i) => i).filter((i) => bits.has(i));
      return { near: marked(near), leaked: marked(leaked) };
    };
    const random = new SeededRandom(11);
    const text = words(random, 200);
    const slightly = (changes: number): string => text.map((word, i) => (i > 20 && i <= 20 + changes ? "changed" : word)).join(" ");
    const [same, other] = [text.join(" "), words(random, 200).join(" ")];

    it("marks the later of two near texts, and no text that only shares words", async () => {
      assert.deepEqual(await find([{ learnt: other }, { learnt: same }, { learnt: slightly(3) }, { learnt: [...text].reverse().join(" ") }]), { near: [2], leaked: [] });
    });

    it("keeps records whose replies are near but not what they reply to, and the other way round", async () => {
      assert.deepEqual(await find([{ given: same, learnt: "yes" }, { given: other, learnt: "yes" }, { given: same, learnt: "no, never" }, { given: slightly(2), learnt: "yes" }]), { near: [3], leaked: [] });
      assert.deepEqual(await find([{ given: "one", learnt: same }, { given: "two", learnt: same }]), { near: [], leaked: [] });
    });

    it("drops from validation what training would tell, wherever it stands", async () => {
      assert.deepEqual(await find([{ learnt: same, validation: true }, { learnt: slightly(2) }]), { near: [], leaked: [0] });
      assert.deepEqual(await find([{ learnt: slightly(2) }, { learnt: same, validation: true }]), { near: [], leaked: [1] });
      assert.deepEqual(await find([{ given: "one", learnt: same }, { given: "two", learnt: same, validation: true }]), { near: [], leaked: [1] });
      assert.deepEqual(await find([{ given: "one", learnt: "yes" }, { given: "two", learnt: "yes", validation: true }]), { near: [], leaked: [] });
      // What is near to a leak, but not to training, stays.
      const further = text.map((word, i) => (i > 20 && i <= 28 ? "changed" : i > 120 && i <= 132 ? "other" : word)).join(" ");
      assert.deepEqual(await find([{ learnt: same }, { learnt: slightly(8), validation: true }, { learnt: further, validation: true }]), { near: [], leaked: [1] });
      assert.deepEqual(await find([{ learnt: slightly(8) }, { learnt: further }]), { near: [1], leaked: [] });
    });

    it("finds nearly all pairs of similarity .9, hardly any of .5, with any amount of memory", async () => {
      const items: Item[] = [];
      const draw = new SeededRandom(5);
      for (let i = 0; i < 150; i++) {
        const base = words(draw, 200);
        items.push({ learnt: base.join(" ") }, { learnt: base.map((word, at) => (at >= 100 && at < 106 ? `x${i}` : word)).join(" ") }, { learnt: base.map((word, at) => (at % 12 === 0 ? `y${i}` : word)).join(" ") });
      }
      const found = await find(items);
      const nears = found.near.filter((i) => i % 3 === 1).length;
      assert.ok(nears >= 147, `${nears} of 150 near pairs`);
      assert.ok(found.near.filter((i) => i % 3 === 2).length <= 2);
      assert.deepEqual(await find(items, 600), found);
    });
  });

  describe("splits", () => {
    const split = (records: readonly { group: string; time?: number }[], settings: { share?: number; seed?: number; by?: "group" | "time" } = {}) => {
      const [groups, times] = [column(8), column(8)];
      for (const { group, time } of records) {
        groups.next().write(group.padEnd(8).slice(0, 8), "latin1");
        times.next().writeDoubleLE(time ?? Number.NaN);
      }
      const result = splitGroups(groups, times, new Bits(records.length), { share: 0.1, seed: 1, by: "group", ...settings });
      return { by: result.by, groups: result.groups, validation: records.map((_, i) => i).filter((i) => result.validation.has(i)) };
    };
    const records = Array.from({ length: 400 }, (_, i) => ({ group: `g${Math.floor(i / 4)}`, time: i }));

    it("keeps groups whole, meets the share, and depends on the seed alone", () => {
      const a = split(records);
      assert.equal(a.validation.length, 40);
      assert.equal(a.groups, 100);
      for (const i of a.validation) assert.ok([0, 1, 2, 3].every((k) => a.validation.includes(i - (i % 4) + k)));
      assert.deepEqual(split(records), a);
      assert.notDeepEqual(split(records, { seed: 2 }).validation, a.validation);
    });

    it("takes the newest where times tell, and says so", () => {
      const { by, validation } = split(records, { by: "time" });
      assert.equal(by, "time");
      assert.deepEqual(validation, Array.from({ length: 40 }, (_, i) => 360 + i));
      assert.equal(split(records.map(({ group }) => ({ group, time: 5 })), { by: "time" }).by, "group");
      assert.equal(split(records.map(({ group }, i) => ({ group, ...(i === 7 ? {} : { time: i }) })), { by: "time" }).by, "group");
    });

    it("finds a validation group in small data, and none where there is one group or nothing is wanted", () => {
      assert.equal(split([{ group: "a" }, { group: "b" }, { group: "c" }]).validation.length, 1);
      assert.deepEqual(split([{ group: "a" }, { group: "a" }]).validation, []);
      assert.deepEqual(split([{ group: "a" }]).validation, []);
      assert.deepEqual(split(records, { share: 0 }).validation, []);
      const large = [...Array.from({ length: 90 }, () => ({ group: "big" })), ...Array.from({ length: 10 }, () => ({ group: "small" }))];
      for (let seed = 1; seed <= 8; seed++) assert.equal(split(large, { seed }).validation.length, 10);
    });
  });

  it("reports quantiles within 2 %, a histogram that sums up, and at most 100 problems", () => {
    const report = new ReportBuilder();
    const lengths = Array.from({ length: 1_000 }, (_, i) => 10 * (i + 1));
    for (const length of lengths) report.keep(length, length / 2, length > 5_000 ? "MIT" : "__proto__", "python");
    for (let i = 0; i < 130; i++) report.problem({ severity: "warning", at: `f:${i}`, sentence: "x".repeat(2_000) });
    const { lengths: quantiles, lengthHistogram, licences, problems, problemsLeftOut, kept, supervisedShare } = report.finish();
    for (const [found, expected] of [[quantiles.p50, 5_000], [quantiles.p90, 9_000], [quantiles.p99, 9_900]] as const) assert.ok(Math.abs(found / expected - 1) < 0.021, `${found} for ${expected}`);
    assert.equal(quantiles.longest, 10_000);
    assert.equal(lengthHistogram.reduce((sum, { count }) => sum + count, 0), 1_000);
    assert.deepEqual(Object.entries(licences), [["MIT", 500], ["__proto__", 500]]);
    assert.equal(kept, 1_000);
    assert.equal(supervisedShare, 0.5);
    assert.equal(problems.length, 100);
    assert.equal(problemsLeftOut, 30);
    assert.ok(problems.every(({ sentence }) => sentence.length <= 500));
  });
});
