// An upgrade keeps what the user has: stores written by earlier versions' own code (test/fixtures/stores) are opened by this one, and
// everything must be found. And the other way: what a newer version has written is refused with a sentence and left as it is.
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { newerEngineHasIt, openDatabase } from "../../src/engine/base/database.ts";
import { EngineError } from "../../src/engine/base/errors.ts";
import { Log } from "../../src/engine/base/log.ts";
import { OutcomeStore } from "../../src/engine/completion/outcomes.ts";
import { RunStore } from "../../src/engine/evaluation/runs/runStore.ts";
import { RETRIEVAL_SCHEMA } from "../../src/engine/retrieval/store/schema.ts";
import { WorkspaceIndex } from "../../src/engine/retrieval/workspaceIndex.ts";
import { DEFAULT_SETTINGS } from "../../src/engine/settings.ts";
import { UserMemory } from "../../src/engine/tasks/userMemory.ts";
import { AdapterStore } from "../../src/engine/training/adapters/store.ts";
import { EngineClient } from "../../src/extension/engineClient.ts";
import { PROTOCOL_VERSION } from "../../src/engine/protocol/version.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const stores = path.join(root, "test/fixtures/stores");
const versions = readdirSync(stores, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name).sort();
const never = (): void => assert.fail("the database was taken for damaged");
const log = new Log("test", () => undefined, "error");

describe("stores of earlier versions", function () {
  this.timeout(60_000);
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "kalactica-upgrade-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Puts a store in place as its version left it. */
  function unpack(version: string): string {
    const storage = path.join(folder, "storage");
    cpSync(path.join(stores, version), storage, { recursive: true });
    for (const entry of readdirSync(storage, { recursive: true, withFileTypes: true })) {
      const file = path.join(entry.parentPath, entry.name);
      if (!file.endsWith(".gz")) continue;
      writeFileSync(file.slice(0, -".gz".length), gunzipSync(readFileSync(file)));
      rmSync(file);
    }
    return storage;
  }

  it("are there to be tested", () => {
    assert.ok(versions.length >= 3, versions.join(" "));
  });

  for (const version of versions) {
    const number = Number(version.split("-")[0]);

    it(`${version}: everything learnt from the user is found, also after a second start`, () => {
      const storage = unpack(version);
      for (const start of [1, 2]) {
        const memory = new UserMemory(storage, never);
        try {
          const [completion] = memory.database.prepare("SELECT outcome, text, before FROM completionShown").all();
          assert.deepEqual({ ...completion }, { outcome: "accepted", text: "greetPerson(\"Ada\")", before: "console.log(" }, `start ${start}`);
          assert.equal(new OutcomeStore(memory.database, (text) => text).figures().accepted, 1);
          assert.deepEqual(memory.answers.all().map(({ askId, rating, question }) => ({ askId, rating, question })), [{ askId: "a1", rating: "up", question: "What greets?" }]);
          if (number < 2) continue;
          assert.deepEqual([...memory.applied.stored()].map(({ id, kept }) => ({ id, kept })), [{ id: "p1", kept: "greetPerson(\"Bob\");" }]);
          assert.deepEqual(memory.notebookRuns.notebooks(), ["a.ipynb"]);
          assert.equal(memory.notebookRuns.executions("a.ipynb")[0]?.error?.name, "ZeroDivisionError");
          assert.deepEqual([...memory.review.list()], ["r1"]);
          if (number < 3) continue;
          assert.ok(memory.overrides.isAllowed("k1"));
          assert.deepEqual(memory.acceptedDrafts.of("typescript"), [{ length: 1 }]);
          const [note] = memory.graph.retrieve({ kinds: ["note"] });
          assert.equal(note?.text, "Greetings are in English only");
          assert.deepEqual(memory.graph.neighbours(note.key).map(({ episode }) => episode.label), ["greeting.ts"]);
        } finally {
          memory.close();
        }
      }
    });

    it(`${version}: the index is brought up to date and finds what it found`, async () => {
      const storage = unpack(version);
      const workspaceDir = path.join(folder, "workspace");
      mkdirSync(workspaceDir);
      writeFileSync(path.join(workspaceDir, "greeting.ts"), "/** Greets one person. */\nexport function greetPerson(name: string): string {\n  return `Hello, ${name}`;\n}\n");
      const before = new DatabaseSync(path.join(storage, "index.sqlite"), { readOnly: true });
      assert.ok((before.prepare("SELECT count(*) AS n FROM chunks").get() as { n: number }).n > 0, "the fixture is empty");
      before.close();
      const index = await WorkspaceIndex.open({ workspaceDir, storageDir: storage, settings: DEFAULT_SETTINGS, embedder: null, log });
      try {
        await index.update();
        const results = await index.search("greetPerson", { k: 3 });
        assert.equal(results[0]?.path, "greeting.ts");
      } finally {
        await index.close();
      }
    });

    if (number >= 2) it(`${version}: adapters are whole, and the one that was live still is`, async () => {
      const store = new AdapterStore(path.join(unpack(version), "adapters"));
      const adapters = await store.list();
      assert.deepEqual(adapters.map(({ createdAt, problem }) => ({ createdAt, problem })).sort((a, b) => a.createdAt - b.createdAt), [{ createdAt: 1, problem: undefined }, { createdAt: 2, problem: undefined }]);
      for (const { sha256 } of adapters) await store.verify(sha256);
      assert.equal((await store.active("a".repeat(64))).sha256, adapters.find(({ createdAt }) => createdAt === 2)?.sha256);
    });

    if (number >= 3) it(`${version}: evaluations are listed and can be read`, async () => {
      const runs = new RunStore(path.join(unpack(version), "evaluations"));
      const [run] = await runs.list();
      assert.equal(run?.suite, "answer");
      assert.equal((await runs.find(run.id)).items.length, 2);
    });
  }
});

describe("two versions on one storage", function () {
  this.timeout(60_000);
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "kalactica-versions-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** What a later version would have done to a room's tables. */
  function asNewer(file: string, room: string, statements: string): void {
    const database = new DatabaseSync(file);
    database.exec(statements);
    database.prepare("UPDATE schemaVersion SET version = 99 WHERE room = ?").run(room);
    database.close();
  }

  it("a memory that a newer version has written is refused, with what to do, and not touched", () => {
    const memory = new UserMemory(folder, never);
    memory.answers.given({ askId: "a1", question: "q", answer: "a", model: null });
    memory.answers.rate("a1", "up");
    memory.close();
    const file = path.join(folder, "memory.sqlite");
    asNewer(file, "answerFeedback", "ALTER TABLE answerFeedback ADD COLUMN later TEXT NOT NULL DEFAULT 'x'");
    const bytes = readFileSync(file);
    assert.throws(() => new UserMemory(folder, never), (error: unknown) => {
      assert.ok(error instanceof EngineError && error.reason === "indexTooNew");
      assert.match(error.message, /memory\.sqlite was written by a newer KaLactica .* Update the extension\. What is in the file was not changed\./);
      return true;
    });
    assert.deepEqual(readFileSync(file), bytes);
  });

  it("an index that a newer version has written may be deleted, and the sentence says so", () => {
    const file = path.join(folder, "index.sqlite");
    openDatabase(file, [RETRIEVAL_SCHEMA], never).close();
    asNewer(file, "retrieval", "");
    assert.throws(() => openDatabase(file, [RETRIEVAL_SCHEMA], never), /Update the extension, or delete the file to build it anew/);
  });

  it("a version that runs while a newer one takes its tables over says so instead of failing strangely; what it wrote stays", () => {
    const file = path.join(folder, "memory.sqlite");
    const schema = { room: "notes", migrations: ["CREATE TABLE note (text TEXT NOT NULL) STRICT;"] };
    const older = openDatabase(file, [schema], never);
    older.prepare("INSERT INTO note VALUES (?)").run("kept");
    const newer = openDatabase(file, [{ room: "notes", migrations: [...schema.migrations, "ALTER TABLE note RENAME TO remark;"] }], never);
    try {
      older.prepare("INSERT INTO note VALUES (?)").run("lost");
      assert.fail("the older version wrote into a table that is gone");
    } catch (error) {
      assert.match(newerEngineHasIt(error)?.message ?? "", /A newer KaLactica has taken over .*memory\.sqlite while this one was running\. Reload this window/);
    }
    assert.deepEqual(newer.prepare("SELECT text FROM remark").all().map(({ text }) => text), ["kept"]);
    assert.equal(newerEngineHasIt(new Error("no such table: note")), null, "only errors of SQLite's are explained so");
    older.close();
    newer.close();
  });

  it("an engine of another protocol version is told from a sick one, with what to do; the storage stays as it was", async () => {
    const modulePath = path.join(root, "dist/engine.mjs");
    assert.ok(existsSync(modulePath), "dist/engine.mjs is missing: npm run build");
    new UserMemory(folder, never).close();
    const child = fork(modulePath, [], { execArgv: ["--disable-warning=ExperimentalWarning"], silent: true });
    try {
      const answer = new Promise<{ error?: { message: string; data: { reason: string } } }>((resolve) => child.on("message", (message: { id?: number }) => { if (message.id === 1) resolve(message as never); }));
      child.send({ jsonrpc: "2.0", id: 1, method: "engine/hello", params: { protocolVersion: PROTOCOL_VERSION + 1, client: "a newer extension", workspaceDir: null, storageDir: folder, modelsDir: path.join(folder, "models"), settings: {}, trusted: true } });
      const { error } = await answer;
      assert.equal(error?.data.reason, "protocolMismatch");
      assert.match(error?.message ?? "", /speaks protocol version \d+, this engine \d+\. Reload the window/);
    } finally {
      child.kill();
    }
    assert.deepEqual(readdirSync(folder).sort(), ["memory.sqlite"]);
  });

  it("engines of two windows write into one memory, and nothing is lost", async () => {
    const clients = [1, 2].map(() => new EngineClient({
      modulePath: path.join(root, "dist/engine.mjs"), execPath: process.execPath, execArgv: ["--disable-warning=ExperimentalWarning"], onLog: () => undefined,
      hello: () => ({ client: "test", workspaceDir: null, storageDir: folder, modelsDir: path.join(folder, "models"), settings: { "model.device": "cpu" }, trusted: true }),
    }));
    try {
      for (const client of clients) client.start();
      await Promise.all(clients.map((client, window) => Promise.all(Array.from({ length: 10 }, (_, i) => client.request("memory/remember", { text: `note ${window}-${i}` })))));
      const { items } = await clients[0]!.request("memory/list", { limit: 100 });
      assert.equal(items.filter(({ text }) => /^note \d-\d$/.test(text)).length, 20);
    } finally {
      for (const client of clients) client.stop();
    }
  });
});
