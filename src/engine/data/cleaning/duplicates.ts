// Finds records that are there twice, exactly or nearly, from columns on disk, in memory that does not grow with the data.
// Sources: locality-sensitive hashing by bands, Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets" ch. 3; the choice of
// bands below is ours. It marks records; taking them out is for build.ts.
import { throwIfCancelled } from "../../base/errors.ts";
import { pause } from "../../base/pause.ts";
import { Bits } from "./column.ts";
import type { Column } from "./column.ts";
import { bandHash, similarity, sketch, SKETCH_BINS } from "./minHash.ts";

/** Twelve bands of five minima: a pair of similarity .8 shares a band with probability .99, one of .5 with .32, one of .3 with .03. */
export const BANDS = 12;
const ROWS = 5;
/** From here on two texts are near duplicates. As RefinedWeb and SlimPajama (.8). */
export const NEAR_SIMILARITY = 0.8;
/** What is learnt counts as a leak by itself from this many words on; below, what is given must be near too. */
export const TELLING_WORDS = 30;
/** Bytes of a sketched record: both sketches (16 bits a bin) and the number of learnt words. */
export const SKETCH_WIDTH = SKETCH_BINS * 4 + 4;
/** Memory for the table of exact duplicates. Larger data takes several passes over its columns instead. */
const TABLE_BYTES = 64 << 20;
/** Memory for the pairs that are sorted at once: a million, which keeps the event loop for some 100 ms. */
const PAIRS_BYTES = 8 << 20;
/** Members of one band that a further one is compared with, in each split. */
const HEADS = 8;

const bins = new Uint16Array(SKETCH_BINS * 2);
const binBytes = new Uint8Array(bins.buffer);
const learntBins = bins.subarray(0, SKETCH_BINS);
const givenBins = bins.subarray(SKETCH_BINS);

/**
 * Sketches `learnt` and `given` into `out` ({@link SKETCH_WIDTH} bytes) and tells `keys` the key of each band.
 * Only records of the same `kind` are compared.
 */
export function sketchRecord(kind: string, learnt: string, given: string, out: Uint8Array, keys: (band: number, key: number) => void): void {
  const nWords = sketch(learnt, learntBins);
  sketch(given, givenBins);
  out.set(binBytes);
  new DataView(out.buffer, out.byteOffset).setUint32(SKETCH_BINS * 4, nWords, true);
  let kindHash = 0;
  for (let i = 0; i < kind.length; i++) kindHash = Math.imul(kindHash ^ kind.charCodeAt(i), 0x01000193);
  for (let band = 0; band < BANDS; band++) {
    // A short reply ("Yes.") is everywhere: only together with what it replies to does it make two records near.
    const start = bandHash(bins, band * ROWS, ROWS, kindHash + band + 1);
    keys(band, nWords >= TELLING_WORDS ? start : bandHash(bins, SKETCH_BINS + band * ROWS, ROWS, start));
  }
}

/** Marks every record whose hash (8 bytes) stood before. */
export async function exactDuplicates(hashes: Column, workBytes: number = TABLE_BYTES): Promise<Bits> {
  let started = performance.now();
  const duplicates = new Bits(hashes.length);
  const slices = Math.max(1, Math.ceil((hashes.length * 16) / workBytes));
  const capacity = 1 << Math.ceil(Math.log2(Math.max(16, (hashes.length / slices) * 2.2)));
  const high = new Uint32Array(capacity);
  const low = new Uint32Array(capacity);
  for (let slice = 0; slice < slices; slice++) {
    high.fill(0);
    low.fill(0);
    for (const { first, count, bytes } of hashes.blocks()) {
      for (let i = 0; i < count; i++) {
        const h = bytes.readUInt32LE(i * 8);
        // Zero marks a free place.
        const l = bytes.readUInt32LE(i * 8 + 4) || 1;
        if (h % slices !== slice) continue;
        let at = l & (capacity - 1);
        while (low[at] !== 0 && (low[at] !== l || high[at] !== h)) at = (at + 1) & (capacity - 1);
        if (low[at] === 0) {
          low[at] = l;
          high[at] = h;
        } else duplicates.add(first + i);
      }
      started = await pause(started);
    }
  }
  return duplicates;
}

export interface NearHooks {
  readonly signal?: AbortSignal;
  readonly onBand?: (done: number, total: number) => void;
}

/**
 * Marks near duplicates among the records not in `skip`: in one split the later of two records whose learnt and given texts
 * are both near ({@link NEAR_SIMILARITY}); across splits the record of `validation`, already where only what is learnt is near
 * and long enough to tell ({@link TELLING_WORDS}). The same input gives the same marks.
 */
export async function nearDuplicates(sketches: Column, bands: readonly Column[], skip: Bits, validation: Bits, hooks: NearHooks = {}, workBytes: number = PAIRS_BYTES): Promise<{ near: Bits; leaked: Bits }> {
  const near = new Bits(sketches.length);
  const leaked = new Bits(sketches.length);
  const slices = Math.max(1, Math.ceil((sketches.length * 8) / workBytes));
  const bucket = new Bucket(sketches, validation, near, leaked);
  let started = performance.now();
  for (const [band, column] of bands.entries()) {
    for (let slice = 0; slice < slices; slice++) {
      throwIfCancelled(hooks.signal);
      const pairs = await sortedPairs(column, skip, slice, slices);
      for (let i = 0; i < pairs.length;) {
        const key = pairs[i + 1] as number;
        let end = i + 2;
        while (end < pairs.length && pairs[end + 1] === key) end += 2;
        if (end - i > 2) {
          bucket.start();
          for (let j = i; j < end; j += 2) {
            bucket.take(pairs[j] as number);
            if ((j & 1023) === 0) started = await pause(started);
          }
        }
        i = end;
      }
      started = await pause(started);
    }
    hooks.onBand?.(band + 1, bands.length);
  }
  return { near, leaked };
}

/** Pairs (index, key) as one array of 32-bit words, by key and then by index; only those of one slice of the keys. */
async function sortedPairs(column: Column, skip: Bits, slice: number, slices: number): Promise<Uint32Array> {
  const each = async (visit: (index: number, key: number) => void): Promise<void> => {
    let started = performance.now();
    for (const { first, count, bytes } of column.blocks()) {
      for (let i = 0; i < count; i++) {
        const key = bytes.readUInt32LE(i * 4);
        if (key % slices === slice && !skip.has(first + i)) visit(first + i, key);
      }
      started = await pause(started);
    }
  };
  let n = 0;
  await each(() => n++);
  const pairs = new Uint32Array(n * 2);
  let at = 0;
  await each((index, key) => {
    pairs[at++] = index;
    pairs[at++] = key;
  });
  // Little-endian, as all machines that this runs on: the key is the upper half of each 64-bit number.
  new BigUint64Array(pairs.buffer).sort();
  return pairs;
}

/** Records that share a band, compared with the first few of each split. */
class Bucket {
  readonly #sketches: Column;
  readonly #validation: Bits;
  readonly #near: Bits;
  readonly #leaked: Bits;
  /** Sketches of the heads of training (0) and validation (1), and of the member at hand. */
  readonly #heads = [0, 1].map(() => Array.from({ length: HEADS }, () => new Uint8Array(SKETCH_WIDTH)));
  readonly #headIndex = [new Uint32Array(HEADS), new Uint32Array(HEADS)];
  readonly #nHeads = [0, 0];
  readonly #own = new Uint8Array(SKETCH_WIDTH);

  constructor(sketches: Column, validation: Bits, near: Bits, leaked: Bits) {
    this.#sketches = sketches;
    this.#validation = validation;
    this.#near = near;
    this.#leaked = leaked;
  }

  start(): void {
    this.#nHeads.fill(0);
  }

  take(index: number): void {
    if (this.#near.has(index) || this.#leaked.has(index)) return;
    this.#sketches.read(index, this.#own);
    const split = Number(this.#validation.has(index));
    for (let i = 0; i < (this.#nHeads[split] as number); i++) {
      if (!isNear(this.#heads[split]?.[i] as Uint8Array, this.#own)) continue;
      this.#near.add(index);
      return;
    }
    const other = 1 - split;
    for (let i = 0; i < (this.#nHeads[other] as number); i++) {
      const head = this.#headIndex[other]?.[i] as number;
      if (this.#leaked.has(head) || !tells(this.#heads[other]?.[i] as Uint8Array, this.#own)) continue;
      this.#leaked.add(split === 1 ? index : head);
      if (split === 1) return;
    }
    const n = this.#nHeads[split] as number;
    if (n === HEADS) return;
    (this.#heads[split]?.[n] as Uint8Array).set(this.#own);
    (this.#headIndex[split] as Uint32Array)[n] = index;
    this.#nHeads[split] = n + 1;
  }
}

function binsOf(record: Uint8Array): Uint16Array {
  return new Uint16Array(record.buffer, record.byteOffset, SKETCH_BINS * 2);
}

function wordsOf(record: Uint8Array): number {
  return new DataView(record.buffer, record.byteOffset).getUint32(SKETCH_BINS * 4, true);
}

function isNear(a: Uint8Array, b: Uint8Array): boolean {
  const [x, y] = [binsOf(a), binsOf(b)];
  return similarity(x, 0, y, 0) >= NEAR_SIMILARITY && similarity(x, SKETCH_BINS, y, SKETCH_BINS) >= NEAR_SIMILARITY;
}

/** Whether knowing one record would tell the other. */
function tells(a: Uint8Array, b: Uint8Array): boolean {
  if (Math.min(wordsOf(a), wordsOf(b)) < TELLING_WORDS) return isNear(a, b);
  return similarity(binsOf(a), 0, binsOf(b), 0) >= NEAR_SIMILARITY;
}
