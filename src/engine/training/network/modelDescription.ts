// What a GGUF file's model is, as far as training an adapter needs it: read from the header alone, so that an architecture or a
// variant of one that cannot be computed here is refused by name before anything is loaded.
// Sources: the graphs of llama.cpp (src/models/{llama,qwen2,qwen3,gemma3}.cpp) and its loading of hyperparameters.
import { EngineError } from "../../base/errors.ts";
import type { GgufFile, GgufTensorInfo } from "../../base/gguf.ts";
import type { DecoderShape } from "./decoderLayers.ts";

/** A rotary embedding, without the tensor of its factors. */
export interface RopeDescription {
  readonly nDimensions: number;
  readonly frequencyBase: number;
  readonly pairs: "neighbours" | "halves";
  readonly frequencyScale: number;
}

export interface ModelDescription extends DecoderShape {
  readonly architecture: string;
  readonly nVocab: number;
  readonly dim: number;
  readonly nLayers: number;
  readonly feedForward: number;
  /** Longest sequence that the model was made for, in tokens. */
  readonly context: number;
  /** Factor on token embeddings. */
  readonly embeddingScale: number;
  /** Of layers that attend to everything before, and of those with a sliding window. */
  readonly rope: RopeDescription;
  readonly windowedRope: RopeDescription;
  /** Keys that a token of a windowed layer attends to, itself included; undefined where no layer has a window. */
  readonly window: number | undefined;
  isWindowed(layer: number): boolean;
  readonly tensors: ReadonlyMap<string, GgufTensorInfo>;
}

/** The parts of a layer that have a linear, with the names of the adapter's targets. */
export const linearNames = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"] as const;
export type LinearName = (typeof linearNames)[number];

interface Variant {
  readonly pairs: RopeDescription["pairs"];
  readonly activation: DecoderShape["activation"];
  /** Tensors of a layer beside the seven linears and two norms. */
  readonly layerTensors: readonly string[];
}

const variants: Readonly<Record<string, Variant>> = {
  // Biases are read wherever they stand.
  llama: { pairs: "neighbours", activation: "silu", layerTensors: [] },
  qwen2: { pairs: "halves", activation: "silu", layerTensors: [] },
  qwen3: { pairs: "halves", activation: "silu", layerTensors: ["attn_q_norm.weight", "attn_k_norm.weight"] },
  gemma3: { pairs: "halves", activation: "gelu", layerTensors: ["attn_q_norm.weight", "attn_k_norm.weight", "post_attention_norm.weight", "post_ffw_norm.weight"] },
};

/** Architectures whose adapters can be trained. */
export const trainableArchitectures: readonly string[] = Object.keys(variants);

/** Every `windowPattern`-th layer of Gemma 3 attends to everything, unless the file says otherwise. */
const gemmaWindowPattern = 6;
/** Layers of the one Gemma 3 (27B) that scales attention by its width instead of its head size. */
const gemmaWidthScaledLayers = 62;

/**
 * Describes the model of `gguf`, whose path is `file` (for sentences). Errors: `modelTooNew`, naming the architecture or the
 * feature that cannot be trained; `modelForeign` where the file lacks what its architecture needs.
 */
export function describeModel(gguf: GgufFile, file: string): ModelDescription {
  const { metadata } = gguf;
  const architecture = String(metadata.get("general.architecture"));
  const variant = variants[architecture];
  if (variant === undefined) {
    throw new EngineError("modelTooNew", `${file} has the architecture "${architecture}", which cannot be trained here. Choose a model of one of these: ${trainableArchitectures.join(", ")}.`, { file, architecture });
  }
  const refuse = (what: string): EngineError => new EngineError("modelTooNew", `${file} uses ${what}, which cannot be trained here. Choose another ${architecture} model.`, { file, architecture });
  const damaged = (what: string): EngineError => new EngineError("modelForeign", `${file} ${what}. Download or convert the model again.`, { file });
  const value = (key: string): unknown => metadata.get(`${architecture}.${key}`);
  const number = (key: string, otherwise?: number): number => {
    const found = value(key) ?? otherwise;
    if (Array.isArray(found)) throw refuse(`layers of different sizes (${key})`);
    if (typeof found !== "number" || !Number.isFinite(found)) throw damaged(`says nothing usable of "${architecture}.${key}"`);
    return found;
  };

  const tensors = new Map(gguf.tensors.map((info) => [info.name, info]));
  const shapeOf = (name: string): readonly number[] => {
    const info = tensors.get(name);
    if (info === undefined) throw damaged(`has no tensor ${name}`);
    return info.shape;
  };
  if (number("expert_count", 0) > 0) throw refuse("experts (a mixture-of-experts model)");
  if (number("final_logit_softcapping", 0) > 0) throw refuse("soft-capped logits");
  if (value("attention.causal") === false || number("pooling_type", 0) !== 0) throw refuse("an embedding head instead of a language model's");
  const dim = number("embedding_length");
  const nLayers = number("block_count");
  const nHeads = number("attention.head_count");
  const nKvHeads = number("attention.head_count_kv", nHeads);
  const feedForward = number("feed_forward_length");
  const headSize = number("attention.key_length", dim / nHeads);
  if (number("attention.value_length", headSize) !== headSize) throw refuse("values of another size than keys");
  if (!Number.isInteger(headSize) || headSize % 2 !== 0 || nHeads % nKvHeads !== 0) throw damaged(`has ${nHeads} heads and ${nKvHeads} of keys in ${dim} dimensions, which do not fit`);
  const nVocab = shapeOf("token_embd.weight")[1] ?? 0;

  // The shapes that every product below relies on; ggml would end the process where one did not fit.
  const attentionWidth = headSize * nHeads;
  const keyWidth = headSize * nKvHeads;
  const expected = (layer: number): [string, number[]][] => {
    const name = (part: string): string => `blk.${layer}.${part}`;
    const required: [string, number[]][] = [
      [name("attn_norm.weight"), [dim]], [name("ffn_norm.weight"), [dim]],
      [name("attn_q.weight"), [dim, attentionWidth]], [name("attn_k.weight"), [dim, keyWidth]], [name("attn_v.weight"), [dim, keyWidth]],
      [name("attn_output.weight"), [attentionWidth, dim]],
      [name("ffn_gate.weight"), [dim, feedForward]], [name("ffn_up.weight"), [dim, feedForward]], [name("ffn_down.weight"), [feedForward, dim]],
      ...variant.layerTensors.map((part): [string, number[]] => [name(part), [part.includes("post_") ? dim : headSize]]),
    ];
    const biases = linearNames.map((part): [string, number[]] => [name(`${part}.bias`), [required.find(([n]) => n === name(`${part}.weight`))?.[1][1] ?? 0]]);
    return [...required, ...biases.filter(([n]) => tensors.has(n))];
  };
  const wanted = [
    ...Array.from({ length: nLayers }, (_, layer) => expected(layer)).flat(),
    ["token_embd.weight", [dim, nVocab]] as [string, number[]],
    ["output_norm.weight", [dim]] as [string, number[]],
    ...(tensors.has("output.weight") ? [["output.weight", [dim, nVocab]] as [string, number[]]] : []),
    ...(tensors.has("rope_freqs.weight") ? [["rope_freqs.weight", [number("rope.dimension_count", headSize) / 2]] as [string, number[]]] : []),
  ];
  for (const [name, shape] of wanted) {
    const found = shapeOf(name);
    if (found.length !== shape.length || shape.some((n, axis) => found[axis] !== n)) throw damaged(`holds ${name} in the shape ${found.join(" × ")} instead of ${shape.join(" × ")}`);
  }
  // Anything else in the file would be left out of the computation without a word.
  const known = new Set(wanted.map(([name]) => name));
  const unknown = gguf.tensors.find(({ name }) => !known.has(name));
  if (unknown !== undefined) throw refuse(`the tensor ${unknown.name}`);

  const scaling = value("rope.scaling.type");
  if (scaling !== undefined && scaling !== "none" && scaling !== "linear") throw refuse(`the rope scaling "${typeof scaling === "string" ? scaling : "of an unknown form"}"`);
  if (number("rope.scaling.attn_factor", 1) !== 1) throw refuse("an attention factor in its rope scaling");
  // Older files have "rope.scale_linear" alone.
  const factor = scaling === "none" ? 1 : number("rope.scaling.factor", number("rope.scale_linear", 1));
  const rope: RopeDescription = {
    nDimensions: number("rope.dimension_count", headSize), frequencyBase: number("rope.freq_base", 10_000), pairs: variant.pairs, frequencyScale: factor > 0 ? 1 / factor : 1,
  };
  if (rope.nDimensions > headSize || rope.nDimensions % 2 !== 0) throw damaged(`rotates ${rope.nDimensions} of ${headSize} dimensions`);
  const isGemma = architecture === "gemma3";
  const window = isGemma ? number("attention.sliding_window", 0) : 0;
  const pattern = isGemma ? windowPattern(value("attention.sliding_window_pattern"), nLayers, () => refuse("a sliding-window pattern of an unknown form")) : [];
  return {
    architecture, nVocab, dim, nLayers, nHeads, nKvHeads, headSize, feedForward, tensors, rope,
    epsilon: number("attention.layer_norm_rms_epsilon"),
    context: number("context_length", 2048),
    activation: variant.activation,
    attentionScale: 1 / Math.sqrt(isGemma && nLayers === gemmaWidthScaledLayers ? Math.floor(dim / nHeads) : headSize),
    embeddingScale: isGemma ? Math.fround(Math.sqrt(dim)) : 1,
    // The local layers of Gemma 3 are not stretched (Gemma Team 2025, §2).
    windowedRope: { ...rope, frequencyBase: number("rope.freq_base_swa", 10_000), frequencyScale: 1 },
    window: window > 0 ? window : undefined,
    isWindowed: (layer) => window > 0 && (pattern[layer] ?? false),
  };
}

function windowPattern(declared: unknown, nLayers: number, refusal: () => EngineError): boolean[] {
  if (Array.isArray(declared)) {
    if (declared.length < nLayers) throw refusal();
    return declared.map((windowed) => windowed === true || windowed === 1);
  }
  if (declared !== undefined && typeof declared !== "number") throw refusal();
  const every = declared ?? gemmaWindowPattern;
  return Array.from({ length: nLayers }, (_, layer) => every === 0 || layer % every < every - 1);
}
