import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { CancellationTokenSource, commands, window, workspace } from "vscode";
import { folder, product, until } from "./product.ts";

/** One line of a data file with a completion to learn. */
const row = (i: number): string => JSON.stringify({ prompt: `def add_${i}(a, b):\n`, completion: `    return a + b + ${i}\n` });

describe("training data and runs, asked of the engine", () => {
  before(async () => {
    const { engine } = await product();
    await engine.whenReady();
  });

  it("names the line of a data file that is wrong, and prepares the rest", async () => {
    const { engine } = await product();
    const file = path.join(folder(), "rows.jsonl");
    writeFileSync(file, [...Array.from({ length: 30 }, (_, i) => row(i)), "{ not json", ...Array.from({ length: 10 }, (_, i) => row(100 + i))].join("\n"));
    const dataset = await engine.request("data/prepare", { source: "file", path: file, name: "rows" });
    assert.ok(dataset.train > 0);
    const problem = dataset.report.problems.find(({ at }) => at.includes(":31"));
    assert.equal(problem?.severity, "error", JSON.stringify(dataset.report.problems));
    assert.deepEqual((await engine.request("data/list", null)).map(({ name }) => name).filter((name) => name === "rows"), ["rows"]);
  });

  it("tells memory and steps of a run before it starts, with a sample whose learnt part is marked", async () => {
    const { engine } = await product();
    const estimate = await engine.request("train/estimate", { method: "sft", dataset: "rows" });
    assert.ok(estimate.memoryBytes > 0 && estimate.steps > 0);
    assert.ok(estimate.sample.some(({ learnt }) => learnt) && estimate.sample.some(({ learnt }) => !learnt), JSON.stringify(estimate.sample));
  });

  it("refuses data that does not fit the method, with a sentence", async () => {
    const { engine } = await product();
    await assert.rejects(engine.request("train/estimate", { method: "dpo", dataset: "rows" }), (error: Error & { reason?: string }) => error.reason === "dataInvalid" || error.reason === "badRequest");
  });

  it("leaves nothing behind when preparing is cancelled", async () => {
    const { engine } = await product();
    const source = new CancellationTokenSource();
    const file = path.join(folder(), "many.jsonl");
    writeFileSync(file, Array.from({ length: 30_000 }, (_, i) => row(i)).join("\n"));
    const prepared = engine.request("data/prepare", { source: "file", path: file, name: "cancelled" }, source.token);
    setTimeout(() => source.cancel(), 100);
    await assert.rejects(prepared, (error: Error) => error.name === "RequestCancelled");
    assert.ok((await engine.request("data/list", null)).every(({ name }) => name !== "cancelled"));
  });

  it("shows the monitor in an editor tab, once", async () => {
    for (let i = 0; i < 2; i++) await commands.executeCommand("kalactica.showTrainingRuns");
    const tabs = () => window.tabGroups.all.flatMap((group) => group.tabs).filter(({ label }) => label === "KaLactica: Training");
    await until("the tab is there", () => tabs().length > 0);
    assert.equal(tabs().length, 1);
    await window.tabGroups.close(tabs());
  });

  it("has settings for training in the one table", () => {
    for (const key of ["threads", "pauseOnBattery", "resumeByItself"]) assert.notEqual(workspace.getConfiguration("kalactica.training").inspect(key)?.defaultValue, undefined, key);
  });
});
