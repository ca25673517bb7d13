// The sliced 1-Wasserstein distance: the mean of exact distances on the line over seeded random directions.
// Source: Rabin et al. 2011; Bonneel et al. 2015. O(k (n + m) log(n + m)) for k directions, for clouds too large for exact transport.
import { SeededRandom } from "../../base/random.ts";
import type { Point } from "./pointCloud.ts";
import { sortedCopy, wasserstein1dSorted } from "./wasserstein1d.ts";

/** `directions` unit vectors drawn from `seed`: the same for every pair of clouds, so that distances can be compared. */
export function slicedWasserstein(a: readonly Point[], b: readonly Point[], options: { directions?: number; seed?: number } = {}): number {
  const { directions = 64, seed = 1 } = options;
  const dimension = a[0]?.length ?? 0;
  if (a.length === 0 || b.length === 0 || dimension === 0) throw new RangeError("A sliced distance needs at least one point of at least one dimension on either side.");
  const random = new SeededRandom(seed);
  let total = 0;
  for (let slice = 0; slice < directions; slice++) {
    const direction = Float64Array.from({ length: dimension }, () => random.normal());
    const length = Math.hypot(...direction);
    const project = (point: Point): number => direction.reduce((sum, x, d) => sum + x * point[d]!, 0) / length;
    total += wasserstein1dSorted(sortedCopy(a.map(project)), sortedCopy(b.map(project)));
  }
  return total / directions;
}
