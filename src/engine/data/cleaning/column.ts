// Columns of fixed-size values on disk, one value a record: what cleaning must know of all records without holding them.
// Written once from start to end, then read in blocks or one by one. Temporary: nothing here survives the preparation.
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { writeFailure } from "../../base/files.ts";

const BLOCK_BYTES = 1 << 18;

/** A file of records of `width` bytes each. Errors of writing: `diskFull`, `unreadable`. */
export class Column {
  readonly width: number;
  readonly #file: string;
  readonly #descriptor: number;
  readonly #block: Buffer;
  #used = 0;
  #flushed = 0;

  constructor(file: string, width: number) {
    this.width = width;
    this.#file = file;
    this.#block = Buffer.alloc(Math.max(width, Math.floor((width > 16 ? BLOCK_BYTES : BLOCK_BYTES / 8) / width) * width));
    try {
      this.#descriptor = openSync(file, "w+");
    } catch (error) {
      throw writeFailure(file, error);
    }
  }

  /** Number of values. */
  get length(): number {
    return (this.#flushed + this.#used) / this.width;
  }

  /** Room for the next value; it counts as written once it is filled. Valid until the next call. */
  next(): Buffer {
    if (this.#used + this.width > this.#block.length) this.flush();
    const at = this.#used;
    this.#used += this.width;
    return this.#block.subarray(at, at + this.width);
  }

  pushUint32(value: number): void {
    this.next().writeUInt32LE(value, 0);
  }

  flush(): void {
    try {
      let at = 0;
      while (at < this.#used) at += writeSync(this.#descriptor, this.#block, at, this.#used - at, this.#flushed + at);
    } catch (error) {
      throw writeFailure(this.#file, error);
    }
    this.#flushed += this.#used;
    this.#used = 0;
  }

  /** Blocks of values in order; `first` is the index of a block's first one. The bytes are valid until the next step. */
  *blocks(): Generator<{ first: number; count: number; bytes: Buffer }> {
    this.flush();
    const bytes = Buffer.alloc(this.#block.length);
    for (let at = 0; at < this.#flushed;) {
      const count = this.#readAt(bytes, at, Math.min(bytes.length, this.#flushed - at));
      yield { first: at / this.width, count: count / this.width, bytes: bytes.subarray(0, count) };
      at += count;
    }
  }

  /** Reads value `index` to the start of `into`. */
  read(index: number, into: Uint8Array): void {
    if (this.#used > 0) this.flush();
    this.#readAt(into, index * this.width, this.width);
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #readAt(into: Uint8Array, position: number, length: number): number {
    let done = 0;
    while (done < length) {
      const n = readSync(this.#descriptor, into, done, length - done, position + done);
      if (n === 0) throw new Error(`${this.#file} ended early: another process may have removed it.`);
      done += n;
    }
    return done;
  }
}

/** One bit a record. */
export class Bits {
  readonly #bytes: Uint8Array;
  count = 0;

  constructor(length: number) {
    this.#bytes = new Uint8Array((length >>> 3) + 1);
  }

  has(index: number): boolean {
    return ((this.#bytes[index >>> 3] as number) & (1 << (index & 7))) !== 0;
  }

  add(index: number): void {
    if (this.has(index)) return;
    this.#bytes[index >>> 3] = (this.#bytes[index >>> 3] as number) | (1 << (index & 7));
    this.count++;
  }
}
