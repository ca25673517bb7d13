// What a method wants of the log-probabilities of a step: a loss and token weights for each unit. SFT, DPO, KTO and GRPO
// differ in nothing else. Computing is in computeStep.ts; references come from references.ts, replies from groupStep.ts.
import type { TrainingMethod } from "../../protocol/training.ts";
import { judgedLoss } from "../losses/judged.ts";
import { preferenceLoss } from "../losses/preference.ts";
import { sftLoss, sum } from "../losses/sft.ts";
import { learntCount } from "../samples/tokenSample.ts";
import type { TrainingUnit } from "../samples/tokenSample.ts";
import type { RunConfig } from "./runConfig.ts";

/** Loss and weights of one unit, not yet divided by the step's count. */
export interface UnitLoss {
  readonly loss: number;
  /** For each of the unit's samples: one weight for all its learnt tokens, or one for each. */
  readonly weights: readonly (number | Float32Array)[];
  /** Figures to be averaged over units. */
  readonly figures: Readonly<Record<string, number>>;
}

/** The loss of a step's units; made anew for each step. */
export interface Objective {
  /** What the step's loss is divided by (tokens, pairs, replies); known before anything is computed. */
  readonly total: number;
  /** `logProbabilities`: of the learnt tokens of each of the unit's samples. */
  weigh(i: number, logProbabilities: readonly Float32Array[]): UnitLoss;
}

/** What the reference says of a step: sums of log p over learnt tokens for each unit's samples, and KTO's divergence. */
export interface References {
  readonly sums: readonly (readonly number[])[];
  /** z₀ of KTO; see judged.ts. */
  readonly divergence: number;
}

/** Whether a method compares with the model as it was. */
export function needsReference(method: TrainingMethod): boolean {
  return method === "dpo" || method === "kto";
}

/** The objective of SFT, DPO or KTO for the units of a step; `references` for the latter two. */
export function objectiveFor(method: Exclude<TrainingMethod, "grpo">, config: RunConfig, units: readonly TrainingUnit[], references: References | null): Objective {
  switch (method) {
    case "sft": return {
      total: units.reduce((n, unit) => n + learntTokens(unit), 0),
      weigh: (_, [values = new Float32Array(0)]) => {
        const { loss, weight } = sftLoss(values);
        return { loss, weights: [weight], figures: {} };
      },
    };
    case "dpo": return {
      total: units.length,
      weigh: (i, [chosen = new Float32Array(0), rejected = new Float32Array(0)]) => {
        const [referenceChosen = 0, referenceRejected = 0] = references?.sums[i] ?? [];
        const [chosenSum, rejectedSum] = [sum(chosen), sum(rejected)];
        const { loss, chosenWeight, rejectedWeight, margin } = preferenceLoss({ chosen: chosenSum, rejected: rejectedSum, referenceChosen, referenceRejected, chosenTokens: chosen.length, rejectedTokens: rejected.length }, config.dpo);
        return { loss, weights: [chosenWeight, rejectedWeight], figures: { margin, accuracy: margin > 0 ? 1 : 0, chosenLogProbability: chosenSum, rejectedLogProbability: rejectedSum } };
      },
    };
    case "kto": return {
      total: units.length,
      weigh: (i, [values = new Float32Array(0)]) => {
        const good = units[i]?.good === true;
        const total = sum(values);
        const { loss, weight, reward } = judgedLoss(total, references?.sums[i]?.[0] ?? 0, good, references?.divergence ?? 0, config.kto);
        const side = good ? "chosen" : "rejected";
        return { loss, weights: [weight], figures: { [`${side}LogProbability`]: total, [`${side}Reward`]: reward, accuracy: good === reward > 0 && reward !== 0 ? 1 : 0 } };
      },
    };
  }
}

function learntTokens(unit: TrainingUnit): number {
  return unit.samples.reduce((n, sample) => n + learntCount(sample), 0);
}

/** Means of figures that units give, each over the units that have it. */
export class FigureMeans {
  readonly #sums = new Map<string, { total: number; n: number }>();

  add(figures: Readonly<Record<string, number>>): void {
    for (const [name, value] of Object.entries(figures)) {
      const entry = this.#sums.get(name) ?? { total: 0, n: 0 };
      entry.total += value;
      entry.n++;
      this.#sums.set(name, entry);
    }
  }

  means(): Record<string, number> {
    return Object.fromEntries([...this.#sums].map(([name, { total, n }]) => [name, total / n]));
  }
}
