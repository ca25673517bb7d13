// Keeps, on this machine only, which answers the user found good or bad, with question and answer as they stood.
// Texts are stored without secrets and personal data. What is learnt from them: data/sources/feedback.ts.
import type { DatabaseSync, RoomSchema } from "../base/database.ts";

export const FEEDBACK_SCHEMA: RoomSchema = {
  room: "answerFeedback",
  migrations: [
    `CREATE TABLE answerFeedback (
       askId TEXT PRIMARY KEY, at INTEGER NOT NULL, rating TEXT NOT NULL CHECK (rating IN ('up', 'down')),
       question TEXT NOT NULL, answer TEXT NOT NULL, model TEXT
     ) STRICT;`,
    // Only what the model wrote itself can be learnt from, and only with the sources that it was given.
    `ALTER TABLE answerFeedback ADD COLUMN prose TEXT NOT NULL DEFAULT '';
     ALTER TABLE answerFeedback ADD COLUMN sources TEXT NOT NULL DEFAULT '[]';`,
  ],
};

export type Rating = "up" | "down";

/** An answer that may be rated later. */
export interface GivenAnswer {
  askId: string;
  question: string;
  answer: string;
  /** Id of the model that was loaded, or null. */
  model: string | null;
  /** The part of the answer that the model wrote; "" where it wrote none. */
  prose?: string;
  /** The numbered passages that it was given. */
  sources?: readonly AnswerSource[];
}

export interface AnswerSource {
  path: string;
  startLine: number;
  endLine: number;
  text: string;
}

/** A rating as it was stored. */
export interface StoredRating extends Required<Omit<GivenAnswer, "sources">> {
  at: number;
  rating: Rating;
  sources: AnswerSource[];
}

/** Answers that can still be rated; older ones are gone from memory. */
const RATEABLE = 200;
const SOURCE_CHARACTERS = 2_000;
const MOST_SOURCES = 8;

export class AnswerFeedback {
  readonly #database: DatabaseSync;
  readonly #redact: (text: string) => string;
  readonly #given = new Map<string, GivenAnswer>();

  constructor(database: DatabaseSync, redact: (text: string) => string) {
    this.#database = database;
    this.#redact = redact;
  }

  /** Holds an answer in memory until it is rated, or too many came after it. */
  given(answer: GivenAnswer): void {
    this.#given.set(answer.askId, answer);
    if (this.#given.size > RATEABLE) this.#given.delete(this.#given.keys().next().value!);
  }

  /** Writes the rating of an answer down; null takes it back. False where the answer is not known any more. */
  rate(askId: string, rating: Rating | null): boolean {
    if (rating === null) {
      return this.#database.prepare("DELETE FROM answerFeedback WHERE askId = ?").run(askId).changes > 0;
    }
    const answer = this.#given.get(askId);
    if (!answer) return this.#database.prepare("UPDATE answerFeedback SET rating = ?, at = ? WHERE askId = ?").run(rating, Date.now(), askId).changes > 0;
    this.#database
      .prepare(`INSERT INTO answerFeedback (askId, at, rating, question, answer, model, prose, sources) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (askId) DO UPDATE SET rating = excluded.rating, at = excluded.at`)
      .run(askId, Date.now(), rating, this.#redact(answer.question), this.#redact(answer.answer), answer.model, this.#redact(answer.prose ?? ""), JSON.stringify(this.#sources(answer)));
    return true;
  }

  /** All ratings, newest first. */
  all(): StoredRating[] {
    const rows = this.#database.prepare("SELECT askId, at, rating, question, answer, model, prose, sources FROM answerFeedback ORDER BY at DESC").all() as unknown as (Omit<StoredRating, "sources"> & { sources: string })[];
    return rows.map((row) => ({ ...row, sources: JSON.parse(row.sources) as AnswerSource[] }));
  }

  #sources({ sources = [] }: GivenAnswer): AnswerSource[] {
    return sources.slice(0, MOST_SOURCES).map(({ path, startLine, endLine, text }) => ({ path, startLine, endLine, text: this.#redact(text.slice(0, SOURCE_CHARACTERS)) }));
  }
}
