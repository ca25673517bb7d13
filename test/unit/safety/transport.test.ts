// Optimal transport against brute force: every permutation of small clouds, masses as repeated points, and the axioms of a metric.
import assert from "node:assert/strict";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { cheapestAssignment } from "../../../src/engine/safety/transport/assignment.ts";
import { exactTransport } from "../../../src/engine/safety/transport/exactTransport.ts";
import { cloudDistance, distanceMatrix, euclidean, freeTransport } from "../../../src/engine/safety/transport/pointCloud.ts";
import { sinkhorn, sinkhornDivergence } from "../../../src/engine/safety/transport/sinkhorn.ts";
import { slicedWasserstein } from "../../../src/engine/safety/transport/sliced.ts";
import { histogramWasserstein, wasserstein1d, weightedWasserstein1d } from "../../../src/engine/safety/transport/wasserstein1d.ts";

const random = new SeededRandom(7);
const numbers = (n: number): number[] => Array.from({ length: n }, () => random.normal());
const cloud = (n: number, dimension = 2): number[][] => Array.from({ length: n }, () => numbers(dimension));
const near = (actual: number, expected: number, tolerance = 1e-9): void => assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);

function permutations(n: number): number[][] {
  if (n === 0) return [[]];
  return permutations(n - 1).flatMap((shorter) => Array.from({ length: n }, (_, at) => [...shorter.slice(0, at), n - 1, ...shorter.slice(at)]));
}

function cheapestByTrying(costs: ArrayLike<number>, n: number): number {
  return Math.min(...permutations(n).map((columns) => columns.reduce((sum, column, row) => sum + costs[row * n + column]!, 0)));
}

describe("transport on the line", () => {
  it("is the cheapest assignment", () => {
    for (let n = 1; n <= 6; n++) {
      const a = numbers(n), b = numbers(n);
      near(wasserstein1d(a, b), cheapestByTrying(Float64Array.from(a.flatMap((x) => b.map((y) => Math.abs(x - y)))), n) / n);
    }
  });

  it("counts samples of different sizes as if their points were repeated", () => {
    const a = [0, 1, 5], b = [2, 3];
    near(wasserstein1d(a, b), wasserstein1d([0, 0, 1, 1, 5, 5], [2, 2, 2, 3, 3, 3]));
    near(weightedWasserstein1d([0, 1, 5], [2, 2, 2], [3, 2], [1, 1]), wasserstein1d(a, b));
    near(weightedWasserstein1d([0, 4], [3, 1], [4], [9]), 3);
    near(histogramWasserstein([3, 0, 1], [0, 0, 2], 2), 3);
  });

  it("is a metric, moves with its samples and scales with them", () => {
    for (let round = 0; round < 20; round++) {
      const a = numbers(3 + round % 5), b = numbers(4), c = numbers(6);
      near(wasserstein1d(a, a), 0);
      near(wasserstein1d(a, b), wasserstein1d(b, a));
      assert.ok(wasserstein1d(a, c) <= wasserstein1d(a, b) + wasserstein1d(b, c) + 1e-9);
      near(wasserstein1d(a.map((x) => 3 * x + 1), b.map((x) => 3 * x + 1)), 3 * wasserstein1d(a, b));
    }
    near(wasserstein1d([1, 2, 3], [4, 5, 6]), 3);
  });

  it("refuses what has no distribution", () => {
    assert.throws(() => wasserstein1d([], [1]), RangeError);
    assert.throws(() => wasserstein1d([NaN], [1]), RangeError);
    assert.throws(() => weightedWasserstein1d([1], [0], [1], [1]), RangeError);
    assert.throws(() => histogramWasserstein([1], [1, 2]), RangeError);
  });
});

describe("transport of clouds", () => {
  it("assigns as cheaply as any permutation", () => {
    for (let n = 1; n <= 6; n++) for (let round = 0; round < 5; round++) {
      // Small whole numbers make ties.
      const costs = Float64Array.from({ length: n * n }, () => round % 2 ? random.integer(4) : random.uniform());
      const { cost, columnOf } = cheapestAssignment(costs, n, n);
      near(cost, cheapestByTrying(costs, n));
      assert.equal(new Set(columnOf).size, n);
    }
    assert.equal(cheapestAssignment([5, 1, 9, 2, 8, 3], 2, 3).cost, 3);
    assert.throws(() => cheapestAssignment([1, 2], 2, 1), RangeError);
  });

  it("moves unequal masses as cheaply as the same masses in equal pieces", () => {
    for (let round = 0; round < 12; round++) {
      const a = cloud(3), b = cloud(2);
      const supply = [1, 2, 3], demand = round % 2 ? [2, 4] : [5, 1];
      const pieces = (points: number[][], masses: number[]): number[][] => points.flatMap((point, i) => Array.from({ length: masses[i]! }, () => point));
      const expected = cheapestByTrying(distanceMatrix(pieces(a, supply), pieces(b, demand)), 6) / 6;
      const { flow, cost } = exactTransport(distanceMatrix(a, b), supply, demand);
      near(cost, expected);
      for (let i = 0; i < 3; i++) near(flow[2 * i]! + flow[2 * i + 1]!, supply[i]! / 6);
      for (let j = 0; j < 2; j++) near(flow[j]! + flow[2 + j]! + flow[4 + j]!, demand[j]! / 6);
    }
  });

  it("agrees with transport on the line, for masses of every size", () => {
    for (let round = 0; round < 10; round++) {
      const a = numbers(15 + round), b = numbers(20), x = a.map(() => random.uniform()), y = b.map(() => random.integer(3) + (round ? 0 : 1) );
      if (!y.some((mass) => mass > 0)) continue;
      near(exactTransport(distanceMatrix(a.map((v) => [v]), b.map((v) => [v])), x, y).cost, weightedWasserstein1d(a, x, b, y), 1e-8);
    }
  });

  it("is a metric between clouds, and turning or moving both changes nothing", () => {
    const turned = (points: number[][], angle: number): number[][] => points.map(([x, y]) => [x! * Math.cos(angle) - y! * Math.sin(angle) + 5, x! * Math.sin(angle) + y! * Math.cos(angle) - 2]);
    for (let round = 0; round < 8; round++) {
      const a = cloud(5), b = cloud(7), c = cloud(4);
      near(cloudDistance(a, a), 0);
      near(cloudDistance(a, b), cloudDistance(b, a));
      assert.ok(cloudDistance(a, c) <= cloudDistance(a, b) + cloudDistance(b, c) + 1e-9);
      near(cloudDistance(turned(a, round), turned(b, round)), cloudDistance(a, b), 1e-8);
      assert.ok(freeTransport(a, b) <= cloudDistance(a, b) + 1e-12, "leaving the target's masses free cannot cost more");
    }
  });

  it("nears the exact cost from above as the regularisation falls, and its divergence knows equals", () => {
    const a = cloud(8), b = cloud(8), one = a.map(() => 1);
    const costs = distanceMatrix(a, b), exact = exactTransport(costs, one, one).cost;
    const gaps = [1, 0.1, 0.01].map((epsilon) => sinkhorn(costs, one, one, { epsilon, rounds: 5000, tolerance: 1e-9 }).cost - exact);
    assert.ok(gaps[0]! > gaps[1]! && gaps[1]! >= gaps[2]! && gaps[2]! >= -1e-6 && gaps[2]! < 0.01, String(gaps));
    const aa = distanceMatrix(a, a);
    near(sinkhornDivergence({ ab: aa, aa, bb: aa }, one, one, { epsilon: 0.5 }), 0);
    assert.ok(sinkhornDivergence({ ab: costs, aa, bb: distanceMatrix(b, b) }, one, one, { epsilon: 0.1 }) > 0);
    // exp(-1000/0.001) is 0 in floating point: only the log domain survives it.
    near(sinkhorn([1000, 2000, 2000, 1000], [1, 1], [1, 1], { epsilon: 0.001 }).cost, 1000, 1e-6);
  });

  it("slices: exact on the line, the same for the same seed, a fixed share of a pure shift", () => {
    const a = cloud(30, 1), b = cloud(20, 1);
    near(slicedWasserstein(a, b, { directions: 3 }), wasserstein1d(a.map((p) => p[0]!), b.map((p) => p[0]!)));
    const x = cloud(40, 3), y = x.map((point) => point.map((value, d) => value + (d === 0 ? 2 : 0)));
    assert.equal(slicedWasserstein(x, y, { seed: 3 }), slicedWasserstein(x, y, { seed: 3 }));
    // The mean of |first coordinate| over the sphere in three dimensions is 1/2.
    near(slicedWasserstein(x, y, { directions: 2000 }), 1, 0.05);
    assert.ok(slicedWasserstein(x, y) <= cloudDistance(x, y) + 1e-9);
    near(euclidean([0, 3], [4, 0]), 5);
  });
});
