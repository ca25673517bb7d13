// Hands the long-term crop's vector index to `evaluate vectors`: over vectors that are drawn, or over those of an indexed workspace.
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { EngineError } from "../base/errors.ts";
import { SILENT_LOG } from "../base/log.ts";
import { SeededRandom } from "../base/random.ts";
import type { EvaluationHooks, EvaluationResult } from "../evaluation/suite.ts";
import { evaluateVectors, syntheticVectors } from "../evaluation/vectors.ts";
import type { MeasuredIndex } from "../evaluation/vectors.ts";
import { ChunkStore } from "../retrieval/store/chunkStore.ts";
import { RETRIEVAL_SCHEMA } from "../retrieval/store/schema.ts";
import { decodeVector, encodeVector } from "../retrieval/store/vectorCodec.ts";
import { VectorIndex } from "../retrieval/store/vectorIndex.ts";

export interface VectorRunOptions {
  /** How many vectors, where they are drawn. */
  readonly count: number;
  readonly dimension: number;
  /** Directions that drawn vectors are sums of; 0: none, the hardest case, which texts never are. */
  readonly topics: number;
  readonly queries: number;
  readonly seed: number;
  /** The storage folder of an indexed workspace, whose vectors are measured instead. */
  readonly storageDir?: string;
}

/** Errors: `notFound` where the workspace has no index. */
export async function runVectors(options: VectorRunOptions, hooks: EvaluationHooks): Promise<EvaluationResult> {
  const random = new SeededRandom(options.seed);
  const all = options.storageDir === undefined ? syntheticVectors(options.count + options.queries, options.dimension, options.topics, random) : vectorsOf(options.storageDir, random);
  // As stored: the loss of int8 is none of the graph's doing.
  const queries = all.splice(0, Math.min(options.queries, Math.floor(all.length / 10)));
  const vectors = all.map((vector) => decodeVector(encodeVector(vector)));
  if (queries.length === 0) throw new EngineError("dataInvalid", `${all.length} vectors are too few to be measured; at least 11 are needed.`, { vectors: all.length });
  const settings = { source: options.storageDir ?? "drawn", ...options.storageDir === undefined ? { topics: options.topics } : {}, seed: options.seed };
  return evaluateVectors(() => openMeasured(vectors[0]?.length ?? 0), { vectors, queries, seed: options.seed, settings }, hooks);
}

function vectorsOf(storageDir: string, random: SeededRandom): Float32Array[] {
  const file = path.join(storageDir, "index.sqlite");
  if (!existsSync(file)) throw new EngineError("notFound", `${storageDir} holds no index. Run "kalactica index" on the folder first, or leave --workspace out to measure vectors that are drawn.`, { storageDir });
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const rows = database.prepare("SELECT vector FROM chunks WHERE vector IS NOT NULL").all() as { vector: Uint8Array }[];
    return random.shuffle(rows.map(({ vector }) => decodeVector(vector)));
  } finally {
    database.close();
  }
}

/** The index as a workspace has it, with a database of its own in which the vectors stand, so that it can compact itself. */
async function openMeasured(dimension: number): Promise<MeasuredIndex> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-vectors-"));
  const database = new DatabaseSync(":memory:");
  for (const migration of RETRIEVAL_SCHEMA.migrations) database.exec(migration);
  database.exec("INSERT INTO files (id, path, language, size, mtimeMs, readAtMs) VALUES (1, 'measured', 'plaintext', 0, 0, 0)");
  const insert = database.prepare("INSERT INTO chunks (id, fileId, startLine, endLine, breadcrumb, text, passageKey, vector) VALUES (?, 1, 1, 1, '[]', '', x'00', ?)");
  const remove = database.prepare("DELETE FROM chunks WHERE id = ?");
  const index = await VectorIndex.open(folder, new ChunkStore(database), "measured", dimension, SILENT_LOG);
  return {
    add(id, vector) {
      insert.run(id, encodeVector(vector));
      index.add(id, vector);
    },
    remove(id) {
      remove.run(id);
      index.remove(id);
    },
    search: (vector, limit) => index.search(vector, limit),
    compact: () => index.compact(),
    async sizeBytes() {
      await index.save();
      const sizes = await Promise.all((await readdir(folder)).map(async (name) => (await stat(path.join(folder, name))).size));
      return sizes.reduce((sum, size) => sum + size, 0);
    },
    async close() {
      database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
