// Deletes episodes so that their text is in no file of the database any more: rows, edges, hashes of words, what was drawn from
// them, and what SQLite leaves behind in free pages and in the write-ahead log. Copies outside the database are not known here.
import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { inTransaction } from "../../base/database.ts";
import type { DatabaseSync, StatementSync } from "../../base/database.ts";

export interface ForgetReport {
  /** Keys that are gone, those drawn from the ones asked for included. */
  forgotten: string[];
  /** Keys that were not there. */
  unknown: string[];
  /**
   * Whether the files were searched afterwards and hold none of the texts. "elsewhere": the same words stand in something else
   * that is remembered. "busy": another process reads the database, so that its log could not be emptied; it is at the next time.
   */
  traces: "none" | "elsewhere" | "busy";
}

/** Fragments of at least so many bytes tell one text from another. */
const FRAGMENT_BYTES = 24;
const READ_BYTES = 1 << 20;
/** Things that were only ever named by what is forgotten go with it. */
const NAMED_KINDS = "('entity', 'symbol', 'file', 'variable', 'dataset')";

export function forget(database: DatabaseSync, prepare: (sql: string) => StatementSync, keys: readonly string[]): ForgetReport {
  const unknown: string[] = [];
  const gone: { id: number; key: string; text: string; label: string }[] = [];
  inTransaction(database, () => {
    const find = prepare("SELECT id, key, text, label FROM memoryNode WHERE key = ?");
    const drawnFrom = prepare("SELECT m.id, m.key, m.text, m.label FROM memoryEdge e JOIN memoryNode m ON m.id = e.source WHERE e.target = ? AND e.type = 'summarises'");
    const named = prepare(`SELECT m.id, m.key, m.text, m.label FROM memoryEdge e JOIN memoryNode m ON m.id = e.target WHERE e.source = ? AND m.kind IN ${NAMED_KINDS}`);
    const touched = prepare("SELECT 1 FROM memoryEdge WHERE source = ?1 OR target = ?1 LIMIT 1");
    const remove = prepare("DELETE FROM memoryNode WHERE id = ?");
    const seen = new Set<number>();
    const queue = keys.flatMap((key) => {
      const row = find.get(key) as typeof gone[number] | undefined;
      if (!row) unknown.push(key);
      return row ? [row] : [];
    });
    for (let row = queue.shift(); row; row = queue.shift()) {
      if (seen.has(row.id)) continue;
      seen.add(row.id);
      queue.push(...drawnFrom.all(row.id) as typeof gone);
      const mentioned = named.all(row.id) as typeof gone;
      remove.run(row.id);
      gone.push(row);
      queue.push(...mentioned.filter(({ id }) => touched.get(id) === undefined));
    }
  });
  const forgotten = gone.map(({ key }) => key);
  if (gone.length === 0) return { forgotten, unknown, traces: "none" };
  const file = (database.prepare("PRAGMA database_list").all() as { name: string; file: string }[]).find(({ name }) => name === "main")?.file ?? "";
  const fragments = gone.flatMap(({ text, label }) => [...fragmentsOf(text), ...fragmentsOf(label)]);
  if (!emptyLog(database)) return { forgotten, unknown, traces: "busy" };
  if (!holdsAny(file, fragments)) return { forgotten, unknown, traces: "none" };
  // Pages that were rearranged may keep stale copies of a row in their gaps: writing the file anew leaves them behind.
  try {
    database.exec("VACUUM");
  } catch {
    return { forgotten, unknown, traces: "busy" };
  }
  if (!emptyLog(database)) return { forgotten, unknown, traces: "busy" };
  return { forgotten, unknown, traces: holdsAny(file, fragments) ? "elsewhere" : "none" };
}

/** Moves the write-ahead log into the file and cuts it to nothing. False where somebody else reads. */
function emptyLog(database: DatabaseSync): boolean {
  const row = database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get() as { busy: number } | undefined;
  return row?.busy !== 1;
}

/** Pieces of the beginning, middle and end, so short that a page break hardly falls into all of them. */
function fragmentsOf(text: string): Buffer[] {
  const bytes = Buffer.from(text);
  if (bytes.length < FRAGMENT_BYTES) return [];
  return [0, 0.5, 1].map((share) => {
    const start = Math.round(share * (bytes.length - FRAGMENT_BYTES));
    return bytes.subarray(start, start + FRAGMENT_BYTES);
  });
}

/** Whether the database's files hold one of `fragments`; read in pieces that overlap. */
function holdsAny(file: string, fragments: readonly Buffer[]): boolean {
  if (file === "" || fragments.length === 0) return false;
  return [file, `${file}-wal`].some((one) => existsSync(one) && fileHolds(one, fragments));
}

function fileHolds(file: string, fragments: readonly Buffer[]): boolean {
  const handle = openSync(file, "r");
  try {
    const buffer = Buffer.alloc(READ_BYTES + FRAGMENT_BYTES);
    let kept = 0;
    for (let position = 0; ;) {
      const read = readSync(handle, buffer, kept, READ_BYTES, position);
      if (read === 0) return false;
      const piece = buffer.subarray(0, kept + read);
      if (fragments.some((fragment) => piece.includes(fragment))) return true;
      position += read;
      kept = Math.min(FRAGMENT_BYTES - 1, piece.length);
      piece.copy(buffer, 0, piece.length - kept);
    }
  } finally {
    closeSync(handle);
  }
}
