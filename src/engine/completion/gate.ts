// The gate: how probable it is that a candidate is exactly what follows. A logistic function of figures from the look-up
// and, where there is one, the model. Fitted by tools/gate/fitGate.ts; provenance stands in gateWeights.json.
import type { Continuation } from "./continuationSearch.ts";
import fitted from "./gateWeights.json" with { type: "json" };

/** What the model says of a candidate; natural logarithms of token probabilities. */
export interface ModelJudgement {
  /** Of the candidate's tokens, without its end. */
  tokenLogProbs: readonly number[];
  /** Of ending the line there. */
  endLogProb: number;
  /** Whether the model wrote this very text itself. */
  wrote: boolean;
}

/** All that is known of one candidate. */
export interface CandidateEvidence {
  text: string;
  /** The look-up's figures for this text. */
  lookup: Continuation;
  /** Its rank among the look-up's own continuations, 0 first; -1 where the look-up did not propose it. */
  lookupRank: number;
  /** Log-probability of the look-up's best other continuation. */
  bestOther: number;
  /** Whether a word was half typed, and whether the caret stands at the start of a line. */
  typedWord: boolean;
  atLineStart: boolean;
  /** How often the completed line stands in the file already: among the eight lines above and below, and further off. */
  sameLinesNear: number;
  sameLinesFar: number;
  model: ModelJudgement | null;
}

export const LOOKUP_FEATURES = [
  "bias", "logProbability", "probability", "least", "first", "end", "worstEscape", "firstOrder", "meanOrder",
  "margin", "best", "characters", "lexemes", "typedWord", "atLineStart", "hasWord", "sameLineNear", "sameLineFar", "closersOnly",
] as const;
export const MODEL_FEATURES = ["modelSum", "modelProbability", "modelMean", "modelLeast", "modelFirst", "modelEnd", "modelWrote", "agreement"] as const;

/** The figures as the logistic function takes them; the model's only where it has spoken. */
export function gateFeatures(evidence: CandidateEvidence): number[] {
  const { lookup, text, model } = evidence;
  const features = [
    1,
    Math.max(lookup.logProbability, -15) / 5,
    Math.exp(lookup.logProbability),
    Math.max(lookup.leastLogProbability, -10) / 3,
    Math.max(lookup.firstLogProbability, -10) / 3,
    Math.max(lookup.endLogProbability, -10) / 3,
    Math.exp(lookup.worstEscape),
    lookup.firstOrder / 9,
    lookup.meanOrder / 9,
    Math.max(-3, Math.min(6, lookup.logProbability - evidence.bestOther)) / 3,
    evidence.lookupRank === 0 ? 1 : 0,
    Math.log2(1 + text.length) / 5,
    Math.log2(1 + lookup.lexemes.length) / 4,
    evidence.typedWord ? 1 : 0,
    evidence.atLineStart ? 1 : 0,
    /\w{2}/.test(text) ? 1 : 0,
    Math.min(2, evidence.sameLinesNear) / 2,
    Math.min(3, evidence.sameLinesFar) / 3,
    /^[\s)\]};,]*$/.test(text) ? 1 : 0,
  ];
  if (!model) return features;
  const n = Math.max(1, model.tokenLogProbs.length);
  const sum = model.tokenLogProbs.reduce((total, value) => total + value, 0);
  const wroteBest = model.wrote && evidence.lookupRank === 0;
  features.push(
    Math.max(sum, -20) / 5, Math.exp(sum), Math.max(sum / n, -6) / 2,
    Math.max(Math.min(0, ...model.tokenLogProbs), -10) / 3, Math.max(model.tokenLogProbs[0] ?? -10, -10) / 3,
    Math.max(model.endLogProb, -10) / 3,
    model.wrote ? 1 : 0, wroteBest ? 1 : 0,
  );
  return features;
}

/** The probability, in [0, 1], that `evidence.text` is exactly the rest of the line. */
export function gateProbability(evidence: CandidateEvidence): number {
  const features = gateFeatures(evidence);
  const weights: readonly number[] = evidence.model ? fitted.withModel : fitted.lookupAlone;
  let score = 0;
  for (const [i, value] of features.entries()) score += value * (weights[i] ?? 0);
  return 1 / (1 + Math.exp(-score));
}
