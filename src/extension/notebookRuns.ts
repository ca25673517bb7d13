// Tells the engine of every execution of a notebook cell: what was run below which cells, what it printed, how it failed.
// It judges nothing and keeps nothing; the engine takes out secrets and personal data before it stores anything.
import * as vscode from "vscode";
import type { ClientNotifications } from "../engine/protocol/messages.ts";
import { CellRuns } from "./cellRuns.ts";
import type { FinishedRun } from "./cellRuns.ts";

const ERROR_MIME = "application/vnd.code.notebook.error";
const TEXT_MIMES = ["application/vnd.code.notebook.stdout", "text/plain"];
/** Bounds of what is sent, in cells and characters. */
const ABOVE_CELLS = 8;
const ABOVE_CHARACTERS = 2_000;
const SOURCE_CHARACTERS = 8_000;
const OUTPUT_CHARACTERS = 2_000;
const TRACEBACK_CHARACTERS = 4_000;

/** Watches until disposed. */
export function recordNotebookRuns(tell: (run: ClientNotifications["memory/notebookExecuted"]) => void): vscode.Disposable {
  /** Where a finished cell is to be read; cells live as long as their notebook. */
  const cells = new Map<string, vscode.NotebookCell>();
  const runs = new CellRuns((run) => {
    const cell = cells.get(run.cell);
    cells.delete(run.cell);
    const message = cell && messageOf(cell, run);
    if (message) tell(message);
  });
  return vscode.Disposable.from(
    vscode.workspace.onDidChangeNotebookDocument(({ notebook, cellChanges }) => {
      // In the interactive window every execution is a cell of its own: nothing there is ever repaired.
      if (notebook.notebookType === "interactive") return;
      for (const { cell, executionSummary } of cellChanges) {
        if (!executionSummary || cell.kind !== vscode.NotebookCellKind.Code) continue;
        const key = cell.document.uri.toString();
        if (executionSummary.success !== undefined) cells.set(key, cell);
        runs.changed(key, executionSummary, cell.document.getText());
      }
    }),
    { dispose: () => { runs.dispose(); } },
  );
}

function messageOf(cell: vscode.NotebookCell, { source, executionOrder, success, endedAt }: FinishedRun): ClientNotifications["memory/notebookExecuted"] | null {
  if (cell.index < 0 || source.trim() === "" || source.length > SOURCE_CHARACTERS) return null;
  const { notebook } = cell;
  const above = notebook.getCells(new vscode.NotebookRange(Math.max(0, cell.index - ABOVE_CELLS), cell.index)).filter(({ executionSummary }) => executionSummary?.success !== false);
  return {
    notebook: vscode.workspace.asRelativePath(notebook.uri, false).replaceAll("\\", "/"),
    cell: idOf(cell),
    language: cell.document.languageId,
    source,
    ...(executionOrder === undefined ? {} : { executionOrder }),
    ...(endedAt === undefined ? {} : { at: Math.round(endedAt) }),
    above: above.map((other) => ({
      kind: other.kind === vscode.NotebookCellKind.Code ? "code" as const : "markdown" as const,
      source: other.document.getText().slice(0, ABOVE_CHARACTERS),
      output: textOf(other, OUTPUT_CHARACTERS),
    })),
    output: textOf(cell, OUTPUT_CHARACTERS),
    error: success ? null : errorOf(cell),
  };
}

/** The id that the notebook gives the cell, which lasts; else that of its document, which lasts while it is open. */
function idOf(cell: vscode.NotebookCell): string {
  const { id, metadata } = cell.metadata as { id?: unknown; metadata?: { id?: unknown } };
  return typeof id === "string" ? id : typeof metadata?.id === "string" ? metadata.id : cell.document.uri.fragment;
}

function textOf(cell: vscode.NotebookCell, most: number): string {
  let text = "";
  for (const { items } of cell.outputs) {
    const item = items.find(({ mime }) => TEXT_MIMES.includes(mime));
    if (item && text.length < most) text += `${new TextDecoder().decode(item.data.subarray(0, 4 * most))}\n`;
  }
  return plain(text).slice(0, most);
}

/** An execution that failed without saying how (interrupted, the kernel died) has an empty name. */
function errorOf(cell: vscode.NotebookCell): { name: string; message: string; traceback: string } {
  for (const { items } of cell.outputs) {
    const item = items.find(({ mime }) => mime === ERROR_MIME);
    if (!item) continue;
    try {
      const { name, message, stack } = JSON.parse(new TextDecoder().decode(item.data)) as { name?: unknown; message?: unknown; stack?: unknown };
      return { name: text(name), message: plain(text(message)).slice(0, OUTPUT_CHARACTERS), traceback: plain(text(stack)).slice(0, TRACEBACK_CHARACTERS) };
    } catch {
      // A controller may put anything there; that it failed is known all the same.
    }
  }
  return { name: "", message: "", traceback: "" };
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Without terminal colours. */
function plain(value: string): string {
  return value.replaceAll(/\x1b\[[0-9;?]*[A-Za-z]/g, "").trimEnd();
}
