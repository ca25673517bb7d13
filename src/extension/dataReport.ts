// The report of a data set as Markdown, and what is said of it before a run. Pure. Names and texts come from files: nothing
// in them is read as Markdown.
import type { DatasetInfo, RunEstimate, SamplePiece } from "../engine/protocol/training.ts";
import { bytes, dateTime, duration } from "../webview/trainingWords.ts";
import { mark, t, translated } from "../webview/shared/l10n.ts";

const SOURCES: Record<DatasetInfo["source"], string> = { workspace: mark("the code of this workspace"), git: mark("Git history"), notebooks: mark("notebooks"), feedback: mark("your feedback"), file: mark("a file") };

/** `sample` is one record as the model will see it, or a sentence why there is none to show. */
export function datasetMarkdown(dataset: DatasetInfo, sample: readonly SamplePiece[] | string): string {
  const { report } = dataset;
  const rows: [string, number][] = [
    [t("Records read"), report.read], [t("Kept"), report.kept], [t("Invalid"), report.invalid], [t("Exact duplicates"), report.exactDuplicates], [t("Near duplicates"), report.nearDuplicates],
    [t("Taken out of the held-out part because something near is learnt"), report.leaked], [t("Secrets redacted"), report.secretsRedacted], [t("Pieces of personal data redacted"), report.personalDataRedacted],
  ];
  return [
    `# ${plain(dataset.name)}`, "",
    `${t("From {0}: **{1}** records to learn from, **{2}** held out, {3}.", translated(SOURCES[dataset.source]), count(dataset.train), count(dataset.validation), bytes(dataset.bytes))}  `,
    t("Version {0}, prepared {1}.", `\`${dataset.version.slice(0, 12)}\``, dateTime(dataset.createdAt)), "",
    ...problemLines(dataset),
    `## ${t("One record as the model sees it")}`, "",
    ...(typeof sample === "string" ? [plain(sample)] : sampleLines(sample)), "",
    `## ${t("What was kept")}`, "", `| | ${t("Records")} |`, "|---|---:|", ...rows.map(([name, n]) => `| ${name} | ${count(n)} |`), "",
    `## ${t("Lengths")}`, "",
    t("Characters: median {0}, 90 % below {1}, 99 % below {2}, longest {3}.", count(report.lengths.p50), count(report.lengths.p90), count(report.lengths.p99), count(report.lengths.longest)), "",
    ...histogramLines(report.lengthHistogram),
    ...shareLines(t("Kinds"), dataset.kinds), ...shareLines(t("Languages"), report.languages), ...shareLines(t("Licences"), report.licences), ...shareLines(t("Encodings"), report.encodings),
  ].join("\n");
}

function problemLines({ report }: DatasetInfo): string[] {
  if (report.problems.length === 0) return [t("No problems were found."), ""];
  const rest = report.problemsLeftOut > 0 ? [`| | | ${t("and {0} more", count(report.problemsLeftOut))} |`] : [];
  return [
    `## ${t("Problems")}`, "", `| | ${t("Where")} | ${t("What")} |`, "|---|---|---|",
    ...report.problems.map(({ severity, at, sentence }) => `| ${severity === "error" ? t("error") : t("warning")} | ${at === "." ? t("all of it") : cell(at)} | ${cell(sentence)} |`), ...rest, "",
  ];
}

/** Learnt text stands between ⟦ and ⟧; the rest is only read. */
function sampleLines(pieces: readonly SamplePiece[]): string[] {
  const text = pieces.map(({ text: piece, learnt }) => (learnt ? `⟦${piece}⟧` : piece)).join("");
  const fence = "`".repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map(([run]) => run.length + 1)));
  return [t("What stands between ⟦ and ⟧ is learnt; the rest is only read."), "", `${fence}text`, text, fence];
}

function histogramLines(histogram: readonly { upTo: number; count: number }[]): string[] {
  const most = Math.max(1, ...histogram.map(({ count: n }) => n));
  if (histogram.length === 0) return [];
  return [`| ${t("Up to")} | ${t("Records")} | |`, "|---:|---:|---|", ...histogram.map(({ upTo, count: n }) => `| ${count(upTo)} | ${count(n)} | ${"█".repeat(Math.round((24 * n) / most))} |`), ""];
}

function shareLines(title: string, counts: Record<string, number>): string[] {
  const entries = Object.entries(counts).sort(([, a], [, b]) => b - a);
  if (entries.length === 0) return [];
  return [`## ${title}`, "", entries.map(([name, n]) => `${plain(name)} ${count(n)}`).join(", "), ""];
}

/** What is confirmed before a run: data, memory, time, and what happens at the end. Plain text for a dialog. */
export function confirmationText(dataset: DatasetInfo, estimate: RunEstimate): string {
  const { report } = dataset;
  const errors = report.problems.filter(({ severity }) => severity === "error").length;
  const warnings = report.problems.length - errors;
  const cleaned = [
    report.secretsRedacted > 0 ? t("{0} secrets redacted", count(report.secretsRedacted)) : "", report.personalDataRedacted > 0 ? t("{0} pieces of personal data redacted", count(report.personalDataRedacted)) : "",
    report.exactDuplicates + report.nearDuplicates > 0 ? t("{0} duplicates left out", count(report.exactDuplicates + report.nearDuplicates)) : "",
    errors > 0 ? t("{0} errors", count(errors)) : "", warnings > 0 ? t("{0} warnings", count(warnings)) : "",
  ].filter((part) => part !== "");
  return [
    `${t("Data: {0} records of {1}, {2} more held out (prepared {3}).", count(dataset.train), translated(SOURCES[dataset.source]), count(dataset.validation), dateTime(dataset.createdAt))}${cleaned.length > 0 ? ` ${cleaned.join(", ")}.` : ""}`,
    t("Time: {0}, {1} steps. Memory: {2} of {3} free.", estimate.seconds === null ? t("not known before the first steps") : t("about {0}", duration(estimate.seconds)), count(estimate.steps), bytes(estimate.memoryBytes), bytes(estimate.availableBytes)),
    ...(estimate.sentence === "" ? [] : [estimate.sentence]),
    t("It runs in the background at low priority; pause or cancel it whenever you like. The adapter goes live only if it is better on the held-out part and no worse elsewhere."),
  ].join("\n\n");
}

function count(n: number): string {
  return n.toLocaleString("en");
}

/** Text in a line of Markdown, read as text. */
function plain(text: string): string {
  return text.replace(/[\r\n]+/g, " ").replace(/[\\`*_{}[\]()#+!<>|~&]/g, "\\$&");
}

/** Text in a cell of a table. */
function cell(text: string): string {
  return plain(text.length > 400 ? `${text.slice(0, 399)}…` : text);
}
