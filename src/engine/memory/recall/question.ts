// What a question to memory asks for: its terms with their order, whom it names, what kind of answer, which time.
import { findAnchors, findOrdinal, findTimes } from "./timeExpressions.ts";
import type { Ordinal, TimeAnchor, TimeInterval } from "./timeExpressions.ts";
import { termsOf } from "./terms.ts";

export interface QuestionKind {
  when: boolean;
  where: boolean;
  who: boolean;
  why: boolean;
  howMany: boolean;
  howLong: boolean;
  /** "what kind of", "which", "what is the name of". */
  which: boolean;
  /** Asks for several things: "what activities", "which books". */
  several: boolean;
  /** "would", "might", "likely": the answer is to be inferred. */
  inference: boolean;
  feeling: boolean;
  saying: boolean;
  picture: boolean;
  /** "both", "in common". */
  both: boolean;
}

export interface MemoryQuestion {
  text: string;
  kind: QuestionKind;
  /** Hashes of the terms, each once, in order. */
  terms: number[];
  /** Neighbouring terms of the question. */
  bigrams: (readonly [number, number])[];
  times: TimeInterval[];
  anchors: TimeAnchor[];
  ordinal: Ordinal | null;
}

/** `now`: when it is asked, ms since 1970. */
export function understandMemoryQuestion(text: string, now: number, offsetMinutes = 0): MemoryQuestion {
  const sequence = termsOf(text);
  return {
    text, kind: kindOf(text), terms: [...new Set(sequence)],
    bigrams: sequence.slice(1).map((term, at) => [sequence[at] as number, term] as const),
    times: findTimes(text, now, offsetMinutes), anchors: findAnchors(text), ordinal: findOrdinal(text),
  };
}

function kindOf(text: string): QuestionKind {
  return {
    when: /\b(?:when|what (?:date|day|month|year|time)|which (?:month|year|day|date))\b/i.test(text),
    where: /\b(?:where|which (?:city|country|place|state)|what (?:city|country|place|state))\b/i.test(text),
    who: /\b(?:who|whom|whose)\b/i.test(text),
    why: /\b(?:why|what (?:motivated|inspired|made|prompted|caused)|reason)\b/i.test(text),
    howMany: /\bhow (?:many|much|often)\b|\bnumber of\b/i.test(text),
    howLong: /\bhow (?:long|old)\b/i.test(text),
    which: /\b(?:which|what (?:kind|type|sort|is the (?:name|title)|was the (?:name|title))|name of|called)\b/i.test(text),
    several: /\b(?:what|which)(?: [a-z]+)? (?!(?:is|was|does|has|this|kinds?|types?)\b)[a-z]{3,}s\b|\b(?:both|in common|all)\b|\bwhat (?:do|did|has|have|does) \w+ (?:do|done|like|enjoy)\b|\bin what ways\b/i.test(text),
    inference: /\b(?:would|might|could|likely|considered|probably|potentially|if)\b/i.test(text),
    feeling: /\bfeel|felt|feeling|react|opinion|attitude\b/i.test(text),
    saying: /\b(?:say|said|tell|told|mention(?:ed)?|describe|suggest(?:ed)?|recommend(?:ed)?|advice|think)\b/i.test(text),
    picture: /\b(?:photo|picture|image|show(?:ed|n)?|share[ds]?|look like|painting)\b/i.test(text),
    both: /\b(?:both|in common|share)\b/i.test(text),
  };
}
