// Preparing a data set in a process of its own, so that the engine answers and completes meanwhile: reading, cleaning and comparing
// gigabytes is work without a pause to speak of. The engine's side forks the trainer's program and hands requests, progress and
// cancellation over its channel; the other side does what prepareData.ts says and ends.
import { fork } from "node:child_process";
import os from "node:os";
import { CancelledError, EngineError, isCancelled } from "../base/errors.ts";
import type { ErrorReason } from "../base/errors.ts";
import { engineVersion } from "../base/paths.ts";
import { countChild } from "../base/socketCount.ts";
import type { ToldCount } from "../base/socketCount.ts";
import type { PrepareProgress } from "../data/dataset.ts";
import { DatasetStore } from "../data/versions.ts";
import type { DatasetInfo, PrepareDataParams } from "../protocol/training.ts";
import { trainerModule } from "../runs/trainerProcess.ts";
import type { Settings } from "../settings.ts";
import { cleanText, openDataSource } from "./dataSources.ts";
import { prepareDataset } from "./prepareData.ts";
import type { PrepareDataHooks } from "./prepareData.ts";
import { UserMemory } from "./userMemory.ts";

/** Word of the trainer's command line that starts the other side. */
export const PREPARE_COMMAND = "prepare-data";
const NICENESS = 5;

/** All that the other side needs; it opens the stores itself. */
export interface PreparationRequest {
  readonly params: PrepareDataParams;
  readonly dataDir: string;
  readonly storageDir: string;
  readonly workspaceDir: string | null;
  readonly settings: Settings;
}

type Told =
  | { readonly progress: PrepareProgress }
  | { readonly done: DatasetInfo }
  | { readonly cancelled: true }
  | { readonly failed: { readonly reason: ErrorReason; readonly sentence: string; readonly details: Record<string, unknown> } };

/** Errors: those of prepareDataset, as they were over there; `internal` where the process ended without a word; CancelledError. */
export async function prepareApart(request: PreparationRequest, { signal, onProgress }: PrepareDataHooks = {}, module: string = trainerModule()): Promise<DatasetInfo> {
  if (signal?.aborted === true) throw new CancelledError();
  const child = fork(module, [PREPARE_COMMAND], { execArgv: ["--disable-warning=ExperimentalWarning"], env: { ...process.env, ELECTRON_RUN_AS_NODE: "1" }, stdio: ["ignore", "ignore", "inherit", "ipc"] });
  countChild(child);
  const cancel = (): void => { if (child.connected) child.send({ cancel: true }); };
  signal?.addEventListener("abort", cancel);
  try {
    return await new Promise<DatasetInfo>((resolve, reject) => {
      child.on("message", (told: Told | ToldCount) => {
        if ("sockets" in told) return;
        if ("progress" in told) onProgress?.(told.progress);
        else if ("done" in told) resolve(told.done);
        else if ("cancelled" in told) reject(new CancelledError());
        else reject(new EngineError(told.failed.reason, told.failed.sentence, told.failed.details));
      });
      child.once("error", reject);
      // Where it said how it ended, this comes later and changes nothing.
      child.once("exit", (code, killedBy) => {
        reject(signal?.aborted === true ? new CancelledError() : new EngineError("internal", `The process that prepared the data ended without a word (${killedBy ?? `code ${code ?? "unknown"}`}); memory may be short. Nothing was changed. Try again, or with fewer data.`, { code, killedBy }));
      });
      child.send(request, (error) => { if (error !== null) reject(error); });
    });
  } finally {
    signal?.removeEventListener("abort", cancel);
    if (child.connected) child.disconnect();
  }
}

/** The other side: waits for one request, works on it, and says how it ended. Resolves when the channel has taken that. */
export async function servePreparation(): Promise<void> {
  try {
    os.setPriority(NICENESS);
  } catch {
    // Forbidden in some containers: it is only less polite.
  }
  const stop = new AbortController();
  // An engine that is gone wants nothing any more.
  process.on("disconnect", () => { stop.abort(); });
  const request = await new Promise<PreparationRequest>((resolve) => {
    process.on("message", (message: PreparationRequest | { readonly cancel: true }) => {
      if ("cancel" in message) stop.abort();
      else resolve(message);
    });
  });
  const tell = (told: Told): Promise<void> => new Promise((resolve) => {
    if (process.connected) process.send?.(told, () => { resolve(); });
    else resolve();
  });
  const memory = new UserMemory(request.storageDir, () => undefined);
  try {
    const info = await prepareDataset(request.params, {
      store: new DatasetStore(request.dataDir), clean: cleanText, codeVersion: engineVersion(),
      openSource: (wanted) => openDataSource(wanted, { workspaceDir: request.workspaceDir, settings: request.settings, memory }),
    }, { signal: stop.signal, onProgress: (progress) => void tell({ progress }) });
    await tell({ done: info });
  } catch (error) {
    if (isCancelled(error)) await tell({ cancelled: true });
    else if (error instanceof EngineError) await tell({ failed: { reason: error.reason, sentence: error.message, details: { ...error.details } } });
    else await tell({ failed: { reason: "internal", sentence: `The data could not be prepared: ${error instanceof Error ? error.message : String(error)}.`, details: { stack: error instanceof Error ? error.stack : undefined } } });
  } finally {
    memory.close();
  }
}
