// Writes a model into which an adapter is merged: W + (alpha / rank) · B·A for the matrices that it changes, in the number
// format that each had; everything else is copied bit by bit. Works through slices of rows, so that a model of any size
// takes the memory of a slice. It does not judge whether what quantising loses matters: the result says how much that is.
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { EngineError, throwIfCancelled } from "../../base/errors.ts";
import { GgmlType, ggmlTypeInfo, tensorBytes } from "../../base/ggmlTypes.ts";
import { readGguf } from "../../base/gguf.ts";
import type { GgufFile, GgufTensorInfo } from "../../base/gguf.ts";
import { entriesOf, GgufWriter } from "../../base/ggufWriter.ts";
import { Backend, readFloats, TensorStore, writeTensor } from "../../ggml/backend.ts";
import { CompiledGraph } from "../../ggml/compiledGraph.ts";
import { GraphBuilder } from "../../ggml/graph.ts";
import { quantise } from "../../ggml/quantise.ts";
import { requireFit } from "./loraFile.ts";
import type { LoraAdapter, LoraPair } from "./loraFile.ts";

export interface MergeOptions {
  readonly threads: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  /** Elements converted at once. Default: 4 million (48 MB in all). */
  readonly sliceElements?: number;
}

export interface MergeReport {
  /** Matrices that were changed. */
  readonly merged: number;
  /** Matrices whose own format cannot be written without statistics of the data that it was made with, and what they became. */
  readonly converted: readonly { readonly name: string; readonly from: string; readonly to: string }[];
  /** Norm of what the file's number formats lose of the merged weights, relative to the norm of the change itself. */
  readonly relativeLoss: number;
}

const defaultSliceElements = 1 << 22;
/** Bytes copied at once. */
const copyBytes = 1 << 23;

/** Formats that ggml writes without statistics of activations; from the others a merged matrix goes to Q8_0. */
const writable: ReadonlySet<string> = new Set(["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "MXFP4"]);

/**
 * Merges `adapter` into the model at `baseFile` and writes the result to `outFile`, atomically.
 * Errors: those of reading GGUF files; `dataInvalid` where the adapter does not fit; `diskFull`; CancelledError.
 */
export async function mergeAdapter(baseFile: string, adapter: LoraAdapter, outFile: string, options: MergeOptions): Promise<MergeReport> {
  const base = await readGguf(baseFile);
  requireFit({ facts: adapter.facts, targets: adapter.pairs }, base, baseFile);
  const pairs = new Map(adapter.pairs.map((pair) => [pair.target, pair]));
  const types = new Map(base.tensors.map((tensor) => [tensor.name, pairs.has(tensor.name) ? writtenType(tensor) : tensor.type]));
  const total = base.tensors.reduce((sum, tensor) => sum + tensor.sizeBytes, 0);
  const totals = { loss: 0, change: 0 };
  const backend = Backend.cpu(options.threads);
  const source = await open(baseFile, "r");
  try {
    const writer = await GgufWriter.create(outFile, entriesOf(base), base.tensors.map((tensor) => ({ ...tensor, type: types.get(tensor.name) ?? tensor.type })));
    try {
      let done = 0;
      for (const tensor of base.tensors) {
        throwIfCancelled(options.signal);
        const pair = pairs.get(tensor.name);
        await writer.writeTensor(pair === undefined ? copied(source, base, tensor, options) : merged(source, base, tensor, pair, adapter.facts.alpha / pair.rank, types.get(tensor.name) ?? tensor.type, backend, options, totals));
        done += tensor.sizeBytes;
        options.onProgress?.(done, total);
      }
      await writer.finish();
    } catch (error) {
      await writer.discard();
      throw error;
    }
  } finally {
    await source.close();
    backend.close();
  }
  const converted = base.tensors.flatMap(({ name, type, typeName }) => (types.get(name) === type ? [] : [{ name, from: typeName, to: ggmlTypeInfo(types.get(name) ?? type)?.name ?? "" }]));
  return { merged: pairs.size, converted, relativeLoss: totals.change === 0 ? 0 : Math.sqrt(totals.loss / totals.change) };
}

function writtenType(tensor: GgufTensorInfo): number {
  if (writable.has(tensor.typeName)) return tensor.type;
  return (tensor.shape[0] ?? 1) % 32 === 0 ? GgmlType.Q8_0 : GgmlType.F16;
}

async function* copied(source: FileHandle, base: GgufFile, tensor: GgufTensorInfo, options: MergeOptions): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < tensor.sizeBytes; at += copyBytes) {
    throwIfCancelled(options.signal);
    yield await bytesAt(source, base.dataOffset + tensor.offset + at, Math.min(copyBytes, tensor.sizeBytes - at));
  }
}

async function* merged(
  source: FileHandle, base: GgufFile, tensor: GgufTensorInfo, pair: LoraPair, scale: number, type: number,
  backend: Backend, options: MergeOptions, totals: { loss: number; change: number },
): AsyncGenerator<Uint8Array> {
  const [nColumns = 1, nRows = 1] = tensor.shape;
  const info = ggmlTypeInfo(tensor.type);
  const rowBytes = info && tensorBytes(info, [nColumns]);
  if (rowBytes === undefined) throw new EngineError("internal", `The rows of "${tensor.name}" have no size.`);
  const rowsAtOnce = Math.max(1, Math.min(nRows, Math.floor((options.sliceElements ?? defaultSliceElements) / nColumns)));
  for (let row = 0; row < nRows; row += rowsAtOnce) {
    throwIfCancelled(options.signal);
    const rows = Math.min(rowsAtOnce, nRows - row);
    const bytes = await bytesAt(source, base.dataOffset + tensor.offset + row * rowBytes, rows * rowBytes);
    const { sum, change } = addLowRank(backend, bytes, tensor.type, nColumns, rows, pair.a, pair.b.subarray(row * pair.rank, (row + rows) * pair.rank), scale);
    const written = quantise(backend.library, sum, type as GgmlType, nColumns);
    totals.change += change;
    if (type !== GgmlType.F32) totals.loss += squaredDistance(backend, written, type, nColumns, rows, sum);
    yield written;
  }
}

/** W + scale·B·A of a slice of rows in F32, and the squared norm of scale·B·A. */
function addLowRank(backend: Backend, weights: Uint8Array, type: number, nColumns: number, nRows: number, a: Float32Array, b: Float32Array, scale: number): { sum: Float32Array<ArrayBuffer>; change: number } {
  const rank = b.length / nRows;
  const store = new TensorStore(backend, 4);
  const w = store.declare(type, [nColumns, nRows]);
  const rows = store.declare(GgmlType.I32, [nRows]);
  const aTensor = store.declare(GgmlType.F32, [nColumns, rank]);
  const bTensor = store.declare(GgmlType.F32, [rank, nRows]);
  store.allocate();
  writeTensor(backend, w, weights);
  writeTensor(backend, rows, Int32Array.from({ length: nRows }, (_, i) => i));
  writeTensor(backend, aTensor, Float32Array.from(a));
  writeTensor(backend, bTensor, Float32Array.from(b));
  const g = new GraphBuilder(backend, 16, false);
  // Fetching every row converts all formats.
  const change = g.output(g.scale(g.mulMat(g.cont(g.transpose(aTensor)), bTensor), scale));
  const sum = g.output(g.add(g.getRows(w, rows), change));
  const graph = new CompiledGraph(backend, g);
  try {
    graph.compute();
    return { sum: readFloats(backend, sum), change: squaredNorm(readFloats(backend, change)) };
  } finally {
    graph.close();
    store.close();
  }
}

function squaredDistance(backend: Backend, bytes: Uint8Array, type: number, nColumns: number, nRows: number, values: Float32Array): number {
  const { sum } = addLowRank(backend, bytes, type, nColumns, nRows, new Float32Array(nColumns), new Float32Array(nRows), 0);
  let total = 0;
  for (let i = 0; i < values.length; i++) total += ((sum[i] ?? 0) - (values[i] ?? 0)) ** 2;
  return total;
}

function squaredNorm(values: Float32Array): number {
  let total = 0;
  for (const value of values) total += value * value;
  return total;
}

async function bytesAt(source: FileHandle, position: number, nBytes: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(nBytes);
  let filled = 0;
  while (filled < nBytes) {
    const { bytesRead } = await source.read(bytes, filled, nBytes - filled, position + filled);
    if (bytesRead === 0) throw new EngineError("modelTruncated", "The base model's file ended while it was being read. Copy or download it again.");
    filled += bytesRead;
  }
  return bytes;
}
