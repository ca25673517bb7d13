// The exact 1-Wasserstein distance on the line. There transport has a closed form: the area between the two distribution
// functions, which is also that between the quantile functions (Villani 2003, theorem 2.18; Vallender 1974).

/**
 * W₁ between two samples of numbers, each value weighted alike. Unit: that of the values.
 * An empty sample has no distribution: RangeError, as for a value that is no number.
 */
export function wasserstein1d(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return wasserstein1dSorted(sortedCopy(a), sortedCopy(b));
}

/** {@link wasserstein1d} of samples that are sorted upwards already: O(n + m). */
export function wasserstein1dSorted(a: Float64Array, b: Float64Array): number {
  const n = a.length, m = b.length;
  if (n === 0 || m === 0) throw new RangeError("A Wasserstein distance needs at least one value on either side.");
  let i = 0, j = 0, area = 0;
  let at = Math.min(a[0]!, b[0]!);
  while (i < n || j < m) {
    const next = j >= m || (i < n && a[i]! <= b[j]!) ? a[i]! : b[j]!;
    // Between two neighbouring values both distribution functions are constant.
    area += Math.abs(i / n - j / m) * (next - at);
    at = next;
    while (i < n && a[i] === next) i++;
    while (j < m && b[j] === next) j++;
  }
  return area;
}

/**
 * W₁ between two weighted samples: `weights` are not negative and need not sum to 1; each side is normalised.
 * RangeError where a side has no mass.
 */
export function weightedWasserstein1d(a: readonly number[], weightsA: readonly number[], b: readonly number[], weightsB: readonly number[]): number {
  const left = orderedMass(a, weightsA), right = orderedMass(b, weightsB);
  let i = 0, j = 0, below = 0, area = 0;
  let at = Math.min(left[0]![0], right[0]![0]);
  while (i < left.length || j < right.length) {
    const fromLeft = j >= right.length || (i < left.length && left[i]![0] <= right[j]![0]);
    const [value, mass] = fromLeft ? left[i++]! : right[j++]!;
    area += Math.abs(below) * (value - at);
    at = value;
    below += fromLeft ? mass : -mass;
  }
  return area;
}

/** W₁ between two histograms over the same cells in a row, `width` apart; each side is normalised. */
export function histogramWasserstein(a: readonly number[], b: readonly number[], width = 1): number {
  const sumA = sum(a), sumB = sum(b);
  if (a.length !== b.length) throw new RangeError(`Histograms must have the same cells, but there are ${a.length} and ${b.length}.`);
  if (!(sumA > 0) || !(sumB > 0)) throw new RangeError("A histogram without mass has no distribution.");
  let below = 0, area = 0;
  for (let i = 0; i + 1 < a.length; i++) {
    below += a[i]! / sumA - b[i]! / sumB;
    area += Math.abs(below);
  }
  return area * width;
}

/** A sorted copy for {@link wasserstein1dSorted}. RangeError for a value that is no finite number. */
export function sortedCopy(values: ArrayLike<number>): Float64Array {
  const copy = Float64Array.from(values);
  for (const value of copy) if (!Number.isFinite(value)) throw new RangeError(`A sample holds ${value}, which is no place on the line.`);
  return copy.sort();
}

function orderedMass(values: readonly number[], weights: readonly number[]): [number, number][] {
  const total = sum(weights);
  if (values.length !== weights.length || !(total > 0) || weights.some((weight) => !(weight >= 0))) throw new RangeError("Weights must be one a value, none negative, and not all nothing.");
  return values.map((value, i): [number, number] => [value, weights[i]! / total]).sort((x, y) => x[0] - y[0]);
}

function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total;
}

/**
 * The upward part of W₁ between sorted samples: how far mass of `a` must go down to become `b`, mass that must go up counting
 * nothing. upwardTransport(a, b) + upwardTransport(b, a) = W₁(a, b); it is 0 where no quantile of `a` is above that of `b`.
 */
export function upwardTransport(a: Float64Array, b: Float64Array): number {
  // ∫ (q_a − q_b)⁺ = (W₁ + mean(a) − mean(b)) / 2.
  const mean = (values: Float64Array): number => sum(values) / values.length;
  return Math.max(0, (wasserstein1dSorted(a, b) + mean(a) - mean(b)) / 2);
}
