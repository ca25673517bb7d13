// Makes one report of each execution of a notebook cell out of the many changes that the editor tells of: what was run is
// the text at the start, how it ended is read when outputs have settled. It knows neither VS Code nor the engine.

/** What the editor says of a cell's execution; early changes have none of it. */
export interface RunSummary {
  executionOrder?: number | undefined;
  success?: boolean | undefined;
  timing?: { startTime: number; endTime: number } | undefined;
}

export interface FinishedRun {
  cell: string;
  /** What was run, as it stood when it was started. */
  source: string;
  executionOrder: number | undefined;
  success: boolean;
  endedAt: number | undefined;
}

/** Outputs may arrive a little after the news that the execution has ended. */
const SETTLE_MS = 300;

export class CellRuns {
  readonly #finished: (run: FinishedRun) => void;
  readonly #settleMs: number;
  /** Text of cells that are running, as it was when they were started. */
  readonly #started = new Map<string, { source: string; order: number | undefined }>();
  readonly #settling = new Map<string, NodeJS.Timeout>();
  /** The last execution reported of each cell, so that what is told twice is reported once. */
  readonly #reported = new Map<string, string>();

  constructor(finished: (run: FinishedRun) => void, settleMs = SETTLE_MS) {
    this.#finished = finished;
    this.#settleMs = settleMs;
  }

  /** The summary of a cell changed while its text was `source`. */
  changed(cell: string, summary: RunSummary, source: string): void {
    if (summary.success === undefined) {
      // Started, or its outputs were cleared. Once it has a number it is running, and edits belong to the next execution.
      const started = this.#started.get(cell);
      if (summary.executionOrder === undefined || started?.order !== summary.executionOrder) this.#started.set(cell, { source, order: summary.executionOrder });
      return;
    }
    const which = `${summary.executionOrder}:${summary.timing?.startTime}:${summary.timing?.endTime}:${summary.success}`;
    if (this.#reported.get(cell) === which) return;
    this.#reported.set(cell, which);
    const run: FinishedRun = { cell, source: this.#started.get(cell)?.source ?? source, executionOrder: summary.executionOrder, success: summary.success, endedAt: summary.timing?.endTime };
    this.#started.delete(cell);
    clearTimeout(this.#settling.get(cell));
    this.#settling.set(cell, setTimeout(() => {
      this.#settling.delete(cell);
      this.#finished(run);
    }, this.#settleMs));
  }

  dispose(): void {
    for (const timer of this.#settling.values()) clearTimeout(timer);
    this.#settling.clear();
  }
}
