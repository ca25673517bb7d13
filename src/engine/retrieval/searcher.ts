// Finds passages for a query: gathers candidates by words, meaning, names and paths, and weighs them into one order.
// Where the candidates come from is the store's business; what becomes of the hits is that of the tasks.
import type { SymbolDefinition } from "../protocol/types.ts";
import { mentionedPaths } from "./fileRanker/changeQuery.ts";
import { foldIdentifier, identifiersIn, searchWords } from "./keyword/analyzer.ts";
import { stemOf } from "./keyword/fieldWords.ts";
import type { ChunkRow, ChunkStore } from "./store/chunkStore.ts";
import { decodeVector, dot } from "./store/vectorCodec.ts";

/** Candidates taken from each signal before they are weighed. */
export const CANDIDATES = 100;
/** Names shared by more definitions than this (constructor, run, …) say nothing about where to look. */
const COMMON_NAME = 12;

/** Weights of the signals, each scaled to [0, 1]; 0 switches a signal off. Chosen on CoSQA's development rows, half of the queries for the other half. */
export interface FusionWeights {
  keyword: number;
  /** How much of what the query says stands in the passage, however often. */
  coverage: number;
  vector: number;
  symbol: number;
  path: number;
  /** What the file's other passages score: a file with several finds is more likely the right one. */
  file: number;
}

export const FUSION_WEIGHTS: FusionWeights = { keyword: 1, coverage: 0.5, vector: 2.7, symbol: 0.5, path: 0.3, file: 0.3 };

/** A candidate with what each signal says of it. */
export interface ScoredChunk {
  chunk: ChunkRow;
  score: number;
  /** Signals that found it, strongest contribution first. */
  via: string[];
}

interface Candidate {
  keyword: number;
  coverage: number;
  vector: number | null;
  symbol: number;
}

/** Where to search: the chunks of one crop, and those nearest to the query by their vectors, best first. */
export interface SearchPlace {
  store: ChunkStore;
  nearest: readonly { id: number; score: number }[];
}

export interface PlaceOptions {
  /** Null where nothing embeds. */
  queryVector: Float32Array | null;
  limit: number;
  activePath?: string;
  /** Keyword scores are divided by the larger of this and the place's best, so that a small crop's best is not taken for good. */
  keywordScale?: number;
  weights?: FusionWeights;
}

/** Searches one place; best first. `bestKeyword` is the bm25 of its best match by words. */
export function searchPlace(place: SearchPlace, query: string, options: PlaceOptions): { hits: ScoredChunk[]; bestKeyword: number } {
  const { queryVector, limit, activePath, weights = FUSION_WEIGHTS } = options;
  const candidates = new Map<number, Candidate>();
  const candidate = (id: number): Candidate => {
    let entry = candidates.get(id);
    if (!entry) candidates.set(id, entry = { keyword: 0, coverage: 0, vector: null, symbol: 0 });
    return entry;
  };
  const rows = new Map<number, ChunkRow | null>();
  const rowOf = (id: number): ChunkRow | null => {
    let row = rows.get(id);
    if (row === undefined) rows.set(id, row = place.store.chunk(id));
    return row;
  };
  for (const { id, score } of place.nearest) candidate(id).vector = score;
  // What is near in meaning is scored by its words too, however far down they put it.
  const wanted = place.nearest.flatMap(({ id }) => rowOf(id) ?? []);
  const words = [...new Set(searchWords(query).map(stemOf))].map((word) => ({ word, weight: 1, subject: true }));
  const byWords = weights.keyword === 0 && weights.coverage === 0 ? [] : place.store.matchFields(words, { chunks: CANDIDATES, files: 1 }, wanted).chunks;
  const bestKeyword = byWords[0]?.score ?? 0;
  const best = Math.max(bestKeyword, options.keywordScale ?? 0) || 1;
  for (const { id, score, coverage } of byWords) {
    const entry = candidate(id);
    entry.keyword = Math.max(0, score / best);
    entry.coverage = coverage;
  }
  for (const { id, score } of namedChunks(place.store, query)) {
    const entry = candidate(id);
    entry.symbol = Math.max(entry.symbol, score);
  }
  const paths = mentionedPaths(query);
  for (const path of paths) for (const chunk of place.store.chunksNamed(path, 4)) candidate(chunk);
  const scored: ScoredChunk[] = [];
  for (const [id, signals] of candidates) {
    const chunk = rowOf(id);
    if (!chunk) continue; // deleted since the graph was brought up to date
    if (signals.vector === null) signals.vector = queryVector && chunk.vector ? dot(queryVector, decodeVector(chunk.vector)) : 0;
    const path = pathScore(chunk.path, paths, activePath);
    const parts: [string, number][] = [
      ["keyword", weights.keyword * signals.keyword + weights.coverage * signals.coverage], ["vector", weights.vector * Math.max(0, signals.vector)],
      ["symbol", weights.symbol * signals.symbol], ["path", weights.path * path],
    ];
    const score = parts.reduce((sum, [, part]) => sum + part, 0);
    if (score <= 0) continue;
    scored.push({ chunk, score, via: parts.filter(([, part]) => part > 0.02).sort((a, b) => b[1] - a[1]).map(([name]) => name) });
  }
  addFileScores(scored, weights.file);
  // Equal scores in order of place, so that the same index gives the same answer.
  scored.sort((a, b) => b.score - a.score || (a.chunk.path < b.chunk.path ? -1 : a.chunk.path > b.chunk.path ? 1 : a.chunk.startLine - b.chunk.startLine));
  return { hits: scored.slice(0, limit), bestKeyword };
}

/** Adds to each passage a share of what the next best passages of its file score, at halving weights. */
function addFileScores(scored: ScoredChunk[], weight: number): void {
  const byFile = new Map<string, ScoredChunk[]>();
  for (const hit of scored) {
    const hits = byFile.get(hit.chunk.path);
    if (hits) hits.push(hit);
    else byFile.set(hit.chunk.path, [hit]);
  }
  for (const hits of byFile.values()) {
    if (hits.length < 2) continue;
    const scores = hits.map((hit) => hit.score).sort((a, b) => b - a);
    const whole = scores.slice(0, 5).reduce((sum, score, i) => sum + score * 0.5 ** i, 0);
    for (const hit of hits) hit.score += weight * Math.min(hit.score, whole - hit.score);
  }
}

/** Chunks that define a name which the query mentions: whole, or as words in a row ("read file atomic" → readFileAtomic). */
function namedChunks(store: ChunkStore, query: string): { id: number; score: number }[] {
  const found: { id: number; score: number }[] = [];
  const take = (definitions: readonly SymbolDefinition[], score: number) => {
    if (definitions.length > COMMON_NAME) return;
    for (const definition of definitions) {
      const id = store.chunkAt(definition.path, definition.startLine);
      if (id !== null) found.push({ id, score: score * (definition.exported ? 1 : 0.85) * (definition.kind === "variable" ? 0.7 : 1) });
    }
  };
  const exact = new Set(identifiersIn(query).slice(0, 24));
  for (const name of exact) {
    const definitions = store.definitions(name, COMMON_NAME + 1);
    if (definitions.length > 0) take(definitions, 1);
    else take(store.symbolsFolded(foldIdentifier(name), COMMON_NAME + 1), 0.9);
  }
  const words = (query.match(/[\p{L}\p{N}]+/gu) ?? []).slice(0, 40).map((word) => word.toLowerCase());
  const tried = new Set<string>();
  for (let length = Math.min(4, words.length); length >= 1; length--) {
    for (let from = 0; from + length <= words.length; from++) {
      const folded = words.slice(from, from + length).join("");
      if (folded.length < 4 || tried.has(folded)) continue;
      tried.add(folded);
      take(store.symbolsFolded(folded, COMMON_NAME + 1), length === 1 ? 0.35 : 0.6 + 0.1 * length);
    }
  }
  return found;
}

function pathScore(path: string, mentioned: readonly string[], activePath: string | undefined): number {
  for (const mention of mentioned) if (path === mention || path.endsWith(`/${mention}`)) return 1;
  return path === activePath ? 0.3 : 0;
}
