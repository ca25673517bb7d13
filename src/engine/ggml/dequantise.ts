// Conversion of any tensor format of GGUF files to F32, by ggml's own routines.
import { GgmlType } from "../base/ggmlTypes.ts";
import { readFloats, TensorStore, writeTensor } from "./backend.ts";
import type { Backend } from "./backend.ts";
import { CompiledGraph } from "./compiledGraph.ts";
import { GraphBuilder } from "./graph.ts";
import type { Shape } from "./tensor.ts";

/** The F32 values of a matrix [columns, rows] whose `bytes` are in format `type`. */
export function dequantise(backend: Backend, bytes: Uint8Array, type: number, shape: Shape): Float32Array<ArrayBuffer> {
  const nRows = shape[1] ?? 1;
  const store = new TensorStore(backend, 2);
  const matrix = store.declare(type, [shape[0] ?? 1, nRows]);
  const rows = store.declare(GgmlType.I32, [nRows]);
  store.allocate();
  writeTensor(backend, matrix, bytes);
  writeTensor(backend, rows, Int32Array.from({ length: nRows }, (_, i) => i));
  // Fetching every row converts all formats; ggml's cast knows only some.
  const g = new GraphBuilder(backend, 4, false);
  const values = g.output(g.getRows(matrix, rows));
  const graph = new CompiledGraph(backend, g);
  graph.compute();
  const result = readFloats(backend, values);
  graph.close();
  store.close();
  return result;
}
