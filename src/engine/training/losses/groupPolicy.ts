// The loss of GRPO over replies that the model itself drew, group by group. Pure numbers.
//
// Advantage of reply i of a group: A = (rᵢ − mean r) / (deviation + 1e-4) (Shao et al. 2024, DeepSeekMath §4.1; the deviation
// is that of a sample, as in TRL), or without the division (Liu et al. 2025, Dr. GRPO §3.1: dividing favours prompts on
// which replies hardly differ). Loss of a token, with ρ = π/π_old:
//   −min(ρ·A, clip(ρ, 1−ε, 1+ε_high)·A) + β·(e^(ref−π) − (ref−π) − 1)
// where the last is Schulman's k3 estimator of KL(π‖ref): unbiased for its value and never negative.
// How tokens are averaged matters, since it decides how length counts. GRPO averages within a reply first, so a token of a
// long wrong reply is punished less, and replies grow. "tokens" (Yu et al. 2025, DAPO §3.3), our default, lets every token
// of a step count alike; "constant" (Dr. GRPO) divides by a fixed length, so that a step's other replies do not matter.
import type { GrpoSettings } from "../tune/runConfig.ts";

/** Keeps advantages finite where rewards hardly differ; TRL's value. */
const LEAST_DEVIATION = 1e-4;

export interface GroupAdvantages {
  readonly advantages: number[];
  readonly mean: number;
  /** Standard deviation of the sample (n − 1). */
  readonly deviation: number;
}

/** Errors: none; a group in which all rewards are alike has advantages of exactly 0. */
export function groupAdvantages(rewards: readonly number[], scaleByDeviation: boolean): GroupAdvantages {
  const n = rewards.length;
  const mean = rewards.reduce((a, b) => a + b, 0) / Math.max(1, n);
  const alike = rewards.every((r) => r === rewards[0]);
  if (alike) return { advantages: rewards.map(() => 0), mean, deviation: 0 };
  const deviation = Math.sqrt(rewards.reduce((sum, r) => sum + (r - mean) ** 2, 0) / (n - 1));
  return { advantages: rewards.map((r) => (r - mean) / (scaleByDeviation ? deviation + LEAST_DEVIATION : 1)), mean, deviation };
}

export interface ReplyLoss {
  /** Sum over the reply's tokens, each times `scale`. */
  readonly loss: number;
  /** wₜ of −Σ wₜ·log pₜ. */
  readonly weights: Float32Array;
  /** Tokens whose ratio was clipped, so that they weigh nothing but the KL term. */
  readonly clipped: number;
  /** Sum of the k3 estimates over tokens; 0 where there is no reference. */
  readonly divergence: number;
}

/**
 * `old` are log-probabilities when the reply was drawn (those given where absent: the first update on it), `reference` those
 * of the base model; `scale` is what each token counts.
 */
export function replyLoss(
  logProbabilities: Float32Array, old: Float32Array | undefined, reference: Float32Array | undefined, advantage: number, scale: number,
  settings: Pick<GrpoSettings, "clip" | "clipHigh" | "beta">,
): ReplyLoss {
  const weights = new Float32Array(logProbabilities.length);
  let loss = 0;
  let clipped = 0;
  let divergence = 0;
  for (const [t, policy] of logProbabilities.entries()) {
    const ratio = old === undefined ? 1 : Math.exp(policy - (old[t] ?? policy));
    const within = Math.min(Math.max(ratio, 1 - settings.clip), 1 + settings.clipHigh);
    const isClipped = within * advantage < ratio * advantage;
    if (isClipped) clipped++;
    let tokenLoss = -Math.min(ratio * advantage, within * advantage);
    let weight = isClipped ? 0 : ratio * advantage;
    if (reference !== undefined) {
      const distance = (reference[t] ?? policy) - policy;
      const k3 = Math.exp(distance) - distance - 1;
      divergence += k3;
      tokenLoss += settings.beta * k3;
      weight -= settings.beta * (1 - Math.exp(distance));
    }
    loss += scale * tokenLoss;
    weights[t] = scale * weight;
  }
  return { loss, weights, clipped, divergence };
}

/** What each token of a reply counts, and what the reply adds to the sum by which a step is divided. */
export function replyShare(normalise: GrpoSettings["normalise"], nTokens: number, maxReplyTokens: number): { scale: number; count: number } {
  switch (normalise) {
    case "tokens": return { scale: 1, count: nTokens };
    case "replies": return { scale: nTokens === 0 ? 0 : 1 / nTokens, count: 1 };
    case "constant": return { scale: 1 / maxReplyTokens, count: 1 };
  }
}
