// An optional faster matrix product: a CBLAS library that the machine already has (Accelerate on macOS; OpenBLAS, BLIS or MKL
// elsewhere), called beside ggml. Nothing depends on one being there; nothing is installed or downloaded.
// Why: ggml's own F32 product reached 28–40 GFLOP/s on one thread of an AVX-512 Xeon where OpenBLAS 0.3 reached 75–103
// (256×704×2048 and 1024³; test/bench/trainMatmul.ts).
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import koffi from "koffi";
import { EngineError } from "../base/errors.ts";
import type { Product } from "./graph.ts";
import type { DataPointer } from "./library.ts";

const columnMajor = 102;
const noTranspose = 111;
const transpose = 112;

type NativeLibrary = ReturnType<typeof koffi.load>;

type Sgemm = (
  order: number, transposeA: number, transposeB: number, m: number, n: number, k: number,
  alpha: number, a: bigint, strideA: number, b: bigint, strideB: number, beta: number, c: bigint, strideC: number,
) => void;

/** Names under which builds export the single-precision product, and whether their integers have 64 bits. */
const productNames: readonly (readonly [name: string, integer: "int" | "int64_t"])[] = [
  ["cblas_sgemm", "int"],
  ["cblas_sgemm64_", "int64_t"],
  ["scipy_cblas_sgemm64_", "int64_t"],
  ["scipy_cblas_sgemm", "int"],
];
const threadNames = ["openblas_set_num_threads", "openblas_set_num_threads64_", "scipy_openblas_set_num_threads64_", "scipy_openblas_set_num_threads", "bli_thread_set_num_threads", "MKL_Set_Num_Threads"];

const systemLibraries: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  darwin: ["/System/Library/Frameworks/Accelerate.framework/Accelerate"],
  linux: ["libopenblas.so.0", "libmkl_rt.so.2", "libblis.so.4"],
  win32: ["libopenblas.dll", "mkl_rt.2.dll"],
};

/** One call of the library with all arguments fixed. */
export type PreparedCall = () => void;

export class Blas {
  readonly file: string;
  readonly #sgemm: Sgemm;

  private constructor(file: string, sgemm: Sgemm) {
    this.file = file;
    this.#sgemm = sgemm;
  }

  /**
   * Opens `file`, or else the first CBLAS library that is found: the one that KALACTICA_BLAS names, one of the system, one of the
   * active Python environment (NumPy brings OpenBLAS along); undefined where there is none.
   * `nThreads` is passed on to libraries that take it. Errors: `nativeMissing`, only where `file` was given and does not fit.
   */
  static open(nThreads: number, file?: string): Blas | undefined {
    if (file === undefined) {
      const { KALACTICA_BLAS: named } = process.env;
      for (const candidate of [...(named === undefined ? [] : [named]), ...(systemLibraries[process.platform] ?? []), ...environmentLibraries()]) {
        const blas = Blas.#tryOpen(candidate, nThreads);
        if (blas !== undefined) return blas;
      }
      return undefined;
    }
    const blas = existsSync(file) ? Blas.#tryOpen(file, nThreads) : undefined;
    if (blas === undefined) throw new EngineError("nativeMissing", `${file} is not a library with a CBLAS matrix product (cblas_sgemm). Name another one, or none to use ggml's own.`, { file });
    return blas;
  }

  static #tryOpen(file: string, nThreads: number): Blas | undefined {
    let library: NativeLibrary;
    try {
      library = koffi.load(file);
    } catch {
      return undefined;
    }
    for (const [name, integer] of productNames) {
      const integers = [integer, integer, integer];
      try {
        const sgemm = library.func(name, "void", ["int", "int", "int", ...integers, "float", "void *", integer, "void *", integer, "float", "void *", integer]) as unknown as Sgemm;
        setThreads(library, nThreads);
        return new Blas(file, sgemm);
      } catch {
        // Another build's name; try the next.
      }
    }
    return undefined;
  }

  /**
   * Prepares `product` as library calls, one per matrix of the batch, into `target` (its own result, or an accumulator
   * that it is added to where `accumulate`). Undefined where the memory layout is not one that BLAS knows.
   * `dataOf` gives a tensor's address, which must not move afterwards.
   */
  prepare(product: Product, accumulate: boolean, target: Product["result"], dataOf: (tensor: Product["a"]) => DataPointer): PreparedCall | undefined {
    const { a, b, kind } = product;
    const layoutA = layoutOf(a);
    const layoutB = layoutOf(b);
    if (layoutA === undefined || layoutB === undefined || target.strides[0] !== 4) return undefined;
    const strideC = Math.max(target.strides[1] / 4, target.shape[0]);
    const [m, n] = product.result.shape;
    const k = kind === "mulMat" ? a.shape[0] : a.shape[1];
    const flagA = (kind === "mulMat") !== layoutA.transposed ? transpose : noTranspose;
    const flagB = (kind === "outProd") !== layoutB.transposed ? transpose : noTranspose;
    const startA = dataOf(a);
    const startB = dataOf(b);
    const startC = dataOf(target);
    const beta = accumulate ? 1 : 0;
    const places: (readonly [bigint, bigint, bigint])[] = [];
    for (let i3 = 0; i3 < b.shape[3]; i3++) {
      for (let i2 = 0; i2 < b.shape[2]; i2++) {
        const a2 = Math.floor(i2 / (b.shape[2] / a.shape[2]));
        const a3 = Math.floor(i3 / (b.shape[3] / a.shape[3]));
        places.push([
          startA + BigInt(a2 * a.strides[2] + a3 * a.strides[3]),
          startB + BigInt(i2 * b.strides[2] + i3 * b.strides[3]),
          startC + BigInt(i2 * target.strides[2] + i3 * target.strides[3]),
        ]);
      }
    }
    const sgemm = this.#sgemm;
    return () => {
      for (const [atA, atB, atC] of places) {
        sgemm(columnMajor, flagA, flagB, m, n, k, 1, atA, layoutA.stride, atB, layoutB.stride, beta, atC, strideC);
      }
    };
  }
}

/** Libraries inside the Python or Conda environment that this process was started in. */
function environmentLibraries(): string[] {
  const { VIRTUAL_ENV: virtual, CONDA_PREFIX: conda } = process.env;
  const list = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);
  const inWheels = virtual === undefined ? [] : list(path.join(virtual, "lib")).filter((name) => name.startsWith("python")).map((name) => path.join(virtual, "lib", name, "site-packages", "numpy.libs"));
  const folders = [...inWheels, ...(conda === undefined ? [] : [path.join(conda, "lib")])];
  return folders.flatMap((folder) => list(folder).filter((name) => /^lib(scipy_)?openblas.*\.(so|dylib)(\.0)?$/.test(name)).map((name) => path.join(folder, name)));
}

/** How a matrix lies in memory: by columns (dimension 0 contiguous) or transposed; undefined where neither. */
function layoutOf({ shape, strides }: Product["a"]): { transposed: boolean; stride: number } | undefined {
  if (strides[0] === 4) return { transposed: false, stride: Math.max(strides[1] / 4, shape[0]) };
  if (strides[1] === 4) return { transposed: true, stride: Math.max(strides[0] / 4, shape[1]) };
  return undefined;
}

function setThreads(library: NativeLibrary, nThreads: number): void {
  for (const name of threadNames) {
    try {
      library.func(name, "void", ["int"])(nThreads);
      return;
    } catch {
      // Not this library's name; Accelerate has none and chooses by itself.
    }
  }
}
