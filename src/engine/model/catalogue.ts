// Public GGUF models that are worth recommending: where they are, what they may be used for, and which suit a machine.
// It downloads nothing and knows nothing of what is installed. A checksum stands here only where several independent
// public sources agree on it; elsewhere it is null, and a download is checked against what the server says.
import type { MemoryFit, ModelCapabilities, ModelInfo } from "../protocol/types.ts";
import type { Hardware } from "./hardware.ts";
import { estimateFit } from "./memoryFit.ts";
import type { ModelShape } from "./memoryFit.ts";

export interface CatalogueEntry {
  id: string;
  name: string;
  /** `hf:owner/repository/file`. */
  uri: string;
  role: "coder" | "embedding";
  /** SPDX id, or the licence's own name. */
  licence: string;
  /** What its licence forbids or asks for, where that is unusual; else null. */
  licenceNote: string | null;
  sha256: string | null;
  /** Bytes; rounded to hundred megabytes where `sha256` is null. */
  sizeBytes: number;
  architecture: string;
  parameters: number;
  /** Weights used per token: fewer than `parameters` in mixtures of experts. */
  activeParameters: number;
  quantisation: string;
  chatTemplate: boolean;
  capabilities: ModelCapabilities;
  shape: Omit<ModelShape, "weightBytes" | "tokenEmbeddingBytes">;
}

const APACHE = { licence: "apache-2.0", licenceNote: null };
const CODER = { role: "coder", quantisation: "Q4_K_M", chatTemplate: true, capabilities: { infill: true, answer: true, embed: false } } as const;
const EMBEDDER = { role: "embedding", quantisation: "Q8_0", chatTemplate: false, capabilities: { infill: false, answer: false, embed: true } } as const;

/** Instruct models under 1.5B parameters complete, but are not asked for cited prose (design/base-model.md). */
const COMPLETES_ONLY: ModelCapabilities = { infill: true, answer: false, embed: false };

function qwenCoder(size: string, sizeBytes: number, sha256: string | null, parameters: number, cacheElementsPerToken: number, embeddingLength: number, feedForwardLength: number): CatalogueEntry {
  const file = `qwen2.5-coder-${size.toLowerCase()}-instruct-q4_k_m`;
  return {
    ...CODER, ...APACHE, id: file, name: `Qwen2.5-Coder ${size} Instruct`, uri: `hf:Qwen/Qwen2.5-Coder-${size}-Instruct-GGUF/${file}.gguf`,
    sha256, sizeBytes, architecture: "qwen2", parameters, activeParameters: parameters,
    capabilities: parameters < 1.5e9 ? COMPLETES_ONLY : CODER.capabilities,
    shape: { contextSize: 32768, vocabularySize: 151936, cacheElementsPerToken, embeddingLength, feedForwardLength },
  };
}

/** In order of size within each role. Shapes are those of the models' config.json. */
export const CATALOGUE: readonly CatalogueEntry[] = [
  qwenCoder("0.5B", 491_400_064, "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32", 0.494e9, 6144, 896, 4864),
  qwenCoder("1.5B", 1_117_320_768, "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046", 1.54e9, 14336, 1536, 8960),
  {
    ...CODER, id: "starcoder2-3b-q4_k_m", name: "StarCoder2 3B", uri: "hf:second-state/StarCoder2-3B-GGUF/starcoder2-3b-Q4_K_M.gguf",
    licence: "bigcode-openrail-m", licenceNote: "Forbids some harmful uses; see the BigCode OpenRAIL-M licence.", sha256: null, sizeBytes: 1.8e9,
    architecture: "starcoder2", parameters: 3.03e9, activeParameters: 3.03e9, chatTemplate: false, capabilities: COMPLETES_ONLY,
    shape: { contextSize: 16384, vocabularySize: 49152, cacheElementsPerToken: 15360, embeddingLength: 3072, feedForwardLength: 12288 },
  },
  {
    ...CODER, ...APACHE, id: "granite-3b-code-instruct-q4_k_m", name: "Granite 3B Code Instruct", uri: "hf:ibm-granite/granite-3b-code-instruct-2k-GGUF/granite-3b-code-instruct.Q4_K_M.gguf",
    sha256: null, sizeBytes: 2.1e9, architecture: "llama", parameters: 3.48e9, activeParameters: 3.48e9,
    shape: { contextSize: 2048, vocabularySize: 49152, cacheElementsPerToken: 163840, embeddingLength: 2560, feedForwardLength: 10240 },
  },
  {
    ...qwenCoder("3B", 2_104_932_800, "724fb256bec1ff062b2f65e4569e871ad2e95ab2a3989723d1769c54294730b7", 3.09e9, 18432, 2048, 11008),
    licence: "qwen-research", licenceNote: "For research and evaluation only; not for commercial use.",
  },
  qwenCoder("7B", 4_683_073_536, "509287f78cb4d4cf6b3843734733b914b2c158e43e22a7f4bf5e963800894d3c", 7.62e9, 28672, 3584, 18944),
  {
    ...CODER, ...APACHE, id: "granite-8b-code-instruct-q4_k_m", name: "Granite 8B Code Instruct", uri: "hf:ibm-granite/granite-8b-code-instruct-4k-GGUF/granite-8b-code-instruct.Q4_K_M.gguf",
    sha256: null, sizeBytes: 4.9e9, architecture: "llama", parameters: 8.05e9, activeParameters: 8.05e9,
    shape: { contextSize: 4096, vocabularySize: 49152, cacheElementsPerToken: 73728, embeddingLength: 4096, feedForwardLength: 14336 },
  },
  qwenCoder("14B", 9.0e9, null, 14.8e9, 98304, 5120, 13824),
  {
    ...CODER, id: "deepseek-coder-v2-lite-instruct-q4_k_m", name: "DeepSeek-Coder-V2 Lite Instruct", uri: "hf:bartowski/DeepSeek-Coder-V2-Lite-Instruct-GGUF/DeepSeek-Coder-V2-Lite-Instruct-Q4_K_M.gguf",
    licence: "deepseek-license", licenceNote: "Commercial use is allowed, some harmful uses are forbidden; see the DeepSeek model licence.", sha256: null, sizeBytes: 10.4e9,
    architecture: "deepseek2", parameters: 15.7e9, activeParameters: 2.4e9,
    shape: { contextSize: 163840, vocabularySize: 102400, cacheElementsPerToken: 138240, embeddingLength: 2048, feedForwardLength: 10944 },
  },
  {
    ...CODER, id: "codestral-22b-v0.1-q4_k_m", name: "Codestral 22B", uri: "hf:bartowski/Codestral-22B-v0.1-GGUF/Codestral-22B-v0.1-Q4_K_M.gguf",
    licence: "mnpl-0.1", licenceNote: "Mistral Non-Production License: not for commercial use or in production.", sha256: null, sizeBytes: 13.3e9,
    architecture: "llama", parameters: 22.2e9, activeParameters: 22.2e9,
    shape: { contextSize: 32768, vocabularySize: 32768, cacheElementsPerToken: 114688, embeddingLength: 6144, feedForwardLength: 16384 },
  },
  {
    ...CODER, ...APACHE, id: "qwen3-coder-30b-a3b-instruct-q4_k_m", name: "Qwen3-Coder 30B-A3B Instruct", uri: "hf:unsloth/Qwen3-Coder-30B-A3B-Instruct-GGUF/Qwen3-Coder-30B-A3B-Instruct-Q4_K_M.gguf",
    sha256: "fadc3e5f8d42bf7e894a785b05082e47daee4df26680389817e2093056f088ad", sizeBytes: 18_556_689_568,
    architecture: "qwen3moe", parameters: 30.5e9, activeParameters: 3.3e9,
    shape: { contextSize: 262144, vocabularySize: 151936, cacheElementsPerToken: 49152, embeddingLength: 2048, feedForwardLength: 6144 },
  },
  qwenCoder("32B", 19.9e9, null, 32.8e9, 131072, 5120, 27648),
  {
    ...EMBEDDER, id: "bge-small-en-v1.5-q8_0", name: "BGE small (English) v1.5", uri: "hf:CompendiumLabs/bge-small-en-v1.5-gguf/bge-small-en-v1.5-q8_0.gguf",
    licence: "mit", licenceNote: null, sha256: "ec38e8da142596baa913124ae50550de284b6916bf59577ef2f0cb9660c2f514", sizeBytes: 36_806_944,
    architecture: "bert", parameters: 33.4e6, activeParameters: 33.4e6,
    shape: { contextSize: 512, vocabularySize: 30522, cacheElementsPerToken: 9216, embeddingLength: 384, feedForwardLength: 1536 },
  },
  {
    ...EMBEDDER, ...APACHE, id: "nomic-embed-text-v1.5-q8_0", name: "Nomic Embed Text v1.5", uri: "hf:nomic-ai/nomic-embed-text-v1.5-GGUF/nomic-embed-text-v1.5.Q8_0.gguf",
    sha256: "3e24342164b3d94991ba9692fdc0dd08e3fd7362e0aacc396a9a5c54a544c3b7", sizeBytes: 146_146_432,
    architecture: "nomic-bert", parameters: 137e6, activeParameters: 137e6,
    shape: { contextSize: 2048, vocabularySize: 30522, cacheElementsPerToken: 18432, embeddingLength: 768, feedForwardLength: 3072 },
  },
  {
    ...EMBEDDER, ...APACHE, id: "jina-embeddings-v2-base-code-q8_0", name: "Jina Embeddings v2 Base Code", uri: "hf:ggml-org/jina-embeddings-v2-base-code-Q8_0-GGUF/jina-embeddings-v2-base-code-q8_0.gguf",
    sha256: null, sizeBytes: 0.2e9, architecture: "jina-bert-v2", parameters: 161e6, activeParameters: 161e6,
    shape: { contextSize: 8192, vocabularySize: 61056, cacheElementsPerToken: 18432, embeddingLength: 768, feedForwardLength: 3072 },
  },
  {
    ...EMBEDDER, ...APACHE, id: "qwen3-embedding-0.6b-q8_0", name: "Qwen3 Embedding 0.6B", uri: "hf:Qwen/Qwen3-Embedding-0.6B-GGUF/Qwen3-Embedding-0.6B-Q8_0.gguf",
    sha256: "06507c7b42688469c4e7298b0a1e16deff06caf291cf0a5b278c308249c3e439", sizeBytes: 639_150_592,
    architecture: "qwen3", parameters: 596e6, activeParameters: 596e6,
    shape: { contextSize: 32768, vocabularySize: 151669, cacheElementsPerToken: 57344, embeddingLength: 1024, feedForwardLength: 3072 },
  },
];

/** The entry with this id or URI, or undefined. */
export function findEntry(idOrUri: string): CatalogueEntry | undefined {
  return CATALOGUE.find((entry) => entry.id === idOrUri || entry.uri === idOrUri);
}

/** Weights per token that one core is trusted with (our choice): a completion should still come while typing. */
const ACTIVE_PARAMETERS_PER_CORE = 0.4e9;
const SMALLEST_CODER = 0.5e9;

export interface Recommendation {
  entry: CatalogueEntry;
  fit: MemoryFit;
  /** The one of its role to take on this machine. */
  recommended: boolean;
}

/**
 * Every entry with its fit on `hardware`; in each role one is recommended: the largest that fits the GPU's memory, or,
 * on a CPU, the largest that fits its memory and that its cores can run while the user types. Licences that forbid
 * commercial use are listed but never recommended.
 */
export function recommend(hardware: Hardware): Recommendation[] {
  const all = CATALOGUE.map((entry) => ({ entry, fit: fitOf(entry, hardware), recommended: false }));
  for (const role of ["coder", "embedding"] as const) {
    const usable = all.filter(({ entry, fit }) => entry.role === role && entry.licenceNote === null && fit.fits && comfortable(entry, fit, hardware));
    const best = usable.sort((a, b) => b.entry.parameters - a.entry.parameters)[0];
    if (best !== undefined) best.recommended = true;
  }
  return all;
}

/** Below this context, in tokens, an answer has no room for its sources. */
const LEAST_CONTEXT = 4096;

function comfortable(entry: CatalogueEntry, fit: MemoryFit, hardware: Hardware): boolean {
  if (fit.contextSize < Math.min(LEAST_CONTEXT, entry.shape.contextSize)) return false;
  if (fit.vramBytes > 0) return true;
  const limit = Math.max(SMALLEST_CODER, hardware.cores * ACTIVE_PARAMETERS_PER_CORE);
  // An embedder reads every file of the workspace, which has to be ten times quicker to be bearable.
  return entry.activeParameters <= (entry.role === "embedding" ? limit / 10 : limit);
}

function fitOf(entry: CatalogueEntry, hardware: Hardware): MemoryFit {
  const { fits, ramBytes, vramBytes, contextSize, explanation } = estimateFit({ ...entry.shape, weightBytes: entry.sizeBytes, tokenEmbeddingBytes: 0 }, hardware, 0, 64);
  return { fits, ramBytes, vramBytes, contextSize, explanation };
}

/** The entry as the wire's ModelInfo, not installed. */
export function infoOf(entry: CatalogueEntry, fit: MemoryFit | null): ModelInfo {
  const { id, name, uri, sha256, sizeBytes, licence, licenceNote, architecture, parameters, quantisation, chatTemplate, capabilities } = entry;
  return {
    id, name, file: null, uri, sha256, sizeBytes, licence: licenceNote === null ? licence : `${licence} (${licenceNote})`, architecture, parameters, quantisation,
    contextSize: entry.shape.contextSize, fimTokens: capabilities.infill, chatTemplate, capabilities, fit, installed: false, active: false,
  };
}
