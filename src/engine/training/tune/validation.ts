// One validation: the method's own loss on held-out units, or for GRPO the reward of replies to held-out tasks.
import path from "node:path";
import { rm } from "node:fs/promises";
import type { RunFigures } from "../../protocol/training.ts";
import type { StoredUnit, UnitStore } from "../samples/unitStore.ts";
import { measureStep } from "./computeStep.ts";
import { spreadOver } from "./evaluate.ts";
import { rewardedReplies } from "./groupStep.ts";
import { objectiveOf } from "./stepReferences.ts";
import type { LoopParts } from "./loopParts.ts";

export interface ValidationResult {
  /** Less is better. */
  readonly score: number;
  readonly figures: Partial<RunFigures>;
}

/** Units whose loss is computed at once. */
const AT_ONCE = 32;
/** Held-out tasks, and replies to each: every reply is generated and may be run. */
export const REWARDED_TASKS = 48;
export const REPLIES_PER_TASK = 4;

export async function validate(parts: LoopParts, validation: UnitStore): Promise<ValidationResult> {
  const { config, options, model, references, stop } = parts;
  if (options.method === "grpo") {
    const { file } = await options.writeAdapter(path.join(options.runFolder, "rollouts"), model.adapter(), config.adapter);
    const rewards = await heldOutRewards(parts, validation, file);
    await rm(file, { force: true }).catch(() => undefined);
    const mean = rewards.reduce((a, b) => a + b, 0) / Math.max(1, rewards.length);
    return { score: -mean, figures: { validationReward: mean } };
  }
  let weighted = 0;
  let total = 0;
  let units: StoredUnit[] = [];
  let accuracy = 0;
  let counted = 0;
  const flush = async (): Promise<void> => {
    if (units.length === 0) return;
    const objective = await objectiveOf(references, units, stop);
    const { loss, figures } = await measureStep(model, units, objective, stop);
    weighted += loss * objective.total;
    total += objective.total;
    if (figures["accuracy"] !== undefined) {
      accuracy += figures["accuracy"] * units.length;
      counted += units.length;
    }
    units = [];
  };
  for (const i of spreadOver(validation.count, config.validationSamples)) {
    units.push(await validation.read(i));
    if (units.length >= AT_ONCE) await flush();
  }
  await flush();
  const loss = weighted / Math.max(1, total);
  return { score: loss, figures: { validationLoss: loss, ...counted > 0 ? { validationAccuracy: accuracy / counted } : {} } };
}

/** The mean reward of each held-out task's replies, with the adapter in `adapterFile`; the same draws every time. */
export async function heldOutRewards(parts: Pick<LoopParts, "options" | "config" | "stop" | "stopTokens">, validation: UnitStore, adapterFile: string | null): Promise<number[]> {
  const { config: { grpo, seed }, options, stop, stopTokens } = parts;
  if (options.rollouts === undefined || options.rewards === undefined) return [];
  const units: StoredUnit[] = [];
  for (const i of spreadOver(validation.count, REWARDED_TASKS)) units.push(await validation.read(i));
  const groups = await rewardedReplies(options.rollouts, options.rewards, grpo.rewards, units, {
    n: REPLIES_PER_TASK, temperature: grpo.temperature, seed, maxTokens: grpo.maxReplyTokens, stopTokens, adapterFile, signal: stop,
  });
  return groups.map((group) => group.reduce((a, r) => a + r.reward, 0) / Math.max(1, group.length));
}
