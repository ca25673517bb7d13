// Measures how good the order of search is on public sets, signal by signal:
//   node test/bench/retrievalQuality.ts cosqa DIR      web query → Python function (BEIR layout)
//   node test/bench/retrievalQuality.ts localise DIR   change description → files to edit (instances and blobs)
// Options: --embedder FILE.gguf (another encoder), --weights '{"vector": 0.5}' (only this variant of the shipped weights; repeatable).
// The sets are not part of the project. Nothing here is asserted; the unit tests do that.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { SILENT_LOG } from "../../src/engine/base/log.ts";
import { languageOf } from "../../src/engine/retrieval/chunking/languages.ts";
import type { ParsedFile } from "../../src/engine/retrieval/chunking/parsedFile.ts";
import { parseFile } from "../../src/engine/retrieval/chunking/parseFile.ts";
import { openEmbedder } from "../../src/engine/retrieval/embedder/embeddedEmbedder.ts";
import type { Embedder } from "../../src/engine/retrieval/embedder.ts";
import { passageOf } from "../../src/engine/retrieval/indexer.ts";
import { FUSION_WEIGHTS, searchPlace } from "../../src/engine/retrieval/searcher.ts";
import type { FusionWeights } from "../../src/engine/retrieval/searcher.ts";
import { ChunkStore } from "../../src/engine/retrieval/store/chunkStore.ts";
import { RETRIEVAL_SCHEMA } from "../../src/engine/retrieval/store/schema.ts";
import { decodeVector, dot, encodeVector } from "../../src/engine/retrieval/store/vectorCodec.ts";

const NONE: FusionWeights = { keyword: 0, vector: 0, symbol: 0, path: 0, file: 0 };
const SHIPPED: Record<string, FusionWeights> = {
  bm25: { ...NONE, keyword: 1 },
  vector: { ...NONE, vector: 1 },
  "bm25+vector": { ...FUSION_WEIGHTS, symbol: 0, path: 0, file: 0 },
  "without vector": { ...FUSION_WEIGHTS, vector: 0 },
  "without symbol": { ...FUSION_WEIGHTS, symbol: 0 },
  "without path": { ...FUSION_WEIGHTS, path: 0 },
  "without file": { ...FUSION_WEIGHTS, file: 0 },
  fused: FUSION_WEIGHTS,
};

const { values, positionals: [suite, folder] } = parseArgs({ allowPositionals: true, options: { embedder: { type: "string" }, weights: { type: "string", multiple: true, default: [] } } });
const ABLATIONS = values.weights.length === 0 ? SHIPPED : Object.fromEntries(values.weights.map((json) => [json, { ...FUSION_WEIGHTS, ...(JSON.parse(json) as Partial<FusionWeights>) }]));

function readLines<T>(file: string): T[] {
  const bytes = existsSync(file) ? readFileSync(file) : gunzipSync(readFileSync(`${file}.gz`));
  return bytes.toString("utf8").trim().split("\n").map((line) => JSON.parse(line) as T);
}

/** An index in memory, with exact vector search instead of the graph's. */
class MemoryIndex {
  readonly store: ChunkStore;
  readonly vectors: { id: number; vector: Float32Array }[] = [];
  readonly #database: DatabaseSync;

  constructor() {
    this.#database = new DatabaseSync(":memory:");
    for (const migration of RETRIEVAL_SCHEMA.migrations) this.#database.exec(migration);
    this.store = new ChunkStore(this.#database);
  }

  add(file: string, parsed: ParsedFile, vectors: readonly (Uint8Array | null)[]): void {
    const { added } = this.store.writeFile({ path: file, language: languageOf(file), size: 0, mtimeMs: 0, readAtMs: 0, sha256: "", parsed, passageKeys: parsed.chunks.map(() => new Uint8Array(16)), vectors: [...vectors] });
    for (const { id, vector } of added) if (vector) this.vectors.push({ id, vector: decodeVector(vector) });
  }

  files(query: string, queryVector: Float32Array | null, weights: FusionWeights): string[] {
    const nearest = queryVector && weights.vector > 0
      ? this.vectors.map(({ id, vector }) => ({ id, score: dot(vector, queryVector) })).sort((a, b) => b.score - a.score).slice(0, 100) : [];
    const { hits } = searchPlace({ store: this.store, nearest }, query, { queryVector, limit: 200, weights });
    return [...new Set(hits.map((hit) => hit.chunk.path))];
  }

  close(): void {
    this.#database.close();
  }
}

const parsedFiles = new Map<string, { parsed: ParsedFile; vectors: (Uint8Array | null)[] }>();

async function prepare(file: string, text: string, embedder: Embedder | null): Promise<{ parsed: ParsedFile; vectors: (Uint8Array | null)[] }> {
  const key = `${file}\n${createHash("sha1").update(text).digest("hex")}`;
  let entry = parsedFiles.get(key);
  if (!entry) {
    const parsed = await parseFile(languageOf(file), text, SILENT_LOG);
    const vectors = embedder ? (await embedder.embed(parsed.chunks.map((chunk) => passageOf(file, chunk)), "passage")).map(encodeVector) : parsed.chunks.map(() => null);
    parsedFiles.set(key, entry = { parsed, vectors });
  }
  return entry;
}

async function cosqa(folder: string, embedder: Embedder | null): Promise<void> {
  const index = new MemoryIndex();
  for (const { _id, text } of readLines<{ _id: string; text: string }>(path.join(folder, "corpus.jsonl"))) {
    const { parsed, vectors } = await prepare(`f${_id}.py`, text, embedder);
    index.add(`f${_id}.py`, parsed, vectors);
  }
  const relevant = new Map(readFileSync(path.join(folder, "qrels.tsv"), "utf8").trim().split("\n").slice(1).map((line) => line.split("\t") as [string, string]));
  const queries = readLines<{ _id: string; text: string }>(path.join(folder, "queries.jsonl"));
  for (const [name, weights] of Object.entries(ABLATIONS)) {
    let recall = 0;
    let reciprocal = 0;
    for (const { _id, text } of queries) {
      const queryVector = embedder ? (await embedder.embed([text], "query"))[0] ?? null : null;
      const rank = index.files(text, queryVector, weights).indexOf(`f${relevant.get(_id)}.py`) + 1;
      if (rank >= 1 && rank <= 10) {
        recall++;
        reciprocal += 1 / rank;
      }
    }
    console.log(name.padEnd(16), `R@10 ${(recall / queries.length).toFixed(3)}  MRR@10 ${(reciprocal / queries.length).toFixed(3)}`);
  }
  index.close();
}

async function localise(folder: string, embedder: Embedder | null): Promise<void> {
  const blobs = new Map(readLines<{ sha: string; text: string }>(path.join(folder, "blobs.jsonl")).map(({ sha, text }) => [sha, text]));
  const instances = readLines<{ repo: string; query: string; gold: string[]; files: Record<string, string> }>(path.join(folder, "instances.jsonl"));
  const sums = new Map(Object.keys(ABLATIONS).map((name) => [name, { strict: 0, any: 0, reciprocal: 0 }]));
  for (const { query, gold, files } of instances) {
    const index = new MemoryIndex();
    for (const [file, sha] of Object.entries(files)) {
      const { parsed, vectors } = await prepare(file, blobs.get(sha) ?? "", embedder);
      index.add(file, parsed, vectors);
    }
    const queryVector = embedder ? (await embedder.embed([query], "query"))[0] ?? null : null;
    for (const [name, weights] of Object.entries(ABLATIONS)) {
      const ranked = index.files(query, queryVector, weights);
      const sum = sums.get(name) as { strict: number; any: number; reciprocal: number };
      const top = new Set(ranked.slice(0, 5));
      if (gold.every((file) => top.has(file))) sum.strict++;
      if (gold.some((file) => top.has(file))) sum.any++;
      const first = ranked.findIndex((file) => gold.includes(file));
      if (first >= 0) sum.reciprocal += 1 / (first + 1);
    }
    index.close();
  }
  for (const [name, { strict, any, reciprocal }] of sums) {
    console.log(name.padEnd(16), `strict@5 ${(strict / instances.length).toFixed(3)}  any@5 ${(any / instances.length).toFixed(3)}  MRR ${(reciprocal / instances.length).toFixed(3)}`);
  }
}

const embedder = await openEmbedder(SILENT_LOG, values.embedder);
if (suite === "cosqa" && folder) await cosqa(folder, embedder);
else if (suite === "localise" && folder) await localise(folder, embedder);
else {
  console.error("Usage: node test/bench/retrievalQuality.ts cosqa|localise DIR");
  process.exitCode = 2;
}
