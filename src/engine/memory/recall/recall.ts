// Recalls from the memory graph what bears on a question: candidates by their words, a linear ranker over what speaks for each of
// them, then as many as fit a token budget, each with the reasons why. It stores nothing and counts no use; tasks do.
import type { Episode, EpisodeKind } from "../graph/episode.ts";
import type { MemoryGraph } from "../graph/memoryGraph.ts";
import { FEATURES } from "./features.ts";
import type { FeatureName } from "./features.ts";
import { understandMemoryQuestion } from "./question.ts";
import type { MemoryQuestion } from "./question.ts";
import { candidateRows, firstScores, graphRows, graphScores, relevanceOf } from "./ranker.ts";
import type { RankerContext } from "./ranker.ts";
import { RANKER_WEIGHTS } from "./rankerWeights.ts";
import { RecallIndex } from "./recallIndex.ts";
import { anchoredTimes, countedDocument } from "./temporal.ts";
import { turnShape } from "./turnShape.ts";
import type { TurnShape } from "./turnShape.ts";

export interface RecallOptions {
  /** Most items. Default: 10. */
  k?: number;
  /** Most tokens of their texts together; what does not fit is left out. Default: 1,200. */
  tokenBudget?: number;
  /** When it is asked, ms since 1970. Default: the graph's clock. */
  now?: number;
  /** How far the clock on the wall is ahead of UTC. Default: this machine's. */
  offsetMinutes?: number;
  /** "withoutGraph" and "words" (BM25 alone) are for measuring. Default: "full". */
  ranking?: Ranking;
  /** Episodes that are not looked for, by key: what stands in the prompt already. */
  without?: ReadonlySet<string>;
}

export type Ranking = "full" | "withoutGraph" | "words";

/** A document of the index with its score; `relevance` as in {@link Recalled}. */
export interface Ranked {
  document: number;
  score: number;
  relevance: number;
  why: string[];
}

/** An episode that was recalled. */
export interface Recalled {
  episode: Episode;
  /** The ranker's score; only differences within one question mean something. */
  score: number;
  /** Estimated probability that it bears on the question, in [0, 1]. */
  relevance: number;
  why: string[];
  tokens: number;
}

export const DEFAULT_K = 10;
export const DEFAULT_TOKEN_BUDGET = 1_200;
const MOST_CACHED_SHAPES = 50_000;
const REASONS = 3;
const OWN = FEATURES.indexOf("own");
/** Stored edges that a walk over the graph may take. */
const MOST_LINKS = 4_000;
/** Things are recalled through what was said of them, not by themselves. */
const NEVER_RECALLED: ReadonlySet<EpisodeKind> = new Set(["file", "symbol", "entity"]);
/** A dismissal costs as much as losing a clear match of words; our choice. */
const DISMISSED = 1.5;
const DOUBTED = 0.3;
const ORDINAL = 4;
/** What a question about the past says, so that what does not hold any more may answer it. */
const ASKS_THE_PAST = /\b(?:used to|previous(?:ly)?|formerly|before|back then|originally|at first|initially|earlier|old|was|were|did|had)\b/i;

/** Four characters a token: the estimate where no model counts. */
export function estimateTokens(text: string): number {
  return Math.max(1, Math.ceil(text.length / 4));
}

export class MemoryRecall {
  readonly #graph: MemoryGraph;
  readonly #index: RecallIndex;
  readonly #shapes = new Map<number, TurnShape>();
  /** What the ranker sees; also for fitting it. */
  readonly context: RankerContext;

  constructor(graph: MemoryGraph) {
    this.#graph = graph;
    this.#index = new RecallIndex((after, limit) => graph.rowsFrom(after, limit));
    this.context = {
      index: this.#index,
      shapeOf: (document) => this.#shapeOf(document),
      aboutToRead: (documents) => this.#readShapes(documents),
      allowed: (document) => !NEVER_RECALLED.has(this.#index.kinds[document] as EpisodeKind),
      linksOf: (documents) => this.#graph.edgesOf(documents.map((document) => this.#index.ids[document] as number), MOST_LINKS),
    };
  }

  /** Reads a part of what was stored since; true where nothing is left. For loading in the background, between other work. */
  prepare(): boolean {
    return this.#index.catchUp(1);
  }

  /** The best first. Loads what was stored since the last time. */
  recall(query: string, options: RecallOptions = {}): Recalled[] {
    const { k = DEFAULT_K, tokenBudget = DEFAULT_TOKEN_BUDGET, now = this.#graph.now(), offsetMinutes = -new Date(now).getTimezoneOffset(), without, ranking = "full" } = options;
    this.#index.catchUp();
    const ranked = this.rank(query, now, offsetMinutes, ranking);
    const items: Recalled[] = [];
    let tokens = 0;
    const seen = new Set<string>();
    for (const { document, score, relevance, why } of ranked) {
      if (items.length >= k) break;
      const episode = this.#graph.byId(this.#index.ids[document] as number);
      if (!episode || without?.has(episode.key) || seen.has(episode.text)) continue;
      const cost = estimateTokens(episode.text);
      if (tokens + cost > tokenBudget) continue;
      tokens += cost;
      // The same words twice tell nothing new: the better ranked of the two stays.
      seen.add(episode.text);
      items.push({ episode, score, relevance, why, tokens: cost });
    }
    return items;
  }

  /** All candidates, best first. */
  rank(query: string, now: number, offsetMinutes: number, ranking: Ranking = "full"): Ranked[] {
    const index = this.#index;
    const question = understandMemoryQuestion(query, now, offsetMinutes);
    question.times.push(...anchoredTimes(index, question));
    const counted = countedDocument(index, question);
    const candidates = candidateRows(this.context, question, counted >= 0 ? [counted] : []);
    const { documents, rows } = candidates;
    const first = firstScores(candidates, RANKER_WEIGHTS.first);
    const scores = ranking === "words" ? documents.map((_, at) => rows[at * FEATURES.length + OWN] as number)
      : ranking === "withoutGraph" ? first : graphScores(graphRows(this.context, question, documents, first), RANKER_WEIGHTS.graph);
    const states = new Map(this.#graph.statesByIds(documents.map((document) => index.ids[document] as number)).map((state) => [state.id, state]));
    const past = ASKS_THE_PAST.test(query);
    return documents.flatMap((document, at): Ranked[] => {
      const state = states.get(index.ids[document] as number);
      // What was forgotten has no row; what does not hold any more answers only questions about the past.
      if (!state || (state.invalidatedAt !== null && !past)) return [];
      const row = rows.subarray(at * FEATURES.length, (at + 1) * FEATURES.length);
      const isCounted = document === counted;
      const penalty = DISMISSED * state.dismissals + (state.doubtedAt === null ? 0 : DOUBTED) + (state.invalidatedAt === null ? 0 : DOUBTED);
      const relevance = isCounted ? 1 : relevanceOf(row, (first[at] as number) - penalty, RANKER_WEIGHTS);
      const why = [...isCounted ? [`the ${question.ordinal?.what ?? "one"} asked for`] : [], ...reasons(row, question)].slice(0, REASONS);
      return [{ document, score: (scores[at] as number) - penalty + (isCounted ? ORDINAL : 0), relevance, why }];
    }).sort((a, b) => b.score - a.score || b.document - a.document);
  }

  /** Reads the texts of these documents at once; what is asked for later is there. */
  #readShapes(documents: Iterable<number>): void {
    const missing = [...new Set(documents)].filter((document) => document >= 0 && !this.#shapes.has(document));
    if (this.#shapes.size + missing.length > MOST_CACHED_SHAPES) this.#shapes.clear();
    const byId = new Map(missing.map((document) => [this.#index.ids[document] as number, document]));
    for (const { id, text } of this.#graph.textsByIds([...byId.keys()])) this.#shapes.set(byId.get(id) as number, turnShape(text));
  }

  #shapeOf(document: number): TurnShape {
    if (!this.#shapes.has(document)) this.#readShapes([document]);
    // What was forgotten meanwhile has no text; it is left out at the end.
    return this.#shapes.get(document) ?? turnShape("");
  }
}

const REASON_FEATURES: readonly (readonly [FeatureName, number, (question: MemoryQuestion) => string])[] = [
  ["bigrams", 0.5, () => "same phrase"],
  ["coverage", 0.4, () => "same words"],
  ["inTime", 0.5, ({ times }) => `from ${times[0]?.text ?? "then"}`],
  ["askedSpeaker", 0.5, () => "by whom you ask about"],
  ["afterQuestionCoverage", 0.2, () => "answers a question like yours"],
  ["coverageAround", 0.5, () => "beside turns with the same words"],
  ["rarest", 0.9, () => "a rare word of yours"],
  ["nearTime", 0.3, () => "told soon after"],
];

function reasons(row: Float32Array, question: MemoryQuestion): string[] {
  const found = REASON_FEATURES.flatMap(([name, least, say]) => ((row[FEATURES.indexOf(name)] ?? 0) >= least ? [say(question)] : []));
  return found.length > 0 ? found.slice(0, REASONS) : ["some of the same words"];
}
