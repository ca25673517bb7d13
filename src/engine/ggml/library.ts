// Finds the prebuilt ggml libraries that node-llama-cpp ships and binds the C functions this engine needs, typed.
// It knows nothing of tensors' meaning, and it reads no field of any C structure: only exported functions are called,
// so that an update of llama.cpp can break a name (found here, at load) but never a memory layout.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import koffi from "koffi";
import { EngineError } from "../base/errors.ts";
import { ggmlTypes } from "../base/ggmlTypes.ts";

declare const brand: unique symbol;
type Pointer<Name extends string> = bigint & { readonly [brand]: Name };

export type ContextPointer = Pointer<"ggml_context">;
export type TensorPointer = Pointer<"ggml_tensor">;
export type GraphPointer = Pointer<"ggml_cgraph">;
export type AllocatorPointer = Pointer<"ggml_gallocr">;
export type BufferPointer = Pointer<"ggml_backend_buffer">;
export type BufferTypePointer = Pointer<"ggml_backend_buffer_type">;
export type BackendPointer = Pointer<"ggml_backend">;
export type DevicePointer = Pointer<"ggml_backend_dev">;
export type RegistryPointer = Pointer<"ggml_backend_reg">;
export type FunctionPointer = Pointer<"function">;
export type DataPointer = Pointer<"data">;

/** Memory that C reads or writes during a call. */
type Bytes = ArrayBufferView;
type Context = ContextPointer;
type T = TensorPointer;

/** The C functions, under their C names. Those that return a pointer give null for NULL. */
export interface GgmlFunctions {
  ggml_init(params: { mem_size: number; mem_buffer: null; no_alloc: boolean }): ContextPointer | null;
  ggml_free(context: Context): void;
  ggml_tensor_overhead(): number;
  ggml_graph_overhead_custom(size: number, gradients: boolean): number;
  ggml_type_name(type: number): string;
  ggml_type_size(type: number): number;
  ggml_blck_size(type: number): number;
  ggml_get_data(tensor: T): DataPointer | null;
  ggml_op_desc(tensor: T): string;
  ggml_set_output(tensor: T): void;
  ggml_set_param(tensor: T): void;
  ggml_quantize_chunk(type: number, from: Bytes, to: Bytes, start: number, nRows: number, rowLength: number, importance: null): number;

  ggml_new_tensor_4d(context: Context, type: number, n0: number, n1: number, n2: number, n3: number): T | null;
  ggml_add(context: Context, a: T, b: T): T | null;
  ggml_add_inplace(context: Context, a: T, b: T): T | null;
  ggml_mul(context: Context, a: T, b: T): T | null;
  ggml_div(context: Context, a: T, b: T): T | null;
  ggml_scale(context: Context, a: T, factor: number): T | null;
  ggml_scale_bias(context: Context, a: T, factor: number, bias: number): T | null;
  ggml_sqrt(context: Context, a: T): T | null;
  ggml_log(context: Context, a: T): T | null;
  ggml_repeat_back(context: Context, a: T, like: T): T | null;
  ggml_silu(context: Context, a: T): T | null;
  ggml_silu_back(context: Context, gradient: T, a: T): T | null;
  ggml_swiglu_split(context: Context, gate: T, up: T): T | null;
  ggml_geglu_split(context: Context, gate: T, up: T): T | null;
  ggml_tanh(context: Context, a: T): T | null;
  ggml_rms_norm(context: Context, a: T, epsilon: number): T | null;
  ggml_rms_norm_back(context: Context, gradient: T, a: T, epsilon: number): T | null;
  ggml_sum_rows(context: Context, a: T): T | null;
  ggml_sigmoid(context: Context, a: T): T | null;
  ggml_mul_mat(context: Context, a: T, b: T): T | null;
  ggml_out_prod(context: Context, a: T, b: T): T | null;
  ggml_cont(context: Context, a: T): T | null;
  ggml_cpy(context: Context, from: T, to: T): T | null;
  ggml_transpose(context: Context, a: T): T | null;
  ggml_permute(context: Context, a: T, axis0: number, axis1: number, axis2: number, axis3: number): T | null;
  ggml_reshape_4d(context: Context, a: T, n0: number, n1: number, n2: number, n3: number): T | null;
  ggml_view_4d(context: Context, a: T, n0: number, n1: number, n2: number, n3: number, stride1: number, stride2: number, stride3: number, offset: number): T | null;
  ggml_get_rows(context: Context, a: T, rows: T): T | null;
  ggml_get_rows_back(context: Context, gradient: T, rows: T, like: T): T | null;
  ggml_set_rows(context: Context, a: T, values: T, rows: T): T | null;
  ggml_soft_max_inplace(context: Context, a: T): T | null;
  ggml_soft_max_ext_inplace(context: Context, a: T, mask: T | null, scale: number, maxBias: number): T | null;
  ggml_soft_max_ext_back_inplace(context: Context, gradient: T, softMax: T, scale: number, maxBias: number): T | null;
  ggml_rope_ext(...rope: RopeArguments): T | null;
  ggml_rope_ext_back(...rope: RopeArguments): T | null;
  ggml_opt_step_adamw(context: Context, weights: T, gradient: T, mean: T, variance: T, parameters: T): T | null;

  ggml_new_graph_custom(context: Context, size: number, gradients: boolean): GraphPointer | null;
  ggml_build_forward_expand(graph: GraphPointer, tensor: T): void;
  ggml_graph_add_node(graph: GraphPointer, tensor: T): void;
  ggml_graph_n_nodes(graph: GraphPointer): number;
  ggml_graph_node(graph: GraphPointer, index: number): T | null;
  ggml_gallocr_new(type: BufferTypePointer): AllocatorPointer | null;
  ggml_gallocr_free(allocator: AllocatorPointer): void;
  ggml_gallocr_reserve(allocator: AllocatorPointer, graph: GraphPointer): boolean;
  ggml_gallocr_alloc_graph(allocator: AllocatorPointer, graph: GraphPointer): boolean;
  ggml_gallocr_get_buffer_size(allocator: AllocatorPointer, buffer: number): number;

  ggml_backend_alloc_ctx_tensors(context: Context, backend: BackendPointer): BufferPointer | null;
  ggml_backend_alloc_ctx_tensors_from_buft(context: Context, type: BufferTypePointer): BufferPointer | null;
  ggml_backend_tensor_alloc(buffer: BufferPointer, tensor: T, address: DataPointer): number;
  ggml_backend_buft_name(type: BufferTypePointer): string;
  ggml_backend_buffer_free(buffer: BufferPointer): void;
  ggml_backend_buffer_get_size(buffer: BufferPointer): number;
  ggml_backend_buffer_clear(buffer: BufferPointer, value: number): void;
  ggml_backend_get_default_buffer_type(backend: BackendPointer): BufferTypePointer | null;
  ggml_backend_graph_compute(backend: BackendPointer, graph: GraphPointer): number;
  ggml_backend_tensor_set(tensor: T, data: Bytes, offset: number, nBytes: number): void;
  ggml_backend_tensor_get(tensor: T, data: Bytes, offset: number, nBytes: number): void;
  ggml_backend_tensor_memset(tensor: T, value: number, offset: number, nBytes: number): void;
  ggml_backend_free(backend: BackendPointer): void;
  ggml_backend_dev_init(device: DevicePointer, parameters: string | null): BackendPointer | null;
  ggml_backend_dev_name(device: DevicePointer): string;
  ggml_backend_dev_description(device: DevicePointer): string;
  ggml_backend_dev_type(device: DevicePointer): number;
  /** Writes the free and the total bytes as two uint64. */
  ggml_backend_dev_memory(device: DevicePointer, free: Bytes, total: Bytes): void;
  ggml_backend_dev_supports_op(device: DevicePointer, operation: T): boolean;
  ggml_backend_dev_backend_reg(device: DevicePointer): RegistryPointer | null;
  ggml_backend_reg_get_proc_address(registry: RegistryPointer, name: string): FunctionPointer | null;
  ggml_backend_reg_name(registry: RegistryPointer): string;
  ggml_backend_reg_dev_count(registry: RegistryPointer): number;
  ggml_backend_reg_dev_get(registry: RegistryPointer, index: number): DevicePointer | null;
  ggml_backend_load_all_from_path(folder: string): void;
  ggml_backend_dev_by_type(type: number): DevicePointer | null;
}

type RopeArguments = [
  context: Context, a: T, positions: T, frequencyFactors: T | null, nDimensions: number, mode: number, originalContext: number,
  frequencyBase: number, frequencyScale: number, extrapolation: number, attentionFactor: number, betaFast: number, betaSlow: number,
];

const logCallback = koffi.proto("void kalactica_ggml_log(int, const char *, void *)");

/** The one structure that is passed by value. */
koffi.struct("kalactica_ggml_init_params", { mem_size: "size_t", mem_buffer: "void *", no_alloc: "bool" });

const backendSetter = koffi.proto("void kalactica_backend_setter(void *, int)");
const bufferTypesGetter = koffi.proto("void * kalactica_buffer_types_getter(void *)");
/** More extra buffer types than any ggml release has; bounds the search for the terminating NULL. */
const maxBufferTypes = 16;

// Shorthand of the table below: p pointer, i int, l int64_t, z size_t, f float, b bool, s string, v void, u uint8_t.
const cTypes: Readonly<Record<string, string>> = {
  p: "void *", i: "int", l: "int64_t", z: "size_t", f: "float", b: "bool", s: "str", v: "void", u: "uint8_t", I: "kalactica_ggml_init_params",
};

/** "result arguments" of every function, one letter each. */
const signatures: Readonly<Record<keyof GgmlFunctions, string>> = {
  ggml_init: "p I", ggml_free: "v p", ggml_tensor_overhead: "z ", ggml_graph_overhead_custom: "z zb",
  ggml_type_name: "s i", ggml_type_size: "z i", ggml_blck_size: "l i", ggml_get_data: "p p", ggml_op_desc: "s p",
  ggml_set_output: "v p", ggml_set_param: "v p", ggml_quantize_chunk: "z ipplllp",
  ggml_new_tensor_4d: "p pillll",
  ggml_add: "p ppp", ggml_add_inplace: "p ppp", ggml_mul: "p ppp", ggml_div: "p ppp",
  ggml_scale: "p ppf", ggml_scale_bias: "p ppff",
  ggml_sqrt: "p pp", ggml_log: "p pp",
  ggml_repeat_back: "p ppp",
  ggml_silu: "p pp", ggml_silu_back: "p ppp", ggml_swiglu_split: "p ppp", ggml_geglu_split: "p ppp", ggml_tanh: "p pp",
  ggml_rms_norm: "p ppf", ggml_rms_norm_back: "p pppf",
  ggml_sum_rows: "p pp", ggml_sigmoid: "p pp",
  ggml_mul_mat: "p ppp", ggml_out_prod: "p ppp",
  ggml_cont: "p pp", ggml_cpy: "p ppp", ggml_transpose: "p pp", ggml_permute: "p ppiiii",
  ggml_reshape_4d: "p ppllll", ggml_view_4d: "p ppllllzzzz",
  ggml_get_rows: "p ppp", ggml_get_rows_back: "p pppp", ggml_set_rows: "p pppp",
  ggml_soft_max_inplace: "p pp", ggml_soft_max_ext_inplace: "p pppff",
  ggml_soft_max_ext_back_inplace: "p pppff",
  ggml_rope_ext: "p ppppiiiffffff", ggml_rope_ext_back: "p ppppiiiffffff",
  ggml_opt_step_adamw: "p pppppp",
  ggml_new_graph_custom: "p pzb", ggml_build_forward_expand: "v pp", ggml_graph_add_node: "v pp",
  ggml_graph_n_nodes: "i p", ggml_graph_node: "p pi",
  ggml_gallocr_new: "p p", ggml_gallocr_free: "v p", ggml_gallocr_reserve: "b pp", ggml_gallocr_alloc_graph: "b pp", ggml_gallocr_get_buffer_size: "z pi",
  ggml_backend_alloc_ctx_tensors: "p pp", ggml_backend_alloc_ctx_tensors_from_buft: "p pp", ggml_backend_tensor_alloc: "i ppp", ggml_backend_buft_name: "s p", ggml_backend_buffer_free: "v p", ggml_backend_buffer_get_size: "z p", ggml_backend_buffer_clear: "v pu",
  ggml_backend_get_default_buffer_type: "p p", ggml_backend_graph_compute: "i pp",
  ggml_backend_tensor_set: "v ppzz", ggml_backend_tensor_get: "v ppzz", ggml_backend_tensor_memset: "v puzz", ggml_backend_free: "v p",
  ggml_backend_dev_init: "p ps", ggml_backend_dev_name: "s p", ggml_backend_dev_description: "s p", ggml_backend_dev_type: "i p", ggml_backend_dev_memory: "v ppp", ggml_backend_dev_supports_op: "b pp", ggml_backend_dev_backend_reg: "p p",
  ggml_backend_reg_get_proc_address: "p ps", ggml_backend_reg_name: "s p", ggml_backend_reg_dev_count: "z p", ggml_backend_reg_dev_get: "p pz",
  ggml_backend_load_all_from_path: "v s", ggml_backend_dev_by_type: "p i",
};

/** The bound libraries. */
export interface GgmlLibrary {
  readonly functions: GgmlFunctions;
  /** The folder that they were loaded from. */
  readonly folder: string;
  /** The llama.cpp release that they were built from, as the package says. */
  readonly release: string;
  /** Calls a function that ggml returned a pointer to: `int`-taking setters of a backend. */
  callSetter(pointer: FunctionPointer, backend: BackendPointer, value: number): void;
  /** Calls a function that ggml returned a pointer to: one that gives a device's extra buffer types. */
  callBufferTypes(pointer: FunctionPointer, device: DevicePointer): BufferTypePointer[];
  /**
   * Opens the backend in the library `file` (of the same release), beside those that ggml knows: nobody else in this process,
   * such as node-llama-cpp, comes to use it. Null where its driver is missing or finds nothing; `why` then says what was told.
   */
  openBackendFile(file: string): { readonly registry: RegistryPointer | null; readonly why: string };
  /** Runs `work` without ggml's lines on standard error; its log goes where it went before afterwards. */
  quietly(work: () => void): void;
}

/** The package of this platform, without the GPU variants: their CPU libraries are the same. */
const packages: Readonly<Record<string, string>> = {
  "linux-x64": "linux-x64", "linux-arm64": "linux-arm64", "linux-arm": "linux-armv7l",
  "darwin-arm64": "mac-arm64-metal", "darwin-x64": "mac-x64", "win32-x64": "win-x64", "win32-arm64": "win-arm64",
};

type NativeLibrary = ReturnType<typeof koffi.load>;

let loaded: GgmlLibrary | undefined;

/**
 * Loads the libraries once per process. `folder` overrides where they are looked for (default: the installed
 * `@node-llama-cpp/*` package of this platform).
 * Errors: `nativeMissing`, saying which package, file or function is absent.
 */
export function loadGgml(folder: string = installedFolder()): GgmlLibrary {
  if (loaded?.folder === folder) return loaded;
  const baseFile = libraryFile(folder, /^(lib)?ggml-base[^/]*\.(so|dylib|dll)$/);
  const registryFile = libraryFile(folder, /^(lib)?ggml(\.v?[\d.]+)?\.(so|dylib|dll)$/);
  const base = load(baseFile);
  const functions = bind([base, load(registryFile)], baseFile);
  checkTypes(functions, baseFile);
  loaded = {
    functions,
    folder,
    release: releaseOf(folder),
    callSetter: (pointer, backend, value) => {
      koffi.call(pointer, backendSetter, backend, value);
    },
    callBufferTypes: (pointer, device) => {
      const list = koffi.call(pointer, bufferTypesGetter, device) as bigint | null;
      const types: BufferTypePointer[] = [];
      for (let i = 0; list !== null && i < maxBufferTypes; i++) {
        const type = koffi.decode(list, 8 * i, "void *") as BufferTypePointer | null;
        if (type === null) break;
        types.push(type);
      }
      return types;
    },
    openBackendFile: (file) => openBackendFile(file, loaded),
    quietly: silencer(base),
  };
  return loaded;
}

/** The folder of libraries `bins` in the installed package `@node-llama-cpp/name`, or undefined where it is not installed. */
export function packageFolder(name: string, bins: string = name): string | undefined {
  for (const modules of createRequire(import.meta.url).resolve.paths("@node-llama-cpp/x") ?? []) {
    const folder = path.join(modules, "@node-llama-cpp", name, "bins", bins);
    if (existsSync(folder)) return folder;
  }
  return undefined;
}

function installedFolder(): string {
  const name = packages[`${process.platform}-${process.arch}`];
  if (name === undefined) throw new EngineError("nativeMissing", `Training needs ggml, which is not shipped for ${process.platform} on ${process.arch}.`);
  const folder = packageFolder(name);
  if (folder !== undefined) return folder;
  throw new EngineError("nativeMissing", `The package @node-llama-cpp/${name} is not installed. Install KaLactica again, without omitting optional packages.`);
}

function libraryFile(folder: string, pattern: RegExp): string {
  const name = existsSync(folder) ? readdirSync(folder).find((entry) => pattern.test(entry)) : undefined;
  if (name === undefined) throw new EngineError("nativeMissing", `The folder ${folder} holds no library that matches ${pattern.source}. Install KaLactica again.`, { folder });
  return path.join(folder, name);
}

function load(file: string): NativeLibrary {
  try {
    return koffi.load(file);
  } catch (error) {
    throw new EngineError("nativeMissing", `The library ${file} cannot be loaded on this machine. Install KaLactica again.`, { file }, error);
  }
}

function openBackendFile(file: string, ggml: GgmlLibrary | undefined): { registry: RegistryPointer | null; why: string } {
  try {
    // The library asks for libggml-base by name, and gets the one that is loaded already.
    const open = koffi.load(file).func("ggml_backend_init", "void *", []) as unknown as () => RegistryPointer | null;
    let registry: RegistryPointer | null = null;
    ggml?.quietly(() => { registry = open(); });
    return { registry, why: registry === null ? "its driver does not start" : "" };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { registry: null, why: text.split("\n")[0]?.replace(/^.*?Failed to load shared library:\s*/i, "") ?? text };
  }
}

function bind(libraries: NativeLibrary[], file: string): GgmlFunctions {
  const bound: Record<string, unknown> = {};
  for (const [name, signature] of Object.entries(signatures)) {
    const [result = "", parameters = ""] = signature.split(" ");
    const argumentTypes = Array.from(parameters, (letter) => cTypes[letter] ?? "");
    const candidates = libraries.map((library) => () => library.func(name, cTypes[result] ?? "", argumentTypes));
    const native = firstThatWorks(candidates) as ((...args: unknown[]) => unknown) | undefined;
    if (native === undefined) throw new EngineError("nativeMissing", `The ggml library ${file} has no function ${name}: this version of node-llama-cpp does not fit KaLactica. Install the pinned version again.`, { file, name });
    // C takes undefined for NULL and crashes; a missing argument must fail here instead.
    bound[name] = (...args: unknown[]): unknown => {
      if (args.length !== argumentTypes.length || args.includes(undefined)) throw new TypeError(`${name} was called with ${args.length} arguments, some of them undefined`);
      return native(...args);
    };
  }
  return bound as unknown as GgmlFunctions;
}

function silencer(base: NativeLibrary): GgmlLibrary["quietly"] {
  const out = koffi.out(koffi.pointer("void *"));
  const getLog = base.func("ggml_log_get", "void", [out, out]);
  const setLog = base.func("ggml_log_set", "void", ["void *", "void *"]);
  return (work) => {
    // Others in this process (node-llama-cpp) may have a log of their own: keep it.
    const callback: unknown[] = [null];
    const context: unknown[] = [null];
    getLog(callback, context);
    const silent = koffi.register(() => undefined, koffi.pointer(logCallback));
    setLog(silent, null);
    try {
      work();
    } finally {
      setLog(callback[0], context[0]);
      koffi.unregister(silent);
    }
  };
}

function firstThatWorks<R>(candidates: (() => R)[]): R | undefined {
  for (const candidate of candidates) {
    try {
      return candidate();
    } catch {
      // The function is in the other library.
    }
  }
  return undefined;
}

/** Type ids are compiled in on both sides: a library in which they mean something else must not be used. */
function checkTypes(functions: GgmlFunctions, file: string): void {
  for (const type of ggmlTypes()) {
    const name = functions.ggml_type_name(type.id).toUpperCase();
    if (name === type.name && functions.ggml_type_size(type.id) === type.blockBytes && functions.ggml_blck_size(type.id) === type.blockElements) continue;
    throw new EngineError("nativeMissing", `In the ggml library ${file} number format ${type.id} is ${name}, not ${type.name}: this version of node-llama-cpp does not fit KaLactica. Install the pinned version again.`, { file, type: type.id });
  }
}

export function releaseOf(folder: string): string {
  try {
    const metadata = JSON.parse(readFileSync(path.join(folder, "_nlcBuildMetadata.json"), "utf8")) as { buildOptions?: { llamaCpp?: { release?: string } } };
    return metadata.buildOptions?.llamaCpp?.release ?? "unknown";
  } catch {
    return "unknown";
  }
}
