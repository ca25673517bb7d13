// Keeps, on this machine only, what was suggested and what became of it: accepted, rejected, kept after 30 seconds.
// Suggestions are stored without their secrets; those that cannot be cleaned are stored without text. Nothing is sent.
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
  text: string;
}

const mostRows = 20_000;
const mostPending = 256;
const beforeCharacters = 1_000;
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
      this.#database.prepare("UPDATE completionShown SET outcome = ?, charactersKept = coalesce(?, charactersKept) WHERE id = ?")
        .run(outcome.outcome, outcome.charactersKept ?? null, outcome.completionId);
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

  #insert(suggestion: Suggested, now: number): void {
    this.#database.prepare("INSERT OR IGNORE INTO completionShown VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'shown', NULL)").run(
      suggestion.completionId, now, suggestion.path, suggestion.language, suggestion.source, suggestion.confidence,
      this.#redact(suggestion.prefix.slice(-beforeCharacters)), this.#redact(suggestion.text), suggestion.text.length,
    );
    if (++this.#sinceTrim < 200) return;
    this.#sinceTrim = 0;
    this.#database.prepare("DELETE FROM completionShown WHERE id IN (SELECT id FROM completionShown ORDER BY at DESC LIMIT -1 OFFSET ?)").run(mostRows);
  }
}
