import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { FieldIndex } from "../../../src/engine/retrieval/keyword/fieldIndex.ts";
import { FILE_SCORES, FieldSearch } from "../../../src/engine/retrieval/keyword/fieldSearch.ts";
import { fieldWords, N_FIELDS, stemOf } from "../../../src/engine/retrieval/keyword/fieldWords.ts";
import type { FileWords } from "../../../src/engine/retrieval/keyword/fieldWords.ts";
import { decodeNumbers, encodeNumbers, PostingsBuilder, readPostings } from "../../../src/engine/retrieval/keyword/postings.ts";
import { ChunkStore } from "../../../src/engine/retrieval/store/chunkStore.ts";
import { RETRIEVAL_SCHEMA } from "../../../src/engine/retrieval/store/schema.ts";

const VOCABULARY = ["parse", "header", "socket", "render", "colour", "queue", "retry", "cache", "token", "path"];

function database(): DatabaseSync {
  const made = new DatabaseSync(":memory:");
  for (const migration of RETRIEVAL_SCHEMA.migrations) made.exec(migration);
  return made;
}

function chunk(names: string, comments: string, text: string): Parameters<typeof fieldWords>[1]["chunks"][number] {
  return { startLine: 1, endLine: 1, text, breadcrumb: names === "" ? [] : [names], names: [], comments };
}

function drawnFile(random: SeededRandom): FileWords {
  const draw = (n: number): string => Array.from({ length: n }, () => VOCABULARY[random.integer(VOCABULARY.length)]).join(" ");
  const words = Array.from({ length: 1 + random.integer(3) }, () => chunk(draw(1), draw(2), draw(3 + random.integer(12))));
  return fieldWords(`src/${draw(1)}.ts`, { chunks: words, symbols: [] });
}

/** A database with `n` files in the field index; chunk ids are 10 × file id and on. */
function filled(n: number, segmentSize = 4_096): { db: DatabaseSync; index: FieldIndex; files: Map<number, FileWords> } {
  const db = database();
  const index = new FieldIndex(db, segmentSize);
  const random = new SeededRandom(4);
  const files = new Map<number, FileWords>();
  for (let id = 1; id <= n; id++) put(db, index, files, id, drawnFile(random));
  return { db, index, files };
}

function put(db: DatabaseSync, index: FieldIndex, files: Map<number, FileWords>, id: number, words: FileWords): void {
  db.prepare("INSERT INTO files (id, path, language, size, mtimeMs, readAtMs) VALUES (?, ?, 'typescript', 0, 0, 0)").run(id, `f${id}`);
  index.addFile(id, 10 * id, words);
  index.commit();
  files.set(id, words);
}

function drop(db: DatabaseSync, index: FieldIndex, files: Map<number, FileWords>, id: number): void {
  index.removeFile(id);
  db.prepare("DELETE FROM files WHERE id = ?").run(id);
  index.commit();
  files.delete(id);
}

const query = ["parse", "cache", "colour"].map((word, i) => ({ word: stemOf(word), weight: 1, subject: i === 0 }));
const searched = (index: FieldIndex) => {
  const { chunks, files } = new FieldSearch(index).search(query, { chunks: 8, files: 8 });
  return { chunks: chunks.map(({ id, score }) => [id, score.toFixed(4)]), files: files.map(({ fileId, scores }) => [fileId, [...scores].map((x) => x.toFixed(3)).join()]) };
};

/** BM25F over whole files, written down as published. */
function reference(files: ReadonlyMap<number, FileWords>): Map<number, number> {
  const weight = [2, 3, 3, 0, 1.5, 0, 1];
  const b = [0.3, 0.3, 0.6, 0.6, 0.6, 0.6, 0.7];
  const countsOf = (words: FileWords, word: string) => Array.from({ length: N_FIELDS }, (_, field) => [words.header, ...words.chunks].reduce((sum, counts) => sum + (counts.get(word)?.[field] ?? 0), 0));
  const lengths = new Map([...files].map(([id, words]) => [id, Array.from({ length: N_FIELDS }, (_, field) => [words.header, ...words.chunks].reduce((sum, counts) => sum + [...counts.values()].reduce((n, each) => n + (each[field] as number), 0), 0))]));
  const mean = Array.from({ length: N_FIELDS }, (_, field) => [...lengths.values()].reduce((sum, row) => sum + (row[field] as number), 0) / files.size);
  const scores = new Map<number, number>();
  for (const { word } of query) {
    const having = [...files.values()].filter((words) => countsOf(words, word).some((n) => n > 0)).length;
    const idf = Math.log(1 + (files.size - having + 0.5) / (having + 0.5));
    for (const [id, words] of files) {
      const sum = countsOf(words, word).reduce((total, n, field) => total + ((weight[field] as number) * n) / (1 - (b[field] as number) + ((b[field] as number) * ((lengths.get(id) as number[])[field] as number)) / Math.max(0.1, mean[field] as number)), 0);
      if (sum > 0) scores.set(id, (scores.get(id) ?? 0) + (idf * sum * 2.2) / (sum + 1.2));
    }
  }
  return scores;
}

describe("posting lists", () => {
  it("keep documents and counts, whatever their size", () => {
    const random = new SeededRandom(2);
    const written: [number, number[]][] = [];
    const builder = new PostingsBuilder();
    for (let document = 0, i = 0; i < 300; i++) {
      document += 1 + (i % 7 === 0 ? random.integer(70_000) : random.integer(3));
      const counts = Array.from({ length: N_FIELDS }, () => (random.uniform() < 0.5 ? 0 : random.uniform() < 0.7 ? 1 : random.integer(40_000)));
      written.push([document, counts]);
      builder.add(document, counts);
    }
    const read: [number, number[]][] = [];
    readPostings(builder.bytes(), (document, counts) => read.push([document, [...counts]]));
    assert.deepEqual(read, written);
    assert.deepEqual(decodeNumbers(encodeNumbers([0, 127, 128, 2 ** 40 + 3])), [0, 127, 128, 2 ** 40 + 3]);
  });
});

describe("the field index", () => {
  it("scores files by BM25F as published", () => {
    const { index, files } = filled(30);
    const { files: found } = new FieldSearch(index).search(query, { chunks: 1, files: 30 });
    const expected = reference(files);
    assert.equal(found.length, expected.size);
    for (const { fileId, scores } of found) assert.ok(Math.abs((scores[FILE_SCORES.indexOf("all")] as number) - (expected.get(fileId) as number)) < 1e-4, `file ${fileId}`);
    assert.deepEqual(found.map(({ fileId }) => expected.get(fileId)), [...expected.values()].sort((a, b) => b - a));
  });

  it("finds the same in memory, in segments and after opening again", async () => {
    const { db, index } = filled(40, 16);
    const before = searched(index);
    await index.maintain();
    assert.ok((db.prepare("SELECT count(*) AS n FROM keywordTerms").get() as { n: number }).n > 0);
    assert.equal((db.prepare("SELECT count(*) AS n FROM keywordLog").get() as { n: number }).n, 0);
    assert.deepEqual(searched(index), before);
    assert.deepEqual(searched(new FieldIndex(db)), before);
  });

  it("forgets removed files, and writes back a segment of which little is left", async () => {
    const { db, index, files } = filled(40, 16);
    await index.maintain();
    for (let id = 1; id <= 30; id++) drop(db, index, files, id);
    const left = searched(index);
    assert.ok(left.files.every(([id]) => (id as number) > 30));
    assert.deepEqual(left, searched(filledWith(files)));
    await index.maintain();
    assert.equal((db.prepare("SELECT count(*) AS n FROM keywordSegments").get() as { n: number }).n, 0);
    assert.deepEqual(searched(index), left);
    assert.deepEqual(searched(new FieldIndex(db)), left);
  });

  it("passes over a segment that was being written when the process ended", async () => {
    const { db, index } = filled(20);
    const before = searched(index);
    db.exec("INSERT INTO keywordSegments (id, complete, documents) VALUES (9, 0, x'00'); INSERT INTO keywordTerms VALUES (9, 'pars', x'0000')");
    const again = new FieldIndex(db);
    assert.deepEqual(searched(again), before);
    await again.maintain();
    assert.equal((db.prepare("SELECT count(*) AS n FROM keywordTerms WHERE segment = 9").get() as { n: number }).n, 0);
  });

  it("follows another process's files and segments", async () => {
    const { db, index, files } = filled(20, 16);
    const reader = new FieldIndex(db);
    searched(reader);
    put(db, index, files, 21, drawnFile(new SeededRandom(9)));
    drop(db, index, files, 3);
    reader.follow();
    assert.deepEqual(searched(reader), searched(index));
    await index.maintain();
    reader.follow();
    assert.deepEqual(searched(reader), searched(index));
  });

  it("takes nothing over from a transaction that was taken back", () => {
    const db = database();
    const store = new ChunkStore(db);
    const parsed = { chunks: [chunk("walrus", "", "walrus")], symbols: [], usages: new Map<string, number[]>(), parsed: true };
    const file = { path: "a.ts", language: "typescript", size: 1, mtimeMs: 0, readAtMs: 0, sha256: "", parsed, passageKeys: [new Uint8Array(16)], vectors: [null] };
    assert.throws(() => store.write(() => {
      store.writeFile(file);
      throw new Error("disk full");
    }), /disk full/);
    assert.deepEqual(store.matchWords(["walrus"], 5), []);
    store.write(() => store.writeFile(file));
    assert.equal(store.matchWords(["walrus"], 5).length, 1);
  });
});

function filledWith(files: ReadonlyMap<number, FileWords>): FieldIndex {
  const db = database();
  const index = new FieldIndex(db);
  for (const [id, words] of files) put(db, index, new Map(), id, words);
  return index;
}
