// Makes the parts of a new version out of a stream of records: redacts, stages, takes duplicates and leaks out, splits, writes.
// Two passes: everything that must be known of all records lies on disk meanwhile. Publishing the result is for the store.
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { EngineError, throwIfCancelled } from "../base/errors.ts";
import { pause } from "../base/pause.ts";
import type { TrainingRecord } from "../base/trainingRecord.ts";
import type { DatasetProblem, DatasetReport, DatasetSource } from "../protocol/training.ts";
import { exactDuplicates, nearDuplicates, NEAR_SIMILARITY } from "./cleaning/duplicates.ts";
import { ReportBuilder } from "./cleaning/reportBuilder.ts";
import { splitGroups } from "./cleaning/split.ts";
import { FACTS_WIDTH, Staging } from "./cleaning/staging.ts";
import type { CleanText, DatasetPart, PrepareProgress } from "./dataset.ts";
import { mapTexts, partsOf } from "./recordContent.ts";
import { isProblem } from "./sources/source.ts";
import type { RecordSource, SourceProgress } from "./sources/source.ts";
import { PartWriter } from "./store/parts.ts";
import type { WriteFile } from "./store/parts.ts";

export interface BuildSettings {
  /** Share of records kept for validation, 0 to 0.5. */
  readonly validationShare: number;
  readonly seed: number;
  readonly splitBy: "group" | "time";
}

export interface BuildHooks {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PrepareProgress) => void;
}

/** Parts that lie in the work folder, and all that a manifest says beyond its lineage. */
export interface BuiltDataset {
  readonly train: readonly DatasetPart[];
  readonly validation: readonly DatasetPart[];
  readonly kinds: Readonly<Record<string, number>>;
  readonly report: DatasetReport;
  /** As they were in the end: how it was split, the thresholds. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** The secrets scanner looks at a million characters of a text; longer ones are cleaned piece by piece. */
const CLEAN_AT_ONCE = 500_000;
/** Records between two looks at the clock and at the signal. */
const LOOK_EVERY = 32;
/** Longest time without a word about progress while records come, in ms. */
const TELL_EVERY_MS = 100;

/**
 * Builds a version from `source` inside `folder`, which the caller owns and removes. `encodings` is asked after the stream's end.
 * Errors: those of the source, `dataInvalid` where no record is left, `diskFull`, cancellation.
 */
export async function buildDataset(source: RecordSource, settings: BuildSettings, clean: CleanText, folder: string, hooks: BuildHooks = {}, write?: WriteFile): Promise<BuiltDataset> {
  const stagingFolder = path.join(folder, "staging");
  await mkdir(stagingFolder, { recursive: true });
  const report = new ReportBuilder();
  const staging = new Staging(stagingFolder);
  try {
    await stage(source, staging, report, clean, hooks);
    for (const { encoding } of inputsOf(source)) report.encoding(encoding);
    if (staging.length === 0) throw nothingLeft(report);
    return await assemble(staging, settings, report, folder, hooks, write);
  } finally {
    staging.close();
  }
}

/** The files that a source of files has read. */
export function inputsOf(source: RecordSource): readonly { path: string; bytes: number; sha256: string; encoding: string }[] {
  return "inputs" in source ? source.inputs as ReturnType<typeof inputsOf> : [];
}

async function stage(source: RecordSource, staging: Staging, report: ReportBuilder, clean: CleanText, { signal, onProgress }: BuildHooks): Promise<void> {
  let last: SourceProgress = { done: 0, total: null, unit: "files" };
  let told = -Infinity;
  const tell = (): void => {
    told = performance.now();
    onProgress?.({ phase: "reading", records: report.read, done: last.done, total: last.total, unit: last.unit });
  };
  let started = performance.now();
  const items = source.records({
    ...(signal ? { signal } : {}),
    onProgress: (progress) => {
      last = progress;
      if (performance.now() - told > TELL_EVERY_MS) tell();
    },
  });
  for await (const item of items) {
    if (isProblem(item)) {
      report.problem(item);
      if (item.severity === "error") {
        report.read++;
        report.invalid++;
      }
    } else {
      report.read++;
      const cleaned = redacted(item, clean, report);
      if (cleaned.kind === "preference" && cleaned.chosen === cleaned.rejected) {
        report.invalid++;
        report.problem({ severity: "warning", at: cleaned.origin.at, sentence: "The two replies differ only in a secret or in personal data, so nothing would be preferred." });
      } else staging.add(cleaned, groupOf(cleaned, source.source));
    }
    if (report.read % LOOK_EVERY === 0) {
      throwIfCancelled(signal);
      started = await pause(started);
      if (performance.now() - told > TELL_EVERY_MS) tell();
    }
  }
  throwIfCancelled(signal);
  tell();
}

function redacted(record: TrainingRecord, clean: CleanText, report: ReportBuilder): TrainingRecord {
  let found = 0;
  const cleanPiece = (piece: string): string => {
    const result = clean(piece);
    report.secretsRedacted += result.secrets;
    report.personalDataRedacted += result.personalData;
    found += result.secrets + result.personalData;
    return result.text;
  };
  const cleaned = mapTexts(record, (text) => (text.length <= CLEAN_AT_ONCE ? cleanPiece(text) : pieces(text).map(cleanPiece).join("")));
  return found === 0 ? record : cleaned;
}

/** Cut at line breaks where there are some, so that hardly a secret is cut in two. */
function pieces(text: string): string[] {
  const found: string[] = [];
  for (let at = 0; at < text.length;) {
    const end = at + CLEAN_AT_ONCE;
    const border = end >= text.length ? text.length : text.lastIndexOf("\n", end) + 1;
    const to = border > at ? border : end;
    found.push(text.slice(at, to));
    at = to;
  }
  return found;
}

/** What an origin adds to a file or a stored outcome: lines, a part after "#", which of several records it is: "a.py:3", "applied 7 (pair)". */
const PLACE_INSIDE = /(?:#.*|:\d+(?:-\d+)?| \([a-z ]+\))+$/s;

/** What must not be torn apart by the split: a file, a commit, a conversation, everything that answers the same prompt. */
function groupOf(record: TrainingRecord, source: DatasetSource): string {
  const { at, commit } = record.origin;
  if (source === "file") {
    const { given, learnt } = partsOf(record);
    return given === "" ? learnt : given;
  }
  return source === "git" && commit !== undefined ? commit : at.replace(PLACE_INSIDE, "");
}

async function assemble(staging: Staging, settings: BuildSettings, report: ReportBuilder, folder: string, { signal, onProgress }: BuildHooks, write?: WriteFile): Promise<BuiltDataset> {
  const nRecords = staging.length;
  const exact = await exactDuplicates(staging.hashes);
  report.exactDuplicates = exact.count;
  const split = splitGroups(staging.groups, staging.times, exact, { share: settings.validationShare, seed: settings.seed, by: settings.splitBy });
  const comparing = (done: number, total: number): void => onProgress?.({ phase: "comparing", records: nRecords, done, total, unit: "passes" });
  comparing(0, staging.bands.length);
  const { near, leaked } = await nearDuplicates(staging.sketches, staging.bands, exact, split.validation, { ...(signal ? { signal } : {}), onBand: comparing });
  report.nearDuplicates = near.count;
  report.leaked = leaked.count;

  const train = new PartWriter(folder, write);
  const validation = new PartWriter(folder, write);
  const kinds = new Map<string, number>();
  const facts = valuesOf(staging.facts.blocks(), FACTS_WIDTH);
  const hashes = valuesOf(staging.hashes.blocks(), 8);
  let nValidation = 0;
  let started = performance.now();
  let told = -Infinity;
  for (const { index, line } of staging.lines()) {
    const fact = facts.next().value as Buffer;
    const hash = hashes.next().value as Buffer;
    if (index % LOOK_EVERY === 0) {
      throwIfCancelled(signal);
      started = await pause(started);
      if (performance.now() - told > TELL_EVERY_MS) {
        told = performance.now();
        onProgress?.({ phase: "writing", records: index, done: index, total: nRecords, unit: "records" });
      }
    }
    if (exact.has(index) || near.has(index) || leaked.has(index)) continue;
    const { kind, licence, language } = staging.labels[fact.readUInt32LE(8)]!;
    report.keep(fact.readUInt32LE(0), fact.readUInt32LE(4), licence, language);
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    const isValidation = split.validation.has(index);
    nValidation += Number(isValidation);
    await (isValidation ? validation : train).add(line, hash.readUInt32LE(0));
  }
  const parts = { train: await train.finish(), validation: await validation.finish() };
  warnings(report, settings, nRecords, parts.train.reduce((sum, { records }) => sum + records, 0), nValidation);
  onProgress?.({ phase: "writing", records: nRecords, done: nRecords, total: nRecords, unit: "records" });
  return {
    ...parts, kinds: Object.fromEntries([...kinds].sort(([a], [b]) => (a < b ? -1 : 1))), report: report.finish(),
    settings: { seed: settings.seed, validationShare: settings.validationShare, splitBy: split.by, nearSimilarity: NEAR_SIMILARITY },
  };
}

function* valuesOf(blocks: Generator<{ count: number; bytes: Buffer }>, width: number): Generator<Buffer> {
  for (const { count, bytes } of blocks) for (let i = 0; i < count; i++) yield bytes.subarray(i * width, (i + 1) * width);
}

function warnings(report: ReportBuilder, { validationShare }: BuildSettings, nRecords: number, nTrain: number, nValidation: number): void {
  const warn = (sentence: string): void => report.problem({ severity: "warning", at: ".", sentence });
  if (nTrain < 10) warn(`Only ${nTrain} of ${nRecords} records are left for training; hardly anything can be learnt from so few.`);
  if (validationShare > 0 && nValidation === 0) warn("No records are left for validation: they come from one file, commit or prompt, or are near to training. Overfitting will not be noticed.");
}

function nothingLeft(report: ReportBuilder): EngineError {
  const first: DatasetProblem | undefined = report.problems.find(({ severity }) => severity === "error") ?? report.problems[0];
  const sentence = report.invalid > 0
    ? `None of ${report.invalid} records can be used. The first problem: ${first?.at ?? ""}: ${first?.sentence ?? ""}`
    : `There is nothing to learn from: the source holds no records.${first === undefined ? "" : ` ${first.at}: ${first.sentence}`}`;
  return new EngineError("dataInvalid", sentence, { invalid: report.invalid, problems: report.problems.slice(0, 20) });
}
