// Turns what a question says of time into what can be compared: "before the refactor" into a time by finding the refactor,
// "the second error" into one episode by counting errors. Expressions themselves are read by timeExpressions.ts.
import type { EpisodeKind } from "../graph/episode.ts";
import { Bm25fScorer, weightedTerms } from "./bm25f.ts";
import type { MemoryQuestion } from "./question.ts";
import type { RecallIndex } from "./recallIndex.ts";
import { termsOf } from "./terms.ts";
import type { TimeInterval } from "./timeExpressions.ts";

/** What people call episodes of a kind. */
const CALLED: readonly (readonly [RegExp, readonly EpisodeKind[]])[] = [
  [/^(?:error|exception|failure|traceback|crash)/, ["error"]],
  [/^(?:run|training|execution|cell|experiment)/, ["execution", "run"]],
  [/^(?:edit|change|fix)/, ["edit"]],
  [/^(?:decision|choice)/, ["decision"]],
  [/^(?:note|reminder)/, ["note"]],
  [/^(?:question|message|answer|thing (?:i|we|you) (?:said|asked))/, ["turn"]],
];
/** An event counts as found where so much of its words' weight stands in one episode. */
const EVENT_COVERAGE = 0.6;
/** Longer lists are walked from one end only so far. */
const MOST_COUNTED = 100_000;

/** The intervals of the question's anchors ("before X" → everything before X was first told). */
export function anchoredTimes(index: RecallIndex, { anchors }: MemoryQuestion): TimeInterval[] {
  return anchors.flatMap(({ relation, event }) => {
    const at = timeOfEvent(index, event);
    if (at === null) return [];
    if (relation === "before") return [{ from: -8.64e15, to: at, text: `before ${event}` }];
    if (relation === "after") return [{ from: at, to: 8.64e15, text: `after ${event}` }];
    return [{ from: at - 86_400_000, to: at + 86_400_000, text: `when ${event}` }];
  });
}

/** The document that an ordinal counts to, or -1. */
export function countedDocument(index: RecallIndex, { ordinal }: MemoryQuestion): number {
  const kinds = ordinal === null ? undefined : CALLED.find(([pattern]) => pattern.test(ordinal.what))?.[1];
  if (!kinds || ordinal === null) return -1;
  let left = Math.abs(ordinal.position);
  const step = ordinal.position > 0 ? 1 : -1;
  for (let document = step > 0 ? 0 : index.size - 1, seen = 0; document >= 0 && document < index.size && seen < MOST_COUNTED; document += step, seen++) {
    if (kinds.includes(index.kinds[document] as EpisodeKind) && --left === 0) return document;
  }
  return -1;
}

/** When the event was first told by an episode that holds most of its words; null where none does. */
function timeOfEvent(index: RecallIndex, event: string): number | null {
  const terms = weightedTerms(index, termsOf(event));
  if (terms.length === 0) return null;
  const scorer = new Bm25fScorer(index, terms);
  const rarest = terms.reduce((best, one) => (one.idf > best.idf ? one : best));
  let first: number | null = null;
  for (const document of index.documents(rarest.term).subarray(0, 2_000)) {
    if (scorer.coverage(document) < EVENT_COVERAGE) continue;
    const time = index.times[document] as number;
    if (first === null || time < first) first = time;
  }
  return first;
}
