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

/** FNV-1a over UTF-16 code units. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h ^= h >>> 15;
  return (h >>> 0) & (BUCKETS - 1);
}

/** Lower-case words, numbers and telling marks of the first {@link MOST_WORDS}. */
export function wordsOf(text: string): string[] {
  const words: string[] = [];
  for (const [word] of text.toLowerCase().matchAll(WORD)) {
    words.push(word.replaceAll("’", "'").slice(0, LONGEST_WORD));
    if (words.length >= MOST_WORDS) break;
  }
  return words;
}

/** Features of `text`; `more` are names of the caller's own features (structure, place), each counting once. */
export function featuresOf(text: string, { classes, more = [] }: { classes?: WordClasses; more?: readonly string[] } = {}): Features {
  const words = wordsOf(text);
  const named = new Set<number>();
  const pieces = new Set<number>();
  const classed = new Set<number>();
  let one = "\n";
  let two = "\n";
  for (const word of words) {
    named.add(hash(`w ${word}`));
    named.add(hash(`b ${one} ${word}`));
    named.add(hash(`s ${two} ${word}`));
    named.add(hash(`t ${two} ${one} ${word}`));
    two = one;
    one = word;
    if (/^\P{ASCII}/u.test(word)) {
      const letters = [...word];
      for (let i = 0; i < letters.length; i++) {
        pieces.add(hash(`c ${letters[i] ?? ""}`));
        if (i > 0) pieces.add(hash(`c ${letters[i - 1] ?? ""}${letters[i] ?? ""}`));
        if (i > 1) pieces.add(hash(`c ${letters.slice(i - 2, i + 1).join("")}`));
      }
    } else if (word.length > 3) {
      const padded = `^${word}$`;
      for (let i = 0; i + 4 <= padded.length; i++) pieces.add(hash(`c ${padded.slice(i, i + 4)}`));
    }
  }
  named.add(hash(`first ${words[0] ?? ""}`));
  named.add(hash(`first2 ${words[0] ?? ""} ${words[1] ?? ""}`));
  if (classes) addClasses(words, classes, classed);
  const own = new Set(more.map((name) => hash(`m ${name}`)));
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

/** Classes that occur, and which stands before which within twelve words. */
function addClasses(words: readonly string[], classes: WordClasses, into: Set<number>): void {
  const met: (readonly [at: number, name: string])[] = [];
  words.forEach((word, at) => {
    for (const name of classesOf(word, classes)) {
      into.add(hash(`k ${name}`));
      if (at < 2) into.add(hash(`k0 ${name}`));
      for (let i = met.length - 1; i >= 0; i--) {
        const [before, other] = met[i] ?? [0, ""];
        if (at - before > 12) break;
        if (other !== name) into.add(hash(`kk ${other} ${name}`));
        if (at - before <= 3) into.add(hash(`kn ${other} ${name}`));
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
