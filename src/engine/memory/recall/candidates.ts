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
  const scores = new Float32Array(index.size);
  const touched: number[] = [];
  const add = (document: number, weight: number): void => {
    if (scores[document] === 0) touched.push(document);
    scores[document] = (scores[document] as number) + weight;
  };
  const addWhereTouched = (documents: Uint32Array, weight: number): void => {
    for (const document of touched) if (holds(documents, document)) scores[document] = (scores[document] as number) + weight;
  };
  for (const { term, idf } of [...terms].sort((a, b) => b.idf - a.idf)) {
    const documents = index.documents(term);
    if (documents.length > COMMON && touched.length > 0) addWhereTouched(documents, idf);
    else for (let at = Math.max(0, documents.length - COMMON); at < documents.length; at++) add(documents[at] as number, idf);
    const labelled = index.labelDocuments(term);
    // A speaker's name is on every second turn: it tells between episodes that are there, and brings none by itself unless it is rare.
    if (labelled.length <= BY_WORDS) for (const document of labelled) add(document, idf / 2);
    else addWhereTouched(labelled, idf / 4);
  }
  const order = best(touched, BY_WORDS, (a, b) => (scores[a] as number) - (scores[b] as number) || index.body(b).length - index.body(a).length || a - b);
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

/** The `n` best, best first, without sorting all: a heap of the best so far, its worst on top. Of equals the shorter text, then the later one. */
function best(documents: readonly number[], n: number, compare: (a: number, b: number) => number): number[] {
  const heap: number[] = [];
  const sink = (from: number): void => {
    for (let at = from; ;) {
      const left = 2 * at + 1;
      if (left >= heap.length) return;
      const child = left + 1 < heap.length && compare(heap[left + 1] as number, heap[left] as number) < 0 ? left + 1 : left;
      if (compare(heap[child] as number, heap[at] as number) >= 0) return;
      [heap[at], heap[child]] = [heap[child] as number, heap[at] as number];
      at = child;
    }
  };
  for (const document of documents) {
    if (heap.length < n) {
      heap.push(document);
      if (heap.length === n) for (let at = n >> 1; at >= 0; at--) sink(at);
    } else if (compare(document, heap[0] as number) > 0) {
      heap[0] = document;
      sink(0);
    }
  }
  return heap.sort((a, b) => compare(b, a));
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
