// Clouds of points and the costs between them, and the distances of clouds that the other files of this folder compute.
// Points are vectors of equal length; for unit vectors (embeddings) use chordal or angular cost as said below.
import { exactTransport } from "./exactTransport.ts";
import { sinkhornDivergence } from "./sinkhorn.ts";

export type Point = ArrayLike<number>;
export type PointDistance = (a: Point, b: Point) => number;

/** Largest number of cells (n × m) for which transport is computed exactly. 64 × 64 with unequal masses take 20 ms of CPU (test/bench/drift.ts). */
export const EXACT_CELLS = 4096;

export function euclidean(a: Point, b: Point): number {
  let square = 0;
  for (let d = 0; d < a.length; d++) square += (a[d]! - b[d]!) ** 2;
  return Math.sqrt(square);
}

/** The costs between all pairs: `(a.length, b.length)`, row-major. */
export function distanceMatrix(a: readonly Point[], b: readonly Point[], distance: PointDistance = euclidean): Float64Array {
  const costs = new Float64Array(a.length * b.length);
  for (const [i, from] of a.entries()) for (const [j, to] of b.entries()) costs[i * b.length + j] = distance(from, to);
  return costs;
}

/** W₁ between two clouds of equally weighted points: exact for small ones, else the Sinkhorn divergence at 5 % of the mean cost. */
export function cloudDistance(a: readonly Point[], b: readonly Point[], distance: PointDistance = euclidean): number {
  const one = (points: readonly Point[]): number[] => points.map(() => 1);
  const ab = distanceMatrix(a, b, distance);
  if (ab.length <= EXACT_CELLS) return exactTransport(ab, one(a), one(b)).cost;
  const epsilon = 0.05 * ab.reduce((sum, cost) => sum + cost, 0) / ab.length;
  return epsilon === 0 ? 0 : Math.max(0, sinkhornDivergence({ ab, aa: distanceMatrix(a, a, distance), bb: distanceMatrix(b, b, distance) }, one(a), one(b), { epsilon, rounds: 200, tolerance: 1e-4 }));
}

/**
 * One-sided transport: the mean distance that `a`'s mass travels where each point of `b` may take any amount of it.
 * It is the transport cost with `b`'s masses left free, so that a small draft is not asked to cover a whole workspace.
 */
export function freeTransport(a: readonly Point[], b: readonly Point[], distance: PointDistance = euclidean): number {
  if (a.length === 0 || b.length === 0) throw new RangeError("Transport needs at least one point on either side.");
  let total = 0;
  for (const from of a) {
    let nearest = Infinity;
    for (const to of b) nearest = Math.min(nearest, distance(from, to));
    total += nearest;
  }
  return total / a.length;
}
