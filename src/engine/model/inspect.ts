// Reads from a GGUF header what the assistant needs to know of a model: shape, format, context, infill, chat template.
// It loads no weights and decides nothing about memory (memoryFit.ts) or which model is used (registry.ts).
import path from "node:path";
import { EngineError } from "../base/errors.ts";
import { readGguf } from "../base/gguf.ts";
import type { GgufFile, GgufValue } from "../base/gguf.ts";
import { findInfillMarkers, LAYOUT_KEY } from "./infillVocabulary.ts";
import type { InfillMarkers } from "./infillVocabulary.ts";

/** What a GGUF header says about a model. Sizes in bytes, lengths in tokens or elements. */
export interface ModelDetails {
  readonly file: string;
  readonly sizeBytes: number;
  readonly name: string;
  readonly licence: string;
  readonly architecture: string;
  /** Number of weights. */
  readonly parameters: number;
  /** As model files are named by: "Q4_K_M", "Q8_0", "F16". */
  readonly quantisation: string;
  /** The context window that the model was trained for, in tokens. */
  readonly contextSize: number;
  readonly infill: InfillMarkers | null;
  readonly chatTemplate: boolean;
  /** Whether the model turns a text into one vector (a BERT-like architecture, or one with a pooling type). */
  readonly embedding: boolean;
  readonly layers: number;
  readonly embeddingLength: number;
  readonly feedForwardLength: number;
  readonly vocabularySize: number;
  /** Elements that the key–value cache holds per token, over all layers. */
  readonly cacheElementsPerToken: number;
  /** Bytes of all weights, and of the token embedding among them. */
  readonly weightBytes: number;
  readonly tokenEmbeddingBytes: number;
}

/** Names by `general.file_type`. Source: enum llama_ftype in llama.h. */
const FILE_TYPES: Readonly<Record<number, string>> = {
  0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L",
  14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS",
  24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
};

const EMBEDDING_ARCHITECTURES = new Set(["bert", "modern-bert", "nomic-bert", "nomic-bert-moe", "neo-bert", "jina-bert-v2", "jina-bert-v3", "gemma-embedding", "t5encoder"]);

/**
 * Inspects the GGUF file at `file`.
 * Errors: those of readGguf (`modelNotFound`, `unreadable`, `modelForeign`, `modelTruncated`, `modelTooNew`), and
 * `modelForeign` where the file is GGUF but no language model (no architecture, no vocabulary, one part of a split model).
 */
export async function inspectModel(file: string): Promise<ModelDetails> {
  const gguf = await readGguf(file);
  const { metadata } = gguf;
  const architecture = metadata.get("general.architecture");
  if (typeof architecture !== "string" || architecture === "") throw notAModel(file, "it does not say its architecture");
  const kind = metadata.get("general.type");
  if (kind === "adapter") throw notAModel(file, "it is an adapter (LoRA), which needs a base model");
  if (architecture === "clip" || kind === "mmproj") throw notAModel(file, "it is the picture part of a model");
  const parts = numberOf(metadata.get("split.count"));
  if (parts > 1) throw notAModel(file, `it is one of ${parts} parts of a model; join them with llama-gguf-split --merge`);

  const key = (name: string): GgufValue | undefined => metadata.get(`${architecture}.${name}`);
  const layers = numberOf(key("block_count"));
  const embeddingLength = numberOf(key("embedding_length"));
  const tokens = metadata.get("tokenizer.ggml.tokens");
  if (layers < 1 || embeddingLength < 1) throw notAModel(file, "it does not say how many layers it has or how wide they are");
  if (!Array.isArray(tokens)) throw notAModel(file, "it has no vocabulary");
  if (gguf.tensors.length === 0) throw notAModel(file, "it holds a vocabulary only, no weights");

  const name = metadata.get("general.name");
  const licence = metadata.get("general.license");
  const vocabulary = new Set(tokens as string[]);
  const tokenEmbedding = gguf.tensors.find((tensor) => tensor.name === "token_embd.weight");
  return {
    file,
    sizeBytes: gguf.fileSize,
    name: typeof name === "string" && name !== "" ? name : path.basename(file, ".gguf"),
    licence: typeof licence === "string" && licence !== "" ? licence : "unknown",
    architecture,
    parameters: gguf.tensors.reduce((sum, tensor) => sum + tensor.shape.reduce((product, n) => product * n, 1), 0),
    quantisation: quantisationOf(gguf),
    contextSize: numberOf(key("context_length")) || 2048,
    infill: findInfillMarkers((text) => vocabulary.has(text), metadata.get(LAYOUT_KEY)),
    chatTemplate: typeof metadata.get("tokenizer.chat_template") === "string",
    embedding: EMBEDDING_ARCHITECTURES.has(architecture) || numberOf(key("pooling_type")) > 0,
    layers,
    embeddingLength,
    feedForwardLength: Math.max(0, ...numbersOf(key("feed_forward_length"))),
    vocabularySize: tokens.length,
    cacheElementsPerToken: cacheElementsPerToken(key, layers, embeddingLength),
    weightBytes: gguf.tensors.reduce((sum, tensor) => sum + tensor.sizeBytes, 0),
    tokenEmbeddingBytes: tokenEmbedding?.sizeBytes ?? 0,
  };
}

/** Keys and values of every layer; head counts may differ by layer (an array), and layers without attention hold none. */
function cacheElementsPerToken(key: (name: string) => GgufValue | undefined, layers: number, embeddingLength: number): number {
  const heads = numbersOf(key("attention.head_count"));
  const kvHeads = numbersOf(key("attention.head_count_kv"));
  const nHeads = Math.max(1, ...heads);
  const keyLength = numberOf(key("attention.key_length")) || embeddingLength / nHeads;
  const valueLength = numberOf(key("attention.value_length")) || embeddingLength / nHeads;
  let elements = 0;
  for (let layer = 0; layer < layers; layer++) {
    const n = kvHeads.length === 0 ? nHeads : kvHeads.length === 1 ? kvHeads[0] : kvHeads[layer];
    elements += (n ?? 0) * (keyLength + valueLength);
  }
  return elements;
}

function quantisationOf(gguf: GgufFile): string {
  const fileType = gguf.metadata.get("general.file_type");
  const named = typeof fileType === "number" ? FILE_TYPES[fileType & 1023] : undefined;
  if (named !== undefined) return named;
  const bytes = new Map<string, number>();
  for (const tensor of gguf.tensors) bytes.set(tensor.typeName, (bytes.get(tensor.typeName) ?? 0) + tensor.sizeBytes);
  return [...bytes].sort((a, b) => b[1] - a[1])[0]?.[0] ?? "unknown";
}

function numberOf(value: GgufValue | undefined): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

function numbersOf(value: GgufValue | undefined): number[] {
  if (Array.isArray(value)) return value.map(numberOf);
  return typeof value === "number" ? [value] : [];
}

function notAModel(file: string, finding: string): EngineError {
  return new EngineError("modelForeign", `${file} is a GGUF file but not a language model that can be run: ${finding}. Choose a model file.`, { file });
}
