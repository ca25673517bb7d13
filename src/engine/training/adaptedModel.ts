// What trainers (training/tune/) need of a model, and nothing of how it is computed (training/network/): a frozen, mostly
// quantised GGUF with a low-rank adapter that learns. SFT, DPO, KTO and GRPO differ only in the loss weights they give.

/** Samples laid side by side for one computation. All arrays have `nTokens` entries. */
export interface PackedBatch {
  readonly nTokens: number;
  readonly tokens: Int32Array;
  /** The right next token of each token; any valid id where `learnt` is 0. */
  readonly labels: Int32Array;
  /** 1 where log p of the label is wanted (and may get a loss weight), 0 elsewhere. */
  readonly learnt: Uint8Array;
  /** Position of each token within its sample, from 0. */
  readonly positions: Int32Array;
  /** Tokens attend to earlier ones with the same number; −1 is padding, which attends to itself. */
  readonly segments: Int32Array;
}

/** Loss weights wₜ of −Σ wₜ · log pₜ, fixed, or computed from log p (0 where not learnt) between forward and backward. */
export type LossWeights = Float32Array | ((logProbabilities: Float32Array) => Float32Array);

export interface AdamWSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Largest global norm of the gradients; Infinity for no clipping. */
  readonly clipNorm: number;
}

/** A named F32 tensor of the adapter or of its optimizer, shape innermost first. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array<ArrayBuffer>;
}

export interface AdaptedModel {
  readonly nVocab: number;
  /** Longest batch that it was built for, in tokens; shorter ones are computed at their own cost where possible. */
  readonly maxTokens: number;
  /** Trained numbers (of the adapter). */
  readonly nTrainable: number;
  /**
   * log p of the label of each token [nTokens], 0 where not learnt; with the adapter, or as the base model says.
   * Errors: `dataInvalid` for ids outside the vocabulary, `trainingFailed`.
   */
  logProbabilities(batch: PackedBatch, adapter: "on" | "off", signal?: AbortSignal): Promise<Float32Array>;
  /**
   * Forward and backward: adds the gradients of −Σ wₜ · log pₜ to those already accumulated; gives log p as above.
   * Aborted, it throws `cancelled`; the accumulated gradients must then be cleared.
   */
  accumulate(batch: PackedBatch, weights: LossWeights, signal?: AbortSignal): Promise<Float32Array>;
  clearGradients(): void;
  /** One AdamW step with what is accumulated. `step` counts from 1. A gradient that is no number changes nothing and is reported. */
  step(step: number, rate: number): { readonly gradientNorm: number };
  /** The adapter alone, under llama.cpp's names (`blk.0.attn_q.weight.lora_a` …). */
  adapter(): NamedTensor[];
  /** Adapter and optimizer state, bit for bit what `restore` takes. */
  state(): NamedTensor[];
  restore(state: readonly NamedTensor[]): void;
  /** Bytes of native memory that weights, adapter and computation take. */
  readonly memoryBytes: number;
  close(): void;
}

/** How an adapter is made. */
export interface AdapterSettings {
  readonly rank: number;
  readonly alpha: number;
  /** Linears that get an adapter, by their names in GGUF files. */
  readonly targets: readonly ("attn_q" | "attn_k" | "attn_v" | "attn_output" | "ffn_gate" | "ffn_up" | "ffn_down")[];
  /** Scale alpha/√rank instead of alpha/rank (Kalajdzievski 2023). */
  readonly rankStabilised: boolean;
  readonly seed: number;
}

/** Opens `modelFile` for training an adapter; `network/openAdaptedModel.ts` has the one implementation. */
export interface AdaptedModelOptions {
  readonly modelFile: string;
  readonly adapter: AdapterSettings;
  readonly optimizer: AdamWSettings;
  readonly maxTokens: number;
  readonly threads: number;
  /** Bytes that stored activations may take beside the weights; less means more recomputation. */
  readonly activationBytes?: number;
  /** Matrix products: "auto" (a BLAS of the system where there is one), "ggml", or a library's file. */
  readonly blas?: string;
  /** Where to compute: "auto" and "gpu" on a GPU where one works, "cpu" (the default) on the processor. */
  readonly device?: "auto" | "cpu" | "gpu";
  /** Told once, in a sentence, on what is computed and why. */
  readonly onDevice?: (sentence: string) => void;
}
