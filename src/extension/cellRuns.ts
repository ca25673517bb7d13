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
  /** Ascending with the starts of executions, whatever the clock says. */
  started: number;
  executionOrder: number | undefined;
  success: boolean;
  endedAt: number | undefined;
  /** By the editor's clock, or ours where that went backwards. */
  durationMs: number;
}

interface Started {
  source: string;
  order: number | undefined;
  started: number;
  /** By a clock that only goes forward. */
  at: number;
}

/** Outputs may arrive a little after the news that the execution has ended; on a busy machine, more than a little. */
const SETTLE_MS = 300;
const SETTLE_AT_MOST_MS = 6_000;

export interface CellRunsOptions {
  finished: (run: FinishedRun) => void;
  /** Whether what the run must have left is there to be read, such as the error of a run that failed. */
  settled: (run: FinishedRun) => boolean;
  settleMs?: number;
}

export class CellRuns {
  readonly #finished: (run: FinishedRun) => void;
  readonly #settled: (run: FinishedRun) => boolean;
  readonly #settleMs: number;
  /** Text of cells that are running, as it was when they were started. */
  readonly #started = new Map<string, Started>();
  readonly #settling = new Map<string, { timer: NodeJS.Timeout; tell: () => void }>();
  /** The last execution reported of each cell, so that what is told twice is reported once. */
  readonly #reported = new Map<string, string>();
  #count = 0;

  constructor({ finished, settled, settleMs = SETTLE_MS }: CellRunsOptions) {
    this.#finished = finished;
    this.#settled = settled;
    this.#settleMs = settleMs;
  }

  /** The summary of a cell changed while its text was `source`. */
  changed(cell: string, summary: RunSummary, source: string): void {
    if (summary.success === undefined) {
      // The last execution's outputs stand until this one replaces them: now is the time to read them.
      this.#settling.get(cell)?.tell();
      // Started, or its outputs were cleared. Once it has a number it is running, and edits belong to the next execution.
      const started = this.#started.get(cell);
      if (started && summary.executionOrder !== undefined && started.order === undefined && started.source === source) started.order = summary.executionOrder;
      else if (summary.executionOrder === undefined || started?.order !== summary.executionOrder) this.#started.set(cell, { source, order: summary.executionOrder, started: ++this.#count, at: performance.now() });
      return;
    }
    const which = `${summary.executionOrder}:${summary.timing?.startTime}:${summary.timing?.endTime}:${summary.success}`;
    if (this.#reported.get(cell) === which) return;
    this.#reported.set(cell, which);
    // Where the start was not seen: an execution that ends while the last one's outputs settle does not swallow it.
    this.#settling.get(cell)?.tell();
    const started = this.#started.get(cell);
    const timed = summary.timing ? summary.timing.endTime - summary.timing.startTime : -1;
    const run: FinishedRun = {
      cell, source: started?.source ?? source, started: started?.started ?? ++this.#count, executionOrder: summary.executionOrder, success: summary.success, endedAt: summary.timing?.endTime,
      durationMs: timed >= 0 ? timed : started ? Math.round(performance.now() - started.at) : 0,
    };
    this.#started.delete(cell);
    const settling = { timer: setTimeout(() => { look(1); }, this.#settleMs), tell: () => { this.#tell(run); } };
    const look = (looks: number): void => {
      if (this.#settled(run) || looks * this.#settleMs >= SETTLE_AT_MOST_MS) settling.tell();
      else settling.timer = setTimeout(() => { look(looks + 1); }, this.#settleMs);
    };
    this.#settling.set(cell, settling);
  }

  #tell(run: FinishedRun): void {
    clearTimeout(this.#settling.get(run.cell)?.timer);
    this.#settling.delete(run.cell);
    this.#finished(run);
  }

  /** The cell is gone: what ended is told at once, what runs will not be heard of again. */
  removed(cell: string): void {
    this.#settling.get(cell)?.tell();
    this.#started.delete(cell);
    this.#reported.delete(cell);
  }

  dispose(): void {
    for (const { timer } of this.#settling.values()) clearTimeout(timer);
    this.#settling.clear();
  }
}
