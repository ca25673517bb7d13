import assert from "node:assert/strict";
import hnswlib from "hnswlib-node";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { ExactGraph } from "../../../src/engine/retrieval/store/exactGraph.ts";

describe("the exact graph, for machines that hnswlib has no build for", () => {
  it("finds what hnswlib finds, with the same distances, and nothing that was deleted", () => {
    const random = new SeededRandom(7);
    const dimension = 16;
    const draw = (): number[] => {
      const vector = Array.from({ length: dimension }, () => random.normal());
      const length = Math.hypot(...vector);
      return vector.map((x) => x / length);
    };
    const exact = new ExactGraph();
    const graph = new hnswlib.HierarchicalNSW("ip", dimension);
    graph.initIndex(400, 16, 100, 100);
    for (let id = 0; id < 300; id++) {
      const vector = draw();
      exact.addPoint(vector, id);
      graph.addPoint(vector, id);
    }
    for (let id = 0; id < 300; id += 3) {
      exact.markDelete(id);
      graph.markDelete(id);
    }
    graph.setEf(400);
    for (let i = 0; i < 10; i++) {
      const query = draw();
      const [ours, theirs] = [exact.searchKnn(query, 5), graph.searchKnn(query, 5)];
      assert.deepEqual(ours.neighbors, theirs.neighbors);
      assert.ok(ours.neighbors.every((id) => id % 3 !== 0));
      for (const [n, distance] of ours.distances.entries()) assert.ok(Math.abs(distance - theirs.distances[n]!) < 1e-5);
    }
    assert.equal(exact.getCurrentCount(), 300);
    assert.equal(exact.getIdsList().length, 200);
  });
});
