// Walks along edges: neighbours of an episode and a shortest way between two. Reads only.
import type { StatementSync } from "../../base/database.ts";
import type { Edge, EdgeType, Episode, Neighbour } from "./episode.ts";
import { EPISODE_COLUMNS, episodeOf } from "./rows.ts";
import type { EpisodeRow } from "./rows.ts";

export interface NeighbourOptions {
  types?: readonly EdgeType[];
  /** "out": edges that leave the episode. Default: both. */
  direction?: "out" | "in" | "both";
  /** Edges that were true at this time. Default: edges that are true still. */
  at?: number;
  /** Default: 100. */
  limit?: number;
}

export interface PathOptions {
  types?: readonly EdgeType[];
  /** Default: 6. */
  maximumSteps?: number;
}

/** One step of a way: the edge that was taken and where it led. */
export interface PathStep {
  edge: Edge;
  episode: Episode;
}

/** A way that needs more nodes than this to be looked at is given up. */
const MOST_VISITED = 50_000;

type Prepare = (sql: string) => StatementSync;

export function neighboursOf(prepare: Prepare, key: string, { types, direction = "both", at, limit = 100 }: NeighbourOptions): Neighbour[] {
  const wanted = types ? `,${types.join(",")},` : "";
  const side = (way: "out" | "in"): Neighbour[] => {
    const [own, other] = way === "out" ? ["source", "target"] : ["target", "source"];
    const rows = prepare(`SELECT ${EPISODE_COLUMNS}, e.type AS edgeType, e.weight AS edgeWeight, e.validFrom AS edgeFrom, e.validTo AS edgeTo, e.learnedAt AS edgeLearned, e.invalidatedAt AS edgeEnded
      FROM memoryEdge e JOIN memoryNode m ON m.id = e.${other} LEFT JOIN memoryState s ON s.node = m.id
      WHERE e.${own} = (SELECT id FROM memoryNode WHERE key = ?1) AND (?2 = '' OR instr(?2, ',' || e.type || ',') > 0)
        AND (CASE WHEN ?3 IS NULL THEN e.validTo IS NULL ELSE e.validFrom <= ?3 AND coalesce(e.validTo, ?3 + 1) > ?3 END)
      ORDER BY e.weight DESC, e.id DESC LIMIT ?4`).all(key, wanted, at ?? null, limit);
    return rows.map((row) => {
      const { edgeType, edgeWeight, edgeFrom, edgeTo, edgeLearned, edgeEnded, ...node } = row as unknown as EpisodeRow & { edgeType: EdgeType; edgeWeight: number; edgeFrom: number; edgeTo: number | null; edgeLearned: number; edgeEnded: number | null };
      const episode = episodeOf(node);
      const [source, target] = way === "out" ? [key, episode.key] : [episode.key, key];
      return { direction: way, episode, edge: { type: edgeType, source, target, weight: edgeWeight, validFrom: edgeFrom, validTo: edgeTo, learnedAt: edgeLearned, invalidatedAt: edgeEnded } };
    });
  };
  const found = [...direction === "in" ? [] : side("out"), ...direction === "out" ? [] : side("in")];
  return found.sort((a, b) => b.edge.weight - a.edge.weight).slice(0, limit);
}

/** Breadth first from `from`; of equally short ways the one along older edges. */
export function pathBetween(prepare: Prepare, get: (key: string) => Episode | null, from: string, to: string, { types, maximumSteps = 6 }: PathOptions): PathStep[] | null {
  const idOf = (key: string): number | undefined => (prepare("SELECT id FROM memoryNode WHERE key = ?").get(key) as { id: number } | undefined)?.id;
  const start = idOf(from);
  const goal = idOf(to);
  if (start === undefined || goal === undefined) return null;
  if (start === goal) return [];
  const wanted = types ? `,${types.join(",")},` : "";
  const edges = prepare(`SELECT id, CASE WHEN source = ?1 THEN target ELSE source END AS next FROM memoryEdge
    WHERE (source = ?1 OR target = ?1) AND validTo IS NULL AND (?2 = '' OR instr(?2, ',' || type || ',') > 0) ORDER BY id`);
  const reachedBy = new Map<number, { edge: number; previous: number }>([[start, { edge: -1, previous: -1 }]]);
  let front = [start];
  for (let step = 0; step < maximumSteps && front.length > 0 && !reachedBy.has(goal); step++) {
    const next: number[] = [];
    for (const node of front) {
      for (const { id, next: other } of edges.all(node, wanted) as { id: number; next: number }[]) {
        if (reachedBy.has(other)) continue;
        reachedBy.set(other, { edge: id, previous: node });
        next.push(other);
      }
      if (reachedBy.size > MOST_VISITED) return null;
    }
    front = next;
  }
  if (!reachedBy.has(goal)) return null;
  const steps: PathStep[] = [];
  const edgeById = prepare(`SELECT e.type, a.key AS source, b.key AS target, e.weight, e.validFrom, e.validTo, e.learnedAt, e.invalidatedAt
    FROM memoryEdge e JOIN memoryNode a ON a.id = e.source JOIN memoryNode b ON b.id = e.target WHERE e.id = ?`);
  const keyOf = prepare("SELECT key FROM memoryNode WHERE id = ?");
  for (let at = goal; at !== start;) {
    const { edge, previous } = reachedBy.get(at) as { edge: number; previous: number };
    const episode = get((keyOf.get(at) as { key: string }).key);
    if (!episode) return null;
    steps.unshift({ edge: { ...(edgeById.get(edge) as unknown as Edge) }, episode });
    at = previous;
  }
  return steps;
}
