// An index in memory over texts that are handed in, for evaluations: the same chunks, words, vectors and ranking as the
// workspace index, with exact vector search instead of the graph's, and nothing read from or written to disk.
import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { SILENT_LOG } from "../base/log.ts";
import { languageOf } from "./chunking/languages.ts";
import type { ParsedFile } from "./chunking/parsedFile.ts";
import { parseFile } from "./chunking/parseFile.ts";
import type { Embedder } from "./embedder.ts";
import { passageOf } from "./indexer.ts";
import { changeQuery } from "./fileRanker/changeQuery.ts";
import { candidateFiles } from "./fileRanker/fileFeatures.ts";
import type { CandidateFile } from "./fileRanker/fileFeatures.ts";
import { usesAmong } from "./fileRanker/related.ts";
import { rankFiles } from "./fileRanker/rankFiles.ts";
import type { FileSignal } from "./fileRanker/rankFiles.ts";
import { FILE_SCORES } from "./keyword/fieldSearch.ts";
import type { FileScoreName } from "./keyword/fieldSearch.ts";
import { fieldWords } from "./keyword/fieldWords.ts";
import type { FileWords } from "./keyword/fieldWords.ts";
import { CANDIDATES, searchPlace } from "./searcher.ts";
import type { FusionWeights } from "./searcher.ts";
import { ChunkStore } from "./store/chunkStore.ts";
import { RETRIEVAL_SCHEMA } from "./store/schema.ts";
import { decodeVector, dot, encodeVector } from "./store/vectorCodec.ts";

interface Prepared {
  readonly parsed: ParsedFile;
  readonly vectors: readonly (Uint8Array | null)[];
  readonly words: FileWords;
}

/** Parsed and embedded files, kept over several trials in which the same content comes back. */
export class PreparedFiles {
  readonly #embedder: Embedder | null;
  readonly #known = new Map<string, Prepared>();
  #lastQuery: { query: string; vector: Float32Array | null } | null = null;

  constructor(embedder: Embedder | null) {
    this.#embedder = embedder;
  }

  async of(path: string, text: string): Promise<Prepared> {
    const key = createHash("sha1").update(`${path}\n${text}`).digest("base64");
    let entry = this.#known.get(key);
    if (!entry) {
      const parsed = await parseFile(languageOf(path), text, SILENT_LOG);
      const vectors = this.#embedder ? (await this.#embedder.embed(parsed.chunks.map((chunk) => passageOf(path, chunk)), "passage")).map(encodeVector) : parsed.chunks.map(() => null);
      this.#known.set(key, entry = { parsed, vectors, words: fieldWords(path, parsed) });
    }
    return entry;
  }

  /** The query's unit vector [dimension], or null where nothing embeds. The last one is kept: ablations ask for the same again. */
  async queryVector(query: string): Promise<Float32Array | null> {
    if (this.#lastQuery?.query !== query) this.#lastQuery = { query, vector: (await this.#embedder?.embed([query], "query"))?.[0] ?? null };
    return this.#lastQuery.vector;
  }
}

export class TrialIndex {
  readonly #database = new DatabaseSync(":memory:");
  readonly #store: ChunkStore;
  readonly #files: PreparedFiles;
  #vectors: { id: number; vector: Float32Array }[] = [];

  constructor(files: PreparedFiles) {
    for (const migration of RETRIEVAL_SCHEMA.migrations) this.#database.exec(migration);
    this.#store = new ChunkStore(this.#database);
    this.#files = files;
  }

  async add(path: string, text: string): Promise<void> {
    const { parsed, vectors, words } = await this.#files.of(path, text);
    const passageKeys = parsed.chunks.map(() => new Uint8Array(16));
    const { added } = this.#store.writeFile({ path, language: languageOf(path), size: Buffer.byteLength(text), mtimeMs: 0, readAtMs: 0, sha256: "", parsed, passageKeys, vectors: [...vectors], words });
    for (const { id, vector } of added) if (vector) this.#vectors.push({ id, vector: decodeVector(vector) });
  }

  /** Paths in the order of their best passage, as search ranks passages. */
  async filesByPassages(query: string, weights?: FusionWeights, limit = 200): Promise<string[]> {
    const queryVector = weights?.vector === 0 ? null : await this.#files.queryVector(query);
    const { hits } = searchPlace({ store: this.#store, nearest: this.#nearest(queryVector, CANDIDATES) }, query, { queryVector, limit, ...weights ? { weights } : {} });
    return [...new Set(hits.map((hit) => hit.chunk.path))];
  }

  /** The files that may be those of a change, with what speaks for each. */
  async fileFeatures(description: string): Promise<CandidateFile[]> {
    return candidateFiles(this.#store, changeQuery(description), await this.#files.queryVector(description));
  }

  /** Paths in the order of the file ranker. */
  async rankFiles(description: string, options: { without?: readonly FileSignal[] } = {}): Promise<string[]> {
    return rankFiles(this.#store, description, { queryVector: await this.#files.queryVector(description), ...options }).map(({ path }) => path);
  }

  /** Paths in the order of one score over the words, for comparison: plain BM25 is that of the body. */
  filesByScore(description: string, score: FileScoreName): string[] {
    const at = FILE_SCORES.indexOf(score);
    const { files } = this.#store.matchFields(changeQuery(description).words, { chunks: 1, files: 1_000 });
    return files.toSorted((a, b) => (b.scores[at] as number) - (a.scores[at] as number)).flatMap(({ fileId }) => this.#store.pathOf(fileId) ?? []);
  }

  usesAmong(candidates: readonly CandidateFile[]): number[][] {
    return usesAmong(this.#store, candidates);
  }

  remove(path: string): void {
    const removed = new Set(this.#store.removeFile(path));
    this.#vectors = this.#vectors.filter(({ id }) => !removed.has(id));
  }

  close(): void {
    this.#database.close();
  }

  #nearest(queryVector: Float32Array | null, limit: number): { id: number; score: number }[] {
    if (!queryVector) return [];
    return this.#vectors.map(({ id, vector }) => ({ id, score: dot(vector, queryVector) })).sort((a, b) => b.score - a.score).slice(0, limit);
  }
}
