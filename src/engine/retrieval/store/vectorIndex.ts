// The long-term crop's nearest-neighbour graph (hnswlib) over the vectors that stand in the database.
// The file beside the database is only a cache: whatever it lacks or has too much is mended from the database on opening,
// so that nothing is ever embedded twice, whatever was killed when.
import { createRequire } from "node:module";
import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, readdir, rm, stat } from "node:fs/promises";
import path from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { HierarchicalNSW } from "hnswlib-node";
import { throwIfCancelled } from "../../base/errors.ts";
import { sha256File, writeFailure, writeFileAtomic } from "../../base/files.ts";
import type { Log } from "../../base/log.ts";
import type { ChunkStore } from "./chunkStore.ts";
import { ExactGraph } from "./exactGraph.ts";
import type { NeighbourGraph } from "./exactGraph.ts";
import { decodeVector } from "./vectorCodec.ts";

/** Version of {@link Header} and of the graph's parameters. */
const FORMAT = 1;
/** Graph parameters, our choice; recall and latency stand in the report of test/bench/retrieval.ts. */
const LINKS = 16;
const CONSTRUCTION_BREADTH = 100;
const SEARCH_BREADTH = 400;
/** Insertions between two returns to the event loop; 32 take about 10 ms. */
const SLICE_POINTS = 32;
/** The graph is built anew when this share of it is deleted: tombstones cost time and recall. */
const REBUILD_SHARE = 0.3;
const REBUILD_MINIMUM = 1_000;

/** Names the vectors' maker and the database they came from; written last, so that it never names half a file. */
interface Header {
  format: number;
  embedder: string;
  dimension: number;
  /** The generation of the database: a new database has a new id. */
  databaseId: string;
  file: string;
  sizeBytes: number;
  sha256: string;
}

export class VectorIndex {
  readonly #folder: string;
  readonly #store: ChunkStore;
  readonly #embedderHash: string;
  readonly #dimension: number;
  readonly #log: Log;
  #graph: NeighbourGraph;
  /** Ids that a search may return. */
  #live = new Set<number>();
  #nDeleted = 0;
  #changes = 0;
  #lastId = 0;
  /** While the graph is written by another thread it must not change: what comes meanwhile waits here. */
  #waiting: (() => void)[] | null = null;

  private constructor(folder: string, store: ChunkStore, embedderHash: string, dimension: number, log: Log, graph: NeighbourGraph) {
    this.#folder = folder;
    this.#store = store;
    this.#embedderHash = embedderHash;
    this.#dimension = dimension;
    this.#log = log;
    this.#graph = graph;
  }

  /** Loads the saved graph where its header agrees, and brings it up to date with the database. */
  static async open(folder: string, store: ChunkStore, embedderHash: string, dimension: number, log: Log): Promise<VectorIndex> {
    const index = new VectorIndex(folder, store, embedderHash, dimension, log, emptyGraph(dimension));
    await index.#load();
    await index.follow();
    return index;
  }

  get size(): number {
    return this.#live.size;
  }

  /** Insertions and deletions since the graph was last saved. */
  get unsavedChanges(): number {
    return this.#changes;
  }

  add(id: number, vector: Float32Array): void {
    if (this.#waiting) {
      this.#waiting.push(() => this.add(id, vector));
      return;
    }
    if (this.#live.has(id)) return;
    if (this.#graph.getCurrentCount() >= this.#graph.getMaxElements()) this.#graph.resizeIndex(this.#graph.getMaxElements() * 2);
    this.#graph.addPoint(Array.from(vector), id);
    this.#live.add(id);
    this.#lastId = Math.max(this.#lastId, id);
    this.#changes++;
  }

  remove(id: number): void {
    if (this.#waiting) {
      this.#waiting.push(() => this.remove(id));
      return;
    }
    if (!this.#live.delete(id)) return;
    this.#graph.markDelete(id);
    this.#nDeleted++;
    this.#changes++;
  }

  /** The nearest passages, best first; `score` is the inner product. As many as asked for, wherever there are as many. */
  search(vector: Float32Array, limit: number): { id: number; score: number }[] {
    const k = Math.min(limit, this.#live.size);
    if (k === 0) return [];
    const query = Array.from(vector);
    for (let breadth = Math.max(SEARCH_BREADTH, 2 * k); ; breadth *= 4) {
      this.#graph.setEf(breadth);
      const { neighbors, distances } = this.#graph.searchKnn(query, k);
      // Where much is deleted, a narrow search may see too little of what lives; in the end every point is looked at.
      if (neighbors.length >= k) return neighbors.map((id, i) => ({ id, score: 1 - (distances[i] as number) }));
      if (breadth > this.#graph.getCurrentCount()) return this.#exactly(vector, k);
    }
  }

  /** All live points, one by one: for parts of the graph that deletions cut off. */
  #exactly(vector: Float32Array, k: number): { id: number; score: number }[] {
    const scored = [...this.#live].map((id) => ({ id, score: this.#graph.getPoint(id).reduce((sum, x, d) => sum + x * (vector[d] as number), 0) }));
    return scored.sort((a, b) => b.score - a.score).slice(0, k);
  }

  /** Rebuilds the graph without its deleted points, where there are enough of them to cost time. */
  async compact(signal?: AbortSignal): Promise<void> {
    if (this.#nDeleted > REBUILD_MINIMUM && this.#nDeleted > REBUILD_SHARE * this.#graph.getCurrentCount()) await this.#rebuild(signal);
  }

  /** Takes over what the database has and the graph has not, and drops what the database has no more. */
  async follow(signal?: AbortSignal): Promise<void> {
    // Another task saves the graph; when it is done, the changes that waited are in.
    while (this.#waiting) await nextTurn();
    const wanted = new Set(this.#store.vectorIds());
    for (const id of [...this.#live]) if (!wanted.has(id)) this.remove(id);
    // Ids only grow; below the last one there are gaps only where a graph was saved between an insertion and its vector.
    let from = wanted.size - this.#live.size > 0 && [...wanted].some((id) => id <= this.#lastId && !this.#live.has(id)) ? 0 : this.#lastId;
    for (;;) {
      const rows = this.#store.vectorsAfter(from, SLICE_POINTS);
      if (rows.length === 0) break;
      for (const row of rows) this.add(row.id, decodeVector(row.vector));
      from = (rows[rows.length - 1] as { id: number }).id;
      await nextTurn();
      throwIfCancelled(signal);
    }
    await this.compact(signal);
  }

  async #rebuild(signal: AbortSignal | undefined): Promise<void> {
    const fresh = new VectorIndex(this.#folder, this.#store, this.#embedderHash, this.#dimension, this.#log, emptyGraph(this.#dimension));
    await fresh.follow(signal);
    this.#graph = fresh.#graph;
    this.#live = fresh.#live;
    this.#lastId = fresh.#lastId;
    this.#nDeleted = 0;
    this.#changes += fresh.#changes;
  }

  /** Saves the graph under a new name and then the header that names it. Errors: `diskFull`, `unreadable`. */
  async save(): Promise<void> {
    if (this.#changes === 0 || this.#waiting || this.#graph instanceof ExactGraph) return;
    const saved = this.#changes;
    const name = `vectors-${randomBytes(6).toString("hex")}.hnsw`;
    const file = path.join(this.#folder, name);
    try {
      await mkdir(this.#folder, { recursive: true });
      await this.#writeGraph(file);
      const handle = await open(file, "r+");
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
      const header: Header = {
        format: FORMAT, embedder: this.#embedderHash, dimension: this.#dimension, databaseId: this.#store.databaseId(), file: name,
        sizeBytes: (await stat(file)).size, sha256: await sha256File(file),
      };
      await writeFileAtomic(path.join(this.#folder, "vectors.json"), JSON.stringify(header));
    } catch (error) {
      await rm(file, { force: true });
      throw writeFailure(file, error);
    }
    this.#changes -= saved;
    for (const other of await readdir(this.#folder)) {
      if (/^vectors-[0-9a-f]+\.hnsw$/.test(other) && other !== name) await rm(path.join(this.#folder, other), { force: true });
    }
  }

  async #writeGraph(file: string): Promise<void> {
    this.#waiting = [];
    try {
      await this.#graph.writeIndex(file);
    } finally {
      const waiting = this.#waiting;
      this.#waiting = null;
      for (const change of waiting) change();
    }
  }

  async #load(): Promise<void> {
    const problem = await this.#tryLoad();
    if (problem === null) return;
    this.#log.info("The vector file is built anew from the database.", { problem });
    this.#graph = emptyGraph(this.#dimension);
    this.#live.clear();
    this.#lastId = 0;
  }

  /** Null when loaded or when there is nothing to load, else what is wrong with the saved graph. */
  async #tryLoad(): Promise<string | null> {
    if (this.#graph instanceof ExactGraph) return null;
    let header: Header;
    try {
      header = JSON.parse(await readFile(path.join(this.#folder, "vectors.json"), "utf8")) as Header;
    } catch (error) {
      return (error as { code?: string }).code === "ENOENT" ? null : "unreadable header";
    }
    if (header.format !== FORMAT) return "other format";
    if (header.embedder !== this.#embedderHash || header.dimension !== this.#dimension) return "other embedder";
    if (header.databaseId !== this.#store.databaseId()) return "other database";
    const file = path.join(this.#folder, path.basename(header.file));
    try {
      if ((await stat(file)).size !== header.sizeBytes || (await sha256File(file)) !== header.sha256) return "damaged";
      await this.#graph.readIndex(file);
    } catch (error) {
      return error instanceof Error ? error.message : "unreadable";
    }
    // Deleted points are listed too; those that the database no longer has are removed by follow().
    const wanted = new Set(this.#store.vectorIds());
    for (const id of this.#graph.getIdsList()) {
      this.#lastId = Math.max(this.#lastId, id);
      if (wanted.has(id)) this.#live.add(id);
      else this.#forget(id);
    }
    return null;
  }

  #forget(id: number): void {
    try {
      this.#graph.markDelete(id);
    } catch {
      // It was deleted before the graph was saved.
    }
    this.#nDeleted++;
  }
}

/** hnswlib's graph, or, where the library has no build for this machine, one that looks at every vector. */
function emptyGraph(dimension: number): NeighbourGraph {
  let Graph: new (space: "ip", dimension: number) => HierarchicalNSW;
  try {
    ({ HierarchicalNSW: Graph } = createRequire(import.meta.url)("hnswlib-node") as { HierarchicalNSW: typeof Graph });
  } catch {
    return new ExactGraph();
  }
  const graph = new Graph("ip", dimension);
  graph.initIndex(1_024, LINKS, CONSTRUCTION_BREADTH, 100);
  return graph;
}
