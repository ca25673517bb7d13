// Writes a ZIP archive whose bytes depend on names and contents alone: entries sorted, one fixed time, fixed modes, no
// extra fields (PKWARE APPNOTE 6.3.10). Not for archives or entries of 4 GB and more. It reads nothing but the entries' files.
import { open, readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { promisify } from "node:util";
import { crc32, deflateRaw } from "node:zlib";

export interface ZipEntry {
  /** Path in the archive, with "/". */
  readonly name: string;
  /** The bytes, or the absolute path of the file that has them. */
  readonly content: Buffer | { readonly file: string };
  readonly executable?: boolean;
}

export interface PackedEntry {
  readonly name: string;
  readonly bytes: number;
  readonly packedBytes: number;
}

const deflate = promisify(deflateRaw);
/** 1980-01-01 00:00, the first time that the format knows. */
const DOS_TIME = 0;
const DOS_DATE = (1 << 5) | 1;
const UTF8_NAMES = 0x800;
const DEFLATED = 8;
const STORED = 0;
/** Version 2.0 of the format, made on Unix (3), so that modes count. */
const MADE_BY = (3 << 8) | 20;
const NEEDS = 20;
const LIMIT = 0xffff_fffe;

/**
 * Writes `entries` to `file` and resolves with their sizes in bytes, in the order of the archive. `level` is zlib's, 1 to 9.
 * The bytes are the same for the same entries and level on the same zlib; zlib's own versions may pack differently.
 */
export async function writeZip(file: string, entries: readonly ZipEntry[], level: number): Promise<PackedEntry[]> {
  const sorted = entries.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const twice = sorted.find(({ name }, i) => sorted[i + 1]?.name === name);
  if (twice) throw new Error(`The archive would hold ${twice.name} twice.`);

  const output = await open(file, "w");
  const packed: PackedEntry[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  try {
    // zlib works on threads of its own: the next entries are packed while one is written.
    const ahead = Math.max(2, availableParallelism());
    const inWork = sorted.slice(0, ahead).map((entry) => pack(entry, level));
    for (const [i, entry] of sorted.entries()) {
      const next = sorted[i + ahead];
      if (next) inWork.push(pack(next, level));
      const { method, checksum, bytes, data } = await inWork[i]!;
      const name = Buffer.from(entry.name, "utf8");
      const local = localHeader({ method, checksum, bytes, packedBytes: data.length, nameBytes: name.length });
      directory.push(directoryHeader({ method, checksum, bytes, packedBytes: data.length, nameBytes: name.length, executable: entry.executable === true, offset }), name);
      for (const part of [local, name, data]) offset += (await output.write(part)).bytesWritten;
      if (offset > LIMIT) throw new Error(`${file} would be larger than 4 GB.`);
      packed.push({ name: entry.name, bytes, packedBytes: data.length });
      inWork[i] = undefined as never; // its bytes are not kept
    }
    const records = Buffer.concat(directory);
    await output.write(records);
    await output.write(endOfDirectory(sorted.length, records.length, offset));
  } finally {
    await output.close();
  }
  return packed;
}

async function pack(entry: ZipEntry, level: number): Promise<{ method: number; checksum: number; bytes: number; data: Buffer }> {
  const content = Buffer.isBuffer(entry.content) ? entry.content : await readFile(entry.content.file);
  const small = await deflate(content, { level });
  const worth = small.length < content.length;
  return { method: worth ? DEFLATED : STORED, checksum: crc32(content), bytes: content.length, data: worth ? small : content };
}

interface Header {
  readonly method: number;
  readonly checksum: number;
  readonly bytes: number;
  readonly packedBytes: number;
  readonly nameBytes: number;
}

function localHeader(header: Header): Buffer {
  const buffer = Buffer.alloc(30);
  buffer.writeUInt32LE(0x04034b50, 0);
  buffer.writeUInt16LE(NEEDS, 4);
  writeCommon(buffer, 6, header);
  return buffer;
}

function directoryHeader(header: Header & { readonly executable: boolean; readonly offset: number }): Buffer {
  const buffer = Buffer.alloc(46);
  buffer.writeUInt32LE(0x02014b50, 0);
  buffer.writeUInt16LE(MADE_BY, 4);
  buffer.writeUInt16LE(NEEDS, 6);
  writeCommon(buffer, 8, header);
  const regularFile = 0o100000;
  buffer.writeUInt32LE(((regularFile | (header.executable ? 0o755 : 0o644)) << 16) >>> 0, 38);
  buffer.writeUInt32LE(header.offset, 42);
  return buffer;
}

/** Flags to lengths: the 24 bytes that both headers share. */
function writeCommon(buffer: Buffer, at: number, { method, checksum, bytes, packedBytes, nameBytes }: Header): void {
  buffer.writeUInt16LE(UTF8_NAMES, at);
  buffer.writeUInt16LE(method, at + 2);
  buffer.writeUInt16LE(DOS_TIME, at + 4);
  buffer.writeUInt16LE(DOS_DATE, at + 6);
  buffer.writeUInt32LE(checksum, at + 8);
  buffer.writeUInt32LE(packedBytes, at + 12);
  buffer.writeUInt32LE(bytes, at + 16);
  buffer.writeUInt16LE(nameBytes, at + 20);
}

function endOfDirectory(nEntries: number, bytes: number, offset: number): Buffer {
  const buffer = Buffer.alloc(22);
  buffer.writeUInt32LE(0x06054b50, 0);
  buffer.writeUInt16LE(nEntries, 8);
  buffer.writeUInt16LE(nEntries, 10);
  buffer.writeUInt32LE(bytes, 12);
  buffer.writeUInt32LE(offset, 16);
  return buffer;
}
