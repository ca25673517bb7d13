// The report of a data set as Markdown, and what is said of it before a run. Pure. Names and texts come from files: nothing
// in them is read as Markdown.
import type { DatasetInfo, RunEstimate, SamplePiece } from "../engine/protocol/training.ts";
import { bytes, dateTime, duration } from "../webview/trainingWords.ts";

const SOURCES: Record<DatasetInfo["source"], string> = { workspace: "the code of this workspace", git: "Git history", notebooks: "notebooks", feedback: "your feedback", file: "a file" };

/** `sample` is one record as the model will see it, or a sentence why there is none to show. */
export function datasetMarkdown(dataset: DatasetInfo, sample: readonly SamplePiece[] | string): string {
  const { report } = dataset;
  const rows: [string, number][] = [
    ["Records read", report.read], ["Kept", report.kept], ["Invalid", report.invalid], ["Exact duplicates", report.exactDuplicates], ["Near duplicates", report.nearDuplicates],
    ["Taken out of the held-out part because something near is learnt", report.leaked], ["Secrets redacted", report.secretsRedacted], ["Pieces of personal data redacted", report.personalDataRedacted],
  ];
  return [
    `# ${plain(dataset.name)}`, "",
    `From ${SOURCES[dataset.source]}: **${count(dataset.train)}** records to learn from, **${count(dataset.validation)}** held out, ${bytes(dataset.bytes)}.  `,
    `Version \`${dataset.version.slice(0, 12)}\`, prepared ${dateTime(dataset.createdAt)}.`, "",
    ...problemLines(dataset),
    "## One record as the model sees it", "",
    ...(typeof sample === "string" ? [plain(sample)] : sampleLines(sample)), "",
    "## What was kept", "", "| | Records |", "|---|---:|", ...rows.map(([name, n]) => `| ${name} | ${count(n)} |`), "",
    "## Lengths", "",
    `Characters: median ${count(report.lengths.p50)}, 90 % below ${count(report.lengths.p90)}, 99 % below ${count(report.lengths.p99)}, longest ${count(report.lengths.longest)}.`, "",
    ...histogramLines(report.lengthHistogram),
    ...shareLines("Kinds", dataset.kinds), ...shareLines("Languages", report.languages), ...shareLines("Licences", report.licences), ...shareLines("Encodings", report.encodings),
  ].join("\n");
}

function problemLines({ report }: DatasetInfo): string[] {
  if (report.problems.length === 0) return ["No problems were found.", ""];
  const rest = report.problemsLeftOut > 0 ? [`| | | and ${count(report.problemsLeftOut)} more |`] : [];
  return [
    "## Problems", "", "| | Where | What |", "|---|---|---|",
    ...report.problems.map(({ severity, at, sentence }) => `| ${severity} | ${at === "." ? "all of it" : cell(at)} | ${cell(sentence)} |`), ...rest, "",
  ];
}

/** Learnt text stands between ⟦ and ⟧; the rest is only read. */
function sampleLines(pieces: readonly SamplePiece[]): string[] {
  const text = pieces.map(({ text: piece, learnt }) => (learnt ? `⟦${piece}⟧` : piece)).join("");
  const fence = "`".repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map(([run]) => run.length + 1)));
  return ["What stands between ⟦ and ⟧ is learnt; the rest is only read.", "", `${fence}text`, text, fence];
}

function histogramLines(histogram: readonly { upTo: number; count: number }[]): string[] {
  const most = Math.max(1, ...histogram.map(({ count: n }) => n));
  if (histogram.length === 0) return [];
  return ["| Up to | Records | |", "|---:|---:|---|", ...histogram.map(({ upTo, count: n }) => `| ${count(upTo)} | ${count(n)} | ${"█".repeat(Math.round((24 * n) / most))} |`), ""];
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
    report.secretsRedacted > 0 ? `${count(report.secretsRedacted)} secrets redacted` : "", report.personalDataRedacted > 0 ? `${count(report.personalDataRedacted)} pieces of personal data redacted` : "",
    report.exactDuplicates + report.nearDuplicates > 0 ? `${count(report.exactDuplicates + report.nearDuplicates)} duplicates left out` : "",
    errors > 0 ? `${count(errors)} errors` : "", warnings > 0 ? `${count(warnings)} warnings` : "",
  ].filter((part) => part !== "");
  return [
    `Data: ${count(dataset.train)} records of ${SOURCES[dataset.source]}, ${count(dataset.validation)} more held out (prepared ${dateTime(dataset.createdAt)}).${cleaned.length > 0 ? ` ${cleaned.join(", ")}.` : ""}`,
    `Time: ${estimate.seconds === null ? "not known before the first steps" : `about ${duration(estimate.seconds)}`}, ${count(estimate.steps)} steps. Memory: ${bytes(estimate.memoryBytes)} of ${bytes(estimate.availableBytes)} free.`,
    ...(estimate.sentence === "" ? [] : [estimate.sentence]),
    "It runs in the background at low priority; pause or cancel it whenever you like. The adapter goes live only if it is better on the held-out part and no worse elsewhere.",
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
