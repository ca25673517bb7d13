// Rendered units on disk, so that training reads them in any order in constant memory, and a resumed run need not render again.
// Only offsets stay in memory: 16 bytes a unit. It knows nothing of records, models or losses.
import { mkdir, open, rename, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import path from "node:path";
import { EngineError } from "../../base/errors.ts";
import { syncFolder, writeFailure, writeFileAtomic } from "../../base/files.ts";
import { readFile } from "node:fs/promises";
import type { TokenSample, TrainingUnit } from "./tokenSample.ts";

/** A unit with a text of its maker's (a task's record as JSON, or ""). */
export interface StoredUnit extends TrainingUnit {
  readonly extra: string;
}

/** Bytes collected before they are written. */
const WRITE_BYTES = 1 << 20;
/** Set in a stored token that is learnt; ids are below. */
const LEARNT = 0x80000000;

/** What stands in `NAME.json`, written last: a store without it is not whole. */
interface StoreHead<Report> {
  readonly fingerprint: string;
  readonly count: number;
  readonly bytes: number;
  readonly report: Report;
}

/** Writes a store: `add` any number of times, then `finish`, or `discard`. */
export class UnitWriter {
  readonly #base: string;
  readonly #handle: FileHandle;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #offset = 0;
  readonly #index: number[] = [];

  private constructor(base: string, handle: FileHandle) {
    this.#base = base;
    this.#handle = handle;
  }

  /** Begins the store `name` in `folder`, in place of one that may be there. Errors: `diskFull`, `unreadable`. */
  static async create(folder: string, name: string): Promise<UnitWriter> {
    const base = path.join(folder, name);
    try {
      await mkdir(folder, { recursive: true });
      await rm(`${base}.json`, { force: true });
      return new UnitWriter(base, await open(`${base}.bin.tmp`, "w"));
    } catch (error) {
      throw writeFailure(base, error);
    }
  }

  get count(): number {
    return this.#index.length / 2;
  }

  async add(unit: StoredUnit): Promise<void> {
    const bytes = encodeUnit(unit);
    this.#index.push(this.#offset, unit.samples.reduce((n, s) => n + s.tokens.length, 0));
    this.#offset += bytes.length;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes >= WRITE_BYTES) await this.#flush();
  }

  async finish<Report>(fingerprint: string, report: Report): Promise<void> {
    try {
      await this.#flush();
      await this.#handle.sync();
      await this.#handle.close();
      await rename(`${this.#base}.bin.tmp`, `${this.#base}.bin`);
      await syncFolder(path.dirname(this.#base));
      await writeFileAtomic(`${this.#base}.index`, new Uint8Array(Float64Array.from(this.#index).buffer));
      const head: StoreHead<Report> = { fingerprint, count: this.count, bytes: this.#offset, report };
      await writeFileAtomic(`${this.#base}.json`, JSON.stringify(head));
    } catch (error) {
      throw writeFailure(this.#base, error);
    }
  }

  async discard(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
    await rm(`${this.#base}.bin.tmp`, { force: true });
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    try {
      await this.#handle.writeFile(bytes);
    } catch (error) {
      throw writeFailure(this.#base, error);
    }
  }
}

/** Reads a finished store by number. */
export class UnitStore {
  readonly count: number;
  readonly #file: string;
  readonly #handle: FileHandle;
  readonly #index: Float64Array;
  readonly #bytes: number;

  private constructor(file: string, handle: FileHandle, index: Float64Array, bytes: number) {
    this.#file = file;
    this.#handle = handle;
    this.#index = index;
    this.#bytes = bytes;
    this.count = index.length / 2;
  }

  /** Opens the store `name`; null where there is none, or one of another fingerprint, or one that is not whole. */
  static async open<Report>(folder: string, name: string, fingerprint: string): Promise<{ store: UnitStore; report: Report } | null> {
    const base = path.join(folder, name);
    let head: StoreHead<Report>;
    let index: Buffer;
    try {
      head = JSON.parse(await readFile(`${base}.json`, "utf8")) as StoreHead<Report>;
      index = await readFile(`${base}.index`);
    } catch {
      return null;
    }
    if (head.fingerprint !== fingerprint || index.length !== 16 * head.count) return null;
    const handle = await open(`${base}.bin`, "r").catch(() => null);
    if (handle === null) return null;
    if ((await handle.stat()).size !== head.bytes) {
      await handle.close();
      return null;
    }
    const numbers = new Float64Array(2 * head.count);
    new Uint8Array(numbers.buffer).set(index);
    return { store: new UnitStore(`${base}.bin`, handle, numbers, head.bytes), report: head.report };
  }

  /** Tokens of unit `i`, over all its samples. */
  tokensOf(i: number): number {
    return this.#index[2 * i + 1] ?? 0;
  }

  /** Errors: RangeError where there is no such unit, `dataInvalid` where the file is damaged. */
  async read(i: number): Promise<StoredUnit> {
    const from = this.#index[2 * i];
    if (from === undefined) throw new RangeError(`There is no unit ${i} among ${this.count}.`);
    const bytes = Buffer.alloc((this.#index[2 * i + 2] ?? this.#bytes) - from);
    const { bytesRead } = await this.#handle.read(bytes, 0, bytes.length, from);
    if (bytesRead !== bytes.length) throw new EngineError("dataInvalid", `The rendered samples in ${this.#file} are damaged at number ${i}. Delete the file; the run renders them again when it is resumed.`, { file: this.#file, i });
    return decodeUnit(bytes);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** Little-endian: samples, good (0 absent, 1 no, 2 yes), bytes of `at`, bytes of `extra`; each sample's length and tokens; texts. */
function encodeUnit(unit: StoredUnit): Buffer {
  const at = Buffer.from(unit.at);
  const extra = Buffer.from(unit.extra);
  const nNumbers = 4 + unit.samples.reduce((n, s) => n + 1 + s.tokens.length, 0);
  const out = Buffer.alloc(4 * nNumbers + at.length + extra.length);
  const numbers = [unit.samples.length, unit.good === undefined ? 0 : unit.good ? 2 : 1, at.length, extra.length];
  let position = 0;
  const put = (n: number): void => { position = out.writeUInt32LE(n, position); };
  numbers.forEach(put);
  for (const { tokens, learnt } of unit.samples) {
    put(tokens.length);
    for (let t = 0; t < tokens.length; t++) put((tokens[t] ?? 0) + (learnt[t] === 1 ? LEARNT : 0));
  }
  at.copy(out, position);
  extra.copy(out, position + at.length);
  return out;
}

function decodeUnit(bytes: Buffer): StoredUnit {
  let position = 0;
  const take = (): number => {
    const n = bytes.readUInt32LE(position);
    position += 4;
    return n;
  };
  const [nSamples, good, atBytes] = [take(), take(), take(), take()];
  const samples: TokenSample[] = [];
  for (let i = 0; i < nSamples; i++) {
    const n = take();
    const tokens = new Int32Array(n);
    const learnt = new Uint8Array(n);
    for (let t = 0; t < n; t++) {
      const stored = take();
      tokens[t] = stored & ~LEARNT;
      learnt[t] = stored >= LEARNT ? 1 : 0;
    }
    samples.push({ tokens, learnt });
  }
  return {
    at: bytes.toString("utf8", position, position + atBytes), extra: bytes.toString("utf8", position + atBytes), samples,
    ...good === 0 ? {} : { good: good === 2 },
  };
}
