// The loss over single replies that were found good or bad (KTO). Pure numbers.
//
// With r = log π(y|x) − log ref(y|x) and z₀ an estimate of KL(π‖ref), both sums over a reply's tokens:
//   good  λ_D · (1 − σ(β(r − z₀)))      bad  λ_U · (1 − σ(β(z₀ − r)))
// Source: Ethayarajh et al. 2024, "KTO: Model Alignment as Prospect Theoretic Optimization", eq. 8. No gradient flows through z₀.
import { sigmoid } from "./preference.ts";
import type { KtoSettings } from "../tune/runConfig.ts";

export interface JudgedLoss {
  readonly loss: number;
  /** wₜ of −Σ wₜ·log pₜ for every token of the reply. */
  readonly weight: number;
  /** β·r. */
  readonly reward: number;
}

export function judgedLoss(logProbability: number, reference: number, good: boolean, divergence: number, settings: KtoSettings): JudgedLoss {
  const { beta, desirableWeight, undesirableWeight } = settings;
  const ratio = logProbability - reference;
  const sign = good ? 1 : -1;
  const scale = good ? desirableWeight : undesirableWeight;
  const value = sigmoid(sign * beta * (ratio - divergence));
  return { loss: scale * (1 - value), weight: sign * scale * beta * value * (1 - value), reward: beta * ratio };
}

/**
 * z₀: the mean of log π(y′|x) − log ref(y′|x) over replies y′ that belong to other prompts, at least 0. It is biased, but
 * cheap and enough for KTO (section 4.2 of the paper, and TRL).
 */
export function divergenceEstimate(ratios: readonly number[]): number {
  return ratios.length === 0 ? 0 : Math.max(0, ratios.reduce((a, b) => a + b, 0) / ratios.length);
}
