// Which figures of a run make up which chart, and what becomes of them before they are drawn: smoothed and thinned.
// Pure; knows neither pixels nor colours.
import type { RunFigures, TrainingMethod } from "../../engine/protocol/training.ts";
import { megabytes, number, percent } from "../trainingWords.ts";
import { mark, t, translated } from "../shared/l10n.ts";

export type FigureKey = Exclude<keyof RunFigures, "step" | "at">;

export interface SeriesPlan {
  key: FigureKey;
  label: string;
  /** Half the width of a band around the line. */
  deviation?: FigureKey;
  /** Few and exact values are drawn as they are. */
  sparse?: boolean;
}

export interface ChartPlan {
  id: string;
  title: string;
  unit: string;
  /** Large charts stand first. */
  large: boolean;
  series: readonly SeriesPlan[];
  /** Bounds that the axis always shows, where the figure has natural ones. */
  range?: readonly [number, number];
  /** Values are shares, shown in percent. */
  share?: boolean;
  format: (value: number) => string;
}

const plain = (value: number): string => number(value);
const share = (value: number): string => percent(value, 1);

const LOSS: ChartPlan = {
  id: "loss", title: mark("Loss"), unit: mark("nats per token"), large: true, format: plain,
  series: [{ key: "loss", label: mark("Training") }, { key: "validationLoss", label: mark("Held out"), sparse: true }],
};
const SMALL_COMMON: readonly ChartPlan[] = [
  { id: "rate", title: mark("Learning rate"), unit: "", large: false, format: plain, series: [{ key: "rate", label: mark("Learning rate"), sparse: true }] },
  { id: "gradient", title: mark("Gradient norm"), unit: "", large: false, format: plain, series: [{ key: "gradientNorm", label: mark("Gradient norm") }] },
  { id: "speed", title: mark("Speed"), unit: mark("tokens/s"), large: false, format: (value) => number(value, 3), series: [{ key: "tokensPerSecond", label: mark("Tokens/s") }] },
  { id: "memory", title: mark("Memory"), unit: mark("resident"), large: false, format: megabytes, series: [{ key: "residentMb", label: mark("Resident"), sparse: true }] },
];
const MARGIN: ChartPlan = { id: "margin", title: mark("Margin"), unit: mark("chosen − rejected"), large: false, format: plain, series: [{ key: "margin", label: mark("Margin") }] };
const ACCURACY: ChartPlan = { id: "accuracy", title: mark("Accuracy"), unit: mark("ranked right"), large: false, range: [0, 1], share: true, format: share, series: [{ key: "accuracy", label: mark("Training") }, { key: "validationAccuracy", label: mark("Held out"), sparse: true }] };
const LOG_PROBABILITIES: ChartPlan = {
  id: "logProbabilities", title: mark("Log-probability"), unit: mark("of replies"), large: true, format: plain,
  series: [{ key: "chosenLogProbability", label: mark("Chosen") }, { key: "rejectedLogProbability", label: mark("Rejected") }],
};
const GRPO_CHARTS: readonly ChartPlan[] = [
  { id: "reward", title: mark("Reward"), unit: mark("mean ± deviation"), large: true, format: plain, series: [{ key: "reward", label: mark("Training"), deviation: "rewardDeviation" }, { key: "validationReward", label: mark("Held out"), sparse: true }] },
  { id: "kl", title: mark("Divergence from the base"), unit: mark("KL, nats"), large: true, format: plain, series: [{ key: "kl", label: mark("KL") }] },
  { id: "entropy", title: mark("Entropy"), unit: mark("nats"), large: false, format: plain, series: [{ key: "entropy", label: mark("Entropy") }] },
  { id: "zeroDeviation", title: mark("Flat groups"), unit: mark("rewards alike"), large: false, range: [0, 1], share: true, format: share, series: [{ key: "zeroDeviationShare", label: mark("Without deviation") }] },
  { id: "clipped", title: mark("Clipped"), unit: mark("of tokens"), large: false, range: [0, 0.01], share: true, format: share, series: [{ key: "clippedShare", label: mark("Clipped") }] },
  { id: "length", title: mark("Reply length"), unit: mark("tokens"), large: false, format: (value) => number(value, 3), series: [{ key: "replyTokens", label: mark("Tokens") }] },
];

/** The charts of a method, in the order in which they are shown. The same from the first step on, so that nothing moves. */
export function chartsOf(method: TrainingMethod): readonly ChartPlan[] {
  const known = shownPlans.get(method);
  if (known) return known;
  // Made once: a chart that gets the same plan again need not be laid out again.
  const plans = plansOf(method).map((plan) => ({ ...plan, title: translated(plan.title), unit: translated(plan.unit), series: plan.series.map((series) => ({ ...series, label: translated(series.label) })) }));
  shownPlans.set(method, plans);
  return plans;
}

const shownPlans = new Map<TrainingMethod, readonly ChartPlan[]>();

function plansOf(method: TrainingMethod): readonly ChartPlan[] {
  switch (method) {
    case "sft":
      return [LOSS, ...SMALL_COMMON];
    case "dpo":
    case "kto":
      return [{ ...LOSS, unit: "" }, LOG_PROBABILITIES, MARGIN, ACCURACY, ...SMALL_COMMON];
    case "grpo":
      return [...GRPO_CHARTS, { ...LOSS, unit: "", large: false }, ...SMALL_COMMON];
  }
}

/** A measured value. `x` in steps, or in seconds since the run's first figure; `deviation` as in SeriesPlan. */
export interface Point {
  x: number;
  step: number;
  y: number;
  deviation: number;
}

/** One line of a chart, ready to be drawn. */
export interface Line {
  id: string;
  /** What it is called where nothing else tells; `short` where its colour tells the run, "" where its chart says enough. */
  name: string;
  short: string;
  /** Index into the theme's chart colours. */
  colour: number;
  dashed: boolean;
  raw: readonly Point[];
  /** What is drawn on top: `raw` or its moving average. */
  line: readonly Point[];
  band: boolean;
}

/** The measured values of a series, in the order of x. Values that are no numbers are left out: there is no place for them. */
export function pointsOf(figures: readonly RunFigures[], series: SeriesPlan, axis: "step" | "time"): Point[] {
  const begun = figures[0]?.at ?? 0;
  const points: Point[] = [];
  for (const figure of figures) {
    const y = figure[series.key];
    if (y === undefined || !Number.isFinite(y)) continue;
    const deviation = series.deviation ? (figure[series.deviation] ?? 0) : 0;
    points.push({ x: axis === "step" ? figure.step : (figure.at - begun) / 1000, step: figure.step, y, deviation: Number.isFinite(deviation) ? deviation : 0 });
  }
  return points;
}

/** Exponential moving average without the pull of its start towards zero (Kingma & Ba 2015, section 3), as TensorBoard draws it. */
export function smoothed(points: readonly Point[], weight: number): Point[] {
  if (weight <= 0) return [...points];
  let mean = 0;
  let total = 0;
  return points.map((point) => {
    mean = weight * mean + (1 - weight) * point.y;
    total = weight * total + (1 - weight);
    return { ...point, y: mean / total };
  });
}

/** At most about `limit` points with the same extremes: of every stretch its lowest and its highest. */
export function thinned(points: readonly Point[], limit: number): Point[] {
  if (points.length <= limit) return [...points];
  const stretch = points.length / (limit / 2);
  const kept: Point[] = [];
  for (let begin = 0; begin < points.length; begin += stretch) {
    const part = points.slice(Math.floor(begin), Math.max(Math.floor(begin) + 1, Math.floor(begin + stretch)));
    let low = part[0]!;
    let high = low;
    for (const point of part) {
      if (point.y < low.y) low = point;
      if (point.y > high.y) high = point;
    }
    kept.push(...(low === high ? [low] : low.x < high.x ? [low, high] : [high, low]));
  }
  const last = points.at(-1)!;
  if (kept.at(-1) !== last) kept.push(last);
  return kept;
}

/** The point nearest to `x`, or null where there is none. Points are in the order of x. */
export function nearest(points: readonly Point[], x: number): Point | null {
  let low = 0;
  let high = points.length - 1;
  if (high < 0) return null;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (points[middle]!.x <= x) low = middle;
    else high = middle;
  }
  return Math.abs(points[low]!.x - x) <= Math.abs(points[high]!.x - x) ? points[low]! : points[high]!;
}

/** What a chart says in one sentence, for those who do not see it. */
export function summaryOf(label: string, points: readonly Point[], format: (value: number) => string): string {
  const first = points[0];
  const last = points.at(-1);
  if (!first || !last) return t("{0}: no values yet.", label);
  if (first === last) return t("{0}: {1} at step {2}.", label, format(first.y), first.step);
  const low = points.reduce((least, point) => (point.y < least.y ? point : least), first);
  return t("{0}: from {1} at step {2} to {3} at step {4}, lowest {5} at step {6}.", label, format(first.y), first.step, format(last.y), last.step, format(low.y), low.step);
}
