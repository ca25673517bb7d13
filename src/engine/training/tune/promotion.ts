// Whether an adapter may go live: better on held-out data, and not worse on unrelated text beyond a stated margin, both by
// bootstrap intervals over samples that were measured before and after. Pure functions.
// Source: Efron & Tibshirani 1993, ch. 13 (percentile intervals); pairing removes what makes samples differ among themselves.
import { SeededRandom } from "../../base/random.ts";
import type { TrainingMethod } from "../../protocol/training.ts";
import type { PromotionSettings } from "./runConfig.ts";

export type PromotionRule = Pick<PromotionSettings, "generalMargin" | "draws">;

/** A sample's negative log-likelihood before and after, summed over `nTokens`. */
export interface PairedLoss {
  readonly before: number;
  readonly after: number;
  readonly nTokens: number;
}

export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface PerplexityChange {
  readonly perplexityBefore: number;
  readonly perplexityAfter: number;
  readonly nTokens: number;
  /** perplexityAfter / perplexityBefore − 1, with its 95 % interval; null where nothing was measured. */
  readonly change: Interval | null;
}

/** The 95 % percentile interval of `statistic` over `items`, drawn with replacement. */
export function bootstrap<T>(items: readonly T[], statistic: (drawn: readonly T[]) => number, draws: number, seed: number): Interval {
  const random = new SeededRandom(seed);
  const values: number[] = [];
  const drawn: T[] = new Array<T>(items.length);
  for (let d = 0; d < draws; d++) {
    for (let i = 0; i < items.length; i++) drawn[i] = items[random.integer(items.length)] as T;
    values.push(statistic(drawn));
  }
  values.sort((a, b) => a - b);
  const at = (share: number): number => values[Math.min(values.length - 1, Math.max(0, Math.round(share * (values.length - 1))))] ?? NaN;
  return { value: statistic(items), low: at(0.025), high: at(0.975) };
}

/** Perplexities over all tokens of `samples`, and how they changed. */
export function perplexityChange(samples: readonly PairedLoss[], settings: PromotionRule): PerplexityChange {
  const nTokens = samples.reduce((n, s) => n + s.nTokens, 0);
  if (nTokens === 0) return { perplexityBefore: 0, perplexityAfter: 0, nTokens: 0, change: null };
  const total = (pick: (s: PairedLoss) => number): number => samples.reduce((n, s) => n + pick(s), 0);
  const relative = (drawn: readonly PairedLoss[]): number => {
    let difference = 0;
    let tokens = 0;
    for (const s of drawn) {
      difference += s.after - s.before;
      tokens += s.nTokens;
    }
    return Math.exp(difference / tokens) - 1;
  };
  return {
    perplexityBefore: Math.exp(total((s) => s.before) / nTokens), perplexityAfter: Math.exp(total((s) => s.after) / nTokens), nTokens,
    change: bootstrap(samples, relative, settings.draws, 1),
  };
}

/** What decides besides unrelated text, by method; see {@link decidePromotion}. */
export type HeldOutEvidence =
  | { readonly kind: "perplexity"; readonly change: Interval | null }
  | { readonly kind: "pairs"; readonly accuracy: Interval | null }
  | { readonly kind: "reward"; readonly gain: Interval | null };

export interface PromotionDecision {
  readonly promoted: boolean;
  readonly sentence: string;
}

/**
 * The rule. Better means that the whole interval is on the better side: perplexity change below 0, share of held-out pairs
 * that are ordered rightly above one half, reward gain above 0. Not worse means that the interval of the general
 * perplexity's change ends below the margin.
 */
export function decidePromotion(method: TrainingMethod, heldOut: HeldOutEvidence, general: PerplexityChange, settings: PromotionRule): PromotionDecision {
  const evidence = judgeHeldOut(heldOut);
  if (!evidence.better) return { promoted: false, sentence: `Not promoted: ${evidence.sentence}.` };
  if (general.change === null) return { promoted: false, sentence: `Not promoted: ${evidence.sentence}, but there is no unrelated text to show that nothing was forgotten.` };
  const margin = percent(settings.generalMargin);
  const unrelated = `the perplexity of unrelated text changed by ${signed(general.change.value)} (95 % interval ${signed(general.change.low)} to ${signed(general.change.high)}; at most +${margin} is allowed)`;
  if (general.change.high > settings.generalMargin) return { promoted: false, sentence: `Not promoted: ${evidence.sentence}, but ${unrelated}. ${method === "sft" ? "Train fewer steps, with a lower learning rate, or with some unrelated text among the data." : "Train fewer steps or with a lower learning rate."}` };
  return { promoted: true, sentence: `Promoted: ${evidence.sentence}, and ${unrelated}.` };
}

function judgeHeldOut(evidence: HeldOutEvidence): { better: boolean; sentence: string } {
  const none = { better: false, sentence: "there are no held-out data to show that it is better" };
  switch (evidence.kind) {
    case "perplexity": {
      if (evidence.change === null) return none;
      const { value, low, high } = evidence.change;
      return { better: high < 0, sentence: `held-out perplexity changed by ${signed(value)} (95 % interval ${signed(low)} to ${signed(high)})` };
    }
    case "pairs": {
      if (evidence.accuracy === null) return none;
      const { value, low, high } = evidence.accuracy;
      return { better: low > 0.5, sentence: `${percent(value)} of held-out replies are ordered rightly (95 % interval ${percent(low)} to ${percent(high)}; chance is 50 %)` };
    }
    case "reward": {
      if (evidence.gain === null) return none;
      const { value, low, high } = evidence.gain;
      return { better: low > 0, sentence: `the mean reward on held-out tasks changed by ${fixed(value)} (95 % interval ${fixed(low)} to ${fixed(high)})` };
    }
  }
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function signed(share: number): string {
  return `${share > 0 ? "+" : share < 0 ? "−" : ""}${percent(Math.abs(share))}`;
}

function fixed(value: number): string {
  return `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(3)}`;
}
