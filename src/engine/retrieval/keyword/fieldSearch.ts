// BM25F over the field index: chunks by their words, and for files a score for each field, for all fields together and for
// their chunks. Source: Robertson, Zaragoza & Taylor 2004 (BM25F: fields are weighed before saturation, each with its own
// length normalisation); idf in the form that is never negative, ln(1 + (N − n + ½) / (n + ½)).
// It does not know what the scores are used for.
import type { DocumentTable } from "./documentTable.ts";
import { FIRST_CHUNK_FIELD, N_FIELDS } from "./fieldWords.ts";
import type { FieldIndex } from "./fieldIndex.ts";
import { readPostings } from "./postings.ts";

/** Saturation of repetition. */
const K1 = 1.2;

/** By field (path, base, symbols, signatures, comments, strings, body): its weight and how strongly length counts, in [0, 1]. */
interface FieldWeights {
  readonly weight: readonly number[];
  readonly length: readonly number[];
}

/** Chunks by their own fields. Chosen on development rows, see tools/file-ranker/README.md. */
const CHUNK: FieldWeights = { weight: [0, 0, 4, 0, 1.5, 0, 1], length: [0, 0, 0.5, 0.5, 0.5, 0.5, 0.6] };
/** Of the file's path and name, what each of its chunks is given. */
const CHUNK_HEADER: FieldWeights = { weight: [1, 1, 0, 0, 0, 0, 0], length: [0.3, 0.3, 0, 0, 0, 0, 0] };
const HEADER_SHARE = 0.5;
/** Whole files. */
const FILE: FieldWeights = { weight: [2, 3, 3, 0, 1.5, 0, 1], length: [0.3, 0.3, 0.6, 0.6, 0.6, 0.6, 0.7] };

/** What is known of a file, in this order. The first is that by which files are gathered. */
export const FILE_SCORES = ["all", "subject", "path", "base", "symbols", "signatures", "comments", "strings", "body", "coverage", "bestChunk", "topChunks", "allChunks", "size"] as const;
export type FileScoreName = (typeof FILE_SCORES)[number];
const N_SCORES = FILE_SCORES.length;
const SUBJECT = 1;
const FIRST_FIELD_SCORE = 2;
const COVERAGE = FIRST_FIELD_SCORE + N_FIELDS;

export interface QueryWord {
  /** Stemmed. */
  word: string;
  weight: number;
  /** Whether it stands in what the query says first. */
  subject: boolean;
}

export interface FoundFile {
  fileId: number;
  firstChunkId: number;
  chunkCount: number;
  /** Along {@link FILE_SCORES}, as computed; not scaled. */
  scores: Float32Array;
}

export interface FoundChunk {
  id: number;
  score: number;
  /** How much of the query it has, in [0, 1]: the idf of its words over that of all words that stand anywhere. */
  coverage: number;
}

/** A chunk whose score is wanted whether or not it is among the best. */
export interface WantedChunk {
  id: number;
  fileId: number;
}

export interface FieldHits {
  /** Best first, then those that were asked for by name and are not among the best. `coverage`: share of the query's words, by their weight. */
  chunks: FoundChunk[];
  /** By the score of all fields, best first. */
  files: FoundFile[];
  /** The largest of each score over all files that were touched, along {@link FILE_SCORES}. */
  largest: Float32Array;
  /** Inverse document frequency over chunks, by query word; absent words are left out. */
  idf: Map<string, number>;
}

/** Holds the buffers of one search after the other; not to be shared between searches that overlap (none do: it never waits). */
export class FieldSearch {
  readonly #index: FieldIndex;
  #chunkScores = new Float32Array(0);
  #chunkCoverage = new Float32Array(0);
  #headerScores = new Float32Array(0);
  #fileCounts = new Float32Array(0);
  #fileScores = new Float32Array(0);
  /** Number of the word that touched a file last, so that each is listed once a word. */
  #touchedAt = new Int32Array(0);

  constructor(index: FieldIndex) {
    this.#index = index;
  }

  search(query: readonly QueryWord[], limits: { chunks: number; files: number }, wanted: readonly WantedChunk[] = []): FieldHits {
    const table = this.#index.documents;
    this.#reserve(table);
    const { fileOf, lengths, alive, firstDocuments } = table;
    const chunkScores = this.#chunkScores, chunkCoverage = this.#chunkCoverage, headerScores = this.#headerScores, fileCounts = this.#fileCounts, touchedAt = this.#touchedAt;
    const chunkMeans = FIELD_NUMBERS.map((field) => table.meanLength(field, "chunk"));
    const fileMeans = FIELD_NUMBERS.map((field) => table.meanLength(field, "file"));
    const documents: number[] = [];
    const files: number[] = [];
    const idfOf = new Map<string, number>();
    let idfSum = 0;
    let chunkIdfSum = 0;
    query.forEach(({ word, weight, subject }, at) => {
      const hitFiles: number[] = [];
      const hitDocuments: number[] = [];
      const saturated: number[] = [];
      for (const { base, bytes } of this.#index.postings(word)) {
        readPostings(bytes, (local, counts) => {
          const document = base + local;
          const file = fileOf[document] as number;
          if (alive[file] === 0) return;
          if (touchedAt[file] !== at + 1) {
            if (touchedAt[file] === 0) files.push(file);
            touchedAt[file] = at + 1;
            hitFiles.push(file);
          }
          const header = firstDocuments[file] === document;
          const { weight: fieldWeight, length } = header ? CHUNK_HEADER : CHUNK;
          let sum = 0;
          for (let field = header ? 0 : FIRST_CHUNK_FIELD; field < N_FIELDS; field++) {
            const n = counts[field] as number;
            if (n === 0) continue;
            fileCounts[file * N_FIELDS + field] = (fileCounts[file * N_FIELDS + field] as number) + n;
            const b = length[field] as number;
            sum += ((fieldWeight[field] as number) * n) / (1 - b + (b * (lengths[document * N_FIELDS + field] as number)) / (chunkMeans[field] as number));
          }
          hitDocuments.push(document);
          saturated.push((sum * (K1 + 1)) / (sum + K1));
        });
      }
      if (hitDocuments.length === 0) return;
      const chunkIdf = idf(table.liveChunks, hitDocuments.length);
      idfOf.set(word, chunkIdf);
      chunkIdfSum += weight * chunkIdf;
      for (let i = 0; i < hitDocuments.length; i++) {
        const document = hitDocuments[i] as number;
        const score = weight * chunkIdf * (saturated[i] as number);
        const file = fileOf[document] as number;
        if (firstDocuments[file] === document) {
          headerScores[file] = (headerScores[file] as number) + score;
          continue;
        }
        if (chunkScores[document] === 0) documents.push(document);
        chunkCoverage[document] = (chunkCoverage[document] as number) + weight * chunkIdf;
        chunkScores[document] = (chunkScores[document] as number) + score;
      }
      this.#scoreFiles(hitFiles, weight, subject, fileMeans, table);
      idfSum += weight * idf(table.liveFiles, hitFiles.length);
    });
    return this.#gather(table, documents, files, { files: idfSum || 1, chunks: chunkIdfSum || 1 }, idfOf, limits, wanted);
  }

  /** Adds one word's share to each file that has it, and clears its counts. */
  #scoreFiles(files: readonly number[], weight: number, subject: boolean, means: readonly number[], table: DocumentTable): void {
    const counts = this.#fileCounts, scores = this.#fileScores;
    const frequency = new Int32Array(N_FIELDS);
    for (const file of files) for (let field = 0; field < N_FIELDS; field++) if ((counts[file * N_FIELDS + field] as number) > 0) frequency[field] = (frequency[field] as number) + 1;
    const whole = weight * idf(table.liveFiles, files.length);
    const byField = Array.from(frequency, (n) => weight * idf(table.liveFiles, n));
    for (const file of files) {
      let all = 0;
      for (let field = 0; field < N_FIELDS; field++) {
        const at = file * N_FIELDS + field;
        const n = counts[at] as number;
        if (n === 0) continue;
        counts[at] = 0;
        const b = FILE.length[field] as number;
        const normalised = n / (1 - b + (b * (table.fileLengths[at] as number)) / (means[field] as number));
        all += (FILE.weight[field] as number) * normalised;
        const to = file * N_SCORES + FIRST_FIELD_SCORE + field;
        scores[to] = (scores[to] as number) + ((byField[field] as number) * normalised * (K1 + 1)) / (normalised + K1);
      }
      const score = (whole * all * (K1 + 1)) / (all + K1);
      const from = file * N_SCORES;
      scores[from] = (scores[from] as number) + score;
      if (subject) scores[from + SUBJECT] = (scores[from + SUBJECT] as number) + score;
      scores[from + COVERAGE] = (scores[from + COVERAGE] as number) + whole;
    }
  }

  #gather(table: DocumentTable, documents: readonly number[], files: readonly number[], idfSums: { files: number; chunks: number }, idf: Map<string, number>, limits: { chunks: number; files: number }, wanted: readonly WantedChunk[]): FieldHits {
    const chunkScores = this.#chunkScores, headerScores = this.#headerScores, fileScores = this.#fileScores;
    const best = new Map<number, number[]>();
    const bestDocuments = new Best(limits.chunks);
    const foundFiles = new Best(limits.files);
    const scoreOf = (document: number): number => (chunkScores[document] as number) + HEADER_SHARE * (headerScores[table.fileOf[document] as number] as number);
    const coverageOf = (document: number): number => (this.#chunkCoverage[document] as number) / idfSums.chunks;
    for (const document of documents) {
      bestDocuments.offer(document, scoreOf(document));
      const file = table.fileOf[document] as number;
      const list = best.get(file);
      if (list) list.push(chunkScores[document] as number);
      else best.set(file, [chunkScores[document] as number]);
    }
    // Of a file that only its path speaks for, its first chunk stands for it.
    for (const file of files) if (!best.has(file) && table.chunkCounts[file] as number > 0) bestDocuments.offer((table.firstDocuments[file] as number) + 1, HEADER_SHARE * (headerScores[file] as number));
    const chunks = bestDocuments.sorted().map(({ id: document, score }): FoundChunk => ({ id: table.chunkId(document), score, coverage: coverageOf(document) }));
    const listed = new Set(chunks.map(({ id }) => id));
    for (const { id, fileId } of wanted) {
      const document = listed.has(id) ? null : table.documentOf(fileId, id);
      if (document !== null) chunks.push({ id, score: scoreOf(document), coverage: coverageOf(document) });
    }
    for (const document of documents) {
      chunkScores[document] = 0;
      this.#chunkCoverage[document] = 0;
    }
    const largest = new Float32Array(N_SCORES);
    for (const file of files) {
      const at = file * N_SCORES;
      const scores = (best.get(file) ?? []).sort((a, b) => b - a);
      headerScores[file] = 0;
      this.#touchedAt[file] = 0;
      fileScores[at + COVERAGE] = (fileScores[at + COVERAGE] as number) / idfSums.files;
      fileScores[at + COVERAGE + 1] = scores[0] ?? 0;
      fileScores[at + COVERAGE + 2] = (scores[0] ?? 0) + (scores[1] ?? 0) + (scores[2] ?? 0);
      fileScores[at + COVERAGE + 3] = Math.log1p(scores.reduce((sum, score) => sum + score, 0));
      fileScores[at + COVERAGE + 4] = Math.log1p(table.fileLengths[file * N_FIELDS + N_FIELDS - 1] as number);
      for (let i = 0; i < N_SCORES; i++) largest[i] = Math.max(largest[i] as number, fileScores[at + i] as number);
      foundFiles.offer(file, fileScores[at] as number);
    }
    const found = foundFiles.sorted().map(({ id: file }): FoundFile => ({
      fileId: table.fileIds[file] as number, firstChunkId: table.firstChunkIds[file] as number, chunkCount: table.chunkCounts[file] as number,
      scores: fileScores.slice(file * N_SCORES, (file + 1) * N_SCORES),
    }));
    for (const file of files) fileScores.fill(0, file * N_SCORES, (file + 1) * N_SCORES);
    return { chunks, files: found, largest, idf };
  }

  #reserve(table: DocumentTable): void {
    if (this.#chunkScores.length < table.nDocuments) {
      this.#chunkScores = new Float32Array(Math.ceil(table.nDocuments * 1.5));
      this.#chunkCoverage = new Float32Array(this.#chunkScores.length);
    }
    if (this.#headerScores.length < table.nFiles) {
      const n = Math.ceil(table.nFiles * 1.5);
      this.#headerScores = new Float32Array(n);
      this.#fileCounts = new Float32Array(n * N_FIELDS);
      this.#fileScores = new Float32Array(n * N_SCORES);
      this.#touchedAt = new Int32Array(n);
    }
  }
}

const FIELD_NUMBERS = Array.from({ length: N_FIELDS }, (_, field) => field);

function idf(all: number, having: number): number {
  return Math.log(1 + Math.max(0, all - having + 0.5) / (having + 0.5));
}

/** The `limit` largest of what is offered. Equal scores: the one with the smaller id. */
class Best {
  readonly #limit: number;
  #kept: { id: number; score: number }[] = [];
  #threshold = -Infinity;

  constructor(limit: number) {
    this.#limit = limit;
  }

  offer(id: number, score: number): void {
    if (score <= this.#threshold) return;
    this.#kept.push({ id, score });
    // Cut back now and then instead of keeping a heap: on the average each is looked at twice.
    if (this.#kept.length >= 2 * this.#limit + 16) this.#cut();
  }

  sorted(): { id: number; score: number }[] {
    this.#cut();
    return this.#kept;
  }

  #cut(): void {
    this.#kept.sort((a, b) => b.score - a.score || a.id - b.id);
    this.#kept.length = Math.min(this.#kept.length, this.#limit);
    if (this.#kept.length === this.#limit) this.#threshold = (this.#kept[this.#limit - 1] as { score: number }).score;
  }
}
