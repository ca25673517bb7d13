// The values of a chart as a table: the same measurements for those who read rather than look.
import { useMemo } from "preact/hooks";
import type { ChartPlan, Line } from "../series.ts";
import { duration } from "../../trainingWords.ts";
import { t } from "../../shared/l10n.ts";

/** Of more measurements every second, third … is shown, and the last. */
const MAX_ROWS = 200;

export function ChartTable({ plan, lines, axis }: { plan: ChartPlan; lines: readonly Line[]; axis: "step" | "time" }) {
  const { rows, of } = useMemo(() => {
    const columns = lines.map(({ raw }) => new Map(raw.map((point) => [point.x, point])));
    const all = [...new Set(columns.flatMap((column) => [...column.keys()]))].sort((a, b) => a - b);
    const every = Math.ceil(all.length / MAX_ROWS);
    const kept = all.filter((_, i) => i % every === 0 || i === all.length - 1);
    return { of: all.length, rows: kept.map((x) => ({ x, values: columns.map((column) => column.get(x)) })) };
  }, [lines]);
  return (
    <div class="chart-table" role="region" tabIndex={0} aria-label={t("{0} as a table", plan.title)}>
      <table>
        <caption class="visually-hidden">{of > rows.length ? t("{0}, {1} of {2} measurements", plan.title, rows.length, of) : plan.title}</caption>
        <thead><tr><th scope="col">{axis === "step" ? t("Step") : t("Time")}</th>{lines.map((line) => <th key={line.id} scope="col"><bdi>{line.name}</bdi></th>)}</tr></thead>
        <tbody>
          {rows.map(({ x, values }) => (
            <tr key={x}>
              <th scope="row">{axis === "step" ? x.toLocaleString("en") : duration(x)}</th>
              {values.map((point, i) => <td key={i}>{point ? plan.format(point.y) : ""}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
