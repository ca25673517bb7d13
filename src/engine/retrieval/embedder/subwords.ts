// Cuts text into the pieces that the embedded encoder has vectors for: parts of identifiers, operators, and for words it
// never learned, hashed character n-grams. The trainer and the encoder share it, so that they cannot differ.
import { identifierParts } from "../keyword/analyzer.ts";

const TOKEN = /[\p{L}\p{N}_$]+|[^\p{L}\p{N}_$\s]{1,4}/gu;
/** Longer runs of word characters are data, not words. */
const WORD_CHARACTERS = 64;

/** The vocabulary: `words` have rows 0…n-1, character n-grams share the `nBuckets` rows after them. */
export class Subwords {
  readonly words: readonly string[];
  readonly nBuckets: number;
  readonly #rows: Map<string, number>;
  /** Pieces of words met before, learned or not; bounded. */
  readonly #cache = new Map<string, readonly number[]>();

  constructor(words: readonly string[], nBuckets: number) {
    this.words = words;
    this.nBuckets = nBuckets;
    this.#rows = new Map(words.map((word, row) => [word, row]));
  }

  get nRows(): number {
    return this.words.length + this.nBuckets;
  }

  /** How often each row's piece occurs in `text`. An unlearned word counts once in all, spread over its n-grams. */
  count(text: string): Map<number, number> {
    const counts = new Map<number, number>();
    for (const word of wordsOf(text)) {
      const rows = this.rowsOf(word);
      for (const row of rows) counts.set(row, (counts.get(row) ?? 0) + 1 / rows.length);
    }
    return counts;
  }

  /** The rows of one word's pieces: its own, or those of its n-grams. */
  rowsOf(word: string): readonly number[] {
    const row = this.#rows.get(word);
    if (row !== undefined) return [row];
    let rows = this.#cache.get(word);
    if (!rows) {
      rows = this.#nGramRows(word);
      if (this.#cache.size >= 20_000) this.#cache.clear();
      this.#cache.set(word, rows);
    }
    return rows;
  }

  /** Character 3- to 5-grams of the word with its edges marked. Operators and numbers have none. */
  #nGramRows(word: string): readonly number[] {
    if (!/^\p{L}/u.test(word) || this.nBuckets === 0) return [];
    const marked = `<${word}>`;
    const rows = new Set<number>();
    for (let length = 3; length <= 5; length++) {
      for (let from = 0; from + length <= marked.length; from++) rows.add(this.words.length + (fnv1a(marked, from, from + length) % this.nBuckets));
    }
    return [...rows];
  }
}

/** The words of a text in order: identifiers in their lower-case parts, short numbers, operators. */
export function wordsOf(text: string): string[] {
  const words: string[] = [];
  for (const [token] of text.matchAll(TOKEN)) {
    if (!/^[\p{L}\p{N}_$]/u.test(token)) words.push(token);
    else if (token.length <= WORD_CHARACTERS) for (const part of identifierParts(token)) if (part.length <= 24 && !/^\p{N}{4,}/u.test(part)) words.push(part);
  }
  return words;
}

/** FNV-1a, 32 bits, over the UTF-16 units of `text` from `start` to `end`. */
function fnv1a(text: string, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
