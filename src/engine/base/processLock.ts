// A lock between processes that the operating system drops when its holder dies: an exclusive SQLite
// transaction on a small file of its own. It costs nothing while held, and needs neither heartbeat nor clean-up.
import { mkdirSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";

export class ProcessLock {
  readonly #file: string;
  #database: DatabaseSync | null = null;

  constructor(file: string) {
    this.#file = file;
  }

  get held(): boolean {
    return this.#database !== null;
  }

  /** Takes the lock where it is free. Returns whether it is held now. */
  tryTake(): boolean {
    if (this.#database) return true;
    mkdirSync(path.dirname(this.#file), { recursive: true });
    const database = new DatabaseSync(this.#file);
    try {
      database.exec("PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE");
      this.#database = database;
      return true;
    } catch (error) {
      database.close();
      const code = (error as { errcode?: number }).errcode;
      // SQLITE_BUSY and SQLITE_LOCKED: another process, or another index in this one, writes.
      if (code !== undefined && ((code & 0xff) === 5 || (code & 0xff) === 6)) return false;
      throw error;
    }
  }

  release(): void {
    this.#database?.close();
    this.#database = null;
  }
}
