// Statistics of style as samples of numbers, whose 1-Wasserstein distances to the workspace's own tell how alike two ways of
// writing are: lengths of lines and of names; and, as shares, keywords, quotes, operators and the spaces before them.
import type { CodeToken } from "./codeTokens.ts";
import { sortedCopy, wasserstein1dSorted } from "../transport/wasserstein1d.ts";

export interface StyleSample {
  /** Characters a line that holds anything, without indentation. */
  readonly lineLengths: Float64Array;
  readonly nameLengths: Float64Array;
  /** Counts by kind of token and mark: keywords, kinds of quotes and comments, operators with or without a space before them. */
  readonly marks: ReadonlyMap<string, number>;
}

export interface StyleDistances {
  readonly lineLength: number;
  readonly nameLength: number;
  readonly marks: number;
}

/** Values kept of a merged sample. */
const QUANTILES = 1000;

export function styleOf(text: string, tokens: readonly CodeToken[]): StyleSample {
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const marks = new Map<string, number>();
  const nameLengths: number[] = [];
  for (const token of tokens) {
    if (token.kind === "name") nameLengths.push(token.text.length);
    const mark = token.kind === "name" || token.kind === "number" || token.kind === "newline" ? token.kind : `${token.spaced ? " " : ""}${token.text}`;
    marks.set(mark, (marks.get(mark) ?? 0) + 1);
  }
  return { lineLengths: sortedCopy(lines.map((line) => Math.min(200, line.length))), nameLengths: sortedCopy(nameLengths), marks };
}

/** Several samples as one. */
export function mergeStyles(samples: readonly StyleSample[]): StyleSample {
  const joined = (of: (sample: StyleSample) => Float64Array): Float64Array => {
    const all = sortedCopy(samples.flatMap((sample) => [...of(sample)]));
    return all.length <= QUANTILES ? all : Float64Array.from({ length: QUANTILES }, (_, i) => all[Math.floor((i + 0.5) * all.length / QUANTILES)]!);
  };
  const marks = new Map<string, number>();
  for (const sample of samples) for (const [mark, n] of sample.marks) marks.set(mark, (marks.get(mark) ?? 0) + n);
  return { lineLengths: joined((sample) => sample.lineLengths), nameLengths: joined((sample) => sample.nameLengths), marks };
}

/** Marks are compared by total variation, which is W₁ where all different things are 1 apart. */
export function styleDistances(a: StyleSample, b: StyleSample): StyleDistances {
  const line = (x: Float64Array, y: Float64Array): number => x.length === 0 || y.length === 0 ? 0 : wasserstein1dSorted(x, y);
  return { lineLength: line(a.lineLengths, b.lineLengths), nameLength: line(a.nameLengths, b.nameLengths), marks: totalVariation(a.marks, b.marks) };
}

/** Half the sum of absolute differences of shares, in [0, 1]; 0 where either side has nothing. */
export function totalVariation(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  const total = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((sum, n) => sum + n, 0);
  const nA = total(a), nB = total(b);
  if (nA === 0 || nB === 0) return 0;
  let difference = 0;
  for (const [key, n] of a) difference += Math.abs(n / nA - (b.get(key) ?? 0) / nB);
  for (const [key, n] of b) if (!a.has(key)) difference += n / nB;
  return difference / 2;
}
