// Drafts of which the user said that they are fine although they read unlike the project: what was measured of each, no text.
// They enter the calibration of the check of drift. On this machine only; taken back together with the override.
import type { DatabaseSync, RoomSchema } from "../base/database.ts";

export const ACCEPTED_DRAFT_SCHEMA: RoomSchema = {
  room: "acceptedDrafts",
  migrations: ["CREATE TABLE acceptedDraft (key TEXT PRIMARY KEY, language TEXT NOT NULL, measures TEXT NOT NULL, at INTEGER NOT NULL) STRICT;"],
};

/** Most that are kept: more would drown the project's own snippets. */
const MOST_KEPT = 100;

export class AcceptedDrafts {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  add(key: string, language: string, measures: Readonly<Record<string, number>>, now = Date.now()): void {
    this.#database.prepare("INSERT INTO acceptedDraft VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET at = excluded.at").run(key, language, JSON.stringify(measures), now);
    this.#database.prepare("DELETE FROM acceptedDraft WHERE key NOT IN (SELECT key FROM acceptedDraft ORDER BY at DESC LIMIT ?)").run(MOST_KEPT);
  }

  of(language: string): Record<string, number>[] {
    return this.#database.prepare("SELECT measures FROM acceptedDraft WHERE language = ? ORDER BY at").all(language).map((row) => JSON.parse(row["measures"] as string) as Record<string, number>);
  }

  /** How many of them there were. */
  remove(keys: Iterable<string>): number {
    const remove = this.#database.prepare("DELETE FROM acceptedDraft WHERE key = ?");
    let removed = 0;
    for (const key of keys) removed += Number(remove.run(key).changes);
    return removed;
  }
}
