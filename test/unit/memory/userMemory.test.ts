// What is learnt from the user is stored scrubbed and within bounds, and survives a restart.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { openDatabase } from "../../../src/engine/base/database.ts";
import { FEEDBACK_SCHEMA } from "../../../src/engine/memory/answerFeedback.ts";
import type { AnswerApplied, NotebookExecuted } from "../../../src/engine/protocol/types.ts";
import { UserMemory } from "../../../src/engine/tasks/userMemory.ts";

const key = "AKIAQYLPMN5HFIQR7XYA";
const run: NotebookExecuted = { notebook: "n.ipynb", cell: "c1", at: 5, language: "python", executionOrder: 2, source: "print(undefined_name)", above: [{ kind: "code", source: "x = 1", output: "1" }], output: "", error: { name: "NameError", message: "m", traceback: "t" } };
const applied: AnswerApplied = { id: "1", question: "q", path: "a.ts", language: "typescript", before: "a", applied: "b", kept: "c" };

describe("the memory of a user", () => {
  let folder: string;
  let memory: UserMemory;
  const reopen = (): void => {
    memory.close();
    memory = new UserMemory(folder, () => assert.fail("damaged"));
  };
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "kalactica-memory-"));
    memory = new UserMemory(folder, () => assert.fail("damaged"));
  });
  afterEach(() => {
    memory.close();
    rmSync(folder, { recursive: true });
  });

  it("keeps runs of cells in their order, and to learn from a run again without a change once", () => {
    assert.equal(memory.notebookRuns.record(run), true);
    assert.equal(memory.notebookRuns.record({ ...run, executionOrder: 3 }), false);
    assert.equal(memory.notebookRuns.record({ ...run, source: "print(name)", error: null, output: "Jo" }), true);
    reopen();
    assert.deepEqual(memory.notebookRuns.executions("n.ipynb").map(({ id, order, source, error }) => ({ id, order, source, failed: error !== null })), [
      { id: 1, order: 2, source: "print(undefined_name)", failed: true }, { id: 2, order: 3, source: "print(undefined_name)", failed: true }, { id: 3, order: 2, source: "print(name)", failed: false },
    ]);
    assert.deepEqual([...memory.notebookRuns.stored()], [
      { id: 1, at: 5, notebook: "n.ipynb", cell: "c1", language: "python", source: "print(undefined_name)", above: [{ kind: "code", source: "x = 1", output: "1" }], output: "", error: { name: "NameError", message: "m", traceback: "t" } },
      { id: 3, at: 5, notebook: "n.ipynb", cell: "c1", language: "python", source: "print(name)", above: [{ kind: "code", source: "x = 1", output: "1" }], output: "Jo", error: null },
    ]);
  });

  it("keeps the last runs of a cell, and no cell that is too long", () => {
    for (let i = 0; i < 30; i++) memory.notebookRuns.record({ ...run, source: `step(${i})` });
    const kept = [...memory.notebookRuns.stored()];
    assert.deepEqual([kept.length, kept[0]?.source], [20, "step(10)"]);
    assert.equal(memory.notebookRuns.record({ ...run, cell: "c2", source: "x".repeat(65_537) }), false);
    assert.equal(memory.notebookRuns.record({ ...run, cell: "c3", source: "  " }), false);
  });

  it("keeps applied answers with the latest news of them", () => {
    memory.applied.record(applied, 1);
    memory.applied.record({ ...applied, kept: "d" }, 2);
    assert.equal(memory.applied.record({ ...applied, id: "2", applied: "x".repeat(12_001) }), false);
    reopen();
    assert.deepEqual([...memory.applied.stored()].map((row) => ({ ...row })), [{ ...applied, kept: "d", at: 2 }]);
  });

  it("writes no secret and nobody's name to the disk", () => {
    const text = `key = "${key}"  # ana.silva@posteo.de, /home/asilva/projects/x.py`;
    memory.notebookRuns.record({ ...run, source: text, above: [{ kind: "markdown", source: text, output: text }], output: text, error: { name: "E", message: text, traceback: text } });
    memory.applied.record({ ...applied, question: text, before: text, applied: text, kept: text });
    memory.answers.given({ askId: "1", question: text, answer: text, model: null, prose: text, sources: [{ path: "a", startLine: 1, endLine: 1, text }] });
    memory.answers.rate("1", "up");
    assert.equal([...memory.notebookRuns.stored()].length + [...memory.applied.stored()].length + memory.answers.all().length, 3);
    memory.close();
    const bytes = readFileSync(path.join(folder, "memory.sqlite"), "latin1");
    for (const secret of [key, "ana.silva", "asilva"]) assert.ok(!bytes.includes(secret), secret);
    memory = new UserMemory(folder, () => assert.fail("damaged"));
  });

  it("remembers what a person took out of training, and takes it in again", () => {
    memory.review.exclude(["completion 1", "rating 2"]);
    memory.review.exclude(["completion 1"]);
    reopen();
    assert.deepEqual([...memory.review.list()], ["completion 1", "rating 2"]);
    memory.review.include(["completion 1", "unknown"]);
    assert.deepEqual([...memory.review.list()], ["rating 2"]);
  });

  it("reads ratings of an older engine", () => {
    memory.close();
    rmSync(path.join(folder, "memory.sqlite"));
    const older = openDatabase(path.join(folder, "memory.sqlite"), [{ ...FEEDBACK_SCHEMA, migrations: FEEDBACK_SCHEMA.migrations.slice(0, 1) }], () => assert.fail("damaged"));
    older.exec("INSERT INTO answerFeedback VALUES ('1', 5, 'up', 'q', 'a', NULL)");
    older.close();
    memory = new UserMemory(folder, () => assert.fail("damaged"));
    assert.deepEqual(memory.answers.all().map(({ askId, prose, sources }) => ({ askId, prose, sources })), [{ askId: "1", prose: "", sources: [] }]);
  });
});
