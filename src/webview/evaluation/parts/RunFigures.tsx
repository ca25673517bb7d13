// The chosen run's figures, or how it differs from the run beside it: before, after, difference with interval, paired test.
import { useState } from "preact/hooks";
import type { EvaluationRunInfo, RunDetail, RunDifference } from "../../../engine/protocol/evaluation.ts";
import { Icon } from "../../shared/Icon.tsx";
import type { EvaluationAction, EvaluationState } from "../evaluationState.ts";
import { comparableRuns } from "../evaluationState.ts";
import { post } from "../host.ts";
import { count, figure, interval, pValue, runTitle } from "../words.ts";

/** Parts of a run that are open at first: the headline and what follows it. */
const OPEN_PARTS = 1;

export function RunFigures({ state, run, dispatch }: { state: EvaluationState; run: EvaluationRunInfo; dispatch: (action: EvaluationAction) => void }) {
  const { detail, difference, failure, choices: { baselineId } } = state;
  const others = comparableRuns(state);
  const act = (action: "report" | "export" | "remove"): void => post({ type: "runAction", action, id: run.id, baseline: baselineId });
  return (
    <section aria-label="Figures" data-testid="figures">
      <div class="head-title">
        <h1><bdi class="ellipsis">{runTitle(run)}</bdi></h1>
        <div class="head-buttons">
          <button type="button" class="button secondary small" onClick={() => act("report")}><Icon name="open-preview" />Report</button>
          <button type="button" class="button secondary small" onClick={() => act("export")}><Icon name="export" />Export…</button>
          <button type="button" class="button secondary small" onClick={() => act("remove")}><Icon name="trash" />Delete</button>
        </div>
      </div>
      <p class="head-origin quiet"><span>{count(run.n, "item")}</span><span>{run.seconds.toFixed(1)} s</span>{run.model !== null && <bdi class="ellipsis">{run.model}</bdi>}<bdi class="ellipsis">{run.data}</bdi></p>
      <p class="compare-with">
        <label>Compare with{" "}
          <select data-testid="baseline" value={baselineId ?? ""} disabled={others.length === 0} onChange={(event) => dispatch({ type: "chooseBaseline", id: event.currentTarget.value === "" ? null : event.currentTarget.value })}>
            <option value="">{others.length === 0 ? "no other run of this suite" : "nothing"}</option>
            {others.map((other) => <option key={other.id} value={other.id}>{runTitle(other)}{other.model === null ? "" : ` · ${other.model}`}</option>)}
          </select>
        </label>
      </p>
      {failure !== null && <p class="verdict" role="alert"><Icon name="warning" /><bdi>{failure}</bdi></p>}
      {baselineId !== null ? difference !== null && <Differences difference={difference} /> : detail !== null && <Parts key={run.id} detail={detail} />}
    </section>
  );
}

function Parts({ detail }: { detail: RunDetail }) {
  const [open, setOpen] = useState<readonly string[]>(detail.parts.slice(0, OPEN_PARTS).map(({ part }) => part));
  return (
    <>
      {detail.parts.map(({ part, figures }) => {
        const isOpen = open.includes(part);
        return (
          <div key={part}>
            {part !== "" && <button type="button" class="disclosure" aria-expanded={isOpen} onClick={() => setOpen(isOpen ? open.filter((other) => other !== part) : [...open, part])}><Icon name={isOpen ? "chevron-down" : "chevron-right"} /><bdi>{part}</bdi></button>}
            {isOpen && (
              <div class="table-scroll" role="region" tabIndex={0} aria-label={part === "" ? "Headline figures" : part}>
                <table class="figures">
                  <thead class="visually-hidden"><tr><th scope="col">Figure</th><th scope="col">Value</th><th scope="col">95 % interval</th></tr></thead>
                  <tbody>
                    {figures.map(({ name, value, low, high }) => (
                      <tr key={name}><th scope="row">{name}</th><td>{figure(value)}</td><td class="quiet">{low === undefined || high === undefined ? "" : interval(low, high)}</td></tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )}
          </div>
        );
      })}
    </>
  );
}

function Differences({ difference: { metrics, settings } }: { difference: RunDifference }) {
  if (metrics.length === 0) return <p class="quiet">The items of these runs have no scores that could be compared one by one.</p>;
  return (
    <>
      <div class="table-scroll" role="region" tabIndex={0} aria-label="Differences" data-testid="differences">
        <table class="figures">
          <thead><tr><th scope="col">Score</th><th scope="col">A: before</th><th scope="col">B: after</th><th scope="col">Difference</th><th scope="col">95 % interval</th><th scope="col">Paired test</th><th scope="col">Items</th></tr></thead>
          <tbody>
            {metrics.map(({ metric, before, after, difference, low, high, p, n, verdict }) => (
              <tr key={metric} data-verdict={verdict}>
                <th scope="row">{metric}</th><td>{figure(before)}</td><td>{figure(after)}</td>
                <td data-better={verdict === "same" ? undefined : verdict === "better"}>{verdict !== "same" && <Icon name={verdict === "better" ? "check" : "warning"} />}{difference > 0 ? "+" : ""}{figure(difference)}<span class="visually-hidden"> ({verdict})</span></td>
                <td class="quiet">{interval(low, high)}</td><td class="quiet">{pValue(p)}</td><td class="quiet">{n.toLocaleString("en")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {settings.length > 0 && <p class="quiet settings-line">Differ in {settings.map(({ name, before, after }) => `${name}: ${JSON.stringify(before)} → ${JSON.stringify(after)}`).join("; ")}</p>}
    </>
  );
}
