// One chart: lines with their raw values behind them, a pointer that mouse and keyboard move, and a table in its place.
// Drawn as SVG so that the theme's variables colour it, high contrast included, without asking for colours in script.
import { memo } from "preact/compat";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { IconButton } from "../../shared/Icon.tsx";
import { bandPath, linePath, projection, scaleOf, tightScale } from "../scale.ts";
import type { Project, Scale } from "../scale.ts";
import { nearest, summaryOf, thinned } from "../series.ts";
import type { ChartPlan, Line, Point } from "../series.ts";
import { duration, number, percent } from "../../trainingWords.ts";
import { ChartTable } from "./ChartTable.tsx";
import { t } from "../../shared/l10n.ts";

interface ChartProps {
  plan: ChartPlan;
  lines: readonly Line[];
  axis: "step" | "time";
  /** Place on the horizontal axis that all charts point at. */
  pointer: number | null;
  onPointer: (x: number | null) => void;
  table: boolean;
  onTable: (on: boolean) => void;
}

const MARGIN = { left: 46, right: 10, top: 8, bottom: 20 };
/** Points per line; a chart has about as many pixels. */
const MAX_POINTS = 600;
/** A line of this few points shows each of them. */
const DOTTED_BELOW = 40;

export function Chart({ plan, lines, axis, pointer, onPointer, table, onTable }: ChartProps) {
  const [width, box] = useWidth();
  const height = plan.large ? 210 : 130;
  const drawn = useMemo(() => lines.map((line) => ({ ...line, raw: thinned(line.raw, MAX_POINTS), line: thinned(line.line, MAX_POINTS) })), [lines]);
  const geometry = useMemo(() => layOut(plan, drawn, axis, width, height), [plan, drawn, axis, width, height]);
  const formatX = (x: number): string => (axis === "step" ? t("step {0}", Math.round(x)) : duration(x));
  const empty = lines.every(({ raw }) => raw.length === 0);
  const summary = lines.map(({ name, raw }) => summaryOf(name, raw, plan.format)).join(" ");
  const at = pointer === null ? null : Math.min(Math.max(pointer, geometry.horizontal.low), geometry.horizontal.high);
  return (
    <figure class="chart" data-testid={`chart-${plan.id}`}>
      <figcaption class="chart-head">
        <h3>{plan.title}</h3>
        {plan.unit !== "" && <span class="chart-unit quiet">{plan.unit}</span>}
        <IconButton icon={table ? "graph-line" : "table"} label={table ? t("Show {0} as Curve", plan.title) : t("Show {0} as Table", plan.title)} pressed={table} onClick={() => onTable(!table)} />
      </figcaption>
      <ul class="legend" aria-hidden={table}>
        {lines.map((line) => {
          const point = at === null ? line.line.at(-1) : nearest(line.line, at);
          return (
            <li key={line.id}>
              <Swatch colour={line.colour} dashed={line.dashed} />
              {line.short === "" ? <span class="visually-hidden">{line.name}</span> : <span class="legend-name" title={line.name}>{line.short}</span>}
              <span class="legend-value">{point ? plan.format(point.y) : "–"}{point && line.band ? ` ± ${number(point.deviation, 2)}` : ""}</span>
            </li>
          );
        })}
      </ul>
      <div class="plot" ref={box} data-large={plan.large}>
        {table
          ? <ChartTable plan={plan} lines={lines} axis={axis} />
          : (
            <>
              {width > 0 && !empty && <Drawing plan={plan} lines={drawn} geometry={geometry} width={width} height={height} axis={axis} />}
              {at !== null && !empty && <Pointer lines={drawn} geometry={geometry} at={at} width={width} height={height} />}
              {empty
                ? <p class="plot-empty quiet">{t("No values yet")}</p>
                : (
                  <div
                    class="plot-pointer" role="slider" tabIndex={0} aria-roledescription={t("chart")} aria-label={t("{0}. {1} Arrow keys read the values.", plan.title, summary)}
                    aria-valuemin={geometry.horizontal.low} aria-valuemax={geometry.horizontal.high} aria-valuenow={at ?? geometry.horizontal.high}
                    aria-valuetext={spoken(lines, at ?? geometry.horizontal.high, plan, formatX)}
                    onMouseMove={(event) => onPointer(clamp(geometry.toX(event.clientX - event.currentTarget.getBoundingClientRect().left), geometry.horizontal))}
                    onMouseLeave={() => onPointer(null)} onBlur={() => onPointer(null)}
                    onKeyDown={(event) => {
                      const next = step(event.key, lines, at);
                      if (next === undefined) return;
                      onPointer(next);
                      event.preventDefault();
                    }}
                  />
                )}
            </>
          )}
      </div>
    </figure>
  );
}

export function Swatch({ colour, dashed = false }: { colour: number; dashed?: boolean }) {
  return <svg class="swatch" width="14" height="8" aria-hidden="true"><path class="line" data-colour={colour} data-dashed={dashed} d="M0 4H14" /></svg>;
}

interface Geometry {
  horizontal: Scale;
  vertical: Scale;
  x: Project;
  y: Project;
  /** From a pixel to the horizontal axis. */
  toX: Project;
}

function layOut(plan: ChartPlan, lines: readonly Line[], axis: "step" | "time", width: number, height: number): Geometry {
  const all = lines.flatMap(({ raw }) => raw);
  const values = lines.flatMap(({ raw, line, band }) => [...raw, ...line].flatMap((point) => (band ? [point.y - point.deviation, point.y + point.deviation] : [point.y])));
  let first = Infinity;
  let last = -Infinity;
  for (const { x } of all) {
    first = Math.min(first, x);
    last = Math.max(last, x);
  }
  const horizontal = all.length === 0 ? tightScale(0, 1, 1) : tightScale(first, last, Math.max(3, Math.floor(width / 65)), axis === "step" ? 1 : 0);
  const vertical = scaleOf(values, plan.large ? 5 : 3, plan.range ?? []);
  const right = Math.max(MARGIN.left + 1, width - MARGIN.right);
  return {
    horizontal, vertical, x: projection(horizontal, MARGIN.left, right), y: projection(vertical, height - MARGIN.bottom, MARGIN.top),
    toX: projection({ low: MARGIN.left, high: right }, horizontal.low, horizontal.high),
  };
}

/** Everything that does not follow the pointer. */
const Drawing = memo(function Drawing({ plan, lines, geometry, width, height, axis }: { plan: ChartPlan; lines: readonly Line[]; geometry: Geometry; width: number; height: number; axis: "step" | "time" }) {
  const { horizontal, vertical, x, y } = geometry;
  return (
    <svg class="drawing" width={width} height={height} aria-hidden="true">
      {vertical.ticks.map((tick) => (
        <g key={tick}>
          <line class="grid-line" x1={MARGIN.left} x2={width - MARGIN.right} y1={y(tick)} y2={y(tick)} />
          <text class="tick" x={MARGIN.left - 6} y={y(tick)} dy="0.32em" text-anchor="end">{tickLabel(tick, vertical, plan)}</text>
        </g>
      ))}
      {horizontal.ticks.map((tick) => (
        <text key={tick} class="tick" x={x(tick)} y={height - 5} text-anchor={x(tick) > width - 40 ? "end" : "middle"}>{axis === "step" ? number(tick, 7).replace(/\.0+$/, "") : duration(tick)}</text>
      ))}
      {lines.filter(({ band }) => band).map((line) => <path key={line.id} class="band" data-colour={line.colour} d={bandPath(line.line, x, y)} />)}
      {lines.filter(({ raw, line }) => raw.length !== line.length || raw.some((point, i) => point.y !== line[i]!.y)).map((line) => <path key={line.id} class="line raw" data-colour={line.colour} d={linePath(line.raw, x, y)} />)}
      {lines.map((line) => <path key={line.id} class="line" data-colour={line.colour} data-dashed={line.dashed} d={linePath(line.line, x, y)} />)}
      {lines.filter(({ line }) => line.length < DOTTED_BELOW).flatMap((line) => line.line.map((point, i) => <circle key={`${line.id}.${i}`} class="dot" data-colour={line.colour} cx={x(point.x)} cy={y(point.y)} r={line.line.length === 1 ? 3 : 2} />))}
    </svg>
  );
});

function Pointer({ lines, geometry, at, width, height }: { lines: readonly Line[]; geometry: Geometry; at: number; width: number; height: number }) {
  const { x, y } = geometry;
  return (
    <svg class="drawing" width={width} height={height} aria-hidden="true">
      <line class="pointer-line" x1={x(at)} x2={x(at)} y1={MARGIN.top} y2={height - MARGIN.bottom} />
      {lines.map((line) => {
        const point = nearest(line.line, at);
        return point && <circle key={line.id} class="pointer-dot" data-colour={line.colour} cx={x(point.x)} cy={y(point.y)} r={3.5} />;
      })}
    </svg>
  );
}

/** Ticks get as many digits as their distance needs, so that no two read alike. */
function tickLabel(tick: number, { ticks }: Scale, plan: ChartPlan): string {
  const distance = ticks.length > 1 ? Math.abs(ticks[1]! - ticks[0]!) : Math.abs(tick) || 1;
  if (plan.share) return percent(tick, Math.max(0, Math.ceil(-Math.log10(distance) - 2 - 1e-9)));
  if (Math.abs(tick) < distance * 1e-6) return "0";
  if (distance < 1e-3 || Math.abs(tick) >= 1e6) return tick.toExponential(Math.max(0, magnitude(tick) - magnitude(distance))).replace("e+", "e").replaceAll("-", "−");
  const decimals = Math.max(0, Math.ceil(-Math.log10(distance) - 1e-9));
  return tick.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals }).replace("-", "−");
}

/** The power of ten of the first digit. */
function magnitude(value: number): number {
  return Math.floor(Math.log10(Math.abs(value)) + 1e-9);
}

function spoken(lines: readonly Line[], at: number, plan: ChartPlan, formatX: (x: number) => string): string {
  const values = lines.map((line) => ({ line, point: nearest(line.line, at) })).filter(({ point }) => point !== null);
  return `${formatX(at)}: ${values.map(({ line, point }) => `${line.name} ${plan.format(point!.y)}`).join(", ")}`;
}

/** Where a key moves the pointer: from measurement to measurement of the longest line. Undefined for other keys. */
function step(key: string, lines: readonly Line[], at: number | null): number | undefined {
  const points = lines.reduce<readonly Point[]>((longest, { raw }) => (raw.length > longest.length ? raw : longest), []);
  const moves: Record<string, number> = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity };
  const move = moves[key];
  if (move === undefined || points.length === 0) return undefined;
  const here = at === null ? null : nearest(points, at);
  const index = here ? points.indexOf(here) : move > 0 ? -1 : points.length;
  return points[Math.min(points.length - 1, Math.max(0, index + move))]?.x;
}

function clamp(x: number, { low, high }: Scale): number {
  return Math.min(high, Math.max(low, x));
}

/** Width of an element in CSS pixels, 0 until it is known. */
function useWidth() {
  const [width, setWidth] = useState(0);
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!element.current) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [width, element] as const;
}
