// The tables of the workspace index. Migrations only ever grow at the end of the list; openDatabase applies what is missing.
import type { RoomSchema } from "../../base/database.ts";

export const RETRIEVAL_SCHEMA: RoomSchema = {
  room: "retrieval",
  rebuildable: true,
  migrations: [
    `
    -- One row of facts each: database id, embedder hash, version of the chunking.
    CREATE TABLE indexFacts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

    CREATE TABLE files (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      path TEXT NOT NULL UNIQUE,
      language TEXT NOT NULL,
      size INTEGER NOT NULL,
      mtimeMs REAL NOT NULL,
      readAtMs REAL NOT NULL,     -- when its content was read, to distrust an mtime that is as recent as that
      sha256 TEXT,                -- of the file's bytes; NULL where it was not read
      skipReason TEXT             -- why it is left out; NULL for indexed files
    ) STRICT;

    -- Ids are never reused: the vector index recognises new and deleted chunks by them.
    CREATE TABLE chunks (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      fileId INTEGER NOT NULL REFERENCES files (id) ON DELETE CASCADE,
      startLine INTEGER NOT NULL,
      endLine INTEGER NOT NULL,
      breadcrumb TEXT NOT NULL,   -- JSON list
      text TEXT NOT NULL,
      passageKey BLOB NOT NULL,   -- 16 bytes of the SHA-256 of what is embedded: an unchanged passage keeps its vector
      vector BLOB                 -- int8 components after a float32 scale; NULL until embedded
    ) STRICT;
    CREATE INDEX chunksByFile ON chunks (fileId, startLine);

    CREATE TABLE symbols (
      id INTEGER PRIMARY KEY,
      fileId INTEGER NOT NULL REFERENCES files (id) ON DELETE CASCADE,
      name TEXT NOT NULL,
      folded TEXT NOT NULL,       -- without case and separators
      kind TEXT NOT NULL,
      container TEXT NOT NULL,    -- JSON list
      startLine INTEGER NOT NULL,
      endLine INTEGER NOT NULL,
      signature TEXT NOT NULL,
      documentation TEXT NOT NULL,
      exported INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX symbolsByFile ON symbols (fileId, startLine);
    CREATE INDEX symbolsByName ON symbols (name);
    CREATE INDEX symbolsByFolded ON symbols (folded);

    -- One row per name and file; lines as a JSON list, which for the few lines of most names is as small as anything.
    CREATE TABLE usages (
      name TEXT NOT NULL,
      fileId INTEGER NOT NULL REFERENCES files (id) ON DELETE CASCADE,
      lines TEXT NOT NULL,
      PRIMARY KEY (name, fileId)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX usagesByFile ON usages (fileId);

    -- rowid is chunks.id. Contentless: the words are analysed here, the text stands in chunks.
    CREATE VIRTUAL TABLE keywords USING fts5 (path, symbols, comments, body, content = '', contentless_delete = 1, tokenize = 'porter unicode61');
    `,
    `
    -- The words of files and chunks by field (keyword/fieldIndex.ts) in place of FTS5's table.
    DROP TABLE keywords;

    -- Posting lists of a few thousand chunks, written once. Documents: files with their chunks and field lengths.
    CREATE TABLE keywordSegments (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      complete INTEGER NOT NULL,  -- 0 while it is being written
      documents BLOB NOT NULL
    ) STRICT;
    CREATE TABLE keywordTerms (
      segment INTEGER NOT NULL,
      word TEXT NOT NULL,
      postings BLOB NOT NULL,
      PRIMARY KEY (segment, word)
    ) STRICT, WITHOUT ROWID;
    -- Files that no segment holds yet: their words one to a line, and the posting lists in the same order.
    CREATE TABLE keywordLog (
      fileId INTEGER PRIMARY KEY,
      documents BLOB NOT NULL,
      words TEXT NOT NULL,
      postings BLOB NOT NULL
    ) STRICT;
    `,
    `
    -- Without it, looking for passages to embed reads every row of an index that lacks none.
    CREATE INDEX chunksWithoutVector ON chunks (id) WHERE vector IS NULL;
    `,
  ],
};

/** Raised when chunking or analysis changes, so that files are read again although they did not change. */
export const CHUNKING_VERSION = "2";
