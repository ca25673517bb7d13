// The store of data sets: versions, names, damage, full disks, kills, concurrent writers, diffs, reviews, exports, garbage.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import type { TrainingRecord } from "../../../src/engine/base/trainingRecord.ts";
import { buildDataset } from "../../../src/engine/data/build.ts";
import type { BuildSettings } from "../../../src/engine/data/build.ts";
import type { CleanText } from "../../../src/engine/data/dataset.ts";
import type { DatasetProblem } from "../../../src/engine/protocol/training.ts";
import { PartWriter } from "../../../src/engine/data/store/parts.ts";
import type { WriteFile } from "../../../src/engine/data/store/parts.ts";
import { DatasetStore } from "../../../src/engine/data/versions.ts";

const SETTINGS: BuildSettings = { validationShare: 0.1, seed: 1, splitBy: "group" };
const asItIs: CleanText = (text) => ({ text, secrets: 0, personalData: 0 });
const textRecord = (i: number, text = `record number ${i} about ${["apples", "pears", "plums"][i % 3]} ${i * 7919}`): TrainingRecord => ({ kind: "text", text, origin: { at: `f:${i + 1}` } });
const many = (n: number): TrainingRecord[] => Array.from({ length: n }, (_, i) => textRecord(i));

describe("the store of data sets", () => {
  let folder: string;
  let store: DatasetStore;
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "kalactica-data-"));
    store = new DatasetStore(folder);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const prepare = (name: string, items: readonly (TrainingRecord | DatasetProblem)[], options: { settings?: Partial<BuildSettings>; clean?: CleanText; write?: WriteFile; signal?: AbortSignal } = {}) =>
    store.writeVersion(name, { source: "file", inputs: {}, codeVersion: "test" }, (work) =>
      buildDataset({ source: "file", async *records() { yield* items; } }, { ...SETTINGS, ...options.settings }, options.clean ?? asItIs, work, options.signal ? { signal: options.signal } : {}, options.write));
  const gathered = async (records: AsyncIterable<TrainingRecord>): Promise<TrainingRecord[]> => {
    const list: TrainingRecord[] = [];
    for await (const record of records) list.push(record);
    return list;
  };
  const recordsOf = async (name: string): Promise<{ train: TrainingRecord[]; validation: TrainingRecord[] }> => {
    const dataset = await store.open(name);
    return { train: await gathered(dataset.train()), validation: await gathered(dataset.validation()) };
  };
  const partFiles = (): string[] => readdirSync(path.join(folder, "parts")).map((file) => path.join(folder, "parts", file));

  it("gives back what was put in, in its order, split as asked", async () => {
    const records = many(200);
    const info = await prepare("a", records);
    const { train, validation } = await recordsOf("a");
    assert.equal(info.train, 180);
    assert.equal(info.validation, 20);
    assert.deepEqual([...train, ...validation].sort((x, y) => Number(x.origin.at.slice(2)) - Number(y.origin.at.slice(2))), records);
    assert.deepEqual(train.map(({ origin }) => Number(origin.at.slice(2))), [...train.map(({ origin }) => Number(origin.at.slice(2)))].sort((x, y) => x - y));
    assert.deepEqual(info.kinds, { text: 200 });
    assert.deepEqual(await store.list(), [info]);
    assert.deepEqual(readdirSync(path.join(folder, "work")), []);
  });

  it("drops duplicates and leaks, redacts, and counts what it did", async () => {
    const long = Array.from({ length: 80 }, (_, i) => `word${i}`).join(" ");
    const items = [...many(100), textRecord(3), textRecord(200, `${long} one more`), textRecord(201, `${long} one less`), textRecord(202, "call me: 555"), { severity: "error", at: "f:9", sentence: "Broken." } as const];
    const info = await prepare("a", items, { clean: (text) => ({ text: text.replace("555", "000"), secrets: 0, personalData: Number(text.includes("555")) }) });
    const { report } = info;
    assert.deepEqual({ read: report.read, kept: report.kept, invalid: report.invalid, exact: report.exactDuplicates, near: report.nearDuplicates + report.leaked, personal: report.personalDataRedacted }, { read: 105, kept: 102, invalid: 1, exact: 1, near: 1, personal: 1 });
    assert.equal(info.train + info.validation, 102);
    assert.deepEqual(report.problems[0], { severity: "error", at: "f:9", sentence: "Broken." });
    const { train, validation } = await recordsOf("a");
    assert.ok([...train, ...validation].some((record) => record.kind === "text" && record.text === "call me: 000"));
  });

  it("keeps the newest for validation where asked, without what training would tell", async () => {
    const long = Array.from({ length: 80 }, (_, i) => `word${i}`).join(" ");
    const at = (record: TrainingRecord, time: number): TrainingRecord => ({ ...record, origin: { ...record.origin, time } });
    const items = [at(textRecord(900, `${long} once`), 0), ...many(98).map((record, i) => at(record, i + 1)), at(textRecord(901, `${long} again`), 99)];
    const info = await prepare("a", items, { settings: { splitBy: "time" } });
    assert.deepEqual([info.report.leaked, info.report.nearDuplicates, info.train, info.validation], [1, 0, 90, 9]);
    assert.deepEqual((await recordsOf("a")).validation.map(({ origin }) => origin.time), [90, 91, 92, 93, 94, 95, 96, 97, 98]);
  });

  it("drops pairs that differ only in what was redacted, and tells how much is learnt", async () => {
    const pair = (rejected: string): TrainingRecord => ({ kind: "preference", prompt: { form: "text", text: "p".repeat(10) }, chosen: "key 123", rejected, origin: { at: "f:1" } });
    const { report } = await prepare("a", [pair("key 456"), pair("no key")], { clean: (text) => ({ text: text.replace(/\d+/, "#"), secrets: Number(/\d/.test(text)), personalData: 0 }) });
    assert.deepEqual([report.kept, report.invalid, report.secretsRedacted], [1, 1, 3]);
    assert.match(report.problems[0]?.sentence ?? "", /differ only in a secret/);
    assert.equal(report.supervisedShare, 6 / 16);
  });

  it("makes the same version of the same data, another of other data, and remembers the way", async () => {
    const first = await prepare("a", many(50));
    assert.equal((await prepare("a", many(50))).version, first.version);
    const second = await prepare("a", many(51));
    assert.notEqual(second.version, first.version);
    assert.notEqual((await prepare("b", many(50), { settings: { seed: 2 } })).version, first.version);
    assert.deepEqual((await store.history("a")).map(({ version }) => version), [second.version, first.version]);
    assert.equal((await store.open(first.version.slice(0, 8))).info.version, first.version);
    const elsewhere = new DatasetStore(path.join(folder, "elsewhere"));
    const again = await elsewhere.writeVersion("c", { source: "file", inputs: {}, codeVersion: "test" }, (work) => buildDataset({ source: "file", async *records() { yield* many(50); } }, SETTINGS, asItIs, work));
    assert.equal(again.version, first.version, "a version depends on its content and lineage only");
  });

  it("refuses bad names, unknown names and data without a usable record, with sentences", async () => {
    for (const name of ["", "../a", "a/b", "con", "deadbeef99", "x".repeat(65)]) await assert.rejects(prepare(name, many(3)), { reason: "badRequest" }, name);
    await assert.rejects(store.open("nothing"), { reason: "notFound", message: /None was prepared yet/ });
    await assert.rejects(prepare("a", []), { reason: "dataInvalid", message: /holds no records/ });
    await assert.rejects(prepare("a", [{ severity: "error", at: "train.jsonl:1", sentence: "Wrong role." }]), { reason: "dataInvalid", message: /None of 1 records can be used\. The first problem: train\.jsonl:1: Wrong role\./ });
    assert.deepEqual(await store.list(), []);
  });

  it("takes a single record, and warns", async () => {
    const { train, validation, report } = await prepare("one", many(1));
    assert.deepEqual([train, validation], [1, 0]);
    assert.ok(report.problems.some(({ sentence }) => /Only 1 of 1 records/.test(sentence)));
    assert.ok(report.problems.some(({ sentence }) => /No records are left for validation/.test(sentence)));
  });

  it("keeps what was there when it is cancelled or the disk is full, and leaves nothing behind", async () => {
    const before = await prepare("a", many(50));
    const full: WriteFile = () => Promise.reject(Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" }));
    await assert.rejects(prepare("a", many(60), { write: full }), { reason: "diskFull", message: /no space left/ });
    await assert.rejects(prepare("a", many(60), { signal: AbortSignal.abort() }), { name: "CancelledError" });
    assert.deepEqual(await store.list(), [before]);
    assert.deepEqual(readdirSync(path.join(folder, "work")), []);
  });

  it("finds and names damage, and preparing again repairs it", async () => {
    const info = await prepare("a", many(300));
    await prepare("b", many(10));
    const [victim] = (await store.open("a")).manifest.train;
    const file = path.join(folder, "parts", `${victim?.sha256 ?? ""}.jsonl.gz`);
    const sound = readFileSync(file);
    assert.deepEqual((await store.verify()).damaged, []);
    for (const [damage, expected] of [[Buffer.concat([sound.subarray(0, 300), Buffer.from([sound[300]! ^ 1]), sound.subarray(301)]), /damaged/], [sound.subarray(0, 100), /damaged/], [gzipSync(gunzipSync(sound).toString().replace("apples", "melons")), /not what was written/], [null, /missing/]] as const) {
      if (damage === null) rmSync(file);
      else writeFileSync(file, damage);
      const { damaged } = await store.verify();
      assert.deepEqual(damaged.map((item) => [item.file, item.versions]), [[file, [info.version]]]);
      assert.match(damaged[0]?.sentence ?? "", expected);
      await assert.rejects(recordsOf("a"), { reason: "dataInvalid" });
      assert.equal((await recordsOf("b")).train.length, 9);
    }
    assert.equal((await prepare("a", many(300))).version, info.version);
    assert.deepEqual((await store.verify("a")).damaged, []);
  });

  it("finds a changed manifest and a damaged name", async () => {
    const info = await prepare("a", many(20));
    await prepare("b", many(30));
    const file = path.join(folder, "versions", `${info.version}.json`);
    writeFileSync(file, readFileSync(file, "utf8").replace("\"records\":18", "\"records\":17"));
    writeFileSync(path.join(folder, "names", "b.json"), "{}");
    assert.deepEqual((await store.verify()).damaged.map((item) => path.basename(item.file)), ["b.json", path.basename(file)]);
    const told: string[] = [];
    assert.deepEqual(await store.list((name) => told.push(name)), []);
    assert.deepEqual(told.sort(), ["a", "b"]);
    await assert.rejects(store.open("a"), { reason: "dataInvalid", message: /not what was written/ });
  });

  it("survives kill -9 at any moment: the name stands for a whole version, and the rest is cleared away", async function () {
    this.timeout(120_000);
    await prepare("kept", many(30));
    for (let round = 0; round < 3; round++) {
      const child = spawn(process.execPath, [path.join(import.meta.dirname, "killedPreparation.ts"), folder, "killed", String(round * 1_000)], { stdio: ["ignore", "pipe", "inherit"] });
      const gone = new Promise((resolve) => child.once("exit", resolve));
      await new Promise((resolve) => child.stdout.once("data", resolve));
      // Another moment of the next preparation each time.
      await new Promise((resolve) => setTimeout(resolve, round * 40));
      child.kill("SIGKILL");
      await gone;
      assert.deepEqual((await store.verify()).damaged, []);
      const { train, validation } = await recordsOf("killed");
      assert.equal(train.length + validation.length, 400);
    }
    await prepare("kept", many(31));
    assert.deepEqual(readdirSync(path.join(folder, "work")), []);
    assert.equal((await store.list()).length, 2);
  });

  it("lets several prepare the same name at once: every version is whole, and each follows another", async () => {
    const infos = await Promise.all([40, 41, 42, 43].map((n) => prepare("a", many(n))));
    assert.equal(new Set(infos.map(({ version }) => version)).size, 4);
    assert.deepEqual((await store.verify()).damaged, []);
    const history = (await store.history("a")).map(({ version }) => version);
    assert.deepEqual([...history].sort(), infos.map(({ version }) => version).sort());
  });

  it("tells what was added, removed, changed and moved", async () => {
    const a = await prepare("a", many(800), { settings: { validationShare: 0 } });
    const next = many(800).filter((_, i) => i !== 100).map((record, i) => (i === 50 ? textRecord(50, "something else") : record));
    const b = await prepare("a", [...next, textRecord(1_000), textRecord(1_001)], { settings: { validationShare: 0 } });
    const diff = await store.diff(a.version, "a");
    assert.deepEqual({ same: diff.same, added: diff.added, removed: diff.removed, changed: diff.changed, moved: diff.moved }, { same: 798, added: 2, removed: 1, changed: 1, moved: 0 });
    assert.equal(diff.to, b.version);
    assert.ok(diff.examples.some(({ change, at }) => change === "changed" && at === "f:51"));
    assert.ok(diff.examples.some(({ change, at }) => change === "removed" && at === "f:101"));
    const alike = await prepare("b", many(800), { settings: { validationShare: 0, seed: 2 } });
    assert.deepEqual(await store.diff(a.version, alike.version).then(({ same, added, removed }) => [same, added, removed]), [800, 0, 0], "parts that both have are counted without being read");
    const moved = await prepare("c", many(800));
    assert.deepEqual(await store.diff(a.version, moved.version).then(({ same, moved: n, added, removed }) => [same, n, added, removed]), [720, 80, 0, 0]);
  });

  it("cuts parts where the content says so: a record taken out changes one part", async () => {
    const random = new SeededRandom(4);
    const lines = Array.from({ length: 12_000 }, (_, i) => ({ line: Buffer.from(`{"kind":"text","text":"${i} ${random.integer(1e9)} ${"x".repeat(150)}"}`), border: random.uint32() }));
    const partsOf = async (of: typeof lines): Promise<string[]> => {
      const writer = new PartWriter(folder, () => Promise.resolve());
      for (const { line, border } of of) await writer.add(line, border);
      return (await writer.finish()).map(({ sha256 }) => sha256);
    };
    const before = await partsOf(lines);
    const after = await partsOf(lines.filter((_, i) => i !== 6_000));
    assert.ok(before.length >= 4, `${before.length} parts`);
    assert.equal(after.filter((part) => !before.includes(part)).length, 1);
  });

  it("leaves reviewed records out, takes them back in, and knows the version under review", async () => {
    const base = await prepare("a", many(40));
    const page = await store.review("a", { offset: 10, limit: 3 });
    assert.equal(page.length, 3);
    assert.ok(page.every(({ included, kind, prompt }) => included && kind === "text" && prompt === ""));
    const ids = page.map(({ id }) => id);
    const without = await store.setIncluded("a", ids.map((id) => ({ id, included: false })), "test");
    assert.equal(without.report.kept, 37);
    assert.deepEqual((await store.review("a", { limit: 100 })).filter(({ included }) => !included).map(({ id }) => id), ids);
    assert.ok(![...(await recordsOf("a")).train, ...(await recordsOf("a")).validation].some(({ origin }) => page.some(({ at }) => at === origin.at)));
    assert.equal((await store.open("a")).manifest.lineage.reviewOf, base.version);
    await store.collectGarbage();
    const back = await store.setIncluded("a", [{ id: ids[0]!, included: true }], "test");
    assert.equal(back.report.kept, 38);
    await assert.rejects(store.setIncluded("a", [{ id: "0000000000000000", included: false }], "test"), { reason: "notFound" });
    const everything = (await store.review("a", { limit: 100 })).map(({ id }) => ({ id, included: false }));
    await assert.rejects(store.setIncluded("a", everything, "test"), { reason: "dataInvalid", message: /No record of "a" would be left/ });
  });

  it("exports for TRL, one file a split and format, and in its own form, which reads back", async () => {
    const messages = [{ role: "user", content: "q" }] as const;
    const text = { form: "text", text: "p" } as const;
    const records: TrainingRecord[] = [
      { kind: "text", text: "t", origin: { at: "1" } },
      { kind: "conversation", messages: [...messages, { role: "assistant", content: "a" }], origin: { at: "2" } },
      { kind: "example", prompt: text, completion: "c", origin: { at: "3" } },
      { kind: "example", prompt: { form: "infill", prefix: "a", suffix: "b" }, completion: "m", origin: { at: "4" } },
      { kind: "preference", prompt: { form: "chat", messages }, chosen: "good", rejected: "bad", origin: { at: "5" } },
      { kind: "judged", prompt: text, completion: "c", good: true, origin: { at: "6" } },
      { kind: "task", prompt: text, check: { language: "python", tests: "assert 1" }, origin: { at: "7" } },
    ];
    await prepare("a", records, { settings: { validationShare: 0 } });
    const out = path.join(folder, "out");
    const rows = (name: string): unknown[] => readFileSync(path.join(out, name), "utf8").trimEnd().split("\n").map((line) => JSON.parse(line) as unknown);
    const files = await store.export("a", out, { format: "trl" });
    assert.deepEqual(files.map(({ format }) => format), ["text", "messages", "prompt-completion", "infill", "conversational-preference", "unpaired-preference", "prompt-only"]);
    assert.deepEqual(rows("train.messages.jsonl"), [{ messages: [...messages, { role: "assistant", content: "a" }] }]);
    assert.deepEqual(rows("train.conversational-preference.jsonl"), [{ prompt: messages, chosen: [{ role: "assistant", content: "good" }], rejected: [{ role: "assistant", content: "bad" }] }]);
    assert.deepEqual(rows("train.unpaired-preference.jsonl"), [{ prompt: "p", completion: "c", label: true }]);
    assert.deepEqual(rows("train.infill.jsonl"), [{ prefix: "a", suffix: "b", middle: "m" }]);
    await store.export("a", out, { format: "trl", renderInfill: ({ prefix, suffix }) => `<S>${suffix}<P>${prefix}` });
    assert.deepEqual(rows("train.prompt-completion.jsonl"), [{ prompt: "p", completion: "c" }, { prompt: "<S>b<P>a", completion: "m" }]);
    await store.export("a", out, { format: "records" });
    assert.deepEqual(rows("train.jsonl"), records);
  });

  it("collects garbage: versions without a name and their parts, but not what is asked for or still shared", async () => {
    const first = await prepare("a", many(100));
    const second = await prepare("a", many(101));
    await prepare("b", many(100), { settings: { seed: 9 } });
    assert.deepEqual(await store.collectGarbage({ keep: [first.version] }), { versions: [], parts: 0, bytes: 0 });
    const { versions, parts } = await store.collectGarbage();
    assert.deepEqual(versions, [first.version]);
    assert.ok(parts > 0);
    assert.deepEqual((await store.verify()).damaged, []);
    assert.equal(await store.delete("b"), true);
    assert.equal(await store.delete("b"), false);
    await store.collectGarbage();
    assert.deepEqual((await store.list()).map(({ version }) => version), [second.version]);
    assert.equal(partFiles().length, 2);
  });
});
