// Writes a tiny transformers model (config.json, model.safetensors) as GGUF, for holding two engines against each other: the
// names, orders and shifts of convert_hf_to_gguf.py for four architectures, unquantised, with a vocabulary of bytes.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { GgmlType } from "../../src/engine/base/ggmlTypes.ts";
import { writeGguf } from "../../src/engine/base/ggufWriter.ts";
import type { GgufEntry } from "../../src/engine/base/ggufWriter.ts";
import { readSafetensors } from "../../src/engine/training/adapters/safetensors.ts";
import { tinyTokenizer } from "../unit/training/tinyRun.ts";

interface Config {
  model_type: string;
  hidden_size: number;
  intermediate_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  num_key_value_heads: number;
  max_position_embeddings: number;
  rms_norm_eps: number;
  head_dim?: number | null;
  sliding_window?: number;
  rope_parameters?: { rope_theta?: number; full_attention?: { rope_theta: number }; sliding_attention?: { rope_theta: number } };
}

const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^model\.embed_tokens\.weight$/, "token_embd.weight"],
  [/^model\.norm\.weight$/, "output_norm.weight"],
  [/^lm_head\.weight$/, "output.weight"],
  [/^model\.layers\.(\d+)\.self_attn\.([qkv])_proj\.(weight|bias)$/, "blk.$1.attn_$2.$3"],
  [/^model\.layers\.(\d+)\.self_attn\.o_proj\.weight$/, "blk.$1.attn_output.weight"],
  [/^model\.layers\.(\d+)\.self_attn\.([qk])_norm\.weight$/, "blk.$1.attn_$2_norm.weight"],
  [/^model\.layers\.(\d+)\.mlp\.(gate|up|down)_proj\.weight$/, "blk.$1.ffn_$2.weight"],
  [/^model\.layers\.(\d+)\.input_layernorm\.weight$/, "blk.$1.attn_norm.weight"],
];
/** Gemma has a norm after attention as well, where others have the one before the feed-forward part under the same name. */
const NORMS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  gemma3: { post_attention_layernorm: "post_attention_norm", pre_feedforward_layernorm: "ffn_norm", post_feedforward_layernorm: "post_ffw_norm" },
  other: { post_attention_layernorm: "ffn_norm" },
};

/** Converts the model in `folder` to `file`; returns its architecture as GGUF names it. */
export async function transformersToGguf(folder: string, file: string): Promise<string> {
  const config = JSON.parse(await readFile(path.join(folder, "config.json"), "utf8")) as Config;
  const architecture = config.model_type === "gemma3_text" ? "gemma3" : config.model_type;
  const headSize = config.head_dim ?? config.hidden_size / config.num_attention_heads;
  const tensors = (await readSafetensors(path.join(folder, "model.safetensors"))).map(({ name, shape, values }) => {
    const ggufName = nameOf(name, architecture);
    let data = values;
    if (architecture === "gemma3" && name.includes("norm")) data = values.map((value) => value + 1);
    const rotated = /self_attn\.([qk])_proj/.exec(name)?.[1];
    if (architecture === "llama" && rotated !== undefined) data = permuted(values, rotated === "q" ? config.num_attention_heads : config.num_key_value_heads, headSize);
    return { name: ggufName, type: GgmlType.F32, shape: [...shape].reverse(), data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
  });
  await writeGguf(file, { metadata: metadataOf(config, architecture, headSize), tensors });
  return architecture;
}

function nameOf(name: string, architecture: string): string {
  const norm = /^model\.layers\.(\d+)\.(post_attention_layernorm|pre_feedforward_layernorm|post_feedforward_layernorm)\.weight$/.exec(name);
  const normName = NORMS[architecture === "gemma3" ? "gemma3" : "other"]?.[norm?.[2] ?? ""];
  if (norm && normName !== undefined) return `blk.${norm[1]}.${normName}.weight`;
  const found = NAMES.find(([pattern]) => pattern.test(name));
  if (!found) throw new Error(`The tensor ${name} has no name in GGUF.`);
  return name.replace(found[0], found[1]);
}

/** LlamaModel.permute of convert_hf_to_gguf.py, written from its definition and not from peft.ts, which it is to check. */
function permuted(values: Float32Array, nHeads: number, headSize: number): Float32Array<ArrayBuffer> {
  const nColumns = values.length / (nHeads * headSize);
  const out = new Float32Array(values.length);
  let row = 0;
  // reshape(heads, 2, headSize / 2).swapaxes(1, 2): the two halves interleave.
  for (let head = 0; head < nHeads; head++) {
    for (let i = 0; i < headSize / 2; i++) {
      for (const half of [0, 1]) {
        const from = head * headSize + half * (headSize / 2) + i;
        out.set(values.subarray(from * nColumns, (from + 1) * nColumns), row++ * nColumns);
      }
    }
  }
  return out;
}

function metadataOf(config: Config, architecture: string, headSize: number): Map<string, GgufEntry> {
  const integer = (value: number): GgufEntry => ({ type: "uint32", value });
  const float = (value: number): GgufEntry => ({ type: "float32", value });
  const rope = config.rope_parameters;
  const { tokens } = tinyTokenizer;
  const own: [string, GgufEntry][] = [
    ["context_length", integer(config.max_position_embeddings)], ["embedding_length", integer(config.hidden_size)], ["block_count", integer(config.num_hidden_layers)],
    ["feed_forward_length", integer(config.intermediate_size)], ["attention.head_count", integer(config.num_attention_heads)], ["attention.head_count_kv", integer(config.num_key_value_heads)],
    ["attention.layer_norm_rms_epsilon", float(config.rms_norm_eps)], ["attention.key_length", integer(headSize)], ["attention.value_length", integer(headSize)],
    ["rope.dimension_count", integer(headSize)], ["rope.freq_base", float(rope?.rope_theta ?? rope?.full_attention?.rope_theta ?? 10_000)],
  ];
  if (architecture === "gemma3") own.push(["attention.sliding_window", integer(config.sliding_window ?? 512)]);
  return new Map<string, GgufEntry>([
    ["general.architecture", { type: "string", value: architecture }],
    ["general.name", { type: "string", value: `tiny-${architecture}` }],
    ...own.map(([key, entry]): [string, GgufEntry] => [`${architecture}.${key}`, entry]),
    ["tokenizer.ggml.model", { type: "string", value: "gpt2" }],
    ["tokenizer.ggml.pre", { type: "string", value: "starcoder" }],
    ["tokenizer.ggml.tokens", { type: "array", elementType: "string", value: [...tokens] }],
    ["tokenizer.ggml.token_type", { type: "array", elementType: "int32", value: tokens.map((_, id) => (id < 6 ? 3 : 1)) }],
    ["tokenizer.ggml.merges", { type: "array", elementType: "string", value: [] }],
    ["tokenizer.ggml.bos_token_id", integer(0)], ["tokenizer.ggml.eos_token_id", integer(0)],
    ["tokenizer.ggml.add_bos_token", { type: "bool", value: false }],
  ]);
}
