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
  /** Whether its tables can be filled again from elsewhere, so that deleting them loses nothing. */
  rebuildable?: boolean;
}

/** What every open database was brought to, to tell later whether a newer engine has gone further. */
const opened = new Map<DatabaseSync, { file: string; schemas: readonly RoomSchema[] }>();

/**
 * Opens (or creates) the database at `file` and applies every missing migration, each in its own transaction.
 * A damaged file is set aside as `<file>.damaged-<time>` and a new one is made: `onDamaged` is told.
 * Errors: `indexTooNew` when a newer engine has written it; `unreadable`, `diskFull` where its folder cannot be written.
 */
export function openDatabase(file: string, schemas: readonly RoomSchema[], onDamaged: (asideAs: string) => void): DatabaseSync {
  try {
    return openWritable(file, schemas, onDamaged);
  } catch (error) {
    throw unwritable(file, error) ?? error;
  }
}

/** Explains a failure of the folder or the disk, which no further try would mend; null for every other one. */
function unwritable(file: string, error: unknown): EngineError | null {
  const { code = "", errcode = 0 } = (error ?? {}) as { code?: string; errcode?: number };
  // SQLITE_FULL (13); SQLITE_PERM (3), SQLITE_READONLY (8) and SQLITE_CANTOPEN (14), with their extended codes in the higher bytes.
  if (code === "ENOSPC" || (errcode & 0xff) === 13) return new EngineError("diskFull", `The disk that holds ${file} is full. Make room, then run "KaLactica: Restart Engine".`, { file }, error);
  if (!["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST"].includes(code) && ![3, 8, 14].includes(errcode & 0xff)) return null;
  return new EngineError("unreadable", `${file} cannot be written, so nothing that KaLactica indexes or remembers could be kept. Allow writing to ${path.dirname(file)}, or start VS Code with another folder for its data (--user-data-dir).`, { file }, error);
}

function openWritable(file: string, schemas: readonly RoomSchema[], onDamaged: (asideAs: string) => void): DatabaseSync {
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
  for (const known of opened.keys()) if (!known.isOpen) opened.delete(known);
  opened.set(database, { file, schemas });
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
  // All rooms are looked at before the first is changed: a newer engine's file stays as it is.
  for (const { room, migrations, rebuildable } of schemas) {
    const version = versionOf(database, room);
    if (version <= migrations.length) continue;
    database.close();
    const remedy = rebuildable === true ? "Update the extension, or delete the file to build it anew." : "Update the extension. What is in the file was not changed.";
    throw new EngineError("indexTooNew", `${file} was written by a newer KaLactica (${room} version ${version}, this one knows ${migrations.length}). ${remedy}`, { file, room, version });
  }
  for (const { room, migrations } of schemas) {
    inTransaction(database, () => {
      // Read again: another process may just have done it.
      for (const statements of migrations.slice(versionOf(database, room))) database.exec(statements);
      database.prepare("INSERT INTO schemaVersion VALUES (?, ?) ON CONFLICT (room) DO UPDATE SET version = excluded.version").run(room, Math.max(migrations.length, versionOf(database, room)));
    });
  }
}

function versionOf(database: DatabaseSync, room: string): number {
  const row = database.prepare("SELECT version FROM schemaVersion WHERE room = ?").get(room) as { version: number } | undefined;
  return row?.version ?? 0;
}

/**
 * Explains an error of SQLite's that comes from tables which are not as they were: a newer engine, in another window or on the command
 * line, has brought an open database to its own version. Null for every other error.
 */
export function newerEngineHasIt(error: unknown): EngineError | null {
  // SQLITE_ERROR: what it says of tables and columns that are missing or too many.
  if ((error as { code?: string; errcode?: number } | null)?.code !== "ERR_SQLITE_ERROR" || (error as { errcode?: number }).errcode !== 1) return null;
  for (const [database, { file, schemas }] of opened) {
    if (database.isOpen && schemas.some(({ room, migrations }) => versionOf(database, room) > migrations.length)) {
      return new EngineError("indexTooNew", `A newer KaLactica has taken over ${file} while this one was running. Reload this window so that it runs the newer one too; nothing was lost.`, { file }, error);
    }
  }
  return null;
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
