// The weights of a GGUF model as they are used for training an adapter: each matrix in its file's format (interleaved where the
// processor multiplies that faster), and a transposed copy of each linear for the backward pass, made once at load.
// Nothing of it is ever changed. What is computed with it: adaptedLinear.ts, adaptedNetwork.ts.
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { EngineError } from "../../base/errors.ts";
import { GgmlType, ggmlTypeInfo, tensorBytes } from "../../base/ggmlTypes.ts";
import type { GgufTensorInfo } from "../../base/gguf.ts";
import { TensorStore, writeMatrix, writeTensor, writeTensorPart } from "../../ggml/backend.ts";
import type { Backend } from "../../ggml/backend.ts";
import type { Tensor } from "../../ggml/tensor.ts";
import type { FrozenMatrix } from "./adaptedLinear.ts";
import { linearNames } from "./modelDescription.ts";
import type { LinearName, ModelDescription } from "./modelDescription.ts";
import { Transposer } from "./transposer.ts";

export interface FrozenLayer {
  readonly linears: Readonly<Record<LinearName, FrozenMatrix>>;
  /** Norms by their names in the file, without "blk.N." and ".weight". */
  readonly norms: ReadonlyMap<string, Tensor>;
}

export interface FrozenWeightsOptions {
  /** Whether products of F32 matrices take either operand transposed at full speed (a BLAS): then there are no copies, and matrices stay as the file has them. */
  readonly stridedProducts: boolean;
  /** Whether the processor multiplies interleaved Q4_0 matrices. */
  readonly fastFourBit: boolean;
  /** Format of transposed copies, for measuring; otherwise {@link transposedFormat} chooses. */
  readonly transposedType?: number;
}

/** Bits per weight up to which a matrix counts as one of about four. */
const fourBits = 5.6;

/** Bytes read from the file at once. */
const chunkBytes = 16 << 20;

export class FrozenWeights {
  readonly embedding: Tensor;
  readonly outputNorm: Tensor;
  /** The head: the embedding itself where the model has none of its own. */
  readonly output: FrozenMatrix;
  readonly layers: readonly FrozenLayer[];
  /** Divisors of rotary frequencies, where the file has them. */
  readonly ropeFactors: Tensor | undefined;
  readonly #stores: readonly TensorStore[];

  private constructor(parts: Pick<FrozenWeights, "embedding" | "outputNorm" | "output" | "layers" | "ropeFactors">, stores: readonly TensorStore[]) {
    this.embedding = parts.embedding;
    this.outputNorm = parts.outputNorm;
    this.output = parts.output;
    this.layers = parts.layers;
    this.ropeFactors = parts.ropeFactors;
    this.#stores = stores;
  }

  /** Loads the weights of `file`, whose tensor data begin at `dataOffset`. Errors: `modelTooLarge`, `unreadable`. */
  static async load(backend: Backend, description: ModelDescription, file: string, dataOffset: number, options: FrozenWeightsOptions): Promise<FrozenWeights> {
    const loader = new Loader(backend, description, options);
    try {
      const { tensors } = description;
      const layers = Array.from({ length: description.nLayers }, (_, layer): FrozenLayer => {
        const prefix = `blk.${layer}.`;
        const linears = Object.fromEntries(linearNames.map((name) => [name, loader.linear(`${prefix}${name}`)])) as Record<LinearName, FrozenMatrix>;
        const norms = [...tensors.keys()].filter((name) => name.startsWith(prefix) && name.endsWith("norm.weight"));
        return { linears, norms: new Map(norms.map((name) => [name.slice(prefix.length, -".weight".length), loader.vector(name)])) };
      });
      const embedding = loader.matrix("token_embd.weight");
      const parts = {
        layers, embedding,
        outputNorm: loader.vector("output_norm.weight"),
        output: loader.head(embedding),
        ropeFactors: tensors.has("rope_freqs.weight") ? loader.vector("rope_freqs.weight") : undefined,
      };
      await loader.fill(file, dataOffset);
      return new FrozenWeights(parts, loader.stores);
    } catch (error) {
      for (const store of loader.stores) store.close();
      throw error;
    }
  }

  get sizeBytes(): number {
    return this.#stores.reduce((sum, store) => sum + store.sizeBytes, 0);
  }

  close(): void {
    for (const store of this.#stores) store.close();
  }
}

/**
 * Format of a matrix's transposed copy, or undefined where it gets none. What the copy rounds away turns the gradient a little: against
 * copies in F32, the gradients of an adapter on the embedded base model had the cosine .99998 with Q8_0 and .9976 with Q4_0 (IQ4_NL
 * .9987, but it takes a hundred times as long to make). So bases of about four bits get Q4_0 where that is fast (79 against 56 GFLOP/s
 * a thread on a Cascade Lake Xeon) and small, all others Q8_0.
 */
export function transposedFormat(info: GgufTensorInfo, { stridedProducts, fastFourBit, transposedType }: FrozenWeightsOptions): number | undefined {
  if (stridedProducts) return undefined;
  const [nInputs = 1, nOutputs = 1] = info.shape;
  const bits = (8 * info.sizeBytes) / (nInputs * nOutputs);
  const chosen = transposedType ?? (info.type === GgmlType.F32 ? GgmlType.F32 : fastFourBit && bits < fourBits && nInputs % 8 === 0 ? GgmlType.Q4_0 : GgmlType.Q8_0);
  return nOutputs % (ggmlTypeInfo(chosen)?.blockElements ?? 1) === 0 ? chosen : GgmlType.F16;
}

class Loader {
  readonly #backend: Backend;
  readonly #description: ModelDescription;
  readonly #options: FrozenWeightsOptions;
  readonly #plain: TensorStore;
  readonly #interleaved: TensorStore;
  readonly #rowNumbers: Tensor;
  readonly #targets: { readonly info: GgufTensorInfo; readonly tensor: Tensor; readonly whole: boolean; readonly transposed: boolean }[] = [];

  constructor(backend: Backend, description: ModelDescription, options: FrozenWeightsOptions) {
    this.#backend = backend;
    this.#description = description;
    this.#options = options;
    const maxTensors = 2 * description.tensors.size + 3;
    this.#plain = new TensorStore(backend, maxTensors);
    this.#rowNumbers = this.#plain.declare(GgmlType.I32, [Math.max(description.nVocab, ...[...description.tensors.values()].map(({ shape }) => shape[1] ?? 1))]);
    this.#interleaved = new TensorStore(backend, maxTensors, backend.interleavedBufferType);
  }

  get stores(): readonly TensorStore[] {
    return [this.#plain, this.#interleaved];
  }

  /** A matrix that rows are fetched from, in its file's format. */
  matrix(name: string): Tensor {
    const info = this.#info(name);
    return this.#declare(info, info.type, info.shape, false, false);
  }

  /** A vector, in F32 as everything small is in GGUF files. */
  vector(name: string): Tensor {
    const info = this.#info(name);
    if (info.type !== GgmlType.F32) throw new EngineError("modelForeign", `The model holds ${name} in format ${info.typeName} instead of F32. Convert it again with a current llama.cpp.`, { tensor: name });
    return this.#declare(info, info.type, info.shape, false, false);
  }

  linear(name: string): FrozenMatrix {
    const info = this.#info(`${name}.weight`);
    const bias = this.#description.tensors.has(`${name}.bias`) ? this.vector(`${name}.bias`) : undefined;
    const weight = this.#options.stridedProducts ? this.#declare(info, info.type, info.shape, false, false) : this.#multiplied(info, info.type, info.shape, false);
    return { weight, transposed: this.#transposed(info), bias, rowNumbers: this.#rowNumbers };
  }

  /** Rows of the head are fetched too (for labels), so that it is never interleaved. */
  head(embedding: Tensor): FrozenMatrix {
    const untied = this.#description.tensors.get("output.weight");
    const info = untied ?? this.#info("token_embd.weight");
    return { weight: untied === undefined ? embedding : this.matrix("output.weight"), transposed: this.#transposed(info), bias: undefined, rowNumbers: this.#rowNumbers };
  }

  /** Reads everything that was declared. */
  async fill(file: string, dataOffset: number): Promise<void> {
    for (const store of this.stores) store.allocate();
    writeTensor(this.#backend, this.#rowNumbers, Int32Array.from({ length: this.#rowNumbers.nElements }, (_, i) => i));
    const handle = await open(file, "r");
    const transposer = new Transposer(this.#backend);
    try {
      for (const { info, tensor, whole, transposed } of this.#targets) {
        const read = (firstRow: number, nRows: number): Promise<Uint8Array> => readRows(handle, file, info, dataOffset, firstRow, nRows);
        const nRows = info.shape[1] ?? 1;
        if (transposed) await transposer.transpose(info, tensor, read);
        else if (whole) writeMatrix(this.#backend, tensor, await read(0, nRows));
        else {
          const rowBytes = info.sizeBytes / nRows;
          const step = Math.max(1, Math.floor(chunkBytes / rowBytes));
          for (let row = 0; row < nRows; row += step) writeTensorPart(this.#backend, tensor, await read(row, Math.min(step, nRows - row)), row * rowBytes);
        }
      }
    } finally {
      transposer.close();
      await handle.close();
    }
  }

  #info(name: string): GgufTensorInfo {
    const info = this.#description.tensors.get(name);
    if (info === undefined) throw new EngineError("internal", `The model has no tensor ${name}.`);
    return info;
  }

  #transposed(info: GgufTensorInfo): Tensor | undefined {
    const [nInputs = 1, nOutputs = 1] = info.shape;
    const type = transposedFormat(info, this.#options);
    return type === undefined ? undefined : this.#multiplied(info, type, [nOutputs, nInputs], true);
  }

  /** A matrix that is only ever multiplied. */
  #multiplied(info: GgufTensorInfo, type: number, shape: readonly number[], transposed: boolean): Tensor {
    return this.#declare(info, type, shape, this.#backend.interleaves(type, shape), transposed);
  }

  #declare(info: GgufTensorInfo, type: number, shape: readonly number[], interleaved: boolean, transposed: boolean): Tensor {
    const tensor = (interleaved ? this.#interleaved : this.#plain).declare(type, shape);
    this.#targets.push({ info, tensor, whole: interleaved, transposed });
    return tensor;
  }
}

async function readRows(handle: FileHandle, file: string, info: GgufTensorInfo, dataOffset: number, firstRow: number, nRows: number): Promise<Uint8Array> {
  const type = ggmlTypeInfo(info.type);
  const rowBytes = type && tensorBytes(type, [info.shape[0] ?? 1]);
  if (rowBytes === undefined) throw new EngineError("internal", `Rows of ${info.name} are not whole blocks.`);
  const bytes = new Uint8Array(rowBytes * nRows);
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, dataOffset + info.offset + rowBytes * firstRow + filled);
    if (bytesRead === 0) throw new EngineError("modelTruncated", `${file} ended while ${info.name} was read. Copy or download the model again.`, { file });
    filled += bytesRead;
  }
  return bytes;
}
