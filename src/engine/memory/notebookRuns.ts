// Keeps, on this machine only, what notebook cells were run with and how they ended, so that a failure and its repair can
// be learnt from. Stored without secrets and personal data, within bounds. What is made of it: data/sources/notebooks.ts.
import { createHash } from "node:crypto";
import { inTransaction } from "../base/database.ts";
import type { DatabaseSync, RoomSchema } from "../base/database.ts";
import type { NotebookExecuted } from "../protocol/types.ts";

export const NOTEBOOK_RUN_SCHEMA: RoomSchema = {
  room: "notebookRun",
  migrations: [
    `CREATE TABLE notebookRun (
       id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, notebook TEXT NOT NULL, cell TEXT NOT NULL, language TEXT NOT NULL,
       executionOrder INTEGER, source TEXT NOT NULL, above TEXT NOT NULL, output TEXT NOT NULL,
       errorName TEXT, errorMessage TEXT, traceback TEXT
     ) STRICT;
     CREATE INDEX notebookRunCell ON notebookRun (notebook, cell, id);`,
    // Every execution is kept, not only those that teach something: which cells are out of date follows from all of them.
    `ALTER TABLE notebookRun ADD COLUMN sourceHash TEXT;
     ALTER TABLE notebookRun ADD COLUMN durationMs INTEGER;
     ALTER TABLE notebookRun ADD COLUMN outputHash TEXT;
     ALTER TABLE notebookRun ADD COLUMN shown TEXT;
     ALTER TABLE notebookRun ADD COLUMN repeats INTEGER NOT NULL DEFAULT 0;
     CREATE INDEX notebookRunNotebook ON notebookRun (notebook, id);`,
  ],
};

/** A recorded execution, as it was stored. */
export interface StoredNotebookRun {
  id: number;
  at: number;
  notebook: string;
  cell: string;
  language: string;
  source: string;
  above: { kind: "code" | "markdown"; source: string; output?: string }[];
  output: string;
  error: { name: string; message: string; traceback: string } | null;
}

/** An execution as the model of a notebook needs it. */
export interface StoredExecution {
  id: number;
  at: number;
  cell: string;
  language: string;
  order: number | null;
  source: string;
  /** Of the source before secrets were taken out of it; null in rows of older engines. */
  sourceHash: string | null;
  durationMs: number | null;
  output: string;
  outputHash: string;
  shown: string[];
  error: { name: string; message: string; traceback: string } | null;
}

/** Bounds, in rows and characters; ours. */
const MOST_RUNS = 10_000;
const MOST_PER_CELL = 20;
const MOST_REPEATS_PER_CELL = 5;
const SOURCE_CHARACTERS = 65_536;
const TRACEBACK_CHARACTERS = 4_000;
const OUTPUT_CHARACTERS = 2_000;
const ABOVE_CELLS = 8;
const ABOVE_CHARACTERS = 2_000;

export class NotebookRuns {
  readonly #database: DatabaseSync;
  readonly #scrub: (text: string) => string;
  #sinceTrim = 0;

  constructor(database: DatabaseSync, scrub: (text: string) => string) {
    this.#database = database;
    this.#scrub = scrub;
  }

  /**
   * Writes an execution down: false where it is not worth learning from (a cell run again without a change, with the same
   * end), or where it is too long, which alone is not kept.
   */
  record(run: NotebookExecuted, now = Date.now()): boolean {
    // A cell cut in two would be another program.
    if (run.source.trim() === "" || run.source.length > SOURCE_CHARACTERS) return false;
    const source = this.#scrub(run.source);
    const last = this.#database.prepare("SELECT source, errorName FROM notebookRun WHERE notebook = ? AND cell = ? ORDER BY id DESC LIMIT 1").get(run.notebook, run.cell) as { source: string; errorName: string | null } | undefined;
    const repeats = last?.source === source && (last.errorName === null) === (run.error === null);
    const above = repeats ? [] : run.above.slice(-ABOVE_CELLS).map(({ kind, source: text, output }) => ({ kind, source: this.#scrub(text.slice(0, ABOVE_CHARACTERS)), ...(output ? { output: this.#scrub(output.slice(0, OUTPUT_CHARACTERS)) } : {}) }));
    inTransaction(this.#database, () => {
      this.#database.prepare(`INSERT INTO notebookRun (at, notebook, cell, language, executionOrder, source, above, output, errorName, errorMessage, traceback, sourceHash, durationMs, outputHash, shown, repeats)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`).run(
        run.at ?? now, run.notebook, run.cell, run.language, run.executionOrder ?? null, source, JSON.stringify(above), this.#scrub(run.output.slice(0, OUTPUT_CHARACTERS)),
        run.error?.name ?? null, run.error ? this.#scrub(run.error.message.slice(0, OUTPUT_CHARACTERS)) : null, run.error ? this.#scrub(run.error.traceback.slice(0, TRACEBACK_CHARACTERS)) : null,
        sourceHashOf(run.source), run.durationMs ?? null, run.outputHash ?? null, run.shown ? JSON.stringify(run.shown.map((line) => this.#scrub(line))) : null, Number(repeats),
      );
      const most = repeats ? MOST_REPEATS_PER_CELL : MOST_PER_CELL;
      this.#database.prepare("DELETE FROM notebookRun WHERE notebook = ?1 AND cell = ?2 AND repeats = ?4 AND id NOT IN (SELECT id FROM notebookRun WHERE notebook = ?1 AND cell = ?2 AND repeats = ?4 ORDER BY id DESC LIMIT ?3)").run(run.notebook, run.cell, most, Number(repeats));
      if (++this.#sinceTrim >= 100) {
        this.#sinceTrim = 0;
        this.#database.prepare("DELETE FROM notebookRun WHERE id NOT IN (SELECT id FROM notebookRun ORDER BY id DESC LIMIT ?)").run(MOST_RUNS);
      }
    });
    return !repeats;
  }

  /** The last `most` executions of a notebook, oldest first. */
  executions(notebook: string, most = 1_000): StoredExecution[] {
    const rows = this.#database.prepare("SELECT * FROM (SELECT * FROM notebookRun WHERE notebook = ? ORDER BY id DESC LIMIT ?) ORDER BY id").all(notebook, most) as unknown as ExecutionRow[];
    return rows.map(({ id, at, cell, language, executionOrder, source, sourceHash, durationMs, output, outputHash, shown, errorName, errorMessage, traceback }) => ({
      id, at, cell, language, order: executionOrder, source, sourceHash, durationMs, output, outputHash: outputHash ?? output, shown: shown === null ? [] : JSON.parse(shown) as string[],
      error: errorName === null ? null : { name: errorName, message: errorMessage ?? "", traceback: traceback ?? "" },
    }));
  }

  /** Notebooks with executions, the last used first. */
  notebooks(): string[] {
    return (this.#database.prepare("SELECT notebook FROM notebookRun GROUP BY notebook ORDER BY max(id) DESC LIMIT 100").all() as { notebook: string }[]).map(({ notebook }) => notebook);
  }

  /** Forgets what was run in a notebook; how many executions that were. */
  forget(notebook: string): number {
    return Number(this.#database.prepare("DELETE FROM notebookRun WHERE notebook = ?").run(notebook).changes);
  }

  /** Executions that something can be learnt from, oldest first; one row at a time is in memory. */
  *stored(): Generator<StoredNotebookRun> {
    for (const row of this.#database.prepare("SELECT * FROM notebookRun WHERE repeats = 0 ORDER BY id").iterate()) {
      const { id, at, notebook, cell, language, source, above, output, errorName, errorMessage, traceback } = row as unknown as Omit<StoredNotebookRun, "above" | "error"> & { above: string; errorName: string | null; errorMessage: string; traceback: string };
      yield { id, at, notebook, cell, language, source, above: JSON.parse(above) as StoredNotebookRun["above"], output, error: errorName === null ? null : { name: errorName, message: errorMessage, traceback } };
    }
  }
}

interface ExecutionRow extends Omit<StoredExecution, "order" | "shown" | "error" | "outputHash"> {
  executionOrder: number | null;
  outputHash: string | null;
  shown: string | null;
  errorName: string | null;
  errorMessage: string | null;
  traceback: string | null;
}

/** Tells whether a text is the one that was run, without keeping it. */
export function sourceHashOf(source: string): string {
  return createHash("sha256").update(source).digest("hex");
}
