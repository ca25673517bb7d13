// One step's forward and backward passes: packs units, lets an objective weigh their tokens, and accumulates gradients that are
// exactly those of one large batch, since every weight is divided by what the whole step counts. It moves no weights.
import { EngineError } from "../../base/errors.ts";
import type { AdaptedModel } from "../adaptedModel.ts";
import { learntOf, pack, spread } from "../samples/pack.ts";
import type { Packed } from "../samples/pack.ts";
import type { TrainingUnit } from "../samples/tokenSample.ts";
import { FigureMeans } from "./objective.ts";
import type { Objective } from "./objective.ts";

export interface StepOutcome {
  /** Mean loss by the objective's own count; 0 where nothing counts. */
  readonly loss: number;
  readonly figures: Readonly<Record<string, number>>;
  readonly nTokens: number;
  /** Whether any token had a weight: where none had, there is nothing to learn and no step to take. */
  readonly learnt: boolean;
}

/** Tokens of a batch are filled up to a multiple of this, so that few different lengths are computed. */
export const BATCH_MULTIPLE = 32;

/**
 * Adds the gradients of the mean loss of `units` to those that are accumulated.
 * Errors: `trainingFailed` where a loss is no number, naming the records of its batch (gradients are cleared); CancelledError
 * (gradients are cleared too); those of the model.
 */
export async function accumulateStep(model: AdaptedModel, units: readonly TrainingUnit[], objective: Objective, signal?: AbortSignal): Promise<StepOutcome> {
  try {
    return await computeStep(model, units, objective, true, signal);
  } catch (error) {
    model.clearGradients();
    throw error;
  }
}

/** The mean loss and figures of `units` with the adapter on, without gradients. */
export async function measureStep(model: AdaptedModel, units: readonly TrainingUnit[], objective: Objective, signal?: AbortSignal): Promise<StepOutcome> {
  return computeStep(model, units, objective, false, signal);
}

async function computeStep(model: AdaptedModel, units: readonly TrainingUnit[], objective: Objective, backward: boolean, signal?: AbortSignal): Promise<StepOutcome> {
  const packed = pack(units.map((unit) => unit.samples), model.maxTokens, BATCH_MULTIPLE);
  const { total } = objective;
  const apart = await valuesOfUnitsApart(model, units, packed, signal);
  const means = new FigureMeans();
  let loss = 0;
  let learnt = false;
  for (const one of packed) {
    const { batch } = one;
    // The loss of each unit counts in the batch of its first sample, once.
    const weigh = (values: Float32Array): Float32Array => {
      const weights = new Float32Array(batch.nTokens);
      let batchLoss = 0;
      for (const unit of new Set(one.samples.map((s) => s.unit))) {
        const own = one.samples.filter((s) => s.unit === unit);
        const logProbabilities = apart.get(unit) ?? own.map((s) => learntOf(values, batch, s));
        const result = objective.weigh(unit, logProbabilities);
        if (own.some((s) => s.sample === 0)) {
          batchLoss += result.loss;
          means.add(result.figures);
        }
        for (const at of own) {
          const weight = result.weights[at.sample] ?? 0;
          const perToken = typeof weight === "number" ? new Float32Array(at.length).fill(weight / total) : weight.map((w) => w / total);
          if (total > 0) spread(perToken, batch, at, weights);
        }
      }
      if (!Number.isFinite(batchLoss) || !weights.every(Number.isFinite)) throw noNumber(batchLoss, units, one);
      loss += batchLoss;
      learnt ||= weights.some((w) => w !== 0);
      return weights;
    };
    if (backward) await model.accumulate(batch, weigh, signal);
    else weigh(await model.logProbabilities(batch, "on", signal));
  }
  return { loss: total > 0 ? loss / total : 0, figures: means.means(), nTokens: packed.reduce((n, p) => n + p.batch.nTokens, 0), learnt };
}

/** Log-probabilities of units whose samples lie in several batches: their weights need all of them before the first backward pass. */
async function valuesOfUnitsApart(model: AdaptedModel, units: readonly TrainingUnit[], packed: readonly Packed[], signal?: AbortSignal): Promise<Map<number, Float32Array[]>> {
  const batchesOf = new Map<number, Set<Packed>>();
  for (const one of packed) for (const { unit } of one.samples) batchesOf.set(unit, (batchesOf.get(unit) ?? new Set()).add(one));
  const values = new Map<number, Float32Array[]>();
  for (const [unit, batches] of batchesOf) if (batches.size > 1) values.set(unit, Array.from({ length: units[unit]?.samples.length ?? 0 }, () => new Float32Array(0)));
  if (values.size === 0) return values;
  for (const one of packed) {
    const wanted = one.samples.filter((s) => values.has(s.unit));
    if (wanted.length === 0) continue;
    const all = await model.logProbabilities(one.batch, "on", signal);
    for (const at of wanted) {
      const list = values.get(at.unit);
      if (list !== undefined) list[at.sample] = learntOf(all, one.batch, at);
    }
  }
  return values;
}

function noNumber(loss: number, units: readonly TrainingUnit[], packed: Packed): EngineError {
  const records = [...new Set(packed.samples.map((s) => units[s.unit]?.at ?? ""))];
  const named = records.slice(0, 5).join(", ") + (records.length > 5 ? ` and ${records.length - 5} more` : "");
  return new EngineError("trainingFailed", `The loss became ${Number.isNaN(loss) || Number.isFinite(loss) ? "no number" : loss} in a batch with these records: ${named}. The adapter of the last good step is kept. Look at these records, or train with a lower learning rate.`, { records });
}
