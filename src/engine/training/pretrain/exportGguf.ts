// Writes a trained llama with its tokenizer as a GGUF model that llama.cpp and everything built on it loads.
// No Q/K permutation is needed: training here uses llama.cpp's own order of rotary pairs. The tied output layer is omitted.
import { EngineError } from "../../base/errors.ts";
import { infillLayout, infillLayoutKey } from "../../base/fimLayout.ts";
import { GgmlType } from "../../base/ggmlTypes.ts";
import { writeGguf } from "../../base/ggufWriter.ts";
import type { GgufEntry } from "../../base/ggufWriter.ts";
import { readFloats } from "../../ggml/backend.ts";
import type { Backend } from "../../ggml/backend.ts";
import { quantise } from "../../ggml/quantise.ts";
import { headSize } from "../network/llamaShape.ts";
import type { LlamaShape } from "../network/llamaShape.ts";
import type { ParameterSet } from "../network/parameters.ts";

/** The tokenizer as the corpus builder writes it (tokenizer.json). */
export interface TokenizerFile {
  /** Token text by id, in GPT-2's byte alphabet. */
  readonly tokens: readonly string[];
  /** "left right", by rank. */
  readonly merges: readonly string[];
  /** Special tokens by name. */
  readonly special: Readonly<Record<string, number>>;
}

export interface ModelCard {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly description: string;
}

/** Format of the matrices; norms are always F32. */
export type ExportFormat = "F32" | "F16" | "Q8_0";

/** llama.cpp's numbers for a file's main format (llama_ftype). */
const fileTypes: Readonly<Record<ExportFormat, number>> = { F32: 0, F16: 1, Q8_0: 7 };
/** llama.cpp's token kinds. */
const normalToken = 1;
const controlToken = 3;

/** Special tokens that llama.cpp knows by a key of their own. */
const specialKeys: Readonly<Record<string, readonly string[]>> = {
  "<|endoftext|>": ["tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id"],
  "<|end|>": ["tokenizer.ggml.eot_token_id"],
  "<|pad|>": ["tokenizer.ggml.padding_token_id"],
  "<|fim_prefix|>": ["tokenizer.ggml.fim_pre_token_id"],
  "<|fim_suffix|>": ["tokenizer.ggml.fim_suf_token_id"],
  "<|fim_middle|>": ["tokenizer.ggml.fim_mid_token_id"],
  "<|fim_pad|>": ["tokenizer.ggml.fim_pad_token_id"],
  "<|repo_name|>": ["tokenizer.ggml.fim_rep_token_id"],
  "<|file_sep|>": ["tokenizer.ggml.fim_sep_token_id"],
};

/** Writes the model atomically. Errors: `badRequest` where tokenizer and shape do not fit; `diskFull`, `unreadable`. */
export async function exportGguf(file: string, backend: Backend, shape: LlamaShape, parameters: ParameterSet, tokenizer: TokenizerFile, format: ExportFormat, card: ModelCard): Promise<void> {
  if (tokenizer.tokens.length !== shape.nVocab) throw new EngineError("badRequest", `The tokenizer has ${tokenizer.tokens.length} tokens, the model ${shape.nVocab}. Use the tokenizer that the data were made with.`);
  await writeGguf(file, {
    metadata: metadataOf(shape, tokenizer, format, card),
    tensors: [...parameters].map(({ spec, weight }) => {
      const type = spec.shape.length > 1 ? GgmlType[format] : GgmlType.F32;
      return { name: spec.name, type, shape: spec.shape, data: () => quantise(backend.library, readFloats(backend, weight), type, weight.shape[0]) };
    }),
  });
}

function metadataOf(shape: LlamaShape, tokenizer: TokenizerFile, format: ExportFormat, card: ModelCard): Map<string, GgufEntry> {
  const string = (value: string): GgufEntry => ({ type: "string", value });
  const integer = (value: number): GgufEntry => ({ type: "uint32", value });
  const float = (value: number): GgufEntry => ({ type: "float32", value });
  const specialIds = new Set(Object.values(tokenizer.special));
  const metadata = new Map<string, GgufEntry>([
    ["general.architecture", string("llama")],
    ["general.type", string("model")],
    ["general.name", string(card.name)],
    ["general.version", string(card.version)],
    ["general.license", string(card.license)],
    ["general.description", string(card.description)],
    ["general.file_type", integer(fileTypes[format])],
    ["llama.vocab_size", integer(shape.nVocab)],
    ["llama.context_length", integer(shape.context)],
    ["llama.embedding_length", integer(shape.dim)],
    ["llama.block_count", integer(shape.nLayers)],
    ["llama.feed_forward_length", integer(shape.feedForward)],
    ["llama.attention.head_count", integer(shape.nHeads)],
    ["llama.attention.head_count_kv", integer(shape.nKvHeads)],
    ["llama.attention.layer_norm_rms_epsilon", float(shape.epsilon)],
    ["llama.rope.dimension_count", integer(headSize(shape))],
    ["llama.rope.freq_base", float(shape.ropeBase)],
    ["tokenizer.ggml.model", string("gpt2")],
    ["tokenizer.ggml.pre", string("starcoder")],
    ["tokenizer.ggml.tokens", { type: "array", elementType: "string", value: [...tokenizer.tokens] }],
    ["tokenizer.ggml.token_type", { type: "array", elementType: "int32", value: tokenizer.tokens.map((_, id) => (specialIds.has(id) ? controlToken : normalToken)) }],
    ["tokenizer.ggml.merges", { type: "array", elementType: "string", value: [...tokenizer.merges] }],
    ["tokenizer.ggml.add_bos_token", { type: "bool", value: false }],
    // The corpus is packed in this order (tools/base-model); completion builds its prompts by it.
    [infillLayoutKey, string(infillLayout)],
  ]);
  for (const [token, keys] of Object.entries(specialKeys)) {
    const id = tokenizer.special[token];
    if (id !== undefined) for (const key of keys) metadata.set(key, integer(id));
  }
  return metadata;
}
