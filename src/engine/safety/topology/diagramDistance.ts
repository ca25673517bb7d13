// Distances between persistence diagrams: bottleneck and Wasserstein, with the sup norm in the plane. Points may be matched
// to the diagonal (a feature that never was). Features that never die are matched among themselves, by birth.
// Source: Edelsbrunner & Harer 2010, chapter VIII; Kerber, Morozov & Nigmetov 2017.
import { cheapestAssignment } from "../transport/assignment.ts";
import type { Feature } from "./ripsPersistence.ts";

/** Most features a diagram; beyond, only the most persistent count, which moves the distance by at most the largest left out. */
export const MOST_FEATURES = 150;

/**
 * The q-Wasserstein distance: the q-th root of the least sum of q-th powers over matchings. `q` ≥ 1.
 * Infinity where the diagrams have different numbers of features that never die.
 */
export function diagramWasserstein(a: readonly Feature[], b: readonly Feature[], q = 1): number {
  const lasting = lastingGaps(a, b);
  if (lasting === null) return Infinity;
  const x = mostPersistent(a), y = mostPersistent(b);
  const total = lasting.reduce((sum, gap) => sum + gap ** q, 0);
  const size = x.length + y.length;
  if (size === 0) return total ** (1 / q);
  const costs = new Float64Array(size * size);
  for (let row = 0; row < size; row++) for (let column = 0; column < size; column++) costs[row * size + column] = pairCost(x, y, row, column) ** q;
  return (total + cheapestAssignment(costs, size, size).cost) ** (1 / q);
}

/** The bottleneck distance: the least δ with a matching in which nobody goes farther than δ. */
export function bottleneck(a: readonly Feature[], b: readonly Feature[]): number {
  const lasting = lastingGaps(a, b);
  if (lasting === null) return Infinity;
  const floor = Math.max(0, ...lasting);
  const x = mostPersistent(a), y = mostPersistent(b);
  const size = x.length + y.length;
  if (size === 0) return floor;
  const costs = new Float64Array(size * size);
  for (let row = 0; row < size; row++) for (let column = 0; column < size; column++) costs[row * size + column] = pairCost(x, y, row, column);
  // The distance is one of the costs: halve their sorted list until it is found.
  const candidates = Float64Array.from(new Set(costs)).sort();
  let low = 0, high = candidates.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (canMatch(costs, size, candidates[middle]!)) high = middle;
    else low = middle + 1;
  }
  return Math.max(floor, candidates[low]!);
}

/** Rows: the features of x, then a shadow of each of y; columns: those of y, then a shadow of each of x. Shadows are on the diagonal. */
function pairCost(x: readonly Feature[], y: readonly Feature[], row: number, column: number): number {
  const from = x[row], to = y[column];
  if (from && to) return Math.max(Math.abs(from.birth - to.birth), Math.abs(from.death - to.death));
  if (from) return (from.death - from.birth) / 2;
  if (to) return (to.death - to.birth) / 2;
  return 0;
}

/** Whether every row finds a column of its own at a cost of at most `limit` (augmenting paths). */
function canMatch(costs: Float64Array, size: number, limit: number): boolean {
  const rowOf = new Int32Array(size).fill(-1);
  const seen = new Int32Array(size).fill(-1);
  const augment = (row: number, round: number): boolean => {
    for (let column = 0; column < size; column++) {
      if (seen[column] === round || costs[row * size + column]! > limit) continue;
      seen[column] = round;
      if (rowOf[column]! < 0 || augment(rowOf[column]!, round)) {
        rowOf[column] = row;
        return true;
      }
    }
    return false;
  };
  for (let row = 0; row < size; row++) if (!augment(row, row)) return false;
  return true;
}

/** How far apart the births of the features that never die are, matched in order; null where their numbers differ. */
function lastingGaps(a: readonly Feature[], b: readonly Feature[]): number[] | null {
  const births = (features: readonly Feature[]): number[] => features.filter(({ death }) => death === Infinity).map(({ birth }) => birth).sort((x, y) => x - y);
  const x = births(a), y = births(b);
  return x.length === y.length ? x.map((birth, i) => Math.abs(birth - y[i]!)) : null;
}

function mostPersistent(features: readonly Feature[]): Feature[] {
  const finite = features.filter(({ birth, death }) => death !== Infinity && death > birth);
  return finite.sort((x, y) => (y.death - y.birth) - (x.death - x.birth)).slice(0, MOST_FEATURES);
}
