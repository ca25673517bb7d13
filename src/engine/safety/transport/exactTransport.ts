// Exact optimal transport between two weighted clouds: minimum-cost flow by successive shortest paths with potentials
// (Ahuja, Magnanti & Orlin 1993, section 9.7). Meant for clouds of up to about a hundred points; beyond, sinkhorn.ts and
// sliced.ts approximate. It is given costs and does not know where they come from.
import { cheapestAssignment } from "./assignment.ts";

export interface TransportPlan {
  /** Mass moved: `(n, m)`, row-major; rows sum to the first side's masses, columns to the second's. */
  readonly flow: Float64Array;
  /** Total cost; masses are normalised to 1, so that it is a mean cost. */
  readonly cost: number;
}

/** Masses smaller than this are rounding. */
const NOTHING = 1e-12;

/**
 * The cheapest way to move `supply` to `demand`. `costs`: `(supply.length, demand.length)`, row-major, not negative.
 * Masses are normalised to 1 a side; RangeError for a side without mass or with negative mass.
 */
export function exactTransport(costs: ArrayLike<number>, supply: readonly number[], demand: readonly number[]): TransportPlan {
  const n = supply.length, m = demand.length;
  const left = normalised(supply), right = normalised(demand);
  if (n === m && isUniform(left) && isUniform(right)) return fromAssignment(costs, n);
  const flow = new Float64Array(n * m);
  const potential = new Float64Array(n + m);
  const distance = new Float64Array(n + m), before = new Int32Array(n + m), settled = new Uint8Array(n + m);
  for (let source = 0; source < n; source++) {
    while (left[source]! > NOTHING) {
      const sink = shortestPath(source);
      if (sink < 0) break;
      let mass = Math.min(left[source]!, right[sink - n]!);
      for (let at = sink; at !== source; at = before[at]!) if (at < n) mass = Math.min(mass, flow[at * m + before[at]! - n]!);
      for (let at = sink; at !== source; at = before[at]!) {
        const from = before[at]!;
        const cell = at >= n ? from * m + at - n : at * m + from - n;
        flow[cell] = at >= n ? flow[cell]! + mass : Math.max(0, flow[cell]! - mass);
        if (flow[cell] < NOTHING) flow[cell] = 0;
      }
      left[source] = left[source]! - mass;
      right[sink - n] = right[sink - n]! - mass;
    }
  }
  let cost = 0;
  for (let cell = 0; cell < flow.length; cell++) cost += flow[cell]! * costs[cell]!;
  return { flow, cost };

  /** Dijkstra over reduced costs from `source` to the nearest column with demand left; updates the potentials. */
  function shortestPath(source: number): number {
    distance.fill(Infinity);
    settled.fill(0);
    distance[source] = 0;
    for (;;) {
      let at = -1;
      for (let node = 0; node < n + m; node++) if (!settled[node] && distance[node]! < Infinity && (at < 0 || distance[node]! < distance[at]!)) at = node;
      if (at < 0) return -1;
      settled[at] = 1;
      if (at >= n && right[at - n]! > NOTHING) {
        const reached = distance[at]!;
        for (let node = 0; node < n + m; node++) if (settled[node]) potential[node] = potential[node]! + distance[node]! - reached;
        return at;
      }
      if (at < n) for (let column = 0; column < m; column++) relax(at, n + column, costs[at * m + column]!);
      else for (let row = 0; row < n; row++) if (flow[row * m + at - n]! > 0) relax(at, row, -costs[row * m + at - n]!);
    }
  }

  function relax(from: number, to: number, cost: number): void {
    if (settled[to]) return;
    // Rounding may make a reduced cost a hair negative, which Dijkstra must not see.
    const candidate = distance[from]! + Math.max(0, cost + potential[from]! - potential[to]!);
    if (candidate < distance[to]!) {
      distance[to] = candidate;
      before[to] = from;
    }
  }
}

function fromAssignment(costs: ArrayLike<number>, n: number): TransportPlan {
  const { columnOf, cost } = cheapestAssignment(costs, n, n);
  const flow = new Float64Array(n * n);
  for (let row = 0; row < n; row++) flow[row * n + columnOf[row]!] = 1 / n;
  return { flow, cost: cost / n };
}

function isUniform(masses: Float64Array): boolean {
  return masses.every((mass) => Math.abs(mass - masses[0]!) < NOTHING);
}

/** Masses that sum to 1. */
export function normalised(masses: readonly number[]): Float64Array {
  const total = masses.reduce((sum, mass) => sum + mass, 0);
  if (!(total > 0) || masses.some((mass) => !(mass >= 0))) throw new RangeError("Masses must not be negative, and not all nothing.");
  return Float64Array.from(masses, (mass) => mass / total);
}
