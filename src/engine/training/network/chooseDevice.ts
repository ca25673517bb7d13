// On what a run computes: a GPU where one is wanted, found and right, otherwise the processor, with a sentence that says which and
// why. How GPUs are found: ggml/devices.ts. A GPU that does not work is never an error here: the processor always does.
import { EngineError } from "../../base/errors.ts";
import { Backend } from "../../ggml/backend.ts";
import { findGpus } from "../../ggml/devices.ts";
import type { GpuDevice } from "../../ggml/devices.ts";
import { compareWithProcessor } from "../../ggml/selfTest.ts";

/** "auto": a card of its own or Metal; "gpu": any, also one that shares its memory with the processor; "cpu": none. */
export type DeviceWish = "auto" | "cpu" | "gpu";

export interface OpenedOn<R> {
  readonly result: R;
  /** Which device, and for the processor why, as a sentence. */
  readonly sentence: string;
}

/**
 * Opens with `open` on the best device that works. `neededBytes` is what it will take of a GPU's memory. `open` owns the backend that
 * it is given, and closes it where it fails; failures on a GPU lead to the next device. Errors: those of `open` on the processor.
 */
export async function openOnBest<R>(wish: DeviceWish, nThreads: number, neededBytes: (gpu: GpuDevice) => number, open: (backend: Backend, gpu: GpuDevice | null) => Promise<R>): Promise<OpenedOn<R>> {
  const reasons: string[] = [];
  if (wish !== "cpu") {
    const { devices, reasons: absent } = findGpus();
    for (const gpu of devices) {
      const refusal = wish === "auto" && gpu.integrated ? "it shares its memory with the processor, and was not asked for" : refusalOf(gpu, neededBytes(gpu), nThreads);
      if (refusal === null) {
        try {
          return { result: await open(Backend.gpu(gpu, nThreads), gpu), sentence: `Computes on the GPU ${gpu.description} (${gpu.kind}).` };
        } catch (error) {
          if (!(error instanceof EngineError)) throw error;
          reasons.push(`${gpu.description}: ${error.message}`);
        }
      } else reasons.push(`${gpu.description} (${gpu.kind}): ${refusal}`);
    }
    if (devices.length === 0) reasons.push(`no GPU was found${absent.length > 0 ? ` (${absent.join("; ")})` : ""}`);
  }
  const result = await open(Backend.cpu(nThreads), null);
  return { result, sentence: `Computes on the processor, with ${nThreads} ${nThreads === 1 ? "thread" : "threads"}${wish === "cpu" ? "" : `: ${reasons.join("; ").replace(/\.$/, "")}`}.` };
}

/** Why `gpu` cannot be trained on, or null where it can. */
function refusalOf(gpu: GpuDevice, neededBytes: number, nThreads: number): string | null {
  const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
  if (neededBytes > gpu.freeBytes) return `the run needs ${megabytes(neededBytes)} of its memory, and ${megabytes(gpu.freeBytes)} are free`;
  let backend: Backend | undefined;
  try {
    backend = Backend.gpu(gpu, nThreads);
    const { ok, errors } = compareWithProcessor(backend);
    const [worst = "", error = 0] = Object.entries(errors).sort(([, a], [, b]) => b - a)[0] ?? [];
    return ok ? null : `it computes ${worst} otherwise than the processor (relative difference ${error.toPrecision(2)})`;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return error.message.replace(/\.$/, "");
  } finally {
    backend?.close();
  }
}
