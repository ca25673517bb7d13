// The GPUs that the libraries shipped with node-llama-cpp can compute on: CUDA and Vulkan from packages beside the processor's
// (optional ones, of the same release), Metal from the processor's own. It opens drivers and computes nothing; whether a GPU
// computes rightly is found out by selfTest.ts, and whether it is used is decided in training/network/chooseDevice.ts.
//
// Only the library with the GPU's operations is taken from its package. It asks the system for "libggml-base" by name and is given
// the one that the processor's package has loaded, so that tensors are the same on both sides; the releases must agree.
import { readdirSync } from "node:fs";
import path from "node:path";
import { loadGgml, packageFolder, releaseOf } from "./library.ts";
import type { DevicePointer, GgmlLibrary, RegistryPointer } from "./library.ts";

export type GpuKind = "cuda" | "metal" | "vulkan";

export interface GpuDevice {
  readonly kind: GpuKind;
  /** As its driver calls it ("NVIDIA GeForce RTX 4070"). */
  readonly description: string;
  /** Shares its memory with the processor. */
  readonly integrated: boolean;
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly pointer: DevicePointer;
}

export interface FoundGpus {
  /** The best first: CUDA and Metal before Vulkan, a card of its own before a part of the processor. */
  readonly devices: readonly GpuDevice[];
  /** Why kinds of GPU were left out, each a part of a sentence. */
  readonly reasons: readonly string[];
}

/** ggml's numbers for kinds of device. */
const deviceType = { gpu: 1, integrated: 2 } as const;

/** Packages with GPU libraries by platform, the better first; a package may bring the same library in a second folder. */
const packages: Readonly<Record<string, readonly { readonly kind: GpuKind; readonly name: string; readonly bins?: string }[]>> = {
  "linux-x64": [{ kind: "cuda", name: "linux-x64-cuda" }, { kind: "cuda", name: "linux-x64-cuda-ext", bins: path.join("linux-x64-cuda", "fallback") }, { kind: "vulkan", name: "linux-x64-vulkan" }],
  "win32-x64": [{ kind: "cuda", name: "win-x64-cuda" }, { kind: "cuda", name: "win-x64-cuda-ext", bins: path.join("win-x64-cuda", "fallback") }, { kind: "vulkan", name: "win-x64-vulkan" }],
};

let found: FoundGpus | undefined;

/** Looks once per process. Errors: `nativeMissing` where not even the processor's libraries load. */
export function findGpus(): FoundGpus {
  found ??= search(loadGgml());
  return found;
}

function search(library: GgmlLibrary): FoundGpus {
  const devices: GpuDevice[] = [];
  const reasons: string[] = [];
  if (process.platform === "darwin") {
    // Metal is among the backends that the processor's package registers itself.
    library.quietly(() => { library.functions.ggml_backend_load_all_from_path(library.folder); });
    const device = library.functions.ggml_backend_dev_by_type(deviceType.gpu);
    if (device === null) reasons.push("Metal: no device");
    else devices.push(describe(library, "metal", device));
  }
  for (const { kind, name, bins } of packages[`${process.platform}-${process.arch}`] ?? []) {
    if (kind === "cuda" && devices.some((device) => device.kind === "cuda")) continue;
    const folder = packageFolder(name, bins);
    const file = folder && readdirSync(folder).find((entry) => new RegExp(`^(lib)?ggml-${kind}[^/]*\\.(so|dll)$`).test(entry));
    if (folder === undefined || file === undefined) continue;
    const release = releaseOf(bins === undefined ? folder : library.folder);
    if (release !== library.release) {
      reasons.push(`${name} is of release ${release}, the processor's library of ${library.release}`);
      continue;
    }
    const { registry, why } = library.openBackendFile(path.join(folder, file));
    const here = registry === null ? [] : devicesOf(library, kind, registry);
    if (here.length === 0) reasons.push(`${kind === "cuda" ? "CUDA" : "Vulkan"}: ${why === "" ? "no device" : why}`);
    devices.push(...here);
  }
  // Stable: within a kind the driver's own order stays.
  return { devices: devices.sort((a, b) => Number(a.integrated) - Number(b.integrated)), reasons: [...new Set(reasons)] };
}

function devicesOf(library: GgmlLibrary, kind: GpuKind, registry: RegistryPointer): GpuDevice[] {
  const { functions } = library;
  const devices: GpuDevice[] = [];
  library.quietly(() => {
    for (let i = 0; i < functions.ggml_backend_reg_dev_count(registry); i++) {
      const device = functions.ggml_backend_reg_dev_get(registry, i);
      if (device !== null) devices.push(describe(library, kind, device));
    }
  });
  return devices;
}

function describe({ functions }: GgmlLibrary, kind: GpuKind, pointer: DevicePointer): GpuDevice {
  const [free, total] = [new BigUint64Array(1), new BigUint64Array(1)];
  functions.ggml_backend_dev_memory(pointer, free, total);
  return {
    kind, pointer, description: functions.ggml_backend_dev_description(pointer), integrated: functions.ggml_backend_dev_type(pointer) === deviceType.integrated,
    freeBytes: Number(free[0] ?? 0n), totalBytes: Number(total[0] ?? 0n),
  };
}
