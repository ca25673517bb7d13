// Downloads one file so that it is either whole and verified under its name, or not there: resumes what was begun,
// retries what was cut off, checks the SHA-256 over all of it. It does not know what a model is.
import { open, readFile, rename, rm, stat, statfs } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CancelledError, EngineError, errnoCode, throwIfCancelled } from "../base/errors.ts";
import { sha256File, syncFolder, writeFailure, writeFileAtomic } from "../base/files.ts";
import type { DownloadProgress } from "../protocol/types.ts";
import { show } from "./byteText.ts";
import { Interrupted, requestFile } from "./httpFile.ts";
import type { FileVersion } from "./httpFile.ts";

export interface DownloadRequest {
  url: URL;
  /** What progress is reported under. */
  uri: string;
  /** Absolute path of the finished file; `<file>.part` beside it holds what has come so far. */
  file: string;
  /** Expected SHA-256, lower-case hex; null trusts what the server says of its file, if it does. */
  sha256: string | null;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Called with the complete, verified `.part` file before it gets its name; throwing keeps it out. */
  inspect?: ((file: string) => Promise<void>) | undefined;
  timing?: Partial<DownloadTiming> | undefined;
}

export interface DownloadTiming {
  /** Attempts in a row that bring nothing, before giving up. */
  attempts: number;
  /** Wait after the first failed attempt, in ms; doubles each time, to at most 64 times this. */
  backOffMs: number;
  /** Silence after which a connection counts as dead, in ms. */
  stallMs: number;
}

export interface DownloadResult {
  file: string;
  sizeBytes: number;
  sha256: string;
  /** Whom the checksum was compared with: what was asked for, what the server says, or nobody. */
  verifiedAgainst: "request" | "server" | null;
}

const TIMING: DownloadTiming = { attempts: 6, backOffMs: 1000, stallMs: 60_000 };
const PROGRESS_EVERY_MS = 250;

/**
 * Downloads `request.url` to `request.file`. An earlier `.part` of the same address is continued where the server still
 * has the same file, else begun anew.
 * Errors: `downloadFailed` (not found, login needed, unreachable after retries), `checksumMismatch`, `diskFull`,
 * `busyElsewhere` (another process downloads to the same file), CancelledError (the part is kept for next time).
 */
export async function download(request: DownloadRequest): Promise<DownloadResult> {
  const lock = await takeLock(`${request.file}.lock`);
  try {
    const version = await fetchAll(request);
    return await finish(request, version);
  } finally {
    await lock.close();
    await rm(`${request.file}.lock`, { force: true });
  }
}

async function fetchAll(request: DownloadRequest): Promise<FileVersion> {
  const timing = { ...TIMING, ...request.timing };
  let failures = 0;
  for (;;) {
    throwIfCancelled(request.signal);
    const before = await partSize(request.file);
    try {
      return await attempt(request, timing);
    } catch (error) {
      if (request.signal?.aborted === true) throw new CancelledError();
      if (!(error instanceof Interrupted)) throw error;
      if (error.startOver) await discardPart(request.file);
      // An attempt that brought something does not count: a bad line still gets there in the end.
      failures = (await partSize(request.file)) > before ? 1 : failures + 1;
      if (failures >= timing.attempts) {
        throw new EngineError("downloadFailed", `The download of ${request.url.host} keeps breaking off (${error.message}). Check the connection and try again; what has come so far is kept and continued.`, { url: request.url.href, received: await partSize(request.file) }, error);
      }
      const wait = Math.max(error.retryAfterMs, timing.backOffMs * 2 ** Math.min(6, failures - 1));
      await sleep(wait, undefined, request.signal === undefined ? {} : { signal: request.signal }).catch(() => { throw new CancelledError(); });
    }
  }
}

/** One connection: writes what comes to the part file. Resolves when the file is complete. */
async function attempt(request: DownloadRequest, timing: DownloadTiming): Promise<FileVersion> {
  const part = `${request.file}.part`;
  const known = await readVersion(request);
  const have = known === null ? 0 : await partSize(request.file);
  if (known?.totalBytes !== null && known !== null && have === known.totalBytes) return known;

  const { response, version, start } = await requestFile(request.url, known === null ? null : { version: known, from: have }, { signal: request.signal, stallMs: timing.stallMs });
  try {
    await requireSpace(request.file, version.totalBytes, start);
    await writeFileAtomic(`${part}.json`, JSON.stringify({ url: request.url.href, ...version }));
    const handle = await openPart(part, start);
    try {
      await pour(response, handle, start, version, request);
      await handle.sync().catch((error: unknown) => {
        // Devices that cannot be flushed have nothing to lose by it.
        if (errnoCode(error) !== "EINVAL") throw error;
      });
    } catch (error) {
      throw writeFailure(request.file, error);
    } finally {
      await handle.close();
    }
    return version;
  } finally {
    response.destroy();
  }
}

/** Opens the part for writing from byte `start` on; what stands after that is thrown away. */
async function openPart(part: string, start: number): Promise<FileHandle> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(part, start > 0 ? "r+" : "w");
    if (start > 0) await handle.truncate(start);
    return handle;
  } catch (error) {
    await handle?.close();
    throw writeFailure(part, error);
  }
}

async function pour(response: IncomingMessage, handle: FileHandle, start: number, version: FileVersion, request: DownloadRequest): Promise<void> {
  const begun = performance.now();
  let position = start;
  let reported = 0;
  const report = (): void => {
    reported = performance.now();
    const seconds = Math.max(0.001, (reported - begun) / 1000);
    request.onProgress?.({ uri: request.uri, receivedBytes: position, totalBytes: version.totalBytes, bytesPerSecond: Math.round((position - start) / seconds) });
  };
  report();
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      for (let written = 0; written < chunk.length;) {
        const { bytesWritten } = await handle.write(chunk, written, chunk.length - written, position);
        written += bytesWritten;
        position += bytesWritten;
      }
      if (performance.now() - reported >= PROGRESS_EVERY_MS) report();
    }
  } catch (error) {
    // Errors of writing have the codes of the file system; all others are the connection's.
    const code = errnoCode(error);
    if (code !== undefined && ["ENOSPC", "EDQUOT", "EACCES", "EPERM", "EROFS", "EIO", "EFBIG"].includes(code)) throw error;
    throw new Interrupted(error instanceof Error ? error.message : String(error), { cause: error });
  }
  report();
  if (version.totalBytes !== null && position !== version.totalBytes) {
    throw new Interrupted(`the connection closed after ${position} of ${version.totalBytes} bytes`);
  }
}

/** Verifies the part and gives it its name. A part that fails is removed, so that it cannot be continued into another failure. */
async function finish(request: DownloadRequest, version: FileVersion): Promise<DownloadResult> {
  const part = `${request.file}.part`;
  const sha256 = await sha256File(part, request.signal);
  const expected = request.sha256 ?? version.sha256;
  try {
    if (expected !== null && sha256 !== expected) {
      throw new EngineError("checksumMismatch", `The file from ${request.url.host} is not the expected one: its SHA-256 is ${sha256}, expected was ${expected}. It was thrown away. Try again; if it happens again, the file at this address was changed.`, { url: request.url.href, sha256, expected });
    }
    await request.inspect?.(part);
  } catch (error) {
    if (!(error instanceof CancelledError)) await discardPart(request.file);
    throw error;
  }
  const { size } = await stat(part);
  try {
    await rename(part, request.file);
    await syncFolder(path.dirname(request.file));
  } catch (error) {
    throw writeFailure(request.file, error);
  }
  await rm(`${part}.json`, { force: true });
  return { file: request.file, sizeBytes: size, sha256, verifiedAgainst: request.sha256 !== null ? "request" : version.sha256 !== null ? "server" : null };
}

async function discardPart(file: string): Promise<void> {
  await rm(`${file}.part`, { force: true });
  await rm(`${file}.part.json`, { force: true });
}

async function partSize(file: string): Promise<number> {
  try {
    return (await stat(`${file}.part`)).size;
  } catch {
    return 0;
  }
}

/** What is known of the part that is there: of which version of the file it is. Null where it is of none, or of another address. */
async function readVersion(request: DownloadRequest): Promise<FileVersion | null> {
  try {
    const noted = JSON.parse(await readFile(`${request.file}.part.json`, "utf8")) as Partial<FileVersion> & { url?: unknown };
    if (noted.url !== request.url.href) return null;
    const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
    return {
      etag: text(noted.etag), lastModified: text(noted.lastModified), sha256: text(noted.sha256),
      totalBytes: typeof noted.totalBytes === "number" ? noted.totalBytes : null,
    };
  } catch {
    return null;
  }
}

async function requireSpace(file: string, totalBytes: number | null, have: number): Promise<void> {
  if (totalBytes === null) return;
  let free: number;
  try {
    const { bavail, bsize } = await statfs(path.dirname(file));
    free = bavail * bsize;
  } catch {
    return; // Where the system does not tell, the write itself will.
  }
  const needed = totalBytes - have;
  if (free < needed) {
    throw new EngineError("diskFull", `There is not enough space for ${path.basename(file)}: it needs ${show(needed)} more, ${path.dirname(file)} has ${show(free)} free. Free some disk space and try again; what has come so far is kept.`, { file, needed, free });
  }
}

/** A lock file with this process's id; one left by a process that is gone is taken over. */
async function takeLock(file: string): Promise<FileHandle> {
  for (let retry = 0; ; retry++) {
    try {
      const handle = await open(file, "wx");
      await handle.writeFile(String(process.pid));
      return handle;
    } catch (error) {
      if (errnoCode(error) !== "EEXIST") throw writeFailure(file, error);
      const owner = Number(await readFile(file, "utf8").catch(() => ""));
      if (retry >= 3 || isAlive(owner)) {
        throw new EngineError("busyElsewhere", `Another window or command is downloading to ${file.replace(/\.lock$/, "")} already. Wait for it to finish, or cancel it there.`, { file, owner });
      }
      await rm(file, { force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoCode(error) === "EPERM";
  }
}
