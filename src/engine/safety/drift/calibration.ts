// From measures to one score whose false-positive rate is known: aspects are put in units of how much the workspace's own
// snippets vary, joined by fitted weights, and compared with the scores of those snippets, each measured without its file
// (split conformal prediction with leave-one-file-out scores). Snippets of one file are alike, so that they say as much as fewer
// independent ones: where those are too few for the stated rate, no threshold is set. It measures nothing itself.
// Source: Vovk, Gammerman & Shafer 2005; Barber et al. 2021 for leave-one-out scores; Kish 1965, § 5.4 and 8.2 (effective sample size
// of clusters by their intraclass correlation).
import type { Aspect, Measures } from "./driftModel.ts";
import { ASPECTS } from "./driftModel.ts";

/**
 * Weights of the two views, fitted by logistic regression on standardised measures of 16 repositories (nine in Python, seven in
 * TypeScript; left out one at a time: AUROC .926 against .890 of the lexical baseline; `evaluate drift` measures others): what a snippet speaks of and how it is spelt, own against others';
 * what follows what, own against own with its lines shuffled. Lines out of order are ordinary tokens in an odd place, hence layout's sign.
 */
export const DRIFT_WEIGHTS: Readonly<Record<"vocabulary" | "order", Partial<Record<Aspect, number>>>> = {
  vocabulary: { unknownNames: 0.83, unknownWords: 0.48, lexical: 0.36, cloud: 0.68, marks: 0.06 },
  order: { lineOrder: 1.91, structure: 0.87, layout: -1.24 },
};
/** The view of order counts this much: at 1, the larger of two views costs the first .021 of AUROC on those repositories, at 0.5 .005. */
const ORDER_SHARE = 0.6;
/** Standardised measures beyond this are as foreign as can be. */
const FARTHEST = 4;
/** Fewer own snippets than this set no threshold. At 5 % the rank that decides is then the third from above. */
export const LEAST_SNIPPETS = 40;

export interface DriftScore {
  /** In units of the workspace's own variation: 0 is usual, more is more foreign. */
  readonly score: number;
  /** Share of own snippets at least as foreign, in (0, 1]. */
  readonly p: number;
  /** Which view decided. */
  readonly view: "vocabulary" | "order";
  readonly standard: Measures;
}

interface Spread {
  readonly mean: number;
  readonly deviation: number;
}

export class DriftCalibration {
  readonly #aspects: Readonly<Record<Aspect, Spread>>;
  readonly #views: Readonly<Record<"vocabulary" | "order", Spread>>;
  /** Ascending. */
  readonly #scores: number[];
  #effective: number;

  /** `own`: measures of the workspace's own snippets, each without its file; `files`: which file each is of. RangeError without any. */
  constructor(own: readonly Measures[], files: readonly string[] = own.map((_, at) => String(at))) {
    if (own.length === 0) throw new RangeError("A calibration needs at least one snippet.");
    this.#aspects = Object.fromEntries(ASPECTS.map((aspect) => [aspect, spreadOf(own.map((measures) => measures[aspect]))])) as Record<Aspect, Spread>;
    const standard = own.map((measures) => this.#standardise(measures));
    this.#views = { vocabulary: spreadOf(standard.map((measures) => viewOf(measures, "vocabulary"))), order: spreadOf(standard.map((measures) => viewOf(measures, "order"))) };
    const scores = standard.map((measures) => this.#join(measures).score);
    this.#effective = effectiveSize(scores, files);
    this.#scores = scores.sort((a, b) => a - b);
  }

  /** Snippets that the threshold stands on, accepted ones counted. */
  get size(): number {
    return this.#scores.length;
  }

  /** Independent snippets that say as much as these do, at most {@link size}. */
  get effectiveSize(): number {
    return this.#effective;
  }

  /** Whether there is enough to judge by. */
  get ready(): boolean {
    return this.size >= LEAST_SNIPPETS;
  }

  /** Takes in a draft that the user said was fine: as usual as an own snippet from now on. */
  accept(measures: Measures): void {
    const { score } = this.#join(this.#standardise(measures));
    const at = this.#scores.findIndex((own) => own > score);
    this.#scores.splice(at < 0 ? this.size : at, 0, score);
    this.#effective++;
  }

  judge(measures: Measures): DriftScore {
    const standard = this.#standardise(measures);
    const { score, view } = this.#join(standard);
    let atLeast = 0;
    for (let at = this.size - 1; at >= 0 && this.#scores[at]! >= score; at--) atLeast++;
    return { score, view, p: (atLeast + 1) / (this.size + 1), standard };
  }

  /**
   * The score above which a snippet is flagged so that a share `rate` of own ones is; Infinity where there are too few to tell: below
   * 1 / rate − 1 effective ones even the farthest of them would be passed more often. The rank itself goes by all snippets: going by the
   * effective ones flagged 3.8 % at a stated 5 % where this flagged 5.0 % (means of six projects that chose between the two).
   */
  threshold(rate: number): number {
    if (this.#effective < 1 / rate - 1) return Infinity;
    const rank = Math.ceil((1 - rate) * (this.size + 1));
    return rank > this.size ? Infinity : this.#scores[Math.max(0, rank - 1)]!;
  }

  #standardise(measures: Measures): Measures {
    return Object.fromEntries(ASPECTS.map((aspect) => {
      const { mean, deviation } = this.#aspects[aspect];
      // What never varies (a sense that is missing) tells nothing.
      const value = deviation === 0 ? 0 : (measures[aspect] - mean) / deviation;
      return [aspect, Math.max(-FARTHEST, Math.min(FARTHEST, value))];
    })) as Record<Aspect, number>;
  }

  #join(standard: Measures): { score: number; view: "vocabulary" | "order" } {
    const unit = (view: "vocabulary" | "order"): number => {
      const { mean, deviation } = this.#views[view];
      return deviation === 0 ? 0 : (viewOf(standard, view) - mean) / deviation;
    };
    const vocabulary = unit("vocabulary"), order = ORDER_SHARE * unit("order");
    return vocabulary >= order ? { score: vocabulary, view: "vocabulary" } : { score: order, view: "order" };
  }
}

/**
 * How many independent values say as much as `values` in clusters: n / (1 + (m − 1) ρ), with m the mean size of the cluster that a value
 * is in and ρ the intraclass correlation of one-way analysis of variance, between 0 and 1.
 */
export function effectiveSize(values: readonly number[], clusters: readonly string[]): number {
  const n = values.length;
  const groups = [...Map.groupBy(values.map((value, at) => ({ value, cluster: clusters[at] ?? "" })), ({ cluster }) => cluster).values()].map((group) => group.map(({ value }) => value));
  const k = groups.length;
  if (k === n || n < 2) return n;
  if (k === 1) return 1;
  const average = (of: readonly number[]): number => of.reduce((sum, value) => sum + value, 0) / of.length;
  const grand = average(values);
  const between = groups.reduce((sum, group) => sum + group.length * (average(group) - grand) ** 2, 0) / (k - 1);
  const within = groups.reduce((sum, group) => sum + group.reduce((own, value) => own + (value - average(group)) ** 2, 0), 0) / (n - k);
  const squares = groups.reduce((sum, group) => sum + group.length ** 2, 0);
  const usual = (n - squares / n) / (k - 1);
  const correlation = between + (usual - 1) * within === 0 ? 0 : Math.max(0, Math.min(1, (between - within) / (between + (usual - 1) * within)));
  return n / (1 + (squares / n - 1) * correlation);
}

function viewOf(standard: Measures, view: "vocabulary" | "order"): number {
  return Object.entries(DRIFT_WEIGHTS[view]).reduce((sum, [aspect, weight]) => sum + weight * standard[aspect as Aspect], 0);
}

function spreadOf(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  // Rounding leaves a hair where all values are the same.
  return { mean, deviation: variance < 1e-18 ? 0 : Math.sqrt(variance) };
}
