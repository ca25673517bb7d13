// Keeps, on this machine only, code from answers that was put into a file, beside what the user had made of it minutes later.
// Stored without secrets and personal data. What is learnt from the difference: data/sources/feedback.ts.
import type { DatabaseSync, RoomSchema } from "../base/database.ts";
import type { AnswerApplied } from "../protocol/types.ts";

export const APPLIED_ANSWER_SCHEMA: RoomSchema = {
  room: "appliedAnswer",
  migrations: [
    `CREATE TABLE appliedAnswer (
       id TEXT PRIMARY KEY, at INTEGER NOT NULL, question TEXT NOT NULL, path TEXT NOT NULL, language TEXT NOT NULL,
       before TEXT NOT NULL, applied TEXT NOT NULL, kept TEXT NOT NULL
     ) STRICT;`,
  ],
};

/** Code of an answer as it was applied, and as it stood minutes later. */
export interface StoredAppliedAnswer {
  id: string;
  at: number;
  question: string;
  path: string;
  language: string;
  /** What stood in its place before; "" where nothing did. */
  before: string;
  applied: string;
  kept: string;
}

const MOST_ROWS = 2_000;
/** Longer pieces are whole files rather than answers. */
const MOST_CHARACTERS = 12_000;

export class AppliedAnswers {
  readonly #database: DatabaseSync;
  readonly #scrub: (text: string) => string;

  constructor(database: DatabaseSync, scrub: (text: string) => string) {
    this.#database = database;
    this.#scrub = scrub;
  }

  /** Writes one down; false where it is too long to be learnt from. Told twice of the same one, the later news stands. */
  record({ id, question, path, language, before, applied, kept }: AnswerApplied, now = Date.now()): boolean {
    if (Math.max(before.length, applied.length, kept.length) > MOST_CHARACTERS || applied.trim() === "") return false;
    this.#database.prepare("INSERT INTO appliedAnswer VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET kept = excluded.kept, at = excluded.at")
      .run(id, now, this.#scrub(question.slice(0, MOST_CHARACTERS)), path, language, this.#scrub(before), this.#scrub(applied), this.#scrub(kept));
    this.#database.prepare("DELETE FROM appliedAnswer WHERE id IN (SELECT id FROM appliedAnswer ORDER BY at DESC LIMIT -1 OFFSET ?)").run(MOST_ROWS);
    return true;
  }

  /** All of them, oldest first. */
  *stored(): Generator<StoredAppliedAnswer> {
    for (const row of this.#database.prepare("SELECT * FROM appliedAnswer ORDER BY at, id").iterate()) yield row as unknown as StoredAppliedAnswer;
  }
}
