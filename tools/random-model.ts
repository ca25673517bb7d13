// Writes GGUF models with random weights: the shapes of Qwen2.5-Coder for measuring speed (which does not depend on
// what the weights are), and a tiny one with chat template and infill tokens for testing mechanics.
// It does not make models that say anything sensible.
//
//   node tools/random-model.ts 0.5B|1.5B FOLDER        writes FOLDER/random-qwen2.5-coder-<size>.gguf
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { GgmlType, ggmlTypeInfo, tensorBytes } from "../src/engine/base/ggmlTypes.ts";
import { readGguf } from "../src/engine/base/gguf.ts";
import { entriesOf, writeGguf } from "../src/engine/base/ggufWriter.ts";
import type { GgufEntry } from "../src/engine/base/ggufWriter.ts";
import { SeededRandom } from "../src/engine/base/random.ts";

/** The dimensions of a Qwen2 model. Source: config.json of the Qwen2.5-Coder releases. */
interface Qwen2Shape {
  name: string;
  layers: number;
  embedding: number;
  feedForward: number;
  heads: number;
  keyValueHeads: number;
  contextLength: number;
  /** Formats of the weight matrices and of the (tied) token embedding. */
  weights: GgmlType;
  tokenEmbedding: GgmlType;
}

/** Q4_0 where rows are not whole Q4_K blocks of 256, as in the published Q4 files. */
const QWEN_CODER_SHAPES = {
  "0.5B": { name: "random-qwen2.5-coder-0.5b", layers: 24, embedding: 896, feedForward: 4864, heads: 14, keyValueHeads: 2, contextLength: 32768, weights: GgmlType.Q4_0, tokenEmbedding: GgmlType.Q8_0 },
  "1.5B": { name: "random-qwen2.5-coder-1.5b", layers: 28, embedding: 1536, feedForward: 8960, heads: 12, keyValueHeads: 2, contextLength: 32768, weights: GgmlType.Q4_K, tokenEmbedding: GgmlType.Q6_K },
} as const satisfies Record<string, Qwen2Shape>;
export type QwenCoderSize = keyof typeof QWEN_CODER_SHAPES;

const QWEN_INFILL_TOKENS = new Map([
  [151659, "<|fim_prefix|>"], [151660, "<|fim_middle|>"], [151661, "<|fim_suffix|>"],
  [151662, "<|fim_pad|>"], [151663, "<|repo_name|>"], [151664, "<|file_sep|>"],
]);

/** Writes a random model of a Qwen2.5-Coder shape with the real Qwen2 vocabulary of `vocabularyFile` (llama.cpp's models/ggml-vocab-qwen2.gguf). */
export async function writeQwenCoderShape(file: string, size: QwenCoderSize, vocabularyFile: string): Promise<void> {
  const entries = entriesOf(await readGguf(vocabularyFile));
  const vocabulary = new Map([...entries].filter(([key]) => key.startsWith("tokenizer.")));
  // llama.cpp's vocabulary file predates the coder models, whose infill tokens stand on what it has as padding.
  const tokens = [...(vocabulary.get("tokenizer.ggml.tokens")?.value as string[])];
  const types = [...(vocabulary.get("tokenizer.ggml.token_type")?.value as number[])];
  for (const [id, text] of QWEN_INFILL_TOKENS) {
    tokens[id] = text;
    types[id] = 3;
  }
  vocabulary.set("tokenizer.ggml.tokens", { type: "array", elementType: "string", value: tokens });
  vocabulary.set("tokenizer.ggml.token_type", { type: "array", elementType: "int32", value: types });
  vocabulary.set("tokenizer.ggml.eos_token_id", { type: "uint32", value: 151645 });
  await writeQwen2(file, QWEN_CODER_SHAPES[size], vocabulary, tokens.length, 1);
}

export interface TinyModelOptions {
  /** Written as `kalactica.infill.layout`; "none" leaves out the infill tokens. Default "psm". */
  infill?: "spm" | "psm" | "none";
  /** "tools": one that teaches calls of tools. Default true. */
  chatTemplate?: boolean | "tools";
  /** Makes an embedding model that pools by its last token. Default false. */
  pooled?: boolean;
  /** Default 1024. */
  contextLength?: number;
  /** Written as `general.architecture`; one that no engine knows makes a "future" model. Default "qwen2". */
  architecture?: string;
  /** Layers; more make a slower model. Default 2. */
  layers?: number;
  /** Width, a multiple of 64. Default 64. */
  embedding?: number;
  seed?: number;
}

const CHATML_TEMPLATE = "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/** ChatML that teaches calls of tools, in the manner of the Hermes and Qwen2.5 models. */
const TOOLS_TEMPLATE = [
  "{%- if tools %}{{- '<|im_start|>system\n' }}{%- if messages[0].role == 'system' %}{{- messages[0].content + '\n\n' }}{%- endif %}",
  "{{- 'You may call these functions:\n<tools>' }}{%- for tool in tools %}{{- '\n' }}{{- tool | tojson }}{%- endfor %}",
  "{{- '\n</tools>\nTo call one, write:\n<tool_call>\n{\"name\": <name>, \"arguments\": <object>}\n</tool_call><|im_end|>\n' }}",
  "{%- elif messages[0].role == 'system' %}{{- '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' }}{%- endif %}",
  "{%- for message in messages %}{%- if message.role == 'user' or (message.role == 'system' and not loop.first) or (message.role == 'assistant' and not message.tool_calls) %}",
  "{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}",
  "{%- elif message.role == 'assistant' %}{{- '<|im_start|>assistant' }}{%- if message.content %}{{- '\n' + message.content }}{%- endif %}",
  "{%- for call in message.tool_calls %}{%- if call.function %}{%- set call = call.function %}{%- endif %}",
  "{{- '\n<tool_call>\n{\"name\": \"' + call.name + '\", \"arguments\": ' }}{{- call.arguments | tojson }}{{- '}\n</tool_call>' }}{%- endfor %}{{- '<|im_end|>\n' }}",
  "{%- elif message.role == 'tool' %}{%- if (loop.index0 == 0) or (messages[loop.index0 - 1].role != 'tool') %}{{- '<|im_start|>user' }}{%- endif %}",
  "{{- '\n<tool_response>\n' + message.content + '\n</tool_response>' }}",
  "{%- if loop.last or (messages[loop.index0 + 1].role != 'tool') %}{{- '<|im_end|>\n' }}{%- endif %}{%- endif %}{%- endfor %}",
  "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}",
].join("");

/** Writes a tiny random model (some hundred kilobytes) in milliseconds. */
export async function writeTinyModel(file: string, options: TinyModelOptions = {}): Promise<void> {
  const { infill = "psm", chatTemplate = true, pooled = false, contextLength = 1024, architecture = "qwen2", layers = 2, embedding = 64, seed = 1 } = options;
  const merges = ["Ġ Ġ", "ĠĠ ĠĠ", "t h", "th e", "Ġ t", "i n", "r e", "e r", "o n", "a t", "c o", "co n", "con s", "cons t", "r et", "e t", "u r", "ur n", "f u", "fu n", "Ġ ="];
  const specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", ...infill === "none" ? [] : ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_sep|>"]];
  const plain = [...byteSymbols(), ...merges.map((merge) => merge.replace(" ", ""))];
  const tokens = [...plain, ...specials];
  const idOf = (text: string): GgufEntry => ({ type: "uint32", value: tokens.indexOf(text) });
  const vocabulary = new Map<string, GgufEntry>([
    ["tokenizer.ggml.model", { type: "string", value: "gpt2" }],
    ["tokenizer.ggml.pre", { type: "string", value: "starcoder" }],
    ["tokenizer.ggml.tokens", { type: "array", elementType: "string", value: tokens }],
    ["tokenizer.ggml.token_type", { type: "array", elementType: "int32", value: tokens.map((_, i) => (i < plain.length ? 1 : 3)) }],
    ["tokenizer.ggml.merges", { type: "array", elementType: "string", value: merges }],
    ["tokenizer.ggml.bos_token_id", idOf("<|endoftext|>")],
    ["tokenizer.ggml.eos_token_id", idOf("<|im_end|>")],
    ["tokenizer.ggml.add_bos_token", { type: "bool", value: false }],
  ]);
  if (chatTemplate) vocabulary.set("tokenizer.chat_template", { type: "string", value: chatTemplate === "tools" ? TOOLS_TEMPLATE : CHATML_TEMPLATE });
  if (infill !== "none") vocabulary.set("kalactica.infill.layout", { type: "string", value: infill });
  if (pooled) vocabulary.set(`${architecture}.pooling_type`, { type: "uint32", value: 3 });
  const shape: Qwen2Shape = {
    name: "tiny-random", layers, embedding, feedForward: 2 * embedding, heads: embedding / 16, keyValueHeads: embedding / 32,
    contextLength, weights: GgmlType.Q8_0, tokenEmbedding: GgmlType.Q8_0,
  };
  await writeQwen2(file, shape, vocabulary, tokens.length, seed, architecture);
}

async function writeQwen2(file: string, shape: Qwen2Shape, vocabulary: ReadonlyMap<string, GgufEntry>, nTokens: number, seed: number, architecture = "qwen2"): Promise<void> {
  const u32 = (value: number): GgufEntry => ({ type: "uint32", value });
  const metadata = new Map<string, GgufEntry>([
    ["general.architecture", { type: "string", value: architecture }],
    ["general.name", { type: "string", value: shape.name }],
    ["general.license", { type: "string", value: "mit" }],
    [`${architecture}.context_length`, u32(shape.contextLength)],
    [`${architecture}.embedding_length`, u32(shape.embedding)],
    [`${architecture}.block_count`, u32(shape.layers)],
    [`${architecture}.feed_forward_length`, u32(shape.feedForward)],
    [`${architecture}.attention.head_count`, u32(shape.heads)],
    [`${architecture}.attention.head_count_kv`, u32(shape.keyValueHeads)],
    [`${architecture}.attention.layer_norm_rms_epsilon`, { type: "float32", value: 1e-6 }],
    [`${architecture}.rope.freq_base`, { type: "float32", value: 1e6 }],
    ...vocabulary,
  ]);
  const keyValue = shape.embedding / shape.heads * shape.keyValueHeads;
  const random = new SeededRandom(seed);
  const tensor = (name: string, type: GgmlType, dims: number[]) => ({ name, type, shape: dims, data: () => randomTensor(type, dims, random) });
  const layer = (l: number) => [
    tensor(`blk.${l}.attn_norm.weight`, GgmlType.F32, [shape.embedding]),
    tensor(`blk.${l}.attn_q.weight`, shape.weights, [shape.embedding, shape.embedding]),
    tensor(`blk.${l}.attn_q.bias`, GgmlType.F32, [shape.embedding]),
    tensor(`blk.${l}.attn_k.weight`, shape.weights, [shape.embedding, keyValue]),
    tensor(`blk.${l}.attn_k.bias`, GgmlType.F32, [keyValue]),
    tensor(`blk.${l}.attn_v.weight`, shape.weights, [shape.embedding, keyValue]),
    tensor(`blk.${l}.attn_v.bias`, GgmlType.F32, [keyValue]),
    tensor(`blk.${l}.attn_output.weight`, shape.weights, [shape.embedding, shape.embedding]),
    tensor(`blk.${l}.ffn_norm.weight`, GgmlType.F32, [shape.embedding]),
    tensor(`blk.${l}.ffn_gate.weight`, shape.weights, [shape.embedding, shape.feedForward]),
    tensor(`blk.${l}.ffn_up.weight`, shape.weights, [shape.embedding, shape.feedForward]),
    tensor(`blk.${l}.ffn_down.weight`, shape.weights, [shape.feedForward, shape.embedding]),
  ];
  await writeGguf(file, {
    metadata,
    tensors: [
      tensor("token_embd.weight", shape.tokenEmbedding, [shape.embedding, nTokens]),
      tensor("output_norm.weight", GgmlType.F32, [shape.embedding]),
      ...Array.from({ length: shape.layers }, (_, l) => layer(l)).flat(),
    ],
  });
}

/** The offset of the half-precision scales in a block of each quantised format; all else in a block is random bits. Source: ggml-common.h. */
const SCALE_OFFSETS: Partial<Record<GgmlType, readonly number[]>> = {
  [GgmlType.Q4_0]: [0], [GgmlType.Q8_0]: [0], [GgmlType.Q4_K]: [0, 2], [GgmlType.Q6_K]: [208],
};

/** Random bits with fixed small scales: not a quantised Gaussian, but finite, and as fast or slow as any other. */
function randomTensor(type: GgmlType, shape: readonly number[], random: SeededRandom): Uint8Array {
  const info = ggmlTypeInfo(type);
  const nBytes = info && tensorBytes(info, shape);
  if (nBytes === undefined) throw new Error(`A tensor of shape ${shape.join(" × ")} cannot be stored in format ${type}.`);
  const bytes = Buffer.alloc(nBytes);
  if (type === GgmlType.F32) {
    const values = new Float32Array(bytes.buffer, bytes.byteOffset, nBytes / 4);
    for (let i = 0; i < values.length; i++) values[i] = 1 + 0.05 * random.normal();
    return bytes;
  }
  const offsets = SCALE_OFFSETS[type];
  if (offsets === undefined) throw new Error(`No random blocks for format ${type}.`);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, Math.floor(nBytes / 4));
  for (let i = 0; i < words.length; i++) words[i] = random.uint32();
  // Unit-variance rows need weights of about 1/sqrt(n); the quants have a spread of about 5 (4 bit), 74 (8 bit), 18 · 74 (6 bit).
  const spread = type === GgmlType.Q8_0 ? 74 : type === GgmlType.Q4_0 ? 4.6 : type === GgmlType.Q4_K ? 170 : 1370;
  const scale = halfBits(1 / (spread * Math.sqrt(shape[0] ?? 1)));
  for (let at = 0; at < nBytes; at += info?.blockBytes ?? nBytes) {
    for (const offset of offsets) bytes.writeUInt16LE(scale, at + offset);
  }
  return bytes;
}

/** IEEE half-precision bits of a positive number in the normal or subnormal range. */
function halfBits(value: number): number {
  const exponent = Math.max(-14, Math.floor(Math.log2(value)));
  const mantissa = Math.round((value / 2 ** exponent - (exponent === -14 && value < 2 ** -14 ? 0 : 1)) * 1024);
  return value < 2 ** -14 ? mantissa : ((exponent + 15) << 10) + mantissa;
}

/** GPT-2's printable stand-ins of the 256 bytes, in order of byte. */
function byteSymbols(): string[] {
  let stand = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCharCode(printable ? byte : stand++);
  });
}

/** llama.cpp's vocabulary files, cloned from the bundle that node-llama-cpp ships, into `cacheDir`. */
export function vocabularyFile(cacheDir: string, name: "qwen2"): string {
  const clone = path.join(cacheDir, "llama.cpp");
  const file = path.join(clone, "models", `ggml-vocab-${name}.gguf`);
  if (!existsSync(file)) {
    const bundle = fileURLToPath(new URL("../node_modules/node-llama-cpp/llama/gitRelease.bundle", import.meta.url));
    execFileSync("git", ["clone", "--quiet", bundle, clone], { stdio: ["ignore", "ignore", "inherit"] });
  }
  return file;
}

/** The random model of this size in `folder`, written there unless it already is. */
export async function randomQwenCoder(folder: string, size: QwenCoderSize): Promise<string> {
  const file = path.join(folder, `${QWEN_CODER_SHAPES[size].name}.gguf`);
  if (!existsSync(file)) {
    await mkdir(folder, { recursive: true });
    await writeQwenCoderShape(file, size, vocabularyFile(folder, "qwen2"));
  }
  return file;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [size, folder] = process.argv.slice(2);
  if (folder === undefined || (size !== "0.5B" && size !== "1.5B")) {
    console.error("Usage: node tools/random-model.ts 0.5B|1.5B FOLDER");
    process.exit(2);
  }
  console.log(await randomQwenCoder(path.resolve(folder), size));
}
