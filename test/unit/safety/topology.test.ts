// Persistence diagrams against the plain reduction of the whole boundary matrix, and diagram distances against all matchings.
import assert from "node:assert/strict";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { bottleneck, diagramWasserstein } from "../../../src/engine/safety/topology/diagramDistance.ts";
import { MOST_POINTS, ripsPersistence } from "../../../src/engine/safety/topology/ripsPersistence.ts";
import type { Feature } from "../../../src/engine/safety/topology/ripsPersistence.ts";
import { ProjectTopology } from "../../../src/engine/safety/topology/projectTopology.ts";
import { distanceMatrix } from "../../../src/engine/safety/transport/pointCloud.ts";

const random = new SeededRandom(11);
const cloud = (n: number, dimension = 2): number[][] => Array.from({ length: n }, () => Array.from({ length: dimension }, () => random.normal()));
const rips = (points: number[][]): ReturnType<typeof ripsPersistence> => ripsPersistence(distanceMatrix(points, points), points.length);
const sorted = (features: readonly Feature[]): string[] => features.map(({ birth, death }) => `${birth.toFixed(9)} ${death.toFixed(9)}`).sort();

/** The textbook algorithm over all simplices up to dimension 2, without any short cut. */
function plainH1(distances: ArrayLike<number>, n: number): Feature[] {
  const simplices: { vertices: number[]; diameter: number }[] = [];
  const d = (i: number, j: number): number => distances[i * n + j]!;
  for (let i = 0; i < n; i++) {
    simplices.push({ vertices: [i], diameter: 0 });
    for (let j = 0; j < i; j++) {
      simplices.push({ vertices: [j, i], diameter: d(i, j) });
      for (let k = 0; k < j; k++) simplices.push({ vertices: [k, j, i], diameter: Math.max(d(i, j), d(i, k), d(j, k)) });
    }
  }
  simplices.sort((a, b) => a.diameter - b.diameter || a.vertices.length - b.vertices.length);
  const place = new Map(simplices.map(({ vertices }, at) => [vertices.join(), at]));
  const byLowest = new Map<number, Set<number>>();
  const features: Feature[] = [];
  for (const { vertices, diameter } of simplices) {
    const column = new Set(vertices.length === 1 ? [] : vertices.map((_, leftOut) => place.get(vertices.filter((__, at) => at !== leftOut).join())!));
    for (;;) {
      const low = Math.max(-1, ...column);
      const other = byLowest.get(low);
      if (low < 0) break;
      if (!other) {
        byLowest.set(low, column);
        const birth = simplices[low]!;
        if (birth.vertices.length === 2 && diameter > birth.diameter) features.push({ birth: birth.diameter, death: diameter });
        break;
      }
      for (const face of other) if (!column.delete(face)) column.add(face);
    }
  }
  return features;
}

describe("persistence diagrams", () => {
  it("are those of the plain reduction", () => {
    let loops = 0;
    for (let round = 0; round < 30; round++) {
      // Points on a grid give ties in length, which is where orders go wrong.
      const points = round % 3 === 0 ? Array.from({ length: 11 }, () => [random.integer(4), random.integer(4)]) : cloud(4 + round % 9, 1 + round % 3);
      const distances = distanceMatrix(points, points);
      const expected = plainH1(distances, points.length);
      loops += expected.length;
      assert.deepEqual(sorted(ripsPersistence(distances, points.length).h1), sorted(expected));
    }
    assert.ok(loops > 10, `only ${loops} loops were compared`);
  });

  it("know a square, a circle and two islands", () => {
    const square = rips([[0, 0], [1, 0], [1, 1], [0, 1]]);
    assert.deepEqual(sorted(square.h1), sorted([{ birth: 1, death: Math.SQRT2 }]));
    assert.equal(square.h0.filter(({ death }) => death === 1).length, 3);
    const n = 30;
    const circle = rips(Array.from({ length: n }, (_, i) => [Math.cos(2 * Math.PI * i / n), Math.sin(2 * Math.PI * i / n)]));
    assert.equal(circle.h1.length, 1);
    assert.ok(circle.h1[0]!.death > 1.6 && circle.h1[0]!.birth < 0.22);
    const islands = rips([[0, 0], [0, 1], [9, 0], [9, 1]]);
    assert.deepEqual(islands.h0.map(({ death }) => death).sort((a, b) => a - b), [1, 1, 9, Infinity]);
  });

  it("do not change with the order of the points, and scale with distances", () => {
    const points = cloud(25, 3);
    const here = rips(points), shuffled = rips(random.shuffle([...points])), doubled = rips(points.map((point) => point.map((x) => 2 * x)));
    assert.deepEqual(sorted(shuffled.h1), sorted(here.h1));
    assert.deepEqual(sorted(shuffled.h0), sorted(here.h0));
    assert.deepEqual(sorted(doubled.h1), sorted(here.h1.map(({ birth, death }) => ({ birth: 2 * birth, death: 2 * death }))));
  });

  it("are stable: moving points a little moves them no farther than twice that", () => {
    const points = cloud(30);
    const moved = points.map((point) => point.map((x) => x + (random.uniform() - 0.5) * 0.02));
    assert.ok(bottleneck(rips(points).h1, rips(moved).h1) <= 2 * 0.01 * Math.SQRT2 + 1e-12);
  });

  it("stop when their time is up and say so, and refuse too many points", () => {
    const points = cloud(60);
    assert.equal(ripsPersistence(distanceMatrix(points, points), 60, { budgetMs: -1 }).complete, false);
    assert.equal(ripsPersistence(distanceMatrix(points, points), 60).complete, true);
    assert.throws(() => ripsPersistence([], MOST_POINTS + 1), RangeError);
    assert.deepEqual(ripsPersistence([], 0).h0, []);
  });
});

describe("distances of diagrams", () => {
  const diagram = (n: number): Feature[] => Array.from({ length: n }, () => {
    const birth = random.uniform();
    return { birth, death: birth + random.uniform() };
  });
  /** All partial matchings: each feature of `a` goes to one of `b` or to the diagonal. */
  const byTrying = (a: readonly Feature[], b: readonly Feature[], join: (x: number, y: number) => number): number => {
    const [first, ...rest] = a;
    if (!first) return b.reduce((sum, { birth, death }) => join(sum, (death - birth) / 2), 0);
    const options = [join((first.death - first.birth) / 2, byTrying(rest, b, join))];
    for (const [i, other] of b.entries()) options.push(join(Math.max(Math.abs(first.birth - other.birth), Math.abs(first.death - other.death)), byTrying(rest, b.filter((_, at) => at !== i), join)));
    return Math.min(...options);
  };

  it("are those of the best matching", () => {
    for (let round = 0; round < 25; round++) {
      const a = diagram(round % 5), b = diagram((round * 3) % 4);
      assert.ok(Math.abs(bottleneck(a, b) - byTrying(a, b, Math.max)) < 1e-12);
      assert.ok(Math.abs(diagramWasserstein(a, b) - byTrying(a, b, (x, y) => x + y)) < 1e-9);
    }
  });

  it("are metrics; the bottleneck is the smallest", () => {
    for (let round = 0; round < 10; round++) {
      const a = diagram(6), b = diagram(4), c = diagram(5);
      for (const distance of [bottleneck, diagramWasserstein]) {
        assert.equal(distance(a, a), 0);
        assert.ok(Math.abs(distance(a, b) - distance(b, a)) < 1e-9);
        assert.ok(distance(a, c) <= distance(a, b) + distance(b, c) + 1e-9);
      }
      assert.ok(bottleneck(a, b) <= diagramWasserstein(a, b, 2) + 1e-9 && diagramWasserstein(a, b, 2) <= diagramWasserstein(a, b) + 1e-9);
    }
  });

  it("match what lasts with what lasts", () => {
    const lasting = (birth: number): Feature => ({ birth, death: Infinity });
    assert.equal(bottleneck([lasting(0)], [lasting(0.5)]), 0.5);
    assert.equal(diagramWasserstein([lasting(0)], []), Infinity);
  });
});

describe("fingerprints of a project", () => {
  it("tell a text whose chunks hang together otherwise, and nothing of short ones", async () => {
    // Points on a circle by the number that a line ends in; the odd text jumps between two far islands.
    const embed = (texts: readonly string[]): Promise<number[][]> => Promise.resolve(texts.map((text) => {
      const at = Number(/(\d+)$/.exec(text)?.[1]);
      return text.includes("odd") ? [at % 2 === 0 ? 30 : -30, at] : [Math.cos(at / 3), Math.sin(at / 3)];
    }));
    const text = (word: string, shift: number): string => Array.from({ length: 22 }, (_, i) => `${word} ${i + shift}`).join("\n");
    const topology = await ProjectTopology.of(Array.from({ length: 24 }, (_, i) => ({ path: `f${i}`, startLine: 1, text: text("own", i) })), embed);
    const own = (await topology.measure(text("own", 40)))!, odd = (await topology.measure(text("odd", 0)))!;
    assert.ok(odd.distance > 1 && own.distance < 1e-9 && odd.share < 0.05, `${own.distance} ${odd.distance}`);
    assert.equal(await topology.measure("one line 1"), null);
  });
});
