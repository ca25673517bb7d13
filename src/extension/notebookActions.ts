// The actions on a notebook's cells and toolbar that lead into our chat: explain what a cell shows, fix how it failed, say what is
// stale. Keeps the list of failed cells by which VS Code shows "Fix Error" where there is one. Nothing is run or changed here.
import * as vscode from "vscode";
import { attachmentOfCell, relativePath } from "./chatAttachments.ts";
import type { Asking } from "./codeActions.ts";
import { codeCells, isFollowed } from "./notebookCells.ts";
import { chosenCell } from "./notebookCommands.ts";
import { errorIn, hasError } from "./notebookOutputs.ts";
import type { NotebookStates } from "./notebookStates.ts";

const FAILED_CELLS = "kalactica.failedCells";
const MESSAGE_CHARACTERS = 300;

export interface NotebookActionDependencies {
  chat: Asking;
  notebooks: Pick<NotebookStates, "refresh">;
}

export async function explainCellOutput({ chat, notebooks }: NotebookActionDependencies, argument: unknown): Promise<void> {
  const cell = codeCell(argument);
  if (cell.outputs.length === 0) throw new Error(vscode.l10n.t("This cell shows nothing yet. Run it first."));
  await ask(chat, notebooks, cell, null, vscode.l10n.t("Explain the output of cell {0}: what it shows and where it comes from.", numberOf(cell)));
}

export async function fixCellError({ chat, notebooks }: NotebookActionDependencies, argument: unknown): Promise<void> {
  const cell = codeCell(argument);
  if (!hasError(cell.outputs)) throw new Error(vscode.l10n.t("This cell has not failed: its outputs hold no error."));
  const { name, message } = errorIn(cell.outputs);
  const error = [name, (message.split("\n")[0] ?? "").slice(0, MESSAGE_CHARACTERS)].filter((part) => part !== "").join(": ");
  await ask(chat, notebooks, cell, "fix", vscode.l10n.t("Cell {0} fails with {1}. Why, and how is it fixed?", numberOf(cell), error === "" ? vscode.l10n.t("an error") : `\`${error.replaceAll("`", "'")}\``));
}

export async function whatIsStale({ chat, notebooks }: NotebookActionDependencies): Promise<void> {
  const notebook = vscode.window.activeNotebookEditor?.notebook;
  if (!notebook) throw new Error(vscode.l10n.t("No notebook is open. Open one first."));
  // The engine is told how the cells stand before it is asked about them.
  await notebooks.refresh(notebook);
  await chat.askAbout(vscode.l10n.t("Which cells are stale, and why?"), null, [], relativePath(notebook.uri));
}

/** Keeps `kalactica.failedCells`: the documents of the cells whose outputs hold an error. */
export function followFailedCells(): vscode.Disposable {
  const failed = new Map<string, Set<string>>();
  let told = "";
  const tell = (): void => {
    const all = [...failed.values()].flatMap((cells) => [...cells]).sort();
    if (all.join("\n") === told) return;
    told = all.join("\n");
    void vscode.commands.executeCommand("setContext", FAILED_CELLS, all);
  };
  const look = (notebook: vscode.NotebookDocument): void => {
    const cells = codeCells(notebook).filter(({ outputs }) => hasError(outputs)).map(({ document }) => document.uri.toString());
    if (cells.length === 0) failed.delete(notebook.uri.toString());
    else failed.set(notebook.uri.toString(), new Set(cells));
    tell();
  };
  for (const notebook of vscode.workspace.notebookDocuments) look(notebook);
  return vscode.Disposable.from(
    vscode.workspace.onDidOpenNotebookDocument(look),
    vscode.workspace.onDidChangeNotebookDocument(({ notebook, cellChanges, contentChanges }) => {
      if (contentChanges.length > 0 || cellChanges.some(({ outputs }) => outputs !== undefined)) look(notebook);
    }),
    vscode.workspace.onDidCloseNotebookDocument(({ uri }) => {
      failed.delete(uri.toString());
      tell();
    }),
  );
}

async function ask(chat: Asking, notebooks: Pick<NotebookStates, "refresh">, cell: vscode.NotebookCell, command: "fix" | null, question: string): Promise<void> {
  const attachment = attachmentOfCell(cell);
  if (!attachment) throw new Error(vscode.l10n.t("This notebook is not part of the open folder. Save it there, or open the folder that it belongs to."));
  if (isFollowed(cell.notebook)) await notebooks.refresh(cell.notebook);
  await chat.askAbout(question, command, [attachment], attachment.path);
}

function codeCell(argument: unknown): vscode.NotebookCell {
  const cell = chosenCell(argument);
  if (cell?.kind !== vscode.NotebookCellKind.Code) throw new Error(vscode.l10n.t("No code cell is selected. Open a notebook and select one."));
  return cell;
}

function numberOf(cell: vscode.NotebookCell): number {
  return codeCells(cell.notebook).indexOf(cell) + 1;
}
