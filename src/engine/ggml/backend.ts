// What ggml computes with: the processor with a number of threads, or a GPU (devices.ts finds them), and tensors that live as long
// as their owner wants. Graphs that compute with them: graph.ts. Which of them a run should use is decided above.
import { EngineError } from "../base/errors.ts";
import { GgmlType } from "../base/ggmlTypes.ts";
import type { GpuDevice } from "./devices.ts";
import { loadGgml } from "./library.ts";
import type { BackendPointer, BufferPointer, BufferTypePointer, ContextPointer, DataPointer, DevicePointer, GgmlFunctions, GgmlLibrary, TensorPointer } from "./library.ts";
import { Tensor, shapeOf } from "./tensor.ts";
import type { Shape } from "./tensor.ts";

const deviceTypeCpu = 0;

/** A backend that computes on the processor or on a GPU. */
export class Backend {
  readonly library: GgmlLibrary;
  readonly pointer: BackendPointer;
  readonly bufferType: BufferTypePointer;
  /**
   * Buffers in which some quantised matrices are stored interleaved, for a product about twice as fast; undefined where there are
   * none. Only whole matrices can be written there, and only `mul_mat` can read them: see {@link Backend.interleaves}.
   */
  readonly interleavedBufferType: BufferTypePointer | undefined;
  readonly #device: DevicePointer;
  readonly #interleaves = new Map<string, boolean>();
  /** The device in words ("Intel Xeon …", "NVIDIA …"), for logs. */
  readonly name: string;
  readonly nThreads: number;
  /** The processor's backend: this one, or where this is a GPU's one that belongs to it, for what is done once at load. */
  readonly processor: Backend;

  private constructor(library: GgmlLibrary, pointer: BackendPointer, device: DevicePointer, bufferType: BufferTypePointer, interleaved: BufferTypePointer | undefined, name: string, nThreads: number, processor?: Backend) {
    this.library = library;
    this.pointer = pointer;
    this.#device = device;
    this.bufferType = bufferType;
    this.interleavedBufferType = interleaved;
    this.name = name;
    this.nThreads = nThreads;
    this.processor = processor ?? this;
  }

  /** Opens `gpu`, with a processor of `nThreads` threads beside it. Errors: `nativeMissing` where its driver refuses. */
  static gpu(gpu: GpuDevice, nThreads: number): Backend {
    const processor = Backend.cpu(nThreads);
    const { library, functions } = processor;
    let pointer: BackendPointer | null = null;
    library.quietly(() => { pointer = functions.ggml_backend_dev_init(gpu.pointer, null); });
    const bufferType = pointer && functions.ggml_backend_get_default_buffer_type(pointer);
    if (pointer === null || bufferType === null) {
      processor.close();
      throw new EngineError("nativeMissing", `The GPU ${gpu.description} does not open.`);
    }
    return new Backend(library, pointer, gpu.pointer, bufferType, undefined, gpu.description, nThreads, processor);
  }

  get isGpu(): boolean {
    return this.processor !== this;
  }

  /** Whether this backend computes the operation that `result` is the result of. The processor computes all that graph.ts builds. */
  computes(result: TensorPointer): boolean {
    return !this.isGpu || this.functions.ggml_backend_dev_supports_op(this.#device, result);
  }

  /** Opens the processor with `nThreads` threads (≥ 1). Errors: `nativeMissing`. */
  static cpu(nThreads: number): Backend {
    const library = loadGgml();
    const { functions } = library;
    let device = functions.ggml_backend_dev_by_type(deviceTypeCpu);
    if (device === null) {
      library.quietly(() => functions.ggml_backend_load_all_from_path(library.folder));
      device = functions.ggml_backend_dev_by_type(deviceTypeCpu);
    }
    const missing = (what: string): EngineError => new EngineError("nativeMissing", `The ggml libraries in ${library.folder} have ${what}. Install KaLactica again.`);
    if (device === null) throw missing("no variant for this processor");
    const pointer = functions.ggml_backend_dev_init(device, null);
    const registry = functions.ggml_backend_dev_backend_reg(device);
    const bufferType = pointer && functions.ggml_backend_get_default_buffer_type(pointer);
    const setThreads = registry && functions.ggml_backend_reg_get_proc_address(registry, "ggml_backend_set_n_threads");
    if (pointer === null || bufferType === null || setThreads === null) throw missing("a processor backend that does not open");
    library.callSetter(setThreads, pointer, nThreads);
    const extra = registry && functions.ggml_backend_reg_get_proc_address(registry, "ggml_backend_dev_get_extra_bufts");
    const interleaved = extra === null ? undefined : library.callBufferTypes(extra, device).find((type) => functions.ggml_backend_buft_name(type) === "CPU_REPACK");
    return new Backend(library, pointer, device, bufferType, interleaved, functions.ggml_backend_dev_description(device), nThreads);
  }

  /**
   * Whether a matrix of `type` and `shape` can be multiplied from {@link interleavedBufferType} on this processor. Asked of ggml
   * itself with a matrix of the same type and number of rows modulo 64: one that it cannot interleave would end the process.
   */
  interleaves(type: number, shape: Shape): boolean {
    if (this.interleavedBufferType === undefined) return false;
    const nRows = 64 + (shape[1] ?? 1) % 64;
    const key = `${type} ${nRows}`;
    let known = this.#interleaves.get(key);
    if (known === undefined) {
      known = this.#probeInterleaving(type, nRows, this.interleavedBufferType);
      this.#interleaves.set(key, known);
    }
    return known;
  }

  #probeInterleaving(type: number, nRows: number, bufferType: BufferTypePointer): boolean {
    const { functions } = this;
    const rowLength = 256; // a whole number of blocks in every format
    const matrices = new TensorStore(this, 1, bufferType);
    const inputs = new TensorStore(this, 1);
    const context = openContext(functions, 1, 0);
    try {
      const matrix = matrices.declare(type, [rowLength, nRows]);
      const input = inputs.declare(GgmlType.F32, [rowLength, 4]);
      matrices.allocate();
      inputs.allocate();
      const product = functions.ggml_mul_mat(context, matrix.pointer, input.pointer);
      return product !== null && functions.ggml_backend_dev_supports_op(this.#device, product);
    } finally {
      functions.ggml_free(context);
      matrices.close();
      inputs.close();
    }
  }

  get functions(): GgmlFunctions {
    return this.library.functions;
  }

  close(): void {
    this.functions.ggml_backend_free(this.pointer);
    if (this.isGpu) this.processor.close();
  }
}

/** Tensors with memory of their own (weights, gradients, inputs). Declare all, `allocate` once, `close` at the end. */
export class TensorStore {
  readonly #backend: Backend;
  readonly #context: ContextPointer;
  readonly #bufferType: BufferTypePointer;
  #buffer: BufferPointer | undefined;
  #nDeclared = 0;

  /** `maxTensors` bounds how many tensors can be declared. */
  constructor(backend: Backend, maxTensors: number, bufferType: BufferTypePointer = backend.bufferType) {
    this.#backend = backend;
    this.#bufferType = bufferType;
    this.#context = openContext(backend.functions, maxTensors, 0);
  }

  /** Declares a tensor of `type` and `shape` (innermost dimension first). */
  declare(type: number, shape: Shape): Tensor {
    if (this.#buffer !== undefined) throw new EngineError("internal", "A tensor was declared after its store had been allocated.");
    const full = shapeOf(shape);
    this.#nDeclared++;
    return Tensor.of(this.#backend.functions.ggml_new_tensor_4d(this.#context, type, ...full), type, full, "ggml_new_tensor");
  }

  /** Gives every declared tensor its memory, all zero. Errors: `modelTooLarge` where memory is short. */
  allocate(): void {
    if (this.#nDeclared === 0) return;
    const { functions } = this.#backend;
    const buffer = functions.ggml_backend_alloc_ctx_tensors_from_buft(this.#context, this.#bufferType);
    if (buffer === null) throw new EngineError("modelTooLarge", "There is not enough memory for the model's weights. Close other programs, or choose a smaller model.");
    functions.ggml_backend_buffer_clear(buffer, 0);
    this.#buffer = buffer;
  }

  /** After {@link allocate}: another tensor in the memory of `room`, a tensor of this store, from `offsetBytes`. Counts as declared. */
  window(room: Tensor, shape: Shape, offsetBytes: number): Tensor {
    const full = shapeOf(shape);
    const tensor = Tensor.of(this.#backend.functions.ggml_new_tensor_4d(this.#context, room.type, ...full), room.type, full, "ggml_new_tensor");
    this.place(tensor, room, offsetBytes);
    return tensor;
  }

  /** Makes `result`, an operation's tensor that has no memory yet, stand in that of `room`, a tensor of this store. */
  place(result: Tensor, room: Tensor, offsetBytes = 0): void {
    const { functions } = this.#backend;
    const address = functions.ggml_get_data(room.pointer);
    if (this.#buffer === undefined || address === null || offsetBytes < 0 || offsetBytes + result.nBytes > room.nBytes) {
      throw new EngineError("internal", `A result of ${result.nBytes} bytes cannot stand in a tensor of ${room.nBytes} from ${offsetBytes}.`);
    }
    if (functions.ggml_backend_tensor_alloc(this.#buffer, result.pointer, (address + BigInt(offsetBytes)) as DataPointer) !== 0) throw new EngineError("internal", "ggml gave a result no memory.");
  }

  get sizeBytes(): number {
    return this.#buffer === undefined ? 0 : this.#backend.functions.ggml_backend_buffer_get_size(this.#buffer);
  }

  close(): void {
    if (this.#buffer !== undefined) this.#backend.functions.ggml_backend_buffer_free(this.#buffer);
    this.#buffer = undefined;
    this.#backend.functions.ggml_free(this.#context);
  }
}

/** Opens a context that holds descriptions of `maxTensors` tensors and `graphBytes` of graphs, but no tensor data. */
export function openContext(functions: GgmlFunctions, maxTensors: number, graphBytes: number): ContextPointer {
  const memory = (maxTensors + 1) * functions.ggml_tensor_overhead() + graphBytes + 4096;
  const context = functions.ggml_init({ mem_size: memory, mem_buffer: null, no_alloc: true });
  if (context === null) throw new EngineError("modelTooLarge", "There is not enough memory to describe the model's computation.");
  return context;
}

/** Copies `data` into a part of `tensor`, from `offsetBytes`. */
export function writeTensorPart(backend: Backend, tensor: Tensor, data: Uint8Array, offsetBytes: number): void {
  if (offsetBytes < 0 || offsetBytes + data.byteLength > tensor.nBytes) throw new EngineError("internal", `Bytes ${offsetBytes} to ${offsetBytes + data.byteLength} of a tensor of ${tensor.nBytes} were written.`);
  backend.functions.ggml_backend_tensor_set(tensor.pointer, data, offsetBytes, data.byteLength);
}

/** Copies `data` into `tensor`, whose size in bytes must be the same. */
export function writeTensor(backend: Backend, tensor: Tensor, data: Float32Array | Int32Array | Uint8Array): void {
  if (data.byteLength !== tensor.nBytes) throw new EngineError("internal", `A tensor of ${tensor.nBytes} bytes was given ${data.byteLength}.`);
  backend.functions.ggml_backend_tensor_set(tensor.pointer, data, 0, data.byteLength);
}

/** Like {@link writeTensor}, for a matrix that may be interleaved on the way, which ggml would tell on standard error. */
export function writeMatrix(backend: Backend, tensor: Tensor, data: Uint8Array): void {
  backend.library.quietly(() => {
    writeTensor(backend, tensor, data);
  });
}

/** Copies a whole F32 tensor out, into `into` where that is given. */
export function readFloats(backend: Backend, tensor: Tensor, into: Float32Array<ArrayBuffer> = new Float32Array(tensor.nElements)): Float32Array<ArrayBuffer> {
  if (into.byteLength !== tensor.nBytes) throw new EngineError("internal", `A tensor of ${tensor.nBytes} bytes was read into ${into.byteLength}.`);
  backend.functions.ggml_backend_tensor_get(tensor.pointer, into, 0, into.byteLength);
  return into;
}

/** Sets every byte of `tensor` to zero. */
export function zeroTensor(backend: Backend, tensor: Tensor): void {
  backend.functions.ggml_backend_tensor_memset(tensor.pointer, 0, 0, tensor.nBytes);
}
