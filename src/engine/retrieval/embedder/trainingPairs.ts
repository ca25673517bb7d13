// Pairs of documentation and code as numbers: reads rows of JSON, cuts them into words once, leaves out near-duplicates of what
// must not be learnt, and makes bags of pieces of them while training. All texts lie in one array, so that a million pairs
// take little more memory than their words. It trains nothing.
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { EngineError } from "../../base/errors.ts";
import type { SeededRandom } from "../../base/random.ts";
import type { Bag, Pair } from "./contrastiveStep.ts";
import type { PairSource } from "./contrastiveTrainer.ts";
import { wordsOf } from "./subwords.ts";
import type { Subwords } from "./subwords.ts";

/** Codes that share more of their 6-word sequences than this with an excluded function are left out. */
const DUPLICATE_SHARE = 0.3;
const SHINGLE_WORDS = 6;
/** Most characters of a code that is learnt from: what it is for stands near its beginning. */
const CODE_CHARACTERS = 1_800;
/** Share of functions whose name is the query this time ("is_valid_json" for its body), and of passages under their path. */
const NAME_SHARE = 0.4;
const PATH_SHARE = 0.3;
/** Share of passages that hold words of their documentation, as most passages of an index do: equal words match, too. */
const ECHO_SHARE = 0.4;
const ECHOED_WORDS = 0.5;
/** Share of queries in the words of a question ("how to …", "… python"), so that these come to weigh little. */
const QUESTION_SHARE = 0.2;
const QUESTION_WORDS = ["how", "to"];
const LANGUAGE_WORDS: Readonly<Record<string, string>> = { py: "python", ts: "typescript", js: "javascript" };
/** Words of a declaration in which its own name is looked for. */
const DECLARATION_WORDS = 13;

const NONE = new Int32Array(0);

/** Texts of a row, in this order. */
const QUERY = 0, CODE = 1, NAME = 2, PATH = 3, TEXTS = 4;

/** Rows as words, in a form that can be written to a file as it is. */
export interface TokenisedRows {
  /** By number, in order of first appearance. */
  words: string[];
  /** All texts one after the other, as numbers of words. */
  tokens: Int32Array;
  /** Where the text 4 · row + (query, code, name, path) begins; one more than there are texts. */
  starts: Int32Array;
  /** By row: its language and whether it is a comment's, one number for each. */
  groups: Uint8Array;
  /** By half of the group's number. */
  languages: string[];
  rows: number;
  nearDuplicatesLeftOut: number;
}

/** Errors: `dataInvalid` (a line is no pair), those of reading. */
export async function tokeniseRows(pairsFiles: readonly string[], excludeFiles: readonly string[]): Promise<TokenisedRows> {
  const ids = new Map<string, number>();
  const words: string[] = [];
  const plain: boolean[] = [];
  const cut = (text: string): number[] => wordsOf(text).map((word) => {
    let id = ids.get(word);
    if (id === undefined) {
      ids.set(word, id = words.push(word) - 1);
      plain.push(/^[\p{L}\p{N}]/u.test(word));
    }
    return id;
  });
  const excluded = new Set<number>();
  for (const file of excludeFiles) {
    for await (const row of jsonLines(file)) {
      if (typeof row["text"] !== "string") continue;
      // With its documentation and without: pairs have code without.
      for (const text of [row["text"], row["text"].replace(/("""|''')[\s\S]*?\1/, "")]) for (const shingle of shinglesOf(cut(text), plain)) excluded.add(shingle);
    }
  }
  const tokens = new GrowingInts();
  const starts = new GrowingInts();
  const groups: number[] = [];
  const languages: string[] = [];
  let rows = 0;
  let nearDuplicatesLeftOut = 0;
  for (const file of pairsFiles) {
    for await (const row of jsonLines(file)) {
      rows++;
      const { query, code, name = "", path = "", lang = "" } = row;
      if (typeof query !== "string" || typeof code !== "string") throw notAPair(file, rows);
      const codeWords = cut(code.slice(0, CODE_CHARACTERS));
      const shingles = excluded.size === 0 ? new Set<number>() : shinglesOf(codeWords, plain);
      let known = 0;
      for (const shingle of shingles) if (excluded.has(shingle)) known++;
      if (known > DUPLICATE_SHARE * shingles.size) {
        nearDuplicatesLeftOut++;
        continue;
      }
      const queryWords = cut(query);
      if (queryWords.length === 0 || codeWords.length === 0) continue;
      for (const text of [queryWords, codeWords, cut(String(name)), cut(String(path))]) {
        starts.push([tokens.length]);
        tokens.push(text);
      }
      if (!languages.includes(String(lang))) languages.push(String(lang));
      groups.push(2 * languages.indexOf(String(lang)) + (name === "" ? 1 : 0));
    }
  }
  starts.push([tokens.length]);
  return { words, tokens: tokens.done(), starts: starts.done(), groups: Uint8Array.from(groups), languages, rows, nearDuplicatesLeftOut };
}

/** The words in most rows, queries and codes counted once a row; equals in alphabetical order. */
export function frequentWords({ words, tokens, starts, groups }: TokenisedRows, most: number, minimumRows: number): string[] {
  const counts = new Int32Array(words.length);
  const lastRow = new Int32Array(words.length).fill(-1);
  for (let row = 0; row < groups.length; row++) {
    for (let i = starts[TEXTS * row + QUERY] as number, end = starts[TEXTS * row + NAME] as number; i < end; i++) {
      const id = tokens[i] as number;
      if (lastRow[id] === row) continue;
      lastRow[id] = row;
      counts[id] = (counts[id] as number) + 1;
    }
  }
  const found = words.map((word, id) => ({ word, n: counts[id] as number })).filter(({ n }) => n >= minimumRows);
  return found.sort((a, b) => b.n - a.n || (a.word < b.word ? -1 : 1)).slice(0, most).map(({ word }) => word);
}

/** Tokenised rows seen as pairs of bags of a vocabulary's pieces. */
export class BagPairs implements PairSource {
  readonly size: number;
  readonly #rows: TokenisedRows;
  readonly #pieces: (readonly number[])[];
  /** Counts of the text at hand, by piece; zero between texts. */
  readonly #counts: Float64Array;
  readonly #questionWords: Int32Array;
  /** The word for each language, or none. */
  readonly #languageWords: Int32Array[];

  constructor(rows: TokenisedRows, subwords: Subwords) {
    this.#rows = rows;
    this.size = rows.groups.length;
    this.#pieces = rows.words.map((word) => subwords.rowsOf(word));
    this.#counts = new Float64Array(subwords.nRows);
    const known = (words: readonly (string | undefined)[]): Int32Array => Int32Array.from(words.map((word) => (word === undefined ? -1 : rows.words.indexOf(word))).filter((id) => id >= 0));
    this.#questionWords = known(QUESTION_WORDS);
    this.#languageWords = rows.languages.map((language) => known([LANGUAGE_WORDS[language]]));
  }

  group(at: number): number {
    return this.#rows.groups[at] as number;
  }

  pair(at: number, random: SeededRandom): Pair {
    const [query, code, name, path] = [this.#text(at, QUERY), this.#text(at, CODE), this.#text(at, NAME), this.#text(at, PATH)];
    const echoes = random.uniform() < ECHO_SHARE;
    if (name.length > 1 && random.uniform() < NAME_SHARE) {
      const own = new Set(name);
      return { query: this.#bag([name]), passage: this.#bag([code.subarray(0, DECLARATION_WORDS).filter((word) => !own.has(word)), code.subarray(DECLARATION_WORDS), echoes ? query : NONE]) };
    }
    const asked = random.uniform() < QUESTION_SHARE ? this.#questionWords : NONE;
    const language = random.uniform() < QUESTION_SHARE ? this.#languageWords[this.group(at) >> 1] as Int32Array : NONE;
    const header = name.length > 0 && random.uniform() < PATH_SHARE ? path : NONE;
    return { query: this.#bag([asked, query, language]), passage: this.#bag([header, code, echoes ? query.filter(() => random.uniform() < ECHOED_WORDS) : NONE]) };
  }

  /** Gains to begin with: the inverse document frequency of each piece, over every `stride`-th row. */
  inverseDocumentFrequencies(stride: number): Float32Array {
    const counts = new Float32Array(this.#counts.length);
    let n = 0;
    for (let row = 0; row < this.size; row += stride, n++) {
      for (const field of [QUERY, CODE]) for (const piece of this.#bag([this.#text(row, field)]).rows) counts[piece] = (counts[piece] as number) + 1;
    }
    return counts.map((count) => Math.log(1 + (2 * n) / (1 + count)));
  }

  #text(row: number, field: number): Int32Array {
    const { tokens, starts } = this.#rows;
    return tokens.subarray(starts[TEXTS * row + field], starts[TEXTS * row + field + 1]);
  }

  #bag(texts: readonly Int32Array[]): Bag {
    const counts = this.#counts;
    const rows: number[] = [];
    for (const text of texts) {
      for (const word of text) {
        const pieces = this.#pieces[word] as readonly number[];
        for (const piece of pieces) {
          if (counts[piece] === 0) rows.push(piece);
          counts[piece] = (counts[piece] as number) + 1 / pieces.length;
        }
      }
    }
    const damped = new Float32Array(rows.length);
    rows.forEach((piece, i) => {
      damped[i] = Math.log1p(counts[piece] as number);
      counts[piece] = 0;
    });
    return { rows: Int32Array.from(rows), counts: damped };
  }
}

async function* jsonLines(file: string): AsyncGenerator<Record<string, unknown>> {
  let nLine = 0;
  for await (const line of createInterface({ input: createReadStream(file, "utf8"), crlfDelay: Infinity })) {
    nLine++;
    if (line.trim() === "") continue;
    let row: unknown = null;
    try {
      row = JSON.parse(line);
    } catch {
      // told below, with the line's number
    }
    if (typeof row !== "object" || row === null) throw notAPair(file, nLine);
    yield row as Record<string, unknown>;
  }
}

function notAPair(file: string, line: number): EngineError {
  return new EngineError("dataInvalid", `Line ${line} of ${file} is no pair: expected an object with the texts "query" and "code".`, { file, line });
}

/** Distinct sequences of {@link SHINGLE_WORDS} words, operators left out, as 53-bit hashes. */
function shinglesOf(words: readonly number[], plain: readonly boolean[]): Set<number> {
  const kept = words.filter((id) => plain[id]);
  const shingles = new Set<number>();
  for (let i = 0; i + SHINGLE_WORDS <= kept.length; i++) {
    let low = 0x811c9dc5, high = 0x9747b28c;
    for (let k = i; k < i + SHINGLE_WORDS; k++) {
      low = Math.imul(low ^ (kept[k] as number), 0x01000193);
      low ^= low >>> 15;
      high = Math.imul(high ^ (kept[k] as number), 0x85ebca6b);
      high ^= high >>> 13;
    }
    shingles.add((high >>> 0) * 2 ** 21 + (low >>> 11));
  }
  return shingles;
}

/** Numbers that are appended to without knowing how many they will be. */
class GrowingInts {
  #values = new Int32Array(1 << 16);
  length = 0;

  push(values: readonly number[]): void {
    if (this.length + values.length > this.#values.length) {
      const larger = new Int32Array(Math.max(2 * this.#values.length, this.length + values.length));
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values.set(values, this.length);
    this.length += values.length;
  }

  done(): Int32Array {
    return this.#values.slice(0, this.length);
  }
}
