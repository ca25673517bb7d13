// BM25F over a turn's text, its label (who speaks, what it is called) and the turns around it, with own idf and length norm by
// field. Source: Robertson, Zaragoza & Taylor 2004 ("Simple BM25 extension to multiple weighted fields"). Weights: ours, chosen by
// leave-one-conversation-out on public conversations (tools/memory-ranker).
import type { RecallIndex } from "./recallIndex.ts";

export const BM25F = {
  k1: 1.2,
  /** How far a text's length counts against it, 0 to 1. */
  b: 0.6,
  labelWeight: 0.5,
  /** Weights of the turns one, two and three before, and after. */
  before: [0.5, 0.25, 0.12],
  after: [0.5, 0.25, 0.12],
} as const;

/** A query's terms as they stand in the index: those that do not are left out. */
export interface WeightedTerm {
  term: number;
  idf: number;
}

export function weightedTerms(index: RecallIndex, hashes: readonly number[]): WeightedTerm[] {
  return hashes.flatMap((hash) => {
    const term = index.term(hash);
    return term === undefined ? [] : [{ term, idf: index.idf(term) }];
  });
}

/** How often each of `terms` stands in a document's text, normalised by its length. */
function frequencies(index: RecallIndex, document: number, places: ReadonlyMap<number, number>, into: Float64Array, weight: number): void {
  const body = index.body(document);
  const share = weight / (1 - BM25F.b + BM25F.b * body.length / index.averageBody);
  for (const term of body) {
    const place = places.get(term);
    if (place !== undefined) into[place] = (into[place] as number) + share;
  }
}

/** Scores documents for one query; keeps its working memory between documents. */
export class Bm25fScorer {
  readonly #index: RecallIndex;
  readonly #terms: readonly WeightedTerm[];
  readonly #places: ReadonlyMap<number, number>;
  readonly #frequencies: Float64Array;
  /** The most that a document can reach. */
  readonly ceiling: number;

  constructor(index: RecallIndex, terms: readonly WeightedTerm[]) {
    this.#index = index;
    this.#terms = terms;
    this.#places = new Map(terms.map(({ term }, place) => [term, place]));
    this.#frequencies = new Float64Array(terms.length);
    this.ceiling = Math.max(1e-9, terms.reduce((sum, { idf }) => sum + idf, 0));
  }

  /** In [0, 1): BM25 of the text alone, as a share of the ceiling. */
  own(document: number): number {
    this.#frequencies.fill(0);
    frequencies(this.#index, document, this.#places, this.#frequencies, 1);
    return this.#sum();
  }

  /** In [0, 1): with the label and `reach` turns before and after. */
  windowed(document: number, reach: number): number {
    this.#frequencies.fill(0);
    frequencies(this.#index, document, this.#places, this.#frequencies, 1);
    for (const term of this.#index.label(document)) {
      const place = this.#places.get(term);
      if (place !== undefined) this.#frequencies[place] = (this.#frequencies[place] as number) + BM25F.labelWeight;
    }
    for (let steps = 1; steps <= reach; steps++) {
      const before = this.#index.neighbour(document, -steps);
      if (before >= 0) frequencies(this.#index, before, this.#places, this.#frequencies, BM25F.before[steps - 1] as number);
      const after = this.#index.neighbour(document, steps);
      if (after >= 0) frequencies(this.#index, after, this.#places, this.#frequencies, BM25F.after[steps - 1] as number);
    }
    return this.#sum();
  }

  /** Share of the terms' weight that stands in the documents at all, in [0, 1]. */
  coverage(documents: readonly number[]): number {
    this.#frequencies.fill(0);
    for (const document of documents) if (document >= 0) frequencies(this.#index, document, this.#places, this.#frequencies, 1);
    return this.#terms.reduce((sum, { idf }, place) => sum + ((this.#frequencies[place] as number) > 0 ? idf : 0), 0) / this.ceiling;
  }

  /** The weight of the rarest term that stands in the document, over the ceiling of one term. */
  rarest(document: number): number {
    this.#frequencies.fill(0);
    frequencies(this.#index, document, this.#places, this.#frequencies, 1);
    let rarest = 0;
    let most = 1e-9;
    for (const [place, { idf }] of this.#terms.entries()) {
      most = Math.max(most, idf);
      if ((this.#frequencies[place] as number) > 0) rarest = Math.max(rarest, idf);
    }
    return rarest / most;
  }

  #sum(): number {
    let score = 0;
    for (const [place, { idf }] of this.#terms.entries()) {
      const frequency = this.#frequencies[place] as number;
      if (frequency > 0) score += idf * frequency / (BM25F.k1 + frequency);
    }
    return score / this.ceiling;
  }
}
