// The rows of the workspace index: writes whole files, and answers by path, name and words.
// It neither reads the disk nor knows how hits are weighed against each other.
import { inTransaction } from "../../base/database.ts";
import type { DatabaseSync, StatementSync } from "../../base/database.ts";
import type { SymbolDefinition, SymbolUsage } from "../../protocol/types.ts";
import type { ParsedFile } from "../chunking/parsedFile.ts";
import { foldIdentifier } from "../keyword/analyzer.ts";
import { FieldIndex } from "../keyword/fieldIndex.ts";
import { FieldSearch } from "../keyword/fieldSearch.ts";
import type { FieldHits, QueryWord, WantedChunk } from "../keyword/fieldSearch.ts";
import { fieldWords, stemOf } from "../keyword/fieldWords.ts";
import type { FileWords } from "../keyword/fieldWords.ts";
import { randomBytes } from "node:crypto";

/** A file as the index knows it. */
export interface FileRow {
  id: number;
  path: string;
  language: string;
  size: number;
  mtimeMs: number;
  readAtMs: number;
  sha256: string | null;
  skipReason: string | null;
}

/** A file read and cut, ready to be written; `vectors` runs along the chunks, null where not yet embedded. */
export interface PreparedFile {
  path: string;
  language: string;
  size: number;
  mtimeMs: number;
  readAtMs: number;
  sha256: string;
  parsed: ParsedFile;
  passageKeys: Uint8Array[];
  vectors: (Uint8Array | null)[];
  /** Its words by field, where they were made before; made here otherwise. */
  words?: FileWords;
}

export interface ChunkRow {
  id: number;
  fileId: number;
  path: string;
  language: string;
  startLine: number;
  endLine: number;
  breadcrumb: string[];
  text: string;
  vector: Uint8Array | null;
}

export class ChunkStore {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** The words of files and chunks by field. */
  readonly fields: FieldIndex;
  readonly #fieldSearch: FieldSearch;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.fields = new FieldIndex(database);
    this.#fieldSearch = new FieldSearch(this.fields);
    // SQLite's own default of 2 MB has every query by words read its pages from the file again.
    database.exec("PRAGMA cache_size = -32000; PRAGMA mmap_size = 268435456;");
  }

  #sql(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, statement = this.#database.prepare(sql));
    return statement;
  }

  fact(name: string): string | null {
    return (this.#sql("SELECT value FROM indexFacts WHERE name = ?").get(name) as { value: string } | undefined)?.value ?? null;
  }

  setFact(name: string, value: string): void {
    this.#sql("INSERT INTO indexFacts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value").run(name, value);
  }

  /** A random id made with the database: files beside it name it, so that those of another database are not taken for its own. */
  databaseId(): string {
    const known = this.fact("databaseId");
    if (known !== null) return known;
    this.#sql("INSERT INTO indexFacts VALUES ('databaseId', ?) ON CONFLICT (name) DO NOTHING").run(randomBytes(16).toString("hex"));
    return this.fact("databaseId") as string;
  }

  /** Changes whenever another connection wrote. */
  dataVersion(): number {
    return (this.#sql("PRAGMA data_version").get() as { data_version: number }).data_version;
  }

  /** Runs `work` in one transaction. */
  write<T>(work: () => T): T {
    let result: T;
    try {
      result = inTransaction(this.#database, work);
    } catch (error) {
      this.fields.rollback();
      throw error;
    }
    this.fields.commit();
    return result;
  }

  // ---- files

  allFiles(): FileRow[] {
    return this.#sql("SELECT * FROM files").all() as unknown as FileRow[];
  }

  file(path: string): FileRow | null {
    return (this.#sql("SELECT * FROM files WHERE path = ?").get(path) as unknown as FileRow | undefined) ?? null;
  }

  /** Paths of all files in `folder` (relative, without a slash at its end) or below it, and `folder` itself. */
  pathsUnder(folder: string): string[] {
    const rows = this.#sql("SELECT path FROM files WHERE path = ?1 OR (path > ?1 || '/' AND path < ?1 || '0')").all(folder) as { path: string }[];
    return rows.map((row) => row.path);
  }

  counts(): { files: number; chunks: number } {
    const { files } = this.#sql("SELECT count(*) AS files FROM files WHERE skipReason IS NULL").get() as { files: number };
    const { chunks } = this.#sql("SELECT count(*) AS chunks FROM chunks").get() as { chunks: number };
    return { files, chunks };
  }

  /** Files left out, with the reason, by path. */
  skipped(): { path: string; reason: string }[] {
    return this.#sql("SELECT path, skipReason AS reason FROM files WHERE skipReason IS NOT NULL ORDER BY path").all().map((row) => ({ path: row["path"] as string, reason: row["reason"] as string }));
  }

  /** Notes that a file's content is as before although its time changed. */
  confirmFile(path: string, size: number, mtimeMs: number, readAtMs: number): void {
    this.#sql("UPDATE files SET size = ?, mtimeMs = ?, readAtMs = ? WHERE path = ?").run(size, mtimeMs, readAtMs, path);
  }

  /** Removes a file and all that came from it; returns the ids of its chunks. */
  removeFile(path: string): number[] {
    const row = this.#sql("SELECT id FROM files WHERE path = ?").get(path) as { id: number } | undefined;
    if (!row) return [];
    const ids = (this.#sql("SELECT id FROM chunks WHERE fileId = ?").all(row.id) as { id: number }[]).map((chunk) => chunk.id);
    this.fields.removeFile(row.id);
    this.#sql("DELETE FROM files WHERE id = ?").run(row.id);
    return ids;
  }

  /** Records a file that is left out, in place of whatever was known of it; returns the ids of the chunks it had. */
  skipFile(file: Pick<FileRow, "path" | "language" | "size" | "mtimeMs" | "readAtMs" | "sha256">, reason: string): number[] {
    const removed = this.removeFile(file.path);
    this.#sql("INSERT INTO files (path, language, size, mtimeMs, readAtMs, sha256, skipReason) VALUES (?, ?, ?, ?, ?, ?, ?)")
      .run(file.path, file.language, file.size, file.mtimeMs, file.readAtMs, file.sha256, reason);
    return removed;
  }

  /** Vectors that chunks of `path` have now, by passage key in hex: what did not change is not embedded again. */
  vectorsOf(path: string): Map<string, Uint8Array> {
    const rows = this.#sql("SELECT passageKey, vector FROM chunks JOIN files ON files.id = fileId WHERE path = ? AND vector IS NOT NULL").all(path) as { passageKey: Uint8Array; vector: Uint8Array }[];
    return new Map(rows.map((row) => [Buffer.from(row.passageKey).toString("hex"), row.vector]));
  }

  /** Writes a prepared file in place of what was known of it. */
  writeFile(file: PreparedFile): { added: { id: number; vector: Uint8Array | null }[]; removed: number[] } {
    const removed = this.removeFile(file.path);
    const { lastInsertRowid } = this.#sql("INSERT INTO files (path, language, size, mtimeMs, readAtMs, sha256, skipReason) VALUES (?, ?, ?, ?, ?, ?, NULL)")
      .run(file.path, file.language, file.size, file.mtimeMs, file.readAtMs, file.sha256);
    const fileId = Number(lastInsertRowid);
    const added = file.parsed.chunks.map((chunk, i) => {
      const vector = file.vectors[i] ?? null;
      const row = this.#sql("INSERT INTO chunks (fileId, startLine, endLine, breadcrumb, text, passageKey, vector) VALUES (?, ?, ?, ?, ?, ?, ?)")
        .run(fileId, chunk.startLine, chunk.endLine, JSON.stringify(chunk.breadcrumb), chunk.text, file.passageKeys[i] as Uint8Array, vector);
      const id = Number(row.lastInsertRowid);
      return { id, vector };
    });
    // Ids of chunks that are written in a row are numbers in a row: the field index keeps only the first.
    this.fields.addFile(fileId, added[0]?.id ?? 0, file.words ?? fieldWords(file.path, file.parsed));
    for (const symbol of file.parsed.symbols) {
      this.#sql("INSERT INTO symbols (fileId, name, folded, kind, container, startLine, endLine, signature, documentation, exported) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .run(fileId, symbol.name, foldIdentifier(symbol.name), symbol.kind, JSON.stringify(symbol.container), symbol.startLine, symbol.endLine, symbol.signature, symbol.documentation, symbol.exported ? 1 : 0);
    }
    for (const [name, lines] of file.parsed.usages) this.#sql("INSERT INTO usages VALUES (?, ?, ?)").run(name, fileId, JSON.stringify(lines));
    return { added, removed };
  }

  /** Forgets everything, because another version of the chunking wrote it. */
  clear(): void {
    this.write(() => {
      this.#database.exec("DELETE FROM files");
      this.fields.clear();
    });
  }

  // ---- vectors

  /** Forgets every vector, because another embedder made them. */
  clearVectors(): void {
    this.#sql("UPDATE chunks SET vector = NULL WHERE vector IS NOT NULL").run();
  }

  setVector(id: number, vector: Uint8Array): void {
    this.#sql("UPDATE chunks SET vector = ? WHERE id = ?").run(vector, id);
  }

  /** Chunks that have no vector yet, in order of id after `afterId`. */
  withoutVector(afterId: number, limit: number): ChunkRow[] {
    return (this.#sql(`${SELECT_CHUNK} WHERE vector IS NULL AND chunks.id > ? ORDER BY chunks.id LIMIT ?`).all(afterId, limit) as unknown as RawChunk[]).map(chunkOf);
  }

  countWithoutVector(): number {
    return (this.#sql("SELECT count(*) AS n FROM chunks WHERE vector IS NULL").get() as { n: number }).n;
  }

  /** Vectors with ids above `afterId`, in order, at most `limit`. */
  vectorsAfter(afterId: number, limit: number): { id: number; vector: Uint8Array }[] {
    return this.#sql("SELECT id, vector FROM chunks WHERE id > ? AND vector IS NOT NULL ORDER BY id LIMIT ?").all(afterId, limit) as { id: number; vector: Uint8Array }[];
  }

  /** Ids of all chunks that have a vector. */
  vectorIds(): number[] {
    return (this.#sql("SELECT id FROM chunks WHERE vector IS NOT NULL").all() as { id: number }[]).map((row) => row.id);
  }

  // ---- reading

  chunk(id: number): ChunkRow | null {
    const row = this.#sql(`${SELECT_CHUNK} WHERE chunks.id = ?`).get(id) as unknown as RawChunk | undefined;
    return row ? chunkOf(row) : null;
  }

  chunksOf(path: string): ChunkRow[] {
    return (this.#sql(`${SELECT_CHUNK} WHERE path = ? ORDER BY startLine`).all(path) as unknown as RawChunk[]).map(chunkOf);
  }

  /** Id of the chunk that holds a line. */
  chunkAt(path: string, line: number): number | null {
    const row = this.#sql("SELECT chunks.id AS id FROM chunks JOIN files ON files.id = fileId WHERE path = ? AND startLine <= ? AND endLine >= ? LIMIT 1").get(path, line, line) as { id: number } | undefined;
    return row?.id ?? null;
  }

  pathOf(fileId: number): string | null {
    return (this.#sql("SELECT path FROM files WHERE id = ?").get(fileId) as { path: string } | undefined)?.path ?? null;
  }

  /** Ids of the indexed files (at most `limit`, shortest paths first) whose path is `path` or ends in it. */
  filesNamed(path: string, limit: number): number[] {
    return (this.#sql("SELECT id FROM files WHERE (path = ?1 OR path LIKE '%/' || ?2 ESCAPE '\\') AND skipReason IS NULL ORDER BY length(path), path LIMIT ?3")
      .all(path, path.replace(/[\\%_]/g, "\\$&"), limit) as { id: number }[]).map((row) => row.id);
  }

  /** Ids of the files that define a name, or that use it; at most 50. */
  filesDefining(name: string): number[] {
    return (this.#sql("SELECT DISTINCT fileId FROM symbols WHERE name = ? LIMIT 50").all(name) as { fileId: number }[]).map((row) => row.fileId);
  }

  filesUsing(name: string): number[] {
    return (this.#sql("SELECT fileId FROM usages WHERE name = ? LIMIT 50").all(name) as { fileId: number }[]).map((row) => row.fileId);
  }

  /** Distinct names that a file defines at any depth, and those it uses. */
  namesOfFile(fileId: number): { defined: string[]; used: string[] } {
    return {
      defined: (this.#sql("SELECT DISTINCT name FROM symbols WHERE fileId = ?").all(fileId) as { name: string }[]).map((row) => row.name),
      used: (this.#sql("SELECT name FROM usages WHERE fileId = ?").all(fileId) as { name: string }[]).map((row) => row.name),
    };
  }

  vectorsOfFile(fileId: number): Uint8Array[] {
    return (this.#sql("SELECT vector FROM chunks WHERE fileId = ? AND vector IS NOT NULL").all(fileId) as { vector: Uint8Array }[]).map((row) => row.vector);
  }

  /** Ids of the first chunks of the files (at most `limit`, shortest paths first) whose path is `path` or ends in it. */
  chunksNamed(path: string, limit: number): number[] {
    const files = this.#sql("SELECT id FROM files WHERE path = ?1 OR path LIKE '%/' || ?2 ESCAPE '\\' ORDER BY length(path), path LIMIT ?3")
      .all(path, path.replace(/[\\%_]/g, "\\$&"), limit) as { id: number }[];
    return files.flatMap(({ id }) => {
      const first = this.#sql("SELECT id FROM chunks WHERE fileId = ? ORDER BY startLine LIMIT 1").get(id) as { id: number } | undefined;
      return first ? [first.id] : [];
    });
  }

  /** Chunks and files by words, best first. */
  matchFields(words: readonly QueryWord[], limits: { chunks: number; files: number }, wanted: readonly WantedChunk[] = []): FieldHits {
    return this.#fieldSearch.search(words, limits, wanted);
  }

  /** Chunks by words as indexWords makes them, best first; `score` is BM25F, larger is better. */
  matchWords(words: readonly string[], limit: number): { id: number; score: number }[] {
    return this.matchFields([...new Set(words.map(stemOf))].map((word) => ({ word, weight: 1, subject: true })), { chunks: limit, files: 1 }).chunks.map(({ id, score }) => ({ id, score }));
  }

  /** Definitions whose name without case and separators is `folded`. */
  symbolsFolded(folded: string, limit: number): SymbolDefinition[] {
    return (this.#sql(`${SELECT_SYMBOL} WHERE folded = ? ORDER BY exported DESC, path, startLine LIMIT ?`).all(folded, limit) as unknown as RawSymbol[]).map(symbolOf);
  }

  definitions(name: string, limit: number): SymbolDefinition[] {
    return (this.#sql(`${SELECT_SYMBOL} WHERE name = ? ORDER BY exported DESC, path, startLine LIMIT ?`).all(name, limit) as unknown as RawSymbol[]).map(symbolOf);
  }

  symbolsIn(path: string): SymbolDefinition[] {
    return (this.#sql(`${SELECT_SYMBOL} WHERE path = ? ORDER BY startLine, symbols.id`).all(path) as unknown as RawSymbol[]).map(symbolOf);
  }

  /** All distinct names, with their folded form. */
  symbolNames(): { name: string; folded: string }[] {
    return this.#sql("SELECT DISTINCT name, folded FROM symbols ORDER BY name").all() as { name: string; folded: string }[];
  }

  usageRows(name: string): { path: string; fileId: number; lines: number[] }[] {
    const rows = this.#sql("SELECT path, fileId, lines FROM usages JOIN files ON files.id = fileId WHERE name = ? ORDER BY path").all(name) as { path: string; fileId: number; lines: string }[];
    return rows.map((row) => ({ ...row, lines: JSON.parse(row.lines) as number[] }));
  }

  /** One line of an indexed file, as a usage. */
  usageAt(path: string, fileId: number, line: number): SymbolUsage | null {
    const row = this.#sql("SELECT startLine, text FROM chunks WHERE fileId = ? AND startLine <= ? AND endLine >= ? LIMIT 1").get(fileId, line, line) as { startLine: number; text: string } | undefined;
    const text = row?.text.split("\n")[line - row.startLine];
    return text === undefined ? null : { path, line, text: text.trim().slice(0, 200) };
  }

  /** The whole text of an indexed file: its chunks with the blank lines between them. */
  textOf(path: string): string {
    const lines: string[] = [];
    for (const { startLine, text } of this.#sql("SELECT startLine, text FROM chunks JOIN files ON files.id = fileId WHERE path = ? ORDER BY startLine").all(path) as { startLine: number; text: string }[]) {
      while (lines.length < startLine - 1) lines.push("");
      lines.push(...text.split("\n"));
    }
    return lines.join("\n");
  }
}

const SELECT_CHUNK = "SELECT chunks.id AS id, fileId, path, language, startLine, endLine, breadcrumb, text, vector FROM chunks JOIN files ON files.id = fileId";
const SELECT_SYMBOL = "SELECT path, language, name, kind, container, startLine, endLine, signature, documentation, exported FROM symbols JOIN files ON files.id = fileId";

type RawChunk = Omit<ChunkRow, "breadcrumb"> & { breadcrumb: string };
type RawSymbol = Omit<SymbolDefinition, "container" | "exported"> & { container: string; exported: number };

function chunkOf(row: RawChunk): ChunkRow {
  return { ...row, breadcrumb: JSON.parse(row.breadcrumb) as string[] };
}

function symbolOf(row: RawSymbol): SymbolDefinition {
  return { ...row, container: JSON.parse(row.container) as string[], exported: row.exported === 1 };
}
