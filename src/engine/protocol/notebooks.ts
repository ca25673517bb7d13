// Wire types of notebooks: what their cells are, which are out of date and why. Types only: imports nothing but its own kind.

/** A code cell as it stands in the editor. */
export interface NotebookCellText {
  /** As in `NotebookExecuted.cell`. */
  id: string;
  language: string;
  source: string;
}

export interface NotebookCells {
  /** Path relative to the workspace, with forward slashes. */
  notebook: string;
  /** The code cells from the top. */
  cells: NotebookCellText[];
}

export interface NotebookCellState {
  cell: string;
  state: "notRun" | "current" | "stale" | "failed";
  /** Why it is out of date, for a status item ("stale: depends on cell 3 (df), edited since"), or null. */
  label: string | null;
  /** The same at length, one sentence for each reason. */
  reasons: string[];
  /** How often the code as it ran, with the same inputs, has run in this kernel, and how many different results it gave. */
  runs: number;
  results: number;
  /** What should not be repeated without thought, as it stands in the cell: "deletes build/". */
  hazards: string[];
}

export interface NotebookRerun {
  /** Ids in the order in which to run them. */
  cells: string[];
  /** Of these, those that are not out of date themselves. */
  helpers: string[];
  needsRestart: boolean;
}

export interface NotebookState {
  cells: NotebookCellState[];
  /** For everything that is out of date. */
  rerun: NotebookRerun;
}

/** Requests about notebooks. */
export interface NotebookRequests {
  /** Which cells are out of date and why, and the fewest to run again. */
  "notebook/state": { params: NotebookCells; result: NotebookState };
  /** What to run so that `cell` is up to date. */
  "notebook/rerun": { params: NotebookCells & { cell: string }; result: NotebookRerun };
  /** Markdown: what the cell needs, makes and touches, and what became of its runs. */
  "notebook/explain": { params: NotebookCells & { cell: string }; result: { markdown: string } };
}
