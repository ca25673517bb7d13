// The short-term crop: what this session touched (open and edited files as the editor has them, recent answers, outputs of
// cells and what was selected in the terminal).
// Small, in memory only, forgotten by age and number; nothing of it reaches the disk. Vectors are in vectra, words in an
// SQLite database in memory with the tables of the long-term crop.
import { DatabaseSync } from "node:sqlite";
import { createRequire } from "node:module";
import path from "node:path";
import type { IndexCodec, LocalIndex, VirtualFileStorage } from "vectra";
import { sha256 } from "../base/files.ts";
import type { Log } from "../base/log.ts";
import type { FileRange } from "../protocol/types.ts";
import { parseFile } from "./chunking/parseFile.ts";
import type { Embedder } from "./embedder.ts";
import { ChunkStore } from "./store/chunkStore.ts";
import { RETRIEVAL_SCHEMA } from "./store/schema.ts";
import { dot, encodeVector } from "./store/vectorCodec.ts";

/** Most documents, and texts of other kinds, kept; the longest untouched go first. */
const DOCUMENTS = 32;
const NOTES = 64;
/** Larger documents are not taken in: the long-term crop has them. */
const DOCUMENT_CHARACTERS = 256 * 1024;
/** Most chunks of one document. */
const DOCUMENT_CHUNKS = 64;
/** A touch counts half after this time, in ms. */
const HALF_LIFE_MS = 30 * 60_000;
/** Most of a remembered text that is embedded: its end, where outputs say what went wrong. */
const NOTE_CHARACTERS = 2_000;
/** Answers less like the query than this lend their sources no weight. */
const ANSWER_SIMILARITY = 0.5;

export type TouchReason = "opened" | "edited" | "saved";

export interface TouchedDocument {
  path: string;
  language: string;
  text: string;
  reason: TouchReason;
}

interface DocumentState {
  hash: string;
  touchedAtMs: number;
  /** How much this kind of touch says about what the user is at. */
  strength: number;
  chunkIds: number[];
}

/** What a remembered text was. */
export type NoteKind = "answer" | "output" | "terminal";

interface Note {
  kind: NoteKind;
  /** Null where nothing embeds. */
  vector: Float32Array | null;
  sources: FileRange[];
  atMs: number;
}

export class ShortCrop {
  readonly store: ChunkStore;
  readonly #database: DatabaseSync;
  readonly #embedder: Embedder | null;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #documents = new Map<string, DocumentState>();
  readonly #notes: Note[] = [];
  /** Documents waiting to be taken in, the newest text of each; so typing faster than we read costs nothing. */
  readonly #waiting = new Map<string, TouchedDocument>();
  #working: Promise<void> | null = null;
  #index: LocalIndex | null = null;

  constructor(embedder: Embedder | null, log: Log, now: () => number = Date.now) {
    this.#database = new DatabaseSync(":memory:");
    for (const statements of RETRIEVAL_SCHEMA.migrations) this.#database.exec(statements);
    this.store = new ChunkStore(this.#database);
    this.#embedder = embedder;
    this.#log = log;
    this.#now = now;
  }

  get isEmpty(): boolean {
    return this.#documents.size === 0 && this.#notes.length === 0;
  }

  /** Takes in a document as the editor has it. Resolves when it can be found. */
  async touch(document: TouchedDocument): Promise<void> {
    this.#waiting.set(document.path, document);
    this.#working ??= this.#drain();
    await this.#working;
  }

  async #drain(): Promise<void> {
    try {
      // Starts after the caller's turn, so that several touches in one turn are one.
      await Promise.resolve();
      for (let next = this.#waiting.values().next(); !next.done; next = this.#waiting.values().next()) {
        this.#waiting.delete(next.value.path);
        await this.#take(next.value);
      }
    } finally {
      this.#working = null;
    }
  }

  async #take(document: TouchedDocument): Promise<void> {
    const strength = document.reason === "opened" ? 0.6 : 1;
    const hash = sha256(document.text);
    const known = this.#documents.get(document.path);
    const touchedAtMs = this.#now();
    if (known?.hash === hash) {
      known.touchedAtMs = touchedAtMs;
      known.strength = Math.max(known.strength, strength);
      // Maps keep the order of insertion: the least recently touched document stays first.
      this.#documents.delete(document.path);
      this.#documents.set(document.path, known);
      return;
    }
    await this.#forget(document.path);
    if (document.text.length > DOCUMENT_CHARACTERS) return;
    const parsed = await parseFile(document.language, document.text, this.#log);
    parsed.chunks.splice(DOCUMENT_CHUNKS);
    const vectors = this.#embedder ? await this.#embedder.embed(parsed.chunks.map((chunk) => `${document.path}\n${chunk.breadcrumb.join(" ")}\n${chunk.source ?? chunk.text}`), "passage") : [];
    const { added } = this.store.write(() => this.store.writeFile({
      path: document.path, language: document.language, size: document.text.length, mtimeMs: touchedAtMs, readAtMs: touchedAtMs, sha256: hash, parsed,
      passageKeys: parsed.chunks.map(() => new Uint8Array(16)), vectors: parsed.chunks.map((_, i) => (vectors[i] ? encodeVector(vectors[i]) : null)),
    }));
    if (vectors.length > 0) {
      const index = await this.#localIndex();
      const items = added.flatMap(({ id }, i) => (isZero(vectors[i] as Float32Array) ? [] : [{ id: String(id), vector: Array.from(vectors[i] as Float32Array), metadata: {} }]));
      await index.batchInsertItems(items);
    }
    this.#documents.set(document.path, { hash, touchedAtMs, strength, chunkIds: added.map((chunk) => chunk.id) });
    while (this.#documents.size > DOCUMENTS) await this.#forget(this.#documents.keys().next().value as string);
  }

  async #forget(documentPath: string): Promise<void> {
    const known = this.#documents.get(documentPath);
    if (!known) return;
    this.#documents.delete(documentPath);
    this.store.write(() => this.store.removeFile(documentPath));
    await this.#index?.deleteItems(known.chunkIds.map(String));
  }

  /** A closed document counts half; it is forgotten like the others, by age and number. */
  close(documentPath: string): void {
    this.#waiting.delete(documentPath);
    const known = this.#documents.get(documentPath);
    if (known) known.strength /= 2;
  }

  /** A document is gone from disk. */
  async remove(documentPath: string): Promise<void> {
    this.#waiting.delete(documentPath);
    await this.#forget(documentPath);
  }

  /**
   * Remembers that a text of the session speaks of `sources` (an answer of what it cited, an output of the places it names):
   * what is asked alike soon after looks there again.
   */
  async remember(kind: NoteKind, text: string, sources: readonly FileRange[]): Promise<void> {
    if (sources.length === 0) return;
    const vector = (await this.#embedder?.embed([text.slice(-NOTE_CHARACTERS)], "passage"))?.[0];
    this.#notes.push({ kind, vector: vector && !isZero(vector) ? vector : null, sources: sources.map(({ path, startLine, endLine }) => ({ path, startLine, endLine })), atMs: this.#now() });
    if (this.#notes.length > NOTES) this.#notes.shift();
  }

  /** How much the session is at this document, in [0, 1]: 1 just edited, half of that half an hour later. */
  recency(documentPath: string): number {
    const known = this.#documents.get(documentPath);
    return known ? known.strength * this.#decay(known.touchedAtMs) : 0;
  }

  /**
   * Places that texts of the session speak of, with a weight in [0, 1]: of texts that resemble the query; and, where the query
   * points at the session without naming anything (`pointing`), of its newest output or selection too.
   */
  rememberedSources(queryVector: Float32Array | null, pointing = false): { range: FileRange; weight: number; kind: NoteKind }[] {
    const newest = pointing ? this.#notes.findLast(({ kind }) => kind !== "answer") : undefined;
    return this.#notes.flatMap((note) => {
      const similarity = queryVector && note.vector ? dot(queryVector, note.vector) : 0;
      const weight = Math.max(similarity < ANSWER_SIMILARITY ? 0 : similarity, note === newest ? 1 : 0) * this.#decay(note.atMs);
      return weight <= 0 ? [] : note.sources.map((range) => ({ range, weight, kind: note.kind }));
    });
  }

  /** Chunks of this crop nearest to the query, best first. */
  async nearest(queryVector: Float32Array | null, limit: number): Promise<{ id: number; score: number }[]> {
    if (!queryVector || !this.#index || isZero(queryVector)) return [];
    const found = await this.#index.queryItems(Array.from(queryVector), "", limit);
    return found.map(({ item, score }) => ({ id: Number(item.id), score }));
  }

  dispose(): void {
    this.#database.close();
  }

  #decay(sinceMs: number): number {
    return 0.5 ** (Math.max(0, this.#now() - sinceMs) / HALF_LIFE_MS);
  }

  async #localIndex(): Promise<LocalIndex> {
    if (this.#index) return this.#index;
    const { LocalIndex: Index, VirtualFileStorage: Storage } = loadVectra();
    const index = new Index("short-crop", "index.json", new Storage(), new MemoryCodec());
    await index.createIndex({ version: 1 });
    this.#index = index;
    return index;
  }
}

function isZero(vector: Float32Array): boolean {
  return vector.every((x) => x === 0);
}

/** vectra writes its index after every change; in memory nothing reads what is written, so that nothing is serialised. */
class MemoryCodec implements IndexCodec {
  readonly extension = ".json";

  serializeIndex(): Buffer {
    return Buffer.alloc(0);
  }

  deserializeIndex(): never {
    throw new Error("The short-term crop is never read back from its storage.");
  }

  serializeCatalog(): Buffer {
    return Buffer.alloc(0);
  }

  deserializeCatalog(): never {
    throw new Error("The short-term crop has no catalogue.");
  }

  serializeMetadata(): Buffer {
    return Buffer.alloc(0);
  }

  deserializeMetadata(): Record<string, never> {
    return {};
  }
}

/** Only the two parts of vectra that are used: its entry also loads clients for remote services (1.0 s of CPU and 122 MB here, against 0.2 s and 36 MB). */
function loadVectra(): { LocalIndex: typeof LocalIndex; VirtualFileStorage: typeof VirtualFileStorage } {
  const require = createRequire(import.meta.url);
  const folder = path.dirname(require.resolve("vectra"));
  return {
    ...(require(path.join(folder, "LocalIndex.js")) as { LocalIndex: typeof LocalIndex }),
    ...(require(path.join(folder, "storage", "VirtualFileStorage.js")) as { VirtualFileStorage: typeof VirtualFileStorage }),
  };
}
