// Loads a model's weights: checks the file, estimates memory, tries the GPU and falls back to the CPU with a sentence.
// It makes no contexts and generates nothing (runtime.ts does).
import type { LlamaModel } from "node-llama-cpp";
import { EngineError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { ModelInfo } from "../protocol/types.ts";
import type { Settings } from "../settings.ts";
import { firstLine, knowsArchitecture, openBackend, takeComplaint } from "./backend.ts";
import type { Backend, DeviceKind, DeviceSetting } from "./backend.ts";
import { describeHardware } from "./hardware.ts";
import { SMALL_MODEL_PARAMETERS, threadsFor } from "./hardwareDefaults.ts";
import { inspectModel } from "./inspect.ts";
import type { ModelDetails } from "./inspect.ts";
import { estimateFit } from "./memoryFit.ts";
import type { FitEstimate } from "./memoryFit.ts";

/** The settings that loading and running a model read. */
export type ModelSettings = Pick<Settings, "model.device" | "model.contextSize" | "model.unloadAfterMinutes" | "model.threads">;

export interface LoadedModel {
  readonly model: LlamaModel;
  readonly details: ModelDetails;
  readonly fit: FitEstimate;
  readonly device: DeviceKind;
  /** A sentence: which device and why. */
  readonly explanation: string;
  readonly threads: number;
  /** Prompt tokens computed at once, at most. */
  readonly batchTokens: number;
  dispose(): Promise<void>;
}

/** Most prompt tokens per batch: a GPU needs many to be busy; a CPU nears its full speed with few, and can then be interrupted. */
const BATCH_TOKENS = { cpu: 64, smallOnCpu: 256, gpu: 512 } as const;

/** Loads `info`. Errors: as ModelRuntime.load. */
export async function loadModel(info: ModelInfo, settings: ModelSettings, log: Log): Promise<LoadedModel> {
  if (info.file === null) throw new EngineError("noModel", `The model ${info.name} is not on this machine yet. Download it with "KaLactica: Download Model" or \`kalactica models pull ${info.uri ?? info.id}\`.`, { id: info.id });
  const details = await inspectModel(info.file);
  if (!(await knowsArchitecture(details.architecture))) {
    throw new EngineError("modelTooNew", `The model ${details.name} has the architecture "${details.architecture}", which this version's llama.cpp does not know. Update KaLactica, or choose another model.`, { file: info.file, architecture: details.architecture });
  }
  const wanted = settings["model.device"];
  const small = wanted === "auto" && details.parameters < SMALL_MODEL_PARAMETERS;
  const backend = small ? { ...(await openBackend("cpu", log)), reason: "a model this small needs no GPU" } : await openBackend(wanted, log);
  try {
    return await loadOn(backend, details, settings, wanted, "");
  } catch (error) {
    await backend.release();
    if (backend.device === "cpu" || (error instanceof EngineError && error.reason !== "modelLoadFailed")) throw error;
    log.warn("Loading on the GPU failed; trying the CPU", { device: backend.device, error: firstLine(error) });
    const cpu = await openBackend("cpu", log);
    try {
      return await loadOn(cpu, details, settings, wanted, `loading it on the GPU failed (${firstLine(error instanceof EngineError ? error.cause ?? error : error)})`);
    } catch (second) {
      await cpu.release();
      throw second;
    }
  }
}

/** `gpuFailure` is why the CPU is the second choice, or "". */
async function loadOn(backend: Backend, details: ModelDetails, settings: ModelSettings, wanted: DeviceSetting, gpuFailure: string): Promise<LoadedModel> {
  const hardware = await describeHardware(gpuFailure === "" ? backend : { ...backend, reason: gpuFailure }, wanted);
  const small = details.parameters < SMALL_MODEL_PARAMETERS;
  const batchTokens = Math.min(backend.device !== "cpu" ? BATCH_TOKENS.gpu : small ? BATCH_TOKENS.smallOnCpu : BATCH_TOKENS.cpu, details.contextSize);
  const fit = estimateFit(details, hardware, settings["model.contextSize"], batchTokens);
  if (!fit.fits) throw new EngineError("modelTooLarge", `The model ${details.name} does not fit this machine. ${fit.explanation}`, { file: details.file, ramBytes: fit.ramBytes });
  takeComplaint();
  let model: LlamaModel;
  try {
    model = await backend.llama.loadModel({
      modelPath: details.file,
      ...backend.device === "cpu" ? { gpuLayers: 0 } : {},
      // The CPU's flash attention takes a slow path below 64 tokens at once: measured on the base model, 8 tokens cost
      // 3.1 ms each with it and 0.5 ms without, and one token 4.1 against 2.4. Larger models hardly notice.
      defaultContextFlashAttention: backend.device === "cpu" && small ? false : "auto",
    });
  } catch (error) {
    const complaint = takeComplaint();
    const { InsufficientMemoryError } = await import("node-llama-cpp");
    if (error instanceof InsufficientMemoryError) {
      throw new EngineError("modelTooLarge", `The model ${details.name} does not fit this machine: ${firstLine(error)}. Close other programs, or choose a smaller model.`, { file: details.file }, error);
    }
    throw new EngineError("modelLoadFailed", `The model ${details.file} could not be loaded: ${complaint === "" ? firstLine(error) : complaint}. Download it again, or choose another model.`, { file: details.file, complaint }, error);
  }
  const threads = settings["model.threads"] > 0 ? settings["model.threads"] : threadsFor(details.parameters, hardware);
  const partly = backend.device !== "cpu" && model.gpuLayers < details.layers ? ` ${model.gpuLayers} of ${details.layers} layers fit its memory; the rest runs on the CPU.` : "";
  return {
    model, details, fit, device: backend.device, explanation: hardware.explanation + partly, threads, batchTokens,
    dispose: async () => {
      await model.dispose();
      await backend.release();
    },
  };
}
