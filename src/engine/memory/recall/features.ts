// What speaks for and against an episode as the answer to a question: one row of numbers for each candidate, for the linear ranker.
// Only what stands in the turn, beside it and in the question; what the graph adds is in graphSignals.ts.
import type { Bm25fScorer } from "./bm25f.ts";
import type { MemoryQuestion } from "./question.ts";
import type { RecallIndex } from "./recallIndex.ts";
import type { TurnShape } from "./turnShape.ts";

/** In the order of a row. */
export const FEATURES = [
  "own", "ownLabelled", "window1", "window2", "window3", "ownOverBest", "windowOverBest", "ownRank", "windowRank", "coverage", "coverageBefore", "coverageAround", "rarest", "bigrams",
  "before", "after", "afterQuestion", "afterQuestionCoverage",
  "askedSpeaker", "otherSpeaker", "askedFirstPerson", "otherFirstPerson", "otherSecondPerson", "beforeIsAsked",
  "asks", "endsAsking", "length", "short", "smallTalk", "opening", "picture", "pictureAsked",
  "whenTime", "time", "whereP", "whoNames", "whyReason", "countNumber", "howLongDuration", "whichQuoted", "whichNames", "severalList", "severalEvent", "feelingFeeling", "sayingLong", "inferenceFeeling", "names", "event",
  "inTime", "nearTime", "sessionBest", "sessionSum", "sessionShare", "late",
] as const;

export type FeatureName = (typeof FEATURES)[number];

export interface FeatureContext {
  index: RecallIndex;
  question: MemoryQuestion;
  scorer: Bm25fScorer;
  /** The shape of a document's text. */
  shapeOf: (document: number) => TurnShape;
}

const DAY_MS = 86_400_000;
/** What happened is told in the days and weeks after it. */
const TOLD_WITHIN_DAYS = 30;

/** Rows of `documents` (nDocuments × FEATURES.length), row-major. */
export function featureRows({ index, question, scorer, shapeOf }: FeatureContext, documents: readonly number[]): Float32Array {
  const { kind } = question;
  const rows = new Float32Array(documents.length * FEATURES.length);
  const own = documents.map((document) => scorer.own(document));
  const ownOf = new Map(documents.map((document, at) => [document, own[at] as number]));
  const score = (document: number): number => (document < 0 ? 0 : ownOf.get(document) ?? scorer.own(document));
  const window = documents.map((document) => scorer.windowed(document, 3));
  const ownRanks = ranksOf(own);
  const windowRanks = ranksOf(window);
  const bestOwn = Math.max(1e-9, ...own);
  const bestWindow = Math.max(1e-9, ...window);
  const sessions = sessionScores(index, documents, window);
  const bestSession = Math.max(1e-9, ...[...sessions.values()].map(({ sum }) => sum));
  const bigrams = new Set(question.bigrams.map(([a, b]) => bigramKey(index.term(a), index.term(b))).filter((key) => key !== null));
  const asked = new Set(question.terms.map((hash) => index.term(hash)));
  const named = (document: number): boolean => {
    const label = index.label(document);
    return label.length > 0 && label.some((term) => asked.has(term));
  };
  const anyNamed = documents.some(named);
  const flag = Number;
  for (const [at, document] of documents.entries()) {
    const shape = shapeOf(document);
    const before = index.neighbour(document, -1);
    const after = index.neighbour(document, 1);
    const beforeShape = before >= 0 ? shapeOf(before) : null;
    const isAsked = named(document);
    const other = anyNamed && !isAsked;
    const session = sessions.get(index.sessions[document] as number);
    const first = shape.firstPerson / 4;
    const values: Record<FeatureName, number> = {
      own: own[at] as number, ownLabelled: scorer.windowed(document, 0), window1: scorer.windowed(document, 1), window2: scorer.windowed(document, 2), window3: window[at] as number,
      ownOverBest: (own[at] as number) / bestOwn, windowOverBest: (window[at] as number) / bestWindow, ownRank: 1 / (1 + (ownRanks[at] as number)), windowRank: 1 / (1 + (windowRanks[at] as number)),
      coverage: scorer.coverage(document), coverageBefore: scorer.coverage(document, before), coverageAround: scorer.coverage(before, document, after), rarest: scorer.rarest(document),
      bigrams: Math.min(1, countBigrams(index.body(document), bigrams) / 2),
      before: score(before), after: score(after),
      afterQuestion: flag(beforeShape?.endsAsking ?? false), afterQuestionCoverage: beforeShape?.asks ? score(before) : 0,
      askedSpeaker: flag(isAsked), otherSpeaker: flag(other), askedFirstPerson: isAsked ? first : 0, otherFirstPerson: other ? first : 0, otherSecondPerson: other ? shape.secondPerson / 4 : 0,
      beforeIsAsked: flag(before >= 0 && named(before)),
      asks: flag(shape.asks), endsAsking: flag(shape.endsAsking), length: Math.min(1, Math.log1p(shape.words) / 5), short: flag(shape.words < 8), smallTalk: flag(shape.smallTalk), opening: flag((index.positions[document] as number) < 2),
      picture: flag(shape.picture), pictureAsked: flag(shape.picture && kind.picture),
      whenTime: flag(kind.when && shape.time), time: flag(shape.time), whereP: flag(kind.where && shape.place), whoNames: flag(kind.who && shape.names > 0), whyReason: flag(kind.why && shape.reason),
      countNumber: flag(kind.howMany && shape.number), howLongDuration: flag(kind.howLong && shape.duration), whichQuoted: flag((kind.which || kind.several) && shape.quoted), whichNames: flag(kind.which && shape.names > 0),
      severalList: flag(kind.several && shape.list), severalEvent: flag(kind.several && shape.event), feelingFeeling: flag(kind.feeling && shape.feeling), sayingLong: kind.saying ? Math.min(1, Math.log1p(shape.words) / 5) : 0,
      inferenceFeeling: flag(kind.inference && shape.feeling), names: shape.names / 4, event: flag(shape.event),
      inTime: timeMatch(question, index.times[document] as number, false), nearTime: timeMatch(question, index.times[document] as number, true),
      sessionBest: (session?.best ?? 0) / bestWindow, sessionSum: (session?.sum ?? 0) / bestSession, sessionShare: session ? (window[at] as number) / Math.max(1e-9, session.best) : 0,
      late: index.size > 1 ? document / (index.size - 1) : 0,
    };
    for (const [place, name] of FEATURES.entries()) rows[at * FEATURES.length + place] = values[name];
  }
  return rows;
}

/** 1 inside a time the question speaks of; near: falling from 1 to 0 in the weeks after it. No time asked: 0. */
function timeMatch({ times }: MemoryQuestion, at: number, near: boolean): number {
  let best = 0;
  for (const { from, to } of times) {
    if (at >= from - DAY_MS && at < to + DAY_MS) best = Math.max(best, near ? 0 : 1);
    else if (near && at >= to) best = Math.max(best, 1 - (at - to) / (TOLD_WITHIN_DAYS * DAY_MS));
  }
  return best;
}

/** Rank of each value, 0 for the largest; equals share the better rank by their order. */
function ranksOf(values: readonly number[]): number[] {
  const ranks = new Array<number>(values.length);
  const order = values.map((_, at) => at).sort((a, b) => (values[b] as number) - (values[a] as number) || a - b);
  for (const [rank, at] of order.entries()) ranks[at] = rank;
  return ranks;
}

/** By thread: its best window and the sum of its three best. */
function sessionScores(index: RecallIndex, documents: readonly number[], scores: readonly number[]): Map<number, { best: number; sum: number }> {
  const bySession = new Map<number, number[]>();
  for (const [at, document] of documents.entries()) {
    const session = index.sessions[document] as number;
    const list = bySession.get(session);
    if (list) list.push(scores[at] as number);
    else bySession.set(session, [scores[at] as number]);
  }
  return new Map([...bySession].map(([session, list]) => {
    const top = list.sort((a, b) => b - a).slice(0, 3);
    return [session, { best: top[0] ?? 0, sum: top.reduce((sum, score) => sum + score, 0) }];
  }));
}

function bigramKey(a: number | undefined, b: number | undefined): number | null {
  return a === undefined || b === undefined ? null : a * 0x200000 + b;
}

function countBigrams(body: Uint32Array, wanted: ReadonlySet<number>): number {
  if (wanted.size === 0) return 0;
  let count = 0;
  for (let at = 1; at < body.length; at++) if (wanted.has((body[at - 1] as number) * 0x200000 + (body[at] as number))) count++;
  return count;
}
