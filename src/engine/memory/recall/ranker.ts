// The linear ranker: rows of features become scores, first without the graph, then with what a walk over it says. It ranks numbers of
// documents; what an episode's state (dismissed, ended) changes is recall.ts's. The weights are fitted by tools/memory-ranker.
import { Bm25fScorer, weightedTerms } from "./bm25f.ts";
import { candidatesFor } from "./candidates.ts";
import { FEATURES, featureRows } from "./features.ts";
import type { FeatureName } from "./features.ts";
import { pageRank, secondStep, sessionChances } from "./graphSignals.ts";
import type { StoredLink } from "./graphSignals.ts";
import type { MemoryQuestion } from "./question.ts";
import type { RecallIndex } from "./recallIndex.ts";
import type { TurnShape } from "./turnShape.ts";

/** Factors of the second stage. */
export const GRAPH_FEATURES = ["first", "pageRank", "pageRankSeveral", "session", "sessionSeveral"] as const;

export interface RankerWeights {
  readonly first: Readonly<Record<FeatureName, number>>;
  readonly graph: Readonly<Record<(typeof GRAPH_FEATURES)[number], number>>;
  /** Logistic: the probability that an episode bears on the question. */
  readonly relevance: { readonly score: number; readonly own: number; readonly coverage: number; readonly constant: number };
}

export interface RankerContext {
  index: RecallIndex;
  shapeOf: (document: number) => TurnShape;
  /** Told before the shapes of many documents are asked for. */
  aboutToRead: (documents: readonly number[]) => void;
  /** Whether a document may be recalled at all. */
  allowed: (document: number) => boolean;
  /** Stored edges at the rows of these documents. */
  linksOf: (documents: readonly number[]) => readonly StoredLink[];
}

/** Candidates with their rows (nDocuments × FEATURES.length), in the order of storing. */
export interface Candidates {
  documents: number[];
  rows: Float32Array;
}

/** `extra`: documents that are looked at in any case. */
export function candidateRows({ index, shapeOf, aboutToRead, allowed }: RankerContext, question: MemoryQuestion, extra: readonly number[] = []): Candidates {
  const terms = weightedTerms(index, question.terms);
  const scorer = new Bm25fScorer(index, terms);
  const byWords = candidatesFor(index, terms, extra).filter(allowed);
  const further = secondStep(index, byWords, byWords.map((document) => scorer.windowed(document, 1))).filter(allowed);
  const documents = [...byWords, ...further].sort((a, b) => a - b);
  aboutToRead(documents.flatMap((document) => [document, index.neighbour(document, -1)]));
  return { documents, rows: featureRows({ index, question, scorer, shapeOf }, documents) };
}

/** Scores without the graph. */
export function firstScores({ documents, rows }: Candidates, first: RankerWeights["first"]): number[] {
  const weights = FEATURES.map((name) => first[name]);
  return documents.map((_, at) => {
    let score = 0;
    for (let place = 0; place < weights.length; place++) score += (weights[place] as number) * (rows[at * weights.length + place] as number);
    return score;
  });
}

/** Rows of the second stage (nDocuments × GRAPH_FEATURES.length). */
export function graphRows(context: RankerContext, question: MemoryQuestion, documents: readonly number[], scores: readonly number[]): Float32Array {
  const ranks = documents.length === 0 ? [] : pageRank(context.index, documents, scores, context.linksOf(documents));
  const sessions = documents.length === 0 ? [] : sessionChances(context.index, documents, scores);
  const several = question.kind.several || question.kind.howMany ? 1 : 0;
  const rows = new Float32Array(documents.length * GRAPH_FEATURES.length);
  for (let at = 0; at < documents.length; at++) {
    const [rank, session] = [ranks[at] as number, sessions[at] as number];
    rows.set([scores[at] as number, rank, several * rank, session, several * session], at * GRAPH_FEATURES.length);
  }
  return rows;
}

/** Scores with the graph. */
export function graphScores(rows: Float32Array, graph: RankerWeights["graph"]): number[] {
  const weights = GRAPH_FEATURES.map((name) => graph[name]);
  return Array.from({ length: rows.length / weights.length }, (_, at) => weights.reduce((sum, weight, place) => sum + weight * (rows[at * weights.length + place] as number), 0));
}

/** In [0, 1]; `score` is that of the first stage, which is the same scale for all questions. */
export function relevanceOf(row: Float32Array, score: number, { relevance }: RankerWeights): number {
  const own = row[FEATURES.indexOf("own")] as number;
  const coverage = row[FEATURES.indexOf("coverage")] as number;
  return 1 / (1 + Math.exp(-(relevance.score * score + relevance.own * own + relevance.coverage * coverage + relevance.constant)));
}
