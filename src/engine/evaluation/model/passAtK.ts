// pass@k without bias from n samples of which c passed: 1 − C(n−c, k) / C(n, k).
// Source: Chen et al. 2021, "Evaluating Large Language Models Trained on Code", equation 1.

/** Chance that at least one of `k` of the `n` samples passes, given that `c` of the `n` did. Errors: RangeError where 0 ≤ c ≤ n and 1 ≤ k ≤ n do not hold. */
export function passAtK(n: number, c: number, k: number): number {
  if (![n, c, k].every(Number.isInteger) || c < 0 || c > n || k < 1 || k > n) {
    throw new RangeError(`pass@k needs whole numbers with 0 ≤ c ≤ n and 1 ≤ k ≤ n, but n is ${n}, c is ${c} and k is ${k}.`);
  }
  if (n - c < k) return 1;
  // The quotient of the binomials as a product, which does not overflow.
  let none = 1;
  for (let i = n - c + 1; i <= n; i++) none *= 1 - k / i;
  return 1 - none;
}
