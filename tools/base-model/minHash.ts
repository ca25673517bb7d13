// Finds near-duplicate texts: one-permutation MinHash over shingles of five words, banded for look-up.
// Source: Broder 1997; Li, Owen, Zhang 2012 (one permutation hashing). Does not decide which copy to keep.

const nBins = 64;
const rowsPerBand = 4;
const nBands = nBins / rowsPerBand;
const shingleWords = 5;

/** A sketch of `text`: 64 minima. Undefined for texts too short to compare (under 30 words). */
export function sketch(text: string): Uint32Array | undefined {
  const words = text.match(/[\p{L}\p{N}_$]+/gu) ?? [];
  if (words.length < 30) return undefined;
  const hashes = words.map(hashText);
  const minima = new Uint32Array(nBins).fill(0xffffffff);
  for (let i = 0; i + shingleWords <= hashes.length; i++) {
    let h = 0x811c9dc5;
    for (let j = 0; j < shingleWords; j++) h = Math.imul(h ^ (hashes[i + j] as number), 0x01000193) ^ (h >>> 15);
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    h = (h ^ (h >>> 16)) >>> 0;
    const bin = h & (nBins - 1);
    const value = h >>> 6;
    if (value < (minima[bin] as number)) minima[bin] = value;
  }
  return minima;
}

/** The estimated Jaccard similarity of two sketched texts, from 0 to 1. */
export function similarity(a: Uint32Array, b: Uint32Array): number {
  let equal = 0;
  let used = 0;
  for (let i = 0; i < nBins; i++) {
    if (a[i] === 0xffffffff && b[i] === 0xffffffff) continue;
    used++;
    if (a[i] === b[i]) equal++;
  }
  return used === 0 ? 0 : equal / used;
}

/** Remembers sketches and finds those similar to a new one. */
export class NearDuplicates {
  readonly #bands = Array.from({ length: nBands }, () => new Map<number, number[]>());
  readonly #sketches: Uint32Array[] = [];

  /** The index of a remembered sketch at least `threshold` similar; undefined if there is none. */
  find(candidate: Uint32Array, threshold: number): number | undefined {
    const tried = new Set<number>();
    for (let band = 0; band < nBands; band++) {
      for (const index of this.#bands[band]?.get(bandKey(candidate, band)) ?? []) {
        if (tried.has(index)) continue;
        tried.add(index);
        if (similarity(this.#sketches[index] as Uint32Array, candidate) >= threshold) return index;
      }
    }
    return undefined;
  }

  /** Remembers a sketch and returns its index. */
  add(item: Uint32Array): number {
    const index = this.#sketches.push(item) - 1;
    for (let band = 0; band < nBands; band++) {
      const key = bandKey(item, band);
      const bucket = this.#bands[band]?.get(key);
      if (bucket === undefined) this.#bands[band]?.set(key, [index]);
      else if (bucket.length < 200) bucket.push(index);
    }
    return index;
  }
}

function bandKey(item: Uint32Array, band: number): number {
  let h = 0;
  for (let i = band * rowsPerBand; i < (band + 1) * rowsPerBand; i++) h = Math.imul(h ^ (item[i] as number), 0x9e3779b1) ^ (h >>> 13);
  return h >>> 0;
}

function hashText(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
