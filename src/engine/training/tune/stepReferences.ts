// What a step of DPO or KTO needs of the base model before its loss can be told: log-probabilities of its samples with the
// adapter off, and for KTO an estimate of how far the policy has moved on replies that belong to other prompts.
import type { AdaptedModel } from "../adaptedModel.ts";
import type { TrainingMethod } from "../../protocol/training.ts";
import { divergenceEstimate } from "../losses/judged.ts";
import { sum } from "../losses/sft.ts";
import type { TokenSample, TrainingUnit } from "../samples/tokenSample.ts";
import { logProbabilitiesOf } from "./evaluate.ts";
import { needsReference, objectiveFor } from "./objective.ts";
import type { Objective } from "./objective.ts";
import type { ReferenceCache } from "./references.ts";
import type { RunConfig } from "./runConfig.ts";

export interface StepReferences {
  readonly model: AdaptedModel;
  readonly method: TrainingMethod;
  readonly config: RunConfig;
  readonly cache: ReferenceCache;
}

/** The objective for `units` of SFT, DPO or KTO. Errors: CancelledError, `diskFull`, those of the model. */
export async function objectiveOf(parts: StepReferences, units: readonly TrainingUnit[], signal?: AbortSignal): Promise<Objective> {
  const { model, method, config, cache } = parts;
  if (method === "grpo") throw new TypeError("GRPO makes its objective of replies (groupStep.ts).");
  if (!needsReference(method)) return objectiveFor(method, config, units, null);
  const flat = await cache.sums(model, units.flatMap((u) => u.samples), signal);
  let next = 0;
  const sums = units.map((unit) => unit.samples.map(() => flat[next++] ?? NaN));
  return objectiveFor(method, config, units, { sums, divergence: method === "kto" ? await divergence(parts, units, signal) : 0 });
}

/** z₀ over the step: every prompt with the reply of the next unit, which fits it only by chance. */
async function divergence({ model, cache }: StepReferences, units: readonly TrainingUnit[], signal?: AbortSignal): Promise<number> {
  if (units.length < 2) return 0;
  const mismatched = units.flatMap((unit, i) => {
    const sample = mismatch(unit.samples[0], units[(i + 1) % units.length]?.samples[0], model.maxTokens);
    return sample === null ? [] : [sample];
  });
  const policy = await logProbabilitiesOf(model, mismatched, "on", signal);
  const reference = await cache.sums(model, mismatched, signal);
  return divergenceEstimate(policy.map((values, i) => sum(values) - (reference[i] ?? 0)));
}

function mismatch(own: TokenSample | undefined, other: TokenSample | undefined, longest: number): TokenSample | null {
  if (own === undefined || other === undefined) return null;
  const from = own.learnt.indexOf(1);
  const replyFrom = other.learnt.indexOf(1);
  if (from < 1 || replyFrom < 1) return null;
  const reply = other.tokens.subarray(replyFrom, replyFrom + Math.max(0, longest - from));
  if (reply.length === 0) return null;
  const tokens = new Int32Array(from + reply.length);
  tokens.set(own.tokens.subarray(0, from));
  tokens.set(reply, from);
  return { tokens, learnt: new Uint8Array(tokens.length).fill(1, from) };
}
