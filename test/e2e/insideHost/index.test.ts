import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import * as vscode from "vscode";
import { fileUri, folder, indexed, product, until } from "./product.ts";

describe("the index of an open folder", () => {
  before(() => indexed());

  const finds = async (query: string, file: string): Promise<boolean> => {
    const { engine } = await product();
    const { results } = await engine.request("retrieval/search", { query, k: 5 });
    return results.some((hit) => hit.path === file);
  };

  it("holds a file that is written on disk, and forgets it when it is deleted", async () => {
    const file = path.join(folder(), "src/quarantine.ts");
    writeFileSync(file, "/** Sets a poisoned job aside so that a person can look at it. */\nexport function quarantinePoisonedJob(id: string): void {\n  console.log(id);\n}\n");
    await until("the new file is found", () => finds("quarantinePoisonedJob", "src/quarantine.ts"));
    rmSync(file);
    await until("the deleted file is gone", async () => !(await finds("quarantinePoisonedJob", "src/quarantine.ts")));
  });

  it("knows what is in the editor before it is saved", async () => {
    const editor = await vscode.window.showTextDocument(fileUri("src/errors.ts"));
    await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), "export const unsavedMarkerOfTheEditor = 1;\n"));
    await until("the unsaved text is found", () => finds("unsavedMarkerOfTheEditor", "src/errors.ts"), 10_000);
    await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor");
  });

  it("opens no document to read a file", () => {
    const open = vscode.workspace.textDocuments.map((document) => vscode.workspace.asRelativePath(document.uri));
    assert.ok(!open.includes("reports/throughput.py"), `open: ${open.join(", ")}`);
  });
});
