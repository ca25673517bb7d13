// Rows of the memory graph's tables and what they are turned into. Knows SQL names, does no query.
import { EDGE_TYPES, EPISODE_KINDS } from "./episode.ts";
import type { Edge, EdgeType, Episode, EpisodeKind, JsonObject, Provenance } from "./episode.ts";
import { EngineError } from "../../base/errors.ts";

/** All that an {@link Episode} is made of; `m` is memoryNode, `s` its state. */
export const EPISODE_COLUMNS = `m.id, m.key, m.kind, m.text, m.label, m.session, m.provenance, m.data, m.validFrom, coalesce(s.endedAt, m.validTo) AS validTo, m.learnedAt,
  s.invalidatedAt, coalesce(s.invalidReason, '') AS invalidReason, (SELECT key FROM memoryNode WHERE id = s.supersededBy) AS supersededBy,
  s.doubtedAt, (SELECT key FROM memoryNode WHERE id = s.doubtedBecauseOf) AS doubtedBecauseOf,
  coalesce(s.uses, 0) AS uses, s.lastUsedAt, coalesce(s.dismissals, 0) AS dismissals, coalesce(s.sightings, 0) AS sightings, coalesce(s.pinned, 0) AS pinned`;
export const EPISODE_TABLES = "memoryNode m LEFT JOIN memoryState s ON s.node = m.id";

export type EpisodeRow = Omit<Episode, "provenance" | "data" | "pinned"> & { id: number; provenance: string; data: string; pinned: number };

/** Named field by field: a row may hold more than the episode. */
export function episodeOf(row: EpisodeRow): Episode {
  const { key, kind, text, label, session, validFrom, validTo, learnedAt, invalidatedAt, invalidReason, supersededBy, doubtedAt, doubtedBecauseOf, uses, lastUsedAt, dismissals, sightings } = row;
  return {
    key, kind, text, label, session, provenance: JSON.parse(row.provenance) as Provenance, data: JSON.parse(row.data) as JsonObject, validFrom, validTo, learnedAt,
    invalidatedAt, invalidReason, supersededBy, doubtedAt, doubtedBecauseOf, uses, lastUsedAt, dismissals, sightings, pinned: row.pinned !== 0,
  };
}

export const EDGE_COLUMNS = "e.type, (SELECT key FROM memoryNode WHERE id = e.source) AS source, (SELECT key FROM memoryNode WHERE id = e.target) AS target, e.weight, e.validFrom, e.validTo, e.learnedAt, e.invalidatedAt";

export function edgeOf(row: Record<string, unknown>): Edge {
  const { type, source, target, weight, validFrom, validTo, learnedAt, invalidatedAt } = row as unknown as Edge;
  return { type, source, target, weight, validFrom, validTo, learnedAt, invalidatedAt };
}

/** Errors: `badRequest` where `kind` is none of ours. */
export function checkKind(kind: unknown): asserts kind is EpisodeKind {
  if (typeof kind === "string" && Object.hasOwn(EPISODE_KINDS, kind)) return;
  throw new EngineError("badRequest", `There is no kind of episode ${JSON.stringify(kind)}. Use one of ${Object.keys(EPISODE_KINDS).join(", ")}.`, {});
}

/** Errors: `badRequest` where `type` is none of ours. */
export function checkEdgeType(type: unknown): asserts type is EdgeType {
  if (typeof type === "string" && Object.hasOwn(EDGE_TYPES, type)) return;
  throw new EngineError("badRequest", `There is no type of edge ${JSON.stringify(type)}. Use one of ${Object.keys(EDGE_TYPES).join(", ")}.`, {});
}

/** Errors: `badRequest` where a time is no whole number of ms, or an interval ends before it begins. */
export function checkInterval(from: number, to: number | null): void {
  const whole = (time: number): boolean => Number.isSafeInteger(time);
  if (!whole(from) || (to !== null && !whole(to))) throw new EngineError("badRequest", `Times of memory are whole milliseconds since 1970, but one is ${whole(from) ? String(to) : String(from)}.`, {});
  if (to !== null && to < from) throw new EngineError("badRequest", `What is remembered would end (${new Date(to).toISOString()}) before it began (${new Date(from).toISOString()}). Swap the two.`, {});
}
