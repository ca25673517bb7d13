// The first pass of a preparation: writes every record to a temporary file once, with what cleaning must know of it in columns
// beside, so that the second pass only chooses and copies. Everything lies in one folder that its owner removes.
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { hash } from "node:crypto";
import path from "node:path";
import zlib from "node:zlib";
import { writeFailure } from "../../base/files.ts";
import type { TrainingRecord } from "../../base/trainingRecord.ts";
import { canonicalContent, canonicalLine, learntLength, partsOf, recordLength } from "../recordContent.ts";
import { Column } from "./column.ts";
import { BANDS, SKETCH_WIDTH, sketchRecord } from "./duplicates.ts";

const BLOCK_BYTES = 1 << 20;
/** Bytes of one record's {@link Staging.facts}. */
export const FACTS_WIDTH = 12;
/** Kinds, licences and languages that are told apart, together; more than any real data set has. */
const MAXIMUM_LABELS = 50_000;

// The file lives for minutes: the fastest packing that is there. Node before 22.15 has no Zstandard.
const hasZstd = typeof zlib.zstdCompressSync === "function";
const pack = (block: Buffer): Buffer => (hasZstd ? zlib.zstdCompressSync(block, { params: { [zlib.constants.ZSTD_c_compressionLevel]: 1 } }) : zlib.deflateRawSync(block, { level: 1 }));
const unpack = (packed: Buffer): Buffer => (hasZstd ? zlib.zstdDecompressSync(packed) : zlib.inflateRawSync(packed));

/** What a record is counted under. */
export interface Labels {
  readonly kind: TrainingRecord["kind"];
  readonly licence: string;
  readonly language: string;
}

/** A staged record as the second pass sees it: its line as bytes, without a break. */
export interface StagedLine {
  readonly index: number;
  readonly line: Buffer;
}

export class Staging {
  readonly hashes: Column;
  readonly groups: Column;
  readonly times: Column;
  readonly sketches: Column;
  readonly bands: Column[];
  /** Length in characters, length of what is learnt, and index into {@link labels}, 4 bytes each. */
  readonly facts: Column;
  readonly labels: Labels[] = [];
  readonly #labelIndex = new Map<string, number>();
  readonly #file: string;
  readonly #descriptor: number;
  #block: Buffer[] = [];
  #blockBytes = 0;

  constructor(folder: string) {
    const column = (name: string, width: number): Column => new Column(path.join(folder, name), width);
    this.hashes = column("hashes", 8);
    this.groups = column("groups", 8);
    this.times = column("times", 8);
    this.facts = column("facts", FACTS_WIDTH);
    this.sketches = column("sketches", SKETCH_WIDTH);
    this.bands = Array.from({ length: BANDS }, (_, band) => column(`band-${band}`, 4));
    this.#file = path.join(folder, "records");
    try {
      this.#descriptor = openSync(this.#file, "w+");
    } catch (error) {
      throw writeFailure(this.#file, error);
    }
  }

  get length(): number {
    return this.hashes.length;
  }

  /** Takes a record in; records of the same `group` go to the same split. */
  add(record: TrainingRecord, group: string): void {
    const content = canonicalContent(record);
    hash("sha256", content, "buffer").copy(this.hashes.next(), 0, 0, 8);
    hashGroup(group, this.groups.next());
    this.times.next().writeDoubleLE(record.origin.time ?? Number.NaN);
    const { given, learnt } = partsOf(record);
    const facts = this.facts.next();
    facts.writeUInt32LE(recordLength(record), 0);
    facts.writeUInt32LE(learntLength(record), 4);
    facts.writeUInt32LE(this.#label(record), 8);
    // A good and a bad reply of the same words contradict each other, and are no duplicates.
    const compared = record.kind === "judged" ? `judged ${record.good}` : record.kind;
    sketchRecord(compared, learnt, given, this.sketches.next(), (band, key) => this.bands[band]!.pushUint32(key));
    const line = Buffer.from(canonicalLine(record, content));
    const head = Buffer.alloc(4);
    head.writeUInt32LE(line.length);
    this.#block.push(head, line);
    this.#blockBytes += 4 + line.length;
    if (this.#blockBytes >= BLOCK_BYTES) this.#flush();
  }

  /** All records in order, from the file. The buffers are views into a block: valid until the next block. */
  *lines(): Generator<StagedLine> {
    this.#flush();
    let index = 0;
    let position = 0;
    const head = Buffer.alloc(4);
    while (readSync(this.#descriptor, head, 0, 4, position) === 4) {
      const packed = Buffer.alloc(head.readUInt32LE());
      let done = 0;
      while (done < packed.length) {
        const n = readSync(this.#descriptor, packed, done, packed.length - done, position + 4 + done);
        if (n === 0) throw new Error(`${this.#file} ended early: another process may have removed it.`);
        done += n;
      }
      position += 4 + packed.length;
      const block = unpack(packed);
      for (let at = 0; at < block.length;) {
        const end = at + 4 + block.readUInt32LE(at);
        yield { index: index++, line: block.subarray(at + 4, end) };
        at = end;
      }
    }
  }

  close(): void {
    for (const column of [this.hashes, this.groups, this.times, this.facts, this.sketches, ...this.bands]) column.close();
    closeSync(this.#descriptor);
  }

  #label({ kind, origin }: TrainingRecord): number {
    const { licence = "unknown", language = "unknown" } = origin;
    const key = JSON.stringify([kind, licence, language]);
    const known = this.#labelIndex.get(key);
    if (known !== undefined) return known;
    if (this.labels.length >= MAXIMUM_LABELS) return this.#label({ kind, origin: { at: "", licence: "others", language: "others" } } as TrainingRecord);
    this.labels.push({ kind, licence, language });
    this.#labelIndex.set(key, this.labels.length - 1);
    return this.labels.length - 1;
  }

  #flush(): void {
    if (this.#blockBytes === 0) return;
    const packed = pack(Buffer.concat(this.#block, this.#blockBytes));
    const head = Buffer.alloc(4);
    head.writeUInt32LE(packed.length);
    try {
      for (const bytes of [head, packed]) {
        let at = 0;
        while (at < bytes.length) at += writeSync(this.#descriptor, bytes, at);
      }
    } catch (error) {
      throw writeFailure(this.#file, error);
    }
    this.#block = [];
    this.#blockBytes = 0;
  }
}

/** Two 32-bit hashes of a group's name (FNV-1a with two primes): a collision would only keep two groups together. */
function hashGroup(group: string, into: Buffer): void {
  let a = 0x811c9dc5;
  let b = 0x9e3779b9;
  for (let i = 0; i < group.length; i++) {
    const unit = group.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ unit, 0x85ebca6b) ^ (b >>> 15);
  }
  into.writeInt32LE(a, 0);
  into.writeInt32LE(b | 0, 4);
}
