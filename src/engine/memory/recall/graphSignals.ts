// What the graph says about candidates: personalised PageRank from those that fit the question best, over turns, the words and the
// things (files, symbols, people) they share, so that what speaks of the same matter elsewhere rises too. Source: Page et al. 1999;
// Haveliwala 2002 (personalised). The walk stays among the candidates and what joins them, which bounds its time.
import type { RecallIndex } from "./recallIndex.ts";

/** Chance to walk on rather than to start anew, and steps until the rest is below a hundredth; fitted with the ranker. */
const DAMPING = 0.85;
const STEPS = 8;
/** Words in a larger share of all episodes join nothing. */
const COMMON_SHARE = 0.2;
/** A thing that an edge leads to counts like a word of this idf: it was named, not merely written. */
const THING_WEIGHT = 3;
/** How many of the best lend their words to find more candidates, and how many are found. */
const SEEDS = 5;
const MOST_FOUND = 30;
const FEW_DOCUMENTS = 200;
const SMALLEST = 1e-6;

/** A stored edge between two rows of the graph, by row id. */
export interface StoredLink {
  source: number;
  target: number;
  weight: number;
}

/** Probabilities that sum to 1, from scores whose differences are log odds. */
export function softmax(scores: readonly number[]): number[] {
  const best = Math.max(...scores);
  const raised = scores.map((score) => Math.exp(score - best));
  const sum = raised.reduce((total, value) => total + value, 0);
  return raised.map((value) => value / sum);
}

/**
 * More candidates, in two steps: documents that share rare words with the best ones found so far, though none with the question.
 * `scores` belong to `documents` and are not below 0.
 */
export function secondStep(index: RecallIndex, documents: readonly number[], scores: readonly number[]): number[] {
  const known = new Set(documents);
  const order = documents.map((_, at) => at).sort((a, b) => (scores[b] as number) - (scores[a] as number)).slice(0, SEEDS);
  const weights = new Map<number, number>();
  for (const at of order) {
    for (const term of new Set(index.body(documents[at] as number))) {
      const sharing = index.documents(term);
      if (sharing.length < 2 || sharing.length > FEW_DOCUMENTS) continue;
      const weight = (scores[at] as number) * index.idf(term);
      for (const document of sharing) if (!known.has(document)) weights.set(document, (weights.get(document) ?? 0) + weight);
    }
  }
  return [...weights].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, MOST_FOUND).map(([document]) => document);
}

/** Log of the stationary chance of each document, from a walk that starts anew at documents by their chance to be right. */
export function pageRank(index: RecallIndex, documents: readonly number[], scores: readonly number[], links: readonly StoredLink[] = []): number[] {
  const start = softmax(scores);
  const { places, weights, from, nThings } = sharedThings(index, documents, links);
  const outOfDocument = new Float64Array(documents.length);
  const outOfThing = new Float64Array(nThings);
  for (let at = 0; at < documents.length; at++) {
    for (let edge = from[at] as number; edge < (from[at + 1] as number); edge++) {
      outOfDocument[at] = (outOfDocument[at] as number) + (weights[edge] as number);
      outOfThing[places[edge] as number] = (outOfThing[places[edge] as number] as number) + (weights[edge] as number);
    }
  }
  let chance = Float64Array.from(start);
  for (let step = 0; step < STEPS; step++) {
    const things = new Float64Array(nThings);
    for (let at = 0; at < documents.length; at++) {
      const share = (chance[at] as number) / Math.max(SMALLEST, outOfDocument[at] as number);
      for (let edge = from[at] as number; edge < (from[at + 1] as number); edge++) things[places[edge] as number] = (things[places[edge] as number] as number) + share * (weights[edge] as number);
    }
    const next = new Float64Array(documents.length);
    for (let at = 0; at < documents.length; at++) {
      let walked = 0;
      for (let edge = from[at] as number; edge < (from[at + 1] as number); edge++) {
        const thing = places[edge] as number;
        walked += (weights[edge] as number) * (things[thing] as number) / (outOfThing[thing] as number);
      }
      next[at] = (1 - DAMPING) * (start[at] as number) + DAMPING * walked;
    }
    chance = next;
  }
  return Array.from(chance, (value) => Math.log(value + SMALLEST));
}

/** Documents and what they share, as a list of weighted edges by document; a word weighs its idf squared times its saturated count. */
function sharedThings(index: RecallIndex, documents: readonly number[], links: readonly StoredLink[]): { places: number[]; weights: number[]; from: number[]; nThings: number } {
  const things = new Map<number, number>();
  const place = (thing: number): number => {
    let known = things.get(thing);
    if (known === undefined) things.set(thing, known = things.size);
    return known;
  };
  const linked = new Map<number, { other: number; weight: number }[]>();
  const link = (id: number, other: number, weight: number): void => {
    const list = linked.get(id);
    if (list) list.push({ other, weight });
    else linked.set(id, [{ other, weight }]);
  };
  for (const { source, target, weight } of links) {
    link(source, target, weight);
    link(target, source, weight);
  }
  const places: number[] = [];
  const weights: number[] = [];
  const from = [0];
  for (const document of documents) {
    const body = index.body(document);
    const counts = new Map<number, number>();
    for (const term of body) counts.set(term, (counts.get(term) ?? 0) + 1);
    const norm = 1.2 * (0.4 + 0.6 * body.length / index.averageBody);
    for (const [term, count] of counts) {
      if (index.documents(term).length > COMMON_SHARE * index.size && index.size > 50) continue;
      places.push(place(term));
      weights.push(index.idf(term) ** 2 * count / (count + norm));
    }
    const id = index.ids[document] as number;
    // An edge joins both its ends and all that is joined to its other end: the row at either end is a thing.
    const mine = linked.get(id);
    if (mine) {
      places.push(place(-id));
      weights.push(THING_WEIGHT);
      for (const { other, weight } of mine) {
        places.push(place(-other));
        weights.push(THING_WEIGHT * weight);
      }
    }
    from.push(places.length);
  }
  return { places, weights, from, nThings: things.size };
}

/** Log of the chance that the right document is in the same thread, by the scores of all candidates. */
export function sessionChances(index: RecallIndex, documents: readonly number[], scores: readonly number[]): number[] {
  const chances = softmax(scores);
  const bySession = new Map<number, number>();
  for (const [at, document] of documents.entries()) {
    const session = index.sessions[document] as number;
    bySession.set(session, (bySession.get(session) ?? 0) + (chances[at] as number));
  }
  return documents.map((document) => Math.log((bySession.get(index.sessions[document] as number) ?? 0) + SMALLEST));
}
