// From values to pixels: bounds, round ticks, and paths. Pure.
import type { Point } from "./series.ts";

export interface Scale {
  low: number;
  high: number;
  ticks: readonly number[];
}

/** Steps between ticks are 1, 2 or 5 times a power of ten. */
export function roundStep(span: number, wanted: number): number {
  const raw = span / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(raw));
  const times = raw / power;
  return power * (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10);
}

/**
 * A scale over `values` with about `wanted` ticks, its ends on ticks. `always`: values that must be within.
 * Without values it runs from 0 to 1, and around a single one far enough that its line stands in the middle.
 */
export function scaleOf(values: Iterable<number>, wanted: number, always: readonly number[] = []): Scale {
  let low = Infinity;
  let high = -Infinity;
  for (const source of [values, always]) {
    for (const value of source) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (low > high) [low, high] = [0, 1];
  // Smoothing the same value again and again leaves differences in its last digits, which no axis can show.
  if (high - low <= Math.max(Math.abs(low), Math.abs(high)) * 1e-9) {
    const room = Math.abs(low) * 0.1 || 1;
    [low, high] = [low - room, high + room];
  }
  const step = roundStep(high - low, wanted);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  return { low: first * step, high: last * step, ticks: Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step) };
}

/** A scale that ends where its values end: for the horizontal axis, where empty room would look like a pause. Ticks are at least `leastStep` apart. */
export function tightScale(low: number, high: number, wanted: number, leastStep = 0): Scale {
  if (!(high > low)) return { low, high: low + 1, ticks: [low] };
  const step = Math.max(roundStep(high - low, wanted), leastStep);
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) ticks.push(i * step);
  return { low, high, ticks };
}

export type Project = (value: number) => number;

/** Maps a scale to pixels; give `from` > `to` for an axis that points up. */
export function projection({ low, high }: Pick<Scale, "low" | "high">, from: number, to: number): Project {
  return (value) => from + ((value - low) / (high - low)) * (to - from);
}

export function linePath(points: readonly Point[], x: Project, y: Project): string {
  return points.map((point, i) => `${i === 0 ? "M" : "L"}${round(x(point.x))} ${round(y(point.y))}`).join("");
}

/** The area between y − deviation and y + deviation. */
export function bandPath(points: readonly Point[], x: Project, y: Project): string {
  if (points.length < 2) return "";
  const above = points.map((point) => `${round(x(point.x))} ${round(y(point.y + point.deviation))}`);
  const below = points.map((point) => `${round(x(point.x))} ${round(y(point.y - point.deviation))}`).reverse();
  return `M${[...above, ...below].join("L")}Z`;
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}
