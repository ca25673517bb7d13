// How the chunks of a text hang together, as a fingerprint that texts of different sizes can be compared by: persistence
// diagrams of a fixed number of chunk points. Information for the health line; it decides nothing (its power is measured by
// `evaluate drift`, check "topology").
import { distanceMatrix } from "../transport/pointCloud.ts";
import type { Point } from "../transport/pointCloud.ts";
import { bottleneck, diagramWasserstein } from "./diagramDistance.ts";
import type { PersistenceDiagrams } from "./ripsPersistence.ts";
import { ripsPersistence } from "./ripsPersistence.ts";

/** Points of a fingerprint: fewer tell nothing of loops, more than a snippet has chunks cannot be had. */
export const FINGERPRINT_POINTS = 12;
const BUDGET_MS = 10;

/** Null where there are too few points, or time was up. */
export function fingerprintOf(points: readonly Point[]): PersistenceDiagrams | null {
  if (points.length < FINGERPRINT_POINTS) return null;
  const step = points.length / FINGERPRINT_POINTS;
  const kept = Array.from({ length: FINGERPRINT_POINTS }, (_, i) => points[Math.floor(i * step)]!);
  const diagrams = ripsPersistence(distanceMatrix(kept, kept), kept.length, { budgetMs: BUDGET_MS });
  return diagrams.complete ? diagrams : null;
}

export interface TopologyDistance {
  /** Median 1-Wasserstein distance of the diagrams of components, a point. */
  readonly components: number;
  /** Median bottleneck distance of the diagrams of loops. */
  readonly loops: number;
}

/** How far a fingerprint is from those of a project; zeros without any. */
export function topologyDistance(draft: PersistenceDiagrams, project: readonly PersistenceDiagrams[]): TopologyDistance {
  return {
    components: median(project.map((own) => diagramWasserstein(draft.h0, own.h0) / FINGERPRINT_POINTS)),
    loops: median(project.map((own) => bottleneck(draft.h1, own.h1))),
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
