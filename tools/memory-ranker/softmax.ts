// Fits linear models: listwise softmax over groups of candidates (Cao et al. 2007, ListNet's top-one loss) and logistic regression.
// Both by L-BFGS with a backtracking line search (Nocedal & Wright 2006, algorithms 7.4 and 3.1). Deterministic.

/** Candidates of one question: rows (n × width), and which of them are right. */
export interface Group {
  rows: Float32Array;
  gold: readonly number[];
}

type Objective = (weights: Float64Array, gradient: Float64Array) => number;

/** Weights that make the right candidates likely; `l2` acts on features scaled to unit deviation. Groups without a right one are left out. */
export function fitSoftmax(groups: readonly Group[], width: number, l2: number): number[] {
  const right = groups.filter(({ gold }) => gold.length > 0);
  const scale = deviations(right.map(({ rows }) => rows), width);
  const used = right.map(({ rows, gold }) => ({ gold, rows: rows.map((value, at) => value / (scale[at % width] as number)) }));
  const objective: Objective = (weights, gradient) => {
    gradient.fill(0);
    let loss = 0;
    for (const { rows, gold } of used) {
      const n = rows.length / width;
      const chances = new Float64Array(n);
      let most = -Infinity;
      for (let at = 0; at < n; at++) {
        let score = 0;
        for (let place = 0; place < width; place++) score += (weights[place] as number) * (rows[at * width + place] as number);
        chances[at] = score;
        if (score > most) most = score;
      }
      let sum = 0;
      for (const at of gold) loss -= (chances[at] as number) / gold.length;
      for (let at = 0; at < n; at++) sum += chances[at] = Math.exp((chances[at] as number) - most);
      loss += Math.log(sum) + most;
      for (let at = 0; at < n; at++) chances[at] = (chances[at] as number) / sum;
      for (const at of gold) chances[at] = (chances[at] as number) - 1 / gold.length;
      for (let at = 0; at < n; at++) {
        const wrong = chances[at] as number;
        if (Math.abs(wrong) < 1e-5) continue;
        for (let place = 0; place < width; place++) gradient[place] = (gradient[place] as number) + wrong * (rows[at * width + place] as number);
      }
    }
    for (let place = 0; place < width; place++) {
      gradient[place] = (gradient[place] as number) / used.length + 2 * l2 * (weights[place] as number);
      loss += used.length * l2 * (weights[place] as number) ** 2;
    }
    return loss / used.length;
  };
  return Array.from(minimise(objective, width), (weight, place) => weight / (scale[place] as number));
}

/** Weights and, last, the constant. */
export function fitLogistic(rows: readonly (readonly number[])[], labels: readonly number[], l2 = 1e-4): number[] {
  const width = (rows[0]?.length ?? 0) + 1;
  const flat = Float32Array.from(rows.flatMap((row) => [...row, 1]));
  const scale = deviations([flat], width);
  const objective: Objective = (weights, gradient) => {
    gradient.fill(0);
    let loss = 0;
    for (const [at, label] of labels.entries()) {
      let score = 0;
      for (let place = 0; place < width; place++) score += (weights[place] as number) * (flat[at * width + place] as number) / (scale[place] as number);
      const chance = 1 / (1 + Math.exp(-score));
      loss -= Math.log(Math.max(1e-12, label === 1 ? chance : 1 - chance));
      for (let place = 0; place < width; place++) gradient[place] = (gradient[place] as number) + (chance - label) * (flat[at * width + place] as number) / (scale[place] as number);
    }
    for (let place = 0; place < width; place++) {
      gradient[place] = (gradient[place] as number) / labels.length + 2 * l2 * (weights[place] as number);
      loss += labels.length * l2 * (weights[place] as number) ** 2;
    }
    return loss / labels.length;
  };
  return Array.from(minimise(objective, width), (weight, place) => weight / (scale[place] as number));
}

/** Standard deviation of each column, 1 where it is constant. */
function deviations(parts: readonly Float32Array[], width: number): Float64Array {
  const sum = new Float64Array(width);
  const squares = new Float64Array(width);
  let n = 0;
  for (const rows of parts) {
    for (let at = 0; at < rows.length; at++) {
      const place = at % width;
      const value = rows[at] as number;
      sum[place] = (sum[place] as number) + value;
      squares[place] = (squares[place] as number) + value * value;
    }
    n += rows.length / width;
  }
  return sum.map((total, place) => {
    const variance = (squares[place] as number) / n - (total / n) ** 2;
    return variance > 1e-12 ? Math.sqrt(variance) : 1;
  });
}

function minimise(objective: Objective, width: number, steps = 80, memory = 8): Float64Array {
  const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, at) => sum + value * (b[at] as number), 0);
  let weights = new Float64Array(width);
  let gradient = new Float64Array(width);
  let value = objective(weights, gradient);
  const pairs: { s: Float64Array; y: Float64Array; rho: number }[] = [];
  for (let step = 0; step < steps; step++) {
    const direction = gradient.map((slope) => -slope);
    const alphas: number[] = [];
    for (const { s, y, rho } of pairs.toReversed()) {
      const alpha = rho * dot(s, direction);
      alphas.push(alpha);
      for (let at = 0; at < width; at++) direction[at] = (direction[at] as number) - alpha * (y[at] as number);
    }
    const last = pairs.at(-1);
    if (last) {
      const factor = 1 / (last.rho * dot(last.y, last.y));
      for (let at = 0; at < width; at++) direction[at] = (direction[at] as number) * factor;
    }
    for (const { s, y, rho } of pairs) {
      const beta = rho * dot(y, direction);
      const alpha = alphas.pop() ?? 0;
      for (let at = 0; at < width; at++) direction[at] = (direction[at] as number) + (s[at] as number) * (alpha - beta);
    }
    const slope = dot(gradient, direction);
    if (slope > -1e-10) break;
    let length = 1;
    let next = weights;
    const nextGradient = new Float64Array(width);
    let nextValue = Infinity;
    for (let attempt = 0; attempt < 30; attempt++, length /= 2) {
      next = weights.map((weight, at) => weight + length * (direction[at] as number));
      nextValue = objective(next, nextGradient);
      if (nextValue <= value + 1e-4 * length * slope) break;
    }
    if (!(nextValue < value)) break;
    const s = next.map((weight, at) => weight - (weights[at] as number));
    const y = nextGradient.map((entry, at) => entry - (gradient[at] as number));
    const curvature = dot(s, y);
    if (curvature > 1e-12) pairs.push({ s, y, rho: 1 / curvature });
    if (pairs.length > memory) pairs.shift();
    const gained = value - nextValue;
    weights = next;
    gradient = nextGradient;
    value = nextValue;
    if (gained < 1e-5) break;
  }
  return weights;
}
