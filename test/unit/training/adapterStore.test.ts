// The adapter store: what is there, what is live, the way back, and damage that is found and named.
import assert from "node:assert/strict";
import { appendFile, mkdtemp, readFile, readdir, rm, utimes, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { EngineError } from "../../../src/engine/base/errors.ts";
import { AdapterStore, baseHash } from "../../../src/engine/training/adapters/store.ts";
import { writeTinyModel } from "../../../tools/random-model.ts";
import { writeRandomAdapter } from "./adapterSupport.ts";

describe("training/adapters/store", () => {
  let folder: string;
  let model: string;
  let store: AdapterStore;
  const base = { sha256: "a".repeat(64), name: "tiny" };
  const other = { sha256: "b".repeat(64), name: "another" };

  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-store-"));
    model = path.join(folder, "tiny.gguf");
    await writeTinyModel(model);
  });
  after(() => rm(folder, { recursive: true, force: true }));
  let n = 0;
  beforeEach(() => { store = new AdapterStore(path.join(folder, `store-${n++}`)); });

  async function add(seed: number, of = base): Promise<string> {
    const { sha256, bytes } = await writeRandomAdapter(model, store.folder, { seed });
    await store.add({ sha256, bytes, modelSha256: of.sha256, model: of.name, createdAt: seed, rank: 4, alpha: 8, run: null, receipt: null });
    return sha256;
  }

  async function refusal(work: Promise<unknown>, reason: string, pattern: RegExp): Promise<void> {
    await work.then(() => assert.fail("was accepted"), (error: unknown) => {
      assert.ok(error instanceof EngineError, String(error));
      assert.equal(error.reason, reason);
      assert.match(error.message, pattern);
    });
  }

  it("lists adapters, newest first, and finds one by the beginning of its hash", async () => {
    assert.deepEqual(await store.list(), []);
    const [one, two] = [await add(1), await add(2)];
    assert.deepEqual((await store.list()).map(({ sha256, active, problem }) => [sha256, active, problem]), [[two, false, undefined], [one, false, undefined]]);
    assert.equal((await store.find(one.slice(0, 6))).sha256, one);
    await refusal(store.find("ffff"), "notFound", /There is no adapter "ffff"\. There are: /);
    await refusal(store.find(one.slice(0, 3)), "notFound", /at least 4 digits/);
  });

  it("goes back several times, at last to the base model alone", async () => {
    const [one, two, three] = [await add(1), await add(2), await add(3)];
    await refusal(store.rollback(base.sha256), "badRequest", /nothing to go back to/);
    for (const id of [one, two, two, three]) await store.activate(id, base);
    assert.deepEqual((await store.list()).filter(({ active }) => active).map(({ sha256 }) => sha256), [three]);
    assert.equal(await store.rollback(base.sha256), two);
    assert.deepEqual(await new AdapterStore(store.folder).active(base.sha256), { sha256: two }, "another process sees it");
    assert.equal(await store.rollback(base.sha256), one);
    assert.equal(await store.rollback(base.sha256), null);
    await refusal(store.rollback(base.sha256), "badRequest", /nothing to go back to/);
  });

  it("undoes a deactivation, and passes over adapters that were removed since", async () => {
    const [one, two, three] = [await add(1), await add(2), await add(3)];
    for (const id of [one, two, three]) await store.activate(id, base);
    await refusal(store.remove(three), "badRequest", /is active\. Deactivate it/);
    await store.remove(two);
    await store.deactivate(base.sha256);
    assert.deepEqual(await store.active(base.sha256), { sha256: null });
    assert.equal(await store.rollback(base.sha256), three);
    assert.equal(await store.previous(base.sha256), one);
    assert.equal(await store.rollback(base.sha256), one);
    assert.ok(!(await readdir(store.folder)).some((name) => name.startsWith(two)));
  });

  it("keeps one pointer per base, and refuses an adapter for another base by name", async () => {
    const [one, two] = [await add(1), await add(2, other)];
    await store.activate(one, base);
    await refusal(store.activate(two, base), "badRequest", /is for the base model another \(bbbbbbbbbbbb\), but tiny \(aaaaaaaaaaaa\) is loaded/);
    await store.activate(two, other);
    assert.deepEqual([await store.active(base.sha256), await store.active(other.sha256)], [{ sha256: one }, { sha256: two }]);
    assert.ok(await store.hasActive());
  });

  it("finds a damaged adapter by its hash and names it", async () => {
    const [one, two, three] = [await add(1), await add(2), await add(3)];
    const bytes = await readFile(store.fileOf(one));
    bytes[bytes.length - 9] = (bytes[bytes.length - 9] ?? 0) ^ 1;
    await writeFile(store.fileOf(one), bytes);
    await refusal(store.activate(one, base), "checksumMismatch", new RegExp(`${one}\\.gguf is damaged: the hash`));
    await appendFile(store.fileOf(two), "x");
    await rm(store.fileOf(three));
    const problems = new Map((await store.list()).map(({ sha256, problem }) => [sha256, problem]));
    assert.match(problems.get(two) ?? "", /is damaged: it has \d+ bytes instead of/);
    assert.match(problems.get(three) ?? "", /is missing/);
    await refusal(store.activate(three, base), "notFound", /cannot be read \(ENOENT\)/);
    await writeFile(path.join(store.folder, `${two}.json`), "{");
    assert.match((await store.list()).find(({ sha256 }) => sha256 === two)?.problem ?? "", /describes an adapter, is damaged/);
    await store.remove(two);
    assert.equal((await store.list()).length, 2);
  });

  it("takes a damaged pointer for none, says so, and replaces it at the next activation", async () => {
    const one = await add(1);
    await store.activate(one, base);
    await writeFile(path.join(store.folder, `active-${base.sha256}.json`), '{"active": 7}');
    const { sha256, problem } = await store.active(base.sha256);
    assert.equal(sha256, null);
    assert.match(problem ?? "", /says which adapter is active, is damaged/);
    await store.activate(one, base);
    assert.deepEqual(await store.active(base.sha256), { sha256: one });
  });

  it("removes what a killed process left, but nothing that may still be written", async () => {
    await add(1);
    const { file: orphan } = await writeRandomAdapter(model, store.folder, { seed: 8 });
    const { file: fresh } = await writeRandomAdapter(model, store.folder, { seed: 9 });
    const unfinished = path.join(store.folder, ".incoming-1-x.tmp");
    await writeFile(unfinished, "");
    const longAgo = new Date(Date.now() - 48 * 3600_000);
    for (const file of [orphan, unfinished]) await utimes(file, longAgo, longAgo);
    assert.equal((await store.list()).length, 1, "an adapter is there exactly when its card is");
    await add(2);
    const names = await readdir(store.folder);
    assert.ok(!names.includes(path.basename(orphan)) && !names.includes(path.basename(unfinished)));
    assert.ok(names.includes(path.basename(fresh)));
  });

  it("remembers the hash of a base until its file changes", async () => {
    const notes = path.join(folder, "hashes.json");
    const file = path.join(folder, "base.gguf");
    await writeFile(file, "one");
    const first = await baseHash(file, notes);
    assert.equal(first, "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed");
    await writeFile(notes, (await readFile(notes, "utf8")).replace(first, "c".repeat(64)));
    assert.equal(await baseHash(file, notes), "c".repeat(64), "not hashed again");
    await writeFile(file, "other");
    assert.notEqual(await baseHash(file, notes), "c".repeat(64), "replaced, hashed again");
    await refusal(baseHash(path.join(folder, "none.gguf"), notes), "modelNotFound", /cannot be opened/);
  });
});
