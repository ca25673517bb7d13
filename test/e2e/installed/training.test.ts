// Training as a user does it: one command, one question, the monitor, the receipt, and back. The base is the embedded one.
import assert from "node:assert/strict";
import path from "node:path";
import type { Extension } from "vscode";
import type { AdapterInfo, DatasetInfo } from "../../../src/engine/protocol/training.ts";
import type { KaLacticaApi } from "../../../src/extension/extension.ts";
import { TrainingMonitor } from "../trainingMonitor.ts";
import { repository, Workbench } from "../workbench.ts";

const sample = path.join(repository, "test/fixtures/workspace");
/** The sample's few steps take seconds on an idle machine; training gives way to everything else on a busy one. */
const RUN_TIMEOUT_MS = 900_000;

describe("training on the open folder", function () {
  this.timeout(RUN_TIMEOUT_MS + 60_000);
  let workbench: Workbench;
  let monitor: TrainingMonitor;

  before(async () => {
    // One thread: two that wait for each other lose most of their time where others take the processors.
    workbench = await Workbench.open({ workspace: sample, settings: { "kalactica.training.threads": 1, "kalactica.training.pauseOnBattery": false } });
    await workbench.activated();
  });
  after(() => workbench?.close());
  afterEach(function () {
    return workbench.pictureOfFailure(this.currentTest);
  });

  const dialog = () => workbench.page.locator(".monaco-dialog-box");
  /** Starts a command without waiting for its end: it waits for the user. */
  const run = (id: string): Promise<unknown> =>
    workbench.inHost((vscode, command: string) => {
      void vscode.commands.executeCommand(command);
    }, id);
  const adapters = (): Promise<AdapterInfo[]> =>
    workbench.inHost(async (vscode) => {
      const { engine } = (vscode.extensions.getExtension("kalactica.kalactica") as Extension<KaLacticaApi>).exports;
      return engine.request("adapters/list", null);
    });

  it("says in an empty monitor how to start", async () => {
    await workbench.command("kalactica.showTrainingRuns");
    const frame = workbench.webview();
    await frame.getByRole("button", { name: "Fine-tune on This Workspace" }).waitFor({ timeout: 30_000 });
    await workbench.picture("monitor-empty");
    await frame.getByRole("button", { name: "Fine-tune on This Workspace" }).click();
  });

  it("shows data and estimate in one question before anything starts", async () => {
    await dialog().waitFor({ timeout: 120_000 });
    const text = await dialog().innerText();
    assert.match(text, /Fine-tune on this workspace\?/);
    assert.match(text, /Data: \d+ records of the code of this workspace, \d+ more held out/);
    assert.match(text, /Time: .+, \d+ steps\. Memory: .+ of .+ free\./);
    assert.equal((await adapters()).length, 0);
    await workbench.picture("fine-tune-question");
    await dialog().getByRole("button", { name: "Fine-tune", exact: true }).click();
  });

  it("shows the run live, in the monitor and in the status bar", async () => {
    monitor = await TrainingMonitor.withRun(workbench);
    assert.match(await monitor.head.innerText(), /SFT · workspace/);
    await monitor.reaches(["running", "evaluating", "finished"], RUN_TIMEOUT_MS);
    await workbench.page.locator("#status\\.kalactica, .statusbar-item", { hasText: /Training \d+ %|Evaluating|KaLactica/ }).first().waitFor();
    await workbench.until("a loss was measured", async () => /\d/.test(await monitor.chart("loss").locator(".legend").innerText()), RUN_TIMEOUT_MS);
    await workbench.picture("monitor-running");
  });

  it("pauses and goes on", async function () {
    if ((await monitor.state()) !== "running") this.skip(); // a machine this quick is through already
    await monitor.button("pause").click();
    await monitor.reaches(["paused", "evaluating", "finished"], RUN_TIMEOUT_MS);
    if ((await monitor.state()) === "paused") {
      await monitor.button("resume").click();
      await monitor.reaches(["running", "evaluating", "finished"], RUN_TIMEOUT_MS);
    }
  });

  it("ends with a receipt that says whether and why the adapter went live", async () => {
    await monitor.reaches(["finished"], RUN_TIMEOUT_MS);
    await monitor.receipt.getByRole("table").waitFor();
    const text = await monitor.receipt.innerText();
    const promoted = (await monitor.frame.getByTestId("verdict").getAttribute("data-promoted")) === "true";
    assert.match(await monitor.frame.getByTestId("verdict").innerText(), /held-out perplexity changed by [+−]\d|could not be made live/);
    assert.match(text, /Perplexity on held-out data\s+[\d.]+\s+[\d.]+/);
    assert.match(text, /Perplexity on general text\s+[\d.]+\s+[\d.]+/);
    assert.equal((await adapters()).length, 1);
    // The engine loads a promoted adapter once the run has ended.
    if (promoted) await workbench.until(`the promoted adapter is live: ${text}`, async () => (await adapters())[0]?.active === true, 60_000);
    else assert.equal((await adapters())[0]?.active, false, `live without being promoted: ${text}`);
    assert.ok((await monitor.frame.getByTestId("samples").locator(".sample").count()) > 0, "samples before and after");
    assert.match(await monitor.frame.getByTestId("data").innerText(), /workspace from code of this workspace/);
    await workbench.picture("monitor-finished");
  });

  it("goes live by hand where it was not promoted, after a warning, and back by one click", async () => {
    if (!(await adapters())[0]?.active) {
      await monitor.button("activate").click();
      await dialog().getByRole("button", { name: "Activate" }).click();
    }
    await monitor.button("rollBack").waitFor({ timeout: 30_000 });
    assert.equal((await adapters())[0]?.active, true);
    await monitor.button("rollBack").click();
    await monitor.button("activate").waitFor({ timeout: 30_000 });
    assert.equal((await adapters())[0]?.active, false);
  });

  it("is still shown after the window was reloaded", async () => {
    await workbench.reload();
    monitor = await TrainingMonitor.withRun(workbench);
    assert.equal(await monitor.reaches(["finished"], 60_000), "finished");
    await workbench.until("the curves are back", async () => (await monitor.chart("loss").locator(".drawing path.line").count()) > 0);
  });

  it("lists the adapter with its figures", async () => {
    await run("kalactica.manageAdapters");
    const row = workbench.page.locator(".quick-input-list .monaco-list-row", { hasText: "SFT · workspace" });
    await row.waitFor({ timeout: 15_000 });
    assert.match(await row.innerText(), /held-out perplexity [+−]?[\d.]+ %/);
    await workbench.page.keyboard.press("Escape");
  });

  it("reports on the data with a sample whose learnt part is marked", async () => {
    await run("kalactica.fineTuneWorkspace");
    await dialog().getByRole("button", { name: "Show Data Report" }).click({ timeout: 60_000 });
    await workbench.until("the report is shown", () => workbench.inHost((vscode) => vscode.window.tabGroups.all.some(({ tabs }) => tabs.some(({ label }) => label.includes("Data workspace")))), 60_000);
    const report = await workbench.until("the report has its text", () => workbench.inHost((vscode) => vscode.workspace.textDocuments.find(({ uri }) => uri.scheme === "kalactica-report")?.getText()));
    assert.match(report, /records to learn from/);
    assert.match(report, /⟦[^⟧]+⟧/, "what is learnt is marked");
    await workbench.page.waitForTimeout(2_000); // the preview is another extension's, and says nothing when it is done
    await workbench.picture("data-report");
  });
});

describe("training data of one's own notebooks", function () {
  let workbench: Workbench;

  before(async () => {
    workbench = await Workbench.open({ workspace: sample });
    await workbench.activated();
  });
  after(() => workbench?.close());
  afterEach(function () {
    return workbench.pictureOfFailure(this.currentTest);
  });

  const rows = () => workbench.page.locator(".quick-input-list .monaco-list-row");
  const start = (id: string): Promise<unknown> =>
    workbench.inHost((vscode, command: string) => {
      void vscode.commands.executeCommand(command);
    }, id);
  const dataset = (): Promise<DatasetInfo | undefined> =>
    workbench.inHost(async (vscode) => {
      const { engine } = (vscode.extensions.getExtension("kalactica.kalactica") as Extension<KaLacticaApi>).exports;
      return (await engine.request("data/list", null)).find(({ name }) => name === "notebooks");
    });

  it("is prepared by source and name, and reported on", async () => {
    await start("kalactica.prepareTrainingData");
    await rows().filter({ hasText: "Notebooks" }).click();
    await workbench.page.locator(".quick-input-widget", { hasText: "Name of the data set" }).waitFor();
    await workbench.page.keyboard.press("Enter");
    const info = await workbench.until("the data is prepared", dataset, 60_000);
    assert.ok(info.train > 0);
    await workbench.until("the report is shown", () => workbench.inHost((vscode) => vscode.window.tabGroups.all.some(({ tabs }) => tabs.some(({ label }) => label.includes("Data notebooks")))), 60_000);
    await workbench.picture("data-report-notebooks");
  });

  it("is shown record by record, and what is unchecked is not learnt from", async () => {
    const before = (await dataset())!;
    await start("kalactica.reviewTrainingData");
    await rows().filter({ hasText: "notebooks" }).first().click();
    await workbench.page.locator(".quick-input-title", { hasText: "Only checked ones are learnt from" }).waitFor({ timeout: 30_000 });
    assert.equal(await rows().count(), before.train + before.validation);
    await workbench.picture("review");
    await rows().first().locator("input[type=checkbox], .monaco-checkbox, .quick-input-list-checkbox").first().click();
    await workbench.page.locator(".quick-input-widget .quick-input-action .monaco-button").first().click();
    const after = await workbench.until("there is a new version", async () => {
      const now = await dataset();
      return now && now.version !== before.version && now;
    });
    assert.equal(after.train + after.validation, before.train + before.validation - 1);
  });
});

describe("training in a folder that is not trusted", function () {
  let workbench: Workbench;

  before(async () => {
    workbench = await Workbench.open({ workspace: sample, untrusted: true });
    await workbench.activated();
  });
  after(() => workbench?.close());
  afterEach(function () {
    return workbench.pictureOfFailure(this.currentTest);
  });

  for (const command of ["fineTuneWorkspace", "train", "prepareTrainingData", "reviewTrainingData", "resumeTraining"]) {
    it(`is refused by ${command}, with a way to trust it`, async () => {
      // VS Code shows three notifications within 800 ms and keeps the others back.
      await workbench.page.waitForTimeout(300);
      await workbench.inHost(async (vscode, id: string) => {
        await vscode.commands.executeCommand("notifications.clearAll");
        void vscode.commands.executeCommand(id);
      }, `kalactica.${command}`);
      const toast = workbench.page.locator(".notifications-toasts .notification-list-item", { hasText: /not trusted/ });
      await toast.waitFor({ timeout: 15_000 });
      await toast.getByText("Manage Workspace Trust").waitFor({ state: "attached" });
    });
  }

  it("is explained in the monitor", async () => {
    await workbench.command("kalactica.showTrainingRuns");
    await workbench.webview().getByTestId("banner").getByText("Restricted Mode").waitFor({ timeout: 30_000 });
  });
});
