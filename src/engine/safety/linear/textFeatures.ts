// Turns a text into hashed features for a linear model: words, pairs, pairs with a gap, pieces of words, classes of words and the
// order they come in. The same function serves fitting and use. It knows no task: classes of words are handed in.

/** Buckets of the hash; a model has one weight for each. */
export const FEATURE_BITS = 16;
const BUCKETS = 1 << FEATURE_BITS;
const MOST_WORDS = 400;
const LONGEST_WORD = 24;

export type WordClasses = ReadonlyMap<string, readonly string[]>;

/** Buckets with their values, each group of features of unit length times its weight. */
export interface Features {
  readonly buckets: Int32Array;
  readonly values: Float32Array;
}

const WORD = /\p{L}[\p{L}\p{M}'’]*|\p{N}+|[?!:;<>`#|{}"]|\n/gu;

/** FNV-1a over UTF-16 code units from `from` to `to`, begun with a seed that says what kind of feature it is. */
function hash(text: string, seed = 0, from = 0, to = text.length): number {
  let h = 0x811c9dc5 ^ Math.imul(seed, 0x9e3779b1);
  for (let i = from; i < to; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h ^ (h >>> 15);
}

/** A bucket for a pair or a triple of hashes. */
function mix(seed: number, a: number, b: number, c = 0): number {
  let h = Math.imul(a ^ Math.imul(seed, 0x9e3779b1), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13) ^ b, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 16) ^ c, 0x27d4eb2f);
  return (h ^ (h >>> 15)) & (BUCKETS - 1);
}

const WORDS = 1;
const PAIRS = 2;
const GAPS = 3;
const TRIPLES = 4;
const PIECES = 5;
const FIRST = 6;
const CLASSES = 7;
const CLASS_FIRST = 8;
const CLASS_ORDER = 9;
const CLASS_NEAR = 10;
const OWN = 11;

/** Lower-case words, numbers and telling marks of the first {@link MOST_WORDS}. */
export function wordsOf(text: string): string[] {
  const words: string[] = [];
  for (const [word] of text.toLowerCase().matchAll(WORD)) {
    words.push(word.replaceAll("’", "'").slice(0, LONGEST_WORD));
    if (words.length >= MOST_WORDS) break;
  }
  return words;
}

/**
 * Features of `text`; `more` are names of the caller's own features (structure, place), each counting once. `keep` is for
 * fitting: words and pieces for which it says no are left out, so that a model does not lean on single words.
 */
export function featuresOf(text: string, { classes, more = [], keep }: { classes?: WordClasses; more?: readonly string[]; keep?: () => boolean } = {}): Features {
  const words = wordsOf(text);
  const named = new Set<number>();
  const pieces = new Set<number>();
  const classed = new Set<number>();
  const hashes = words.map((word) => hash(word));
  hashes.forEach((own, at) => {
    const one = hashes[at - 1] ?? 0;
    const two = hashes[at - 2] ?? 0;
    named.add(mix(WORDS, own, 0));
    named.add(mix(PAIRS, one, own));
    named.add(mix(GAPS, two, own));
    named.add(mix(TRIPLES, two, one, own));
    addPieces(words[at] ?? "", pieces);
  });
  named.add(mix(FIRST, hashes[0] ?? 0, 0));
  named.add(mix(FIRST, hashes[0] ?? 0, hashes[1] ?? 0));
  if (classes) addClasses(words, classes, classed);
  if (keep) for (const group of [named, pieces]) for (const bucket of group) if (!keep()) group.delete(bucket);
  const own = new Set(more.map((name) => mix(OWN, hash(name), 0)));
  const groups: readonly (readonly [Set<number>, number])[] = [[named, 1], [pieces, 0.7], [classed, 1.2], [own, 1]];
  const n = groups.reduce((sum, [group]) => sum + group.size, 0);
  const buckets = new Int32Array(n);
  const values = new Float32Array(n);
  let at = 0;
  for (const [group, weight] of groups) {
    const value = weight / Math.sqrt(Math.max(1, group.size));
    for (const bucket of group) {
      buckets[at] = bucket;
      values[at++] = value;
    }
  }
  return { buckets, values };
}

/** Four letters of longer words; single letters, pairs and triples of words in other scripts. */
function addPieces(word: string, into: Set<number>): void {
  if (word.charCodeAt(0) > 127) {
    for (let n = 1; n <= 3; n++) for (let i = 0; i + n <= word.length; i++) into.add(mix(PIECES, hash(word, n, i, i + n), n));
  } else if (word.length > 3) {
    into.add(mix(PIECES, hash(word, 4, 0, 3), 4));
    for (let i = 0; i + 4 <= word.length; i++) into.add(mix(PIECES, hash(word, 0, i, i + 4), 0));
    into.add(mix(PIECES, hash(word, 5, word.length - 3), 5));
  }
}

const classHashes = new Map<string, number>();

function classHash(name: string): number {
  let known = classHashes.get(name);
  if (known === undefined) classHashes.set(name, known = hash(name));
  return known;
}

/** Classes that occur, and which stands before which within twelve words. */
function addClasses(words: readonly string[], classes: WordClasses, into: Set<number>): void {
  const met: (readonly [at: number, name: number])[] = [];
  words.forEach((word, at) => {
    for (const listed of classesOf(word, classes)) {
      const name = classHash(listed);
      into.add(mix(CLASSES, name, 0));
      if (at < 2) into.add(mix(CLASS_FIRST, name, 0));
      for (let i = met.length - 1; i >= 0; i--) {
        const [before, other] = met[i] ?? [0, 0];
        if (at - before > 12) break;
        if (other !== name) into.add(mix(CLASS_ORDER, other, name));
        if (at - before <= 3) into.add(mix(CLASS_NEAR, other, name));
      }
      met.push([at, name]);
    }
  });
}

/** The classes of a word, or of the entry that it is a plural, past or present form of; crude on purpose. */
export function classesOf(word: string, classes: WordClasses): readonly string[] {
  const listed = classes.get(word);
  if (listed) return listed;
  const cut = (n: number, ...endings: string[]): readonly string[] | undefined => {
    const root = word.slice(0, -n);
    for (const ending of endings) {
      const found = root.length >= 2 ? classes.get(root + ending) : undefined;
      if (found) return found;
    }
    // "stopping" is from "stop".
    return root.length > 3 && root.at(-1) === root.at(-2) ? classes.get(root.slice(0, -1)) : undefined;
  };
  if (word.endsWith("'s")) return cut(2, "") ?? [];
  if (word.endsWith("ing")) return cut(3, "", "e") ?? [];
  if (word.endsWith("ied") || word.endsWith("ies")) return cut(3, "y", "ie") ?? [];
  if (word.endsWith("ed")) return cut(2, "", "e") ?? [];
  if (word.endsWith("es")) return cut(2, "", "e") ?? [];
  return word.endsWith("s") ? cut(1, "") ?? [] : [];
}

/** Classes by name, each a list of words in one string, as a map from word to its classes. */
export function wordClasses(lists: Readonly<Record<string, string>>): WordClasses {
  const map = new Map<string, string[]>();
  for (const [name, words] of Object.entries(lists)) for (const word of words.split(/\s+/)) if (word !== "") map.set(word, [...map.get(word) ?? [], name]);
  return map;
}
