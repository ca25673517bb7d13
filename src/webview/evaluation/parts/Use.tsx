// How completions and answers fared with this user: the figures of use, by day, model and language; export and erasure.
// It computes shares of counts and nothing else.
import type { AnswerUse, CompletionUse, UseReport } from "../../../engine/protocol/metrics.ts";
import { Icon } from "../../shared/Icon.tsx";
import type { EvaluationAction } from "../evaluationState.ts";
import { post } from "../host.ts";
import { figure, share, time } from "../words.ts";
import { mark, t, translated } from "../../shared/l10n.ts";

const PERIODS: readonly [days: number, name: string][] = [[1, mark("Today")], [7, mark("7 days")], [30, mark("30 days")], [365, mark("A year")]];

interface Column<Figures> {
  name: string;
  hint?: string;
  value: (figures: Figures) => string;
}

const COMPLETION_COLUMNS: readonly Column<CompletionUse>[] = [
  { name: mark("Shown"), value: ({ shown }) => figure(shown) },
  { name: mark("Accepted"), value: ({ accepted, shown }) => `${figure(accepted)} (${share(accepted, shown)})` },
  { name: mark("In part"), hint: mark("Taken word by word, or typed along and left"), value: ({ partiallyAccepted }) => figure(partiallyAccepted) },
  { name: mark("Kept 30 s"), hint: mark("Of those looked at again: four fifths of the text still stood"), value: ({ kept30s, reviewed30s }) => `${figure(kept30s)} (${share(kept30s, reviewed30s)})` },
  { name: mark("Kept 5 min"), value: ({ kept5min, reviewed5min }) => `${figure(kept5min)} (${share(kept5min, reviewed5min)})` },
  { name: mark("Characters kept"), value: ({ charactersKept }) => figure(charactersKept) },
  { name: mark("Time, median"), value: ({ p50Ms }) => time(p50Ms) },
  { name: mark("95 %"), value: ({ p95Ms }) => time(p95Ms) },
];

const ANSWER_COLUMNS: readonly Column<AnswerUse>[] = [
  { name: mark("Asked"), value: ({ asked }) => figure(asked) },
  { name: mark("Model wrote"), value: ({ written, asked }) => `${figure(written)} (${share(written, asked)})` },
  { name: mark("Thumbs up"), value: ({ up }) => figure(up) },
  { name: mark("Down"), value: ({ down }) => figure(down) },
  { name: mark("Citation opened"), hint: mark("Answers of which a source was opened"), value: ({ withFollowed, asked }) => `${figure(withFollowed)} (${share(withFollowed, asked)})` },
  { name: mark("Stopped"), value: ({ stopped }) => figure(stopped) },
  { name: mark("Asked again"), value: ({ retried }) => figure(retried) },
  { name: mark("First token, median"), value: ({ firstTokenP50Ms }) => time(firstTokenP50Ms) },
  { name: mark("95 %"), value: ({ firstTokenP95Ms }) => time(firstTokenP95Ms) },
];

export function Use({ report, days, dispatch }: { report: UseReport | null; days: number; dispatch: (action: EvaluationAction) => void }) {
  if (report === null) return <div class="use" aria-busy="true" />;
  const act = (action: "exportJson" | "exportCsv" | "erase"): void => post({ type: "useAction", action, days });
  const { completions, answers } = report;
  return (
    <main class="use" aria-label={t("In use")} data-testid="use">
      <div class="head-title">
        <h1>{report.from === report.to ? t("In use, {0}", report.to) : t("In use, {0} to {1}", report.from, report.to)}</h1>
        <div class="head-buttons">
          <button type="button" class="button secondary small" data-testid="use-csv" onClick={() => act("exportCsv")}><Icon name="export" />CSV</button>
          <button type="button" class="button secondary small" data-testid="use-json" onClick={() => act("exportJson")}><Icon name="export" />JSON</button>
          <button type="button" class="button secondary small" data-testid="use-erase" onClick={() => act("erase")}><Icon name="trash" />{t("Erase…")}</button>
        </div>
      </div>
      <p class="quiet" data-testid="nothing-sent">{t("Nothing of this is sent anywhere. It stands in {0}, for this folder only, without texts and paths in the figures.", report.file)}{report.recording ? "" : ` ${t("At present nothing is written down, because the setting “Training: Record” is off.")}`}</p>
      <div class="filters periods" role="group" aria-label={t("Period")}>
        {PERIODS.map(([n, name]) => <button key={n} type="button" class="filter" data-testid={`days-${n}`} aria-pressed={days === n} onClick={() => dispatch({ type: "set", choices: { days: n } })}>{translated(name)}</button>)}
      </div>
      <section aria-label={t("Completions")} data-testid="use-completions">
        <div class="section-bar"><h2>{t("Completions")}</h2></div>
        {completions.total.shown === 0 ? <p class="quiet">{t("None was shown in this period.")}</p> : (
          <>
            <Days days={completions.byDay.map(({ day, shown, accepted }) => ({ day, whole: shown, part: accepted }))} words={{ label: t("By day: shown, and accepted of them"), day: (day, shown, accepted) => t("{0}: {1} shown, {2} accepted", day, shown, accepted) }} />
            <Groups columns={COMPLETION_COLUMNS} total={completions.total} groups={[[t("Model"), completions.byModel.map((row) => [modelName(row), row])], [t("Language"), completions.byLanguage.map((row) => [row.language, row])], [t("Day"), completions.byDay.toReversed().map((row) => [row.day, row])]]} />
          </>
        )}
      </section>
      <section aria-label={t("Answers")} data-testid="use-answers">
        <div class="section-bar"><h2>{t("Answers")}</h2></div>
        {answers.total.asked === 0 ? <p class="quiet">{t("Nothing was asked in this period.")}</p> : (
          <Groups columns={ANSWER_COLUMNS} total={answers.total} groups={[[t("Model"), answers.byModel.map((row) => [modelName(row), row])], [t("Language"), answers.byLanguage.map((row) => [row.language === "" ? t("none") : row.language, row])], [t("Day"), answers.byDay.toReversed().map((row) => [row.day, row])]]} />
        )}
      </section>
    </main>
  );
}

function modelName({ model, adapter }: { model: string; adapter: string }): string {
  const name = model === "" ? t("no model") : model.split(/[\\/]/).at(-1) ?? model;
  return adapter === "" ? name : t("{0} with adapter {1}", name, adapter.slice(0, 8));
}

function Groups<Figures>({ columns, total, groups }: { columns: readonly Column<Figures>[]; total: Figures; groups: readonly (readonly [name: string, rows: readonly (readonly [string, Figures])[]])[] }) {
  const cells = (figures: Figures) => columns.map(({ name, value }) => <td key={name}>{value(figures)}</td>);
  return (
    <div class="table-scroll" role="region" tabIndex={0} aria-label={t("Figures of use")}>
      <table class="figures">
        <thead><tr><th scope="col"><span class="visually-hidden">{t("Group")}</span></th>{columns.map(({ name, hint }) => <th key={name} scope="col" title={hint === undefined ? undefined : translated(hint)}>{translated(name)}</th>)}</tr></thead>
        <tbody><tr data-testid="total"><th scope="row"><strong>{t("All")}</strong></th>{cells(total)}</tr></tbody>
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
function Days({ days, words }: { days: readonly { day: string; whole: number; part: number }[]; words: { label: string; day: (day: string, whole: number, part: number) => string } }) {
  const most = Math.max(1, ...days.map((day) => day.whole));
  const width = 100 / Math.max(14, days.length);
  return (
    <figure>
      <figcaption class="quiet">{words.label}</figcaption>
      <svg class="days" role="img" aria-label={words.label} viewBox="0 0 100 24" preserveAspectRatio="none">
        {days.map((day, at) => (
          <g key={day.day}>
            <title>{words.day(day.day, day.whole, day.part)}</title>
            <rect class="day-whole" x={at * width} width={width * 0.8} y={24 - (24 * day.whole) / most} height={(24 * day.whole) / most} />
            <rect class="day-part" x={at * width} width={width * 0.8} y={24 - (24 * day.part) / most} height={(24 * day.part) / most} />
          </g>
        ))}
      </svg>
    </figure>
  );
}
