// The words by which memory is searched: identifiers in their parts and whole, stop words left out, stemmed, as 32-bit hashes.
// A hash is all that is stored beside an episode, in the order of the text; which of them matter is decided in bm25f.ts.
import { porterStem } from "../../base/porterStemmer.ts";

/** Raised when the analysis changes, so that stored hashes are made anew (memoryGraph.ts does it when it opens). */
export const TERMS_VERSION = "1";

const WORD = /[\p{L}\p{N}_$]+(?:['’]\p{L}+)?/gu;
const PART = /\p{Lu}+(?!\p{Ll})|\p{Lu}?\p{Ll}+|\p{Lo}+|\p{N}+/gu;
/** Longer runs are data (hashes, base64), not words. */
const WORD_CHARACTERS = 64;
/** Of one episode; what stands behind is not searched. */
const MOST_TERMS = 2_000;
const CACHED_WORDS = 100_000;

const STOP_WORDS = new Set((
  "a an the and or but if so than then that this these those there here it its i me my mine we us our ours you your yours he him his she her hers they them their theirs " +
  "is am are was were be been being do does did doing done have has had having will would shall should can could may might must " +
  "of in on at to for from by with about as into onto up down out off over under again " +
  "what which who whom whose when where why how not no nor just very too also " +
  "s t d ll re ve m im ive id dont didnt doesnt isnt wasnt arent cant wont yeah yes oh wow hey hi hello thanks thank ok okay"
).split(" "));

const cache = new Map<string, Uint32Array>();
const NO_TERMS = new Uint32Array(0);

/** FNV-1a with a final mix, 32 bits: of 100,000 words about one pair meets. */
export function hashTerm(stem: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < stem.length; i++) hash = Math.imul(hash ^ stem.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/** Stems of one word: its parts and, where it is compound, its whole without separators. */
export function stemsOf(word: string): string[] {
  const bare = word.replace(/['’]\p{L}+$/u, "");
  const parts = (bare.match(PART) ?? []).map((part) => part.toLowerCase());
  const words = parts.length > 1 ? [...parts, parts.join("")] : parts;
  return words.filter((part) => !STOP_WORDS.has(part) && (part.length > 1 || /[\p{N}\p{Lo}]/u.test(part))).map(porterStem);
}

/** Hashes of the terms of `text`, in its order, with repetitions. */
export function termsOf(text: string): number[] {
  const terms: number[] = [];
  for (const [word] of text.matchAll(WORD)) {
    if (word.length > WORD_CHARACTERS) continue;
    let hashes = cache.get(word);
    if (!hashes) {
      const stems = stemsOf(word);
      hashes = stems.length === 0 ? NO_TERMS : Uint32Array.from(stems, hashTerm);
      if (cache.size >= CACHED_WORDS) cache.clear();
      cache.set(word, hashes);
    }
    for (const hash of hashes) terms.push(hash);
    if (terms.length >= MOST_TERMS) break;
  }
  return terms;
}

/** Label and text as they are stored: the number of label terms, then all hashes, 32 bits each, little-endian. */
export function encodeTerms(label: string, text: string): Uint8Array {
  const labelTerms = termsOf(label);
  const words = Uint32Array.from([labelTerms.length, ...labelTerms, ...termsOf(text)]);
  return new Uint8Array(words.buffer);
}

/** What {@link encodeTerms} wrote. */
export function decodeTerms(bytes: Uint8Array): { label: Uint32Array; body: Uint32Array } {
  // SQLite's buffers are not aligned to four bytes.
  const words = new Uint32Array(bytes.slice().buffer);
  const nLabel = words[0] ?? 0;
  return { label: words.subarray(1, 1 + nLabel), body: words.subarray(1 + nLabel) };
}
