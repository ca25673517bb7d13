// The files that hold records: gzip of lines, cut where the content says so, named by the hash of the uncompressed lines.
// Which parts make up a version is for manifests; where they lie, for the store.
import { createHash } from "node:crypto";
import { open, readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import zlib from "node:zlib";
import { EngineError, errnoCode } from "../../base/errors.ts";
import { writeFailure } from "../../base/files.ts";
import type { TrainingRecord } from "../../base/trainingRecord.ts";
import type { DatasetPart } from "../dataset.ts";

const gzip = promisify(zlib.gzip);
const gunzip = promisify(zlib.gunzip);

/**
 * A part ends after a record whose hash has these bits zero (one in 2,048 on average), within the bounds below. So a record
 * added or taken out changes the part that it is in and no other, and versions share the rest.
 * Source of the idea: Muthitacharoen, Chen, Mazières 2001 (content-defined chunking).
 */
const BORDER_MASK = 0x7ff;
const MINIMUM_BYTES = 1 << 18;
const MAXIMUM_BYTES = 4 << 20;
/** Parts that are packed at once, on Node's threads. */
const AT_ONCE = 2;

/** Writes a file whole and flushed. Tests put one in that fails as a full disk does. */
export type WriteFile = (file: string, bytes: Uint8Array) => Promise<void>;

export const writeFlushed: WriteFile = async (file, bytes) => {
  const handle = await open(file, "w");
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** The file name of a part. */
export function partName(sha256: string): string {
  return `${sha256}.jsonl.gz`;
}

/** Writes one split's records to parts in `folder`. Errors: `diskFull`, `unreadable`. */
export class PartWriter {
  readonly #folder: string;
  readonly #write: WriteFile;
  readonly #parts: Promise<DatasetPart>[] = [];
  #lines: Buffer[] = [];
  #bytes = 0;
  readonly #busy = new Set<Promise<unknown>>();

  constructor(folder: string, write: WriteFile = writeFlushed) {
    this.#folder = folder;
    this.#write = write;
  }

  /** Takes one canonical line without its break (copied); `border` is 32 bits of the record's hash. Waits where packing lags behind. */
  async add(line: Buffer, border: number): Promise<void> {
    this.#lines.push(Buffer.from(line), NEWLINE);
    this.#bytes += line.length + 1;
    if (this.#bytes >= MAXIMUM_BYTES || (this.#bytes >= MINIMUM_BYTES && (border & BORDER_MASK) === 0)) await this.#cut();
  }

  /** All parts, in order. Nothing may be added afterwards. */
  async finish(): Promise<DatasetPart[]> {
    if (this.#bytes > 0) await this.#cut();
    return Promise.all(this.#parts);
  }

  async #cut(): Promise<void> {
    const content = Buffer.concat(this.#lines, this.#bytes);
    const records = this.#lines.length / 2;
    this.#lines = [];
    this.#bytes = 0;
    while (this.#busy.size >= AT_ONCE) await Promise.race(this.#busy);
    const part = this.#store(content, records);
    // finish() hands the failure on; until then it must not count as unhandled.
    const settled = part.then(() => undefined, () => undefined).finally(() => this.#busy.delete(settled));
    this.#busy.add(settled);
    this.#parts.push(part);
    // A full disk ends the work at the next part, not after the last one.
    if (this.#parts.length > AT_ONCE) await this.#parts.at(-1 - AT_ONCE);
  }

  async #store(content: Buffer, records: number): Promise<DatasetPart> {
    const sha256 = createHash("sha256").update(content).digest("hex");
    const file = path.join(this.#folder, partName(sha256));
    try {
      await this.#write(file, await gzip(content, { level: 3 }));
    } catch (error) {
      throw writeFailure(file, error);
    }
    return { sha256, records, bytes: content.length };
  }
}

const NEWLINE = Buffer.from("\n");

/**
 * The uncompressed lines of a part, checked against its hash.
 * Errors: `dataInvalid` where the file is missing or damaged; the sentence names it.
 */
export async function readPart(folder: string, part: DatasetPart): Promise<Buffer> {
  const file = path.join(folder, partName(part.sha256));
  const damaged = (what: string, error?: unknown): EngineError => new EngineError("dataInvalid", `The stored data file ${file} is ${what}. Prepare the data set again; "kalactica data verify" tells what else is affected.`, { file, sha256: part.sha256 }, error);
  let packed: Buffer;
  try {
    packed = await readFile(file);
  } catch (error) {
    if (errnoCode(error) === "ENOENT") throw damaged("missing", error);
    throw new EngineError("unreadable", `The stored data file ${file} cannot be read (${errnoCode(error) ?? (error as Error).message}). Check the disk and its permissions.`, { file }, error);
  }
  let content: Buffer;
  try {
    content = await gunzip(packed, { maxOutputLength: Math.max(1, part.bytes) });
  } catch (error) {
    throw damaged("damaged: it cannot be unpacked", error);
  }
  if (createHash("sha256").update(content).digest("hex") !== part.sha256) throw damaged("damaged: its content is not what was written");
  return content;
}

/** The records of a part's lines. */
export function* recordsOf(content: Buffer): Generator<TrainingRecord> {
  for (let at = 0; at < content.length;) {
    const end = content.indexOf(10, at);
    // The hash was checked: the lines are ours, as canonicalLine wrote them.
    yield JSON.parse(content.toString("utf8", at, end)) as TrainingRecord;
    at = end + 1;
  }
}
