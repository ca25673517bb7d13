// Atomic file writes and content hashes. Nothing here knows what the files mean.
import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { EngineError, errnoCode, throwIfCancelled } from "./errors.ts";

/** Turns a system error of writing `file` into a sentence; other errors pass through unchanged. */
export function writeFailure(file: string, error: unknown): unknown {
  switch (errnoCode(error)) {
    case "ENOSPC":
    case "EDQUOT":
      return new EngineError("diskFull", `There is no space left to write ${file}. Free some disk space and try again; what was there before is intact.`, { file }, error);
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new EngineError("unreadable", `${file} cannot be written: permission denied. Allow writing to its folder or choose another one.`, { file }, error);
    default:
      return error;
  }
}

/**
 * Writes `data` to `file` so that a reader sees either the old or the new content, never a part:
 * temporary name in the same folder, flushed, renamed; the folder is flushed too.
 * Errors: `diskFull`, `unreadable`.
 */
export async function writeFileAtomic(file: string, data: string | Uint8Array): Promise<void> {
  const folder = path.dirname(file);
  const temporary = path.join(folder, `.${path.basename(file)}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`);
  try {
    await mkdir(folder, { recursive: true });
    const handle = await open(temporary, "wx");
    try {
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
    await syncFolder(folder);
  } catch (error) {
    await rm(temporary, { force: true });
    throw writeFailure(file, error);
  }
}

/**
 * Makes `folder` and what it lies in. Unlike Node's own recursive mkdir it ends where a file system says of a folder that exists that
 * it does not (Linux's /proc: Node then asks for ever). Errors: `unreadable`, `diskFull`.
 */
export async function makeFolder(folder: string): Promise<void> {
  const missing: string[] = [];
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    const found = await stat(at).catch(() => null);
    if (found?.isDirectory() === true) break;
    if (found !== null || path.dirname(at) === at) throw new EngineError("unreadable", `${folder} cannot be made: ${at} is no folder. Choose another place.`, { folder });
    missing.push(at);
  }
  for (const at of missing.reverse()) {
    try {
      await mkdir(at);
    } catch (error) {
      if (errnoCode(error) === "EEXIST") continue;
      const known = writeFailure(at, error);
      throw known instanceof EngineError ? known : new EngineError("unreadable", `The folder ${at} cannot be made (${errnoCode(error) ?? String(error)}). Choose another place.`, { folder }, error);
    }
  }
}

/** Flushes a folder entry, so that a rename survives a power cut. A no-op where the platform forbids it. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** SHA-256 of text or bytes, lower-case hex (64 characters). */
export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** SHA-256 of a file, streamed, lower-case hex. Errors: those of reading, and cancellation. */
export async function sha256File(file: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
    throwIfCancelled(signal);
    hash.update(chunk as Buffer);
  }
  return hash.digest("hex");
}
