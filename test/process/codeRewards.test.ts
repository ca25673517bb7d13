// GRPO whose rewards run what the model wrote, over the real wire: tasks with tests and tasks with a reference in one set, the
// sandbox, two steps, a receipt; and no code is run without a person's word. What is gained is measured in test/bench/learnGrpo.ts.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { RunInfo } from "../../src/engine/protocol/training.ts";
import { Sandbox } from "../../src/engine/sandbox/sandbox.ts";
import { smallTasks } from "../../src/engine/sandbox/tasks/smallTasks.ts";
import { EngineClient } from "../../src/extension/engineClient.ts";

const modulePath = fileURLToPath(new URL("../../dist/engine.mjs", import.meta.url));

describe("learning from code that is run", function () {
  this.timeout(180_000);
  let folder: string;
  let client: EngineClient | null = null;
  before(async function () {
    assert.ok(existsSync(modulePath), "dist/engine.mjs is missing: npm run build");
    const sandbox = await Sandbox.open().catch(() => null);
    const python = sandbox?.interpreters.python;
    await sandbox?.close();
    // A machine on which generated code cannot be isolated, or that has no Python, refuses such a run: that is tested in unit/sandbox/.
    if (python === undefined || "missing" in python) this.skip();
    folder = mkdtempSync(path.join(tmpdir(), "kalactica-code-rewards-"));
  });
  after(async () => {
    client?.stop();
    await new Promise((resolve) => setTimeout(resolve, 200));
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  it("takes each task's own rewards to the end of a run", async () => {
    const storageDir = path.join(folder, "storage");
    mkdirSync(storageDir, { recursive: true });
    const rows = [
      ...smallTasks({ seed: 3, count: 2, families: ["runnable"] }).map(({ prompt, check }) => ({ prompt: prompt.form === "text" ? prompt.text : "", check })),
      ...smallTasks({ seed: 3, count: 1, families: ["close"] }).map(({ prompt, reference }) => ({ prompt: prompt.form === "text" ? prompt.text : "", reference })),
    ];
    const file = path.join(folder, "tasks.jsonl");
    writeFileSync(file, rows.map((row) => JSON.stringify(row)).join("\n"));
    client = new EngineClient({
      modulePath, execPath: process.execPath, execArgv: ["--disable-warning=ExperimentalWarning"], timings: { backOffMs: [50, 100] }, onLog: () => undefined,
      hello: () => ({ client: "test", workspaceDir: null, storageDir, modelsDir: path.join(folder, "models"), settings: { "model.device": "cpu", "training.threads": 1, "training.pauseOnBattery": false }, trusted: true }),
    });
    client.start();
    const engine = client;
    const data = await engine.request("data/prepare", { source: "file", path: file, name: "tasks", validationShare: 0 });
    assert.deepEqual(data.kinds, { task: 3 });
    const run = {
      method: "grpo", dataset: "tasks", promote: "never",
      config: { maxSteps: 1, epochs: 1, sequenceLength: 128, shownSamples: 0, adapter: { rank: 2, alpha: 4 }, promotion: { generalSamples: 2, draws: 200 }, grpo: { groupSize: 2, promptsPerStep: 3, maxReplyTokens: 4 } },
    } as const;
    const { rewards } = await engine.request("train/estimate", run);
    assert.deepEqual(rewards, { tests: 1, format: 0.1, match: 1 });
    await assert.rejects(engine.request("train/start", run), /executes code that the model writes/);
    const { id } = await engine.request("train/start", { ...run, executeCode: true });
    let info: RunInfo | undefined;
    for (const end = Date.now() + 150_000; Date.now() < end && info?.receipt == null; await new Promise((resolve) => setTimeout(resolve, 50))) {
      info = (await engine.request("train/list", null)).find((one) => one.id === id);
      if (info?.state === "failed") assert.fail(info.sentence);
    }
    assert.equal(info?.receipt?.method, "grpo");
    const figures = await engine.request("train/figures", { id, fromStep: 0 });
    assert.equal(figures.filter(({ reward }) => reward !== undefined && reward >= 0 && reward <= 1.1).length, 1);
  });
});
