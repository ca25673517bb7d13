// Rows of a Parquet file through hyparquet (MIT, pure JavaScript), one row group at a time. Snappy comes with it; the other
// codecs are Node's own. Memory is bounded by the largest row group, so larger ones are refused.
import { isUtf8 } from "node:buffer";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import zlib from "node:zlib";
import { parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { EngineError, isCancelled, throwIfCancelled } from "../../base/errors.ts";
import { sha256File } from "../../base/files.ts";
import { readFailure } from "./bytes.ts";
import type { ByteHooks, FileFacts } from "./bytes.ts";
import { errorAt } from "./rows.ts";
import type { RowItem } from "./rows.ts";

/** Largest row group that is taken in, uncompressed. Our choice: writers make 16 to 512 MB of them (pyarrow: 1 M rows). */
const MAXIMUM_GROUP_BYTES = 1 << 30;
/** Rows that are decoded at once where a file's pages allow reading part of a group. */
const ROWS_AT_ONCE = 20_000;

/**
 * One item a row, numbered from 1. `onFacts` is told once the end was reached.
 * Errors: `notFound`, `unreadable`, `dataInvalid` where it is no sound Parquet file.
 */
export async function* readParquet(file: string, name: string, onFacts: (facts: FileFacts) => void, hooks: ByteHooks = {}): AsyncGenerator<RowItem> {
  let handle: FileHandle;
  try {
    handle = await open(file, "r");
  } catch (error) {
    throw readFailure(file, error);
  }
  try {
    const { size } = await handle.stat();
    const source = { byteLength: size, slice: (start: number, end?: number) => slice(handle, start, end ?? size) };
    const metadata = await soundly(file, () => parquetMetadataAsync(source));
    let first = 0;
    let bytes = 0;
    for (const group of metadata.row_groups) {
      const nRows = Number(group.num_rows);
      if (Number(group.total_byte_size) > MAXIMUM_GROUP_BYTES) {
        yield errorAt(`${name}:${first + 1}`, `The row group that begins here holds ${Math.round(Number(group.total_byte_size) / (1 << 20))} MB; at most ${MAXIMUM_GROUP_BYTES >> 20} MB are taken in at once. Write the file with smaller row groups (pyarrow: row_group_size=100000).`);
        first += nRows;
        continue;
      }
      for (let start = first; start < first + nRows; start += ROWS_AT_ONCE) {
        throwIfCancelled(hooks.signal);
        let nInvalid = 0;
        const stringFromBytes = (value: Uint8Array | undefined): string | undefined => {
          if (value === undefined) return undefined;
          if (!isUtf8(value)) nInvalid++;
          return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("utf8");
        };
        const rows = await soundly(file, () => parquetReadObjects({
          file: source, metadata, rowStart: start, rowEnd: Math.min(first + nRows, start + ROWS_AT_ONCE), compressors: COMPRESSORS, useOffsetIndex: true, geoparquet: false, parsers: { stringFromBytes },
        }));
        for (const [i, row] of rows.entries()) {
          const at = `${name}:${start + i + 1}`;
          // Decoding marked what was wrong; only then is it worth looking for the row.
          if (nInvalid > 0 && JSON.stringify(row, plain).includes("\uFFFD")) yield errorAt(at, "This row holds text that is not valid UTF-8. Write the column as UTF-8 strings.");
          else yield { at, value: row };
        }
      }
      first += nRows;
      bytes += Number(group.total_compressed_size ?? group.total_byte_size);
      hooks.onBytes?.(Math.min(bytes, size));
    }
    onFacts({ bytes: size, sha256: await sha256File(file, hooks.signal), encoding: "utf-8" });
  } finally {
    await handle.close();
  }
}

/** BigInt has no JSON form of its own. */
function plain(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}

async function slice(handle: FileHandle, start: number, end: number): Promise<ArrayBuffer> {
  const buffer = new ArrayBuffer(Math.max(0, end - start));
  let done = 0;
  while (done < buffer.byteLength) {
    const { bytesRead } = await handle.read(new Uint8Array(buffer, done), 0, buffer.byteLength - done, start + done);
    if (bytesRead === 0) throw new Error("The file ended early.");
    done += bytesRead;
  }
  return buffer;
}

const COMPRESSORS = {
  GZIP: (input: Uint8Array) => new Uint8Array(zlib.gunzipSync(input)),
  BROTLI: (input: Uint8Array) => new Uint8Array(zlib.brotliDecompressSync(input)),
  // Node before 22.15 has no Zstandard; the reader then says that the codec is not supported.
  ...(typeof zlib.zstdDecompressSync === "function" ? { ZSTD: (input: Uint8Array) => new Uint8Array(zlib.zstdDecompressSync(input)) } : {}),
};

/** The library fails in many ways on bytes that are no Parquet; to the user they are one. */
async function soundly<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof EngineError || isCancelled(error)) throw error;
    const codec = /unsupported compression codec: (\w+)/.exec((error as Error).message)?.[1];
    if (codec !== undefined) throw new EngineError("dataInvalid", `${file} is packed with ${codec}, which is not supported. Write it with snappy, zstd, gzip or brotli.`, { file, codec }, error);
    throw new EngineError("dataInvalid", `${file} is no sound Parquet file: ${(error as Error).message.replace(/^parquet /, "").replace(/\.$/, "")}. Fetch or write it again.`, { file }, error);
  }
}
