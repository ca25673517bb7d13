// Asks a web server for a file or the rest of one, following redirects, and says in sentences what it refuses.
// It writes nothing and retries nothing (download.ts does).
import type { IncomingMessage } from "node:http";
import { openConnection } from "../base/connection.ts";
import { EngineError } from "../base/errors.ts";
import { isLoopback } from "../base/socketCount.ts";

/** What tells two versions of a file apart. */
export interface FileVersion {
  etag: string | null;
  lastModified: string | null;
  totalBytes: number | null;
  /** SHA-256 that the server states, lower-case hex, or null. */
  sha256: string | null;
}

export interface FileResponse {
  response: IncomingMessage;
  version: FileVersion;
  /** The first byte that comes: 0 where the whole file does. */
  start: number;
}

/** Something that may go better the next time: a cut connection, an overloaded server. */
export class Interrupted extends Error {
  readonly retryAfterMs: number;
  /** Whether what has come so far is of no use, because it is of another version of the file. */
  readonly startOver: boolean;

  constructor(message: string, { retryAfterMs = 0, startOver = false, cause }: { retryAfterMs?: number; startOver?: boolean; cause?: unknown } = {}) {
    super(message, { cause });
    this.name = "Interrupted";
    this.retryAfterMs = retryAfterMs;
    this.startOver = startOver;
  }
}

interface Options {
  signal?: AbortSignal | undefined;
  stallMs: number;
}

const MOST_REDIRECTS = 10;
const LONGEST_RETRY_AFTER_MS = 60_000;

/**
 * Requests `url`, from byte `have.from` on where the server still has `have.version` of it.
 * Errors: Interrupted; `downloadFailed` where trying again does not help; CancelledError.
 */
export async function requestFile(url: URL, have: { version: FileVersion; from: number } | null, options: Options): Promise<FileResponse> {
  const resume = have !== null && have.from > 0 ? have : null;
  const validator = resume === null ? null : strongValidator(resume.version);
  // Without something to compare, a changed file would be joined to the old one's beginning: start over instead.
  const headers: Record<string, string> = { "user-agent": "KaLactica", "accept-encoding": "identity" };
  if (resume !== null && validator !== null) {
    headers.range = `bytes=${resume.from}-`;
    headers["if-range"] = validator;
  }
  let stated: Partial<FileVersion> = {};
  let current = url;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const response = await send(current, headers, options);
    const status = response.statusCode ?? 0;
    if (status >= 300 && status < 400 && response.headers.location !== undefined) {
      // Hugging Face states the checksum and size of the file in the redirect to where it is stored.
      stated = { ...stated, ...statedBy(response) };
      response.destroy();
      current = redirectTarget(current, response.headers.location);
      continue;
    }
    return accept(response, current, resume, stated);
  }
  throw failed(url, "it redirects without end");
}

function accept(response: IncomingMessage, url: URL, resume: { version: FileVersion; from: number } | null, stated: Partial<FileVersion>): FileResponse {
  const status = response.statusCode ?? 0;
  const version: FileVersion = {
    etag: response.headers.etag ?? null,
    lastModified: response.headers["last-modified"] ?? null,
    totalBytes: null,
    sha256: stated.sha256 ?? statedBy(response).sha256 ?? null,
  };
  if (status === 206 && resume !== null) {
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers["content-range"] ?? "");
    if (range !== null && Number(range[1]) === resume.from) {
      version.totalBytes = range[2] === "*" ? resume.version.totalBytes : Number(range[2]);
      return { response, version, start: resume.from };
    }
    response.destroy();
    throw new Interrupted("the server answered with another part of the file than was asked for", { startOver: true });
  }
  if (status === 200) {
    const length = response.headers["content-length"];
    version.totalBytes = length === undefined ? stated.totalBytes ?? null : Number(length);
    return { response, version, start: 0 };
  }
  response.destroy();
  switch (status) {
    case 401:
    case 403:
      throw failed(url, `it asks for a login or for the licence to be accepted (${status}). Open the model's page in a browser, download the file there, and choose it with "Use a Model File"`, status);
    case 404:
    case 410:
      throw failed(url, `there is no such file (${status}). Check the address; the file may have been renamed`, status);
    case 416:
      // The part is longer than the file is now, so it is of another version.
      throw new Interrupted("the file has changed on the server", { startOver: true });
    default:
      if (status === 408 || status === 429 || status >= 500) throw new Interrupted(`the server answered ${status}`, { retryAfterMs: retryAfterMs(response) });
      throw failed(url, `it answered ${status} ${response.statusMessage ?? ""}`.trim(), status);
  }
}

async function send(url: URL, headers: Record<string, string>, { signal, stallMs }: Options): Promise<IncomingMessage> {
  try {
    return await openConnection({ url, headers, signal, stallMs });
  } catch (error) {
    if (!(error instanceof EngineError) || error.reason !== "networkFailed") throw error;
    throw new Interrupted(String(error.details["finding"]), { cause: error });
  }
}

/** If-Range takes a strong entity tag or a date; a weak tag says nothing about bytes. */
function strongValidator(version: FileVersion): string | null {
  if (version.etag !== null && !version.etag.startsWith("W/")) return version.etag;
  return version.lastModified;
}

function statedBy(response: IncomingMessage): Partial<FileVersion> {
  const linked = /^(?:W\/)?"?([0-9a-f]{64})"?$/i.exec(String(response.headers["x-linked-etag"] ?? ""))?.[1];
  const size = Number(response.headers["x-linked-size"]);
  return { ...linked === undefined ? {} : { sha256: linked.toLowerCase() }, ...Number.isSafeInteger(size) && size > 0 ? { totalBytes: size } : {} };
}

function redirectTarget(from: URL, location: string): URL {
  const target = URL.parse(location, from);
  if (target === null || (target.protocol !== "https:" && target.protocol !== "http:")) throw failed(from, `it redirects to "${location}", which is no web address`);
  if (from.protocol === "https:" && target.protocol === "http:" && !isLoopback(target.hostname)) throw failed(from, `it redirects from https to plain http (${target.host})`);
  return target;
}

function retryAfterMs(response: IncomingMessage): number {
  const seconds = Number(response.headers["retry-after"]);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(LONGEST_RETRY_AFTER_MS, seconds * 1000) : 0;
}

function failed(url: URL, finding: string, status?: number): EngineError {
  return new EngineError("downloadFailed", `${url.origin}${url.pathname} cannot be downloaded: ${finding}.`, { url: url.href, ...status === undefined ? {} : { status } });
}
