// Losses over pairs of replies (DPO and its relatives): from log-probabilities of the policy and of the reference, the loss,
// and what each token's log-probability weighs in it. Pure numbers: no tokens, batches or models.
//
// With πc, πr the log-probabilities of the chosen and the rejected reply (sums over tokens, or means where length-normalised),
// and the same under the reference, Δ = (πc − πr) − (refc − refr):
//   sigmoid  −(1−ε)·log σ(βΔ) − ε·log σ(−βΔ)        Rafailov et al. 2023 (DPO), eq. 7; ε: Mitchell 2023 (conservative DPO)
//   hinge    max(0, 1 − βΔ)                          Zhao et al. 2023 (SLiC-HF); Liu et al. 2023 (RSO), eq. 10
//   ipo      (Δ − 1/(2β))²                           Azar et al. 2023, eq. 17
//   robust   [−(1−ε)·log σ(βΔ) + ε·log σ(−βΔ)]/(1−2ε)  Chowdhury et al. 2024, eq. 12: unbiased where a share ε of labels is wrong
// and λ·(−πc/|c|) more with an SFT term (Pang et al. 2024, eq. 1), whose own normalisation is always by length.
import type { DpoSettings } from "../tune/runConfig.ts";

export interface ReplyPair {
  /** Sums of log p over the reply's tokens. */
  readonly chosen: number;
  readonly rejected: number;
  readonly referenceChosen: number;
  readonly referenceRejected: number;
  readonly chosenTokens: number;
  readonly rejectedTokens: number;
}

export interface PairLoss {
  readonly loss: number;
  /** wₜ of −Σ wₜ·log pₜ for every token of each reply: minus the derivative of the loss. */
  readonly chosenWeight: number;
  readonly rejectedWeight: number;
  /** β·Δ, the difference of implicit rewards. */
  readonly margin: number;
}

export function preferenceLoss(pair: ReplyPair, settings: DpoSettings): PairLoss {
  const { beta, labelSmoothing: epsilon, sftWeight } = settings;
  const perChosen = settings.lengthNormalised ? 1 / pair.chosenTokens : 1;
  const perRejected = settings.lengthNormalised ? 1 / pair.rejectedTokens : 1;
  const delta = perChosen * (pair.chosen - pair.referenceChosen) - perRejected * (pair.rejected - pair.referenceRejected);
  const margin = beta * delta;
  const { loss, slope } = lossAndSlope(settings.loss, delta, beta, epsilon);
  return {
    loss: loss - sftWeight * (pair.chosen / pair.chosenTokens),
    chosenWeight: -slope * perChosen + sftWeight / pair.chosenTokens,
    rejectedWeight: slope * perRejected,
    margin,
  };
}

/** The loss at `delta` and its derivative there. */
function lossAndSlope(kind: DpoSettings["loss"], delta: number, beta: number, epsilon: number): { loss: number; slope: number } {
  const x = beta * delta;
  switch (kind) {
    case "sigmoid": return { loss: -(1 - epsilon) * logSigmoid(x) - epsilon * logSigmoid(-x), slope: beta * (epsilon * sigmoid(x) - (1 - epsilon) * sigmoid(-x)) };
    case "hinge": return x < 1 ? { loss: 1 - x, slope: -beta } : { loss: 0, slope: 0 };
    case "ipo": {
      const distance = delta - 1 / (2 * beta);
      return { loss: distance ** 2, slope: 2 * distance };
    }
    case "robust": {
      const scale = 1 / (1 - 2 * epsilon);
      return { loss: scale * (epsilon * logSigmoid(-x) - (1 - epsilon) * logSigmoid(x)), slope: -scale * beta * ((1 - epsilon) * sigmoid(-x) + epsilon * sigmoid(x)) };
    }
  }
}

export function sigmoid(x: number): number {
  return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
}

/** log σ(x), exact for large |x| too. */
export function logSigmoid(x: number): number {
  return x >= 0 ? -Math.log1p(Math.exp(-x)) : x - Math.log1p(Math.exp(x));
}
