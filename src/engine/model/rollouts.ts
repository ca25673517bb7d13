// Draws replies for training: many at once, from a model under the adapter as it is at that moment. Sampling is pure: at
// temperature 1 the replies come from the model's own distribution, not cut to its likelier part, since learning from rewards
// takes them for that. It fulfils the Rollouts interface of training/tune/ and knows nothing of rewards or losses.
import { stat } from "node:fs/promises";
import type { LlamaContext, LlamaContextSequence, LlamaModel, Token } from "node-llama-cpp";
import { EngineError, throwIfCancelled } from "../base/errors.ts";
import { SILENT_LOG } from "../base/log.ts";
import type { Log } from "../base/log.ts";
import { firstLine, openBackend, takeComplaint } from "./backend.ts";
import type { Backend } from "./backend.ts";
import { exactDetokenizer } from "./exactText.ts";

export interface DrawOptions {
  readonly n: number;
  readonly temperature: number;
  readonly seed: number;
  readonly maxTokens: number;
  readonly stopTokens?: readonly number[];
  readonly adapterFile: string | null;
  readonly signal?: AbortSignal;
}

export interface DrawnReply {
  readonly tokens: readonly number[];
  readonly text: string;
  readonly truncated: boolean;
}

export interface ReplyDrawer {
  generate(prompts: readonly (readonly number[])[], options: DrawOptions): Promise<DrawnReply[][]>;
  close(): Promise<void>;
}

export interface DrawerOptions {
  readonly modelFile: string;
  readonly threads: number;
  readonly log?: Log;
  /** Replies drawn at once; each takes memory for its context. */
  readonly atOnce?: number;
}

/** Sequences of one context: batches of them cost little more than one, on small models and large ones. */
const AT_ONCE = 8;
/** Memory that adapters of past steps may take before it is freed (our choice). */
const KEPT_ADAPTER_BYTES = 128e6;
/** llama.cpp rounds contexts up to multiples of this. */
const CONTEXT_STEP = 256;

/**
 * A drawer of replies; the model is loaded when the first are asked for. The same seed gives the same replies.
 * Errors of `generate`: `modelLoadFailed` (model or adapter), `nativeMissing`, CancelledError.
 */
export function openRollouts(options: DrawerOptions): ReplyDrawer {
  const { modelFile, threads, log = SILENT_LOG, atOnce = AT_ONCE } = options;
  let opening: Promise<{ backend: Backend; model: LlamaModel }> | undefined;
  let adapterBytes = 0;
  let current: { context: LlamaContext; sequences: LlamaContextSequence[]; adapterFile: string | null; size: number } | undefined;

  const open = async (): Promise<{ backend: Backend; model: LlamaModel }> => {
    const backend = await openBackend("cpu", log);
    try {
      return { backend, model: await backend.llama.loadModel({ modelPath: modelFile, gpuLayers: 0, defaultContextFlashAttention: false }) };
    } catch (error) {
      await backend.release();
      throw new EngineError("modelLoadFailed", `The model ${modelFile} could not be loaded for writing replies: ${firstLine(error)}. Close other programs, or choose a smaller model.`, { file: modelFile }, error);
    }
  };

  /** Adapters stay in the model's memory until it is closed, so from time to time it is opened anew. */
  const forgetAdapters = async (): Promise<void> => {
    const opened = await opening;
    await current?.context.dispose();
    current = undefined;
    await opened?.model.dispose();
    await opened?.backend.release();
    opening = undefined;
    adapterBytes = 0;
  };

  /** A context under the adapter, with room for `tokens`; the one before is freed where it does not fit. */
  const contextFor = async (model: LlamaModel, adapterFile: string | null, tokens: number): Promise<LlamaContextSequence[]> => {
    const size = Math.ceil(tokens / CONTEXT_STEP) * CONTEXT_STEP;
    if (current !== undefined && current.adapterFile === adapterFile && current.size >= size) return current.sequences;
    await current?.context.dispose();
    current = undefined;
    takeComplaint();
    let context: LlamaContext;
    try {
      context = await model.createContext({
        sequences: atOnce, contextSize: size, batchSize: 512, threads, ...adapterFile === null ? {} : { lora: { adapters: [{ filePath: adapterFile }] } },
      });
    } catch (error) {
      const complaint = takeComplaint();
      throw new EngineError("modelLoadFailed", `The model cannot write replies${adapterFile === null ? "" : ` with the adapter ${adapterFile}`}: ${complaint === "" ? firstLine(error) : complaint}.`, { adapterFile }, error);
    }
    current = { context, sequences: Array.from({ length: atOnce }, () => context.getSequence()), adapterFile, size };
    return current.sequences;
  };

  return {
    generate: async (prompts, request) => {
      if (request.adapterFile !== null && request.adapterFile !== current?.adapterFile) {
        if (adapterBytes > KEPT_ADAPTER_BYTES) await forgetAdapters();
        adapterBytes += (await stat(request.adapterFile).catch(() => null))?.size ?? 0;
      }
      opening ??= open();
      opening.catch(() => { opening = undefined; });
      const { model } = await opening;
      const longest = prompts.reduce((most, p) => Math.max(most, p.length), 0);
      const sequences = await contextFor(model, request.adapterFile, longest + request.maxTokens);
      const stops = new Set(request.stopTokens ?? []);
      const jobs = prompts.flatMap((prompt, p) => Array.from({ length: request.n }, (_, r) => ({ prompt, p, r })));
      const out: DrawnReply[][] = prompts.map(() => []);
      // Rounds of equal size, one reply to a sequence: which replies are computed together never depends on timing.
      for (let from = 0; from < jobs.length; from += sequences.length) {
        const round = jobs.slice(from, from + sequences.length);
        const replies = await Promise.all(round.map((job, s) => draw(model, sequences[s] as LlamaContextSequence, job.prompt, request, (request.seed + 7919 * (from + s)) >>> 0, stops)));
        for (const [s, { p, r }] of round.entries()) (out[p] as DrawnReply[])[r] = replies[s] as DrawnReply;
        throwIfCancelled(request.signal);
      }
      return out;
    },
    close: async () => {
      await forgetAdapters().catch(() => undefined);
    },
  };
}

async function draw(model: LlamaModel, sequence: LlamaContextSequence, prompt: readonly number[], { temperature, maxTokens, signal }: DrawOptions, seed: number, stops: ReadonlySet<number>): Promise<DrawnReply> {
  await sequence.clearHistory();
  const tokens: Token[] = [];
  let ended = false;
  if (maxTokens > 0) {
    for await (const token of sequence.evaluate([...prompt] as Token[], { temperature, seed, topK: 0, topP: 1, minP: 0, yieldEogToken: true })) {
      tokens.push(token);
      ended = stops.has(token) || model.isEogToken(token);
      if (ended || tokens.length >= maxTokens || signal?.aborted === true) break;
    }
  }
  return { tokens, text: exactDetokenizer(model).detokenize(ended ? tokens.slice(0, -1) : tokens, false), truncated: !ended };
}
