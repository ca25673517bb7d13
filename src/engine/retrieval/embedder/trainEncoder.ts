// From a file of (documentation, code) pairs to the encoder's file: reads and enlarges the pairs, chooses the vocabulary,
// trains, and writes after every epoch, so that a stopped run leaves its best so far. The mathematics is in contrastiveTrainer.ts.
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { EngineError } from "../../base/errors.ts";
import { sha256File } from "../../base/files.ts";
import { SeededRandom } from "../../base/random.ts";
import { bagOf, trainContrastive } from "./contrastiveTrainer.ts";
import type { EncoderWeights, Pair } from "./contrastiveTrainer.ts";
import { writeEncoder } from "./embeddedEmbedder.ts";
import { Subwords, wordsOf } from "./subwords.ts";

/** 25,000 rows of 128 numbers in Q8_0, with the words, are 3.9 MB. Our choice. */
const WORDS = 20_000;
const BUCKETS = 5_000;
const DIMENSION = 128;
const SEED = 7;
/** Words in rarer texts than this share n-grams instead of having a row. */
const MINIMUM_TEXTS = 5;
/** Codes that share more of their 6-word sequences than this with an excluded function are left out. */
const DUPLICATE_SHARE = 0.3;
const SHINGLE_WORDS = 6;
/** Comments shorter than this say too little to be a query, in words. */
const COMMENT_WORDS = 4;
/** Lines of code that a comment inside a function speaks of. */
const COMMENTED_LINES = 12;
const CODE_CHARACTERS = 4_000;

export interface TrainEncoderOptions {
  pairsFile: string;
  /** Files of {text} rows whose near-duplicates must not be trained on. */
  excludeFiles: readonly string[];
  outFile: string;
  epochs: number;
  /** Take only so many rows of the pairs, for a quick trial. */
  maximumRows?: number;
  signal?: AbortSignal;
  onStep?: (step: number, nSteps: number, loss: number) => void;
}

export interface TrainEncoderReport {
  rows: number;
  nearDuplicatesLeftOut: number;
  pairs: number;
  words: number;
  seconds: number;
  sha256: string;
}

interface PairRow {
  query: string;
  code: string;
  name: string;
  path: string;
  lang: string;
}

/** Errors: `dataInvalid` (not pairs, or too few), those of reading and writing files, cancellation. */
export async function trainEncoder(options: TrainEncoderOptions): Promise<TrainEncoderReport> {
  const started = performance.now();
  const ids = new WordIds();
  const excluded = await excludedShingles(options.excludeFiles, ids);
  const random = new SeededRandom(SEED);
  const texts: WordPair[] = [];
  let nRows = 0;
  let nDuplicates = 0;
  for await (const row of pairRows(options.pairsFile)) {
    if (nRows >= (options.maximumRows ?? Infinity)) break;
    nRows++;
    const made = textPairs(row, random);
    const [whole, ...comments] = made.map(({ query, passage, group }) => ({ query: ids.of(query), passage: ids.of(passage), group })) as [WordPair, ...WordPair[]];
    if (excluded.size > 0 && isDuplicate(whole.passage, excluded, ids)) nDuplicates++;
    else texts.push(whole, ...comments);
  }
  const subwords = new Subwords(vocabulary(texts, ids), BUCKETS);
  const rows = ids.words.map((word) => subwords.rowsOf(word));
  const pairs = texts.map(({ query, passage, group }): Pair => ({ query: bagOf(countRows(query, rows)), passage: bagOf(countRows(passage, rows)), group }))
    .filter((pair) => pair.query.rows.length > 0 && pair.passage.rows.length > 0);
  if (pairs.length < 1_000) throw new EngineError("dataInvalid", `${options.pairsFile} yields ${pairs.length} pairs; at least 1,000 are needed to train an encoder.`, { pairs: pairs.length });
  random.shuffle(pairs);
  const write = (weights: EncoderWeights) => writeEncoder(options.outFile, {
    words: subwords.words, nBuckets: BUCKETS, dimension: DIMENSION, ...foldGains(weights),
    description: `Bag-of-subwords encoder of code and its documentation, trained on ${pairs.length} pairs by KaLactica.`,
  });
  await trainContrastive(pairs, {
    ...HYPERPARAMETERS, nRows: subwords.nRows, dimension: DIMENSION, epochs: options.epochs, seed: SEED, initialGains: inverseDocumentFrequencies(pairs, subwords.nRows),
    ...(options.signal ? { signal: options.signal } : {}), ...(options.onStep ? { onStep: options.onStep } : {}),
    onEpoch: (_epoch, weights) => write(weights),
  });
  return { rows: nRows, nearDuplicatesLeftOut: nDuplicates, pairs: pairs.length, words: subwords.words.length, seconds: (performance.now() - started) / 1_000, sha256: await sha256File(options.outFile) };
}

/** Chosen on CoSQA's development rows with a small encoder; see the model card. */
const HYPERPARAMETERS = { batchSize: 256, learningRate: 0.005, temperature: 0.05, dropout: 0.1, echo: 0 };

interface TextPair {
  query: string;
  passage: string;
  group: number;
}

/** The same with words as numbers. */
interface WordPair {
  query: Int32Array;
  passage: Int32Array;
  group: number;
}

/** Numbers words in order of appearance, so that no text is cut twice. */
class WordIds {
  readonly words: string[] = [];
  readonly #ids = new Map<string, number>();

  of(text: string): Int32Array {
    return Int32Array.from(wordsOf(text), (word) => {
      let id = this.#ids.get(word);
      if (id === undefined) this.#ids.set(word, id = this.words.push(word) - 1);
      return id;
    });
  }
}

/** As Subwords.count does for text. */
function countRows(words: Int32Array, rows: readonly (readonly number[])[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const word of words) {
    const pieces = rows[word] as readonly number[];
    for (const row of pieces) counts.set(row, (counts.get(row) ?? 0) + 1 / pieces.length);
  }
  return counts;
}

async function* pairRows(file: string): AsyncGenerator<PairRow> {
  let nLine = 0;
  for await (const line of createInterface({ input: createReadStream(file, "utf8"), crlfDelay: Infinity })) {
    nLine++;
    if (line.trim() === "") continue;
    let row: Partial<PairRow> | null = null;
    try {
      row = JSON.parse(line) as Partial<PairRow> | null;
    } catch {
      // told below, with the line's number
    }
    if (typeof row?.query !== "string" || typeof row.code !== "string") {
      throw new EngineError("dataInvalid", `Line ${nLine} of ${file} is no pair: expected an object with the texts "query" and "code".`, { file, line: nLine });
    }
    yield { query: row.query, code: row.code, name: row.name ?? "", path: row.path ?? "", lang: row.lang ?? "" };
  }
}

/** The row itself, under headers as the indexer puts above passages, and the comments inside its code. */
function textPairs({ query, code, name, path, lang }: PairRow, random: SeededRandom): TextPair[] {
  const header = `${random.uniform() < 0.5 ? path : ""}\n${random.uniform() < 0.3 ? name : ""}\n`;
  const pairs = [{ query, passage: header + code.slice(0, CODE_CHARACTERS), group: groupOf(lang, false) }];
  const lines = code.split("\n");
  for (let i = 1; i < lines.length; i++) {
    if (commentOn(lines[i] as string) === null || commentOn(lines[i - 1] as string) !== null) continue;
    const comment: string[] = [];
    let next = i;
    for (let text = commentOn(lines[next] as string); text !== null; text = next < lines.length ? commentOn(lines[next] as string) : null) {
      comment.push(text);
      next++;
    }
    const commented = lines.slice(next, next + COMMENTED_LINES).join("\n");
    if (comment.join(" ").split(/\s+/).length >= COMMENT_WORDS && commented.length >= 40) pairs.push({ query: comment.join(" "), passage: `\n\n${commented}`, group: groupOf(lang, true) });
  }
  return pairs;
}

function commentOn(line: string): string | null {
  return /^\s*(?:#|\/\/)\s*(.*)$/.exec(line)?.[1] ?? null;
}

const languages: string[] = [];

/** One group per language and kind of pair. */
function groupOf(lang: string, comment: boolean): number {
  let i = languages.indexOf(lang);
  if (i < 0) i = languages.push(lang) - 1;
  return 2 * i + (comment ? 1 : 0);
}

/** The words in most texts; equals in alphabetical order. */
function vocabulary(texts: readonly WordPair[], ids: WordIds): string[] {
  const counts = new Int32Array(ids.words.length);
  for (const { query, passage } of texts) for (const id of new Set([...query, ...passage])) counts[id] = (counts[id] as number) + 1;
  const byNumber = ids.words.map((word, id) => ({ word, n: counts[id] as number })).filter(({ n }) => n >= MINIMUM_TEXTS);
  return byNumber.sort((a, b) => b.n - a.n || (a.word < b.word ? -1 : 1)).slice(0, WORDS).map(({ word }) => word);
}

function inverseDocumentFrequencies(pairs: readonly Pair[], nRows: number): Float32Array {
  const counts = new Float32Array(nRows);
  for (const { query, passage } of pairs) {
    for (const row of passage.rows) counts[row] = (counts[row] as number) + 1;
    for (const row of query.rows) counts[row] = (counts[row] as number) + 1;
  }
  return counts.map((n) => Math.log(1 + (2 * pairs.length) / (1 + n)));
}

/** Passage gains go into the vectors, so that passages need none; queries keep the ratio. */
function foldGains({ dimension, vectors, queryGains, passageGains }: EncoderWeights): { vectors: Float32Array; queryGains: Float32Array } {
  const folded = new Float32Array(vectors.length);
  const ratios = new Float32Array(queryGains.length);
  for (let row = 0; row < ratios.length; row++) {
    // A row that passages ignore stays known to queries by a small gain.
    const gain = Math.max(0.05, passageGains[row] as number);
    ratios[row] = (queryGains[row] as number) / gain;
    for (let d = 0; d < dimension; d++) folded[row * dimension + d] = gain * (vectors[row * dimension + d] as number);
  }
  return { vectors: folded, queryGains: ratios };
}

async function excludedShingles(files: readonly string[], ids: WordIds): Promise<Set<string>> {
  const shingles = new Set<string>();
  for (const file of files) {
    for await (const line of createInterface({ input: createReadStream(file, "utf8"), crlfDelay: Infinity })) {
      if (line.trim() === "") continue;
      const { text } = JSON.parse(line) as { text?: unknown };
      if (typeof text === "string") for (const shingle of shinglesOf(ids.of(text), ids)) shingles.add(shingle);
    }
  }
  return shingles;
}

function isDuplicate(code: Int32Array, excluded: ReadonlySet<string>, ids: WordIds): boolean {
  const shingles = shinglesOf(code, ids);
  return shingles.filter((shingle) => excluded.has(shingle)).length > DUPLICATE_SHARE * shingles.length;
}

/** Distinct sequences of {@link SHINGLE_WORDS} words, operators left out. */
function shinglesOf(words: Int32Array, ids: WordIds): string[] {
  const plain = [...words].filter((id) => /^[\p{L}\p{N}]/u.test(ids.words[id] as string));
  const shingles = new Set<string>();
  for (let i = 0; i + SHINGLE_WORDS <= plain.length; i++) shingles.add(plain.slice(i, i + SHINGLE_WORDS).join());
  return [...shingles];
}
