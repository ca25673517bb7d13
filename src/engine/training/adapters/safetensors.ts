// Reads and writes safetensors files: a JSON header with names, formats and places, then raw numbers.
// It knows nothing of what the tensors mean (peft.ts does), and reads no pickled files: those can run code.
// Source: github.com/huggingface/safetensors, "Format".
import { readFile } from "node:fs/promises";
import { EngineError, errnoCode } from "../../base/errors.ts";
import { writeFileAtomic } from "../../base/files.ts";
import { bytesOfFloats, floatsOfBrain, floatsOfBytes, floatsOfHalf } from "./floatFormats.ts";

/** A tensor as it stands in a file of this format: shape outermost first, rows after each other. */
export interface SafeTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array<ArrayBuffer>;
}

/** Headers of real adapters take some kilobytes; the format's own limit. */
const largestHeaderBytes = 100_000_000;

const formats: Readonly<Record<string, { bytes: number; read: (bytes: Uint8Array) => Float32Array<ArrayBuffer> }>> = {
  F32: { bytes: 4, read: floatsOfBytes },
  F16: { bytes: 2, read: floatsOfHalf },
  BF16: { bytes: 2, read: floatsOfBrain },
};

/** All tensors of a file, as F32. Errors: `notFound`, `unreadable`, `dataInvalid` (damaged, or of a format that is not F32, F16 or BF16). */
export async function readSafetensors(file: string): Promise<SafeTensor[]> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    if (errnoCode(error) === "ENOENT") throw new EngineError("notFound", `There is no file ${file}. Check the path.`, { file }, error);
    throw new EngineError("unreadable", `The file ${file} cannot be read (${errnoCode(error) ?? "unknown error"}). Check its permissions.`, { file }, error);
  }
  const damaged = (finding: string): EngineError => new EngineError("dataInvalid", `${file} is no sound safetensors file: ${finding}. Download or copy it again.`, { file });
  if (bytes.length < 8) throw damaged(`it has only ${bytes.length} bytes`);
  const headerBytes = bytes.readBigUInt64LE();
  if (headerBytes > BigInt(Math.min(largestHeaderBytes, bytes.length - 8))) throw damaged(`its header would take ${headerBytes} bytes, but the file has ${bytes.length}`);
  let header: unknown;
  try {
    header = JSON.parse(bytes.subarray(8, 8 + Number(headerBytes)).toString("utf8"));
  } catch {
    throw damaged("its header is not JSON");
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) throw damaged("its header is not an object");
  const data = bytes.subarray(8 + Number(headerBytes));
  const tensors: SafeTensor[] = [];
  for (const [name, entry] of Object.entries(header as Record<string, unknown>)) {
    if (name === "__metadata__") continue;
    const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as { dtype?: unknown; shape?: unknown; data_offsets?: unknown };
    if (typeof dtype !== "string" || !isSizes(shape) || !isSizes(offsets) || offsets.length !== 2) throw damaged(`the entry "${name}" does not say format, shape and place`);
    const format = formats[dtype];
    if (format === undefined) throw new EngineError("dataInvalid", `Tensor "${name}" of ${file} is in format ${dtype}; expected F32, F16 or BF16. Save the adapter in one of these.`, { file, name, dtype });
    const [start = 0, end = 0] = offsets;
    const count = shape.reduce((product, n) => product * n, 1);
    if (start > end || end > data.length || end - start !== count * format.bytes) throw damaged(`tensor "${name}" of shape ${shape.join(" × ")} lies at bytes ${start} to ${end} of ${data.length}`);
    tensors.push({ name, shape, values: format.read(data.subarray(start, end)) });
  }
  return tensors;
}

/** Writes F32 tensors, in the order of their names as the reference does, atomically. Errors: `diskFull`, `unreadable`. */
export async function writeSafetensors(file: string, tensors: readonly SafeTensor[], metadata: Readonly<Record<string, string>> = {}): Promise<void> {
  const sorted = [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1));
  const header: Record<string, unknown> = { __metadata__: metadata };
  let at = 0;
  for (const { name, shape, values } of sorted) {
    header[name] = { dtype: "F32", shape, data_offsets: [at, at + values.byteLength] };
    at += values.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  // The reader of the reference implementation maps the file: numbers start at a multiple of 8.
  const padding = (8 - (json.length % 8)) % 8;
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length + padding));
  await writeFileAtomic(file, Buffer.concat([length, json, Buffer.alloc(padding, " "), ...sorted.map(({ values }) => bytesOfFloats(values))]));
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}
