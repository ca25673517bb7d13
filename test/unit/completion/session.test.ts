// The session keeps texts, outcomes and prepared work: loading breathes, edits settle, compaction loses nothing, secrets are not stored.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { openDatabase, type DatabaseSync } from "../../../src/engine/base/database.ts";
import { N_CONTEXTS } from "../../../src/engine/completion/contextTracker.ts";
import { COMPLETION_SCHEMA, OutcomeStore } from "../../../src/engine/completion/outcomes.ts";
import { CompletionSession } from "../../../src/engine/completion/session.ts";
import { WorkspaceTexts } from "../../../src/engine/completion/workspaceTexts.ts";

const here = { path: "src/here.ts", language: "typescript", suffix: "\n" };
const file = (name: string, text: string) => ({ path: `src/${name}.ts`, language: "typescript", text });
const suggestion = (completionId: string, text = "value;") => ({ completionId, path: "a.ts", language: "typescript", source: "lookup" as const, confidence: 0.5, prefix: "const a = ", suffix: "\n", text });

describe("the completion session", () => {
  let session: CompletionSession;
  beforeEach(() => {
    session = new CompletionSession({ capacity: 60_000 });
  });
  afterEach(() => {
    session.dispose();
  });

  const best = (prefix: string) => session.lookup.judge({ ...here, prefix }).proposals[0]?.text;

  it("loads texts and says how many did not fit", async () => {
    const big = "const a = 1;\n".repeat(12_000);
    assert.deepEqual(await session.load([file("a", "const answer = compute(one);\n"), file("b", big)]), { taken: 1, left: 1 });
    assert.equal(best("const answer = "), "compute(one);");
  });

  it("takes in edits when the typing pauses, and removed files at once", async () => {
    await session.load([file("a", "const answer = before(one);\n")]);
    session.documentTouched(file("a", "const answer = after(two);\n"));
    assert.equal(best("const answer = "), "before(one);");
    session.settle();
    assert.equal(best("const answer = "), "after(two);");
    session.textRemoved("src/a.ts");
    assert.notEqual(best("const answer = "), "after(two);");
  });

  it("does not let the disk overwrite what is being edited", async () => {
    await session.load([file("a", "const answer = before(one);\n")]);
    session.documentTouched(file("a", "const answer = unsaved(two);\n"));
    session.textChanged(file("a", "const answer = disk(three);\n"));
    session.settle();
    assert.equal(best("const answer = "), "unsaved(two);");
  });

  it("compacts when much was replaced, losing nothing, changes made meanwhile included", async () => {
    const filler = Array.from({ length: 900 }, (_, i) => `const name${i} = read(${i});`).join("\n");
    await session.load([file("keep", "const answer = kept(one);\n"), file("noise", filler)]);
    for (let i = 0; i < 12 && session.texts.index.length < 55_000; i++) {
      session.textChanged(file("noise", `${filler}\nconst turn = take${i}();\n`));
    }
    session.textChanged(file("late", "const late = addedMeanwhile(two);\n"));
    await session.whenCompacted();
    assert.ok(session.texts.index.length < 25_000, `${session.texts.index.length} lexemes after compaction`);
    assert.equal(best("const answer = "), "kept(one);");
    assert.equal(best("const late = "), "addedMeanwhile(two);");
  });

  it("cancels what was prepared for another continuation", () => {
    const first = session.prepareAhead();
    const second = session.prepareAhead();
    assert.equal(first.aborted, true);
    session.cancelPrepared();
    assert.equal(second.aborted, true);
  });

  it("compacts to the same index as one made of the current texts alone", () => {
    const full = new WorkspaceTexts(10_000);
    full.set(file("a", "if (a) {\n  b();\n}\n"));
    full.set(file("b", "old();\n"));
    full.set(file("b", "new1(\n  c,\n);\n"));
    const steps = full.compacted();
    let step = steps.next();
    while (!step.done) step = steps.next();
    const direct = new WorkspaceTexts(10_000, full.lexicon);
    direct.set(file("a", "if (a) {\n  b();\n}\n"));
    direct.set(file("b", "new1(\n  c,\n);\n"));
    const content = ({ index }: WorkspaceTexts) => Array.from({ length: index.length }, (_, at) => [
      index.lexeme(at), index.gap(at), ...Array.from({ length: N_CONTEXTS }, (__, context) => [index.previous(at, context), index.check(at, context)]),
    ]);
    assert.deepEqual(content(step.value), content(direct));
  });
});

describe("outcomes", () => {
  let folder: string;
  let database: DatabaseSync;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "kalactica-outcomes-"));
    database = openDatabase(path.join(folder, "memory.sqlite"), [COMPLETION_SCHEMA], () => assert.fail("damaged"));
  });
  afterEach(() => {
    database.close();
    rmSync(folder, { recursive: true });
  });
  const row = (id: string) => database.prepare("SELECT * FROM completionShown WHERE id = ?").get(id) as { outcome: string; text: string | null; before: string | null; charactersKept: number | null } | undefined;

  it("are written once shown, and say more as time goes on", () => {
    const store = new OutcomeStore(database, (text) => text);
    store.suggested(suggestion("1"));
    assert.equal(row("1"), undefined);
    store.record({ completionId: "1", outcome: "shown" });
    assert.equal(row("1")?.outcome, "shown");
    store.record({ completionId: "1", outcome: "accepted", charactersKept: 6 });
    store.record({ completionId: "1", outcome: "rejected" });
    assert.equal(row("1")?.outcome, "accepted");
    store.record({ completionId: "1", outcome: "keptAfter30s", charactersKept: 6 });
    assert.equal(row("1")?.outcome, "keptAfter30s");
    assert.deepEqual(store.figures(), { shown: 1, accepted: 1, keptAfter30s: 1 });
  });

  it("of unknown suggestions are refused quietly", () => {
    assert.equal(new OutcomeStore(database, (text) => text).record({ completionId: "none", outcome: "accepted" }), false);
  });

  it("never store what the screen holds back", () => {
    const store = new OutcomeStore(database, (text) => (text.includes("sk-secret") ? null : text.replace("pass", "****")));
    store.suggested({ ...suggestion("1", 'key = "sk-secret";'), prefix: "const pass = " });
    store.record({ completionId: "1", outcome: "accepted" });
    assert.equal(row("1")?.text, null);
    assert.equal(row("1")?.before, "const **** = ");
  });

  it("keep what stands around the caret and what was written instead, cleaned", () => {
    const store = new OutcomeStore(database, (text) => text.replaceAll("pass", "****"));
    store.suggested({ ...suggestion("1"), prefix: `${"x".repeat(3_000)}const pass = `, suffix: `\nuse(pass);${"y".repeat(900)}` });
    store.record({ completionId: "1", outcome: "shown" }, 5);
    store.record({ completionId: "1", outcome: "rejected" });
    store.record({ completionId: "1", outcome: "rejected", instead: "pass + 1;" });
    const [kept, ...others] = [...store.stored()];
    assert.deepEqual(others, []);
    assert.equal(kept?.instead, "**** + 1;");
    assert.equal(kept?.before?.length, 2_000);
    assert.ok(kept?.after?.startsWith("\nuse(****);"));
    assert.deepEqual([kept?.id, kept?.at, kept?.outcome, kept?.text], ["1", 5, "rejected", "value;"]);
  });

  it("of an older engine stay readable", () => {
    database.close();
    const file = path.join(folder, "older.sqlite");
    const older = openDatabase(file, [{ ...COMPLETION_SCHEMA, migrations: COMPLETION_SCHEMA.migrations.slice(0, 1) }], () => assert.fail("damaged"));
    older.exec("INSERT INTO completionShown VALUES ('old', 1, 'a.ts', 'typescript', 'lookup', 0.5, 'x = ', 'y;', 2, 'accepted', 2)");
    older.close();
    database = openDatabase(file, [COMPLETION_SCHEMA], () => assert.fail("damaged"));
    assert.deepEqual([...new OutcomeStore(database, (text) => text).stored()].map(({ id, text, after, instead }) => ({ id, text, after, instead })), [{ id: "old", text: "y;", after: null, instead: null }]);
  });

  it("survive a restart", () => {
    const store = new OutcomeStore(database, (text) => text);
    store.suggested(suggestion("1"));
    store.record({ completionId: "1", outcome: "accepted" });
    database.close();
    database = openDatabase(path.join(folder, "memory.sqlite"), [COMPLETION_SCHEMA], () => assert.fail("damaged"));
    assert.equal(new OutcomeStore(database, (text) => text).record({ completionId: "1", outcome: "keptAfter30s" }), true);
  });
});
