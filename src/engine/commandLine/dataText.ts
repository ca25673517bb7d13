// Data sets, their reports, records and differences as lines for people.
import type { DatasetDiff, DatasetRow } from "../data/dataset.ts";
import type { DatasetInfo, ReviewItem } from "../protocol/training.ts";

const SHOWN_PROBLEMS = 10;
const SHOWN_CHARACTERS = 600;

/** "code 3f2a9c1b04de  workspace  1,234 + 137 records  text 800, example 571  1.2 MB  2026-05-06 07:08" */
export function datasetLine({ name, version, source, train, validation, kinds, bytes, createdAt }: DatasetInfo): string {
  const time = new Date(createdAt).toISOString().slice(0, 16).replace("T", " ");
  return `${name} ${version.slice(0, 12)}  ${source}  ${train} + ${validation} records  ${counts(kinds)}  ${(bytes / 1e6).toFixed(1)} MB  ${time}`;
}

export function reportText({ train, validation, report }: DatasetInfo): string {
  const { lengths } = report;
  const widest = Math.max(1, ...report.lengthHistogram.map(({ count }) => count));
  const lines = [
    `read ${report.read}, kept ${report.kept} (${train} to train, ${validation} to validate)`,
    `left out: ${report.invalid} invalid, ${report.exactDuplicates} exact and ${report.nearDuplicates} near duplicates, ${report.leaked} of validation that training would tell`,
    `redacted: ${report.secretsRedacted} secrets, ${report.personalDataRedacted} pieces of personal data`,
    `length in characters: half below ${lengths.p50}, 90 % below ${lengths.p90}, 99 % below ${lengths.p99}, longest ${lengths.longest}`,
    ...(report.supervisedShare === undefined ? [] : [`learnt: ${(report.supervisedShare * 100).toFixed(0)} % of the characters; the rest is only given`]),
    ...report.lengthHistogram.map(({ upTo, count }) => `  < ${String(upTo).padStart(8)} ${String(count).padStart(8)} ${"▇".repeat(Math.ceil((count / widest) * 30))}`),
    `licences: ${counts(report.licences)}`, `languages: ${counts(report.languages)}`,
    ...(Object.keys(report.encodings).length === 0 ? [] : [`encodings of files: ${counts(report.encodings)}`]),
  ];
  const problems = report.problems.slice(0, SHOWN_PROBLEMS).map(({ severity, at, sentence }) => `  ${severity}: ${at}: ${sentence}`);
  const left = report.problems.length - problems.length + report.problemsLeftOut;
  return [...lines, ...(problems.length === 0 ? [] : ["problems:", ...problems]), ...(left > 0 ? [`  and ${left} more`] : [])].join("\n");
}

export function rowsText(rows: readonly DatasetRow[]): string {
  return rows.map(({ id, split, record }) => {
    const { origin, ...content } = record;
    return `${id}  ${split}  ${origin.at}\n${indented(shortened(JSON.stringify(content, null, 1)))}`;
  }).join("\n\n");
}

export function reviewText(items: readonly ReviewItem[]): string {
  return items.map(({ id, kind, at, prompt, chosen, rejected, included }) => [
    `${included ? "[x]" : "[ ]"} ${id}  ${kind}  ${at}`,
    ...(prompt === "" ? [] : [indented(shortened(prompt))]),
    ...(chosen === "" ? [] : [indented(shortened(chosen), "  + ")]),
    ...(rejected === undefined ? [] : [indented(shortened(rejected), "  - ")]),
  ].join("\n")).join("\n\n");
}

export function diffText(diff: DatasetDiff): string {
  return [
    `${diff.from.slice(0, 12)} → ${diff.to.slice(0, 12)}: ${diff.same} the same, ${diff.added} added, ${diff.removed} removed, ${diff.changed} changed, ${diff.moved} in the other split`,
    ...diff.examples.map(({ change, id, at }) => `  ${change} ${id}  ${at}`),
  ].join("\n");
}

function counts(of: Readonly<Record<string, number>>): string {
  return Object.entries(of).slice(0, 12).map(([name, count]) => `${name} ${count}`).join(", ");
}

/** The end matters as much as the beginning: what is completed stands there. */
function shortened(text: string): string {
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS / 2)}\n…\n${text.slice(-SHOWN_CHARACTERS / 2)}`;
}

function indented(text: string, mark = "    "): string {
  return text.split("\n").map((line) => mark + line).join("\n");
}
