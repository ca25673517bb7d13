// Evaluating as a user does it: one command, one choice, a report; and later the list of what was measured.
import assert from "node:assert/strict";
import path from "node:path";
import type { Extension } from "vscode";
import type { EvaluationRunInfo } from "../../../src/engine/protocol/evaluation.ts";
import type { KaLacticaApi } from "../../../src/extension/extension.ts";
import { repository, Workbench } from "../workbench.ts";

describe("evaluating on the open folder", () => {
  let workbench: Workbench;

  before(async () => {
    workbench = await Workbench.open({ workspace: path.join(repository, "test/fixtures/workspace") });
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

  it("measures how long things take, and shows a report", async () => {
    await start("kalactica.evaluate");
    await rows().filter({ hasText: "latency" }).first().waitFor();
    await workbench.picture("evaluate");
    await workbench.page.keyboard.type("latency");
    await rows().filter({ hasText: "latency" }).first().click();
    const report = await workbench.until("the report has its text", () => workbench.inHost((vscode) => vscode.workspace.textDocuments.find(({ uri }) => uri.scheme === "kalactica-report")?.getText()), 120_000);
    assert.match(report, /^# latency, \d{4}-\d\d-\d\d/);
    assert.match(report, /\| answer \| value \|\n\|---\|---\|\n\| p50 \| [\d.]+ \|\n\| p95 \| [\d.]+ \|/);
    await workbench.page.waitForTimeout(1_000); // the preview is another extension's, and says nothing when it is done
    await workbench.picture("evaluation-report");
  });

  it("lists what was measured with its figures", async () => {
    const runs = await workbench.inHost(async (vscode): Promise<EvaluationRunInfo[]> => {
      const { engine } = (vscode.extensions.getExtension("kalactica.kalactica") as Extension<KaLacticaApi>).exports;
      return engine.request("evaluate/runs", null);
    });
    assert.deepEqual(runs.map(({ suite, n }) => [suite, n]), [["latency", 90]]);
    await start("kalactica.showEvaluations");
    const page = workbench.webview();
    await page.getByTestId("figures").filter({ hasText: /latency, .*\d+ items/s }).waitFor({ timeout: 30_000 });
    await page.getByTestId("item-list").getByRole("option").nth(1).click();
    assert.match(await page.getByTestId("item").innerText(), /^search\/\d+/);
    assert.equal(await page.getByTestId("baseline").isDisabled(), true, "there is nothing to compare with yet");
    await workbench.picture("evaluations");
  });
});
