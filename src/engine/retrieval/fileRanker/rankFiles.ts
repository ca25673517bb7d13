// Orders files by how likely a described change touches them: a linear ranker over the features of each file, then a second
// one that also sees how the files hang together. Weights are fitted by tools/file-ranker. It returns an order, no passages.
import type { ChunkStore } from "../store/chunkStore.ts";
import { changeQuery } from "./changeQuery.ts";
import { candidateFiles, FIRST_FEATURES } from "./fileFeatures.ts";
import { usesAmong, usesOfLikely } from "./related.ts";
import { FILE_RANKER_WEIGHTS } from "./weights.ts";

/** Signals that can be switched off, with the features that make them up. */
export const FILE_SIGNALS = {
  path: ["path", "base", "spelt", "folder", "mentioned", "linesUp"],
  symbols: ["symbols", "signatures", "defines", "uses"],
  comments: ["comments"],
  strings: ["strings"],
  body: ["all", "subject", "body", "coverage"],
  passages: ["bestChunk", "topChunks", "allChunks"],
  size: ["size"],
  vector: ["meaning", "meaningTop"],
  links: ["usesLikely"],
} as const satisfies Record<string, readonly string[]>;
export type FileSignal = keyof typeof FILE_SIGNALS;

export interface RankedFile {
  path: string;
  score: number;
  /** Signals that speak for it more than for the candidates on average, strongest first. */
  via: string[];
}

export interface RankFilesOptions {
  /** The description's unit vector; null where nothing embeds. */
  queryVector: Float32Array | null;
  without?: readonly FileSignal[];
}

const FEATURES: readonly string[] = [...FIRST_FEATURES, "usesLikely"];
const SIGNAL_OF = new Map(Object.entries(FILE_SIGNALS).flatMap(([signal, features]) => features.map((feature): [string, FileSignal] => [feature, signal as FileSignal])));

/** The candidates, best first; empty where no word of the description stands anywhere. */
export function rankFiles(store: ChunkStore, description: string, { queryVector, without = [] }: RankFilesOptions): RankedFile[] {
  const candidates = candidateFiles(store, changeQuery(description), without.includes("vector") ? null : queryVector);
  if (candidates.length === 0) return [];
  const off = new Set<string>(without.flatMap((signal) => FILE_SIGNALS[signal] as readonly string[]));
  const weigh = (weights: Readonly<Record<string, number>>): number[] => FEATURES.map((name) => (off.has(name) ? 0 : weights[name] ?? 0));
  const first = weigh(FILE_RANKER_WEIGHTS.first);
  const shares = softmax(candidates.map(({ features }) => weighted(features, first)));
  const related = without.includes("links") ? candidates.map(() => 0) : usesOfLikely(usesAmong(store, candidates), shares);
  const second = weigh(FILE_RANKER_WEIGHTS.second);
  const rows = candidates.map(({ features }, i) => [...features, related[i] as number]);
  const means = FEATURES.map((_, k) => rows.reduce((sum, row) => sum + (row[k] ?? 0), 0) / rows.length);
  return candidates
    .map(({ path }, i): RankedFile => ({ path, score: weighted(rows[i] as number[], second), via: signalsFor(rows[i] as number[], means, second) }))
    .sort((a, b) => b.score - a.score || (a.path < b.path ? -1 : 1));
}

function signalsFor(row: readonly number[], means: readonly number[], weights: readonly number[]): string[] {
  const sums = new Map<string, number>();
  row.forEach((value, k) => {
    const signal = SIGNAL_OF.get(FEATURES[k] as string);
    if (signal) sums.set(signal, (sums.get(signal) ?? 0) + (weights[k] as number) * (value - (means[k] as number)));
  });
  return [...sums].filter(([, sum]) => sum > 0.1).sort((a, b) => b[1] - a[1]).map(([signal]) => signal);
}

function weighted(values: readonly number[], weights: readonly number[]): number {
  let sum = 0;
  for (let k = 0; k < values.length; k++) sum += (values[k] as number) * (weights[k] as number);
  return sum;
}

function softmax(scores: readonly number[]): number[] {
  const largest = Math.max(...scores);
  const e = scores.map((score) => Math.exp(score - largest));
  const sum = e.reduce((total, x) => total + x, 0);
  return e.map((x) => x / sum);
}
