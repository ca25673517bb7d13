// Which findings of the checks the user has allowed, for which text, and when: on this machine only, to be listed and taken back.
// Texts are kept as a hash and an excerpt without secrets. What is a finding is the safety room's.
import type { DatabaseSync, RoomSchema } from "../base/database.ts";

export const SAFETY_OVERRIDE_SCHEMA: RoomSchema = {
  room: "safetyOverrides",
  migrations: [
    `CREATE TABLE safetyOverride (
       key TEXT PRIMARY KEY, "check" TEXT NOT NULL, rule TEXT NOT NULL, reason TEXT NOT NULL, excerpt TEXT NOT NULL, at INTEGER NOT NULL
     ) STRICT;`,
  ],
};

export interface StoredOverride {
  key: string;
  check: string;
  rule: string;
  reason: string;
  excerpt: string;
  at: number;
}

/** Characters of a text that are kept to recognise it by. */
const EXCERPT = 160;

export class SafetyOverrides {
  readonly #database: DatabaseSync;
  readonly #scrub: (text: string) => string;

  constructor(database: DatabaseSync, scrub: (text: string) => string) {
    this.#database = database;
    this.#scrub = scrub;
  }

  /** Allows a finding; allowing it again changes only the time. */
  allow(override: Omit<StoredOverride, "at">, now = Date.now()): void {
    const excerpt = this.#scrub(override.excerpt).slice(0, EXCERPT);
    this.#database.prepare('INSERT INTO safetyOverride (key, "check", rule, reason, excerpt, at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET at = excluded.at')
      .run(override.key, override.check, override.rule, this.#scrub(override.reason), excerpt, now);
  }

  isAllowed(key: string): boolean {
    return this.#database.prepare("SELECT 1 FROM safetyOverride WHERE key = ?").get(key) !== undefined;
  }

  /** Newest first. */
  list(): StoredOverride[] {
    return this.#database.prepare('SELECT key, "check", rule, reason, excerpt, at FROM safetyOverride ORDER BY at DESC, key').all().map((row) => ({
      key: row["key"] as string, check: row["check"] as string, rule: row["rule"] as string, reason: row["reason"] as string, excerpt: row["excerpt"] as string, at: row["at"] as number,
    }));
  }

  /** Takes overrides back, all in one transaction. */
  withdraw(keys: Iterable<string>): void {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const remove = this.#database.prepare("DELETE FROM safetyOverride WHERE key = ?");
      for (const key of keys) remove.run(key);
      this.#database.exec("COMMIT");
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
  }
}
