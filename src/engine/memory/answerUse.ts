// Keeps, on this machine only, how answers fared: when, with which model, how fast, stopped or asked again, citations opened.
// No question, no answer and no path is stored here; thumbs stand in answerFeedback.ts and are joined when figures are read.
import type { DatabaseSync, RoomSchema } from "../base/database.ts";

export const ANSWER_USE_SCHEMA: RoomSchema = {
  room: "answerUse",
  migrations: [
    `CREATE TABLE answerUse (
       askId TEXT PRIMARY KEY, at INTEGER NOT NULL, model TEXT NOT NULL, adapter TEXT NOT NULL, language TEXT NOT NULL,
       written INTEGER NOT NULL, stopped INTEGER NOT NULL, failed INTEGER NOT NULL, again INTEGER NOT NULL,
       citations INTEGER NOT NULL, followed INTEGER NOT NULL DEFAULT 0, firstTokenMs REAL, totalMs REAL
     ) STRICT;
     CREATE INDEX answerUseAt ON answerUse (at);`,
  ],
};

/** Most that are kept; older ones go first. */
const MOST_ROWS = 50_000;

/** An answer that ended, in whatever way. */
export interface EndedAnswer {
  readonly askId: string;
  /** "" where no model was loaded, the base model alone answered, or the language is not known. */
  readonly model: string;
  readonly adapter: string;
  readonly language: string;
  readonly written: boolean;
  readonly stopped: boolean;
  readonly failed: boolean;
  /** Asked for again in the place of an earlier answer. */
  readonly again: boolean;
  readonly citations: number;
  readonly firstTokenMs: number | null;
  readonly totalMs: number | null;
}

/** As it was written down, with the thumb that it was given. */
export interface StoredAnswerUse extends EndedAnswer {
  readonly at: number;
  readonly followed: number;
  readonly rating: "up" | "down" | null;
}

type Row = Omit<StoredAnswerUse, "written" | "stopped" | "failed" | "again"> & Record<"written" | "stopped" | "failed" | "again", number>;

export class AnswerUseStore {
  readonly #database: DatabaseSync;
  #sinceTrim = 0;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** `now`: milliseconds since 1970. */
  record(answer: EndedAnswer, now = Date.now()): void {
    this.#database.prepare(`INSERT OR REPLACE INTO answerUse (askId, at, model, adapter, language, written, stopped, failed, again, citations, firstTokenMs, totalMs)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`).run(
      answer.askId, now, answer.model, answer.adapter, answer.language, Number(answer.written), Number(answer.stopped), Number(answer.failed), Number(answer.again),
      answer.citations, answer.firstTokenMs, answer.totalMs,
    );
    if (++this.#sinceTrim < 200) return;
    this.#sinceTrim = 0;
    this.#database.prepare("DELETE FROM answerUse WHERE askId IN (SELECT askId FROM answerUse ORDER BY at DESC LIMIT -1 OFFSET ?)").run(MOST_ROWS);
  }

  /** A citation of the answer was opened. False where the answer was not written down. */
  followed(askId: string): boolean {
    return this.#database.prepare("UPDATE answerUse SET followed = followed + 1 WHERE askId = ?").run(askId).changes > 0;
  }

  /** Those since `from` (milliseconds since 1970), oldest first, one row at a time. */
  *since(from: number): Generator<StoredAnswerUse> {
    const rows = this.#database.prepare(`SELECT askId, answerUse.at AS at, answerUse.model AS model, adapter, language, written, stopped, failed, again, citations, followed, firstTokenMs, totalMs, rating
      FROM answerUse LEFT JOIN answerFeedback USING (askId) WHERE answerUse.at >= ? ORDER BY answerUse.at, askId`);
    for (const row of rows.iterate(from)) {
      const { written, stopped, failed, again, ...rest } = row as unknown as Row;
      yield { ...rest, written: written === 1, stopped: stopped === 1, failed: failed === 1, again: again === 1 };
    }
  }

  /** How many there were. */
  erase(): number {
    return Number(this.#database.prepare("DELETE FROM answerUse").run().changes);
  }
}
