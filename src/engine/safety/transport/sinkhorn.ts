// Entropic optimal transport by Sinkhorn's iteration in the log domain, where small regularisation does not underflow.
// Source: Cuturi 2013; Peyré & Cuturi 2019, section 4.4; the divergence without its own bias: Feydy et al. 2019.
import { normalised } from "./exactTransport.ts";

export interface SinkhornOptions {
  /** Regularisation, in units of cost: the smaller, the nearer to exact and the slower. */
  readonly epsilon: number;
  /** Rounds at most. */
  readonly rounds?: number;
  /** Ends once the masses of the plan's rows are off by less than this in all. */
  readonly tolerance?: number;
}

export interface SinkhornResult {
  /** Mean cost ⟨P, C⟩ of the regularised plan, without the entropy term: an upper bound of the exact cost. */
  readonly cost: number;
  /** Value of the regularised dual, which {@link sinkhornDivergence} uses. */
  readonly dual: number;
  readonly rounds: number;
  readonly converged: boolean;
}

/** `costs`: `(supply.length, demand.length)`, row-major. Masses are normalised; points without mass are left out. */
export function sinkhorn(costs: ArrayLike<number>, supply: readonly number[], demand: readonly number[], options: SinkhornOptions): SinkhornResult {
  const { epsilon, rounds: most = 1000, tolerance = 1e-6 } = options;
  if (!(epsilon > 0)) throw new RangeError(`Sinkhorn's epsilon must be above 0; it is ${epsilon}.`);
  const a = normalised(supply), b = normalised(demand);
  const n = a.length, m = b.length;
  const f = new Float64Array(n), g = new Float64Array(m);
  let rounds = 0, error = Infinity;
  while (rounds < most && error > tolerance) {
    rounds++;
    for (let i = 0; i < n; i++) f[i] = -epsilon * logSumExp(m, (j) => Math.log(b[j]!) + (g[j]! - costs[i * m + j]!) / epsilon);
    for (let j = 0; j < m; j++) g[j] = -epsilon * logSumExp(n, (i) => Math.log(a[i]!) + (f[i]! - costs[i * m + j]!) / epsilon);
    error = 0;
    for (let i = 0; i < n; i++) {
      let row = 0;
      for (let j = 0; j < m; j++) row += mass(i, j);
      error += Math.abs(row - a[i]!);
    }
  }
  let cost = 0, dual = 0;
  for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) cost += mass(i, j) * costs[i * m + j]!;
  for (let i = 0; i < n; i++) if (a[i]! > 0) dual += a[i]! * f[i]!;
  for (let j = 0; j < m; j++) if (b[j]! > 0) dual += b[j]! * g[j]!;
  return { cost, dual, rounds, converged: error <= tolerance };

  function mass(i: number, j: number): number {
    return a[i]! * b[j]! * Math.exp((f[i]! + g[j]! - costs[i * m + j]!) / epsilon);
  }
}

/** The Sinkhorn divergence: 0 between equal clouds, whatever epsilon; `cost(x, y)` gives the costs between two of the clouds. */
export function sinkhornDivergence(costs: { readonly ab: ArrayLike<number>; readonly aa: ArrayLike<number>; readonly bb: ArrayLike<number> }, a: readonly number[], b: readonly number[], options: SinkhornOptions): number {
  return sinkhorn(costs.ab, a, b, options).dual - (sinkhorn(costs.aa, a, a, options).dual + sinkhorn(costs.bb, b, b, options).dual) / 2;
}

function logSumExp(n: number, value: (at: number) => number): number {
  let largest = -Infinity;
  for (let at = 0; at < n; at++) largest = Math.max(largest, value(at));
  if (largest === -Infinity) return -Infinity;
  let sum = 0;
  for (let at = 0; at < n; at++) sum += Math.exp(value(at) - largest);
  return largest + Math.log(sum);
}
