// What the chosen run learns from: counts, what was left out and why, lengths, problems by line.
import { useState } from "preact/hooks";
import type { DatasetInfo, DatasetReport, RunInfo } from "../../../engine/protocol/training.ts";
import { Icon } from "../../shared/Icon.tsx";
import { bytes, dateTime } from "../../trainingWords.ts";
import { mark, t, translated } from "../../shared/l10n.ts";

const SOURCES: Record<DatasetInfo["source"], string> = { workspace: mark("code of this workspace"), git: mark("Git history"), notebooks: mark("notebooks"), feedback: mark("your feedback"), file: mark("a file") };
const SHOWN_PROBLEMS = 5;

export function DataReport({ run, dataset }: { run: RunInfo; dataset: DatasetInfo | null | undefined }) {
  return (
    <section class="data" aria-label={t("Data")} data-testid="data">
      <div class="section-bar"><h2>{t("Data")}</h2></div>
      {dataset === undefined && <p class="quiet">{t("Reads the report of “{0}”.", run.dataset)}</p>}
      {dataset === null && <p class="quiet">{t("The data set “{0}” ({1}) is not on this machine any more.", run.dataset, run.datasetVersion.slice(0, 12))}</p>}
      {dataset && (
        <>
          <p>
            <bdi>{t("{0} from {1}: {2} to learn from, {3} held out", run.dataset, translated(SOURCES[dataset.source]), records(dataset.train), records(dataset.validation))}</bdi>
            {" "}<span class="quiet">· {bytes(dataset.bytes)} · {t("prepared {0}", dateTime(dataset.createdAt))}</span>
          </p>
          <LeftOut report={dataset.report} />
          <div class="data-columns">
            <Histogram report={dataset.report} />
            <dl class="facts">
              <Shares name={t("Kinds")} counts={dataset.kinds} />
              <Shares name={t("Languages")} counts={dataset.report.languages} />
              <Shares name={t("Licences")} counts={dataset.report.licences} />
              <Shares name={t("Encodings")} counts={dataset.report.encodings} />
            </dl>
          </div>
          <Problems report={dataset.report} />
        </>
      )}
    </section>
  );
}

function LeftOut({ report }: { report: DatasetReport }) {
  const items = [
    { n: report.invalid, words: t("invalid") }, { n: report.exactDuplicates, words: t("exact duplicates") }, { n: report.nearDuplicates, words: t("near duplicates") },
    { n: report.leaked, words: t("held back because something near is held out") }, { n: report.secretsRedacted, words: t("secrets redacted") }, { n: report.personalDataRedacted, words: t("pieces of personal data redacted") },
  ].filter(({ n }) => n > 0);
  return (
    <p class="quiet">
      {t("{0} of {1} kept", report.kept.toLocaleString("en"), records(report.read))}
      {items.map(({ n, words }) => ` · ${n.toLocaleString("en")} ${words}`).join("")}
    </p>
  );
}

/** Counts per length as bars; the same figures are in each bar's label for those who do not see them. */
function Histogram({ report }: { report: DatasetReport }) {
  const { lengthHistogram, lengths } = report;
  const most = Math.max(1, ...lengthHistogram.map(({ count: n }) => n));
  if (lengthHistogram.length === 0) return null;
  return (
    <figure class="histogram">
      <figcaption class="quiet">{t("Length in characters: median {0}, 90 % below {1}, longest {2}", lengths.p50.toLocaleString("en"), lengths.p90.toLocaleString("en"), lengths.longest.toLocaleString("en"))}</figcaption>
      <ol>
        {lengthHistogram.map(({ upTo, count: n }) => (
          <li key={upTo} title={t("up to {0} characters: {1}", upTo.toLocaleString("en"), n.toLocaleString("en"))}>
            <span class="visually-hidden">{t("up to {0} characters: {1}", upTo.toLocaleString("en"), n)}</span>
            <span class="histogram-bar" style={{ blockSize: `${(100 * n) / most}%` }} />
            <span class="histogram-label" aria-hidden="true">{short(upTo)}</span>
          </li>
        ))}
      </ol>
    </figure>
  );
}

function Shares({ name, counts }: { name: string; counts: Record<string, number> }) {
  const entries = Object.entries(counts).sort(([, a], [, b]) => b - a);
  if (entries.length === 0) return null;
  const rest = entries.length - 6;
  return <div><dt>{name}</dt><dd>{entries.slice(0, 6).map(([key, n]) => `${key} ${n.toLocaleString("en")}`).join(", ")}{rest > 0 && `, ${t("{0} more", rest)}`}</dd></div>;
}

function Problems({ report }: { report: DatasetReport }) {
  const [all, setAll] = useState(false);
  const shown = all ? report.problems : report.problems.slice(0, SHOWN_PROBLEMS);
  if (report.problems.length === 0) return null;
  const more = report.problems.length - shown.length;
  return (
    <>
      <h3>{t("Problems")}</h3>
      <ul class="problems">
        {shown.map((problem, i) => (
          <li key={i} data-severity={problem.severity}>
            <Icon name={problem.severity} /><span class="visually-hidden">{problem.severity === "error" ? t("error") : t("warning")}: </span>{problem.at !== "." && <code>{problem.at}</code>}<span>{problem.sentence}</span>
          </li>
        ))}
      </ul>
      {more > 0 && <button type="button" class="link" onClick={() => setAll(true)}>{t("Show {0} more", more)}</button>}
      {all && report.problemsLeftOut > 0 && <p class="quiet">{t("and {0} more of these kinds", report.problemsLeftOut.toLocaleString("en"))}</p>}
    </>
  );
}

function short(n: number): string {
  return n < 1_000 ? String(n) : n < 1e6 ? `${Math.round(n / 100) / 10}k`.replace(".0k", "k") : `${Math.round(n / 1e5) / 10}M`;
}

function records(n: number): string {
  return n === 1 ? t("1 record") : t("{0} records", n.toLocaleString("en"));
}
