// What users do in the editor reaches the data: a cell that failed and then ran becomes a pair. The cells are run by a
// real Python; where there is none, the suite is skipped.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import * as vscode from "vscode";
import { folder, product, until } from "./product.ts";

const python = ["python3", "python"].find((name) => spawnSync(name, ["--version"]).status === 0);

/** Runs each cell in a Python of its own, after the cells that ran before. */
function controllerOf(): vscode.NotebookController {
  const ran: string[] = [];
  let order = 0;
  return Object.assign(vscode.notebooks.createNotebookController("kalactica-test-python", "jupyter-notebook", "Test Python"), {
    supportedLanguages: ["python"],
    supportsExecutionOrder: true,
    executeHandler: async (cells: vscode.NotebookCell[], _: vscode.NotebookDocument, controller: vscode.NotebookController) => {
      for (const cell of cells) {
        const execution = controller.createNotebookCellExecution(cell);
        execution.executionOrder = ++order;
        execution.start(Date.now());
        const source = cell.document.getText();
        const { status, stdout, stderr } = spawnSync(python as string, ["-c", [...ran, source].join("\n")], { encoding: "utf8" });
        const [name = "Error", ...message] = (stderr.trim().split("\n").at(-1) ?? "").split(": ");
        const item = status === 0 ? vscode.NotebookCellOutputItem.stdout(stdout) : vscode.NotebookCellOutputItem.error({ name, message: message.join(": "), stack: stderr });
        await execution.replaceOutput([new vscode.NotebookCellOutput([item])]);
        if (status === 0) ran.push(source);
        execution.end(status === 0, Date.now());
      }
    },
  });
}

describe("what users do", () => {
  let controller: vscode.NotebookController;

  before(async function () {
    if (python === undefined) this.skip();
    await (await product()).engine.whenReady();
    controller = controllerOf();
  });
  after(async () => {
    controller.dispose();
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
  });

  it("in a notebook becomes a pair: the cell that failed, and the one that then ran", async () => {
    const { engine } = await product();
    const file = path.join(folder(), "repair.ipynb");
    const cell = (id: string, source: string) => ({ id, cell_type: "code", source, metadata: {}, outputs: [], execution_count: null });
    writeFileSync(file, JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: { language_info: { name: "python" } }, cells: [cell("load", "rows = [3, 4, 5]\nprint(len(rows))"), cell("sum", "total = sum(row)\nprint(total)")] }));
    const document = await vscode.workspace.openNotebookDocument(vscode.Uri.file(file));
    await vscode.window.showNotebookDocument(document);
    controller.updateNotebookAffinity(document, vscode.NotebookControllerAffinity.Preferred);
    await vscode.commands.executeCommand("notebook.selectKernel", { id: "kalactica-test-python", extension: "kalactica.kalactica" });
    const execute = async (index: number, success: boolean): Promise<void> => {
      await vscode.commands.executeCommand("notebook.cell.execute", { ranges: [{ start: index, end: index + 1 }], document: document.uri });
      await until(`cell ${index} has ended`, () => document.cellAt(index).executionSummary?.success === success);
    };
    await execute(0, true);
    await execute(1, false);
    const edit = new vscode.WorkspaceEdit();
    edit.replace(document.cellAt(1).document.uri, new vscode.Range(0, 0, 0, 16), "total = sum(rows)");
    await vscode.workspace.applyEdit(edit);
    await execute(1, true);

    // The engine is told a moment after the cell has ended.
    const pair = await until("the pair is there", async () => {
      const { kinds } = await engine.request("data/prepare", { source: "notebooks", name: "cells", validationShare: 0 });
      if (!kinds["preference"]) return null;
      const { items } = await engine.request("data/review", { dataset: "cells", offset: 0, limit: 100 });
      return items.find(({ kind }) => kind === "preference") ?? null;
    });
    assert.equal(pair.chosen, "total = sum(rows)\nprint(total)\n");
    assert.equal(pair.rejected, "total = sum(row)\nprint(total)\n");
    assert.match(pair.prompt, /rows = \[3, 4, 5\]\nprint\(len\(rows\)\)\n# Out: 3\n\n# %%\n$/);
    assert.match(pair.at, /^repair\.ipynb#run-\d+-\d+/);
  });
});
