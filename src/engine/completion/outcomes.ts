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
    // What was loaded (model and adapter), how long the user waited, and what stood after five minutes: for figures of use.
    `ALTER TABLE completionShown ADD COLUMN model TEXT NOT NULL DEFAULT '';
     ALTER TABLE completionShown ADD COLUMN adapter TEXT NOT NULL DEFAULT '';
     ALTER TABLE completionShown ADD COLUMN ms REAL;
     ALTER TABLE completionShown ADD COLUMN keptAfter5min INTEGER;
     ALTER TABLE completionShown ADD COLUMN charactersAfter5min INTEGER;`,
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
  /** Model and adapter in use, as the cache's key has them: id, a space, the adapter's SHA-256 or nothing. */
  model?: string;
}

/** A suggestion as it was written down; texts that could not be cleaned, or come from an older engine, are null. */
/** The five-minute look has a column of its own. */
export type LastingOutcome = Exclude<CompletionOutcome["outcome"], "keptAfter5min" | "undoneWithin5min">;

export interface StoredOutcome {
  id: string;
  at: number;
  path: string;
  language: string;
  outcome: LastingOutcome;
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
/** Characters of an adapter's hash that tell it from others. */
const adapterCharacters = 12;
/** Later news never overwrites news that says more: a rejection inferred late does not undo an acceptance. */
const rank: Record<LastingOutcome, number> = { shown: 0, rejected: 1, partiallyAccepted: 2, accepted: 3, undoneWithin30s: 4, keptAfter30s: 4 };

/** A suggestion without its texts, for figures of use; see evaluation/online. */
export interface StoredUse {
  at: number;
  model: string;
  adapter: string;
  language: string;
  outcome: LastingOutcome;
  keptAfter5min: boolean | null;
  characters: number;
  /** At the last look; null where nothing was taken. */
  charactersKept: number | null;
  /** From the request to the screen; null where that was not told. */
  ms: number | null;
}

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
    const row = this.#database.prepare("SELECT outcome FROM completionShown WHERE id = ?").get(outcome.completionId) as { outcome: LastingOutcome } | undefined;
    if (!row) return false;
    if (outcome.outcome === "keptAfter5min" || outcome.outcome === "undoneWithin5min") {
      this.#database.prepare("UPDATE completionShown SET keptAfter5min = ?, charactersAfter5min = ? WHERE id = ?").run(Number(outcome.outcome === "keptAfter5min"), outcome.charactersKept ?? null, outcome.completionId);
      return true;
    }
    if (outcome.ms !== undefined) this.#database.prepare("UPDATE completionShown SET ms = coalesce(ms, ?) WHERE id = ?").run(outcome.ms, outcome.completionId);
    if (rank[outcome.outcome] >= rank[row.outcome]) {
      this.#database.prepare("UPDATE completionShown SET outcome = ?, charactersKept = coalesce(?, charactersKept), instead = coalesce(?, instead) WHERE id = ?")
        .run(outcome.outcome, outcome.charactersKept ?? null, outcome.instead === undefined ? null : this.#redact(outcome.instead.slice(0, insteadCharacters)), outcome.completionId);
    }
    return true;
  }

  /** How the last `n` suggestions fared. */
  figures(n = 200): AcceptanceFigures {
    const rows = this.#database.prepare("SELECT outcome FROM completionShown ORDER BY at DESC LIMIT ?").all(n) as { outcome: LastingOutcome }[];
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

  /** Those shown since `from` (milliseconds since 1970), oldest first, one row at a time. */
  *since(from: number): Generator<StoredUse> {
    const rows = this.#database.prepare(`SELECT at, model, adapter, language, outcome, keptAfter5min, characters, coalesce(charactersAfter5min, charactersKept) AS charactersKept, ms
      FROM completionShown WHERE at >= ? ORDER BY at, id`);
    for (const row of rows.iterate(from)) {
      const { keptAfter5min, ...rest } = row as unknown as Omit<StoredUse, "keptAfter5min"> & { keptAfter5min: number | null };
      yield { ...rest, keptAfter5min: keptAfter5min === null ? null : keptAfter5min === 1 };
    }
  }

  /** Deletes all of it, what waits to be written included. How many rows there were. */
  erase(): number {
    this.#pending.clear();
    return Number(this.#database.prepare("DELETE FROM completionShown").run().changes);
  }

  #insert(suggestion: Suggested, now: number): void {
    const model = suggestion.model ?? "";
    const space = model.lastIndexOf(" ");
    this.#database.prepare(`INSERT OR IGNORE INTO completionShown (id, at, path, language, source, confidence, before, after, text, characters, outcome, model, adapter)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'shown', ?, ?)`).run(
      suggestion.completionId, now, suggestion.path, suggestion.language, suggestion.source, suggestion.confidence,
      this.#redact(suggestion.prefix.slice(-beforeCharacters)), this.#redact(suggestion.suffix.slice(0, afterCharacters)), this.#redact(suggestion.text), suggestion.text.length,
      space < 0 ? model : model.slice(0, space), space < 0 ? "" : model.slice(space + 1, space + 1 + adapterCharacters),
    );
    if (++this.#sinceTrim < 200) return;
    this.#sinceTrim = 0;
    this.#database.prepare("DELETE FROM completionShown WHERE id IN (SELECT id FROM completionShown ORDER BY at DESC LIMIT -1 OFFSET ?)").run(mostRows);
  }
}
