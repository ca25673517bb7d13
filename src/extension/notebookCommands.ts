// The commands about notebook cells: explain one, and run again what is out of date in the order that the engine plans.
// Nothing runs without the user's choice, and what deletes, overwrites or costs is asked about once more.
import * as vscode from "vscode";
import type { NotebookRerun } from "../engine/protocol/notebooks.ts";
import type { EngineClient } from "./engineClient.ts";
import { cellsOf, codeCells, idOf } from "./notebookCells.ts";
import type { NotebookStates } from "./notebookStates.ts";
import type { ReportDocuments } from "./reportDocuments.ts";

export interface NotebookCommandDependencies {
  client: Pick<EngineClient, "request">;
  notebooks: NotebookStates;
  documents: ReportDocuments;
}

/** A cell handed over by its status bar, or the selected one of the active notebook. */
export function chosenCell(argument: unknown): vscode.NotebookCell | null {
  if (typeof argument === "object" && argument !== null && "document" in argument && "notebook" in argument) return argument as vscode.NotebookCell;
  const editor = vscode.window.activeNotebookEditor;
  if (!editor) return null;
  const index = editor.selection.start;
  return index < editor.notebook.cellCount ? editor.notebook.cellAt(index) : null;
}

export async function explainCellState({ client, documents }: NotebookCommandDependencies, argument: unknown): Promise<void> {
  const cell = chosenCell(argument);
  if (!cell) throw new Error(vscode.l10n.t("No notebook cell is selected. Open a notebook and select a cell."));
  const { markdown } = await client.request("notebook/explain", { ...cellsOf(cell.notebook), cell: idOf(cell) });
  await documents.showMarkdown(vscode.l10n.t("Cell State"), markdown);
}

export async function rerunStaleCells({ client, notebooks }: NotebookCommandDependencies, argument: unknown): Promise<void> {
  const cell = chosenCell(argument);
  if (!cell) throw new Error(vscode.l10n.t("No notebook is open. Open one first."));
  const { notebook } = cell;
  const state = await notebooks.refresh(notebook);
  if (state.rerun.cells.length === 0) {
    vscode.window.setStatusBarMessage(vscode.l10n.t("KaLactica: no cell that has run is out of date."), 5_000);
    return;
  }
  const mine = argument === undefined ? null : await client.request("notebook/rerun", { ...cellsOf(notebook), cell: idOf(cell) });
  const plan = await choosePlan(notebook, state.rerun, mine);
  if (!plan) return;
  const cells = plan.cells.flatMap((id) => codeCells(notebook).find((other) => idOf(other) === id) ?? []);
  const hazards = state.cells.filter(({ cell: id }) => plan.cells.includes(id)).flatMap(({ hazards: found }) => found);
  if (hazards.length > 0) {
    const go = vscode.l10n.t("Run Them Again");
    const picked = await vscode.window.showWarningMessage(vscode.l10n.t("To run these cells again repeats what should not be repeated without thought."), { modal: true, detail: hazards.join("\n") }, go);
    if (picked !== go) return;
  }
  if (plan.needsRestart) {
    await vscode.window.showInformationMessage(vscode.l10n.t("Running cells cannot mend this: the kernel holds something that no cell makes any more. Restart the kernel and run all cells."));
    return;
  }
  // One after the other in one request: the notebook's kernel keeps the order, and stops at the first failure.
  await vscode.commands.executeCommand("notebook.cell.execute", { ranges: cells.map(({ index }) => ({ start: index, end: index + 1 })), document: notebook.uri });
}

/** Asks which plan to run; null: none. */
async function choosePlan(notebook: vscode.NotebookDocument, all: NotebookRerun, mine: NotebookRerun | null): Promise<NotebookRerun | null> {
  const cells = codeCells(notebook);
  const detail = (plan: NotebookRerun): string => plan.cells.map((id) => {
    const index = cells.findIndex((cell) => idOf(cell) === id);
    const line = cells[index]?.document.getText().split("\n").find((text) => text.trim() !== "" && !text.trim().startsWith("#"))?.trim() ?? "";
    return `${index + 1}: ${line.length > 40 ? `${line.slice(0, 40)}…` : line}`;
  }).join("  →  ");
  type Item = vscode.QuickPickItem & { plan: NotebookRerun };
  const items: Item[] = [];
  if (mine && mine.cells.length > 0) items.push({ label: vscode.l10n.t("$(play) Bring this cell up to date"), description: vscode.l10n.t("{0} cells", mine.cells.length), detail: detail(mine), plan: mine });
  if (!mine || mine.cells.join() !== all.cells.join()) items.push({ label: vscode.l10n.t("$(run-all) Bring every stale cell up to date"), description: vscode.l10n.t("{0} cells", all.cells.length), detail: detail(all), plan: all });
  const picked = await vscode.window.showQuickPick(items, { title: vscode.l10n.t("Re-run Stale Cells"), placeHolder: vscode.l10n.t("The fewest cells, in the order in which they run") });
  return picked?.plan ?? null;
}
