// Posting lists as bytes: for each document that holds a word, how often it stands in each field. Documents are numbered
// within a segment in ascending order. It knows nothing of files, scores or where the bytes lie.
import { N_FIELDS } from "./fieldWords.ts";

/** Set in the mask byte where every count of the posting is 1, so that none is written. */
const ALL_ONE = 0x80;

/** Collects the postings of one word. Layout of each: gap to the document before (varint), mask of fields, counts (varints). */
export class PostingsBuilder {
  #bytes = new Uint8Array(8);
  #length = 0;
  #last = -1;

  /** `document` must be larger than the last one's. `counts` has one number per field. */
  add(document: number, counts: ArrayLike<number>): void {
    if (this.#length + 8 + 3 * N_FIELDS > this.#bytes.length) this.#grow();
    this.#varint(document - this.#last - 1);
    this.#last = document;
    let mask = ALL_ONE;
    for (let field = 0; field < N_FIELDS; field++) {
      const n = counts[field] as number;
      if (n > 0) mask |= 1 << field;
      if (n > 1) mask &= ~ALL_ONE;
    }
    this.#bytes[this.#length++] = mask;
    if ((mask & ALL_ONE) !== 0) return;
    for (let field = 0; field < N_FIELDS; field++) if ((mask & (1 << field)) !== 0) this.#varint(counts[field] as number);
  }

  /** The bytes so far; valid until the next {@link add}. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #varint(value: number): void {
    while (value >= 0x80) {
      this.#bytes[this.#length++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    this.#bytes[this.#length++] = value;
  }

  #grow(): void {
    const larger = new Uint8Array(Math.max(64, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

/** Calls `take` for each posting in `bytes`, in order; `counts` is one array of {@link N_FIELDS} numbers, reused. */
export function readPostings(bytes: Uint8Array, take: (document: number, counts: Uint32Array) => void): void {
  const counts = new Uint32Array(N_FIELDS);
  let document = -1;
  let at = 0;
  while (at < bytes.length) {
    let gap = 0;
    let shift = 0;
    let byte: number;
    do {
      byte = bytes[at++] as number;
      gap |= (byte & 0x7f) << shift;
      shift += 7;
    } while (byte >= 0x80);
    document += gap + 1;
    const mask = bytes[at++] as number;
    if ((mask & ALL_ONE) !== 0) {
      for (let field = 0; field < N_FIELDS; field++) counts[field] = (mask >> field) & 1;
    } else {
      for (let field = 0; field < N_FIELDS; field++) {
        if (((mask >> field) & 1) === 0) {
          counts[field] = 0;
          continue;
        }
        let value = 0;
        shift = 0;
        do {
          byte = bytes[at++] as number;
          value |= (byte & 0x7f) << shift;
          shift += 7;
        } while (byte >= 0x80);
        counts[field] = value;
      }
    }
    take(document, counts);
  }
}

/** Unsigned numbers below 2^53 as varints one after the other, and back. */
export function encodeNumbers(numbers: readonly number[]): Uint8Array {
  const bytes: number[] = [];
  for (let value of numbers) {
    while (value >= 0x80) {
      bytes.push((value % 0x80) | 0x80);
      value = Math.floor(value / 0x80);
    }
    bytes.push(value);
  }
  return Uint8Array.from(bytes);
}

export function decodeNumbers(bytes: Uint8Array): number[] {
  const numbers: number[] = [];
  let value = 0;
  let scale = 1;
  for (const byte of bytes) {
    value += (byte & 0x7f) * scale;
    if (byte >= 0x80) {
      scale *= 0x80;
    } else {
      numbers.push(value);
      value = 0;
      scale = 1;
    }
  }
  return numbers;
}
