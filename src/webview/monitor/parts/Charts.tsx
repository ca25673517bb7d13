// All charts of the shown runs with one pointer: hovering over one shows the values at the same place in all.
import { useMemo, useState } from "preact/hooks";
import type { RunFigures, RunInfo } from "../../../engine/protocol/training.ts";
import type { MonitorAction, MonitorChoices } from "../monitorState.ts";
import { chartsOf, pointsOf, smoothed } from "../series.ts";
import type { ChartPlan, Line } from "../series.ts";
import { duration, runLabel } from "../../trainingWords.ts";
import { Chart, Swatch } from "./Chart.tsx";
import { ChartBoundary } from "./ChartBoundary.ts";
import { t } from "../../shared/l10n.ts";

interface ChartsProps {
  /** The chosen run first. */
  runs: readonly RunInfo[];
  /** Figures of each of `runs`. */
  figures: readonly (readonly RunFigures[])[];
  choices: MonitorChoices;
  dispatch: (action: MonitorAction) => void;
}

export function Charts({ runs, figures, choices, dispatch }: ChartsProps) {
  const [pointer, setPointer] = useState<number | null>(null);
  const plans = chartsOf(runs[0]!.method);
  const comparing = runs.length > 1;
  const runIds = runs.map(({ id }) => id).join();
  const drawn = useMemo(() => ({ runs, figures }), [runIds, ...figures]);
  const chart = (plan: ChartPlan) => (
    <ChartBoundary key={plan.id} title={plan.title} drawn={drawn}>
      <RunsChart
        plan={plan} runs={runs} figures={figures} runIds={runIds} axis={choices.axis} smoothing={choices.smoothing} pointer={pointer} onPointer={setPointer}
        table={choices.tables.includes(plan.id)} onTable={(on) => dispatch({ type: "asTable", chart: plan.id, on })}
      />
    </ChartBoundary>
  );
  return (
    <section class="charts" aria-label={t("Curves")}>
      <div class="section-bar">
        <h2>{t("Curves")}</h2>
        <label class="setting">
          <span>{t("Smoothing")}</span>
          <input
            type="range" min={0} max={0.98} step={0.02} value={choices.smoothing} data-testid="smoothing" aria-valuetext={choices.smoothing.toFixed(2)}
            onInput={(event) => dispatch({ type: "set", choices: { smoothing: Number(event.currentTarget.value) } })}
          />
          <output>{choices.smoothing.toFixed(2)}</output>
        </label>
        <label class="setting">
          <span>{t("Axis")}</span>
          <select class="select" data-testid="axis" value={choices.axis} onChange={(event) => dispatch({ type: "set", choices: { axis: event.currentTarget.value === "time" ? "time" : "step" } })}>
            <option value="step">{t("Steps")}</option>
            <option value="time">{t("Time")}</option>
          </select>
        </label>
        <span class="pointer quiet" data-testid="pointer">{pointer === null ? t("latest values") : choices.axis === "step" ? t("step {0}", Math.round(pointer)) : t("after {0}", duration(pointer))}</span>
      </div>
      {comparing && (
        <ul class="legend compared" data-testid="compared" aria-label={t("Compared runs")}>
          {runs.map((run, i) => <li key={run.id}><Swatch colour={i} /><bdi class="legend-name ellipsis">{runLabel(run)}</bdi></li>)}
        </ul>
      )}
      <div class="grid large">{plans.filter(({ large }) => large).map(chart)}</div>
      <div class="grid">{plans.filter(({ large }) => !large).map(chart)}</div>
    </section>
  );
}

interface RunsChartProps extends Pick<ChartsProps, "runs" | "figures"> {
  plan: ChartPlan;
  runIds: string;
  axis: MonitorChoices["axis"];
  smoothing: number;
  pointer: number | null;
  onPointer: (x: number | null) => void;
  table: boolean;
  onTable: (on: boolean) => void;
}

/** One chart with the lines of all shown runs. */
function RunsChart({ plan, runs, figures, runIds, axis, smoothing, ...rest }: RunsChartProps) {
  const comparing = runs.length > 1;
  // Runs are told apart by colour and lines of one run by dashes; a run alone has its colours for its lines.
  const lines = useMemo(
    () => runs.flatMap((run, i) => plan.series.map((series, j): Line => {
      const raw = pointsOf(figures[i]!, series, axis);
      const several = plan.series.length > 1;
      const name = comparing ? (several ? `${runLabel(run)}, ${series.label.toLowerCase()}` : runLabel(run)) : series.label;
      return { id: `${run.id}.${series.key}`, name, short: several ? series.label : "", colour: comparing ? i : j, dashed: j > 0, raw, line: series.sparse ? raw : smoothed(raw, smoothing), band: series.deviation !== undefined };
    })),
    [plan.id, runIds, ...figures, axis, smoothing],
  );
  return <Chart plan={plan} lines={lines} axis={axis} {...rest} />;
}
