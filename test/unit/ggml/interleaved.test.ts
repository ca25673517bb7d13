// Matrices in interleaved buffers: which this processor takes, that their products are those of plain ones, and tensors that share memory.
import assert from "node:assert/strict";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { Backend, readFloats, TensorStore, writeMatrix, writeTensor } from "../../../src/engine/ggml/backend.ts";
import { CompiledGraph, SharedMemory } from "../../../src/engine/ggml/compiledGraph.ts";
import { GraphBuilder } from "../../../src/engine/ggml/graph.ts";
import { quantise } from "../../../src/engine/ggml/quantise.ts";
import type { Tensor } from "../../../src/engine/ggml/tensor.ts";

const [F32, Q4_0] = [0, 2] as const;

describe("ggml memory", () => {
  let backend: Backend;
  const random = new SeededRandom(4);
  const draw = (n: number): Float32Array<ArrayBuffer> => Float32Array.from({ length: n }, () => random.normal());
  before(() => {
    backend = Backend.cpu(1);
  });
  after(() => {
    backend.close();
  });

  it("multiplies interleaved matrices as plain ones", function () {
    assert.equal(backend.interleaves(F32, [256, 64]), false);
    if (!backend.interleaves(Q4_0, [128, 48])) this.skip();
    const [plain, interleaved] = [new TensorStore(backend, 2), new TensorStore(backend, 1, backend.interleavedBufferType)];
    const [a, x, b] = [plain.declare(Q4_0, [128, 48]), plain.declare(F32, [128, 5]), interleaved.declare(Q4_0, [128, 48])];
    for (const store of [plain, interleaved]) store.allocate();
    const bytes = quantise(backend.library, draw(128 * 48), Q4_0, 128);
    for (const matrix of [a, b]) writeMatrix(backend, matrix, bytes);
    writeTensor(backend, x, draw(128 * 5));
    const g = new GraphBuilder(backend, 8, false);
    const products = [a, b].map((matrix) => g.output(g.mulMat(matrix, x)));
    const graph = new CompiledGraph(backend, g);
    graph.compute();
    const [ours, expected] = products.map((p) => readFloats(backend, p));
    assert.ok(ours && expected && ours.every((value, i) => Math.abs(value - (expected[i] ?? NaN)) < 1e-4 * (1 + Math.abs(value))));
    for (const part of [graph, plain, interleaved]) part.close();
  });

  it("lets results stand where they are told, and graphs share memory that was reserved for the largest", () => {
    const store = new TensorStore(backend, 8);
    const [x, room] = [store.declare(F32, [64, 4]), store.declare(F32, [64, 6])];
    store.allocate();
    const values = draw(256);
    writeTensor(backend, x, values);
    const memory = new SharedMemory(backend);
    const build = (nSteps: number, result: (g: GraphBuilder, t: Tensor) => void): GraphBuilder => {
      const g = new GraphBuilder(backend, 32, false);
      let t = x;
      for (let i = 0; i < nSteps; i++) t = g.add(g.scale(t, 2), x);
      result(g, t);
      return g;
    };
    const large = build(3, (g, t) => {
      g.expand(t);
      store.place(t.owner, room, 4 * 128);
    });
    const placed = store.window(room, [64, 4], 4 * 128);
    memory.reserve(large);
    const small = build(1, (g, t) => { g.expand(g.copy(t, x)); });
    const graphs = [new CompiledGraph(backend, large, undefined, memory), new CompiledGraph(backend, small, undefined, memory)];
    for (const graph of graphs) graph.compute();
    const close = (found: Float32Array, factor: number): void => { assert.ok(found.every((value, i) => Math.abs(value - factor * (values[i] ?? NaN)) < 1e-4)); };
    close(readFloats(backend, placed), 15);
    close(readFloats(backend, x), 3);
    assert.ok(readFloats(backend, room).subarray(0, 128).every((value) => value === 0));
    assert.throws(() => store.window(room, [64, 6], 4), /cannot stand/);
    // Memory that grows once graphs stand in it would move under them.
    const larger = new GraphBuilder(backend, 8, false);
    larger.expand(larger.scale(larger.scale(larger.empty(F32, [1024, 64]), 2), 2));
    assert.throws(() => { memory.reserve(larger); }, /more memory than/);
    for (const part of [...graphs, memory, store]) part.close();
    larger.close();
  });
});
