// The field index: which words stand in which fields of which chunks, exactly, so that BM25F can be computed as published
// (FTS5's bm25() adds up columns before saturation but has one length for all of them, and takes a microsecond and more a row).
// New files go to a log in the database and to memory; every few thousand chunks become a segment of posting lists in the
// database, which is never changed again. A removed file only stops being alive; a segment that is mostly dead is written
// back to the log. Everything is written in the transaction of the rows it belongs to. It does not score (fieldSearch.ts).
import { inTransaction } from "../../base/database.ts";
import type { DatabaseSync, StatementSync } from "../../base/database.ts";
import { pause } from "../../base/pause.ts";
import { DocumentTable } from "./documentTable.ts";
import { N_FIELDS } from "./fieldWords.ts";
import type { FileWords } from "./fieldWords.ts";
import { decodeNumbers, encodeNumbers, PostingsBuilder, readPostings } from "./postings.ts";

/** Documents in memory after which they become a segment: reading that many from the log takes about 0.1 s on opening. */
const SEGMENT_DOCUMENTS = 4_096;
/** A segment with fewer live documents than this share is written back to the log. */
const LIVE_SHARE = 0.4;
/** Words written between two looks at the clock. */
const SLICE_WORDS = 500;

/** Documents whose posting lists are in memory, numbered from `base`. */
interface MemorySegment {
  base: number;
  /** Ordinal of its first file; its files are those from there on, until the next segment's. */
  firstFile: number;
  postings: Map<string, PostingsBuilder>;
}

interface StoredSegment {
  id: number;
  base: number;
  firstFile: number;
  nFiles: number;
}

/** Part of a word's posting list: documents in `bytes` are numbered from `base`. */
export interface PostingsPart {
  base: number;
  bytes: Uint8Array;
}

export class FieldIndex {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #documents = new DocumentTable();
  #memory: MemorySegment = emptySegment(this.#documents);
  /** Being written as a segment. */
  #freezing: MemorySegment | null = null;
  #stored: StoredSegment[] = [];
  #loaded = false;
  /** What the open transaction changed, taken over in memory once it is committed. */
  #pending: (() => void)[] = [];
  #lastLogged = 0;
  /** Files went since sparse segments were last looked for. */
  #removedSome = true;
  readonly #segmentSize: number;

  constructor(database: DatabaseSync, segmentSize = SEGMENT_DOCUMENTS) {
    this.#database = database;
    this.#segmentSize = segmentSize;
  }

  #sql(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, statement = this.#database.prepare(sql));
    return statement;
  }

  /** Read on first use, so that opening a workspace does not wait for it. */
  get documents(): DocumentTable {
    this.#take();
    return this.#documents;
  }

  /** Adds a file's words. Chunk ids are `firstChunkId` and those that follow. Call {@link commit} after the transaction. */
  addFile(fileId: number, firstChunkId: number, words: FileWords): void {
    const rows = [words.header, ...words.chunks];
    const byWord = new Map<string, [document: number, counts: Uint16Array][]>();
    const lengths = rows.map((counts, document) => {
      const sums = new Uint16Array(N_FIELDS);
      for (const [word, each] of counts) {
        const entry = byWord.get(word);
        if (entry) entry.push([document, each]);
        else byWord.set(word, [[document, each]]);
        for (let field = 0; field < N_FIELDS; field++) sums[field] = Math.min(65_535, (sums[field] as number) + (each[field] as number));
      }
      return sums;
    });
    this.#sql("INSERT INTO keywordLog VALUES (?, ?, ?, ?)").run(fileId, encodeNumbers([firstChunkId, rows.length, ...lengths.flatMap((row) => [...row])]), [...byWord.keys()].join("\n"), encodeLists(byWord.values()));
    this.#pending.push(() => {
      if (!this.#loaded) return;
      this.#lastLogged = Math.max(this.#lastLogged, fileId);
      const first = this.#documents.add(fileId, firstChunkId, lengths) - this.#memory.base;
      for (const [word, postings] of byWord) {
        const builder = this.#builder(word);
        for (const [document, counts] of postings) builder.add(first + document, counts);
      }
    });
  }

  /** Forgets a file. Call {@link commit} after the transaction. */
  removeFile(fileId: number): void {
    this.#sql("DELETE FROM keywordLog WHERE fileId = ?").run(fileId);
    this.#pending.push(() => {
      this.#documents.remove(fileId);
      this.#removedSome = true;
    });
  }

  clear(): void {
    this.#database.exec("DELETE FROM keywordLog; DELETE FROM keywordTerms; DELETE FROM keywordSegments;");
    this.#pending.push(() => this.#reset());
  }

  /** The transaction went through: memory follows. */
  commit(): void {
    for (const change of this.#pending.splice(0)) change();
  }

  /** The transaction was taken back. */
  rollback(): void {
    this.#pending = [];
  }

  /** The parts of a stemmed word's posting list, in order of their documents. */
  postings(word: string): PostingsPart[] {
    this.#take();
    const parts: PostingsPart[] = [];
    for (const { id, base } of this.#stored) {
      const row = this.#sql("SELECT postings FROM keywordTerms WHERE segment = ? AND word = ?").get(id, word) as { postings: Uint8Array } | undefined;
      if (row) parts.push({ base, bytes: row.postings });
    }
    for (const segment of [this.#freezing, this.#memory]) {
      const builder = segment?.postings.get(word);
      if (segment && builder) parts.push({ base: segment.base, bytes: builder.bytes() });
    }
    return parts;
  }

  /** Another process wrote: takes over files that came and went. */
  follow(): void {
    if (!this.#loaded) return;
    const segments = this.#sql("SELECT id FROM keywordSegments WHERE complete = 1 ORDER BY id").all() as { id: number }[];
    if (segments.length !== this.#stored.length || segments.some(({ id }, i) => this.#stored[i]?.id !== id)) {
      this.#reset();
      return;
    }
    const live = this.#liveFiles();
    for (const id of [...this.#documents.liveFileIds()]) if (!live.has(id)) this.#documents.remove(id);
    this.#readLog(this.#lastLogged);
  }

  /** Turns what is in memory into a segment when there is enough of it, and writes mostly dead segments back. The writer's. */
  async maintain(): Promise<void> {
    if (this.#freezing) return;
    this.#take();
    this.#dropUnfinished();
    if (this.#documents.nDocuments - this.#memory.base >= this.#segmentSize) await this.#freeze();
    if (!this.#removedSome) return;
    this.#removedSome = false;
    const sparse = this.#stored.find((segment) => {
      let live = 0;
      for (let i = 0; i < segment.nFiles; i++) live += this.#documents.alive[segment.firstFile + i] as number;
      return live < LIVE_SHARE * segment.nFiles;
    });
    if (sparse) this.#writeBack(sparse);
  }

  async #freeze(): Promise<void> {
    const frozen = this.#memory;
    const nFiles = this.#documents.nFiles - frozen.firstFile;
    this.#freezing = frozen;
    this.#memory = emptySegment(this.#documents);
    try {
      const { lastInsertRowid } = this.#sql("INSERT INTO keywordSegments (complete, documents) VALUES (0, ?)").run(encodeNumbers(this.#documentNumbers(frozen.firstFile, nFiles)));
      const id = Number(lastInsertRowid);
      const words = [...frozen.postings.keys()].sort();
      let started = performance.now();
      for (let from = 0; from < words.length; from += SLICE_WORDS) {
        inTransaction(this.#database, () => {
          for (const word of words.slice(from, from + SLICE_WORDS)) this.#sql("INSERT INTO keywordTerms VALUES (?, ?, ?)").run(id, word, (frozen.postings.get(word) as PostingsBuilder).bytes());
        });
        started = await pause(started);
      }
      inTransaction(this.#database, () => {
        for (let i = 0; i < nFiles; i++) this.#sql("DELETE FROM keywordLog WHERE fileId = ?").run(this.#documents.fileIds[frozen.firstFile + i] as number);
        this.#sql("UPDATE keywordSegments SET complete = 1 WHERE id = ?").run(id);
      });
      this.#stored.push({ id, base: frozen.base, firstFile: frozen.firstFile, nFiles });
      this.#freezing = null;
    } catch (error) {
      // The log still has everything: read it anew.
      this.#reset();
      throw error;
    }
  }

  /** Moves the live files of a segment to the log, and drops the segment. */
  #writeBack(segment: StoredSegment): void {
    const table = this.#documents;
    const live = new Map<number, Map<string, [number, Uint16Array][]>>();
    for (let i = 0; i < segment.nFiles; i++) if (table.alive[segment.firstFile + i] === 1) live.set(segment.firstFile + i, new Map());
    for (const row of this.#sql("SELECT word, postings FROM keywordTerms WHERE segment = ?").iterate(segment.id) as IterableIterator<{ word: string; postings: Uint8Array }>) {
      readPostings(row.postings, (document, counts) => {
        const file = table.fileOf[segment.base + document] as number;
        const words = live.get(file);
        if (!words) return;
        const posting: [number, Uint16Array] = [segment.base + document - (table.firstDocuments[file] as number), Uint16Array.from(counts)];
        const list = words.get(row.word);
        if (list) list.push(posting);
        else words.set(row.word, [posting]);
      });
    }
    inTransaction(this.#database, () => {
      for (const [file, words] of live) this.#sql("INSERT INTO keywordLog VALUES (?, ?, ?, ?)").run(table.fileIds[file] as number, encodeNumbers(this.#documentNumbers(file, 1).slice(1)), [...words.keys()].join("\n"), encodeLists(words.values()));
      this.#sql("DELETE FROM keywordTerms WHERE segment = ?").run(segment.id);
      this.#sql("DELETE FROM keywordSegments WHERE id = ?").run(segment.id);
    });
    this.#reset();
  }

  /** For each file its id, first chunk, number of documents, and their field lengths. */
  #documentNumbers(firstFile: number, nFiles: number): number[] {
    const table = this.#documents;
    const numbers: number[] = [];
    for (let file = firstFile; file < firstFile + nFiles; file++) {
      const first = table.firstDocuments[file] as number;
      const n = (table.chunkCounts[file] as number) + 1;
      numbers.push(table.fileIds[file] as number, table.firstChunkIds[file] as number, n, ...table.lengths.subarray(first * N_FIELDS, (first + n) * N_FIELDS));
    }
    return numbers;
  }

  /** Segments that were being written when a process ended: the log still has their files. */
  #dropUnfinished(): void {
    for (const { id } of this.#sql("SELECT id FROM keywordSegments WHERE complete = 0").all() as { id: number }[]) {
      inTransaction(this.#database, () => {
        this.#sql("DELETE FROM keywordTerms WHERE segment = ?").run(id);
        this.#sql("DELETE FROM keywordSegments WHERE id = ?").run(id);
      });
    }
  }

  #builder(word: string): PostingsBuilder {
    let builder = this.#memory.postings.get(word);
    if (!builder) this.#memory.postings.set(word, builder = new PostingsBuilder());
    return builder;
  }

  #reset(): void {
    this.#loaded = false;
    this.#freezing = null;
    this.#stored = [];
    this.#documents = new DocumentTable();
    this.#memory = emptySegment(this.#documents);
    this.#lastLogged = 0;
  }

  #take(): void {
    if (this.#pending.length > 0) this.commit();
    if (!this.#loaded) this.#load();
  }

  #load(): void {
    this.#reset();
    this.#loaded = true;
    const live = this.#liveFiles();
    for (const { id, documents } of this.#sql("SELECT id, documents FROM keywordSegments WHERE complete = 1 ORDER BY id").all() as { id: number; documents: Uint8Array }[]) {
      const numbers = decodeNumbers(documents);
      const { nDocuments: base, nFiles: firstFile } = this.#documents;
      for (let at = 0; at < numbers.length;) {
        const [fileId, firstChunkId, n] = [numbers[at] as number, numbers[at + 1] as number, numbers[at + 2] as number];
        at += 3;
        this.#documents.add(fileId, firstChunkId, Array.from({ length: n }, (_, i) => numbers.slice(at + i * N_FIELDS, at + (i + 1) * N_FIELDS)));
        at += n * N_FIELDS;
        if (!live.has(fileId)) this.#documents.remove(fileId);
      }
      this.#stored.push({ id, base, firstFile, nFiles: this.#documents.nFiles - firstFile });
    }
    this.#memory = emptySegment(this.#documents);
    this.#readLog(0);
  }

  #readLog(after: number): void {
    for (const row of this.#sql("SELECT * FROM keywordLog WHERE fileId > ? ORDER BY fileId").all(after) as { fileId: number; documents: Uint8Array; words: string; postings: Uint8Array }[]) {
      if (this.#documents.has(row.fileId)) continue;
      const [firstChunkId = 0, n = 0, ...lengths] = decodeNumbers(row.documents);
      const first = this.#documents.add(row.fileId, firstChunkId, Array.from({ length: n }, (_, i) => lengths.slice(i * N_FIELDS, (i + 1) * N_FIELDS))) - this.#memory.base;
      this.#lastLogged = Math.max(this.#lastLogged, row.fileId);
      let at = 0;
      for (const word of row.words === "" ? [] : row.words.split("\n")) {
        const [length, from] = readLength(row.postings, at);
        at = from + length;
        const builder = this.#builder(word);
        readPostings(row.postings.subarray(from, at), (document, counts) => builder.add(first + document, counts));
      }
    }
  }

  #liveFiles(): Set<number> {
    return new Set((this.#sql("SELECT id FROM files WHERE skipReason IS NULL").all() as { id: number }[]).map(({ id }) => id));
  }
}

/** For the documents that come after those of `documents`. */
function emptySegment(documents: DocumentTable): MemorySegment {
  return { base: documents.nDocuments, firstFile: documents.nFiles, postings: new Map() };
}

/** Posting lists one after the other, each behind its length in bytes (four bytes, little-endian). */
function encodeLists(lists: Iterable<readonly (readonly [document: number, counts: ArrayLike<number>])[]>): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const list of lists) {
    const builder = new PostingsBuilder();
    for (const [document, counts] of list) builder.add(document, counts);
    const bytes = builder.bytes();
    parts.push(Uint8Array.of(bytes.length & 0xff, (bytes.length >> 8) & 0xff, (bytes.length >> 16) & 0xff, bytes.length >>> 24), bytes);
  }
  return Buffer.concat(parts);
}

function readLength(bytes: Uint8Array, at: number): [length: number, from: number] {
  return [(bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24), at + 4];
}
