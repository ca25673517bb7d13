import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { SILENT_LOG } from "../../../src/engine/base/log.ts";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { parseFile } from "../../../src/engine/retrieval/chunking/parseFile.ts";
import { Indexer } from "../../../src/engine/retrieval/indexer.ts";
import { foldIdentifier, identifierParts, identifiersIn, indexWords, queryWords } from "../../../src/engine/retrieval/keyword/analyzer.ts";
import { mergeCrops } from "../../../src/engine/retrieval/mergeCrops.ts";
import { editDistance, NameTable } from "../../../src/engine/retrieval/nameTable.ts";
import type { ScoredChunk } from "../../../src/engine/retrieval/searcher.ts";
import { searchPlace } from "../../../src/engine/retrieval/searcher.ts";
import { ShortCrop } from "../../../src/engine/retrieval/shortCrop.ts";
import { ChunkStore } from "../../../src/engine/retrieval/store/chunkStore.ts";
import { RETRIEVAL_SCHEMA } from "../../../src/engine/retrieval/store/schema.ts";
import { decodeVector, dot, encodeVector } from "../../../src/engine/retrieval/store/vectorCodec.ts";
import { VectorIndex } from "../../../src/engine/retrieval/store/vectorIndex.ts";
import { DEFAULT_SETTINGS } from "../../../src/engine/settings.ts";
import { randomEmbedder, removeTemporaryFolders, temporaryFolder, workspaceOf } from "./support.ts";

function memoryStore(): { store: ChunkStore; database: DatabaseSync } {
  const database = new DatabaseSync(":memory:");
  for (const migration of RETRIEVAL_SCHEMA.migrations) database.exec(migration);
  return { store: new ChunkStore(database), database };
}

async function storeOf(files: Record<string, [language: string, text: string]>): Promise<ChunkStore> {
  const { store } = memoryStore();
  for (const [path, [language, text]] of Object.entries(files)) {
    const parsed = await parseFile(language, text, SILENT_LOG);
    store.write(() => store.writeFile({ path, language, size: text.length, mtimeMs: 0, readAtMs: 0, sha256: "", parsed, passageKeys: parsed.chunks.map(() => new Uint8Array(16)), vectors: parsed.chunks.map(() => null) }));
  }
  return store;
}

function unitVector(random: SeededRandom, dimension: number): Float32Array {
  const vector = Float32Array.from({ length: dimension }, () => random.normal());
  const length = Math.sqrt(dot(vector, vector));
  return vector.map((x) => x / length);
}

describe("words for the keyword index", () => {
  it("splits identifiers at case, underscores and digits, and keeps the folded whole", () => {
    assert.deepEqual(identifierParts("readGGUFHeader_v2"), ["read", "gguf", "header", "v", "2"]);
    assert.deepEqual(identifierParts("HTTPServer"), ["http", "server"]);
    assert.equal(foldIdentifier("Read_Gguf-file"), "readgguffile");
    assert.deepEqual(indexWords("readFile(path)"), ["read", "file", "readfile", "path"]);
    assert.deepEqual(indexWords("größe 名前"), ["größe", "名前"]);
    assert.deepEqual(indexWords("x".repeat(65)), []);
  });

  it("drops stop words of questions, unless nothing else is left", () => {
    assert.deepEqual(queryWords("where is the session handled?"), ["session", "handled"]);
    assert.deepEqual(queryWords("what is it"), ["what", "is", "it"]);
    assert.deepEqual(queryWords(""), []);
  });

  it("knows names of code in prose", () => {
    assert.deepEqual(identifiersIn("why does `parse` fail in readFile() and Store.get with MAX_SIZE").sort(), ["MAX_SIZE", "Store", "get", "parse", "readFile"]);
    assert.deepEqual(identifiersIn("plain words only"), []);
  });
});

describe("searching", () => {
  afterEach(removeTemporaryFolders);
  const files: Record<string, [string, string]> = {
    "src/atomic.ts": ["typescript", "/** Writes so that readers see the old or the new content. */\nexport function writeFileAtomic(file: string): void {\n  rename(file);\n  sync(file);\n}\n"],
    "src/user.ts": ["typescript", "import { writeFileAtomic } from \"./atomic.ts\";\n\nexport function save(): void {\n  writeFileAtomic(\"a\");\n  writeFileAtomic(\"b\");\n}\n"],
    "docs/guide.md": ["markdown", "# Guide\n\nHow content is written.\n"],
  };

  it("finds a definition by its words in a row, before its uses", async () => {
    const { hits } = searchPlace({ store: await storeOf(files), nearest: [] }, "write file atomic", { queryVector: null, limit: 5 });
    assert.equal(hits[0]?.chunk.path, "src/atomic.ts");
    assert.ok(hits[0].via.includes("symbol"));
  });

  it("finds files by a path in the query", async () => {
    const { hits } = searchPlace({ store: await storeOf(files), nearest: [] }, "explain docs/guide.md:3", { queryVector: null, limit: 5 });
    assert.equal(hits[0]?.chunk.path, "docs/guide.md");
    assert.equal(hits[0].via[0], "keyword");
    assert.ok(hits[0].via.includes("path"));
  });

  it("prefers the active file among equals, and orders equals by place", async () => {
    const same: Record<string, [string, string]> = { "b.txt": ["plaintext", "walrus"], "a.txt": ["plaintext", "walrus"], "c.txt": ["plaintext", "walrus"] };
    const store = await storeOf(same);
    const paths = (activePath?: string) => searchPlace({ store, nearest: [] }, "walrus", { queryVector: null, limit: 5, ...(activePath ? { activePath } : {}) }).hits.map((hit) => hit.chunk.path);
    assert.deepEqual(paths(), ["a.txt", "b.txt", "c.txt"]);
    assert.equal(paths("c.txt")[0], "c.txt");
  });

  it("passes over neighbours that were deleted meanwhile", async () => {
    const store = await storeOf(files);
    assert.deepEqual(searchPlace({ store, nearest: [{ id: 9_999, score: 0.9 }] }, "zzz", { queryVector: new Float32Array(4).fill(0.5), limit: 5 }).hits, []);
  });

  it("suggests names spelt alike and follows qualified names", async () => {
    const table = new NameTable(await storeOf({ ...files, "src/s.ts": ["typescript", "export class Scheduler {\n  run(): void {\n    work();\n    work();\n  }\n}\nexport class Other {\n  run(): void {\n    work();\n    work();\n  }\n}\n"] }));
    assert.deepEqual(table.similar("writeFileAtomc", 1), ["writeFileAtomic"]);
    assert.deepEqual(table.similar("atomicFileWriter", 1), ["writeFileAtomic"]);
    assert.deepEqual(table.similar("qqq", 3), []);
    assert.deepEqual(table.definitions("Scheduler.run", 5).map((definition) => definition.container), [["Scheduler"]]);
    assert.equal(table.definitions("run", 5).length, 2);
    assert.equal(table.usages("writeFileAtomic", 10).count, 3);
  });

  it("measures edit distance up to a limit", () => {
    assert.equal(editDistance("kitten", "sitting", 5), 3);
    assert.equal(editDistance("form", "from", 2), 1);
    assert.equal(editDistance("abc", "xyz", 1), 2);
  });
});

describe("vectors", () => {
  afterEach(removeTemporaryFolders);

  it("are stored with little loss", () => {
    const random = new SeededRandom(3);
    for (let i = 0; i < 50; i++) {
      const [a, b] = [unitVector(random, 256), unitVector(random, 256)];
      assert.ok(Math.abs(dot(a, b) - dot(decodeVector(encodeVector(a)), decodeVector(encodeVector(b)))) < 0.003);
    }
    assert.deepEqual([...decodeVector(encodeVector(new Float32Array(4)))], [0, 0, 0, 0]);
  });

  it("are found nearly as by exact search, also after half are deleted and inserted anew", async () => {
    const random = new SeededRandom(5);
    const { store } = memoryStore();
    const index = await VectorIndex.open(temporaryFolder(), store, "hash", 32, SILENT_LOG);
    const vectors = new Map<number, Float32Array>();
    for (let id = 1; id <= 2_000; id++) vectors.set(id, unitVector(random, 32));
    for (const [id, vector] of vectors) index.add(id, vector);
    const recall = () => {
      let found = 0;
      for (let q = 0; q < 50; q++) {
        const query = unitVector(random, 32);
        const exact = [...vectors].map(([id, vector]) => [id, dot(vector, query)] as const).sort((a, b) => b[1] - a[1]).slice(0, 10).map(([id]) => id);
        const near = index.search(query, 10).map((hit) => hit.id);
        assert.equal(near.length, 10);
        found += exact.filter((id) => near.includes(id)).length;
      }
      return found / 500;
    };
    assert.ok(recall() >= 0.98, "before");
    for (let id = 1; id <= 1_000; id++) {
      index.remove(id);
      vectors.delete(id);
      vectors.set(id + 2_000, unitVector(random, 32));
      index.add(id + 2_000, vectors.get(id + 2_000) as Float32Array);
    }
    assert.equal(index.size, 2_000);
    assert.ok(recall() >= 0.97, "after");
  });

  it("takes changes in while the graph is being saved, and finds them after opening it again", async () => {
    const random = new SeededRandom(8);
    const folder = temporaryFolder();
    const { store, database } = memoryStore();
    database.exec("INSERT INTO files (id, path, language, size, mtimeMs, readAtMs) VALUES (1, 'a', 'plaintext', 0, 0, 0)");
    const index = await VectorIndex.open(folder, store, "hash", 16, SILENT_LOG);
    const put = (id: number) => {
      const vector = unitVector(random, 16);
      database.prepare("INSERT INTO chunks VALUES (?, 1, 1, 1, '[]', '', x'00', ?)").run(id, encodeVector(vector));
      index.add(id, vector);
      return vector;
    };
    for (let id = 1; id <= 500; id++) put(id);
    const saving = index.save();
    while (!existsSync(folder) || !readdirSync(folder).some((name) => name.endsWith(".hnsw"))) await new Promise((resolve) => setImmediate(resolve));
    const late = put(501);
    index.remove(7);
    database.exec("DELETE FROM chunks WHERE id = 7");
    await saving;
    assert.equal(index.search(late, 1)[0]?.id, 501);
    assert.equal(index.size, 500);
    const again = await VectorIndex.open(folder, store, "hash", 16, SILENT_LOG);
    assert.equal(again.search(late, 1)[0]?.id, 501);
    assert.equal(again.size, 500);
  });

  it("gives no more than there are, and nothing when empty", async () => {
    const index = await VectorIndex.open(temporaryFolder(), memoryStore().store, "hash", 8, SILENT_LOG);
    const query = unitVector(new SeededRandom(1), 8);
    assert.deepEqual(index.search(query, 10), []);
    index.add(4, query);
    index.add(5, query.map((x) => -x));
    index.remove(4);
    assert.deepEqual(index.search(query, 10).map((hit) => hit.id), [5]);
  });
});

describe("disk full", () => {
  afterEach(removeTemporaryFolders);

  it("stops the scan with a sentence and keeps what was written", async () => {
    const workspace = workspaceOf(Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`f${String(i).padStart(2, "0")}.txt`, `file number ${i}\n${`word${i} `.repeat(400)}`])));
    const { store, database } = memoryStore();
    const { page_count: pages } = database.prepare("PRAGMA page_count").get() as { page_count: number };
    database.exec(`PRAGMA max_page_count = ${pages + 60}`);
    const indexer = new Indexer({ workspaceDir: workspace, storageDir: "/storage", store, settings: DEFAULT_SETTINGS, embedder: null, vectors: null, log: SILENT_LOG });
    await assert.rejects(indexer.scan({}), { reason: "diskFull", message: /no space left.*Free some disk space/ });
    const { files } = store.counts();
    assert.ok(files > 0 && files < 60, String(files));
    assert.ok(store.matchWords(["word0"], 5).length > 0);
    database.exec("PRAGMA max_page_count = 100000");
    await indexer.scan({});
    assert.equal(store.counts().files, 60);
  });
});

describe("the short-term crop", () => {
  const document = (path: string, text: string, reason: "opened" | "edited" = "edited") => ({ path, language: "plaintext", text, reason });

  it("forgets by age and by number", async () => {
    let now = 0;
    const crop = new ShortCrop(randomEmbedder(), SILENT_LOG, () => now);
    await crop.touch(document("a.txt", "first"));
    assert.equal(crop.recency("a.txt"), 1);
    now = 30 * 60_000;
    assert.equal(crop.recency("a.txt"), 0.5);
    for (let i = 0; i < 40; i++) await crop.touch(document(`d${i}.txt`, `document ${i}`));
    assert.equal(crop.recency("a.txt"), 0);
    assert.equal(crop.store.counts().files, 32);
    assert.deepEqual(crop.store.matchWords(["first"], 5), []);
    crop.dispose();
  });

  it("keeps the newest text of a document, opened counting less than edited, closed half", async () => {
    const crop = new ShortCrop(randomEmbedder(), SILENT_LOG, () => 0);
    await Promise.all([crop.touch(document("a.txt", "old words")), crop.touch(document("a.txt", "new words"))]);
    assert.deepEqual(crop.store.matchWords(["old"], 5), []);
    assert.equal(crop.store.matchWords(["new"], 5).length, 1);
    await crop.touch(document("b.txt", "only opened", "opened"));
    assert.ok(crop.recency("b.txt") < crop.recency("a.txt"));
    crop.close("a.txt");
    assert.equal(crop.recency("a.txt"), 0.5);
    crop.dispose();
  });

  it("finds by vector what it holds, and nothing that it dropped", async () => {
    const embedder = randomEmbedder();
    const crop = new ShortCrop(embedder, SILENT_LOG);
    await crop.touch(document("a.txt", "the walrus sleeps on the ice"));
    await crop.touch(document("b.txt", "compilers allocate registers"));
    const [query] = await embedder.embed(["walrus on ice"], "query");
    const [nearest] = await crop.nearest(query ?? null, 5);
    assert.equal(crop.store.chunk(nearest?.id ?? -1)?.path, "a.txt");
    await crop.remove("a.txt");
    assert.deepEqual((await crop.nearest(query ?? null, 5)).map(({ id }) => crop.store.chunk(id)?.path), ["b.txt"]);
    crop.dispose();
  });

  it("remembers the sources of answers to like questions", async () => {
    const embedder = randomEmbedder();
    const crop = new ShortCrop(embedder, SILENT_LOG, () => 0);
    await crop.remember("answer", "The walrus sleeps on the ice.", [{ path: "a.txt", startLine: 2, endLine: 4 }]);
    const vector = async (text: string) => (await embedder.embed([text], "query"))[0] ?? null;
    const [source] = crop.rememberedSources(await vector("walrus sleeps on ice"));
    assert.deepEqual(source?.range, { path: "a.txt", startLine: 2, endLine: 4 });
    assert.deepEqual(crop.rememberedSources(await vector("quux")), []);
    crop.dispose();
  });

  it("takes in no enormous document", async () => {
    const crop = new ShortCrop(null, SILENT_LOG);
    await crop.touch(document("huge.txt", "word ".repeat(100_000)));
    assert.ok(crop.isEmpty);
    crop.dispose();
  });
});

describe("merging the crops", () => {
  const hit = (path: string, score: number, text = path): ScoredChunk => ({ score, via: ["keyword"], chunk: { id: 1, fileId: 1, path, language: "plaintext", startLine: 1, endLine: 2, breadcrumb: [], text, vector: null } });

  it("joins what stands alike in both, and lifts only what is relevant", () => {
    const merged = mergeCrops([hit("a", 1), hit("b", 0.9)], [hit("b", 0.5), hit("c", 0.1)], { recency: (path) => (path === "b" || path === "c" ? 1 : 0), remembered: [] });
    assert.deepEqual(merged.map(({ chunk, crop }) => [chunk.path, crop]), [["b", "long"], ["a", "long"], ["c", "short"]]);
    assert.ok(merged[0]?.via.includes("session"));
  });

  it("keeps both where the editor's text differs from the indexed", () => {
    assert.equal(mergeCrops([hit("a", 1, "saved")], [hit("a", 1, "unsaved")], { recency: () => 0, remembered: [] }).length, 2);
  });

  it("shows one of several copies of a passage", () => {
    const copied = "export function copied(): void {}\n".repeat(4);
    const merged = mergeCrops([hit("a", 1, copied), hit("b", 0.9, copied), hit("c", 0.8, "other")], [], { recency: () => 0, remembered: [] });
    assert.deepEqual(merged.map(({ chunk }) => chunk.path), ["a", "c"]);
  });

  it("lifts what a like answer cited", () => {
    const merged = mergeCrops([hit("a", 1), hit("b", 0.95)], [], { recency: () => 0, remembered: [{ range: { path: "b", startLine: 2, endLine: 9 }, weight: 1 }] });
    assert.equal(merged[0]?.chunk.path, "b");
    assert.ok(merged[0].via.includes("answer"));
  });
});
