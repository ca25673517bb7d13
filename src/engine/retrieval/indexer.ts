// Brings the index in line with the disk: walks, compares, reads, cuts, embeds and writes, a few files at a time.
// It may stop at any point and be called again; what is unchanged is not read twice. It does not search.
import { createHash } from "node:crypto";
import { lstat, readFile, realpath } from "node:fs/promises";
import path from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { errnoCode, throwIfCancelled } from "../base/errors.ts";
import { sha256 } from "../base/files.ts";
import type { Log } from "../base/log.ts";
import type { Lease } from "../base/scheduler.ts";
import type { Settings } from "../settings.ts";
import { languageOf } from "./chunking/languages.ts";
import type { Chunk } from "./chunking/parsedFile.ts";
import { parseFile } from "./chunking/parseFile.ts";
import type { Embedder } from "./embedder.ts";
import { pause } from "../base/pause.ts";
import type { ChunkStore, FileRow, PreparedFile } from "./store/chunkStore.ts";
import { storageFailure } from "./store/storageFailure.ts";
import { decodeVector, encodeVector } from "./store/vectorCodec.ts";
import type { VectorIndex } from "./store/vectorIndex.ts";
import { readContents } from "./walk/contents.ts";
import { walk, walkPath } from "./walk/walk.ts";
import type { WalkedFile } from "./walk/walk.ts";

/** Files (or chunks) that are written in one transaction: enough to spare FTS5 its small segments, few enough to be brief. */
const BATCH_FILES = 8;
const BATCH_CHUNKS = 64;
/** Longest wait before a batch is written, in ms. */
const BATCH_MS = 400;
/** A file changed this close to its reading may have changed again within its timestamp's resolution, in ms. */
const RACY_MS = 2_000;
/** Most characters of a passage that are embedded. */
const PASSAGE_CHARACTERS = 4_000;

export interface IndexerOptions {
  workspaceDir: string;
  /** Only to be named in failures. */
  storageDir: string;
  store: ChunkStore;
  settings: Settings;
  embedder: Embedder | null;
  vectors: VectorIndex | null;
  log: Log;
}

export interface RunOptions {
  signal?: AbortSignal;
  lease?: Lease;
  /** Told after each batch: files still to do. */
  onBatch?: (pendingFiles: number) => void;
}

/** `sha256` is null where the content was not read, so that it is tried again. */
type Skipped = { file: WalkedFile; reason: string; readAtMs: number; sha256: string | null };

export class Indexer {
  readonly #options: IndexerOptions;

  constructor(options: IndexerOptions) {
    this.#options = options;
  }

  /** The whole workspace. Returns how many files were indexed anew. */
  async scan(run: RunOptions): Promise<{ filesRead: number; chunksWritten: number }> {
    const { store, workspaceDir, settings } = this.#options;
    const known = new Map(store.allFiles().map((row) => [row.path, row]));
    const seen = new Set<string>();
    const todo: WalkedFile[] = [];
    for await (const file of walk(workspaceDir, settings, run.signal)) {
      seen.add(file.path);
      if (!isCurrent(known.get(file.path), file)) todo.push(file);
    }
    this.#remove([...known.keys()].filter((known) => !seen.has(known)));
    // Words first: the whole folder can be searched before the first passage is embedded (embedMissing follows).
    return this.#process(todo, known, run, "later");
  }

  /** Only the given files or folders (relative paths), after a change: also those that are gone. */
  async refresh(paths: readonly string[], run: RunOptions): Promise<{ filesRead: number; chunksWritten: number }> {
    const { store, workspaceDir, settings } = this.#options;
    const todo = new Map<string, WalkedFile>();
    const gone = new Set<string>();
    for (const changed of paths) {
      const relative = normalise(changed);
      if (relative === null) continue;
      const before = store.pathsUnder(relative);
      for await (const file of walkPath(workspaceDir, relative, settings, run.signal)) todo.set(file.path, file);
      for (const known of before) if (!todo.has(known)) gone.add(known);
    }
    this.#remove([...gone]);
    // Told of a change, we do not trust timestamps: the content decides.
    const known = new Map([...todo.keys()].map((file) => [file, store.file(file)] as const).filter((entry): entry is readonly [string, FileRow] => entry[1] !== null));
    return this.#process([...todo.values()], known, run, "now");
  }

  /** Embeds chunks that have no vector: after a scan, or after the embedder changed. `onPassages` is told how many are left. */
  async embedMissing(run: RunOptions & { onPassages?: (pending: number) => void }): Promise<void> {
    const { store, embedder, vectors } = this.#options;
    if (!embedder || !vectors) return;
    let left = run.onPassages ? store.countWithoutVector() : 0;
    for (let after = 0; ;) {
      await run.lease?.yield();
      // Each step of a batch is short enough to pass without a pause of its own; batch upon batch, nothing else came to its turn for seconds.
      await nextTurn();
      throwIfCancelled(run.signal);
      const rows = store.withoutVector(after, 64);
      if (rows.length === 0) return;
      after = (rows[rows.length - 1] as { id: number }).id;
      const embedded = (await embedder.embed(rows.map((row) => passageOf(row.path, row)), "passage", run.signal)).map(encodeVector);
      this.#writing(() => rows.forEach((row, i) => store.setVector(row.id, embedded[i] as Uint8Array)));
      await this.#addVectors(rows.map((row, i) => ({ id: row.id, vector: embedded[i] as Uint8Array })));
      left -= rows.length;
      run.onPassages?.(Math.max(0, left));
    }
  }

  #remove(paths: readonly string[]): void {
    for (let i = 0; i < paths.length; i += BATCH_FILES) {
      const removed = this.#writing(() => paths.slice(i, i + BATCH_FILES).flatMap((path) => this.#options.store.removeFile(path)));
      for (const id of removed) this.#options.vectors?.remove(id);
    }
  }

  async #process(todo: readonly WalkedFile[], known: ReadonlyMap<string, FileRow>, run: RunOptions, embed: "now" | "later"): Promise<{ filesRead: number; chunksWritten: number }> {
    let batch: (PreparedFile | Skipped)[] = [];
    let nChunks = 0;
    let chunksWritten = 0;
    let filesRead = 0;
    let batchStarted = performance.now();
    const flush = async (pending: number) => {
      if (batch.length === 0) return;
      await this.#embed(batch, embed, run.signal);
      await this.#write(batch);
      chunksWritten += nChunks;
      batch = [];
      nChunks = 0;
      batchStarted = performance.now();
      run.onBatch?.(pending);
    };
    for (const [i, file] of todo.entries()) {
      await run.lease?.yield();
      throwIfCancelled(run.signal);
      const prepared = await this.#prepare(file, known.get(file.path), run.signal);
      if (prepared !== null) {
        batch.push(prepared);
        if ("parsed" in prepared) {
          filesRead++;
          nChunks += prepared.parsed.chunks.length;
        }
      }
      if (batch.length >= BATCH_FILES || nChunks >= BATCH_CHUNKS || performance.now() - batchStarted > BATCH_MS) await flush(todo.length - i - 1);
    }
    await flush(0);
    return { filesRead, chunksWritten };
  }

  /** Reads and cuts one file. Null where its content is what the index already has, or where it is gone. */
  async #prepare(file: WalkedFile, row: FileRow | undefined, signal: AbortSignal | undefined): Promise<PreparedFile | Skipped | null> {
    const { workspaceDir, store, log } = this.#options;
    const readAtMs = Date.now();
    if (file.reason !== null) return row?.skipReason === file.reason && row.size === file.size ? null : { file, reason: file.reason, readAtMs, sha256: null };
    let bytes: Uint8Array;
    try {
      bytes = await readFile(path.join(workspaceDir, file.path), { signal });
    } catch (error) {
      const code = errnoCode(error);
      throwIfCancelled(signal);
      if (code === "ENOENT") {
        this.#remove([file.path]);
        return null;
      }
      return { file, reason: code === "EACCES" || code === "EPERM" ? "cannot be read (permission denied)" : `cannot be read (${code ?? "unknown error"})`, readAtMs, sha256: null };
    }
    const hash = sha256(bytes);
    if (row?.sha256 === hash) {
      this.#writing(() => store.confirmFile(file.path, file.size, file.mtimeMs, readAtMs));
      return null;
    }
    const contents = readContents(file.path, bytes);
    if ("reason" in contents) return { file, reason: contents.reason, readAtMs, sha256: hash };
    const language = languageOf(file.path);
    const parsed = await parseFile(language, contents.text, log, signal);
    const passageKeys = parsed.chunks.map((chunk) => passageKey(passageOf(file.path, chunk)));
    return { path: file.path, language, size: file.size, mtimeMs: file.mtimeMs, readAtMs, sha256: hash, parsed, passageKeys, vectors: passageKeys.map(() => null) };
  }

  /** Fills in the vectors of a batch: those of passages that did not change are taken over, the others made now or left for later. */
  async #embed(batch: readonly (PreparedFile | Skipped)[], embed: "now" | "later", signal: AbortSignal | undefined): Promise<void> {
    const { store, embedder } = this.#options;
    if (!embedder) return;
    const missing: { file: PreparedFile; i: number }[] = [];
    for (const file of batch) {
      if (!("parsed" in file)) continue;
      const before = store.vectorsOf(file.path);
      file.passageKeys.forEach((key, i) => {
        const vector = before.get(Buffer.from(key).toString("hex"));
        if (vector) file.vectors[i] = vector;
        else missing.push({ file, i });
      });
    }
    if (missing.length === 0 || embed === "later") return;
    const embedded = await embedder.embed(missing.map(({ file, i }) => passageOf(file.path, file.parsed.chunks[i] as Chunk)), "passage", signal);
    missing.forEach(({ file, i }, at) => {
      file.vectors[i] = encodeVector(embedded[at] as Float32Array);
    });
  }

  async #write(batch: readonly (PreparedFile | Skipped)[]): Promise<void> {
    const { store, vectors } = this.#options;
    const { added, removed } = this.#writing(() => {
      const added: { id: number; vector: Uint8Array | null }[] = [];
      const removed: number[] = [];
      for (const entry of batch) {
        const file = "parsed" in entry ? entry : entry.file;
        // Read again by someone else while this batch was made: theirs is newer.
        if ((store.file(file.path)?.readAtMs ?? -Infinity) > entry.readAtMs) continue;
        if ("parsed" in entry) {
          const result = store.writeFile(entry);
          added.push(...result.added);
          removed.push(...result.removed);
        } else {
          removed.push(...store.skipFile({ ...entry.file, language: languageOf(entry.file.path), readAtMs: entry.readAtMs, sha256: entry.sha256 }, entry.reason));
        }
      }
      return { added, removed };
    });
    try {
      await store.fields.maintain();
    } catch (error) {
      throw storageFailure(this.#options.storageDir, error);
    }
    if (!vectors) return;
    for (const id of removed) vectors.remove(id);
    await this.#addVectors(added);
  }

  /** A few at a time: inserting into the graph costs about half a millisecond each. */
  async #addVectors(added: readonly { id: number; vector: Uint8Array | null }[]): Promise<void> {
    let started = performance.now();
    for (const { id, vector } of added) {
      if (vector) this.#options.vectors?.add(id, decodeVector(vector));
      started = await pause(started);
    }
  }

  #writing<T>(work: () => T): T {
    try {
      return this.#options.store.write(work);
    } catch (error) {
      throw storageFailure(this.#options.storageDir, error);
    }
  }
}

/** Whether what the index knows of a file can be trusted without reading it. */
function isCurrent(row: FileRow | undefined, file: WalkedFile): boolean {
  if (!row) return false;
  if (file.reason !== null) return row.skipReason === file.reason && row.size === file.size;
  return row.sha256 !== null && row.size === file.size && row.mtimeMs === file.mtimeMs && row.readAtMs - row.mtimeMs > RACY_MS;
}

/** A relative path with forward slashes inside the workspace, or null. */
export function normalise(relative: string): string | null {
  const clean = path.posix.normalize(relative.split(path.sep).join("/")).replace(/\/$/, "");
  return clean === "." || clean === "" || clean.startsWith("../") || clean === ".." || path.posix.isAbsolute(clean) || /^[A-Za-z]:/.test(clean) ? null : clean;
}

/** What is embedded of a chunk: where it stands and what it says. */
export function passageOf(filePath: string, chunk: { breadcrumb: readonly string[]; text: string; source?: string }): string {
  return `${filePath}\n${chunk.breadcrumb.join(" ")}\n${chunk.source ?? chunk.text}`.slice(0, PASSAGE_CHARACTERS);
}

function passageKey(passage: string): Uint8Array {
  return createHash("sha256").update(passage).digest().subarray(0, 16);
}

/** The text at some lines of a file as it is on disk now; null where the file or the lines are gone, or not ours to read. */
export async function readLinesNow(workspaceDir: string, range: { path: string; startLine: number; endLine: number }, maximumBytes: number): Promise<string | null> {
  const relative = normalise(range.path);
  if (relative === null) return null;
  const file = path.join(workspaceDir, relative);
  try {
    const found = await lstat(file);
    if (!found.isFile() || found.size > maximumBytes) return null;
    // A link among its folders must not lead out of the workspace.
    if (path.relative(await realpath(workspaceDir), await realpath(file)).startsWith("..")) return null;
    const contents = readContents(relative, await readFile(file));
    if ("reason" in contents) return null;
    const lines = contents.text.split("\n");
    if (range.startLine < 1 || range.startLine > lines.length || range.endLine < range.startLine) return null;
    return lines.slice(range.startLine - 1, range.endLine).map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line)).join("\n");
  } catch {
    return null;
  }
}
