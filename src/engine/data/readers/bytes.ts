// Opens a data file as a stream of UTF-8 bytes: unpacks gzip and Zstandard, turns UTF-16 into UTF-8, drops a byte order mark,
// hashes the file on the way. Whether the bytes are valid text is judged line by line (lines.ts).
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream";
import zlib from "node:zlib";
import { EngineError, errnoCode, throwIfCancelled } from "../../base/errors.ts";

export type Encoding = "utf-8" | "utf-8 with BOM" | "utf-16le" | "utf-16be";

/** What is known of a file once it was read to its end. */
export interface FileFacts {
  /** Size on disk. */
  readonly bytes: number;
  readonly sha256: string;
  readonly encoding: Encoding;
}

export interface ByteHooks {
  readonly signal?: AbortSignal;
  /** Told the bytes read from disk so far. */
  readonly onBytes?: (done: number) => void;
}

const CHUNK_BYTES = 1 << 18;
/** Stands for what is no Unicode text; never valid in UTF-8, so that the line that holds it is reported. */
const INVALID_BYTE = 0xff;

/**
 * The bytes of `file` as UTF-8 without byte order mark; `onFacts` is told once the end was reached.
 * Errors: `notFound`, `unreadable`, `dataInvalid` where it is packed and damaged.
 */
export async function* readBytes(file: string, onFacts: (facts: FileFacts) => void, hooks: ByteHooks = {}): AsyncGenerator<Buffer> {
  const packing = await packingOf(file);
  const hash = createHash("sha256");
  let done = 0;
  const raw = createReadStream(file, { highWaterMark: CHUNK_BYTES });
  raw.on("data", (chunk) => {
    hash.update(chunk);
    done += chunk.length;
    hooks.onBytes?.(done);
  });
  const unpacked = unpack(raw, packing, file);
  let encoding: Encoding | null = null;
  let recode: ((chunk: Buffer, last: boolean) => Buffer) | null = null;
  try {
    for await (const chunk of unpacked as AsyncIterable<Buffer>) {
      throwIfCancelled(hooks.signal);
      let bytes = chunk;
      if (encoding === null) {
        encoding = encodingOf(bytes);
        if (encoding === "utf-8 with BOM") bytes = bytes.subarray(3);
        else if (encoding !== "utf-8") recode = utf16Recoder(encoding === "utf-16be");
      }
      const out: Buffer = recode === null ? bytes : recode(bytes, false);
      if (out.length > 0) yield out;
    }
    const rest = recode?.(Buffer.alloc(0), true);
    if (rest !== undefined && rest.length > 0) yield rest;
  } catch (error) {
    throw readFailure(file, error);
  } finally {
    raw.destroy();
  }
  onFacts({ bytes: done, sha256: hash.digest("hex"), encoding: encoding ?? "utf-8" });
}

/** Turns a system or unpacking error of reading `file` into a sentence; other errors pass through. */
export function readFailure(file: string, error: unknown): unknown {
  const code = errnoCode(error);
  if (code === "ENOENT") return new EngineError("notFound", `There is no file ${file}. Check its path.`, { file }, error);
  if (code === "EACCES" || code === "EPERM" || code === "EISDIR") return new EngineError("unreadable", `${file} cannot be read: ${code === "EISDIR" ? "it is a folder" : "permission denied"}. Allow reading it, or name another file.`, { file }, error);
  if (code?.startsWith("Z_") || code?.startsWith("ZSTD_")) return new EngineError("dataInvalid", `${file} is packed and damaged: it cannot be unpacked to its end. Fetch or pack it again.`, { file, code }, error);
  return error;
}

type Packing = "none" | "gzip" | "zstd";

async function packingOf(file: string): Promise<Packing> {
  const head = Buffer.alloc(4);
  let length: number;
  try {
    const handle = await open(file, "r");
    try {
      length = (await handle.read(head, 0, 4, 0)).bytesRead;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw readFailure(file, error);
  }
  if (length >= 2 && head[0] === 0x1f && head[1] === 0x8b) return "gzip";
  return length === 4 && head.readUInt32LE(0) === 0xfd2fb528 ? "zstd" : "none";
}

function unpack(raw: NodeJS.ReadableStream, packing: Packing, file: string): NodeJS.ReadableStream {
  if (packing === "none") return raw;
  // Node before 22.15 has no Zstandard.
  if (packing === "zstd" && typeof zlib.createZstdDecompress !== "function") throw new EngineError("dataInvalid", `${file} is packed with Zstandard, which Node ${process.versions.node} cannot unpack. Unpack it first, or use Node 22.15 or newer.`, { file });
  const through = packing === "gzip" ? zlib.createGunzip({ chunkSize: CHUNK_BYTES }) : zlib.createZstdDecompress({ chunkSize: CHUNK_BYTES });
  // An error of either end arrives at whoever reads `through`.
  return pipeline(raw, through, () => undefined);
}

/** By byte order mark; without one, by the zero bytes that ASCII characters have in UTF-16. */
function encodingOf(head: Buffer): Encoding {
  if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) return "utf-8 with BOM";
  if (head[0] === 0xff && head[1] === 0xfe) return "utf-16le";
  if (head[0] === 0xfe && head[1] === 0xff) return "utf-16be";
  if (head.length >= 4 && head[0] !== 0 && head[1] === 0 && head[2] !== 0 && head[3] === 0) return "utf-16le";
  if (head.length >= 4 && head[0] === 0 && head[1] !== 0 && head[2] === 0 && head[3] !== 0) return "utf-16be";
  return "utf-8";
}

/** UTF-16 bytes to UTF-8, across chunk borders; a lone surrogate becomes {@link INVALID_BYTE}. */
function utf16Recoder(bigEndian: boolean): (chunk: Buffer, last: boolean) => Buffer {
  let held = Buffer.alloc(0);
  let first = true;
  return (chunk, last) => {
    const all = Buffer.concat([held, chunk]);
    let usable = all.length & ~1;
    // A high surrogate at the end waits for its other half.
    if (!last && usable >= 2 && ((all[usable - (bigEndian ? 2 : 1)] as number) & 0xfc) === 0xd8) usable -= 2;
    held = Buffer.from(all.subarray(usable));
    const units = Buffer.from(all.subarray(0, usable));
    if (bigEndian) units.swap16();
    let text = units.toString("utf16le");
    if (first && text.startsWith("\uFEFF")) text = text.slice(1);
    first = first && usable === 0;
    const tail = last && held.length > 0 ? Buffer.from([INVALID_BYTE]) : Buffer.alloc(0);
    return Buffer.concat([encode(text), tail]);
  };
}

function encode(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text, "utf8");
  const pieces: Buffer[] = [];
  for (const piece of text.split(/([\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF])/)) {
    pieces.push(piece.isWellFormed() ? Buffer.from(piece, "utf8") : Buffer.from([INVALID_BYTE]));
  }
  return Buffer.concat(pieces);
}
