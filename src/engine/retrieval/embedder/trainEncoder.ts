// From files of (documentation, code) pairs to the encoder's file: chooses the vocabulary, trains, and writes. With a folder to
// work in, the pairs are cut into words once and the state is kept now and then, so that a stopped run goes on where it was and
// ends with the same file. The mathematics is in contrastiveStep.ts, reading in trainingPairs.ts.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { deserialize, serialize } from "node:v8";
import { EngineError } from "../../base/errors.ts";
import { makeFolder, sha256, sha256File, writeFileAtomic } from "../../base/files.ts";
import type { EncoderWeights, TrainingState } from "./contrastiveStep.ts";
import { trainContrastive } from "./contrastiveTrainer.ts";
import { writeEncoder } from "./embeddedEmbedder.ts";
import { Subwords } from "./subwords.ts";
import { BagPairs, frequentWords, tokeniseRows } from "./trainingPairs.ts";
import type { TokenisedRows } from "./trainingPairs.ts";

/** 25,000 rows of 256 numbers in Q8_0, with the words, are 7.3 MB. Our choice. */
const WORDS = 20_000;
const BUCKETS = 5_000;
const DIMENSION = 256;
const SEED = 7;
/** Words in rarer rows than this share n-grams instead of having a vector. */
const MINIMUM_ROWS = 5;
/** Steps between two states that are kept: some seconds of a processor. */
const STEPS_BETWEEN_STATES = 50;
/** Document frequencies are counted over so many rows. */
const FREQUENCY_ROWS = 100_000;
/** Chosen on one half of CoSQA's development queries; see the model card. */
const HYPERPARAMETERS = { batchSize: 256, learningRate: 0.005, temperature: 0.05, dropout: 0.1 };

export interface TrainEncoderOptions {
  /** Files of pairs, read in order. */
  pairsFiles: readonly string[];
  /** Files of {text} rows whose near-duplicates must not be trained on. */
  excludeFiles: readonly string[];
  outFile: string;
  epochs: number;
  /** Where words and states are kept between runs; without it nothing is kept. */
  workFolder?: string;
  signal?: AbortSignal;
  onStep?: (step: number, nSteps: number, loss: number) => void;
}

export interface TrainEncoderReport {
  rows: number;
  nearDuplicatesLeftOut: number;
  pairs: number;
  words: number;
  /** Of this run; a run that went on counts from where it did. */
  seconds: number;
  sha256: string;
}

/** Errors: `dataInvalid` (not pairs, or too few), those of reading and writing files, cancellation. */
export async function trainEncoder(options: TrainEncoderOptions): Promise<TrainEncoderReport> {
  const started = performance.now();
  const { epochs, outFile, workFolder, signal } = options;
  if (workFolder !== undefined) await makeFolder(workFolder);
  const inputs = await Promise.all([...options.pairsFiles, ...options.excludeFiles].map((file) => sha256File(file, signal)));
  const rows = await kept(workFolder, "words", sha256(inputs.join()), () => tokeniseRows(options.pairsFiles, options.excludeFiles));
  if (rows.groups.length < 1_000) throw new EngineError("dataInvalid", `${options.pairsFiles.join(", ")} yields ${rows.groups.length} pairs; at least 1,000 are needed to train an encoder.`, { pairs: rows.groups.length });
  const subwords = new Subwords(frequentWords(rows, WORDS, MINIMUM_ROWS), BUCKETS);
  const pairs = new BagPairs(rows, subwords);
  const key = sha256(JSON.stringify([inputs, epochs, WORDS, BUCKETS, DIMENSION, SEED, HYPERPARAMETERS]));
  const stateFile = workFolder === undefined ? null : path.join(workFolder, "state");
  const from = stateFile === null ? null : await readKept<TrainingState>(stateFile, key);
  const weights = await trainContrastive(pairs, {
    ...HYPERPARAMETERS, nRows: subwords.nRows, dimension: DIMENSION, epochs, seed: SEED,
    initialGains: pairs.inverseDocumentFrequencies(Math.ceil(pairs.size / FREQUENCY_ROWS)),
    ...(from ? { from } : {}), ...(signal ? { signal } : {}), ...(options.onStep ? { onStep: options.onStep } : {}),
    ...(stateFile === null ? {} : { onState: { everySteps: STEPS_BETWEEN_STATES, save: (state) => writeKept(stateFile, key, state) } }),
  });
  await writeEncoder(outFile, {
    words: subwords.words, nBuckets: BUCKETS, dimension: DIMENSION, ...foldGains(weights),
    description: `Bag-of-subwords encoder of code and its documentation, trained on ${pairs.size} pairs by KaLactica.`,
  });
  return {
    rows: rows.rows, nearDuplicatesLeftOut: rows.nearDuplicatesLeftOut, pairs: pairs.size, words: subwords.words.length,
    seconds: (performance.now() - started) / 1_000, sha256: await sha256File(outFile),
  };
}

/** What an earlier run with the same `key` made, or what `make` makes now, kept for the next. */
async function kept(folder: string | undefined, name: string, key: string, make: () => Promise<TokenisedRows>): Promise<TokenisedRows> {
  if (folder === undefined) return make();
  const file = path.join(folder, name);
  const known = await readKept<TokenisedRows>(file, key);
  if (known) return known;
  const made = await make();
  await writeKept(file, key, made);
  return made;
}

/** Null where the file is missing, unreadable, or of other inputs: it can always be made anew. */
async function readKept<T>(file: string, key: string): Promise<T | null> {
  if (!existsSync(file)) return null;
  try {
    const read = deserialize(await readFile(file)) as { key?: unknown; value?: T };
    return read.key === key && read.value !== undefined ? read.value : null;
  } catch {
    return null;
  }
}

async function writeKept(file: string, key: string, value: TokenisedRows | TrainingState): Promise<void> {
  await writeFileAtomic(file, serialize({ key, value }));
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
