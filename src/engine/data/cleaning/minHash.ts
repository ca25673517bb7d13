// Sketches of texts that tell how similar they are without comparing them: MinHash over shingles of five words.
// Sources: Broder 1997; Li, Owen, Zhang 2012 (one permutation); Shrivastava 2017 (optimal densification); Li, König 2010 (b-bit minima).
// Which of two similar records stays is decided elsewhere.

/** Minima of one sketch. The estimate of a similarity s has a deviation of sqrt(s (1 - s) / 64): 0.05 at 0.8. */
export const SKETCH_BINS = 64;
const SHINGLE_WORDS = 5;
const EMPTY = 0xffffffff;

/** Whether each ASCII character belongs to a word: letters, digits, "_" and "$", as in most programming languages. */
const IN_WORD = Uint8Array.from({ length: 128 }, (_, code) => Number(/[\w$]/.test(String.fromCharCode(code))));
const OTHER_LETTER = /[\p{L}\p{N}]/u;

let words = new Uint32Array(1 << 12);
const minima = new Uint32Array(SKETCH_BINS);
const full = new Uint8Array(SKETCH_BINS);
/** For each bin, the bins that it may borrow from, in the order of trying. */
const DONORS_EACH = 512;
const donors = Uint8Array.from({ length: SKETCH_BINS * DONORS_EACH }, (_, i) => finished(Math.imul(i + 1, 0x9e3779b1)) & (SKETCH_BINS - 1));

/**
 * Writes the sketch of `text` to `out` (length {@link SKETCH_BINS}, 16 bits of each minimum) and returns the number of words.
 * A text of fewer than five words is one shingle; one without words is its trimmed characters. An empty text gives all zeros.
 */
export function sketch(text: string, out: Uint16Array): number {
  const nWords = hashWords(text);
  minima.fill(EMPTY);
  if (nWords === 0) {
    const bare = text.trim();
    if (bare === "") {
      out.fill(0);
      return 0;
    }
    addShingle(hashRange(bare, 0, bare.length));
  } else {
    const length = Math.min(SHINGLE_WORDS, nWords);
    for (let i = 0; i + length <= nWords; i++) {
      let h = 0x811c9dc5;
      for (let j = 0; j < length; j++) h = Math.imul(h ^ (words[i + j] as number), 0x01000193) ^ (h >>> 15);
      addShingle(h);
    }
  }
  densify();
  for (let i = 0; i < SKETCH_BINS; i++) out[i] = (minima[i] as number) & 0xffff;
  return nWords;
}

/** Estimated Jaccard similarity of the shingles of two sketched texts, 0 to 1. Offsets are into the arrays. */
export function similarity(a: Uint16Array, offsetA: number, b: Uint16Array, offsetB: number): number {
  let equal = 0;
  for (let i = 0; i < SKETCH_BINS; i++) if (a[offsetA + i] === b[offsetB + i]) equal++;
  return equal / SKETCH_BINS;
}

/** A 32-bit hash of some of a sketch's bins: equal for similar texts with the probability of that many equal minima. */
export function bandHash(bins: Uint16Array, from: number, count: number, start: number): number {
  let h = start;
  for (let i = from; i < from + count; i++) h = Math.imul(h ^ (bins[i] as number), 0x9e3779b1) ^ (h >>> 13);
  return finished(h);
}

/** murmur3's finaliser: every bit of the input changes half of the output's. */
function finished(value: number): number {
  let h = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function addShingle(hash: number): void {
  const h = finished(hash);
  const bin = h & (SKETCH_BINS - 1);
  const value = h >>> 6;
  if (value < (minima[bin] as number)) minima[bin] = value;
}

/** Every empty bin takes the minimum of a bin that is not, drawn the same way in every text. */
function densify(): void {
  let filled = 0;
  for (let i = 0; i < SKETCH_BINS; i++) {
    full[i] = Number(minima[i] !== EMPTY);
    filled += full[i] as number;
  }
  if (filled === SKETCH_BINS) return;
  for (let i = 0; i < SKETCH_BINS; i++) {
    if (full[i] === 1) continue;
    let at = i * DONORS_EACH;
    // A bin in DONORS_EACH draws hits no filled one with probability (63/64)^512 at most: then the next bin's draws go on.
    while (full[donors[at % donors.length] as number] !== 1) at++;
    minima[i] = minima[donors[at % donors.length] as number] as number;
  }
}

/** Hashes every word (FNV-1a over UTF-16 units) into {@link words}; returns their number. */
function hashWords(text: string): number {
  let n = 0;
  let h = 0;
  let inWord = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const belongs = code < 128 ? IN_WORD[code] === 1 : isLetter(text, i, code);
    if (belongs) {
      if (!inWord) h = 0x811c9dc5;
      inWord = true;
      h = Math.imul(h ^ code, 0x01000193);
    } else if (inWord) {
      inWord = false;
      n = push(n, h);
    }
  }
  return inWord ? push(n, h) : n;
}

function push(n: number, hash: number): number {
  if (n === words.length) {
    const larger = new Uint32Array(words.length * 2);
    larger.set(words);
    words = larger;
  }
  words[n] = hash;
  return n + 1;
}

/** Both halves of a surrogate pair are judged by the character that they make. */
function isLetter(text: string, i: number, code: number): boolean {
  const start = code >= 0xdc00 && code <= 0xdfff && i > 0 ? i - 1 : i;
  return OTHER_LETTER.test(String.fromCodePoint(text.codePointAt(start) as number));
}

function hashRange(text: string, from: number, to: number): number {
  let h = 0x811c9dc5;
  for (let i = from; i < to; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h;
}
