// Whether two systems judged on the same items differ by more than chance: the sign-flip permutation test of the mean difference.
// Source: Fisher 1935, ch. 21; for results that are right or wrong it is McNemar's exact test (McNemar 1947), which is computed as such.
import { SeededRandom } from "../base/random.ts";

/** Up to so many differing pairs every flip is tried; beyond, flips are drawn. */
const MOST_EXACT = 12;
const DRAWS = 10_000;
const SEED = 20_25;
/** Sums that differ by less than this share are the same sum, added in another order. */
const TIE = 1e-9;

/**
 * Two-sided p-value of `a` against `b`, item by item: how often flipping the sign of each difference at random gives a mean at
 * least as far from 0. 1 where nothing differs. Errors: RangeError where the lengths differ.
 */
export function pairedP(a: readonly number[], b: readonly number[], seed = SEED): number {
  if (a.length !== b.length) throw new RangeError(`Paired values must be of the same cases, but there are ${a.length} and ${b.length}.`);
  const differences = a.map((value, at) => value - (b[at] ?? NaN)).filter((difference) => difference !== 0);
  const sizes = differences.map((difference) => Math.abs(difference));
  const n = differences.length;
  if (n === 0) return 1;
  const [size = 0] = sizes;
  if (sizes.every((other) => Math.abs(other - size) <= TIE * size)) return binomialP(differences.filter((difference) => difference > 0).length, n);
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const observed = Math.abs(sum(differences)) - TIE * sum(sizes);
  if (n <= MOST_EXACT) {
    let asFar = 0;
    for (let signs = 0; signs < 2 ** n; signs++) if (Math.abs(sum(sizes.map((value, at) => ((signs >> at) & 1 ? value : -value)))) >= observed) asFar++;
    return asFar / 2 ** n;
  }
  const random = new SeededRandom(seed);
  let asFar = 1;
  for (let draw = 0; draw < DRAWS; draw++) {
    let total = 0;
    for (const value of sizes) total += random.uniform() < 0.5 ? value : -value;
    if (Math.abs(total) >= observed) asFar++;
  }
  return asFar / (DRAWS + 1);
}

/** Two-sided exact binomial test of `k` of `n` against one half. */
export function binomialP(k: number, n: number): number {
  const tail = Math.min(k, n - k);
  // In logarithms: 0.5^n is 0 in floating point beyond n = 1074.
  let logTerm = -n * Math.LN2;
  let p = Math.exp(logTerm);
  for (let i = 1; i <= tail; i++) {
    logTerm += Math.log((n - i + 1) / i);
    p += Math.exp(logTerm);
  }
  return Math.min(1, 2 * p);
}
