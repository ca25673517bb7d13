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

/** Scores documents for one query. How often its terms stand in a document is counted once and kept. */
export class Bm25fScorer {
  readonly #index: RecallIndex;
  readonly #terms: readonly WeightedTerm[];
  readonly #places: ReadonlyMap<number, number>;
  readonly #frequencies: Float64Array;
  /** By document: frequencies of the terms, normalised by the text's length; null where none of them stands in it. */
  readonly #counted = new Map<number, Float64Array | null>();
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
    const counts = this.#count(document);
    return counts ? this.#sum(counts) : 0;
  }

  /** In [0, 1): with the label and `reach` turns before and after. */
  windowed(document: number, reach: number): number {
    const sum = this.#frequencies.fill(0);
    this.#add(document, 1);
    for (const term of this.#index.label(document)) {
      const place = this.#places.get(term);
      if (place !== undefined) sum[place] = (sum[place] as number) + BM25F.labelWeight;
    }
    for (let steps = 1; steps <= reach; steps++) {
      this.#add(this.#index.neighbour(document, -steps), BM25F.before[steps - 1] as number);
      this.#add(this.#index.neighbour(document, steps), BM25F.after[steps - 1] as number);
    }
    return this.#sum(sum);
  }

  /** Share of the terms' weight that stands in the documents at all, in [0, 1]; those below 0 are none. */
  coverage(...documents: readonly number[]): number {
    const sum = this.#frequencies.fill(0);
    for (const document of documents) this.#add(document, 1);
    let covered = 0;
    for (let place = 0; place < this.#terms.length; place++) if ((sum[place] as number) > 0) covered += (this.#terms[place] as WeightedTerm).idf;
    return covered / this.ceiling;
  }

  /** The weight of the rarest term that stands in the document, as a share of the rarest of all. */
  rarest(document: number): number {
    const counts = this.#count(document);
    let rarest = 0;
    let most = 1e-9;
    for (const [place, { idf }] of this.#terms.entries()) {
      most = Math.max(most, idf);
      if (counts && (counts[place] as number) > 0) rarest = Math.max(rarest, idf);
    }
    return rarest / most;
  }

  #count(document: number): Float64Array | null {
    const known = this.#counted.get(document);
    if (known !== undefined) return known;
    const body = this.#index.body(document);
    const share = 1 / (1 - BM25F.b + BM25F.b * body.length / this.#index.averageBody);
    let counts: Float64Array | null = null;
    for (const term of body) {
      const place = this.#places.get(term);
      if (place === undefined) continue;
      counts ??= new Float64Array(this.#terms.length);
      counts[place] = (counts[place] as number) + share;
    }
    this.#counted.set(document, counts);
    return counts;
  }

  #add(document: number, weight: number): void {
    if (document < 0) return;
    const counts = this.#count(document);
    if (!counts) return;
    const sum = this.#frequencies;
    for (let place = 0; place < sum.length; place++) sum[place] = (sum[place] as number) + weight * (counts[place] as number);
  }

  #sum(frequencies: Float64Array): number {
    let score = 0;
    for (let place = 0; place < frequencies.length; place++) {
      const frequency = frequencies[place] as number;
      if (frequency > 0) score += (this.#terms[place] as WeightedTerm).idf * frequency / (BM25F.k1 + frequency);
    }
    return score / this.ceiling;
  }
}
