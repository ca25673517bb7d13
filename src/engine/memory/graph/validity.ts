// What is learnt about an episode after it was recorded: that it ended or never was, what rests on it, that it was used or unwanted.
// Transactions are the caller's (memoryGraph.ts); the episodes themselves are never touched.
import type { StatementSync } from "../../base/database.ts";

export interface InvalidateOptions {
  /** From when on it is not true. Default: now. */
  at?: number;
  /** It never was true: it ends where it began. */
  retract?: boolean;
  reason?: string;
}

const STATE = "INSERT INTO memoryState (node) VALUES (?) ON CONFLICT (node) DO NOTHING";

export class Validity {
  readonly #prepare: (sql: string) => StatementSync;
  readonly #now: () => number;

  constructor(prepare: (sql: string) => StatementSync, now: () => number) {
    this.#prepare = prepare;
    this.#now = now;
  }

  /** Ends the episode of this id; gives the keys of what became doubtful by it. What ended already keeps its end. */
  invalidate(id: number, { at, retract = false, reason = "" }: InvalidateOptions, successor: number | null = null): string[] {
    const now = this.#now();
    this.#prepare(STATE).run(id);
    this.#prepare(`UPDATE memoryState SET
      endedAt = CASE WHEN ?2 THEN (SELECT validFrom FROM memoryNode WHERE id = ?1) ELSE (SELECT max(validFrom, min(?3, coalesce(validTo, ?3))) FROM memoryNode WHERE id = ?1) END,
      invalidatedAt = ?4, invalidReason = ?5 WHERE node = ?1 AND invalidatedAt IS NULL`).run(id, retract ? 1 : 0, at ?? now, now, reason);
    if (successor !== null) this.#prepare("UPDATE memoryState SET supersededBy = ? WHERE node = ? AND supersededBy IS NULL").run(successor, id);
    return this.#doubtDependents(id, now, successor);
  }

  confirm(id: number): void {
    this.#prepare("UPDATE memoryState SET doubtedAt = NULL, doubtedBecauseOf = NULL WHERE node = ?").run(id);
  }

  used(key: string): void {
    this.#prepare("INSERT INTO memoryState (node, uses, lastUsedAt) SELECT id, 1, ?2 FROM memoryNode WHERE key = ?1 ON CONFLICT (node) DO UPDATE SET uses = uses + 1, lastUsedAt = ?2").run(key, this.#now());
  }

  dismiss(key: string): boolean {
    return this.#prepare("INSERT INTO memoryState (node, dismissals) SELECT id, 1 FROM memoryNode WHERE key = ? ON CONFLICT (node) DO UPDATE SET dismissals = dismissals + 1").run(key).changes > 0;
  }

  pin(key: string, pinned: boolean): boolean {
    return this.#prepare("INSERT INTO memoryState (node, pinned) SELECT id, ?2 FROM memoryNode WHERE key = ?1 ON CONFLICT (node) DO UPDATE SET pinned = ?2").run(key, pinned ? 1 : 0).changes > 0;
  }

  /** UNION keeps each node once, so that a circle of dependencies ends; the cause and its successor are not doubted. */
  #doubtDependents(cause: number, now: number, successor: number | null): string[] {
    const rows = this.#prepare(`WITH RECURSIVE resting(id) AS (
        SELECT source FROM memoryEdge WHERE target = ?1 AND type = 'dependsOn' AND validTo IS NULL
        UNION SELECT e.source FROM memoryEdge e JOIN resting r ON e.target = r.id WHERE e.type = 'dependsOn' AND e.validTo IS NULL
      ) SELECT m.id, m.key FROM resting r JOIN memoryNode m ON m.id = r.id LEFT JOIN memoryState s ON s.node = m.id
        WHERE m.id <> ?1 AND m.id <> coalesce(?2, -1) AND s.doubtedAt IS NULL AND s.invalidatedAt IS NULL ORDER BY m.id`).all(cause, successor) as { id: number; key: string }[];
    const mark = this.#prepare("INSERT INTO memoryState (node, doubtedAt, doubtedBecauseOf) VALUES (?1, ?2, ?3) ON CONFLICT (node) DO UPDATE SET doubtedAt = ?2, doubtedBecauseOf = ?3");
    for (const { id } of rows) mark.run(id, now, cause);
    return rows.map(({ key }) => key);
  }
}
