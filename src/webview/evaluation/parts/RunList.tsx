// The evaluations that were made, newest first. The chosen one is shown; a tick on another of its suite puts that beside it.
import { dateTime } from "../../trainingWords.ts";
import type { EvaluationAction, EvaluationState } from "../evaluationState.ts";
import { chosenRun } from "../evaluationState.ts";
import { figure, runTitle } from "../words.ts";
import { t } from "../../shared/l10n.ts";

export function RunList({ state, dispatch }: { state: EvaluationState; dispatch: (action: EvaluationAction) => void }) {
  const suite = chosenRun(state)?.suite;
  return (
    <nav class="runs" aria-label={t("Evaluations")}>
      <h2 id="runs-title">{t("Evaluations")}</h2>
      <ul aria-labelledby="runs-title">
        {state.runs.map((run) => {
          const isChosen = run.id === state.choices.runId;
          const [first] = run.headline;
          return (
            <li key={run.id} class="run-row" data-chosen={isChosen} data-testid="run">
              <button type="button" class="run-open" aria-current={isChosen ? "true" : undefined} onClick={() => dispatch({ type: "chooseRun", id: run.id })}>
                <span class="run-words">
                  <span class="run-name"><bdi class="ellipsis">{run.suite}</bdi>{first && <span class="quiet run-figure">{first.name} {figure(first.value)}</span>}</span>
                  <span class="run-detail"><bdi class="ellipsis">{run.model ?? (run.data === "" ? t("this folder") : run.data.split(/[\\/]/).at(-1))}</bdi><span class="run-when">{dateTime(Date.parse(run.at))}</span></span>
                </span>
              </button>
              <span class="run-compare">
                <input
                  type="checkbox" class="checkbox" disabled={isChosen || run.suite !== suite} checked={run.id === state.choices.baselineId}
                  aria-label={t("Compare with {0}", runTitle(run))} title={isChosen ? "" : run.suite === suite ? t("Compare with this run") : t("Runs of another suite cannot be compared")}
                  onChange={(event) => dispatch({ type: "chooseBaseline", id: event.currentTarget.checked ? run.id : null })}
                />
              </span>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}
