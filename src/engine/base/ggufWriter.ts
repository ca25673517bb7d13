// Writes GGUF files (version 3): header first, then each tensor as it comes, so that no more than one is in memory.
// The file appears under its name only when it is whole. It does not quantise and does not know what the keys mean.
import { randomBytes } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import path from "node:path";
import { EngineError } from "./errors.ts";
import { syncFolder, writeFailure } from "./files.ts";
import { ggmlTypeInfo, tensorBytes } from "./ggmlTypes.ts";
import { ggufDefaultAlignment, ggufMagic, ggufValueTypes, ggufVersion } from "./gguf.ts";
import type { GgufFile, GgufValue, GgufValueType } from "./gguf.ts";

/** A metadata value with the type that it is written as. Arrays say the type of their elements. */
export type GgufEntry =
  | { readonly type: Exclude<GgufValueType, "array">; readonly value: number | bigint | boolean | string }
  | { readonly type: "array"; readonly elementType: Exclude<GgufValueType, "array">; readonly value: readonly GgufValue[] };

/** A tensor to be written: `shape` innermost dimension first, `type` an id of ggmlTypes.ts. */
export interface GgufTensorSpec {
  readonly name: string;
  readonly type: number;
  readonly shape: readonly number[];
}

export interface GgufContent {
  readonly metadata: ReadonlyMap<string, GgufEntry>;
  readonly tensors: readonly (GgufTensorSpec & { readonly data: Uint8Array | (() => Uint8Array | Promise<Uint8Array>) })[];
}

/** Writes a whole GGUF file atomically. A tensor's `data` may be a function, called when its turn comes. Errors: those of {@link GgufWriter}. */
export async function writeGguf(file: string, content: GgufContent): Promise<void> {
  const writer = await GgufWriter.create(file, content.metadata, content.tensors);
  try {
    for (const tensor of content.tensors) {
      await writer.writeTensor(typeof tensor.data === "function" ? await tensor.data() : tensor.data);
    }
    await writer.finish();
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

/** The metadata of a file that was read, in the form that it is written in; for copying models with changed keys or tensors. */
export function entriesOf(gguf: GgufFile): Map<string, GgufEntry> {
  const entries = new Map<string, GgufEntry>();
  for (const [key, value] of gguf.metadata) {
    const form = gguf.forms.get(key);
    if (form === undefined) continue;
    if (form.type !== "array") entries.set(key, { type: form.type, value: value as string });
    else if (form.elementType !== undefined && form.elementType !== "array") entries.set(key, { type: "array", elementType: form.elementType, value: value as GgufValue[] });
    else throw new EngineError("modelForeign", `The metadata entry "${key}" is an array of arrays, which cannot be copied.`, { key });
  }
  return entries;
}

/** Streams one GGUF file: `create`, then `writeTensor` once per declared tensor and in that order, then `finish` (or `discard`). */
export class GgufWriter {
  readonly #file: string;
  readonly #temporary: string;
  readonly #handle: FileHandle;
  readonly #alignment: number;
  readonly #pending: { name: string; sizeBytes: number }[];
  #written = 0;
  #closed = false;

  private constructor(file: string, temporary: string, handle: FileHandle, alignment: number, pending: { name: string; sizeBytes: number }[]) {
    this.#file = file;
    this.#temporary = temporary;
    this.#handle = handle;
    this.#alignment = alignment;
    this.#pending = pending;
  }

  /** Opens a temporary file beside `file` and writes the header. Errors: `badRequest` (a shape or value that its type cannot hold), `diskFull`, `unreadable`. */
  static async create(file: string, metadata: ReadonlyMap<string, GgufEntry>, tensors: readonly GgufTensorSpec[]): Promise<GgufWriter> {
    const alignmentEntry = metadata.get("general.alignment");
    const alignment = typeof alignmentEntry?.value === "number" ? alignmentEntry.value : ggufDefaultAlignment;
    const sizes = tensors.map((tensor) => ({ name: tensor.name, sizeBytes: sizeOf(tensor) }));
    const header = encodeHeader(metadata, tensors, sizes.map((s) => s.sizeBytes), alignment);

    const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`);
    let handle: FileHandle | undefined;
    try {
      await mkdir(path.dirname(file), { recursive: true });
      handle = await open(temporary, "wx");
      await handle.writeFile(header);
      return new GgufWriter(file, temporary, handle, alignment, sizes);
    } catch (error) {
      await handle?.close();
      await rm(temporary, { force: true });
      throw writeFailure(file, error);
    }
  }

  /** Writes the next declared tensor's bytes, at once or in parts. Errors: `badRequest` where their number is not what type and shape need. */
  async writeTensor(data: Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
    const expected = this.#pending[this.#written];
    if (expected === undefined) throw new EngineError("badRequest", `More tensors were written to ${this.#file} than the ${this.#pending.length} declared.`);
    const requireSize = (nBytes: number): void => {
      if (nBytes !== expected.sizeBytes) throw new EngineError("badRequest", `Tensor "${expected.name}" has ${nBytes} bytes of data; its type and shape need ${expected.sizeBytes}.`);
    };
    if (data instanceof Uint8Array) requireSize(data.byteLength);
    this.#written++;
    try {
      // writeFile on a handle appends at its position and writes everything, unlike a single write.
      if (data instanceof Uint8Array) {
        await this.#handle.writeFile(data);
      } else {
        let nBytes = 0;
        for await (const part of data) {
          await this.#handle.writeFile(part);
          nBytes += part.byteLength;
        }
        requireSize(nBytes);
      }
      const padding = paddingTo(expected.sizeBytes, this.#alignment);
      if (padding > 0) await this.#handle.writeFile(Buffer.alloc(padding));
    } catch (error) {
      throw writeFailure(this.#file, error);
    }
  }

  /** Flushes and gives the file its name. Errors: `badRequest` where declared tensors were not written; `diskFull`. */
  async finish(): Promise<void> {
    if (this.#written !== this.#pending.length) throw new EngineError("badRequest", `Only ${this.#written} of the ${this.#pending.length} declared tensors were written to ${this.#file}.`);
    try {
      await this.#handle.sync();
      this.#closed = true;
      await this.#handle.close();
      await rename(this.#temporary, this.#file);
      await syncFolder(path.dirname(this.#file));
    } catch (error) {
      await this.discard();
      throw writeFailure(this.#file, error);
    }
  }

  /** Gives up: nothing of the file remains. Safe to call after a failure of any method. */
  async discard(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      await this.#handle.close();
    }
    await rm(this.#temporary, { force: true });
  }
}

function sizeOf(tensor: GgufTensorSpec): number {
  const info = ggmlTypeInfo(tensor.type);
  const bytes = info && tensorBytes(info, tensor.shape);
  if (bytes === undefined) throw new EngineError("badRequest", `Tensor "${tensor.name}" of shape ${tensor.shape.join(" × ")} cannot be stored in format ${info?.name ?? tensor.type}.`);
  return bytes;
}

function paddingTo(nBytes: number, alignment: number): number {
  return (alignment - (nBytes % alignment)) % alignment;
}

function encodeHeader(metadata: ReadonlyMap<string, GgufEntry>, tensors: readonly GgufTensorSpec[], sizes: readonly number[], alignment: number): Buffer {
  const out = new ByteSink();
  out.u32(ggufMagic);
  out.u32(ggufVersion);
  out.u64(tensors.length);
  out.u64(metadata.size);
  for (const [key, entry] of metadata) {
    out.string(key);
    out.u32(ggufValueTypes.indexOf(entry.type));
    if (entry.type === "array") {
      out.u32(ggufValueTypes.indexOf(entry.elementType));
      out.u64(entry.value.length);
      for (const element of entry.value) out.scalar(key, entry.elementType, element);
    } else {
      out.scalar(key, entry.type, entry.value);
    }
  }
  let offset = 0;
  for (const [i, tensor] of tensors.entries()) {
    out.string(tensor.name);
    out.u32(tensor.shape.length);
    for (const n of tensor.shape) out.u64(n);
    out.u32(tensor.type);
    out.u64(offset);
    const size = sizes[i] ?? 0;
    offset += size + paddingTo(size, alignment);
  }
  out.pad(alignment);
  return out.bytes();
}

const integerRanges: Partial<Record<GgufValueType, readonly [bigint, bigint]>> = {
  uint8: [0n, 0xffn], int8: [-0x80n, 0x7fn], uint16: [0n, 0xffffn], int16: [-0x8000n, 0x7fffn],
  uint32: [0n, 0xffffffffn], int32: [-0x80000000n, 0x7fffffffn], uint64: [0n, (1n << 64n) - 1n], int64: [-(1n << 63n), (1n << 63n) - 1n],
};

/** A growing little-endian byte buffer. */
class ByteSink {
  #buffer = Buffer.alloc(1 << 16);
  #length = 0;

  #reserve(nBytes: number): number {
    const at = this.#length;
    this.#length += nBytes;
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.alloc(Math.max(this.#length, 2 * this.#buffer.length));
      this.#buffer.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    return at;
  }

  u32(value: number): void {
    const at = this.#reserve(4);
    this.#buffer.writeUInt32LE(value, at);
  }

  u64(value: number | bigint): void {
    const at = this.#reserve(8);
    this.#buffer.writeBigUInt64LE(BigInt(value), at);
  }

  string(value: string): void {
    const nBytes = Buffer.byteLength(value);
    this.u64(nBytes);
    const at = this.#reserve(nBytes);
    this.#buffer.write(value, at, "utf8");
  }

  scalar(key: string, type: Exclude<GgufValueType, "array">, value: GgufValue): void {
    const wrong = (): EngineError => new EngineError("badRequest", `The metadata entry "${key}" cannot hold ${String(value)} as ${type}.`, { key, type });
    if (type === "string") {
      if (typeof value !== "string") throw wrong();
      this.string(value);
      return;
    }
    if (type === "bool") {
      if (typeof value !== "boolean") throw wrong();
      const at = this.#reserve(1);
      this.#buffer[at] = value ? 1 : 0;
      return;
    }
    if (typeof value !== "number" && typeof value !== "bigint") throw wrong();
    if (type === "float32" || type === "float64") {
      const at = this.#reserve(type === "float32" ? 4 : 8);
      if (type === "float32") this.#buffer.writeFloatLE(Number(value), at);
      else this.#buffer.writeDoubleLE(Number(value), at);
      return;
    }
    const range = integerRanges[type];
    if (range === undefined || (typeof value === "number" && !Number.isInteger(value))) throw wrong();
    const integer = BigInt(value);
    if (integer < range[0] || integer > range[1]) throw wrong();
    const nBytes = type.endsWith("64") ? 8 : type.endsWith("32") ? 4 : type.endsWith("16") ? 2 : 1;
    const at = this.#reserve(nBytes);
    // Two's complement: the low bytes of a negative number are those of the wrapped unsigned one.
    const unsigned = BigInt.asUintN(8 * nBytes, integer);
    if (nBytes === 8) this.#buffer.writeBigUInt64LE(unsigned, at);
    else this.#buffer.writeUIntLE(Number(unsigned), at, nBytes);
  }

  pad(alignment: number): void {
    this.#reserve(paddingTo(this.#length, alignment));
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }
}
