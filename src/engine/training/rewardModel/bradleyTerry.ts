// Regularised logistic regression on preferences (Bradley & Terry 1952) and on single judgements, by Newton's method; the
// mathematics alone. A pair is the difference of its replies' features without an intercept; a judgement is a reply's
// features with one. It knows neither texts nor files.

/** One observation: features `x` (a difference for pairs), and whether it came out as 1. Pairs are always 1. */
export interface Observation {
  readonly x: Float64Array;
  readonly outcome: 0 | 1;
  /** 1 where the intercept takes part (judgements), 0 for pairs. */
  readonly intercept: 0 | 1;
}

export interface Coefficients {
  readonly weights: Float64Array;
  readonly intercept: number;
}

const ITERATIONS = 50;
const TOLERANCE = 1e-9;
/** Keeps the intercept finite where all judgements are alike; far weaker than any λ in use. */
const INTERCEPT_PENALTY = 1e-3;

export function sigmoid(z: number): number {
  return z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z));
}

/** log(1 + exp(z)) without overflow. */
export function softplus(z: number): number {
  return z > 0 ? z + Math.log1p(Math.exp(-z)) : Math.log1p(Math.exp(z));
}

/**
 * Minimises Σ log(1 + exp(−y·z)) + λ/2·‖w‖² with z = w·x + b·intercept: strictly convex for λ > 0, so that the result
 * does not depend on the start. `nFeatures` ≥ 0.
 */
export function fitLogistic(observations: readonly Observation[], nFeatures: number, lambda: number): Coefficients {
  const n = nFeatures + 1;
  let theta = new Float64Array(n);
  let loss = penalisedLoss(observations, theta, lambda);
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    const gradient = new Float64Array(n);
    const hessian = new Float64Array(n * n);
    for (let j = 0; j < n; j++) {
      const penalty = j === nFeatures ? INTERCEPT_PENALTY : lambda;
      gradient[j] = penalty * (theta[j] as number);
      hessian[j * n + j] = penalty;
    }
    for (const { x, outcome, intercept } of observations) {
      const p = sigmoid(score(x, theta) + intercept * (theta[nFeatures] as number));
      const error = p - outcome, weight = Math.max(p * (1 - p), 1e-12);
      for (let j = 0; j < n; j++) {
        const xj = j === nFeatures ? intercept : (x[j] as number);
        if (xj === 0) continue;
        gradient[j] = (gradient[j] as number) + error * xj;
        for (let k = 0; k <= j; k++) hessian[j * n + k] = (hessian[j * n + k] as number) + weight * xj * (k === nFeatures ? intercept : (x[k] as number));
      }
    }
    const step = solvePositive(hessian, gradient, n);
    // Newton may overshoot far from the minimum: halve until the loss falls.
    let size = 1;
    let next = moved(theta, step, size);
    let nextLoss = penalisedLoss(observations, next, lambda);
    while (nextLoss > loss && size > 1e-6) {
      size /= 2;
      next = moved(theta, step, size);
      nextLoss = penalisedLoss(observations, next, lambda);
    }
    if (nextLoss > loss) break;
    const gain = loss - nextLoss;
    theta = next;
    loss = nextLoss;
    if (gain < TOLERANCE * (1 + Math.abs(loss))) break;
  }
  return { weights: theta.slice(0, nFeatures), intercept: theta[nFeatures] as number };
}

/** w·x; `theta` may be longer than `x`. */
export function score(x: Float64Array, theta: Float64Array): number {
  let z = 0;
  for (let j = 0; j < x.length; j++) z += (x[j] as number) * (theta[j] as number);
  return z;
}

/** The factor s that makes σ(s·z) the best probabilities: a temperature, fitted on scores of unseen data (Guo et al. 2017). */
export function fitTemperature(scores: readonly { readonly z: number; readonly outcome: 0 | 1 }[]): number {
  // One-dimensional and convex: golden section on log s.
  const loss = (logarithm: number): number => scores.reduce((sum, { z, outcome }) => sum + softplus((outcome === 1 ? -1 : 1) * Math.exp(logarithm) * z), 0);
  const ratio = (Math.sqrt(5) - 1) / 2;
  let low = Math.log(0.01), high = Math.log(100);
  for (let i = 0; i < 60; i++) {
    const a = high - ratio * (high - low), b = low + ratio * (high - low);
    if (loss(a) < loss(b)) high = b;
    else low = a;
  }
  return Math.exp((low + high) / 2);
}

function penalisedLoss(observations: readonly Observation[], theta: Float64Array, lambda: number): number {
  const nFeatures = theta.length - 1;
  let loss = INTERCEPT_PENALTY / 2 * (theta[nFeatures] as number) ** 2;
  for (let j = 0; j < nFeatures; j++) loss += lambda / 2 * (theta[j] as number) ** 2;
  for (const { x, outcome, intercept } of observations) {
    const z = score(x, theta) + intercept * (theta[nFeatures] as number);
    loss += softplus(outcome === 1 ? -z : z);
  }
  return loss;
}

function moved(theta: Float64Array, step: Float64Array, size: number): Float64Array<ArrayBuffer> {
  return Float64Array.from(theta, (value, j) => value - size * (step[j] as number));
}

/** Solves H·s = g for a symmetric positive definite H (lower triangle, row by row), by Cholesky. H is overwritten. */
function solvePositive(h: Float64Array, g: Float64Array, n: number): Float64Array {
  const at = (i: number, j: number): number => h[i * n + j] as number;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = at(i, j);
      for (let k = 0; k < j; k++) sum -= at(i, k) * at(j, k);
      h[i * n + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / at(j, j);
    }
  }
  const solution = Float64Array.from(g);
  for (let i = 0; i < n; i++) {
    let sum = solution[i] as number;
    for (let k = 0; k < i; k++) sum -= at(i, k) * (solution[k] as number);
    solution[i] = sum / at(i, i);
  }
  for (let i = n - 1; i >= 0; i--) {
    let sum = solution[i] as number;
    for (let k = i + 1; k < n; k++) sum -= at(k, i) * (solution[k] as number);
    solution[i] = sum / at(i, i);
  }
  return solution;
}
