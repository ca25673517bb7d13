// Random models of every architecture that can be trained, some ten thousand weights each, as GGUF files that llama.cpp loads, too.
import { GgmlType } from "../../../src/engine/base/ggmlTypes.ts";
import { writeGguf } from "../../../src/engine/base/ggufWriter.ts";
import type { GgufEntry } from "../../../src/engine/base/ggufWriter.ts";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { loadGgml } from "../../../src/engine/ggml/library.ts";
import { quantise } from "../../../src/engine/ggml/quantise.ts";
import { tinyTokenizer } from "./tinyRun.ts";

export type TinyArchitecture = "llama" | "qwen2" | "qwen3" | "gemma3";

export interface TinyDecoder {
  readonly architecture: TinyArchitecture;
  /** Format of matrices; K formats need widths that are multiples of 256. Default F32. */
  readonly type?: number;
  /** Format of the embedding; default `type`. */
  readonly embeddingType?: number;
  /** Default 64. */
  readonly dim?: number;
  /** Default 32, which is not dim / nHeads, as in Qwen 3 and Gemma 3; but it must be for llama.cpp's Qwen 2. */
  readonly headSize?: number;
  readonly nLayers?: number;
  readonly feedForward?: number;
  /** An output head of its own. Default false. */
  readonly untied?: boolean;
  /** Llama 3's frequency factors. Default false. */
  readonly ropeFactors?: boolean;
  /** Linear rope scaling; default none. */
  readonly ropeScale?: number;
  readonly seed?: number;
  /** Further metadata, over what is written otherwise. */
  readonly metadata?: ReadonlyMap<string, GgufEntry>;
}

export const tinyVocabulary = tinyTokenizer.tokens.length;

/** Writes the model; its layers are so small that the residual stream and what layers add have about the same size. */
export async function writeTinyDecoder(file: string, model: TinyDecoder): Promise<void> {
  const { architecture, type = GgmlType.F32, embeddingType = type, dim = 64, headSize = architecture === "qwen2" ? dim / 4 : 32, nLayers = 2, feedForward = 96, untied = false, seed = 1 } = model;
  const isGemma = architecture === "gemma3";
  const hasHeadNorms = isGemma || architecture === "qwen3";
  const nHeads = 4;
  const nKvHeads = 2;
  const random = new SeededRandom(seed);
  const u32 = (value: number): GgufEntry => ({ type: "uint32", value });
  const f32 = (value: number): GgufEntry => ({ type: "float32", value });
  const string = (value: string): GgufEntry => ({ type: "string", value });
  const key = (name: string): string => `${architecture}.${name}`;
  const special = new Set(Object.values(tinyTokenizer.special));
  const metadata = new Map<string, GgufEntry>([
    ["general.architecture", string(architecture)],
    [key("context_length"), u32(512)], [key("embedding_length"), u32(dim)], [key("block_count"), u32(nLayers)], [key("feed_forward_length"), u32(feedForward)],
    [key("attention.head_count"), u32(nHeads)], [key("attention.head_count_kv"), u32(nKvHeads)],
    [key("attention.key_length"), u32(headSize)], [key("attention.value_length"), u32(headSize)],
    [key("attention.layer_norm_rms_epsilon"), f32(1e-5)], [key("rope.freq_base"), f32(isGemma ? 1e6 : 10_000)], [key("rope.dimension_count"), u32(headSize)],
    ["tokenizer.ggml.model", string("gpt2")], ["tokenizer.ggml.pre", string("starcoder")],
    ["tokenizer.ggml.tokens", { type: "array", elementType: "string", value: [...tinyTokenizer.tokens] }],
    ["tokenizer.ggml.token_type", { type: "array", elementType: "int32", value: tinyTokenizer.tokens.map((_, id) => (special.has(id) ? 3 : 1)) }],
    ["tokenizer.ggml.merges", { type: "array", elementType: "string", value: [] }],
    ["tokenizer.ggml.bos_token_id", u32(0)], ["tokenizer.ggml.eos_token_id", u32(0)], ["tokenizer.ggml.add_bos_token", { type: "bool", value: false }],
    ...(isGemma ? [[key("attention.sliding_window"), u32(8)]] as [string, GgufEntry][] : []),
    ...(model.ropeScale === undefined ? [] : [[key("rope.scaling.type"), string("linear")], [key("rope.scaling.factor"), f32(model.ropeScale)]] as [string, GgufEntry][]),
    ...(model.metadata ?? []),
  ]);
  const library = loadGgml();
  const tensor = (name: string, shape: readonly number[], format: number, draw: () => number) => ({
    name, shape, type: format, data: () => quantise(library, Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, draw), format as GgmlType, shape[0] ?? 1),
  });
  const matrix = (name: string, nInputs: number, nOutputs: number) => tensor(name, [nInputs, nOutputs], type, () => (1.2 * random.normal()) / Math.sqrt(nInputs));
  const vector = (name: string, length: number, mean: number, spread: number) => tensor(name, [length], GgmlType.F32, () => mean + spread * random.normal());
  const norm = (name: string, length = dim) => vector(name, length, 1, 0.2);
  const layers = Array.from({ length: nLayers }, (_, l) => {
    const at = `blk.${l}.`;
    return [
      norm(`${at}attn_norm.weight`),
      matrix(`${at}attn_q.weight`, dim, headSize * nHeads), matrix(`${at}attn_k.weight`, dim, headSize * nKvHeads), matrix(`${at}attn_v.weight`, dim, headSize * nKvHeads),
      ...(architecture === "qwen2" ? [vector(`${at}attn_q.bias`, headSize * nHeads, 0, 0.5), vector(`${at}attn_k.bias`, headSize * nKvHeads, 0, 0.5), vector(`${at}attn_v.bias`, headSize * nKvHeads, 0, 0.5)] : []),
      ...(hasHeadNorms ? [norm(`${at}attn_q_norm.weight`, headSize), norm(`${at}attn_k_norm.weight`, headSize)] : []),
      matrix(`${at}attn_output.weight`, headSize * nHeads, dim),
      ...(isGemma ? [norm(`${at}post_attention_norm.weight`), norm(`${at}post_ffw_norm.weight`)] : []),
      norm(`${at}ffn_norm.weight`),
      matrix(`${at}ffn_gate.weight`, dim, feedForward), matrix(`${at}ffn_up.weight`, dim, feedForward), matrix(`${at}ffn_down.weight`, feedForward, dim),
    ];
  }).flat();
  await writeGguf(file, {
    metadata,
    tensors: [
      tensor("token_embd.weight", [dim, tinyVocabulary], embeddingType, () => 0.2 * random.normal()),
      ...(untied ? [tensor("output.weight", [dim, tinyVocabulary], type, () => 0.2 * random.normal())] : []),
      norm("output_norm.weight"),
      ...(model.ropeFactors === true ? [tensor("rope_freqs.weight", [headSize / 2], GgmlType.F32, () => 1 + 7 * random.uniform())] : []),
      ...layers,
    ],
  });
}
