// The runs of this workspace, newest first. One is chosen; others can be drawn into its charts.
import type { AdapterInfo, RunInfo } from "../../../engine/protocol/training.ts";
import { Icon } from "../../shared/Icon.tsx";
import { adapterOf, isOpen } from "../../monitorProtocol.ts";
import { MAX_COMPARED } from "../monitorState.ts";
import type { MonitorAction, MonitorChoices } from "../monitorState.ts";
import { dayOrTime, progressOf, runDetail, runLabel, runTitle, STATE_ICONS } from "../../trainingWords.ts";
import { t } from "../../shared/l10n.ts";

interface RunListProps {
  runs: readonly RunInfo[];
  choices: MonitorChoices;
  adapters: readonly AdapterInfo[];
  dispatch: (action: MonitorAction) => void;
}

export function RunList({ runs, choices, adapters, dispatch }: RunListProps) {
  const full = choices.compared.length >= MAX_COMPARED;
  return (
    <nav class="runs" aria-label={t("Training runs")} data-testid="runs">
      <h2>{t("Runs")}</h2>
      <ul onKeyDown={moveUpAndDown}>
        {runs.map((run) => {
          const chosen = run.id === choices.runId;
          const compared = choices.compared.indexOf(run.id);
          const active = adapterOf(run, adapters)?.active === true;
          return (
            <li key={run.id} class="run-row" data-run={run.id} data-chosen={chosen} data-state={run.state}>
              <button type="button" class="run-open" aria-current={chosen} onClick={() => dispatch({ type: "chooseRun", runId: run.id })}>
                <span class="run-icon"><Icon name={STATE_ICONS[run.state]} spin={STATE_ICONS[run.state] === "loading"} /></span>
                <span class="run-words">
                  <span class="run-name"><bdi class="ellipsis">{runTitle(run)}</bdi>{active && <span class="tag">{t("active")}</span>}</span>
                  <span class="run-detail"><span class="ellipsis">{runDetail(run)}</span><span class="run-when">{dayOrTime(run.createdAt, Date.now())}</span></span>
                </span>
                {isOpen(run.state) && <span class="run-bar" style={{ inlineSize: `${100 * progressOf(run)}%` }} />}
              </button>
              <label class="run-compare" title={chosen ? t("The chosen run") : full && compared < 0 ? t("At most {0} runs fit into one chart", MAX_COMPARED + 1) : t("Compare with the chosen run")}>
                <input
                  type="checkbox" class="checkbox" aria-label={t("Compare {0}", runLabel(run))} checked={chosen || compared >= 0} disabled={chosen || (full && compared < 0)}
                  data-colour={choices.compared.length === 0 ? undefined : chosen ? 0 : compared < 0 ? undefined : compared + 1}
                  onChange={(event) => dispatch({ type: "compare", runId: run.id, on: event.currentTarget.checked })}
                />
              </label>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

function moveUpAndDown(event: KeyboardEvent & { currentTarget: HTMLElement }): void {
  if ((event.key !== "ArrowDown" && event.key !== "ArrowUp") || !(event.target instanceof Element) || !event.target.matches(".run-open")) return;
  const rows = [...event.currentTarget.querySelectorAll<HTMLButtonElement>(".run-open")];
  rows[rows.indexOf(event.target as HTMLButtonElement) + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
  event.preventDefault();
}
