// Matrix products of training, by number format and by library: where ggml's own product stands against a BLAS.
//   node test/bench/trainMatmul.ts [--blas FILE]
// One thread; the best of repeated runs, in GFLOP/s. The figures in src/engine/ggml/blas.ts come from here.
import { parseArgs } from "node:util";
import { GgmlType } from "../../src/engine/base/ggmlTypes.ts";
import { Backend, TensorStore } from "../../src/engine/ggml/backend.ts";
import { Blas } from "../../src/engine/ggml/blas.ts";
import { CompiledGraph } from "../../src/engine/ggml/compiledGraph.ts";
import { GraphBuilder } from "../../src/engine/ggml/graph.ts";

const { values } = parseArgs({ options: { blas: { type: "string" } } });
const backend = Backend.cpu(1);
const blas = Blas.open(1, values.blas);
console.log(`${backend.name}; llama.cpp ${backend.library.release}; BLAS: ${blas?.file ?? "none found"}`);

/** GFLOP/s of aᵀ·b with a [k, m] in `type`, b [k, n] in F32. */
function measure(type: number, k: number, m: number, n: number, library: Blas | undefined): number {
  const store = new TensorStore(backend, 2);
  const a = store.declare(type, [k, m]);
  const b = store.declare(GgmlType.F32, [k, n]);
  store.allocate();
  const g = new GraphBuilder(backend, 8, library !== undefined);
  g.expand(g.mulMat(a, b));
  const graph = new CompiledGraph(backend, g, library);
  let best = Infinity;
  const until = performance.now() + 300;
  while (performance.now() < until) {
    const began = performance.now();
    graph.compute();
    best = Math.min(best, performance.now() - began);
  }
  graph.close();
  store.close();
  return (2 * k * m * n) / best / 1e6;
}

const shapes: [k: number, m: number, n: number][] = [[192, 512, 1024], [192, 8192, 256], [1024, 192, 512], [256, 704, 2048], [1024, 1024, 1024]];
for (const [k, m, n] of shapes) {
  const figures = (["F32", "F16", "BF16", "Q8_0"] as const).map((name) => `${name} ${measure(GgmlType[name], k, m, n, undefined).toFixed(0)}`);
  if (blas !== undefined) figures.push(`BLAS F32 ${measure(GgmlType.F32, k, m, n, blas).toFixed(0)}`);
  console.log(`k ${k}, m ${m}, n ${n}:  ${figures.join("  ")}  GFLOP/s`);
}
backend.close();
