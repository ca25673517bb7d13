// The cells of a notebook as the engine knows them: ids that last, paths, texts. Glue without state.
import * as vscode from "vscode";
import type { NotebookCells } from "../engine/protocol/notebooks.ts";

/** In the interactive window every execution is a cell of its own: nothing there is ever out of date or repaired. */
export function isFollowed(notebook: vscode.NotebookDocument): boolean {
  return notebook.notebookType !== "interactive";
}

export function pathOf(notebook: vscode.NotebookDocument): string {
  return vscode.workspace.asRelativePath(notebook.uri, false).replaceAll("\\", "/");
}

/** The id that the notebook gives the cell, which lasts, where no other cell has it; else that of its document, which lasts while it is open. */
export function idOf(cell: vscode.NotebookCell): string {
  const id = ownId(cell);
  if (id === null) return cell.document.uri.fragment;
  // A copied cell may bring the id of its original along; the first keeps it.
  const first = cell.index < 0 ? cell : cell.notebook.getCells().find((other) => ownId(other) === id);
  return first === cell || first === undefined ? id : `${id}#${cell.document.uri.fragment}`;
}

function ownId(cell: vscode.NotebookCell): string | null {
  const { id, metadata } = cell.metadata as { id?: unknown; metadata?: { id?: unknown } };
  return typeof id === "string" ? id : typeof metadata?.id === "string" ? metadata.id : null;
}

export function codeCells(notebook: vscode.NotebookDocument): vscode.NotebookCell[] {
  return notebook.getCells().filter(({ kind }) => kind === vscode.NotebookCellKind.Code);
}

export function cellsOf(notebook: vscode.NotebookDocument): NotebookCells {
  const seen = new Set<string>();
  return {
    notebook: pathOf(notebook),
    cells: codeCells(notebook).map((cell) => {
      const own = ownId(cell);
      const id = own === null ? cell.document.uri.fragment : seen.has(own) ? `${own}#${cell.document.uri.fragment}` : own;
      seen.add(own ?? id);
      return { id, language: cell.document.languageId, source: cell.document.getText() };
    }),
  };
}
