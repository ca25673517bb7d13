// Keeps, on this machine only, what notebook cells were run with and how they ended, so that a failure and its repair can
// be learnt from. Stored without secrets and personal data, within bounds. What is made of it: data/sources/notebooks.ts.
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

/** Bounds, in rows and characters; ours. */
const MOST_RUNS = 5_000;
const MOST_PER_CELL = 20;
const SOURCE_CHARACTERS = 8_000;
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

  /** Writes an execution down. A cell run again without a change, with the same end, is not written twice: false. */
  record(run: NotebookExecuted, now = Date.now()): boolean {
    // A cell cut in two would be another program.
    if (run.source.trim() === "" || run.source.length > SOURCE_CHARACTERS) return false;
    const source = this.#scrub(run.source);
    const last = this.#database.prepare("SELECT source, errorName FROM notebookRun WHERE notebook = ? AND cell = ? ORDER BY id DESC LIMIT 1").get(run.notebook, run.cell) as { source: string; errorName: string | null } | undefined;
    if (last?.source === source && (last.errorName === null) === (run.error === null)) return false;
    const above = run.above.slice(-ABOVE_CELLS).map(({ kind, source: text, output }) => ({ kind, source: this.#scrub(text.slice(0, ABOVE_CHARACTERS)), ...(output ? { output: this.#scrub(output.slice(0, OUTPUT_CHARACTERS)) } : {}) }));
    this.#database.prepare(`INSERT INTO notebookRun (at, notebook, cell, language, executionOrder, source, above, output, errorName, errorMessage, traceback)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`).run(
      run.at ?? now, run.notebook, run.cell, run.language, run.executionOrder ?? null, source, JSON.stringify(above), this.#scrub(run.output.slice(0, OUTPUT_CHARACTERS)),
      run.error?.name ?? null, run.error ? this.#scrub(run.error.message.slice(0, OUTPUT_CHARACTERS)) : null, run.error ? this.#scrub(run.error.traceback.slice(0, OUTPUT_CHARACTERS)) : null,
    );
    this.#database.prepare("DELETE FROM notebookRun WHERE notebook = ?1 AND cell = ?2 AND id NOT IN (SELECT id FROM notebookRun WHERE notebook = ?1 AND cell = ?2 ORDER BY id DESC LIMIT ?3)").run(run.notebook, run.cell, MOST_PER_CELL);
    if (++this.#sinceTrim >= 100) {
      this.#sinceTrim = 0;
      this.#database.prepare("DELETE FROM notebookRun WHERE id NOT IN (SELECT id FROM notebookRun ORDER BY id DESC LIMIT ?)").run(MOST_RUNS);
    }
    return true;
  }

  /** All executions, oldest first; one row at a time is in memory. */
  *stored(): Generator<StoredNotebookRun> {
    for (const row of this.#database.prepare("SELECT * FROM notebookRun ORDER BY id").iterate()) {
      const { id, at, notebook, cell, language, source, above, output, errorName, errorMessage, traceback } = row as unknown as Omit<StoredNotebookRun, "above" | "error"> & { above: string; errorName: string | null; errorMessage: string; traceback: string };
      yield { id, at, notebook, cell, language, source, above: JSON.parse(above) as StoredNotebookRun["above"], output, error: errorName === null ? null : { name: errorName, message: errorMessage, traceback } };
    }
  }
}
