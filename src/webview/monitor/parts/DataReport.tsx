// What the chosen run learns from: counts, what was left out and why, lengths, problems by line.
import { useState } from "preact/hooks";
import type { DatasetInfo, DatasetReport, RunInfo } from "../../../engine/protocol/training.ts";
import { Icon } from "../../shared/Icon.tsx";
import { bytes, dateTime } from "../../trainingWords.ts";

const SOURCES: Record<DatasetInfo["source"], string> = { workspace: "code of this workspace", git: "Git history", notebooks: "notebooks", feedback: "your feedback", file: "a file" };
const SHOWN_PROBLEMS = 5;

export function DataReport({ run, dataset }: { run: RunInfo; dataset: DatasetInfo | null | undefined }) {
  return (
    <section class="data" aria-label="Data" data-testid="data">
      <div class="section-bar"><h2>Data</h2></div>
      {dataset === undefined && <p class="quiet">Reads the report of “<bdi>{run.dataset}</bdi>”.</p>}
      {dataset === null && <p class="quiet">The data set “<bdi>{run.dataset}</bdi>” ({run.datasetVersion.slice(0, 12)}) is not on this machine any more.</p>}
      {dataset && (
        <>
          <p>
            <bdi>{run.dataset}</bdi> from {SOURCES[dataset.source]}: {count(dataset.train, "record")} to learn from, {count(dataset.validation, "record")} held out
            {" "}<span class="quiet">· {bytes(dataset.bytes)} · prepared {dateTime(dataset.createdAt)}</span>
          </p>
          <LeftOut report={dataset.report} />
          <div class="data-columns">
            <Histogram report={dataset.report} />
            <dl class="facts">
              <Shares name="Kinds" counts={dataset.kinds} />
              <Shares name="Languages" counts={dataset.report.languages} />
              <Shares name="Licences" counts={dataset.report.licences} />
              <Shares name="Encodings" counts={dataset.report.encodings} />
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
    { n: report.invalid, words: "invalid" }, { n: report.exactDuplicates, words: "exact duplicates" }, { n: report.nearDuplicates, words: "near duplicates" },
    { n: report.leaked, words: "held back because something near is held out" }, { n: report.secretsRedacted, words: "secrets redacted" }, { n: report.personalDataRedacted, words: "pieces of personal data redacted" },
  ].filter(({ n }) => n > 0);
  return (
    <p class="quiet">
      {report.kept.toLocaleString("en")} of {count(report.read, "record")} kept
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
      <figcaption class="quiet">Length in characters: median {lengths.p50.toLocaleString("en")}, 90 % below {lengths.p90.toLocaleString("en")}, longest {lengths.longest.toLocaleString("en")}</figcaption>
      <ol>
        {lengthHistogram.map(({ upTo, count: n }) => (
          <li key={upTo} title={`up to ${upTo.toLocaleString("en")} characters: ${n.toLocaleString("en")}`}>
            <span class="visually-hidden">up to {upTo.toLocaleString("en")} characters: {n}</span>
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
  return <div><dt>{name}</dt><dd>{entries.slice(0, 6).map(([key, n]) => `${key} ${n.toLocaleString("en")}`).join(", ")}{rest > 0 && `, ${rest} more`}</dd></div>;
}

function Problems({ report }: { report: DatasetReport }) {
  const [all, setAll] = useState(false);
  const shown = all ? report.problems : report.problems.slice(0, SHOWN_PROBLEMS);
  if (report.problems.length === 0) return null;
  const more = report.problems.length - shown.length;
  return (
    <>
      <h3>Problems</h3>
      <ul class="problems">
        {shown.map((problem, i) => (
          <li key={i} data-severity={problem.severity}>
            <Icon name={problem.severity} /><span class="visually-hidden">{problem.severity}: </span>{problem.at !== "." && <code>{problem.at}</code>}<span>{problem.sentence}</span>
          </li>
        ))}
      </ul>
      {more > 0 && <button type="button" class="link" onClick={() => setAll(true)}>Show {more} more</button>}
      {all && report.problemsLeftOut > 0 && <p class="quiet">and {report.problemsLeftOut.toLocaleString("en")} more of these kinds</p>}
    </>
  );
}

function short(n: number): string {
  return n < 1_000 ? String(n) : n < 1e6 ? `${Math.round(n / 100) / 10}k`.replace(".0k", "k") : `${Math.round(n / 1e5) / 10}M`;
}

function count(n: number, noun: string): string {
  return `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
}
