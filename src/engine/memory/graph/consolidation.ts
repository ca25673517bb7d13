// How strongly an episode is remembered as time passes, and what is folded or let go when there is too much. Deterministic: the
// same memory and the same `now` give the same result. It deletes rows; that nothing of them can be read back is forgetting.ts's.
import type { StatementSync } from "../../base/database.ts";
import { EPISODE_KINDS } from "./episode.ts";
import type { Episode, EpisodeKind } from "./episode.ts";

const DAY_MS = 86_400_000;
/** Repetitions are folded once they are this old; our choice: a month of work stays as it was. */
const FOLD_AFTER_DAYS = 30;
export const MOST_NODES = 1_000_000;

/**
 * In (0, ∞): halves with every half-life of the kind since it happened or was last used, grows with the logarithm of uses
 * (after Anderson & Schooler 1991: need falls with time and rises with use), halves with each dismissal. Pinned: at least 1.
 */
export function strengthOf(episode: Pick<Episode, "kind" | "validFrom" | "lastUsedAt" | "uses" | "sightings" | "dismissals" | "pinned">, now: number): number {
  const touched = Math.max(episode.validFrom, episode.lastUsedAt ?? 0);
  // A clock that was set back must not make anything stronger than new.
  const ageDays = Math.max(0, now - touched) / DAY_MS;
  const faded = 2 ** (-ageDays / EPISODE_KINDS[episode.kind].halfLifeDays);
  const strength = faded * (1 + Math.log1p(episode.uses + episode.sightings / 2)) * 0.5 ** episode.dismissals;
  return episode.pinned ? Math.max(1, strength) : strength;
}

export interface ConsolidationReport {
  /** Executions, edits and errors between the first and the last of the same content in a thread. */
  folded: number;
  /** The weakest, beyond the bound. */
  removed: number;
}

export function consolidate(prepare: (sql: string) => StatementSync, { now, maximumNodes = MOST_NODES }: { now: number; maximumNodes?: number }): ConsolidationReport {
  const folded = foldRepetitions(prepare, now);
  const { n } = prepare("SELECT count(*) AS n FROM memoryNode").get() as { n: number };
  return { folded, removed: n > maximumNodes ? removeWeakest(prepare, now, n - maximumNodes) : 0 };
}

/** Of the same content in the same thread the first and the last stay; the last takes the edges and counts of those between. */
function foldRepetitions(prepare: (sql: string) => StatementSync, now: number): number {
  const rows = prepare(`SELECT m.id, group_key.last AS last FROM memoryNode m JOIN (
      SELECT kind, session, label, text, min(id) AS first, max(id) AS last, count(*) AS n FROM memoryNode
      WHERE kind IN ('execution', 'edit', 'error') AND validFrom < ?1 GROUP BY kind, session, label, text HAVING n > 2
    ) group_key ON group_key.kind = m.kind AND group_key.session = m.session AND group_key.label = m.label AND group_key.text = m.text
    LEFT JOIN memoryState s ON s.node = m.id
    WHERE m.validFrom < ?1 AND m.id <> group_key.first AND m.id <> group_key.last AND coalesce(s.pinned, 0) = 0 ORDER BY m.id`).all(now - FOLD_AFTER_DAYS * DAY_MS) as { id: number; last: number }[];
  for (const { id, last } of rows) {
    prepare("UPDATE OR IGNORE memoryEdge SET source = ?2 WHERE source = ?1 AND target <> ?2").run(id, last);
    prepare("UPDATE OR IGNORE memoryEdge SET target = ?2 WHERE target = ?1 AND source <> ?2").run(id, last);
    prepare("INSERT INTO memoryState (node, sightings) VALUES (?, 1) ON CONFLICT (node) DO UPDATE SET sightings = sightings + 1").run(last);
    prepare("DELETE FROM memoryNode WHERE id = ?").run(id);
  }
  return rows.length;
}

/** What is pinned stays, and so does what something else depends on. */
function removeWeakest(prepare: (sql: string) => StatementSync, now: number, excess: number): number {
  const weakest: { id: number; strength: number }[] = [];
  const rows = prepare(`SELECT m.id, m.kind, m.validFrom, s.lastUsedAt, coalesce(s.uses, 0) AS uses, coalesce(s.sightings, 0) AS sightings, coalesce(s.dismissals, 0) AS dismissals
    FROM memoryNode m LEFT JOIN memoryState s ON s.node = m.id
    WHERE coalesce(s.pinned, 0) = 0 AND NOT EXISTS (SELECT 1 FROM memoryEdge e WHERE e.target = m.id AND e.type = 'dependsOn')`).iterate();
  for (const row of rows) {
    const { id, ...episode } = row as unknown as { id: number; kind: EpisodeKind; validFrom: number; lastUsedAt: number | null; uses: number; sightings: number; dismissals: number };
    weakest.push({ id, strength: strengthOf({ ...episode, pinned: false }, now) });
  }
  weakest.sort((a, b) => a.strength - b.strength || a.id - b.id);
  const remove = prepare("DELETE FROM memoryNode WHERE id = ?");
  for (const { id } of weakest.slice(0, excess)) remove.run(id);
  return Math.min(excess, weakest.length);
}
