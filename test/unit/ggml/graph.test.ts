// The binding to ggml: products in both forms against plain arithmetic, with ggml and with a BLAS where there is one; checks
// that stop wrong shapes before ggml would end the process.
import assert from "node:assert/strict";
import os from "node:os";
import path from "node:path";
import { EngineError } from "../../../src/engine/base/errors.ts";
import { GgmlType } from "../../../src/engine/base/ggmlTypes.ts";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { Backend, readFloats, TensorStore, writeTensor } from "../../../src/engine/ggml/backend.ts";
import { Blas } from "../../../src/engine/ggml/blas.ts";
import { CompiledGraph } from "../../../src/engine/ggml/compiledGraph.ts";
import { GraphBuilder } from "../../../src/engine/ggml/graph.ts";
import { loadGgml } from "../../../src/engine/ggml/library.ts";
import { quantise } from "../../../src/engine/ggml/quantise.ts";
import { gradientSelfTest } from "../../../src/engine/ggml/selfTest.ts";
import type { Tensor } from "../../../src/engine/ggml/tensor.ts";

/** A BLAS of this system, or of the file that KALACTICA_BLAS names. */
const blas = Blas.open(1, process.env["KALACTICA_BLAS"]);

describe("ggml", () => {
  let backend: Backend;
  before(() => { backend = Backend.cpu(1); });
  after(() => backend.close());

  const random = new SeededRandom(2);
  const draw = (n: number): Float32Array => Float32Array.from({ length: n }, () => random.normal());

  /** Computes what `build` makes of tensors with the given values. */
  function compute(values: [Float32Array, number[]][], build: (g: GraphBuilder, tensors: Tensor[]) => Tensor, library: Blas | undefined): { result: Float32Array; nBlasProducts: number } {
    const store = new TensorStore(backend, values.length);
    const tensors = values.map(([, shape]) => store.declare(GgmlType.F32, shape));
    store.allocate();
    tensors.forEach((tensor, i) => writeTensor(backend, tensor, values[i]?.[0] ?? new Float32Array()));
    const g = new GraphBuilder(backend, 64, library !== undefined);
    const result = g.output(build(g, tensors));
    const graph = new CompiledGraph(backend, g, library);
    graph.compute();
    const out = result.isContiguous && result.nElements > 0 ? readFloats(backend, result) : new Float32Array();
    const { nBlasProducts } = graph;
    graph.close();
    store.close();
    return { result: out, nBlasProducts };
  }

  const close = (actual: Float32Array, expected: number[]): void => {
    assert.equal(actual.length, expected.length);
    for (const [i, value] of actual.entries()) assert.ok(Math.abs(value - (expected[i] ?? 0)) < 1e-4, `[${i}] ${value} instead of ${expected[i]}`);
  };

  for (const library of blas === undefined ? [undefined] : [undefined, blas]) {
    describe(library === undefined ? "products by ggml" : `products by ${library.file}`, () => {
      const [m, n, k] = [4, 6, 32];
      const a = draw(m * k);
      const b = draw(n * k);
      /** Σ over k of a and b, whose element (i, k) is at the place that `at` gives; column-major result [m, n]. */
      const expected = (placeA: (i: number, l: number) => number, placeB: (j: number, l: number) => number): number[] =>
        Array.from({ length: m * n }, (_, place) => {
          const [i, j] = [place % m, Math.floor(place / m)];
          return Array.from({ length: k }, (__, l) => (a[placeA(i, l)] ?? 0) * (b[placeB(j, l)] ?? 0)).reduce((x, y) => x + y);
        });

      it("aᵀ·b, a·b and a·bᵀ", () => {
        const inner = (i: number, l: number): number => i * k + l;
        close(compute([[a, [k, m]], [b, [k, n]]], (g, [x, y]) => g.transposedMatMul(x!, y!), library).result, expected(inner, inner));
        close(compute([[a, [m, k]], [b, [k, n]]], (g, [x, y]) => g.matMul(x!, y!), library).result, expected((i, l) => l * m + i, inner));
        close(compute([[a, [m, k]], [b, [n, k]]], (g, [x, y]) => g.matMulTransposed(x!, y!), library).result, expected((i, l) => l * m + i, (j, l) => l * n + j));
      });

      it("batches with strided operands, repeated over groups, placed and added in windows", () => {
        // As in attention: heads lie side by side in each token, two query heads share one key head.
        const [size, heads, keyHeads, tokens] = [32, 4, 2, 8];
        const q = draw(size * heads * tokens);
        const key = draw(size * keyHeads * tokens);
        const { result, nBlasProducts } = compute([[q, [size, heads, tokens]], [key, [size, keyHeads, tokens]]], (g, [x, y]) => {
          const scores = g.transposedMatMul(g.permute(y!, [0, 2, 1, 3]), g.permute(x!, [0, 2, 1, 3]));
          const room = g.empty(GgmlType.F32, [tokens, tokens + 1, heads]);
          const window = g.view(room, [tokens, tokens, heads], room.strides[1]);
          g.expand(g.placeProduct(window, scores));
          g.expand(g.addProduct(window, g.transposedMatMul(g.permute(y!, [0, 2, 1, 3]), g.permute(x!, [0, 2, 1, 3]))));
          return g.cont(window);
        }, library);
        assert.equal(nBlasProducts, library === undefined ? 0 : 2);
        const wanted = Array.from({ length: tokens * tokens * heads }, (_, place) => {
          const [i, j, h] = [place % tokens, Math.floor(place / tokens) % tokens, Math.floor(place / tokens / tokens)];
          let dot = 0;
          for (let l = 0; l < size; l++) dot += (key[(i * keyHeads + (h >> 1)) * size + l] ?? 0) * (q[(j * heads + h) * size + l] ?? 0);
          return 2 * dot;
        });
        close(result, wanted);
      });
    });
  }

  it("stops shapes that do not fit before ggml ends the process", () => {
    const values: [Float32Array, number[]][] = [[draw(6), [3, 2]], [draw(8), [4, 2]]];
    const attempts: ((g: GraphBuilder, t: Tensor[]) => Tensor)[] = [
      (g, [a, b]) => g.mulMat(a!, b!),
      (g, [a, b]) => g.add(a!, b!),
      (g, [a]) => g.reshape(a!, [5]),
      (g, [a]) => g.permute(a!, [0, 0, 1, 2]),
    ];
    for (const attempt of attempts) assert.throws(() => compute(values, attempt, undefined), /cannot|was given/);
    assert.throws(() => loadGgml().functions.ggml_free(undefined as never), /undefined/);
  });

  it("says which library is missing", () => {
    assert.throws(() => loadGgml(path.join(os.tmpdir(), "no-ggml-here")), (error: unknown) => error instanceof EngineError && error.reason === "nativeMissing" && error.message.includes("no-ggml-here"));
  });

  it("quantises to Q8_0 within half a step and the rounding of the scale, and refuses partial blocks", () => {
    const values = draw(64);
    const bytes = Buffer.from(quantise(loadGgml(), values as Float32Array<ArrayBuffer>, GgmlType.Q8_0, 32));
    assert.equal(bytes.length, 68);
    for (let block = 0; block < 2; block++) {
      const largest = Math.max(...values.subarray(32 * block, 32 * block + 32).map(Math.abs));
      const scale = halfToFloat(bytes.readUInt16LE(34 * block));
      assert.ok(Math.abs(scale - largest / 127) < largest / 127 / 500);
      for (let i = 0; i < 32; i++) assert.ok(Math.abs(scale * bytes.readInt8(34 * block + 2 + i) - (values[32 * block + i] ?? 0)) <= scale * 0.57);
    }
    assert.throws(() => quantise(loadGgml(), values as Float32Array<ArrayBuffer>, GgmlType.Q8_0, 16), /cannot be stored/);
  });

  it("computes right gradients on this machine", async () => {
    const { ok, maxRelativeError, errors } = await gradientSelfTest();
    assert.ok(ok, JSON.stringify(errors));
    assert.ok(maxRelativeError > 0 && maxRelativeError <= 1e-3);
    assert.deepEqual(Object.keys(errors), ["linear", "rmsNorm", "silu", "softMax", "rope"]);
  });
});

function halfToFloat(half: number): number {
  const exponent = (half >> 10) & 31;
  const mantissa = half & 1023;
  return (half & 0x8000 ? -1 : 1) * (exponent === 0 ? mantissa * 2 ** -24 : (1 + mantissa / 1024) * 2 ** (exponent - 15));
}
