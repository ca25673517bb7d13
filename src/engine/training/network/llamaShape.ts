// The shape of a llama model: its dimensions, its weights by their GGUF names, and what they take in memory.
// Source: Touvron et al. 2023 (LLaMA); names of llama.cpp's "llama" architecture.
import { EngineError } from "../../base/errors.ts";

export interface LlamaShape {
  readonly nVocab: number;
  readonly dim: number;
  readonly nLayers: number;
  readonly nHeads: number;
  /** Heads of keys and values; a divisor of `nHeads` (grouped-query attention where smaller). */
  readonly nKvHeads: number;
  readonly feedForward: number;
  /** Longest sequence that the model is trained on, in tokens. */
  readonly context: number;
  readonly ropeBase: number;
  /** Added to the mean square in RMSNorm. */
  readonly epsilon: number;
}

/** What a weight is, which decides how it is initialised, optimised and stored. */
export type WeightRole = "embedding" | "norm" | "attentionInput" | "attentionOutput" | "feedForwardInput" | "feedForwardOutput";

export interface WeightSpec {
  readonly name: string;
  readonly role: WeightRole;
  /** Innermost first: a linear layer is [inputs, outputs]. */
  readonly shape: readonly number[];
  /** Layer index; undefined for weights outside of layers. */
  readonly layer?: number;
}

export function headSize(shape: LlamaShape): number {
  return shape.dim / shape.nHeads;
}

/** Every weight of the model in the order of the file. The output layer is the embedding (tied). */
export function weightSpecs(shape: LlamaShape): WeightSpec[] {
  const { dim, feedForward } = shape;
  const kvDim = headSize(shape) * shape.nKvHeads;
  const specs: WeightSpec[] = [
    { name: "token_embd.weight", role: "embedding", shape: [dim, shape.nVocab] },
    { name: "output_norm.weight", role: "norm", shape: [dim] },
  ];
  for (let layer = 0; layer < shape.nLayers; layer++) {
    const name = (part: string): string => `blk.${layer}.${part}.weight`;
    specs.push(
      { name: name("attn_norm"), role: "norm", shape: [dim], layer },
      { name: name("attn_q"), role: "attentionInput", shape: [dim, dim], layer },
      { name: name("attn_k"), role: "attentionInput", shape: [dim, kvDim], layer },
      { name: name("attn_v"), role: "attentionInput", shape: [dim, kvDim], layer },
      { name: name("attn_output"), role: "attentionOutput", shape: [dim, dim], layer },
      { name: name("ffn_norm"), role: "norm", shape: [dim], layer },
      { name: name("ffn_gate"), role: "feedForwardInput", shape: [dim, feedForward], layer },
      { name: name("ffn_up"), role: "feedForwardInput", shape: [dim, feedForward], layer },
      { name: name("ffn_down"), role: "feedForwardOutput", shape: [feedForward, dim], layer },
    );
  }
  return specs;
}

export function nParameters(shape: LlamaShape): number {
  return weightSpecs(shape).reduce((sum, spec) => sum + spec.shape.reduce((product, n) => product * n, 1), 0);
}

/** Checks a shape. Errors: `badRequest`, naming the field. */
export function checkShape(shape: LlamaShape): void {
  const fail = (sentence: string): never => {
    throw new EngineError("badRequest", `The model shape cannot be used: ${sentence}.`, { shape });
  };
  for (const field of ["nVocab", "dim", "nLayers", "nHeads", "nKvHeads", "feedForward", "context"] as const) {
    if (!Number.isInteger(shape[field]) || shape[field] < 1) fail(`${field} is ${shape[field]}, not a positive integer`);
  }
  if (shape.dim % shape.nHeads !== 0 || headSize(shape) % 2 !== 0) fail(`dim (${shape.dim}) is not an even multiple of nHeads (${shape.nHeads})`);
  if (shape.nHeads % shape.nKvHeads !== 0) fail(`nHeads (${shape.nHeads}) is not a multiple of nKvHeads (${shape.nKvHeads})`);
  // Q8_0, in which models are stored, packs rows in blocks of 32.
  if (shape.dim % 32 !== 0 || shape.feedForward % 32 !== 0) fail("dim and feedForward must be multiples of 32");
  if (!(shape.ropeBase > 0) || !(shape.epsilon > 0)) fail("ropeBase and epsilon must be positive");
}
