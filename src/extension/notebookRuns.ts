// Tells the engine of every execution of a notebook cell: what was run below which cells, what it printed, how it failed.
// It judges nothing and keeps nothing; the engine takes out secrets and personal data before it stores anything.
import * as vscode from "vscode";
import type { ClientNotifications } from "../engine/protocol/messages.ts";
import { CellRuns } from "./cellRuns.ts";
import type { FinishedRun } from "./cellRuns.ts";
import { idOf, isFollowed, pathOf } from "./notebookCells.ts";
import { errorIn, hasError, hashOf, shownBy, textOf } from "./notebookOutputs.ts";

/** Bounds of what is sent, in cells and characters. */
const ABOVE_CELLS = 8;
const ABOVE_CHARACTERS = 2_000;
const SOURCE_CHARACTERS = 65_536;

/** Watches until disposed. */
export function recordNotebookRuns(tell: (run: ClientNotifications["memory/notebookExecuted"]) => void): vscode.Disposable {
  /** Where a finished cell is to be read, by its document, and the id that it had when it was last seen in its notebook. */
  const cells = new Map<string, { cell: vscode.NotebookCell; id: string }>();
  const runs = new CellRuns({
    finished: (run) => {
      const known = cells.get(run.cell);
      const message = known && messageOf(known.cell, known.id, run);
      if (message) tell(message);
    },
    settled: ({ cell, success }) => success || hasError(cells.get(cell)?.cell.outputs ?? []),
  });
  return vscode.Disposable.from(
    vscode.workspace.onDidChangeNotebookDocument(({ notebook, cellChanges, contentChanges }) => {
      if (!isFollowed(notebook)) return;
      for (const { cell, executionSummary } of cellChanges) {
        if (!executionSummary || cell.kind !== vscode.NotebookCellKind.Code) continue;
        const key = cell.document.uri.toString();
        if (cell.index >= 0 || !cells.has(key)) cells.set(key, { cell, id: idOf(cell) });
        runs.changed(key, executionSummary, cell.document.getText());
      }
      // A notebook that is reverted, or a cell that is cut: what ended counts, as its variables live on.
      for (const { removedCells } of contentChanges) {
        for (const cell of removedCells) {
          const key = cell.document.uri.toString();
          runs.removed(key);
          cells.delete(key);
        }
      }
    }),
    vscode.workspace.onDidCloseNotebookDocument((notebook) => {
      for (const [key, { cell }] of cells) {
        if (cell.notebook !== notebook) continue;
        runs.removed(key);
        cells.delete(key);
      }
    }),
    { dispose: () => { runs.dispose(); } },
  );
}

function messageOf(cell: vscode.NotebookCell, id: string, { source, started, executionOrder, success, endedAt, durationMs }: FinishedRun): ClientNotifications["memory/notebookExecuted"] | null {
  if (source.trim() === "" || source.length > SOURCE_CHARACTERS) return null;
  const { notebook, outputs } = cell;
  const above = cell.index < 0 ? [] : notebook.getCells(new vscode.NotebookRange(Math.max(0, cell.index - ABOVE_CELLS), cell.index)).filter(({ executionSummary }) => executionSummary?.success !== false);
  return {
    notebook: pathOf(notebook),
    cell: id,
    language: cell.document.languageId,
    source,
    started,
    durationMs,
    ...(executionOrder === undefined ? {} : { executionOrder }),
    ...(endedAt === undefined ? {} : { at: Math.round(endedAt) }),
    above: above.map((other) => ({
      kind: other.kind === vscode.NotebookCellKind.Code ? "code" as const : "markdown" as const,
      source: other.document.getText().slice(0, ABOVE_CHARACTERS),
      output: textOf(other.outputs),
    })),
    output: textOf(outputs),
    outputHash: hashOf(outputs),
    shown: shownBy(outputs),
    error: success ? null : errorIn(outputs),
  };
}
