// The processor as ggml sees it: one backend with a number of threads, and tensors that live as long as their owner wants.
// Graphs that compute with them: graph.ts. GPU backends are not opened here yet; everything above takes a Backend as given.
import { EngineError } from "../base/errors.ts";
import { loadGgml } from "./library.ts";
import type { BackendPointer, BufferPointer, BufferTypePointer, ContextPointer, GgmlFunctions, GgmlLibrary } from "./library.ts";
import { Tensor, shapeOf } from "./tensor.ts";
import type { Shape } from "./tensor.ts";

const deviceTypeCpu = 0;

/** A backend that computes on the processor. */
export class Backend {
  readonly library: GgmlLibrary;
  readonly pointer: BackendPointer;
  readonly bufferType: BufferTypePointer;
  /** The processor's library that ggml chose ("CPU"), for logs. */
  readonly name: string;
  readonly nThreads: number;

  private constructor(library: GgmlLibrary, pointer: BackendPointer, bufferType: BufferTypePointer, name: string, nThreads: number) {
    this.library = library;
    this.pointer = pointer;
    this.bufferType = bufferType;
    this.name = name;
    this.nThreads = nThreads;
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
    return new Backend(library, pointer, bufferType, functions.ggml_backend_dev_description(device), nThreads);
  }

  get functions(): GgmlFunctions {
    return this.library.functions;
  }

  close(): void {
    this.functions.ggml_backend_free(this.pointer);
  }
}

/** Tensors with memory of their own (weights, gradients, inputs). Declare all, `allocate` once, `close` at the end. */
export class TensorStore {
  readonly #backend: Backend;
  readonly #context: ContextPointer;
  #buffer: BufferPointer | undefined;

  /** `maxTensors` bounds how many tensors can be declared. */
  constructor(backend: Backend, maxTensors: number) {
    this.#backend = backend;
    this.#context = openContext(backend.functions, maxTensors, 0);
  }

  /** Declares a tensor of `type` and `shape` (innermost dimension first). */
  declare(type: number, shape: Shape): Tensor {
    if (this.#buffer !== undefined) throw new EngineError("internal", "A tensor was declared after its store had been allocated.");
    const full = shapeOf(shape);
    return Tensor.of(this.#backend.functions.ggml_new_tensor_4d(this.#context, type, ...full), type, full, "ggml_new_tensor");
  }

  /** Gives every declared tensor its memory, all zero. Errors: `modelTooLarge` where memory is short. */
  allocate(): void {
    const { functions, pointer } = this.#backend;
    const buffer = functions.ggml_backend_alloc_ctx_tensors(this.#context, pointer);
    if (buffer === null) throw new EngineError("modelTooLarge", "There is not enough memory for the model's weights. Close other programs, or choose a smaller model.");
    functions.ggml_backend_buffer_clear(buffer, 0);
    this.#buffer = buffer;
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

/** Copies `data` into `tensor`, whose size in bytes must be the same. */
export function writeTensor(backend: Backend, tensor: Tensor, data: Float32Array | Int32Array | Uint8Array): void {
  if (data.byteLength !== tensor.nBytes) throw new EngineError("internal", `A tensor of ${tensor.nBytes} bytes was given ${data.byteLength}.`);
  backend.functions.ggml_backend_tensor_set(tensor.pointer, data, 0, data.byteLength);
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
