// What is kept of one execution of a cell, and of the cells of a notebook as they stand. Types only.
import type { Effects } from "../analysis/facts.ts";

/** A code cell as it stands in the notebook now. */
export interface NotebookCell {
  /** Lasts as long as the cell. */
  id: string;
  language: string;
  source: string;
}

/** A finished execution. */
export interface Execution {
  /** Ascending with the start of executions, also where the clock was set back. */
  sequence: number;
  cell: string;
  language: string;
  /** What was run. */
  source: string;
  /** The kernel's counter, or null where it has none. */
  order: number | null;
  /** ms since 1970 when it ended, and how long it took (null: not told). */
  at: number;
  durationMs: number | null;
  success: boolean;
  /** Of the outputs that people see, volatile parts (addresses) aside. */
  outputHash: string;
  /** What the outputs say, as text, clipped. */
  output: string;
  /** One line per output that is no text: "table of 5 rows × 3 columns", "figure (image/png, 18 kB)". */
  shown: string[];
  error: ExecutionError | null;
}

export interface ExecutionError {
  name: string;
  message: string;
  traceback: string;
}

/** The consequences of an execution, for people and for memory. */
export interface ConsequenceNotes extends Effects {
  defines: string[];
  uses: string[];
  changes: string[];
}

export type StaleReasonKind =
  | "edited" // the cell itself, since it ran
  | "upstreamEdited" // a cell that it depends on was edited since
  | "upstreamRerun" // … ran again since, with another outcome
  | "upstreamStale" // … is itself out of date
  | "outOfOrder" // it read what a cell further down had made
  | "missing" // it ran before the cell that defines what it needs
  | "deletedCell" // it depends on a cell that is no longer there
  | "ranTwice" // it changes what it had changed already
  | "kernelRestarted" // its values are gone
  | "changedBelow"; // another cell changed what it reads before it ran again

export interface StaleReason {
  kind: StaleReasonKind;
  /** The name through which it depends, where there is one. */
  name: string | null;
  /** The cell that is the cause. */
  cell: string | null;
}

export type CellState = "notRun" | "current" | "stale" | "failed";

export interface CellStatus {
  cell: string;
  /** Position among the code cells, from 0. */
  index: number;
  state: CellState;
  reasons: StaleReason[];
  order: number | null;
  /** How many times it ran with the same code and inputs in this session, and how many different results that gave. */
  runs: number;
  results: number;
}
