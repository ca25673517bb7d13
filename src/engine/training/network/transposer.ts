// Transposed copies of matrices in any format of GGUF files, made in pieces so that no whole matrix ever stands in F32.
import { GgmlType, ggmlTypeInfo } from "../../base/ggmlTypes.ts";
import type { GgufTensorInfo } from "../../base/gguf.ts";
import { readFloats, TensorStore, writeMatrix, writeTensor } from "../../ggml/backend.ts";
import type { Backend } from "../../ggml/backend.ts";
import { CompiledGraph } from "../../ggml/compiledGraph.ts";
import { GraphBuilder } from "../../ggml/graph.ts";
import { quantise } from "../../ggml/quantise.ts";
import type { Tensor } from "../../ggml/tensor.ts";

/** F32 elements of a piece. */
const pieceElements = 4 << 20;
/** Rows of the source per piece are a multiple of this: blocks of every format in the transposed copy stay whole. */
const pieceRows = 256;

interface Piece {
  readonly key: string;
  readonly store: TensorStore;
  readonly source: Tensor;
  readonly result: Tensor;
  readonly graph: CompiledGraph;
}

export class Transposer {
  readonly #backend: Backend;
  #piece: Piece | undefined;

  /** Turns on the processor, whatever `backend` the copies are for. */
  constructor(backend: Backend) {
    this.#backend = backend.processor;
  }

  /** Fills `target` [rows, columns] with the transpose of the matrix `source` [columns, rows], whose rows `read` gives. */
  async transpose(source: GgufTensorInfo, target: Tensor, read: (firstRow: number, nRows: number) => Promise<Uint8Array>): Promise<void> {
    const [nColumns = 1, nRows = 1] = source.shape;
    const type = ggmlTypeInfo(target.type);
    const step = Math.min(nRows, Math.max(pieceRows, Math.floor(pieceElements / nColumns / pieceRows) * pieceRows));
    const bytes = new Uint8Array(target.nBytes);
    const targetRowBytes = bytes.length / nColumns;
    for (let row = 0; row < nRows; row += step) {
      const n = Math.min(step, nRows - row);
      const columns = quantise(this.#backend.library, this.#flip(source.type, nColumns, n, await read(row, n)), target.type as GgmlType, n);
      const partBytes = columns.length / nColumns;
      const at = (row / (type?.blockElements ?? 1)) * (type?.blockBytes ?? 1);
      for (let column = 0; column < nColumns; column++) bytes.set(columns.subarray(column * partBytes, (column + 1) * partBytes), column * targetRowBytes + at);
    }
    writeMatrix(this.#backend, target, bytes);
  }

  /** `bytes` of [nColumns, nRows] in format `type`, as F32 [nRows, nColumns]. */
  #flip(type: number, nColumns: number, nRows: number, bytes: Uint8Array): Float32Array<ArrayBuffer> {
    const key = `${type} ${nColumns} ${nRows}`;
    if (this.#piece?.key !== key) {
      this.close();
      const store = new TensorStore(this.#backend, 3);
      const source = store.declare(type, [nColumns, nRows]);
      const rows = store.declare(GgmlType.I32, [nRows]);
      const result = store.declare(GgmlType.F32, [nRows, nColumns]);
      store.allocate();
      writeTensor(this.#backend, rows, Int32Array.from({ length: nRows }, (_, i) => i));
      const g = new GraphBuilder(this.#backend, 8, false);
      // Fetching every row converts all formats; ggml's cast knows only some.
      g.expand(g.copy(g.transpose(g.getRows(source, rows)), result));
      this.#piece = { key, store, source, result, graph: new CompiledGraph(this.#backend, g) };
    }
    const { source, result, graph } = this.#piece;
    writeTensor(this.#backend, source, bytes);
    graph.compute();
    return readFloats(this.#backend, result);
  }

  close(): void {
    this.#piece?.graph.close();
    this.#piece?.store.close();
    this.#piece = undefined;
  }
}
