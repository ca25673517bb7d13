// The encoder that ships with KaLactica: reads its file and turns texts into vectors. How it was trained stands in
// contrastiveTrainer.ts and in the model card beside the file (media/models/kalactica-embed.md).
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { EngineError, throwIfCancelled } from "../../base/errors.ts";
import { sha256, sha256File } from "../../base/files.ts";
import { GgmlType } from "../../base/ggmlTypes.ts";
import { readGguf } from "../../base/gguf.ts";
import type { GgufFile } from "../../base/gguf.ts";
import { writeGguf } from "../../base/ggufWriter.ts";
import type { Log } from "../../base/log.ts";
import { mediaFile } from "../../base/paths.ts";
import type { Embedder, EmbeddingKind } from "../embedder.ts";
import { Subwords } from "./subwords.ts";

const ARCHITECTURE = "kalactica-embed";
/** Texts between two looks at the clock; one text takes about 0.1 ms. */
const SLICE_TEXTS = 16;
const SLICE_MS = 15;
/** Q8_0: 32 numbers share one 16-bit scale. */
const BLOCK = 32;
const BLOCK_BYTES = 34;

/** What is stored: row vectors with the passage gains multiplied in, and the ratio of query to passage gain by row. */
export interface EncoderFile {
  words: readonly string[];
  nBuckets: number;
  dimension: number;
  /** `(words + buckets) × dimension`, row-major. */
  vectors: Float32Array;
  /** Query gain divided by passage gain, by row. */
  queryGains: Float32Array;
  /** Where it came from, for the model card and `models inspect`. */
  description: string;
}

export class EmbeddedEmbedder implements Embedder {
  readonly id = "kalactica-embed";
  readonly hash: string;
  readonly dimension: number;
  readonly #subwords: Subwords;
  readonly #vectors: Float32Array;
  readonly #queryGains: Float32Array;

  constructor(encoder: EncoderFile, hash: string) {
    this.hash = hash;
    this.dimension = encoder.dimension;
    this.#subwords = new Subwords(encoder.words, encoder.nBuckets);
    this.#vectors = encoder.vectors;
    this.#queryGains = encoder.queryGains;
  }

  async embed(texts: readonly string[], kind: EmbeddingKind, signal?: AbortSignal): Promise<Float32Array[]> {
    const embedded: Float32Array[] = [];
    let started = performance.now();
    for (const [i, text] of texts.entries()) {
      embedded.push(this.#embedOne(text, kind));
      if (i % SLICE_TEXTS === SLICE_TEXTS - 1 && performance.now() - started > SLICE_MS) {
        await nextTurn();
        throwIfCancelled(signal);
        started = performance.now();
      }
    }
    return embedded;
  }

  #embedOne(text: string, kind: EmbeddingKind): Float32Array {
    const { dimension } = this;
    const sum = new Float64Array(dimension);
    for (const [row, count] of this.#subwords.count(text)) {
      const weight = Math.log1p(count) * (kind === "query" ? (this.#queryGains[row] as number) : 1);
      const from = row * dimension;
      for (let d = 0; d < dimension; d++) sum[d] = (sum[d] as number) + weight * (this.#vectors[from + d] as number);
    }
    let square = 0;
    for (const x of sum) square += x * x;
    const unit = new Float32Array(dimension);
    if (square > 0) for (let d = 0; d < dimension; d++) unit[d] = (sum[d] as number) / Math.sqrt(square);
    return unit;
  }
}

/** The embedded encoder, or null (with a word in the log) where its file is missing or damaged: search then goes by words. */
export async function openEmbedder(log: Log, file: string = mediaFile("models", "kalactica-embed.gguf")): Promise<Embedder | null> {
  if (!existsSync(file)) {
    log.warn("The embedded embedding model is missing from this installation; search goes by words and names only.");
    return null;
  }
  try {
    return new EmbeddedEmbedder(await readEncoder(file), await sha256File(file));
  } catch (error) {
    log.warn("The embedded embedding model cannot be read; search goes by words and names only.", { problem: error instanceof Error ? error.message : String(error) });
    return null;
  }
}

/** Errors: those of reading GGUF, and `modelForeign` where the file is no encoder of ours. */
export async function readEncoder(file: string): Promise<EncoderFile> {
  const gguf = await readGguf(file);
  const words = gguf.metadata.get(`${ARCHITECTURE}.words`);
  const dimension = gguf.metadata.get(`${ARCHITECTURE}.dimension`);
  const nBuckets = gguf.metadata.get(`${ARCHITECTURE}.buckets`);
  if (gguf.metadata.get("general.architecture") !== ARCHITECTURE || gguf.metadata.get(`${ARCHITECTURE}.version`) !== 1
    || !Array.isArray(words) || typeof dimension !== "number" || typeof nBuckets !== "number") {
    throw new EngineError("modelForeign", `${file} is not an encoder of KaLactica (architecture "${ARCHITECTURE}", version 1). Install the extension again.`, { file });
  }
  const bytes = await readFile(file);
  const nRows = words.length + nBuckets;
  const vectors = readQ8(tensorBytes(gguf, bytes, "token_embd.weight", file), nRows * dimension, file);
  const queryGains = tensorBytes(gguf, bytes, "query_gain.weight", file);
  if (queryGains.byteLength !== 4 * nRows) throw damaged(file, "query_gain.weight");
  return {
    words: words as string[], nBuckets, dimension, vectors, queryGains: new Float32Array(new Uint8Array(queryGains).buffer),
    description: typeof gguf.metadata.get("general.description") === "string" ? gguf.metadata.get("general.description") as string : "",
  };
}

/** Writes an encoder in the form that {@link readEncoder} reads; atomic. Errors: `diskFull`, `unreadable`. */
export async function writeEncoder(file: string, encoder: EncoderFile): Promise<void> {
  const nRows = encoder.words.length + encoder.nBuckets;
  const gains = encoder.queryGains;
  await writeGguf(file, {
    metadata: new Map([
      ["general.architecture", { type: "string", value: ARCHITECTURE }],
      ["general.name", { type: "string", value: "KaLactica Embed" }],
      ["general.license", { type: "string", value: "mit" }],
      ["general.description", { type: "string", value: encoder.description }],
      [`${ARCHITECTURE}.version`, { type: "uint32", value: 1 }],
      [`${ARCHITECTURE}.dimension`, { type: "uint32", value: encoder.dimension }],
      [`${ARCHITECTURE}.buckets`, { type: "uint32", value: encoder.nBuckets }],
      [`${ARCHITECTURE}.words`, { type: "array", elementType: "string", value: [...encoder.words] }],
    ]),
    tensors: [
      { name: "token_embd.weight", type: GgmlType.Q8_0, shape: [encoder.dimension, nRows], data: writeQ8(encoder.vectors) },
      { name: "query_gain.weight", type: GgmlType.F32, shape: [nRows], data: new Uint8Array(gains.buffer, gains.byteOffset, gains.byteLength) },
    ],
  });
}

function tensorBytes(gguf: GgufFile, bytes: Uint8Array, name: string, file: string): Uint8Array {
  const tensor = gguf.tensors.find((entry) => entry.name === name);
  if (!tensor) throw damaged(file, name);
  return bytes.subarray(gguf.dataOffset + tensor.offset, gguf.dataOffset + tensor.offset + tensor.sizeBytes);
}

function damaged(file: string, tensor: string): EngineError {
  return new EngineError("modelForeign", `${file} lacks a sound tensor "${tensor}". Install the extension again.`, { file, tensor });
}

function readQ8(bytes: Uint8Array, length: number, file: string): Float32Array {
  if (bytes.byteLength !== (length / BLOCK) * BLOCK_BYTES) throw damaged(file, "token_embd.weight");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float32Array(length);
  for (let block = 0, at = 0; block < length; block += BLOCK, at += BLOCK_BYTES) {
    const scale = view.getFloat16(at, true);
    for (let i = 0; i < BLOCK; i++) values[block + i] = scale * view.getInt8(at + 2 + i);
  }
  return values;
}

function writeQ8(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array((values.length / BLOCK) * BLOCK_BYTES);
  const view = new DataView(bytes.buffer);
  for (let block = 0, at = 0; block < values.length; block += BLOCK, at += BLOCK_BYTES) {
    let largest = 0;
    for (let i = 0; i < BLOCK; i++) largest = Math.max(largest, Math.abs(values[block + i] as number));
    view.setFloat16(at, largest / 127, true);
    const scale = view.getFloat16(at, true);
    if (scale > 0) for (let i = 0; i < BLOCK; i++) view.setInt8(at + 2 + i, Math.max(-127, Math.min(127, Math.round((values[block + i] as number) / scale))));
  }
  return bytes;
}

/** The hash of an encoder that is not in a file, for tests and for trainers that measure before they write. */
export function encoderHash(encoder: EncoderFile): string {
  return sha256(new Uint8Array(encoder.vectors.buffer, encoder.vectors.byteOffset, encoder.vectors.byteLength));
}
