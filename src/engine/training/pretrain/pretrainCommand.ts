// The command `train pretrain`: joins configuration, data, training, checkpoints, log and exported models in one run folder.
// The loop's mathematics is in pretrain.ts; printing and exit codes belong to the caller.
//
// A run folder holds: config.json, log.jsonl, checkpoint.gguf, stable.gguf (the last checkpoint before the decay, from which
// training can be prolonged), model.gguf (Q8_0, renewed with every checkpoint), and run.lock while it is being trained.
import { existsSync } from "node:fs";
import { copyFile, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { EngineError, errnoCode } from "../../base/errors.ts";
import { writeFileAtomic } from "../../base/files.ts";
import { Blas } from "../../ggml/blas.ts";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { exportGguf } from "./exportGguf.ts";
import type { HeldOutResult } from "./heldOut.ts";
import { nParameters } from "../network/llamaShape.ts";
import { loadWeights } from "../network/loadWeights.ts";
import { Pretraining } from "./pretrain.ts";
import type { StepResult } from "./pretrain.ts";
import { completeConfig, fingerprintOf, readConfig } from "./pretrainConfig.ts";
import type { PretrainConfig } from "./pretrainConfig.ts";
import { RunLog } from "../runLog.ts";
import { readTrainingData } from "./trainingData.ts";

export interface PretrainOptions {
  /** Folder with tokenizer.json, train.u16, heldout.u16 and heldout.json. */
  readonly data: string;
  /** The run's folder; made where absent. */
  readonly run: string;
  /** run.json; the defaults where absent. On resumption it may change the schedule, rates, loss weights and how often to measure, but not shape, batches or seed. */
  readonly config?: string;
  /** Go on from the folder's checkpoint. Without it, a folder that has one is refused. */
  readonly resume: boolean;
  /** Processor threads (default 1). */
  readonly threads?: number;
  /** Operating-system priority, 0 (normal) to 19 (lowest); default 10. */
  readonly niceness?: number;
  /** Matrix products: "auto" (a BLAS of this system where there is one), "ggml", or the path of a BLAS library. */
  readonly blas?: string;
  /** Stop after this many steps of this call, as if paused. */
  readonly maxSteps?: number;
}

export type PretrainProgress = (StepResult & { readonly tokensPerSecond: number; readonly heldOut: HeldOutResult | undefined });

export interface PretrainResult {
  readonly state: "finished" | "paused";
  readonly step: number;
  readonly tokensSeen: number;
  readonly nParameters: number;
  /** Last measurement on held-out data, where there was one. */
  readonly heldOut: HeldOutResult | undefined;
  /** The exported model (Q8_0). */
  readonly model: string;
}

/**
 * Trains until the schedule ends or `signal` is aborted (then: checkpoint, state "paused").
 * Errors: `badRequest`, `dataInvalid`, `notFound`, `busyElsewhere` (another process trains in this folder), `trainingFailed`,
 * `modelTooLarge`, `diskFull`, `nativeMissing`. Whatever fails, the last checkpoint stays.
 */
export async function runPretrain(options: PretrainOptions, hooks: { signal?: AbortSignal; onProgress?: (progress: PretrainProgress) => void } = {}): Promise<PretrainResult> {
  const { signal } = hooks;
  const threads = options.threads ?? 1;
  if (!Number.isInteger(threads) || threads < 1) throw new EngineError("badRequest", `--threads is ${threads}; it must be a positive integer.`);
  os.setPriority(options.niceness ?? 10);
  const files = runFiles(options.run);
  if (!options.resume && existsSync(files.checkpoint)) {
    throw new EngineError("badRequest", `The folder ${options.run} already holds a run. Add --resume to go on with it, or name another folder.`, { run: options.run });
  }
  await mkdir(options.run, { recursive: true });
  const unlock = await lock(files.lock);
  let training: Pretraining | undefined;
  let log: RunLog | undefined;
  try {
    const data = await readTrainingData(options.data);
    const config = await configOf(options, files.config, data.tokenizer.tokens.length);
    const fingerprint = fingerprintOf(config, data.hash);
    const blas = options.blas === "ggml" ? undefined : Blas.open(threads, options.blas === "auto" ? undefined : options.blas);
    training = new Pretraining(config, data, threads, blas);
    let trainedSeconds = 0;
    if (options.resume && existsSync(files.checkpoint)) {
      const state = await readCheckpoint(files.checkpoint, training.backend, training.parameters, fingerprint);
      training.resumeAt(state.step, state.tokensSeen, state.position);
      trainedSeconds = state.trainedSeconds;
    } else if (config.initialisation.kind === "model") {
      await loadWeights(config.initialisation.model, training.backend, config.shape, training.parameters);
    }
    await writeFileAtomic(files.config, `${JSON.stringify(config, undefined, 2)}\n`);
    log = await RunLog.open(files.log);
    await log.write({ kind: "start", step: training.step, nParameters: nParameters(config.shape), tokensPerStep: training.tokensPerStep, matrixProducts: blas?.file ?? "ggml", nThreads: threads, config });

    const running = training;
    const runLog = log;
    let heldOut: HeldOutResult | undefined;
    const save = async (): Promise<void> => {
      const { step, tokensSeen, position } = running;
      await writeCheckpoint(files.checkpoint, running.backend, running.parameters, { step, tokensSeen, position, fingerprint, trainedSeconds });
      const card = { name: config.name, version: String(step), license: "MIT", description: `A small code model trained from scratch by KaLactica: ${tokensSeen} tokens in ${step} steps.` };
      await exportGguf(files.model, running.backend, config.shape, running.parameters, data.tokenizer, "Q8_0", card);
      await runLog.write({ kind: "checkpoint", step, tokensSeen, trainedSeconds });
    };

    let saved = running.step;
    const lastStep = Math.min(config.schedule.steps, running.step + (options.maxSteps ?? Infinity));
    while (running.step < lastStep && !signal?.aborted) {
      const firstOfDecay = running.step === config.schedule.steps - config.schedule.decaySteps && config.schedule.decaySteps > 0;
      if (firstOfDecay && running.step > 0) {
        await save();
        saved = running.step;
        await copyAtomic(files.checkpoint, files.stable);
      }
      const result = await running.runStep(signal);
      if (result === undefined) break;
      trainedSeconds += result.seconds;
      const { step } = result;
      const tokensPerSecond = running.tokensPerStep / result.seconds;
      await log.write({ kind: "step", step, tokensSeen: result.tokensSeen, loss: result.loss, rate: result.rate, gradientNorm: result.gradientNorm, tokensPerSecond, residentMegabytes: Math.round(process.memoryUsage.rss() / 1e6) });
      const ends = step === config.schedule.steps;
      if (step % config.checkpointEverySteps === 0 || ends) {
        await save();
        saved = step;
      }
      const measured = step % config.evaluateEverySteps === 0 || ends ? await running.measure(config.evaluateTokens) : undefined;
      if (measured !== undefined) {
        heldOut = measured;
        await log.write({ kind: "heldOut", step, tokensSeen: result.tokensSeen, bitsPerByte: measured.bitsPerByte, byLanguage: measured.bitsPerByteByLanguage });
      }
      hooks.onProgress?.({ ...result, tokensPerSecond, heldOut: measured });
    }
    if (saved !== running.step || !existsSync(files.checkpoint)) await save();
    const state = running.step >= config.schedule.steps ? "finished" : "paused";
    await log.write({ kind: "end", step: running.step, reason: state });
    return { state, step: running.step, tokensSeen: running.tokensSeen, nParameters: nParameters(config.shape), heldOut, model: files.model };
  } finally {
    training?.close();
    await log?.close();
    await unlock();
  }
}

interface RunFiles {
  readonly config: string;
  readonly log: string;
  readonly checkpoint: string;
  readonly stable: string;
  readonly model: string;
  readonly lock: string;
}

function runFiles(folder: string): RunFiles {
  const file = (name: string): string => path.join(folder, name);
  return { config: file("config.json"), log: file("log.jsonl"), checkpoint: file("checkpoint.gguf"), stable: file("stable.gguf"), model: file("model.gguf"), lock: file("run.lock") };
}

async function configOf(options: PretrainOptions, stored: string, nVocab: number): Promise<PretrainConfig> {
  if (options.config !== undefined) return readConfig(options.config, nVocab);
  if (options.resume && existsSync(stored)) return readConfig(stored, nVocab);
  return completeConfig({}, nVocab);
}

async function copyAtomic(from: string, to: string): Promise<void> {
  await copyFile(from, `${to}.tmp`);
  await rename(`${to}.tmp`, to);
}

/** Claims a run folder for this process. A lock whose process is gone (killed) is taken over. */
async function lock(file: string): Promise<() => Promise<void>> {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const handle = await open(file, "wx");
      await handle.writeFile(String(process.pid));
      await handle.close();
      return () => rm(file, { force: true });
    } catch (error) {
      if (errnoCode(error) !== "EEXIST") throw error;
      const owner = Number(await readFile(file, "utf8").catch(() => ""));
      if (owner !== process.pid && isAlive(owner)) throw new EngineError("busyElsewhere", `Process ${owner} is already training in ${path.dirname(file)}. Pause it first, or use another folder.`, { owner });
      await rm(file, { force: true });
    }
  }
  throw new EngineError("busyElsewhere", `The run folder ${path.dirname(file)} is being claimed by another process.`);
}

function isAlive(processId: number): boolean {
  if (!Number.isInteger(processId) || processId < 1) return false;
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return errnoCode(error) === "EPERM";
  }
}
