// How completions and answers fared with this user: the figures of use, by day, model and language; export and erasure.
// It computes shares of counts and nothing else.
import type { AnswerUse, CompletionUse, UseReport } from "../../../engine/protocol/metrics.ts";
import { Icon } from "../../shared/Icon.tsx";
import type { EvaluationAction } from "../evaluationState.ts";
import { post } from "../host.ts";
import { figure, share, time } from "../words.ts";

const PERIODS: readonly [days: number, name: string][] = [[1, "Today"], [7, "7 days"], [30, "30 days"], [365, "A year"]];

interface Column<Figures> {
  name: string;
  hint?: string;
  value: (figures: Figures) => string;
}

const COMPLETION_COLUMNS: readonly Column<CompletionUse>[] = [
  { name: "Shown", value: ({ shown }) => figure(shown) },
  { name: "Accepted", value: ({ accepted, shown }) => `${figure(accepted)} (${share(accepted, shown)})` },
  { name: "In part", hint: "Taken word by word, or typed along and left", value: ({ partiallyAccepted }) => figure(partiallyAccepted) },
  { name: "Kept 30 s", hint: "Of those looked at again: four fifths of the text still stood", value: ({ kept30s, reviewed30s }) => `${figure(kept30s)} (${share(kept30s, reviewed30s)})` },
  { name: "Kept 5 min", value: ({ kept5min, reviewed5min }) => `${figure(kept5min)} (${share(kept5min, reviewed5min)})` },
  { name: "Characters kept", value: ({ charactersKept }) => figure(charactersKept) },
  { name: "Time, median", value: ({ p50Ms }) => time(p50Ms) },
  { name: "95 %", value: ({ p95Ms }) => time(p95Ms) },
];

const ANSWER_COLUMNS: readonly Column<AnswerUse>[] = [
  { name: "Asked", value: ({ asked }) => figure(asked) },
  { name: "Model wrote", value: ({ written, asked }) => `${figure(written)} (${share(written, asked)})` },
  { name: "Thumbs up", value: ({ up }) => figure(up) },
  { name: "Down", value: ({ down }) => figure(down) },
  { name: "Citation opened", hint: "Answers of which a source was opened", value: ({ withFollowed, asked }) => `${figure(withFollowed)} (${share(withFollowed, asked)})` },
  { name: "Stopped", value: ({ stopped }) => figure(stopped) },
  { name: "Asked again", value: ({ retried }) => figure(retried) },
  { name: "First token, median", value: ({ firstTokenP50Ms }) => time(firstTokenP50Ms) },
  { name: "95 %", value: ({ firstTokenP95Ms }) => time(firstTokenP95Ms) },
];

export function Use({ report, days, dispatch }: { report: UseReport | null; days: number; dispatch: (action: EvaluationAction) => void }) {
  if (report === null) return <div class="use" aria-busy="true" />;
  const act = (action: "exportJson" | "exportCsv" | "erase"): void => post({ type: "useAction", action, days });
  const { completions, answers } = report;
  return (
    <main class="use" aria-label="In use" data-testid="use">
      <div class="head-title">
        <h1>In use, {report.from === report.to ? report.to : `${report.from} to ${report.to}`}</h1>
        <div class="head-buttons">
          <button type="button" class="button secondary small" data-testid="use-csv" onClick={() => act("exportCsv")}><Icon name="export" />CSV</button>
          <button type="button" class="button secondary small" data-testid="use-json" onClick={() => act("exportJson")}><Icon name="export" />JSON</button>
          <button type="button" class="button secondary small" data-testid="use-erase" onClick={() => act("erase")}><Icon name="trash" />Erase…</button>
        </div>
      </div>
      <p class="quiet" data-testid="nothing-sent">Nothing of this is sent anywhere. It stands in <code>{report.file}</code>, for this folder only, without texts and paths in the figures.{report.recording ? "" : " At present nothing is written down, because the setting “Training: Record” is off."}</p>
      <div class="filters periods" role="group" aria-label="Period">
        {PERIODS.map(([n, name]) => <button key={n} type="button" class="filter" data-testid={`days-${n}`} aria-pressed={days === n} onClick={() => dispatch({ type: "set", choices: { days: n } })}>{name}</button>)}
      </div>
      <section aria-label="Completions" data-testid="use-completions">
        <div class="section-bar"><h2>Completions</h2></div>
        {completions.total.shown === 0 ? <p class="quiet">None was shown in this period.</p> : (
          <>
            <Days days={completions.byDay.map(({ day, shown, accepted }) => ({ day, whole: shown, part: accepted }))} whole="shown" part="accepted" />
            <Groups columns={COMPLETION_COLUMNS} total={completions.total} groups={[["Model", completions.byModel.map((row) => [modelName(row), row])], ["Language", completions.byLanguage.map((row) => [row.language, row])], ["Day", completions.byDay.toReversed().map((row) => [row.day, row])]]} />
          </>
        )}
      </section>
      <section aria-label="Answers" data-testid="use-answers">
        <div class="section-bar"><h2>Answers</h2></div>
        {answers.total.asked === 0 ? <p class="quiet">Nothing was asked in this period.</p> : (
          <Groups columns={ANSWER_COLUMNS} total={answers.total} groups={[["Model", answers.byModel.map((row) => [modelName(row), row])], ["Language", answers.byLanguage.map((row) => [row.language === "" ? "none" : row.language, row])], ["Day", answers.byDay.toReversed().map((row) => [row.day, row])]]} />
        )}
      </section>
    </main>
  );
}

function modelName({ model, adapter }: { model: string; adapter: string }): string {
  return `${model === "" ? "no model" : model.split(/[\\/]/).at(-1) ?? model}${adapter === "" ? "" : ` with adapter ${adapter.slice(0, 8)}`}`;
}

function Groups<Figures>({ columns, total, groups }: { columns: readonly Column<Figures>[]; total: Figures; groups: readonly (readonly [name: string, rows: readonly (readonly [string, Figures])[]])[] }) {
  const cells = (figures: Figures) => columns.map(({ name, value }) => <td key={name}>{value(figures)}</td>);
  return (
    <div class="table-scroll" role="region" tabIndex={0} aria-label="Figures of use">
      <table class="figures">
        <thead><tr><th scope="col"><span class="visually-hidden">Group</span></th>{columns.map(({ name, hint }) => <th key={name} scope="col" title={hint}>{name}</th>)}</tr></thead>
        <tbody><tr data-testid="total"><th scope="row"><strong>All</strong></th>{cells(total)}</tr></tbody>
        {groups.map(([group, rows]) => (
          <tbody key={group}>
            <tr><th scope="rowgroup" colSpan={columns.length + 1} class="group">{group}</th></tr>
            {rows.map(([name, figures]) => <tr key={name}><th scope="row"><bdi>{name}</bdi></th>{cells(figures)}</tr>)}
          </tbody>
        ))}
      </table>
    </div>
  );
}

/** A bar a day: how many there were, and the part of them that counts. The table below says the same in figures. */
function Days({ days, whole, part }: { days: readonly { day: string; whole: number; part: number }[]; whole: string; part: string }) {
  const most = Math.max(1, ...days.map((day) => day.whole));
  const width = 100 / Math.max(14, days.length);
  return (
    <svg class="days" role="img" aria-label={`By day: ${whole}, and ${part} of them`} viewBox="0 0 100 24" preserveAspectRatio="none">
      {days.map((day, at) => (
        <g key={day.day}>
          <title>{`${day.day}: ${day.whole} ${whole}, ${day.part} ${part}`}</title>
          <rect class="day-whole" x={at * width} width={width * 0.8} y={24 - (24 * day.whole) / most} height={(24 * day.whole) / most} />
          <rect class="day-part" x={at * width} width={width * 0.8} y={24 - (24 * day.part) / most} height={(24 * day.part) / most} />
        </g>
      ))}
    </svg>
  );
}
