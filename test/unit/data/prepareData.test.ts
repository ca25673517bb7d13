// The task of preparing: parameters out of range, defaults by source, lineage, progress, cancellation in the middle.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { TrainingRecord } from "../../../src/engine/base/trainingRecord.ts";
import type { PrepareProgress } from "../../../src/engine/data/dataset.ts";
import { FileSource } from "../../../src/engine/data/readers/fileSource.ts";
import { DatasetStore } from "../../../src/engine/data/versions.ts";
import type { DatasetSource, PrepareDataParams } from "../../../src/engine/protocol/training.ts";
import { prepareDataset } from "../../../src/engine/tasks/prepareData.ts";
import type { OpenedSource, PrepareDataHooks } from "../../../src/engine/tasks/prepareData.ts";

describe("preparing a data set", () => {
  let folder: string;
  let storeFolder: string;
  let store: DatasetStore;
  before(() => void (folder = mkdtempSync(path.join(os.tmpdir(), "kalactica-prepare-"))));
  beforeEach(() => {
    storeFolder = mkdtempSync(path.join(folder, "store-"));
    store = new DatasetStore(storeFolder);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const prepare = (params: Partial<PrepareDataParams>, opened: OpenedSource, hooks: PrepareDataHooks = {}) =>
    prepareDataset({ source: opened.source.source, name: "a", ...params }, { store, openSource: () => Promise.resolve(opened), clean: (text) => ({ text, secrets: 0, personalData: 0 }), codeVersion: "1.2.3" }, hooks);
  const timed = (source: DatasetSource): OpenedSource => ({
    source: { source, async *records() { for (let i = 0; i < 40; i++) yield { kind: "text", text: `record ${i} of forty`, origin: { at: `file${i}.py:3`, commit: `c${i}`, time: 1_000 + i } } satisfies TrainingRecord; } },
    inputs: () => ({ commit: "abc" }),
  });

  it("refuses what is out of range before anything is read", async () => {
    const untouched: OpenedSource = { source: { source: "file", records: () => assert.fail("read") } };
    for (const params of [{ validationShare: 0.6 }, { validationShare: -0.1 }, { validationShare: Number.NaN }, { seed: 0.5 }, { name: "a b" }]) await assert.rejects(prepare(params, untouched), { reason: "badRequest" });
  });

  it("keeps the newest of a history for validation, any files of a workspace, and what is asked for before both", async () => {
    const times = async (source: DatasetSource, params: Partial<PrepareDataParams> = {}): Promise<(number | undefined)[]> => {
      await prepare(params, timed(source));
      const found: (number | undefined)[] = [];
      for await (const { origin } of (await store.open("a")).validation()) found.push(origin.time);
      return found;
    };
    const newest = [1_036, 1_037, 1_038, 1_039];
    assert.deepEqual(await times("git"), newest);
    assert.deepEqual(await times("feedback"), newest);
    assert.deepEqual(await times("workspace", { splitBy: "time" }), newest);
    assert.notDeepEqual(await times("workspace"), newest);
    assert.notDeepEqual(await times("git", { splitBy: "group" }), newest);
    assert.deepEqual(await times("git", { validationShare: 0 }), []);
  });

  it("writes down where a version comes from", async () => {
    const file = path.join(folder, "rows.jsonl");
    writeFileSync(file, Array.from({ length: 30 }, (_, i) => JSON.stringify({ text: `row number ${i}` })).join("\n"));
    await prepare({ seed: 7 }, { source: new FileSource(file) });
    const { lineage } = (await store.open("a")).manifest;
    assert.equal(lineage.codeVersion, "1.2.3");
    assert.deepEqual([lineage.settings["seed"], lineage.settings["validationShare"], lineage.settings["splitBy"]], [7, 0.1, "group"]);
    const [input] = lineage.inputs["files"] as { path: string; sha256: string }[];
    assert.equal(input?.path, "rows.jsonl");
    assert.match(input?.sha256 ?? "", /^[0-9a-f]{64}$/);
    const parent = (await store.open("a")).info.version;
    await prepare({}, timed("git"));
    const next = (await store.open("a")).manifest.lineage;
    assert.deepEqual([next.parent, next.inputs], [parent, { commit: "abc" }]);
  });

  it("tells every phase and stops in the middle when it is cancelled, leaving nothing behind", async () => {
    const abort = new AbortController();
    const phases: PrepareProgress["phase"][] = [];
    await prepare({}, timed("git"), { onProgress: ({ phase }) => void phases.push(phase) });
    assert.deepEqual([...new Set(phases)], ["reading", "comparing", "writing"]);
    const endless: OpenedSource = { source: { source: "git", async *records() { for (let i = 0; ; i++) yield { kind: "text", text: `record ${i}`, origin: { at: `f${i}` } } satisfies TrainingRecord; } } };
    setTimeout(() => abort.abort(), 50);
    await assert.rejects(prepare({ name: "endless" }, endless, { signal: abort.signal }), { name: "CancelledError" });
    assert.deepEqual((await store.list()).map(({ name }) => name), ["a"]);
    assert.deepEqual(readdirSync(path.join(storeFolder, "work")), []);
  });
});
