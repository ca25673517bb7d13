// Estimates, before loading, how much memory a model and its context will take, and sizes the context to what is free.
// It measures nothing itself: hardware.ts says what is there, inspect.ts what the model is.
import type { MemoryFit } from "../protocol/types.ts";
import { show } from "./byteText.ts";
import type { Hardware } from "./hardware.ts";
import { defaultsFor } from "./hardwareDefaults.ts";
import type { ModelDetails } from "./inspect.ts";

/** Context windows, in tokens. `chat` and `completion` are separate, so that a keystroke does not evict a conversation. */
export interface ContextPlan {
  chat: number;
  completion: number;
}

/** What of a model decides how much memory it takes; catalogue.ts knows it of models that are not here yet. */
export type ModelShape = Pick<ModelDetails, "contextSize" | "cacheElementsPerToken" | "weightBytes" | "tokenEmbeddingBytes" | "vocabularySize" | "feedForwardLength" | "embeddingLength">;

export interface FitEstimate extends MemoryFit {
  plan: ContextPlan;
  /** Whether the weights are expected to run on the GPU. */
  onGpu: boolean;
}

/** Context of completion (our choice): computing a longer prompt from nothing takes a CPU longer than anyone waits. */
export const LARGEST_COMPLETION_CONTEXT = 2048;
const SMALLEST_CONTEXT = 512;
/** Left free for the editor and everything else. */
const RAM_RESERVE_BYTES = 512 << 20;
const VRAM_RESERVE_BYTES = 400 << 20;
/** Bytes of one element of the key–value cache (half precision). */
const CACHE_ELEMENT_BYTES = 2;

/**
 * Estimates memory for `details` on `hardware`.
 * `requestedContext` in tokens; 0 means as large as fits, at most what hardwareDefaults.ts says for this machine and what the model was trained for.
 * `batchTokens` is how many prompt tokens are computed at once. Never throws: a model that does not fit says so in `explanation`.
 */
export function estimateFit(details: ModelShape, hardware: Hardware, requestedContext: number, batchTokens: number): FitEstimate {
  const wanted = Math.max(SMALLEST_CONTEXT, Math.min(details.contextSize, requestedContext > 0 ? requestedContext : defaultsFor(hardware).contextTokens));
  const gpu = hardware.gpu;
  if (gpu !== null && hardware.device !== "cpu") {
    const freeVram = gpu.freeVramBytes - VRAM_RESERVE_BYTES;
    const plan = largestPlan(details, wanted, batchTokens, freeVram);
    if (plan !== null) {
      const vramBytes = totalBytes(details, plan, batchTokens);
      return {
        fits: true, ramBytes: details.tokenEmbeddingBytes, vramBytes, contextSize: plan.chat, plan, onGpu: true,
        explanation: `Needs about ${show(vramBytes)} of the ${show(gpu.freeVramBytes)} free on ${gpu.name}, with a context of ${plan.chat} tokens${reduced(plan.chat, wanted)}.`,
      };
    }
  }
  const freeRam = hardware.availableRamBytes - RAM_RESERVE_BYTES;
  const plan = largestPlan(details, wanted, batchTokens, freeRam);
  const why = gpu !== null && hardware.device !== "cpu" ? ` It does not fit the ${show(gpu.freeVramBytes)} free on ${gpu.name}, so part or all of it runs on the CPU.` : "";
  if (plan !== null) {
    const ramBytes = totalBytes(details, plan, batchTokens);
    return {
      fits: true, ramBytes, vramBytes: 0, contextSize: plan.chat, plan, onGpu: false,
      explanation: `Needs about ${show(ramBytes)} of the ${show(hardware.availableRamBytes)} memory that is free, with a context of ${plan.chat} tokens${reduced(plan.chat, wanted)}.${why}`,
    };
  }
  const least: ContextPlan = { chat: SMALLEST_CONTEXT, completion: SMALLEST_CONTEXT };
  const ramBytes = totalBytes(details, least, batchTokens);
  return {
    fits: false, ramBytes, vramBytes: 0, contextSize: 0, plan: least, onGpu: false,
    explanation: `Needs about ${show(ramBytes)} of memory even with the smallest context of ${SMALLEST_CONTEXT} tokens, but only ${show(hardware.availableRamBytes)} of ${show(hardware.totalRamBytes)} are free. Close other programs, or choose a smaller model or a stronger quantisation.`,
  };
}

/** Halves the context until model and contexts fit `freeBytes`; null where not even the smallest does. */
function largestPlan(details: ModelShape, wanted: number, batchTokens: number, freeBytes: number): ContextPlan | null {
  for (let chat = wanted; ; chat = Math.max(SMALLEST_CONTEXT, Math.floor(chat / 2))) {
    const plan = { chat, completion: Math.min(chat, LARGEST_COMPLETION_CONTEXT) };
    if (totalBytes(details, plan, batchTokens) <= freeBytes) return plan;
    if (chat <= SMALLEST_CONTEXT) return null;
  }
}

function totalBytes(details: ModelShape, plan: ContextPlan, batchTokens: number): number {
  const cache = (plan.chat + plan.completion) * details.cacheElementsPerToken * CACHE_ELEMENT_BYTES;
  return Math.ceil(details.weightBytes + cache + 2 * computeBytes(details, batchTokens));
}

/**
 * Scratch memory of one context: llama.cpp reserves for a full batch the logits (vocabulary × batch, single precision)
 * and a few activations of the widest layer (our estimate: 4). test/bench/model.ts prints it beside what was used.
 */
function computeBytes(details: ModelShape, batchTokens: number): number {
  const widest = Math.max(details.feedForwardLength, 3 * details.embeddingLength);
  return 4 * batchTokens * (details.vocabularySize + 4 * widest);
}

function reduced(context: number, wanted: number): string {
  return context < wanted ? ` (reduced from ${wanted} to fit)` : "";
}
