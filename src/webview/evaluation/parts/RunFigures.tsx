// The chosen run's figures, or how it differs from the run beside it: before, after, difference with interval, paired test.
import { useState } from "preact/hooks";
import type { EvaluationRunInfo, RunDetail, RunDifference } from "../../../engine/protocol/evaluation.ts";
import { Icon } from "../../shared/Icon.tsx";
import type { EvaluationAction, EvaluationState } from "../evaluationState.ts";
import { comparableRuns } from "../evaluationState.ts";
import { post } from "../host.ts";
import { figure, interval, itemCount, pValue, runTitle } from "../words.ts";
import { t } from "../../shared/l10n.ts";

/** Parts of a run that are open at first: the headline and what follows it. */
const OPEN_PARTS = 1;

export function RunFigures({ state, run, dispatch }: { state: EvaluationState; run: EvaluationRunInfo; dispatch: (action: EvaluationAction) => void }) {
  const { detail, difference, failure, choices: { baselineId } } = state;
  const others = comparableRuns(state);
  const act = (action: "report" | "export" | "remove"): void => post({ type: "runAction", action, id: run.id, baseline: baselineId });
  return (
    <section aria-label={t("Figures")} data-testid="figures">
      <div class="head-title">
        <h1><bdi class="ellipsis">{runTitle(run)}</bdi></h1>
        <div class="head-buttons">
          <button type="button" class="button secondary small" onClick={() => act("report")}><Icon name="open-preview" />{t("Report")}</button>
          <button type="button" class="button secondary small" onClick={() => act("export")}><Icon name="export" />{t("Export…")}</button>
          <button type="button" class="button secondary small" onClick={() => act("remove")}><Icon name="trash" />{t("Delete")}</button>
        </div>
      </div>
      <p class="head-origin quiet"><span>{itemCount(run.n)}</span><span>{t("{0} s", run.seconds.toFixed(1))}</span>{run.model !== null && <bdi class="ellipsis">{run.model}</bdi>}<bdi class="ellipsis">{run.data}</bdi></p>
      <p class="compare-with">
        <label>{t("Compare with")}{" "}
          <select data-testid="baseline" value={baselineId ?? ""} disabled={others.length === 0} onChange={(event) => dispatch({ type: "chooseBaseline", id: event.currentTarget.value === "" ? null : event.currentTarget.value })}>
            <option value="">{others.length === 0 ? t("no other run of this suite") : t("nothing")}</option>
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
              <div class="table-scroll" role="region" tabIndex={0} aria-label={part === "" ? t("Headline figures") : part}>
                <table class="figures">
                  <thead class="visually-hidden"><tr><th scope="col">{t("Figure")}</th><th scope="col">{t("Value")}</th><th scope="col">{t("95 % interval")}</th></tr></thead>
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
  if (metrics.length === 0) return <p class="quiet">{t("The items of these runs have no scores that could be compared one by one.")}</p>;
  return (
    <>
      <div class="table-scroll" role="region" tabIndex={0} aria-label={t("Differences")} data-testid="differences">
        <table class="figures">
          <thead><tr><th scope="col">{t("Score")}</th><th scope="col">{t("A: before")}</th><th scope="col">{t("B: after")}</th><th scope="col">{t("Difference")}</th><th scope="col">{t("95 % interval")}</th><th scope="col">{t("Paired test")}</th><th scope="col">{t("Items")}</th></tr></thead>
          <tbody>
            {metrics.map(({ metric, before, after, difference, low, high, p, n, verdict }) => (
              <tr key={metric} data-verdict={verdict}>
                <th scope="row">{metric}</th><td>{figure(before)}</td><td>{figure(after)}</td>
                <td data-better={verdict === "same" ? undefined : verdict === "better"}>{verdict !== "same" && <Icon name={verdict === "better" ? "check" : "warning"} />}{difference > 0 ? "+" : ""}{figure(difference)}<span class="visually-hidden"> ({verdict === "same" ? t("same") : verdict === "better" ? t("better") : t("worse")})</span></td>
                <td class="quiet">{interval(low, high)}</td><td class="quiet">{pValue(p)}</td><td class="quiet">{n.toLocaleString("en")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {settings.length > 0 && <p class="quiet settings-line">{t("Differ in {0}", settings.map(({ name, before, after }) => `${name}: ${JSON.stringify(before)} → ${JSON.stringify(after)}`).join("; "))}</p>}
    </>
  );
}
