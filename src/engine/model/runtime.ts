// One loaded model: loads and unloads it, says how it stands, and serves infill, chat, embeddings and token counts.
// Which model that is, is decided elsewhere (registry.ts); who may compute when, by the leases that callers hold.
import type { LlamaContext, LlamaEmbeddingContext, LlamaModel } from "node-llama-cpp";
import { EngineError, throwIfCancelled } from "../base/errors.ts";
import { SILENT_LOG } from "../base/log.ts";
import type { Log } from "../base/log.ts";
import type { ModelCapabilities, ModelInfo, ModelStatus } from "../protocol/types.ts";
import { Chat } from "./chat.ts";
import type { GenerateRequest, GenerateResult } from "./chat.ts";
import { Infill } from "./infill.ts";
import type { InfillRequest, InfillResult, ScoreRequest, ScoreResult } from "./infill.ts";
import { loadModel } from "./load.ts";
import type { LoadedModel, ModelSettings } from "./load.ts";
import { PromptCache, promptLevel } from "./promptCache.ts";

export type { ModelSettings } from "./load.ts";
export type { GenerateRequest, GenerateResult, ChatMessage } from "./chat.ts";
export type { InfillRequest, InfillResult, ScoreRequest, ScoreResult } from "./infill.ts";

const NO_CAPABILITIES: ModelCapabilities = { infill: false, answer: false, embed: false };
/** Left free in a context, so that llama.cpp never has to shift it. */
const MARGIN_TOKENS = 8;
/** Kept for what is generated, beside whatever the prompt leaves: an eighth of the context, at most this. */
const MOST_RESERVED_TOKENS = 256;
/** A load that failed is tried again for a request after this time; `load` tries at once. */
const RETRY_AFTER_MS = 30_000;
/** Operations per ms and thread of a CPU on prompts, as a first guess (measured here: 23 to 63 million by model). */
const CPU_OPERATIONS_PER_MS = 4e7;
/** Shorter texts say little of the speed. */
const LEAST_TOKENS_FOR_SPEED = 6;

/** What is made on first use and kept while the model is loaded. */
interface Workings {
  loaded: LoadedModel;
  infill?: Infill;
  /** Most tokens of a completion prompt, by the measured speed. */
  promptLevel?: number;
  chat?: Promise<Chat>;
  completionCache?: Promise<{ context: LlamaContext; cache: PromptCache }>;
  chatCache?: Promise<{ context: LlamaContext; cache: PromptCache }>;
  embedder?: Promise<LlamaEmbeddingContext>;
}

export class ModelRuntime {
  readonly #log: Log;
  readonly #listeners = new Set<(status: ModelStatus) => void>();
  #wish: { info: ModelInfo; settings: ModelSettings } | null = null;
  #workings: Promise<Workings> | null = null;
  #status: ModelStatus = statusOfNothing();
  #running = 0;
  #idleTimer: NodeJS.Timeout | null = null;
  #tokensPerSecond: number | null = null;
  /** Why the last load failed, and when: not every keystroke tries again. */
  #failure: { error: unknown; at: number } | null = null;
  /** Aborted when the model leaves, so that what still computes on it stops first. */
  #stop = new AbortController();
  /** Loads, unloads and replacements happen one after another. */
  #changes: Promise<unknown> = Promise.resolve();

  constructor(log: Log = SILENT_LOG) {
    this.#log = log;
  }

  /**
   * Replaces whatever is loaded by `info`. Requests that still run on the former model are cancelled.
   * Errors: `noModel` (the model is not on this machine), `modelNotFound`, `unreadable`, `modelForeign`, `modelTruncated`,
   * `modelTooNew`, `modelTooLarge`, `modelLoadFailed`, `nativeMissing`; the status then is "failed" with the same sentence.
   */
  async load(info: ModelInfo, settings: ModelSettings): Promise<ModelStatus> {
    return this.#change(async () => {
      await this.#discard();
      this.#tokensPerSecond = null;
      this.#failure = null;
      this.#wish = { info, settings };
      await this.#ensure();
      return this.#status;
    });
  }

  status(): ModelStatus {
    return this.#status;
  }

  /** Calls `callback` at each change of status; the result takes it away again. */
  onStatus(callback: (status: ModelStatus) => void): () => void {
    this.#listeners.add(callback);
    return () => this.#listeners.delete(callback);
  }

  /** The context window of chat in tokens; 0 while nothing is loaded. */
  get contextSize(): number {
    return this.#status.contextSize;
  }

  /** How many tokens `text` is for this model. */
  async countTokens(text: string): Promise<number> {
    return this.#use(({ loaded }) => Promise.resolve(loaded.model.tokenize(text, false).length));
  }

  /** How many tokens the prompt of this conversation takes, the template's own included. Errors: `modelIncapable`. */
  async countPromptTokens(messages: GenerateRequest["messages"]): Promise<number> {
    return this.#use(async (workings) => (await this.#chat(workings)).promptTokens(messages).tokens.length);
  }

  /** Writes what stands between prefix and suffix. Cancelling and deadlines are results, not errors. Errors: `noModel`, those of loading. */
  async infill(request: InfillRequest): Promise<InfillResult> {
    return this.#use(async (workings, stop) => {
      const { context, cache } = await this.#completion(workings);
      const begun = performance.now();
      const result = await this.#infill(workings).generate(cache, { ...request, signal: merged(request.signal, stop) }, promptLimit(workings, context, cache), context.contextSize - MARGIN_TOKENS);
      this.#learnSpeed(result.tokens.generated, result.firstTokenMs, performance.now() - begun);
      return result;
    });
  }

  /** Scores a middle that others propose. Errors: as infill; `contextOverflow` (longer than the context has room for); CancelledError. */
  async scoreContinuation(request: ScoreRequest): Promise<ScoreResult> {
    return this.#use(async (workings, stop) => {
      const { context, cache } = await this.#completion(workings);
      return this.#infill(workings).score(cache, { ...request, signal: merged(request.signal, stop) }, promptLimit(workings, context, cache), context.contextSize - MARGIN_TOKENS);
    });
  }

  /** Answers a conversation. Errors: `modelIncapable` (no chat template), `contextOverflow`, `noModel`, those of loading. */
  async generate(request: GenerateRequest): Promise<GenerateResult> {
    return this.#use(async (workings, stop) => {
      const chat = await this.#chat(workings);
      workings.chatCache ??= this.#newCache(workings, workings.loaded.fit.plan.chat);
      const { context, cache } = await workings.chatCache;
      const begun = performance.now();
      const result = await chat.generate(cache, { ...request, signal: merged(request.signal, stop) }, context.contextSize);
      this.#learnSpeed(result.tokens.generated, result.firstTokenMs, performance.now() - begun);
      return result;
    });
  }

  /**
   * One vector of unit length per text, `(nTexts, dimension)`; longer texts are cut to the context.
   * Errors: `modelIncapable` where the model is not one for embedding; CancelledError.
   */
  async embed(texts: readonly string[], options: Partial<Pick<GenerateRequest, "signal" | "lease">> = {}): Promise<Float32Array[]> {
    return this.#use(async (workings, stop) => {
      const { model, details, threads, fit } = workings.loaded;
      if (!details.embedding) throw new EngineError("modelIncapable", `The model ${details.name} does not make embeddings. Choose an embedding model.`, { file: details.file });
      const contextSize = Math.min(details.contextSize, fit.plan.completion);
      workings.embedder ??= model.createEmbeddingContext({ contextSize, batchSize: contextSize, threads });
      const embedder = await workings.embedder;
      const signal = merged(options.signal, stop);
      const vectors: Float32Array[] = [];
      for (const text of texts) {
        throwIfCancelled(signal);
        await options.lease?.yield();
        const tokens = model.tokenize(text, false).slice(0, contextSize - 4);
        vectors.push(unit((await embedder.getEmbeddingFor(tokens)).vector));
      }
      return vectors;
    });
  }

  /** Frees the memory; the next request loads the model again. */
  async unload(): Promise<void> {
    await this.#change(async () => {
      if (this.#workings === null) return;
      await this.#discard();
      this.#setStatus({ ...this.#status, state: "unloaded", explanation: "Unloaded to free memory; the next request loads it again." });
    });
  }

  /** Frees everything, for good. */
  async dispose(): Promise<void> {
    await this.#change(async () => {
      this.#wish = null;
      await this.#discard();
      this.#setStatus(statusOfNothing());
    });
    this.#listeners.clear();
  }

  /** Runs `work` on the loaded model, loading it where it was unloaded. */
  async #use<T>(work: (workings: Workings, stop: AbortSignal) => Promise<T>): Promise<T> {
    this.#clearIdleTimer();
    this.#running++;
    try {
      // A change under way (a load, an unload) comes first; a failed one concerns whoever asked for it.
      await this.#changes.catch(() => undefined);
      const workings = this.#workings === null ? await this.#change(() => this.#ensure()) : await this.#workings;
      return await work(workings, this.#stop.signal);
    } finally {
      this.#running--;
      if (this.#running === 0) this.#startIdleTimer();
    }
  }

  async #change<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#changes.catch(() => undefined).then(work);
    this.#changes = result;
    return result;
  }

  async #ensure(): Promise<Workings> {
    if (this.#workings !== null) return this.#workings;
    const wish = this.#wish;
    if (wish === null) throw new EngineError("noModel", "No model is loaded. Choose one with \"KaLactica: Choose Model\" or `kalactica models use`.");
    const failure = this.#failure;
    if (failure !== null && performance.now() - failure.at < RETRY_AFTER_MS) throw failure.error;
    const { info } = wish;
    this.#setStatus({ state: "loading", id: info.id, name: info.name, device: null, explanation: `Loading ${info.name}.`, contextSize: 0, tokensPerSecond: null, capabilities: info.capabilities });
    try {
      const begun = performance.now();
      const loaded = await loadModel(info, wish.settings, this.#log);
      this.#failure = null;
      const workings = Promise.resolve({ loaded });
      this.#workings = workings;
      this.#setStatus({
        state: "ready", id: info.id, name: info.name, device: loaded.device, explanation: loaded.explanation,
        contextSize: loaded.fit.plan.chat, tokensPerSecond: this.#tokensPerSecond, capabilities: info.capabilities,
      });
      this.#log.info("Model loaded", { id: info.id, device: loaded.device, contextSize: loaded.fit.plan.chat, ms: Math.round(performance.now() - begun) });
      if (this.#running === 0) this.#startIdleTimer();
      return await workings;
    } catch (error) {
      this.#failure = { error, at: performance.now() };
      const sentence = error instanceof EngineError ? error.message : `The model ${info.name} could not be loaded.`;
      this.#setStatus({ ...this.#status, state: "failed", explanation: sentence, capabilities: NO_CAPABILITIES });
      throw error;
    }
  }

  /** Stops what computes, and frees the model. */
  async #discard(): Promise<void> {
    this.#clearIdleTimer();
    const workings = await this.#workings;
    if (workings === null || workings === undefined) return;
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#workings = null;
    // Contexts wait for the batch that is being computed; disposing the model then disposes them with it.
    for (const part of [workings.completionCache, workings.chatCache]) await (await part?.catch(() => undefined))?.context.dispose();
    await (await workings.embedder?.catch(() => undefined))?.dispose();
    await workings.loaded.dispose();
  }

  #infill(workings: Workings): Infill {
    return (workings.infill ??= new Infill(workings.loaded.model, workings.loaded.details.infill));
  }

  #chat(workings: Workings): Promise<Chat> {
    return (workings.chat ??= Chat.create(workings.loaded.model));
  }

  #completion(workings: Workings): Promise<{ context: LlamaContext; cache: PromptCache }> {
    return (workings.completionCache ??= this.#newCache(workings, workings.loaded.fit.plan.completion));
  }

  async #newCache(workings: Workings, contextSize: number): Promise<{ context: LlamaContext; cache: PromptCache }> {
    const { model, batchTokens, threads, details, device } = workings.loaded;
    const context = await createContext(model, { contextSize, batchSize: batchTokens, threads });
    const expectedMs = device === "cpu" ? (2 * details.parameters) / (threads * CPU_OPERATIONS_PER_MS) : 0;
    return { context, cache: new PromptCache(context.getSequence(), batchTokens, expectedMs) };
  }

  /** Keeps a running mean of generated tokens per second; listeners hear of it only when it has clearly changed. */
  #learnSpeed(generated: number, firstTokenMs: number, totalMs: number): void {
    if (generated < LEAST_TOKENS_FOR_SPEED) return;
    const measured = (generated - 1) / (totalMs - firstTokenMs) * 1000;
    this.#tokensPerSecond = this.#tokensPerSecond === null ? measured : 0.8 * this.#tokensPerSecond + 0.2 * measured;
    const shown = this.#status.tokensPerSecond;
    if (this.#status.state !== "ready" || (shown !== null && Math.abs(this.#tokensPerSecond - shown) < 0.2 * shown)) return;
    this.#setStatus({ ...this.#status, tokensPerSecond: Math.round(this.#tokensPerSecond * 10) / 10 });
  }

  #startIdleTimer(): void {
    const minutes = this.#wish?.settings["model.unloadAfterMinutes"] ?? 0;
    if (minutes <= 0 || this.#workings === null) return;
    this.#clearIdleTimer();
    this.#idleTimer = setTimeout(() => {
      if (this.#running > 0) return;
      this.unload().catch((error: unknown) => { this.#log.error("Unloading an idle model failed", { error: String(error) }); });
    }, minutes * 60_000);
    // An idle model must not keep the process alive.
    this.#idleTimer.unref();
  }

  #clearIdleTimer(): void {
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#idleTimer = null;
  }

  #setStatus(status: ModelStatus): void {
    this.#status = status;
    for (const listener of this.#listeners) listener(status);
  }
}

/**
 * Most tokens of a completion prompt. It depends on nothing in the request: another length would lay the prompt out
 * anew, so that generating and scoring at the same place could not share what is computed.
 */
function promptLimit(workings: Workings, context: LlamaContext, cache: PromptCache): number {
  workings.promptLevel = promptLevel(cache.msPerPromptToken, workings.promptLevel ?? null);
  const room = context.contextSize - MARGIN_TOKENS;
  return Math.min(workings.promptLevel, room - Math.min(MOST_RESERVED_TOKENS, room >> 3));
}

async function createContext(model: LlamaModel, options: { contextSize: number; batchSize: number; threads: number }): Promise<LlamaContext> {
  try {
    return await model.createContext({ ...options, sequences: 1 });
  } catch (error) {
    throw new EngineError("modelTooLarge", `There is not enough memory for a context of ${options.contextSize} tokens. Lower kalactica.model.contextSize, close other programs, or choose a smaller model.`, { contextSize: options.contextSize }, error);
  }
}

function merged(signal: AbortSignal | undefined, stop: AbortSignal): AbortSignal {
  return signal === undefined ? stop : AbortSignal.any([signal, stop]);
}

function unit(vector: readonly number[]): Float32Array {
  const norm = Math.hypot(...vector) || 1;
  return Float32Array.from(vector, (x) => x / norm);
}

function statusOfNothing(): ModelStatus {
  return { state: "none", id: null, name: null, device: null, explanation: "No model is loaded.", contextSize: 0, tokensPerSecond: null, capabilities: NO_CAPABILITIES };
}
