// GRPO's part before the loss: draws replies of the current model, has them rewarded, and makes of them units with advantages.
// Where replies come from and what judges them is passed in (Rollouts, Reward). It computes no gradients.
import { EngineError, throwIfCancelled } from "../../base/errors.ts";
import type { AdaptedModel } from "../adaptedModel.ts";
import { groupAdvantages, replyLoss, replyShare } from "../losses/groupPolicy.ts";
import { sum } from "../losses/sft.ts";
import { sampleOf } from "../samples/tokenSample.ts";
import type { TrainingUnit } from "../samples/tokenSample.ts";
import type { StoredUnit } from "../samples/unitStore.ts";
import { logProbabilitiesOf } from "./evaluate.ts";
import type { Objective } from "./objective.ts";
import type { GrpoSettings } from "./runConfig.ts";
import type { Reward, Rollout, RolloutOptions, Rollouts, TaskRecord } from "./tuningTypes.ts";

export interface RewardedReply {
  readonly reply: Rollout;
  readonly reward: number;
}

/** Replies judged at once; a reward may run programs. */
const JUDGED_AT_ONCE = 2;

/** Draws and rewards replies to the tasks of `units`, `options.n` each. Errors: CancelledError, `trainingFailed` for a reward that is no number, those of rollouts and rewards. */
export async function rewardedReplies(rollouts: Rollouts, rewards: readonly Reward[], weights: GrpoSettings["rewards"], units: readonly StoredUnit[], options: RolloutOptions): Promise<RewardedReply[][]> {
  const prompts = units.map((unit) => Array.from(unit.samples[0]?.tokens ?? []));
  const replies = await rollouts.generate(prompts, options);
  const jobs = units.flatMap((unit, u) => {
    const task = JSON.parse(unit.extra) as TaskRecord;
    return (replies[u] ?? []).map((reply, r) => ({ u, r, task, reply }));
  });
  const out: RewardedReply[][] = units.map(() => []);
  let next = 0;
  const work = async (): Promise<void> => {
    for (let job = jobs[next++]; job !== undefined; job = jobs[next++]) {
      throwIfCancelled(options.signal);
      let total = 0;
      for (const reward of rewards) {
        const score = await reward.score(job.task, job.reply.text, options.signal);
        if (!Number.isFinite(score)) throw new EngineError("trainingFailed", `The reward "${reward.name}" gave ${score} for a reply to ${job.task.origin.at}; it must be a number. Look at that reward.`, { reward: reward.name, at: job.task.origin.at });
        total += (weights[reward.name] ?? 1) * score;
      }
      (out[job.u] as RewardedReply[])[job.r] = { reply: job.reply, reward: total };
    }
  };
  await Promise.all(Array.from({ length: JUDGED_AT_ONCE }, work));
  return out;
}

export interface GroupStep {
  readonly units: readonly TrainingUnit[];
  /** The objective of the update `update` (from 0) on these replies. */
  objective(): Objective;
  readonly figures: { readonly reward: number; readonly rewardDeviation: number; readonly zeroDeviationShare: number; readonly replyTokens: number };
}

/**
 * Makes a step of rewarded replies. Replies that were cut off are judged as they stand; whether they are learnt from says
 * `settings.truncated`. Groups in which all rewards are alike teach nothing and are not computed
 * where no KL term needs them, but count in what the step is divided by.
 */
export async function makeGroupStep(model: AdaptedModel, groups: readonly (readonly RewardedReply[])[], source: readonly StoredUnit[], settings: GrpoSettings, signal?: AbortSignal): Promise<GroupStep> {
  const units: TrainingUnit[] = [];
  const advantages: number[] = [];
  let total = 0;
  let zeroGroups = 0;
  let deviations = 0;
  for (const [g, group] of groups.entries()) {
    const { advantages: own, deviation } = groupAdvantages(group.map((r) => r.reward), settings.scaleByDeviation);
    deviations += deviation;
    if (deviation === 0) zeroGroups++;
    for (const [r, { reply }] of group.entries()) {
      if ((reply.truncated && settings.truncated === "mask") || reply.tokens.length === 0) continue;
      total += replyShare(settings.normalise, reply.tokens.length, settings.maxReplyTokens).count;
      if (deviation === 0 && settings.beta === 0) continue;
      units.push({ at: source[g]?.at ?? "", samples: [sampleOf(Array.from(source[g]?.samples[0]?.tokens ?? []), reply.tokens)] });
      advantages.push(own[r] ?? 0);
    }
  }
  const samples = units.flatMap((u) => u.samples);
  // The first token of a sample is never learnt; a prompt stands before every reply, so replies are learnt whole.
  const references = units.length === 0 ? [] : await logProbabilitiesOf(model, samples, "off", signal);
  const old = settings.updatesPerRollout > 1 && units.length > 0 ? await logProbabilitiesOf(model, samples, "on", signal) : undefined;
  const all = groups.flat();
  return {
    units,
    objective: () => ({
      total,
      weigh: (i, [values = new Float32Array(0)]) => {
        const { scale } = replyShare(settings.normalise, values.length, settings.maxReplyTokens);
        const { loss, weights, clipped, divergence } = replyLoss(values, old?.[i], references[i], advantages[i] ?? 0, scale, settings);
        const n = Math.max(1, values.length);
        return { loss, weights: [weights], figures: { kl: divergence / n, entropy: -sum(values) / n, clippedShare: clipped / n } };
      },
    }),
    figures: {
      reward: all.reduce((s, r) => s + r.reward, 0) / Math.max(1, all.length),
      rewardDeviation: deviations / Math.max(1, groups.length),
      zeroDeviationShare: zeroGroups / Math.max(1, groups.length),
      replyTokens: all.reduce((s, r) => s + r.reply.tokens.length, 0) / Math.max(1, all.length),
    },
  };
}
