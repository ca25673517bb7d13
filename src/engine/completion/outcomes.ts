// Keeps, on this machine only, what was suggested and what became of it: accepted, rejected, kept after 30 seconds, and what
// was written instead. Stored without secrets and personal data; what cannot be cleaned is stored without text. Nothing is
// sent, and what is learnt from it is decided elsewhere (data/sources/feedback.ts).
import type { DatabaseSync, RoomSchema } from "../base/database.ts";
import type { CompletionOutcome, CompletionSource } from "../protocol/types.ts";

export const COMPLETION_SCHEMA: RoomSchema = {
  room: "completion",
  migrations: [
    `CREATE TABLE completionShown (
       id TEXT PRIMARY KEY, at INTEGER NOT NULL, path TEXT NOT NULL, language TEXT NOT NULL, source TEXT NOT NULL,
       confidence REAL NOT NULL, before TEXT, text TEXT, characters INTEGER NOT NULL,
       outcome TEXT NOT NULL, charactersKept INTEGER
     ) STRICT;
     CREATE INDEX completionShownAt ON completionShown (at);`,
    // What follows the caret, so that the prompt can be built again, and what the user wrote in the suggestion's place.
    `ALTER TABLE completionShown ADD COLUMN after TEXT;
     ALTER TABLE completionShown ADD COLUMN instead TEXT;`,
  ],
};

/** Removes secrets from a text, or says that it must not be stored by returning null. */
export type Redact = (text: string) => string | null;

/** A suggestion that may be shown; it is written down once it is. */
export interface Suggested {
  completionId: string;
  path: string;
  language: string;
  source: CompletionSource;
  confidence: number;
  prefix: string;
  suffix: string;
  text: string;
}

/** A suggestion as it was written down; texts that could not be cleaned, or come from an older engine, are null. */
export interface StoredOutcome {
  id: string;
  at: number;
  path: string;
  language: string;
  outcome: CompletionOutcome["outcome"];
  /** The last characters before the caret, and the first after it. */
  before: string | null;
  after: string | null;
  text: string | null;
  /** What stood in the suggestion's place half a minute later, where that was something else. */
  instead: string | null;
}

const mostRows = 20_000;
const mostPending = 256;
const beforeCharacters = 2_000;
const afterCharacters = 600;
const insteadCharacters = 2_000;
/** Later news never overwrites news that says more: a rejection inferred late does not undo an acceptance. */
const rank: Record<CompletionOutcome["outcome"], number> = { shown: 0, rejected: 1, partiallyAccepted: 2, accepted: 3, undoneWithin30s: 4, keptAfter30s: 4 };

export interface AcceptanceFigures {
  shown: number;
  accepted: number;
  keptAfter30s: number;
}

export class OutcomeStore {
  readonly #database: DatabaseSync;
  readonly #redact: Redact;
  readonly #pending = new Map<string, Suggested>();
  #sinceTrim = 0;

  constructor(database: DatabaseSync, redact: Redact) {
    this.#database = database;
    this.#redact = redact;
  }

  /** Holds a suggestion in memory until its first outcome arrives. */
  suggested(suggestion: Suggested): void {
    this.#pending.set(suggestion.completionId, suggestion);
    if (this.#pending.size > mostPending) this.#pending.delete(this.#pending.keys().next().value as string);
  }

  /** Writes an outcome down. Returns false where the suggestion is not known (any more). `now`: milliseconds since 1970. */
  record(outcome: CompletionOutcome, now = Date.now()): boolean {
    const pending = this.#pending.get(outcome.completionId);
    if (pending) {
      this.#pending.delete(outcome.completionId);
      this.#insert(pending, now);
    }
    const row = this.#database.prepare("SELECT outcome FROM completionShown WHERE id = ?").get(outcome.completionId) as { outcome: CompletionOutcome["outcome"] } | undefined;
    if (!row) return false;
    if (rank[outcome.outcome] >= rank[row.outcome]) {
      this.#database.prepare("UPDATE completionShown SET outcome = ?, charactersKept = coalesce(?, charactersKept), instead = coalesce(?, instead) WHERE id = ?")
        .run(outcome.outcome, outcome.charactersKept ?? null, outcome.instead === undefined ? null : this.#redact(outcome.instead.slice(0, insteadCharacters)), outcome.completionId);
    }
    return true;
  }

  /** How the last `n` suggestions fared. */
  figures(n = 200): AcceptanceFigures {
    const rows = this.#database.prepare("SELECT outcome FROM completionShown ORDER BY at DESC LIMIT ?").all(n) as { outcome: CompletionOutcome["outcome"] }[];
    return {
      shown: rows.length,
      accepted: rows.filter(({ outcome }) => rank[outcome] >= 2).length,
      keptAfter30s: rows.filter(({ outcome }) => outcome === "keptAfter30s").length,
    };
  }

  /** What was written down, oldest first; one row at a time is in memory. */
  *stored(): Generator<StoredOutcome> {
    const rows = this.#database.prepare("SELECT id, at, path, language, outcome, before, after, text, instead FROM completionShown ORDER BY at, id");
    for (const row of rows.iterate()) yield row as unknown as StoredOutcome;
  }

  #insert(suggestion: Suggested, now: number): void {
    this.#database.prepare(`INSERT OR IGNORE INTO completionShown (id, at, path, language, source, confidence, before, after, text, characters, outcome)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'shown')`).run(
      suggestion.completionId, now, suggestion.path, suggestion.language, suggestion.source, suggestion.confidence,
      this.#redact(suggestion.prefix.slice(-beforeCharacters)), this.#redact(suggestion.suffix.slice(0, afterCharacters)), this.#redact(suggestion.text), suggestion.text.length,
    );
    if (++this.#sinceTrim < 200) return;
    this.#sinceTrim = 0;
    this.#database.prepare("DELETE FROM completionShown WHERE id IN (SELECT id FROM completionShown ORDER BY at DESC LIMIT -1 OFFSET ?)").run(mostRows);
  }
}
