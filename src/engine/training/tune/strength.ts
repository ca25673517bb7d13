// How strongly a trained adapter is applied: at full strength, or at the share of it at which unrelated text stays within the
// margin of the rule of promotion. It is fitted on other unrelated texts than those that the rule judges by; these may only send it
// further down. Near the base, what is gained falls about in proportion to the strength and what is
// forgotten with its square, so that half the strength keeps most of the gain at a quarter of the cost.
// Source: Wortsman et al. 2022 (WiSE-FT: weights between the base's and the tuned ones); the second-order argument is ours.
import type { AdaptedModel } from "../adaptedModel.ts";
import type { TokenSample } from "../samples/tokenSample.ts";
import { pairedLosses } from "./evaluate.ts";
import { perplexityChange } from "./promotion.ts";
import type { PerplexityChange, PromotionRule } from "./promotion.ts";

/** Below, nothing worth having is left of what was learnt. */
const LEAST_STRENGTH = 0.1;
/** Measurements, each a pass over the unrelated samples. */
const MOST_TRIES = 6;
/** A strength that uses this much of the margin is not worth raising. */
const CLOSE = 0.7;
/** Steps down, and how far each goes, where the texts that judge do not bear out what was fitted. */
const MOST_STEPS_DOWN = 2;
const STEP_DOWN = 0.75;
/** Aims this far inside the margin, as the square is only about right. */
const CAUTION = 0.92;

export interface FittedStrength {
  /** In (0, 1]: the share of the learnt change that the model now holds. */
  readonly strength: number;
  /** How unrelated text fares at that strength. */
  readonly unrelated: PerplexityChange;
}

/**
 * Lowers the strength of the adapter in `model` until unrelated samples stay within the margin, and leaves it so: those of `fit`
 * choose, those of `judge` (the same where there are no others) have the last word. Where even the least strength does not, full
 * strength is put back: the rule then refuses the adapter as it was learnt. Errors: CancelledError, those of the model.
 */
export async function fitStrength(model: AdaptedModel, fit: readonly TokenSample[], judge: readonly TokenSample[], rule: PromotionRule, signal?: AbortSignal): Promise<FittedStrength> {
  const full = model.state().map((tensor) => ({ ...tensor, values: tensor.values.slice() }));
  const measure = async (samples = fit): Promise<PerplexityChange> => perplexityChange(await pairedLosses(model, samples, signal), rule);
  const apply = (strength: number): void => model.restore(strength === 1 ? full : full.map((tensor) => (tensor.name.endsWith(".lora_b") ? { ...tensor, values: tensor.values.map((value) => value * strength) } : tensor)));
  const atFull = await measure();
  let tried = { strength: 1, unrelated: atFull };
  let fits: FittedStrength | null = null;
  let tooStrong = Infinity;
  for (let tries = 1; tries < MOST_TRIES; tries++) {
    const worst = tried.unrelated.change?.high ?? 0;
    if (worst <= rule.generalMargin) {
      fits = tried;
      if (tried.strength === 1 || worst >= CLOSE * rule.generalMargin) break;
    } else {
      tooStrong = tried.strength;
    }
    // Where the square would have it, but strictly between what fits and what does not.
    const guess = worst > 0 ? tried.strength * Math.sqrt((CAUTION * rule.generalMargin) / worst) : tooStrong;
    const strength = Math.min(Math.max(guess, fits?.strength ?? 0), fits === null ? 0.8 * tooStrong : (fits.strength + tooStrong) / 2);
    if (strength < LEAST_STRENGTH) break;
    apply(strength);
    tried = { strength, unrelated: await measure() };
  }
  if ((tried.unrelated.change?.high ?? 0) <= rule.generalMargin) fits = tried;
  const chosen = fits ?? { strength: 1, unrelated: atFull };
  apply(chosen.strength);
  if (judge === fit) return chosen;
  let judged = { ...chosen, unrelated: await measure(judge) };
  for (let step = 0; fits !== null && step < MOST_STEPS_DOWN && (judged.unrelated.change?.high ?? 0) > rule.generalMargin; step++) {
    const strength = STEP_DOWN * judged.strength;
    apply(strength);
    judged = { strength, unrelated: await measure(judge) };
  }
  return judged;
}
