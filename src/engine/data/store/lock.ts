// One writer at a time in a store folder, across processes. SQLite holds the lock, so that the system takes it back when a
// process is killed. It is held for renames only, never for reading data.
import { DatabaseSync } from "node:sqlite";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { EngineError } from "../../base/errors.ts";

const PATIENCE_MS = 60_000;
const RETRY_MS = 25;
/** SQLITE_BUSY: another connection holds the lock. */
const BUSY = 5;

/** Runs `work` while no other process or task holds the lock of `folder`. Error: `busyElsewhere` after a minute. */
export async function withStoreLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const file = path.join(folder, "lock.sqlite");
  const database = new DatabaseSync(file);
  try {
    database.exec("PRAGMA busy_timeout = 0");
    for (const started = performance.now(); !tryLock(database);) {
      if (performance.now() - started > PATIENCE_MS) throw new EngineError("busyElsewhere", `Another window or command has been writing to ${folder} for a minute. Wait for it to finish, or close it.`, { folder });
      await delay(RETRY_MS);
    }
    return await work();
  } finally {
    // Closing ends the transaction; nothing was written in it.
    database.close();
  }
}

function tryLock(database: DatabaseSync): boolean {
  try {
    database.exec("BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    if ((error as { errcode?: number }).errcode === BUSY) return false;
    throw error;
  }
}
