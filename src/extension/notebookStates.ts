// Keeps, for every open notebook, what the engine says of its cells: asked again shortly after an edit or a run. Shows it in
// the cells' status bars. What is stale and why is decided in the engine.
import * as vscode from "vscode";
import type { NotebookCellState, NotebookState } from "../engine/protocol/notebooks.ts";
import type { EngineClient } from "./engineClient.ts";
import { cellsOf, codeCells, idOf, isFollowed } from "./notebookCells.ts";

/** After the last edit or run; the engine hears of a run when its outputs have settled (cellRuns.ts). */
const PAUSE_MS = 450;

export class NotebookStates implements vscode.NotebookCellStatusBarItemProvider, vscode.Disposable {
  readonly #engine: Pick<EngineClient, "request" | "state" | "onState">;
  readonly #log: (message: string) => void;
  readonly #states = new Map<string, NotebookState>();
  readonly #waiting = new Map<string, NodeJS.Timeout>();
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #subscriptions: { dispose(): unknown }[];
  readonly onDidChangeCellStatusBarItems = this.#changed.event;

  constructor(engine: Pick<EngineClient, "request" | "state" | "onState">, log: (message: string) => void) {
    this.#engine = engine;
    this.#log = log;
    this.#subscriptions = [
      vscode.notebooks.registerNotebookCellStatusBarItemProvider("*", this),
      vscode.workspace.onDidChangeNotebookDocument(({ notebook }) => { this.#soon(notebook); }),
      vscode.workspace.onDidOpenNotebookDocument((notebook) => { this.#soon(notebook); }),
      vscode.workspace.onDidCloseNotebookDocument((notebook) => {
        this.#states.delete(notebook.uri.toString());
        clearTimeout(this.#waiting.get(notebook.uri.toString()));
        this.#waiting.delete(notebook.uri.toString());
      }),
      engine.onState(({ name }) => { if (name === "ready") for (const notebook of vscode.workspace.notebookDocuments) this.#soon(notebook); }),
      this.#changed,
    ];
  }

  /** The newest state, asked for now. */
  async refresh(notebook: vscode.NotebookDocument): Promise<NotebookState> {
    const state = await this.#engine.request("notebook/state", cellsOf(notebook));
    this.#states.set(notebook.uri.toString(), state);
    this.#changed.fire();
    return state;
  }

  provideCellStatusBarItems(cell: vscode.NotebookCell): vscode.NotebookCellStatusBarItem[] {
    if (cell.kind !== vscode.NotebookCellKind.Code) return [];
    const state = this.#states.get(cell.notebook.uri.toString())?.cells.find((known) => known.cell === idOf(cell));
    return state ? itemsOf(state, cell) : [];
  }

  dispose(): void {
    for (const timer of this.#waiting.values()) clearTimeout(timer);
    vscode.Disposable.from(...this.#subscriptions).dispose();
  }

  #soon(notebook: vscode.NotebookDocument): void {
    if (!isFollowed(notebook) || codeCells(notebook).length === 0) return;
    const key = notebook.uri.toString();
    clearTimeout(this.#waiting.get(key));
    this.#waiting.set(key, setTimeout(() => {
      this.#waiting.delete(key);
      if (this.#engine.state.name !== "ready" || notebook.isClosed) return;
      this.refresh(notebook).catch((error: unknown) => { this.#log(`The state of ${notebook.uri.path} could not be told: ${String(error)}`); });
    }, PAUSE_MS));
  }
}

/** At most three items, quiet ones: out of date, different results, not to be repeated without thought. */
export function itemsOf(state: NotebookCellState, cell: vscode.NotebookCell): vscode.NotebookCellStatusBarItem[] {
  const items: vscode.NotebookCellStatusBarItem[] = [];
  const item = (text: string, tooltip: string, command: string, title: string): void => {
    const made = new vscode.NotebookCellStatusBarItem(text, vscode.NotebookCellStatusBarAlignment.Left);
    made.tooltip = tooltip;
    made.command = { command, title, arguments: [cell] };
    items.push(made);
  };
  if (state.label !== null) item(`$(history) ${state.label}`, `${state.reasons.join("\n")}\n${vscode.l10n.t("Select to choose what to run again.")}`, "kalactica.rerunStaleCells", vscode.l10n.t("Re-run Stale Cells"));
  if (state.results > 1) item(`$(question) ${vscode.l10n.t("ran {0}× with different results", state.runs)}`, vscode.l10n.t("The same code with the same inputs ran {0} times in this kernel and showed {1} different results.", state.runs, state.results), "kalactica.explainCellState", vscode.l10n.t("Explain Cell State"));
  if (state.hazards.length > 0) item(`$(warning) ${state.hazards[0] ?? ""}`, `${vscode.l10n.t("It has run before. To run it again repeats this:")}\n${state.hazards.join("\n")}`, "kalactica.explainCellState", vscode.l10n.t("Explain Cell State"));
  return items;
}
