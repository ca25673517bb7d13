// Turns SQLite's and the system's refusals to write the index into sentences.
import { EngineError } from "../../base/errors.ts";
import { writeFailure } from "../../base/files.ts";

// Primary result codes of SQLite.
const SQLITE_READONLY = 8;
const SQLITE_IOERR = 10;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;

/** The failure to show for an `error` met while writing the index in `folder`; what is no refusal passes through unchanged. */
export function storageFailure(folder: string, error: unknown): unknown {
  const code = (error as { errcode?: number } | null)?.errcode;
  switch (code === undefined ? undefined : code & 0xff) {
    case SQLITE_FULL:
      return new EngineError("diskFull", `There is no space left to write the index in ${folder}. Free some disk space and index again; what is indexed so far is intact.`, { folder }, error);
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return new EngineError("unreadable", `The index in ${folder} cannot be written: permission denied. Allow writing to that folder or choose another one.`, { folder }, error);
    case SQLITE_IOERR:
      return new EngineError("unreadable", `The index in ${folder} cannot be read or written: the disk reports an error. Check the disk, then index again.`, { folder }, error);
    default:
      return writeFailure(folder, error);
  }
}
