// The forms of stored data sets: manifest, opened version, and what the store's operations give back. Types only.
import type { RecordKind, TrainingRecord } from "../base/trainingRecord.ts";
import type { DatasetInfo, DatasetProblem, DatasetReport, DatasetSource } from "../protocol/training.ts";

export type SplitName = "train" | "validation";

/** A run of records of one split; its file is named by `sha256`, the hash of the uncompressed lines. */
export interface DatasetPart {
  readonly sha256: string;
  readonly records: number;
  /** Size of the uncompressed lines, in bytes. */
  readonly bytes: number;
}

/** Where a version comes from: enough to make it again. */
export interface DatasetLineage {
  readonly source: DatasetSource;
  /** What was read, as the source tells it: files with their hashes, the commit, … */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Seed, validation share, thresholds, excluded records: everything that shaped the result. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Version of KaLactica that made it. */
  readonly codeVersion: string;
  /** The version that the name stood for before, or null. */
  readonly parent: string | null;
  /** Set where records of another version were left out by a person's review: that version. */
  readonly reviewOf?: string;
}

/** One immutable version. Its identity is the SHA-256 of this, written canonically. */
export interface DatasetManifest {
  readonly form: 1;
  readonly lineage: DatasetLineage;
  readonly kinds: Readonly<Record<string, number>>;
  readonly train: readonly DatasetPart[];
  readonly validation: readonly DatasetPart[];
  readonly report: DatasetReport;
}

/** A version that can be read. Streams read part by part, so memory does not grow with the data; damage throws `dataInvalid`. */
export interface OpenDataset {
  readonly info: DatasetInfo;
  readonly manifest: DatasetManifest;
  train(signal?: AbortSignal): AsyncIterable<TrainingRecord>;
  validation(signal?: AbortSignal): AsyncIterable<TrainingRecord>;
}

export interface DatasetRow {
  /** Hash of the record's content (16 hexadecimal digits): the same content has the same id in every version. */
  readonly id: string;
  readonly split: SplitName;
  readonly record: TrainingRecord;
}

export interface DatasetDiff {
  readonly from: string;
  readonly to: string;
  readonly same: number;
  readonly added: number;
  readonly removed: number;
  /** Records at the same place (file and line, path) with another content; counted neither as added nor as removed. */
  readonly changed: number;
  /** Records that went from one split to the other. */
  readonly moved: number;
  /** The first of each, for people. */
  readonly examples: readonly { readonly change: "added" | "removed" | "changed" | "moved"; readonly id: string; readonly at: string }[];
}

export interface VerifyResult {
  readonly versions: number;
  readonly parts: number;
  readonly bytes: number;
  /** Every damaged or missing file, with the versions that need it; empty where all is well. */
  readonly damaged: readonly { readonly file: string; readonly sentence: string; readonly versions: readonly string[] }[];
}

export interface ExportedFile {
  readonly file: string;
  readonly split: SplitName;
  /** "text", "messages", "prompt-completion", "preference", "unpaired-preference", "prompt-only" (TRL's names), "infill", or "records" for the own form. */
  readonly format: string;
  readonly records: number;
}

export interface GarbageResult {
  readonly versions: readonly string[];
  readonly parts: number;
  readonly bytes: number;
}

/** Cleans one text of secrets and personal data, and says how many it found. */
export type CleanText = (text: string) => { readonly text: string; readonly secrets: number; readonly personalData: number };

/** Progress of preparing: what is being done, and how far it is; `total` is null where it cannot be known. */
export interface PrepareProgress {
  readonly phase: "reading" | "comparing" | "writing";
  readonly records: number;
  readonly done: number;
  readonly total: number | null;
  readonly unit: string;
}

export type { DatasetInfo, DatasetProblem, DatasetReport, DatasetSource, RecordKind, TrainingRecord };
