// The loop of a tuning run over an open model: steps, validations, checkpoints, until it is done or stopped. Between any two
// awaits it may be aborted or killed; what is then lost is at most the steps since the last checkpoint. Preparing data and
// what comes after the last step are in runTuning.ts and finishRun.ts.
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { CancelledError, EngineError, throwIfCancelled } from "../../base/errors.ts";
import type { RunFigures, TrainingMethod } from "../../protocol/training.ts";
import type { StoredUnit } from "../samples/unitStore.ts";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import type { RunPosition } from "./checkpoint.ts";
import { accumulateStep } from "./computeStep.ts";
import type { StepOutcome } from "./computeStep.ts";
import { DataOrder } from "./dataOrder.ts";
import { makeGroupStep, rewardedReplies } from "./groupStep.ts";
import { rateFactor } from "./learningRate.ts";
import type { Objective } from "./objective.ts";
import type { LoopParts } from "./loopParts.ts";
import { withRehearsal } from "./rehearsal.ts";
import { objectiveOf } from "./stepReferences.ts";
import { validate } from "./validation.ts";
import type { ValidationResult } from "./validation.ts";

export const lastCheckpoint = "checkpoint.gguf";
export const bestCheckpoint = "best.gguf";
const START: RunPosition = { step: 0, unitsRead: 0, tokensSeen: 0, seconds: 0, peakRssMb: 0, best: null, withoutImprovement: 0, validatedAt: 0 };
const DISK_RETRY_MS = 15_000;
/** Scores closer than this are alike. */
const LEAST_IMPROVEMENT = 1e-6;
/** Share of the newest step in the pace from which the time left is told. */
const PACE_SHARE = 0.1;

export class TuningLoop {
  readonly #parts: LoopParts;
  readonly #order: DataOrder;
  readonly #method: TrainingMethod;
  readonly unitsPerStep: number;
  readonly steps: number;
  readonly #validateEvery: number;
  #position: RunPosition = START;
  #secondsPerStep: number | null = null;

  constructor(parts: LoopParts) {
    const { config, options, train } = parts;
    this.#parts = parts;
    this.#method = options.method;
    this.#order = new DataOrder(train.count, config.seed);
    this.unitsPerStep = Math.min(train.count, options.method === "grpo" ? config.grpo.promptsPerStep : config.batchSize);
    const inEpochs = Math.max(1, Math.ceil((config.epochs * train.count) / this.unitsPerStep - 1e-9));
    this.steps = config.maxSteps > 0 ? Math.min(config.maxSteps, inEpochs) : inEpochs;
    this.#validateEvery = config.validateEverySteps > 0 ? config.validateEverySteps : Math.max(1, Math.ceil(this.steps / 10));
  }

  get position(): RunPosition {
    return this.#position;
  }

  /** Whether the last validations brought nothing better. */
  get #exhausted(): boolean {
    const { patience } = this.#parts.config;
    return patience > 0 && this.#position.withoutImprovement >= patience;
  }

  /** Goes to where the run's checkpoint was taken, if there is one. Errors: those of readCheckpoint. */
  async resume(): Promise<boolean> {
    const found = await readCheckpoint(path.join(this.#parts.options.runFolder, lastCheckpoint), this.#parts.identity);
    if (found === null) return false;
    this.#parts.model.restore(found.state);
    this.#position = found.position;
    return true;
  }

  /** Runs to the end. Errors: CancelledError where `stop` is aborted (the position is that of the last whole step); `trainingFailed`, `diskFull`, those of the model. */
  async run(): Promise<void> {
    const { config, stop } = this.#parts;
    for (;;) {
      throwIfCancelled(stop);
      const { step, validatedAt } = this.#position;
      const done = step >= this.steps;
      if (step > 0 && validatedAt !== step && (done || step % this.#validateEvery === 0)) await this.#validate();
      if (done || this.#exhausted) break;
      this.#report("running");
      const figures = await this.#step();
      this.#parts.hooks.onFigures?.(figures);
      if (this.#position.step % config.checkpointEverySteps === 0) await this.save();
    }
    await this.save();
  }

  /** Takes the weights of the best validation, where there was one. */
  async takeBest(): Promise<void> {
    const file = path.join(this.#parts.options.runFolder, bestCheckpoint);
    if (this.#position.best === null || !existsSync(file)) return;
    const found = await readCheckpoint(file, this.#parts.identity);
    if (found !== null) this.#parts.model.restore(found.state);
  }

  /** Writes the checkpoint of the last whole step; waits while the disk is full, as all that was learnt is still in memory. */
  async save(): Promise<void> {
    await this.#persist(lastCheckpoint, this.#parts.stop);
  }

  /** As {@link save}, but gives up at once where the disk is full: the run is being stopped. */
  async saveNow(): Promise<void> {
    await this.#persist(lastCheckpoint, AbortSignal.abort());
  }

  report(state: "evaluating" | "paused" | "cancelled" | "finished"): void {
    this.#report(state);
  }

  #report(state: "running" | "evaluating" | "paused" | "cancelled" | "finished"): void {
    const { step, unitsRead } = this.#position;
    this.#parts.hooks.onState?.(state, {
      step, steps: this.steps, epoch: unitsRead / this.#parts.train.count,
      secondsLeft: this.#secondsPerStep === null ? null : Math.max(0, this.steps - step) * this.#secondsPerStep,
    });
  }

  async #persist(name: string, giveUp: AbortSignal): Promise<void> {
    const { options, hooks, identity, model } = this.#parts;
    for (let attempt = 1; ; attempt++) {
      try {
        await writeCheckpoint(path.join(options.runFolder, name), model.state(), this.#position, identity);
        return;
      } catch (error) {
        if (!(error instanceof EngineError && error.reason === "diskFull") || giveUp.aborted) throw error;
        if (attempt === 1) hooks.onLog?.(`There is no space left for the checkpoint of step ${this.#position.step}. Nothing is lost: the run waits until there is space in ${options.runFolder}.`);
        await pause(options.diskRetryMs ?? DISK_RETRY_MS, undefined, { signal: giveUp }).catch(() => undefined);
      }
    }
  }

  async #step(): Promise<RunFigures> {
    const { config, train } = this.#parts;
    const began = performance.now();
    const at = this.#position;
    const step = at.step + 1;
    const units: StoredUnit[] = [];
    for (const i of this.#order.take(at.unitsRead, this.unitsPerStep)) units.push(await train.read(i));
    const rate = config.optimizer.learningRate * rateFactor(config.schedule, step, this.steps, config.warmupShare);
    const outcome = this.#method === "grpo" ? await this.#groupUpdates(units, step, rate) : await this.#dataUpdate(units, step, rate);
    const seconds = (performance.now() - began) / 1000;
    const residentMb = process.memoryUsage.rss() / 1e6;
    this.#secondsPerStep = this.#secondsPerStep === null ? seconds : (1 - PACE_SHARE) * this.#secondsPerStep + PACE_SHARE * seconds;
    this.#position = {
      ...at, step, unitsRead: at.unitsRead + units.length, tokensSeen: at.tokensSeen + outcome.nTokens, seconds: at.seconds + seconds,
      peakRssMb: Math.max(at.peakRssMb, process.resourceUsage().maxRSS / 1000),
    };
    return { step, at: Date.now(), loss: outcome.loss, rate, gradientNorm: outcome.gradientNorm, tokensPerSecond: outcome.nTokens / seconds, residentMb, ...shownFigures(outcome.figures) };
  }

  /** A step of SFT, DPO or KTO, with what the run rehearses beside its data. */
  async #dataUpdate(units: readonly StoredUnit[], step: number, rate: number): Promise<StepOutcome & { gradientNorm: number }> {
    const { references, rehearsal, config, stop } = this.#parts;
    const objective = await objectiveOf(references, units, stop);
    if (rehearsal === null) return this.#update(units, objective, step, rate);
    const rehearsed = rehearsal.ofStep(step);
    return this.#update([...units, ...rehearsed.units], withRehearsal(objective, units.length, rehearsed, config.rehearsal.weight), step, rate);
  }

  /** Gradients of `units` and one optimizer step. A step in which no token weighs anything moves nothing. */
  async #update(units: Parameters<typeof accumulateStep>[1], objective: Objective, optimizerStep: number, rate: number): Promise<StepOutcome & { gradientNorm: number }> {
    const { model, stop } = this.#parts;
    model.clearGradients();
    const outcome = await accumulateStep(model, units, objective, stop);
    if (!outcome.learnt) return { ...outcome, gradientNorm: 0 };
    const { gradientNorm } = model.step(optimizerStep, rate);
    model.clearGradients();
    if (!Number.isFinite(gradientNorm)) {
      const records = [...new Set(units.map((u) => u.at))];
      throw new EngineError("trainingFailed", `The gradient of step ${optimizerStep} is no number; its records are ${records.slice(0, 5).join(", ")}${records.length > 5 ? ` and ${records.length - 5} more` : ""}. The adapter of the last good step is kept. Look at these records, or train with a lower learning rate.`, { records });
    }
    return { ...outcome, gradientNorm };
  }

  /** A GRPO step: replies of the model as it is now, and one or more updates on them; all of it, or nothing. */
  async #groupUpdates(source: readonly StoredUnit[], step: number, rate: number): Promise<StepOutcome & { gradientNorm: number }> {
    const { config: { grpo, seed, adapter }, options, model, stop, stopTokens } = this.#parts;
    const { rollouts, rewards } = options;
    if (rollouts === undefined || rewards === undefined) throw new EngineError("internal", "GRPO was started without replies or rewards.");
    const folder = path.join(options.runFolder, "rollouts");
    const { file } = await options.writeAdapter(folder, model.adapter(), adapter);
    const groups = await rewardedReplies(rollouts, rewards, grpo.rewards, source, {
      n: grpo.groupSize, temperature: grpo.temperature, seed: (Math.imul(seed, 1_000_003) + step * 7919) >>> 0, maxTokens: grpo.maxReplyTokens, stopTokens, adapterFile: file, signal: stop,
    });
    // Its replies are all that was wanted of it. Where the system holds on to open files, it goes with the run's folder.
    await rm(file, { force: true }).catch(() => undefined);
    const group = await makeGroupStep(model, groups, source, grpo, stop);
    const before = grpo.updatesPerRollout > 1 ? model.state().map((tensor) => ({ ...tensor, values: tensor.values.slice() })) : null;
    let outcome: (StepOutcome & { gradientNorm: number }) | undefined;
    try {
      for (let update = 0; update < grpo.updatesPerRollout; update++) {
        outcome = await this.#update(group.units, group.objective(), (step - 1) * grpo.updatesPerRollout + update + 1, rate);
      }
    } catch (error) {
      if (before !== null) model.restore(before);
      throw error;
    }
    if (outcome === undefined) throw new CancelledError();
    return { ...outcome, figures: { ...outcome.figures, ...group.figures } };
  }

  async #validate(): Promise<void> {
    const { validation, hooks, options } = this.#parts;
    const at = this.#position;
    if (validation === null || validation.count === 0) {
      this.#position = { ...at, validatedAt: at.step };
      return;
    }
    const result: ValidationResult = await validate(this.#parts, validation);
    const better = at.best === null || result.score < at.best.score - LEAST_IMPROVEMENT;
    this.#position = { ...at, validatedAt: at.step, best: better ? { step: at.step, score: result.score } : at.best, withoutImprovement: better ? 0 : at.withoutImprovement + 1 };
    if (better) await this.#persist(bestCheckpoint, this.#parts.stop);
    hooks.onFigures?.({ step: at.step, at: Date.now(), ...result.figures });
    if (this.#exhausted && at.step < this.steps) hooks.onLog?.(`Stopped early at step ${at.step}: ${options.method === "grpo" ? "the held-out reward" : "the validation loss"} has not improved for ${this.#position.withoutImprovement} validations. The adapter of step ${this.#position.best?.step ?? 0} is kept.`);
    await this.#parts.showSamples(at.step);
  }
}

/** The figures that are shown, of those that losses give: KTO's rewards of good and of bad replies make a margin. */
function shownFigures(figures: Readonly<Record<string, number>>): Partial<RunFigures> {
  const { chosenReward, rejectedReward, ...rest } = figures;
  return chosenReward !== undefined && rejectedReward !== undefined ? { ...rest, margin: chosenReward - rejectedReward } : rest;
}
