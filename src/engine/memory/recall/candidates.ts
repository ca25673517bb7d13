// Which episodes are looked at closely for a question: those that share its rarest words, and their neighbours in the thread.
// Reads postings only; what is found is scored by features.ts.
import type { WeightedTerm } from "./bm25f.ts";
import type { RecallIndex } from "./recallIndex.ts";

/** How many are taken by their words; with neighbours there are up to twice as many. */
const BY_WORDS = 130;
const WITH_NEIGHBOURS = 50;
const REACH = 2;
export const MOST_CANDIDATES = 210;
/** A word in more episodes than this is only counted where it is asked for together with a rarer one's episodes; bounds the time of a query. */
const COMMON = 20_000;

/**
 * Documents in the order of storing, at most {@link MOST_CANDIDATES}. `extra`: documents that are looked at in any case.
 * A document's weight is the sum of idf over the question's words in it, label included at half.
 */
export function candidatesFor(index: RecallIndex, terms: readonly WeightedTerm[], extra: readonly number[] = []): number[] {
  const scores = new Map<number, number>();
  const rarestFirst = [...terms].sort((a, b) => b.idf - a.idf);
  for (const { term, idf } of rarestFirst) {
    const documents = index.documents(term);
    if (documents.length > COMMON && scores.size > 0) {
      const set = documents;
      for (const [document, score] of scores) if (holds(set, document)) scores.set(document, score + idf);
    } else {
      const from = Math.max(0, documents.length - COMMON);
      for (let at = from; at < documents.length; at++) add(scores, documents[at] as number, idf);
    }
    const labelled = index.labelDocuments(term);
    // A speaker's name is on every second turn: it tells between episodes that are there, and brings none by itself unless it is rare.
    if (labelled.length <= BY_WORDS) for (const document of labelled) add(scores, document, idf / 2);
    else for (const [document, score] of scores) if (holds(labelled, document)) scores.set(document, score + idf / 4);
  }
  // Of equals the shorter text, then the later one.
  const order = [...scores.keys()].sort((a, b) => (scores.get(b) as number) - (scores.get(a) as number) || index.body(a).length - index.body(b).length || b - a).slice(0, BY_WORDS);
  const chosen = new Set<number>(extra);
  for (const document of order) chosen.add(document);
  for (const document of order.slice(0, WITH_NEIGHBOURS)) {
    for (let steps = 1; steps <= REACH; steps++) {
      for (const way of [-steps, steps]) {
        const neighbour = index.neighbour(document, way);
        if (neighbour >= 0 && chosen.size < MOST_CANDIDATES) chosen.add(neighbour);
      }
    }
  }
  return [...chosen].sort((a, b) => a - b);
}

function add(scores: Map<number, number>, document: number, weight: number): void {
  scores.set(document, (scores.get(document) ?? 0) + weight);
}

/** Binary search in ascending documents. */
function holds(documents: Uint32Array, document: number): boolean {
  let low = 0;
  let high = documents.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((documents[middle] as number) < document) low = middle + 1;
    else high = middle;
  }
  return documents[low] === document;
}
