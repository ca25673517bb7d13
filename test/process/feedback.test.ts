// What the user did, told over the real wire, survives the death of the engine and becomes data.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { NotebookExecuted } from "../../src/engine/protocol/types.ts";
import { EngineClient } from "../../src/extension/engineClient.ts";

const modulePath = fileURLToPath(new URL("../../dist/engine.mjs", import.meta.url));

describe("what the user did", function () {
  this.timeout(60_000);
  let folder: string;
  let client: EngineClient | null = null;
  const start = (settings: Record<string, unknown> = {}): EngineClient => {
    const storageDir = path.join(folder, ".kalactica");
    mkdirSync(storageDir, { recursive: true });
    client = new EngineClient({
      modulePath, execPath: process.execPath, execArgv: ["--disable-warning=ExperimentalWarning"], timings: { backOffMs: [50, 100] }, onLog: () => undefined,
      hello: () => ({ client: "test", workspaceDir: folder, storageDir, modelsDir: path.join(storageDir, "models"), settings: { "model.device": "cpu", "index.enabled": false, ...settings }, trusted: true }),
    });
    client.start();
    return client;
  };
  before(() => assert.ok(existsSync(modulePath), "dist/engine.mjs is missing: npm run build"));
  beforeEach(() => { folder = mkdtempSync(path.join(tmpdir(), "kalactica-feedback-")); });
  afterEach(() => {
    client?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("is not written down where a person does not want that", async () => {
    const engine = start({ "training.record": false });
    await engine.whenReady();
    engine.notify("memory/notebookExecuted", { notebook: "a.ipynb", cell: "c", language: "python", source: "print(row)", above: [], output: "", error: { name: "NameError", message: "m", traceback: "" } });
    engine.notify("memory/notebookExecuted", { notebook: "a.ipynb", cell: "c", language: "python", source: "print(rows)", above: [], output: "", error: null });
    engine.notify("answer/applied", { id: "1", question: "Add them up.", path: "a.py", language: "python", before: "", applied: "total = add(rows)", kept: "total = sum(rows)" });
    await assert.rejects(engine.request("data/prepare", { source: "notebooks", name: "cells", validationShare: 0 }), /no |nothing/i);
    await assert.rejects(engine.request("data/prepare", { source: "feedback", name: "feedback", validationShare: 0 }), /no |nothing/i);
  });

  it("outlives kill -9, becomes pairs for review, and stays out of later data where a person took it out", async () => {
    const engine = start();
    await engine.whenReady();
    const run = (source: string, error: NotebookExecuted["error"]): NotebookExecuted => ({ notebook: "a.ipynb", cell: "c", language: "python", source, above: [{ kind: "code", source: "rows = [1]" }], output: "", error });
    engine.notify("memory/notebookExecuted", run("print(sum(row))  # ana.silva@posteo.de", { name: "NameError", message: "m", traceback: "" }));
    engine.notify("memory/notebookExecuted", run("print(sum(rows))  # ana.silva@posteo.de", null));
    engine.notify("answer/applied", { id: "1", question: "Add them up.", path: "a.py", language: "python", before: "", applied: "total = add(rows)", kept: "total = sum(rows)" });
    // A request that is answered after them shows that they were taken in.
    await engine.request("engine/status", null);
    process.kill(engine.pid as number, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 300));
    await engine.whenReady();

    const cells = await engine.request("data/prepare", { source: "notebooks", name: "cells", validationShare: 0 });
    assert.deepEqual(cells.kinds, { example: 1, preference: 1 });
    const feedback = await engine.request("data/prepare", { source: "feedback", name: "feedback", validationShare: 0 });
    assert.deepEqual(feedback.kinds, { preference: 1 });
    const { items } = await engine.request("data/review", { dataset: "cells", offset: 0, limit: 10 });
    const pair = items.find(({ kind }) => kind === "preference");
    assert.ok(pair);
    assert.equal(pair.chosen, "print(sum(rows))  # user@example.com\n");
    assert.equal(pair.at, "a.ipynb#run-1-2 (pair)");

    await engine.request("data/decide", { dataset: "cells", ids: [pair.id], included: false });
    const again = await engine.request("data/prepare", { source: "notebooks", name: "cells", validationShare: 0 });
    assert.deepEqual(again.kinds, { example: 1 });
    assert.ok(again.report.problems.some(({ sentence }) => sentence.startsWith("1 record was left out")));
  });
});
