// Opens the workspace's one SQLite file (node:sqlite, write-ahead log) and brings it to the current schema.
// What the tables mean belongs to the rooms, each of which hands in its own numbered migrations.
import { DatabaseSync } from "node:sqlite";
import { mkdirSync, renameSync } from "node:fs";
import path from "node:path";
import { EngineError } from "./errors.ts";

export type { DatabaseSync, StatementSync } from "node:sqlite";

/** Statements that take one room's tables from version `n` to `n + 1`; the list only ever grows at its end. */
export interface RoomSchema {
  room: string;
  migrations: readonly string[];
}

/**
 * Opens (or creates) the database at `file` and applies every missing migration, each in its own transaction.
 * A damaged file is set aside as `<file>.damaged-<time>` and a new one is made: `onDamaged` is told.
 * Errors: `indexTooNew` when a newer engine has written it.
 */
export function openDatabase(file: string, schemas: readonly RoomSchema[], onDamaged: (asideAs: string) => void): DatabaseSync {
  mkdirSync(path.dirname(file), { recursive: true });
  let database = connect(file);
  if (!database) {
    const aside = `${file}.damaged-${Date.now()}`;
    renameSync(file, aside);
    onDamaged(aside);
    database = connect(file);
    if (!database) throw new EngineError("indexCorrupt", `The database ${file} cannot be opened, and a fresh one cannot be made in its place. Check the disk, or choose another storage folder.`, { file });
  }
  migrate(database, file, schemas);
  return database;
}

function connect(file: string): DatabaseSync | null {
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(file);
    // A second window waits for the first one's short writes instead of failing.
    database.exec("PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;");
    const row = database.prepare("PRAGMA quick_check(1)").get() as { quick_check: string };
    if (row.quick_check === "ok") return database;
  } catch (error) {
    if (!isDamage(error)) {
      database?.close();
      throw error;
    }
  }
  database?.close();
  return null;
}

/** SQLITE_CORRUPT (11) and SQLITE_NOTADB (26): the two ways SQLite says that a file is not a sound database. */
function isDamage(error: unknown): boolean {
  const code = (error as { errcode?: number }).errcode;
  return code === 11 || code === 26;
}

function migrate(database: DatabaseSync, file: string, schemas: readonly RoomSchema[]): void {
  database.exec("CREATE TABLE IF NOT EXISTS schemaVersion (room TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT");
  for (const { room, migrations } of schemas) {
    inTransaction(database, () => {
      const row = database.prepare("SELECT version FROM schemaVersion WHERE room = ?").get(room) as { version: number } | undefined;
      const version = row?.version ?? 0;
      if (version > migrations.length) {
        throw new EngineError("indexTooNew", `${file} was written by a newer KaLactica (${room} version ${version}, this one knows ${migrations.length}). Update the extension, or delete the file to build it anew.`, { file, room, version });
      }
      for (const statements of migrations.slice(version)) database.exec(statements);
      database.prepare("INSERT INTO schemaVersion VALUES (?, ?) ON CONFLICT (room) DO UPDATE SET version = excluded.version").run(room, migrations.length);
    });
  }
}

/** Runs `work` in one immediate transaction; rolls back when it throws. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    // A full disk makes SQLite roll back by itself; rolling back again would hide that error behind another.
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}
