// Opens llama.cpp through node-llama-cpp: on the GPU where one is wanted and works, else on the CPU, with a sentence why.
// One instance per device and process, shared. It loads no models.
import { EngineError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Settings } from "../settings.ts";
import type { Llama } from "node-llama-cpp";

export type { Llama };
export type DeviceSetting = Settings["model.device"];
export type DeviceKind = "cpu" | "cuda" | "vulkan" | "metal";

/** llama.cpp, opened on a device. Call `release` once when done with it. */
export interface Backend {
  readonly llama: Llama;
  readonly device: DeviceKind;
  /** Half a sentence on why this device: "no GPU was found". Empty where the GPU that was wanted is used. */
  readonly reason: string;
  release(): Promise<void>;
}

interface Shared {
  opened: Promise<{ llama: Llama; reason: string }>;
  users: number;
}
const shared = new Map<"auto" | "cpu", Shared>();

/** What llama.cpp complained of first, to be quoted when a load fails. */
let lastComplaint = "";

/**
 * Opens llama.cpp. `wanted`: "cpu" never uses a GPU; "auto" and "gpu" use the best GPU that works.
 * Errors: `nativeMissing` where no prebuilt library works on this machine.
 */
export async function openBackend(wanted: DeviceSetting, log: Log): Promise<Backend> {
  const key = wanted === "cpu" ? "cpu" : "auto";
  let entry = shared.get(key);
  if (entry === undefined) {
    entry = { opened: open(key, log), users: 0 };
    shared.set(key, entry);
  }
  const mine = entry;
  mine.users++;
  try {
    const { llama, reason } = await mine.opened;
    // Where there is no GPU, what was opened to look for one is the CPU's as well.
    if (llama.gpu === false && !shared.has("cpu")) shared.set("cpu", mine);
    let released = false;
    return {
      llama,
      device: llama.gpu === false ? "cpu" : llama.gpu,
      reason: key === "cpu" ? "the setting kalactica.model.device says so" : reason,
      release: async () => {
        if (released) return;
        released = true;
        // The CPU's stays open as long as the process: opening it takes longer than loading a small model, and it holds
        // nothing. A GPU's is closed with its last user, since it holds GPU memory even when idle.
        if (--mine.users > 0 || llama.gpu === false) return;
        if (shared.get(key) === mine) shared.delete(key);
        await llama.dispose();
      },
    };
  } catch (error) {
    mine.users--;
    if (shared.get(key) === mine) shared.delete(key);
    throw error;
  }
}

async function open(key: "auto" | "cpu", log: Log): Promise<{ llama: Llama; reason: string }> {
  let gpuFailure = "";
  if (key === "auto") {
    try {
      const llama = await start("auto", log);
      return { llama, reason: llama.gpu === false ? "no GPU was found that llama.cpp can use" : "" };
    } catch (error) {
      gpuFailure = firstLine(error);
      log.warn("The GPU could not be used", { error: gpuFailure });
    }
  }
  try {
    return { llama: await start(false, log), reason: gpuFailure === "" ? "" : `the GPU could not be used (${gpuFailure})` };
  } catch (error) {
    throw new EngineError("nativeMissing", `llama.cpp does not run on this machine (${process.platform} ${process.arch}): ${firstLine(error)}. Install the build of KaLactica for this platform; on Linux, glibc 2.31 or newer is needed.`, { platform: process.platform, arch: process.arch }, error);
  }
}

async function start(gpu: "auto" | false, log: Log): Promise<Llama> {
  // Loaded on first use: importing it takes longer than everything else in the engine together.
  const { getLlama, LlamaLogLevel } = await import("node-llama-cpp");
  return getLlama({
    gpu,
    build: "never",
    skipDownload: true,
    progressLogs: false,
    // Each context asks for the threads it is meant to have; the library's own limit would at least be 4, even on 2 cores.
    maxThreads: 0,
    logLevel: LlamaLogLevel.warn,
    logger: (level, message) => {
      const text = message.trim();
      if (level === LlamaLogLevel.error || level === LlamaLogLevel.fatal) {
        // The first is the cause; what follows only says that it failed.
        if (lastComplaint === "") lastComplaint = text.replace(/^\w+: (?:error loading model: )?/, "");
        log.error("llama.cpp", { text });
      } else {
        log.debug("llama.cpp", { text });
      }
    },
  });
}

/** The first error that llama.cpp logged since the previous call, or "". */
export function takeComplaint(): string {
  const complaint = lastComplaint;
  lastComplaint = "";
  return complaint;
}

/** The first line of an error's message, without a closing full stop. */
export function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return (message.split("\n")[0] ?? message).trim().replace(/\.$/, "");
}

/** Whether the bundled llama.cpp knows models of this architecture. */
export async function knowsArchitecture(architecture: string): Promise<boolean> {
  // Declared as a const enum, whose values types forbid to list; at run time it is an object like any other.
  const library: object = await import("node-llama-cpp");
  const known = (library as { GgufArchitectureType?: Record<string, string> }).GgufArchitectureType;
  return known === undefined || Object.values(known).includes(architecture);
}
