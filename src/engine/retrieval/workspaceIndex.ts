// The index of one workspace, as the rest of the engine sees it: kept in line with the disk, searched, and looked up by
// name. It joins store, indexer, search and the short-term crop; each does its own work elsewhere.
import path from "node:path";
import { openDatabase } from "../base/database.ts";
import type { DatabaseSync } from "../base/database.ts";
import { EngineError, isCancelled, throwIfCancelled } from "../base/errors.ts";
import { sha256 } from "../base/files.ts";
import type { Log } from "../base/log.ts";
import type { Lease } from "../base/scheduler.ts";
import type { Crop, FileRange, IndexReport, IndexStatus, SearchHit, SymbolDefinition, SymbolUsage } from "../protocol/types.ts";
import type { Settings } from "../settings.ts";
import type { Embedder } from "./embedder.ts";
import { rankFiles } from "./fileRanker/rankFiles.ts";
import type { FileSignal, RankedFile } from "./fileRanker/rankFiles.ts";
import { Indexer, readLinesNow } from "./indexer.ts";
import { mergeCrops } from "./mergeCrops.ts";
import type { CropHit } from "./mergeCrops.ts";
import { NameTable } from "./nameTable.ts";
import { placesInOutput } from "./placesInOutput.ts";
import { routeCrops, withinBudget } from "./routeCrops.ts";
import { CANDIDATES, searchPlace } from "./searcher.ts";
import { ShortCrop } from "./shortCrop.ts";
import type { TouchedDocument } from "./shortCrop.ts";
import { ChunkStore } from "./store/chunkStore.ts";
import { CHUNKING_VERSION, RETRIEVAL_SCHEMA } from "./store/schema.ts";
import { storageFailure } from "./store/storageFailure.ts";
import { decodeVector } from "./store/vectorCodec.ts";
import { VectorIndex } from "./store/vectorIndex.ts";
import { ProcessLock } from "../base/processLock.ts";

/** Most definitions given for one name. */
const DEFINITIONS = 50;
/** Vector changes after which the graph is saved although no scan ends. */
const SAVE_AFTER_CHANGES = 2_000;

/** What a hit owes to the session, in its `via`. */
const SESSION_SIGNALS = new Set(["session", "answer", "output", "terminal"]);

export interface WorkspaceIndexOptions {
  /** Absolute path of the workspace folder. */
  workspaceDir: string;
  /** Absolute folder for the database and the vectors; made where it is missing. */
  storageDir: string;
  settings: Settings;
  /** Null: search by words and names only. */
  embedder: Embedder | null;
  log: Log;
}

export interface SearchOptions {
  /** Most hits, at least 1. */
  k: number;
  signal?: AbortSignal;
  /** Which crops to search; both by default. */
  crops?: readonly Crop[];
  /** The file in the active editor: a weak signal. */
  activePath?: string;
}

export class WorkspaceIndex {
  readonly #options: WorkspaceIndexOptions;
  readonly #database: DatabaseSync;
  readonly #store: ChunkStore;
  readonly #vectors: VectorIndex | null;
  readonly #lock: ProcessLock;
  readonly #indexer: Indexer;
  readonly #names: NameTable;
  readonly #short: ShortCrop;
  #state: IndexStatus["state"] = "ready";
  #failure: string | undefined;
  #pending = 0;
  #pendingPassages = 0;
  #dataVersion: number;
  /** Scans follow one another; small refreshes run between their batches. */
  #scan: Promise<unknown> = Promise.resolve();
  #closed = false;

  private constructor(options: WorkspaceIndexOptions, database: DatabaseSync, store: ChunkStore, vectors: VectorIndex | null, lock: ProcessLock) {
    this.#options = options;
    this.#database = database;
    this.#store = store;
    this.#vectors = vectors;
    this.#lock = lock;
    this.#indexer = new Indexer({ workspaceDir: options.workspaceDir, storageDir: options.storageDir, store, settings: options.settings, embedder: options.embedder, vectors, log: options.log });
    this.#names = new NameTable(store);
    this.#short = new ShortCrop(options.embedder, options.log);
    this.#dataVersion = store.dataVersion();
  }

  /**
   * Opens the index, or makes an empty one. Does not scan: call {@link update}.
   * Where another process writes this workspace's index, this one reads along and takes over once that one ends.
   * Errors: `indexTooNew`, `indexCorrupt`, `diskFull`, `unreadable`.
   */
  static async open(options: WorkspaceIndexOptions): Promise<WorkspaceIndex> {
    const { storageDir, embedder, log } = options;
    const lock = new ProcessLock(path.join(storageDir, "index.lock"));
    try {
      lock.tryTake();
      const database = openDatabase(path.join(storageDir, "index.sqlite"), [RETRIEVAL_SCHEMA], (asideAs) => log.warn("The index was damaged and is built anew.", { asideAs }));
      const store = new ChunkStore(database);
      if (lock.held) adopt(store, embedder, log);
      const usable = embedder !== null && store.fact("embedder") === embedder.hash;
      if (embedder && !usable) log.warn("Another window indexes this workspace with another embedding model; this one searches by words.", { embedder: embedder.id });
      const vectors = usable ? await VectorIndex.open(storageDir, store, embedder.hash, embedder.dimension, log) : null;
      return new WorkspaceIndex(options, database, store, vectors, lock);
    } catch (error) {
      lock.release();
      throw storageFailure(storageDir, error);
    }
  }

  /** What its vectors are made with; null where it goes by words only. */
  get embedder(): Embedder | null {
    return this.#options.embedder;
  }

  /** Whether this process may write the index; another window does otherwise. */
  get writable(): boolean {
    return this.#lock.tryTake();
  }

  /**
   * Brings the index in line with the whole folder. May be cancelled at any point and called again.
   * Where another process writes, this only reports what that one has made.
   */
  async update(options: { signal?: AbortSignal; lease?: Lease; onProgress?: (status: IndexStatus) => void } = {}): Promise<IndexReport> {
    const mine = this.#scan.then(() => this.#update(options));
    this.#scan = mine.catch(() => undefined);
    return mine;
  }

  async #update({ signal, lease, onProgress }: { signal?: AbortSignal; lease?: Lease; onProgress?: (status: IndexStatus) => void }): Promise<IndexReport> {
    this.#assertOpen();
    const started = performance.now();
    const peakRss = new PeakRss();
    let done = { filesRead: 0, chunksWritten: 0 };
    if (this.writable) {
      this.#enter("scanning", onProgress);
      try {
        done = await this.#indexer.scan({
          signal, lease,
          onBatch: (pending) => {
            peakRss.sample();
            this.#pending = pending;
            this.#changed();
            this.#enter("indexing", onProgress);
          },
        });
        await this.#indexer.embedMissing({
          signal, lease,
          onPassages: (pending) => {
            peakRss.sample();
            this.#pendingPassages = pending;
            this.#enter("indexing", onProgress);
          },
        });
        await this.#vectors?.follow(signal);
        await this.#vectors?.save();
        this.#changed();
      } catch (error) {
        this.#pending = 0;
        this.#pendingPassages = 0;
        if (!isCancelled(error)) this.#failure = error instanceof EngineError ? error.message : "Indexing failed; the log has the details. What is indexed so far stays searchable.";
        this.#enter(isCancelled(error) ? "ready" : "failed", onProgress);
        throw error;
      }
    } else {
      await this.#followWriter();
    }
    this.#pending = 0;
    this.#pendingPassages = 0;
    this.#failure = undefined;
    this.#enter("ready", onProgress);
    peakRss.sample();
    const seconds = (performance.now() - started) / 1_000;
    const { files, chunks, skipped } = this.status();
    return { files, chunks, skipped, seconds, filesPerSecond: done.filesRead / seconds, chunksPerSecond: done.chunksWritten / seconds, peakRssMb: peakRss.megabytes };
  }

  /** Takes over changes of the given files or folders (relative paths), created, changed or deleted, at once. */
  async updateFiles(paths: readonly string[], options: { signal?: AbortSignal; lease?: Lease } = {}): Promise<void> {
    this.#assertOpen();
    if (!this.writable) return;
    await this.#indexer.refresh(paths, options);
    this.#changed();
    if ((this.#vectors?.unsavedChanges ?? 0) > SAVE_AFTER_CHANGES) await this.#vectors?.save();
  }

  /** The passages that best match `query`, best first, from both crops or those asked for. */
  async search(query: string, { k, signal, crops = ["long", "short"], activePath }: SearchOptions): Promise<SearchHit[]> {
    this.#assertOpen();
    throwIfCancelled(signal);
    await this.#followWriter();
    const { embedder } = this.#options;
    const embedded = (await embedder?.embed([query], "query", signal))?.[0];
    // The zero vector knows nothing of the query and would be equally far from everything.
    const queryVector = embedded?.some((x) => x !== 0) ? embedded : null;
    throwIfCancelled(signal);
    const long = searchPlace(
      { store: this.#store, nearest: queryVector && this.#vectors ? this.#vectors.search(queryVector, CANDIDATES) : [] },
      query, { queryVector: this.#vectors ? queryVector : null, limit: crops.includes("long") ? CANDIDATES : 1, activePath },
    );
    const short = crops.includes("short") && !this.#short.isEmpty
      ? searchPlace({ store: this.#short.store, nearest: await this.#short.nearest(queryVector, CANDIDATES) }, query, { queryVector, limit: CANDIDATES, activePath, keywordScale: long.bestKeyword })
      : { hits: [] };
    throwIfCancelled(signal);
    const budget = routeCrops(query);
    const merged = mergeCrops(crops.includes("long") ? long.hits : [], short.hits, {
      recency: (filePath) => this.#short.recency(filePath),
      remembered: crops.includes("short") ? this.#short.rememberedSources(queryVector, budget.why === "asksAboutSession") : [],
      lift: budget.lift,
    });
    const hits = crops.length > 1 ? withinBudget(merged, k, budget) : merged.slice(0, k);
    return hits.map((hit) => toHit(budget.why === "asksAboutSession" && hit.via.some((signal) => SESSION_SIGNALS.has(signal)) ? { ...hit, via: [...hit.via, budget.why] } : hit));
  }

  /** The files that a described change most likely touches, best first, with the signals that say so. */
  async rankFiles(description: string, { k, signal, without }: { k: number; signal?: AbortSignal; without?: readonly FileSignal[] }): Promise<RankedFile[]> {
    this.#assertOpen();
    await this.#followWriter();
    const embedded = (await this.#options.embedder?.embed([description], "query", signal))?.[0];
    throwIfCancelled(signal);
    return rankFiles(this.#store, description, { queryVector: this.#vectors && embedded?.some((x) => x !== 0) ? embedded : null, ...(without ? { without } : {}) }).slice(0, k);
  }

  /** Takes what the user has open or edited into the short-term crop. `text` is the editor's, saved or not. */
  async touch(document: TouchedDocument): Promise<void> {
    this.#assertOpen();
    await this.#short.touch(document);
  }

  /** The user closed a document: it counts half from now on. */
  closeDocument(filePath: string): void {
    this.#short.close(filePath);
  }

  /** Remembers what an answer drew on, so that a follow-up question looks there again. */
  async rememberAnswer(text: string, citations: readonly FileRange[]): Promise<void> {
    this.#assertOpen();
    await this.#short.remember("answer", text, citations);
  }

  /** Remembers an output of a cell or of a command in the terminal, by the places in indexed files that it names. Gives those files. */
  async rememberOutput(kind: "output" | "terminal", text: string): Promise<string[]> {
    this.#assertOpen();
    const root = `${this.#options.workspaceDir.split(path.sep).join("/")}/`;
    const places = placesInOutput(text).flatMap((range) => {
      const relative = range.path.startsWith(root) ? range.path.slice(root.length) : range.path;
      return this.#store.file(relative)?.skipReason === null ? [{ ...range, path: relative }] : [];
    });
    await this.#short.remember(kind, text, places);
    return [...new Set(places.map((place) => place.path))];
  }

  /** Where `name` is defined: spelt exactly so, else in any case and with any separators. */
  definitions(name: string): SymbolDefinition[] {
    return this.#names.definitions(name, DEFINITIONS);
  }

  /** Names that are spelt much like `name`, nearest first: for "did you mean". */
  similarSymbols(name: string, limit: number): string[] {
    return this.#names.similar(name, limit);
  }

  /** Where `name` is used. `count` is that of all lines; `usages` are the first `limit` of them by path and line. */
  usages(name: string, limit: number): { count: number; usages: SymbolUsage[] } {
    return this.#names.usages(name, limit);
  }

  /** What a file defines, in order of line. */
  symbolsIn(filePath: string): SymbolDefinition[] {
    return this.#store.symbolsIn(filePath);
  }

  /** All indexed files. */
  files(): { path: string; language: string; size: number }[] {
    return this.#store.allFiles().filter((row) => row.skipReason === null).map(({ path, language, size }) => ({ path, language, size }));
  }

  /** The lines of a file as they are on disk at this moment; null where they are gone. A screen for secrets applies as in indexing. */
  async readLines(range: FileRange): Promise<{ text: string; sha256: string } | null> {
    const text = await readLinesNow(this.#options.workspaceDir, range, this.#options.settings["index.maximumFileKilobytes"] * 1024);
    return text === null ? null : { text, sha256: sha256(text) };
  }

  /** The text of every indexed file (or of those of `only` that are indexed), as it was when indexed. */
  *texts(only?: readonly string[]): Iterable<{ path: string; language: string; text: string }> {
    const wanted = only && new Set(only);
    for (const { path, language } of this.files()) if (!wanted || wanted.has(path)) yield { path, language, text: this.#store.textOf(path) };
  }

  /** The passages of one file as they were indexed, with their vectors; null where none was made yet. */
  passagesOf(filePath: string): { path: string; startLine: number; endLine: number; language: string; breadcrumb: string[]; text: string; vector: Float32Array | null }[] {
    return this.#store.chunksOf(filePath).map(({ path, startLine, endLine, language, breadcrumb, text, vector }) => ({ path, startLine, endLine, language, breadcrumb, text, vector: vector && decodeVector(vector) }));
  }

  /** The vector of an indexed passage; null where it has none, or is none of the index (an unsaved text). */
  vectorOf({ path: filePath, startLine, endLine }: FileRange): Float32Array | null {
    const row = this.#store.chunksOf(filePath).find((chunk) => chunk.startLine === startLine && chunk.endLine === endLine);
    return row?.vector ? decodeVector(row.vector) : null;
  }

  status(): IndexStatus {
    const { files, chunks } = this.#store.counts();
    return { state: this.#state, files, chunks, pendingFiles: this.#pending, ...(this.#pendingPassages > 0 ? { pendingPassages: this.#pendingPassages } : {}), skipped: this.#store.skipped(), ...(this.#failure === undefined ? {} : { failure: this.#failure }) };
  }

  /** Saves the vectors and closes the database. Safe to call twice. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#scan;
    try {
      if (this.#lock.held) await this.#vectors?.save();
    } finally {
      this.#short.dispose();
      this.#database.close();
      this.#lock.release();
    }
  }

  /** As a reader: takes over what the writing process changed since the last look. */
  async #followWriter(): Promise<void> {
    const version = this.#store.dataVersion();
    if (version === this.#dataVersion) return;
    this.#dataVersion = version;
    this.#names.forget();
    this.#store.fields.follow();
    await this.#vectors?.follow();
  }

  #changed(): void {
    this.#names.forget();
  }

  #enter(state: IndexStatus["state"], onProgress: ((status: IndexStatus) => void) | undefined): void {
    this.#state = state;
    onProgress?.(this.status());
  }

  #assertOpen(): void {
    if (this.#closed) throw new EngineError("noWorkspace", "The index of this workspace is closed. Open the folder again.");
  }
}

/** As the writer: drops what another version or another embedder made. */
function adopt(store: ChunkStore, embedder: Embedder | null, log: Log): void {
  if (store.fact("chunking") !== CHUNKING_VERSION) {
    if (store.fact("chunking") !== null) log.info("Chunking changed; the workspace is indexed anew.");
    store.clear();
    store.setFact("chunking", CHUNKING_VERSION);
  }
  if (embedder && store.fact("embedder") !== embedder.hash) {
    store.clearVectors();
    store.setFact("embedder", embedder.hash);
  }
}

function toHit({ chunk, score, via, crop }: CropHit): SearchHit {
  const { path, startLine, endLine, language, breadcrumb, text } = chunk;
  return { path, startLine, endLine, score, crop, via, text, sha256: sha256(text), language, breadcrumb };
}

/** The most resident memory seen at the moments of sampling, in MB. */
class PeakRss {
  megabytes = 0;

  sample(): void {
    this.megabytes = Math.max(this.megabytes, Math.round(process.memoryUsage.rss() / (1 << 20)));
  }
}

