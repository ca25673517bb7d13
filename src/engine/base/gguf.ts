// Reads the header of GGUF files (metadata and tensor table) and says in a sentence what is wrong with a bad one.
// It never loads tensor data, and it knows nothing of what the keys mean. Writing is in ggufWriter.ts.
// Source: docs/gguf.md of ggml. Versions 2 and 3 (they differ in nothing that little-endian readers see).
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { EngineError, errnoCode } from "./errors.ts";
import { ggmlTypeInfo, tensorBytes } from "./ggmlTypes.ts";

/** The value types of GGUF metadata; a type's index in this list is its id in the file. */
export const ggufValueTypes = [
  "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "bool", "string", "array", "uint64", "int64", "float64",
] as const;
export type GgufValueType = (typeof ggufValueTypes)[number];

/** A metadata value. 64-bit integers are numbers where they are safe integers, else bigints. */
export type GgufValue = number | bigint | boolean | string | GgufValue[];

/** How a value stood in the file: its type and, of an array, the type of its elements. */
export interface GgufValueForm {
  readonly type: GgufValueType;
  readonly elementType?: GgufValueType;
}

export interface GgufTensorInfo {
  readonly name: string;
  /** Id of the ggml type; see ggmlTypes.ts. */
  readonly type: number;
  /** Name of the type, as llama.cpp writes it ("Q8_0"). */
  readonly typeName: string;
  /** Dimensions, innermost (contiguous) first: a matrix of `rows × columns` is `[columns, rows]`. */
  readonly shape: readonly number[];
  /** Bytes from {@link GgufFile.dataOffset}. */
  readonly offset: number;
  readonly sizeBytes: number;
}

export interface GgufFile {
  readonly version: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** The form of every metadata value, so that a file can be written again as it was. */
  readonly forms: ReadonlyMap<string, GgufValueForm>;
  readonly tensors: readonly GgufTensorInfo[];
  /** Where tensor data begins, in bytes from the start of the file. */
  readonly dataOffset: number;
  readonly fileSize: number;
  /** Alignment of tensor data in bytes (`general.alignment`, else 32). */
  readonly alignment: number;
}

export const ggufMagic = 0x46554747; // "GGUF", little-endian
export const ggufVersion = 3;
export const ggufDefaultAlignment = 32;

/** Deepest array in an array that is accepted; llama.cpp itself writes none. */
const maxArrayDepth = 4;
const maxDimensions = 4;
/** A metadata key or tensor name is short; more means that the header is damaged. */
const maxNameBytes = 65_535;
/** Bytes read at first; headers with large vocabularies take some megabytes. */
const firstReadBytes = 1 << 20;
/** Fewest bytes a metadata entry can take (key length 8, key 1, type 4, value 1), and a tensor's (8, 1, 4, 8, 4, 8). */
const minEntryBytes = 14;
const minTensorBytes = 33;

/**
 * Reads the header of the GGUF file at `file`: some kilobytes to some megabytes, never tensor data.
 * Errors: `modelNotFound` and `unreadable` (no such file, or not readable), `modelForeign` (not GGUF, damaged, or of an
 * obsolete form), `modelTruncated` (ends before its header or its tensor data do), `modelTooNew` (a version, value type
 * or tensor format that this engine does not know). Each sentence names the file.
 */
export async function readGguf(file: string): Promise<GgufFile> {
  const handle = await openModel(file);
  try {
    const { size } = await handle.stat();
    return await parseGrowing(file, handle, size);
  } catch (error) {
    if (error instanceof EngineError) throw error;
    throw new EngineError("unreadable", `The model file ${file} cannot be read (${errnoCode(error) ?? "unknown error"}). Check the disk and the file's permissions.`, { file }, error);
  } finally {
    await handle.close();
  }
}

async function openModel(file: string): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    handle = await open(file, "r");
  } catch (error) {
    if (errnoCode(error) === "ENOENT" || errnoCode(error) === "ENOTDIR") {
      throw new EngineError("modelNotFound", `There is no model file ${file}. Check the path, or choose another model.`, { file }, error);
    }
    throw new EngineError("unreadable", `The model file ${file} cannot be opened (${errnoCode(error) ?? "unknown error"}). Check its permissions.`, { file }, error);
  }
  const stat = await handle.stat();
  if (stat.isFile()) return handle;
  await handle.close();
  throw new EngineError("unreadable", `${file} is not a file. Choose a model file that ends in .gguf.`, { file });
}

/**
 * Parses from memory, reading more of the file and beginning anew where the header turns out longer: strings by the hundred
 * thousand are parsed far quicker without awaiting each.
 */
async function parseGrowing(file: string, handle: FileHandle, fileSize: number): Promise<GgufFile> {
  let bytes = Buffer.alloc(0);
  let wanted = Math.min(fileSize, firstReadBytes);
  for (;;) {
    const larger = Buffer.allocUnsafe(wanted);
    bytes.copy(larger);
    let filled = bytes.length;
    while (filled < wanted) {
      const { bytesRead } = await handle.read(larger, filled, wanted - filled, filled);
      if (bytesRead === 0) break; // the file has shrunk since its size was asked
      filled += bytesRead;
    }
    bytes = larger.subarray(0, filled);
    try {
      return parseHeader(new HeaderReader(file, bytes, filled < wanted ? filled : fileSize));
    } catch (error) {
      if (!(error instanceof MoreNeeded)) throw error;
      wanted = Math.min(fileSize, Math.max(error.nBytes, 4 * wanted));
    }
  }
}

function parseHeader(reader: HeaderReader): GgufFile {
  const version = readVersion(reader);
  const nTensors = reader.count("tensors", minTensorBytes);
  const nEntries = reader.count("metadata entries", minEntryBytes);

  const metadata = new Map<string, GgufValue>();
  const forms = new Map<string, GgufValueForm>();
  for (let i = 0; i < nEntries; i++) {
    const key = reader.name("metadata key");
    const type = readValueType(reader, key);
    if (type === "array") {
      const array = readArray(reader, key, 1);
      metadata.set(key, array.value);
      forms.set(key, { type, elementType: array.elementType });
    } else {
      metadata.set(key, readScalar(reader, type));
      forms.set(key, { type });
    }
  }

  const declared = metadata.get("general.alignment");
  const alignment = typeof declared === "number" ? declared : ggufDefaultAlignment;
  if (!Number.isInteger(alignment) || alignment < 1 || alignment > 1 << 20 || (alignment & (alignment - 1)) !== 0) {
    throw reader.damaged(`its alignment is ${String(alignment)}, which is not a power of two`);
  }

  const tensors: GgufTensorInfo[] = [];
  for (let i = 0; i < nTensors; i++) tensors.push(readTensorInfo(reader, alignment));
  const dataOffset = Math.ceil(reader.position / alignment) * alignment;
  const needed = tensors.reduce((end, t) => Math.max(end, dataOffset + t.offset + t.sizeBytes), reader.position);
  if (needed > reader.fileSize) throw reader.truncated(needed);
  return { version, metadata, forms, tensors, dataOffset, fileSize: reader.fileSize, alignment };
}

function readVersion(reader: HeaderReader): number {
  const { file, fileSize } = reader;
  const start = reader.peek(Math.min(8, fileSize));
  if (!start.subarray(0, 4).equals(Buffer.from("GGUF").subarray(0, Math.min(4, fileSize))) || fileSize === 0) {
    const found = fileSize === 0 ? "it is empty" : `it begins with ${JSON.stringify(start.subarray(0, 4).toString("latin1"))} instead of "GGUF"`;
    throw new EngineError("modelForeign", `${file} is not a GGUF model: ${found}. Choose a file in GGUF format.`, { file });
  }
  reader.u32();
  const version = reader.u32();
  if (version === 1) throw new EngineError("modelForeign", `${file} is a GGUF file of version 1, which nothing writes any more. Convert the model anew with a current llama.cpp.`, { file, version });
  if (version !== 0 && (version & 0xffff) === 0) throw new EngineError("modelForeign", `${file} is a big-endian GGUF file; this engine reads little-endian ones. Choose the usual build of the model.`, { file });
  if (version < 2) throw reader.damaged(`its version is ${version}`);
  if (version > ggufVersion) throw new EngineError("modelTooNew", `${file} is a GGUF file of version ${version}; this engine knows versions 2 and 3. Update KaLactica, or choose a file of version 3.`, { file, version });
  return version;
}

function readValueType(reader: HeaderReader, key: string): GgufValueType {
  const id = reader.u32();
  const type = ggufValueTypes[id];
  if (type !== undefined) return type;
  if (id > 255) throw reader.damaged(`the entry "${key}" has the value type ${id}`);
  throw new EngineError("modelTooNew", `The model file ${reader.file} holds a metadata value ("${key}") of type ${id}, which this engine does not know. Update KaLactica, or choose another file.`, { file: reader.file, key, type: id });
}

function readScalar(reader: HeaderReader, type: Exclude<GgufValueType, "array">): GgufValue {
  switch (type) {
    case "uint8": return reader.take(1).readUInt8();
    case "int8": return reader.take(1).readInt8();
    case "uint16": return reader.take(2).readUInt16LE();
    case "int16": return reader.take(2).readInt16LE();
    case "uint32": return reader.u32();
    case "int32": return reader.take(4).readInt32LE();
    case "float32": return reader.take(4).readFloatLE();
    case "bool": return reader.take(1).readUInt8() !== 0;
    case "string": return reader.string();
    case "uint64": return reader.u64();
    case "int64": return narrow(reader.take(8).readBigInt64LE());
    case "float64": return reader.take(8).readDoubleLE();
  }
}

/** Bytes of one value, or the fewest that one can take (strings and arrays carry their length). */
const scalarBytes: Readonly<Record<GgufValueType, number>> = {
  uint8: 1, int8: 1, uint16: 2, int16: 2, uint32: 4, int32: 4, float32: 4, bool: 1, string: 8, array: 12, uint64: 8, int64: 8, float64: 8,
};

function readArray(reader: HeaderReader, key: string, depth: number): { value: GgufValue[]; elementType: GgufValueType } {
  if (depth > maxArrayDepth) throw reader.damaged(`the entry "${key}" is an array nested more than ${maxArrayDepth} deep`);
  const elementType = readValueType(reader, key);
  const length = reader.count(`elements of "${key}"`, scalarBytes[elementType]);
  const value: GgufValue[] = [];
  for (let i = 0; i < length; i++) {
    value.push(elementType === "array" ? readArray(reader, key, depth + 1).value : readScalar(reader, elementType));
  }
  return { value, elementType };
}

function readTensorInfo(reader: HeaderReader, alignment: number): GgufTensorInfo {
  const name = reader.name("tensor name");
  const nDimensions = reader.u32();
  if (nDimensions > maxDimensions) throw reader.damaged(`tensor "${name}" has ${nDimensions} dimensions`);
  const shape: number[] = [];
  for (let i = 0; i < nDimensions; i++) {
    const n = reader.u64();
    if (typeof n !== "number" || n < 1) throw reader.damaged(`tensor "${name}" has a dimension of ${n}`);
    shape.push(n);
  }
  const type = reader.u32();
  const offset = reader.u64();
  const info = ggmlTypeInfo(type);
  if (info === undefined) {
    throw new EngineError("modelTooNew", `Tensor "${name}" of ${reader.file} has the number format ${type}, which this engine does not know. Update KaLactica, or choose a file in a usual format such as Q8_0 or Q4_K_M.`, { file: reader.file, tensor: name, type });
  }
  const sizeBytes = tensorBytes(info, shape);
  if (sizeBytes === undefined) throw reader.damaged(`tensor "${name}" has rows of ${shape[0]} elements, which are not whole ${info.name} blocks`);
  if (!Number.isSafeInteger(sizeBytes)) throw reader.damaged(`tensor "${name}" has the shape ${shape.join(" × ")}`);
  if (typeof offset !== "number" || offset % alignment !== 0) throw reader.damaged(`tensor "${name}" lies at offset ${offset}, which is not aligned to ${alignment} bytes`);
  return { name, type, typeName: info.name, shape, offset, sizeBytes };
}

function narrow(value: bigint): number | bigint {
  return value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER ? Number(value) : value;
}

/** Thrown where the header goes on beyond the bytes read so far. */
class MoreNeeded extends Error {
  readonly nBytes: number;

  constructor(nBytes: number) {
    super("more of the header is needed");
    this.nBytes = nBytes;
  }
}

/** A forward reader over the first bytes of a file that refuses to run past the file's end, however absurd a count is. */
class HeaderReader {
  readonly file: string;
  readonly fileSize: number;
  readonly #bytes: Buffer;
  position = 0;

  constructor(file: string, bytes: Buffer, fileSize: number) {
    this.file = file;
    this.#bytes = bytes;
    this.fileSize = fileSize;
  }

  /** The next `nBytes`, consumed. */
  take(nBytes: number): Buffer {
    const bytes = this.peek(nBytes);
    this.position += nBytes;
    return bytes;
  }

  peek(nBytes: number): Buffer {
    const end = this.position + nBytes;
    if (end > this.fileSize) throw this.truncated(end);
    if (end > this.#bytes.length) throw new MoreNeeded(end);
    return this.#bytes.subarray(this.position, end);
  }

  u32(): number {
    return this.take(4).readUInt32LE();
  }

  /** A number wherever that is exact; without a bigint in between where it is small, as nearly all are. */
  u64(): number | bigint {
    const bytes = this.take(8);
    return bytes.readUInt32LE(4) === 0 ? bytes.readUInt32LE(0) : narrow(bytes.readBigUInt64LE());
  }

  /** A 64-bit count of things of at least `minBytes` each; more than the rest of the file can hold is an error. */
  count(what: string, minBytes: number): number {
    const value = this.u64();
    const left = this.fileSize - this.position;
    if (typeof value === "number" && value * minBytes <= left) return value;
    // A count that some real model could have means that the rest is missing; any other, that the header is damaged.
    if (typeof value === "number" && value < 1 << 24) throw this.truncated(this.position + value * minBytes);
    throw this.damaged(`it declares ${value} ${what}`);
  }

  string(): string {
    return this.take(this.count("bytes of a string", 1)).toString("utf8");
  }

  name(what: string): string {
    const length = this.u64();
    if (typeof length !== "number" || length > maxNameBytes) throw this.damaged(`it holds a ${what} of ${length} bytes`);
    return this.take(length).toString("utf8");
  }

  truncated(neededBytes: number): EngineError {
    return new EngineError("modelTruncated", `The model file ${this.file} is cut off: it has ${this.fileSize} bytes but needs at least ${neededBytes}. Download or copy it again.`, { file: this.file, fileSize: this.fileSize, neededBytes });
  }

  damaged(finding: string): EngineError {
    return new EngineError("modelForeign", `The model file ${this.file} has a damaged header: ${finding}. Download or copy it again.`, { file: this.file });
  }
}
