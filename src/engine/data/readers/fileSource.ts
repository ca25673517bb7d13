// Data files as a source of training records: one file or a folder of them, each read by its reader and converted row by row.
// Formats of files are told by name, and by content where the name says nothing.
import { open, readdir, stat } from "node:fs/promises";
import path from "node:path";
import { EngineError } from "../../base/errors.ts";
import type { TrainingRecord } from "../../base/trainingRecord.ts";
import type { DatasetProblem } from "../../protocol/training.ts";
import { convertRow } from "../formats/convertRow.ts";
import type { RecordSource, SourceHooks } from "../sources/source.ts";
import { readBytes, readFailure } from "./bytes.ts";
import type { FileFacts } from "./bytes.ts";
import { readCsv } from "./csv.ts";
import { readJsonLines } from "./jsonLines.ts";
import { readJsonValues } from "./jsonValues.ts";
import { readParquet } from "./parquet.ts";
import { errorAt, isProblemItem } from "./rows.ts";
import type { RowItem } from "./rows.ts";

export type FileFormat = "jsonl" | "json" | "csv" | "parquet";

const FORMATS: Readonly<Record<string, FileFormat>> = { ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".csv": "csv", ".tsv": "csv", ".parquet": "parquet" };

/** What was read, for the lineage of a version. */
export interface InputFile extends FileFacts {
  readonly path: string;
}

/** Records of a data file, or of all data files of a folder in the order of their names. */
export class FileSource implements RecordSource {
  readonly source = "file" as const;
  readonly #path: string;
  #inputs: InputFile[] = [];

  /** `file` is a data file or a folder that holds some, absolute. */
  constructor(file: string) {
    this.#path = file;
  }

  /** The files that were read to their end by the last {@link records}. */
  get inputs(): readonly InputFile[] {
    return this.#inputs;
  }

  /** Errors: `notFound`, `unreadable`, `dataInvalid` where a file cannot be read as its format at all. */
  async *records(hooks: SourceHooks = {}): AsyncGenerator<TrainingRecord | DatasetProblem> {
    this.#inputs = [];
    const files = await dataFiles(this.#path);
    const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
    let before = 0;
    for (const { file, name, bytes } of files) {
      const onBytes = (done: number): void => hooks.onProgress?.({ done: before + done, total, unit: "bytes" });
      const onFacts = (facts: FileFacts): void => void this.#inputs.push({ path: name, ...facts });
      for await (const item of readRows(file, name, onFacts, { ...(hooks.signal ? { signal: hooks.signal } : {}), onBytes })) {
        if (isProblemItem(item)) {
          yield item;
          continue;
        }
        const read = convertRow(item.value, item.at);
        yield "value" in read ? read.value : errorAt(item.at, read.sentence);
      }
      before += bytes;
      hooks.onProgress?.({ done: before, total, unit: "bytes" });
    }
  }
}

async function* readRows(file: string, name: string, onFacts: (facts: FileFacts) => void, hooks: { signal?: AbortSignal; onBytes: (done: number) => void }): AsyncGenerator<RowItem> {
  const format = await formatOf(file);
  if (format === "parquet") yield* readParquet(file, name, onFacts, hooks);
  else yield* { jsonl: readJsonLines, json: readJsonValues, csv: readCsv }[format](readBytes(file, onFacts, hooks), name);
}

/** By extension (a packing's extension aside), otherwise by the first bytes. Error: `dataInvalid`. */
export async function formatOf(file: string): Promise<FileFormat> {
  const byName = FORMATS[path.extname(file.replace(/\.(gz|zst)$/i, "")).toLowerCase()];
  if (byName !== undefined) return byName;
  const head = Buffer.alloc(64);
  const handle = await open(file, "r").catch((error: unknown) => {
    throw readFailure(file, error);
  });
  try {
    await handle.read(head, 0, head.length, 0);
  } finally {
    await handle.close();
  }
  if (head.toString("latin1", 0, 4) === "PAR1") return "parquet";
  // Values one after the other are read the same way as JSON Lines, only without a place for every line.
  if (/^(?:\xEF\xBB\xBF)?\s*[[{]/.test(head.toString("latin1"))) return "json";
  throw new EngineError("dataInvalid", `${file} is of no known format. Expected JSON Lines (.jsonl), JSON (.json), CSV (.csv, .tsv) or Parquet (.parquet), each also packed (.gz, .zst).`, { file });
}

async function dataFiles(place: string): Promise<{ file: string; name: string; bytes: number }[]> {
  const facts = await stat(place).catch((error: unknown) => {
    throw readFailure(place, error);
  });
  if (!facts.isDirectory()) return [{ file: place, name: path.basename(place), bytes: facts.size }];
  const entries = await readdir(place, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && !isHidden(path.relative(place, path.join(entry.parentPath, entry.name))) && FORMATS[path.extname(entry.name.replace(/\.(gz|zst)$/i, "")).toLowerCase()] !== undefined)
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
  if (files.length === 0) throw new EngineError("notFound", `${place} holds no data file. Expected .jsonl, .json, .csv, .tsv or .parquet files, also packed (.gz, .zst).`, { place });
  return Promise.all(files.map(async (file) => ({ file, name: path.relative(place, file).split(path.sep).join("/"), bytes: (await stat(file)).size })));
}

/** In a folder of tools (.git, .kalactica with the stored data itself, node_modules), or hidden by name. */
function isHidden(relative: string): boolean {
  return relative.split(path.sep).some((part) => part.startsWith(".") || part === "node_modules");
}
