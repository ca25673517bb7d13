// A tuning run from records to a judged adapter: checks the settings, renders the data, opens the model, runs the loop, and
// measures what came of it. It can be killed at any moment, and goes on from its folder; it starts no processes and shows
// nothing. Who may start runs, and what becomes of their adapters, is decided elsewhere.
import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { EngineError, isCancelled } from "../../base/errors.ts";
import { writeFailure } from "../../base/files.ts";
import { readGguf } from "../../base/gguf.ts";
import type { AdaptedModel } from "../adaptedModel.ts";
import { readCheckpoint } from "./checkpoint.ts";
import { finishRun } from "./finishRun.ts";
import { prepareUnits } from "./prepareUnits.ts";
import type { PreparedSplit } from "./prepareUnits.ts";
import { ReferenceCache } from "./references.ts";
import { Rehearsal } from "./rehearsal.ts";
import { completeRunConfig, fingerprintOf } from "./runConfig.ts";
import type { RunConfig } from "./runConfig.ts";
import { sampleShower } from "./shownSamples.ts";
import { bestCheckpoint, lastCheckpoint, TuningLoop } from "./tuningLoop.ts";
import type { LoopParts } from "./loopParts.ts";
import type { RecordSplit, RenderReport, TuningHooks, TuningOptions, TuningResult } from "./tuningTypes.ts";

/** Longest sample where the configuration does not say: what most code and answers need, and a laptop can compute. */
const USUAL_SEQUENCE = 2048;
const GENERAL_UNITS = 400;
const NOTHING: RecordSplit = { count: 0, async *read() { /* no records */ } };

/**
 * Runs `options.method` to its end, or until a signal of `hooks` is aborted: then the state is "paused" (with a checkpoint of
 * the last whole step) or "cancelled". The model that `openModel` gave stays open for its owner to close.
 * Errors: `badRequest` (a setting, a replaced base model), `dataInvalid` (nothing to learn), `modelIncapable` (no template or
 * infill for the data), `trainingFailed` (a loss that is no number; the last checkpoint is kept), `diskFull`, and those of
 * the functions that are passed in.
 */
export async function runTuning(options: TuningOptions, hooks: TuningHooks = {}): Promise<TuningResult> {
  const config = completeRunConfig(options.method, options.config);
  requireParts(options);
  const stop = AbortSignal.any([hooks.signal, hooks.pauseSignal].filter((s) => s !== undefined));
  const longest = await longestSample(options.modelFile, config);
  const identity = { fingerprint: fingerprintOf(options.method, config, options.datasetVersion), modelSha256: options.modelSha256 };
  hooks.onState?.("preparing", { step: 0, steps: 0, epoch: 0, secondsLeft: null });
  try {
    await mkdir(options.runFolder, { recursive: true });
  } catch (error) {
    throw writeFailure(options.runFolder, error);
  }
  // A checkpoint that does not fit is refused before anything is computed.
  if (options.resume) await readCheckpoint(path.join(options.runFolder, lastCheckpoint), identity);
  else await Promise.all([lastCheckpoint, bestCheckpoint].map((name) => rm(path.join(options.runFolder, name), { force: true })));

  const stores: PreparedSplit[] = [];
  let loop: TuningLoop | undefined;
  let render = noReport;
  const stopped = (): TuningResult => ({ state: hooks.signal?.aborted === true ? "cancelled" : "paused", step: loop?.position.step ?? 0, adapter: null, receipt: null, render });
  try {
    const { train, validation, general, others } = await prepareAll(options, config, longest, stop, stores);
    render = train.report;
    hooks.onRendered?.(render);
    logReport(render, validation.store.count, hooks);
    const model = await options.openModel({
      modelFile: options.modelFile, adapter: config.adapter, optimizer: config.optimizer, maxTokens: Math.max(config.batchTokens, longest),
      threads: options.threads, ...config.activationMb < 0 ? {} : { activationBytes: config.activationMb * 1e6 }, ...options.blas === undefined ? {} : { blas: options.blas },
      device: config.device === "setting" ? options.device ?? "cpu" : config.device, onDevice: (sentence) => hooks.onLog?.(sentence),
    });
    const { chat, infill, endOfText } = options.tokenizer;
    const unshown: Omit<LoopParts, "showSamples"> = {
      options, hooks, config, model, train: train.store, validation: validation.store.count === 0 ? null : validation.store, identity, stop,
      stopTokens: [...new Set([chat?.endOfTurn, infill?.endOfMiddle, endOfText].filter((token) => token !== null && token !== undefined))],
      rehearsal: options.method === "grpo" ? null : await rehearsalOf(options, config, model, train, stop, hooks),
      references: { model, method: options.method, config, cache: await ReferenceCache.open(path.join(options.runFolder, "references.jsonl")) },
    };
    const parts: LoopParts = { ...unshown, showSamples: await sampleShower(unshown, unshown.validation) };
    const running = new TuningLoop(parts);
    loop = running;
    if (options.resume && await running.resume()) hooks.onLog?.(`Goes on from the checkpoint of step ${running.position.step}.`);
    let trained = false;
    try {
      await running.run();
      trained = true;
      const result = await finishRun(parts, running, general.store, others.store);
      running.report("finished");
      return { state: "finished", step: running.position.step, render, ...result };
    } catch (error) {
      model.clearGradients();
      if (!isStop(error, stop)) throw error;
      // Once training is done its checkpoint is written, and the model may hold the best weights instead of the last.
      if (hooks.signal?.aborted !== true && !trained) await running.saveNow();
      const result = stopped();
      running.report(result.state === "cancelled" ? "cancelled" : "paused");
      return result;
    }
  } catch (error) {
    if (isStop(error, stop)) return stopped();
    throw error;
  } finally {
    for (const { store } of stores) await store.close();
    await rm(path.join(options.runFolder, "rollouts"), { recursive: true, force: true }).catch(() => undefined);
  }
}

/** What a step's data take decides how much is rehearsed with them. */
async function rehearsalOf(options: TuningOptions, config: RunConfig, model: AdaptedModel, { report, store }: PreparedSplit, stop: AbortSignal, hooks: TuningHooks): Promise<Rehearsal | null> {
  if (config.rehearsal.share === 0) return null;
  const unitsPerStep = Math.min(config.batchSize, store.count);
  const perStep = (unitsPerStep * report.tokens) / Math.max(1, store.count);
  const steps = Math.min(config.maxSteps || Infinity, Math.max(1, Math.ceil((config.epochs * store.count) / unitsPerStep)));
  const rehearsal = await Rehearsal.prepare(options, { ...config, rehearsal: { ...config.rehearsal, tokens: Math.min(config.rehearsal.tokens, model.maxTokens - 1) } }, model, perStep, steps, stop);
  if (rehearsal === null) hooks.onLog?.("The base model wrote no texts to rehearse: the run learns from its data alone.");
  return rehearsal;
}

function isStop(error: unknown, stop: AbortSignal): boolean {
  return stop.aborted && isCancelled(error);
}

function requireParts({ method, rollouts, rewards }: TuningOptions): void {
  if (method !== "grpo") return;
  if (rollouts === undefined) throw new EngineError("badRequest", "GRPO needs an engine that writes replies, and none was given.");
  if (rewards === undefined || rewards.length === 0) throw new EngineError("badRequest", "GRPO needs at least one reward. Name one under grpo.rewards, for example { tests: 1 }.");
}

async function prepareAll(options: TuningOptions, config: RunConfig, longest: number, signal: AbortSignal, opened: PreparedSplit[]): Promise<{ train: PreparedSplit; validation: PreparedSplit; general: PreparedSplit; others: PreparedSplit }> {
  const { method, tokenizer, runFolder, datasetVersion, modelSha256 } = options;
  const room = method === "grpo" ? longest - config.grpo.maxReplyTokens : longest;
  if (room < 8) throw new EngineError("badRequest", `Replies of ${config.grpo.maxReplyTokens} tokens leave no room for prompts in ${longest}. Set grpo.maxReplyTokens lower or sequenceLength higher.`);
  const folder = path.join(runFolder, "samples");
  const common = { folder, tokenizer, signal };
  const identity = `${modelSha256} ${datasetVersion}`;
  const train = await prepareUnits(options.train, { ...common, name: "train", method, longest: room, identity });
  opened.push(train);
  const validation = await prepareUnits(options.validation, { ...common, name: "validation", method, longest: room, identity });
  opened.push(validation);
  const general = await prepareUnits(options.general, { ...common, name: "general", method: "sft", longest, identity: modelSha256, most: GENERAL_UNITS });
  opened.push(general);
  const others = await prepareUnits(options.strengthTexts ?? NOTHING, { ...common, name: "strength", method: "sft", longest, identity: modelSha256, most: GENERAL_UNITS });
  opened.push(others);
  return { train, validation, general, others };
}

/** Tokens of the longest sample. Errors: `badRequest` where more are wanted than the model's context holds. */
async function longestSample(modelFile: string, config: RunConfig): Promise<number> {
  const { metadata } = await readGguf(modelFile);
  const architecture = metadata.get("general.architecture");
  const context = metadata.get(`${String(architecture)}.context_length`);
  const most = typeof context === "number" && context > 0 ? context : USUAL_SEQUENCE;
  if (config.sequenceLength > most) throw new EngineError("badRequest", `sequenceLength is ${config.sequenceLength}, but the model was made for ${most} tokens. Set it to at most ${most}.`, { most });
  return config.sequenceLength > 0 ? config.sequenceLength : Math.min(most, USUAL_SEQUENCE);
}

function logReport(report: RenderReport, held: number, hooks: TuningHooks): void {
  const share = report.tokens === 0 ? 0 : report.learntTokens / report.tokens;
  hooks.onLog?.(`${report.samples} samples of ${report.records} records, ${report.tokens} tokens, of which ${(100 * share).toFixed(1)} % are learnt; ${report.truncatedPrompts} prompts and ${report.truncatedCompletions} completions were shortened; ${report.skipped} records gave nothing.`);
  if (held === 0) hooks.onLog?.("There are no held-out samples: the run cannot stop early, and its adapter will not be promoted.");
}

const noReport: RenderReport = { records: 0, samples: 0, tokens: 0, learntTokens: 0, truncatedPrompts: 0, truncatedCompletions: 0, unused: {}, skipped: 0, skippedReasons: [], shown: [] };
