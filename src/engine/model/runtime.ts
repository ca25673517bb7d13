// One loaded model: loads and unloads it, says how it stands, and serves infill, chat, embeddings and token counts.
// Which model that is, is decided elsewhere (registry.ts); who may compute when, by the leases that callers hold.
import { stat } from "node:fs/promises";
import type { LlamaContext, LlamaEmbeddingContext } from "node-llama-cpp";
import { EngineError, throwIfCancelled } from "../base/errors.ts";
import { SILENT_LOG } from "../base/log.ts";
import type { Log } from "../base/log.ts";
import type { ModelCapabilities, ModelInfo, ModelStatus } from "../protocol/types.ts";
import { checkCanary } from "./canary.ts";
import { Chat } from "./chat.ts";
import type { GenerateRequest, GenerateResult } from "./chat.ts";
import { AdapterContexts } from "./contexts.ts";
import type { ModelAdapter } from "./contexts.ts";
import { Infill } from "./infill.ts";
import type { InfillRequest, InfillResult, ScoreRequest, ScoreResult } from "./infill.ts";
import { loadModel } from "./load.ts";
import type { LoadedModel, ModelSettings } from "./load.ts";
import { promptLevel } from "./promptCache.ts";
import type { PromptCache } from "./promptCache.ts";

export type { ModelAdapter } from "./contexts.ts";
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
/** llama.cpp frees adapters with the model only; beyond this many bytes of unused ones the weights are loaded anew (our choice). */
const MOST_IDLE_ADAPTER_BYTES = 512 << 20;
/** Shorter texts say little of the speed. */
const LEAST_TOKENS_FOR_SPEED = 6;

/** What is made on first use and kept while the model is loaded. */
interface Workings {
  loaded: LoadedModel;
  infill?: Infill;
  /** Most tokens of a completion prompt, by the measured speed. */
  promptLevel?: number;
  chat?: Promise<Chat>;
  /** Replaced as a whole when another adapter is used. */
  contexts: AdapterContexts;
  /** Files of adapters that llama.cpp holds, with their sizes. */
  adapterFiles: Map<string, number>;
  embedder?: Promise<LlamaEmbeddingContext>;
}

export class ModelRuntime {
  readonly #log: Log;
  readonly #listeners = new Set<(status: ModelStatus) => void>();
  readonly #adapterFor: (info: ModelInfo) => Promise<ModelAdapter | null>;
  /** Adapters that were seen to be applied, as "model file, adapter": not every reload after a pause proves it anew. */
  readonly #proven = new Set<string>();
  #wish: { info: ModelInfo; settings: ModelSettings; adapter: ModelAdapter | null } | null = null;
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

  /** `adapterFor` says which adapter a model that is being loaded starts with. */
  constructor(log: Log = SILENT_LOG, adapterFor: (info: ModelInfo) => Promise<ModelAdapter | null> = () => Promise.resolve(null)) {
    this.#log = log;
    this.#adapterFor = adapterFor;
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
      this.#wish = { info, settings, adapter: null };
      try {
        this.#wish.adapter = await this.#adapterFor(info);
      } catch (error) {
        this.#log.error("The adapter of the model could not be had; the base model is used alone", { id: info.id, error: String(error) });
      }
      await this.#ensure();
      return this.#status;
    });
  }

  /**
   * Uses `adapter` (null: the base model alone) from the next request on; what runs at the moment ends under the former one.
   * With `prove` (the default), a canary shows first that it is truly applied; where it is not, the former one stays.
   * Errors: `noModel`, `modelLoadFailed` (the adapter does not fit the model, or is not applied), those of loading.
   */
  async useAdapter(adapter: ModelAdapter | null, { prove = true }: { prove?: boolean } = {}): Promise<ModelStatus> {
    return this.#change(async () => {
      if (this.#wish === null) throw noModel();
      if (this.#workings !== null && idleAdapterBytes(await this.#workings, adapter) > MOST_IDLE_ADAPTER_BYTES) await this.#discard();
      const workings = await this.#ensure();
      if (workings.contexts.adapter?.sha256 === adapter?.sha256) return this.#status;
      if (adapter !== null && prove) {
        // Proven on every activation, whatever was seen before: a person asked for it.
        const verdict = await this.#prove(workings, adapter);
        if (!verdict.applied) throw new EngineError("modelLoadFailed", verdict.sentence, { adapter: adapter.sha256 });
      }
      const former = workings.contexts;
      await this.#equip(workings, adapter);
      this.#wish.adapter = adapter;
      this.#setStatus({ ...this.#status, adapter: adapter?.sha256 ?? null });
      await former.retire();
      return this.#status;
    });
  }

  status(): ModelStatus {
    return this.#status;
  }

  /** What is loaded, or would be again after a pause; null before the first load. */
  get model(): ModelInfo | null {
    return this.#wish?.info ?? null;
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
    return this.#use(async (workings, stop, contexts) => {
      const { context, cache } = await contexts.get("completion");
      const begun = performance.now();
      const result = await this.#infill(workings).generate(cache, { ...request, signal: merged(request.signal, stop) }, promptLimit(workings, context, cache), context.contextSize - MARGIN_TOKENS);
      this.#learnSpeed(result.tokens.generated, result.firstTokenMs, performance.now() - begun);
      return result;
    });
  }

  /** Scores a middle that others propose. Errors: as infill; `contextOverflow` (longer than the context has room for); CancelledError. */
  async scoreContinuation(request: ScoreRequest): Promise<ScoreResult> {
    return this.#use(async (workings, stop, contexts) => {
      const { context, cache } = await contexts.get("completion");
      return this.#infill(workings).score(cache, { ...request, signal: merged(request.signal, stop) }, promptLimit(workings, context, cache), context.contextSize - MARGIN_TOKENS);
    });
  }

  /** Answers a conversation. Errors: `modelIncapable` (no chat template), `contextOverflow`, `noModel`, those of loading. */
  async generate(request: GenerateRequest): Promise<GenerateResult> {
    return this.#use(async (workings, stop, contexts) => {
      const chat = await this.#chat(workings);
      const { context, cache } = await contexts.get("chat");
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
  async #use<T>(work: (workings: Workings, stop: AbortSignal, contexts: AdapterContexts) => Promise<T>): Promise<T> {
    this.#clearIdleTimer();
    this.#running++;
    try {
      // A change under way (a load, an unload) comes first; a failed one concerns whoever asked for it.
      await this.#changes.catch(() => undefined);
      const workings = this.#workings === null ? await this.#change(() => this.#ensure()) : await this.#workings;
      const { contexts } = workings;
      const release = contexts.hold();
      try {
        return await work(workings, this.#stop.signal, contexts);
      } finally {
        await release();
      }
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
    if (wish === null) throw noModel();
    const failure = this.#failure;
    if (failure !== null && performance.now() - failure.at < RETRY_AFTER_MS) throw failure.error;
    const { info } = wish;
    this.#setStatus({ state: "loading", id: info.id, name: info.name, device: null, explanation: `Loading ${info.name}.`, contextSize: 0, tokensPerSecond: null, capabilities: info.capabilities });
    try {
      const begun = performance.now();
      const loaded = await loadModel(info, wish.settings, this.#log);
      this.#failure = null;
      const made: Workings = { loaded, contexts: new AdapterContexts(loaded, null), adapterFiles: new Map() };
      const complaint = await this.#equipOnLoad(made, wish.adapter);
      const workings = Promise.resolve(made);
      this.#workings = workings;
      this.#setStatus({
        state: "ready", id: info.id, name: info.name, device: loaded.device, explanation: complaint === "" ? loaded.explanation : `${loaded.explanation} ${complaint}`,
        contextSize: loaded.fit.plan.chat, tokensPerSecond: this.#tokensPerSecond, capabilities: info.capabilities, adapter: made.contexts.adapter?.sha256 ?? null,
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

  /** Puts the wished adapter on a model that was just loaded; one that does not hold is left off, and the result says so. */
  async #equipOnLoad(workings: Workings, adapter: ModelAdapter | null): Promise<string> {
    if (adapter === null) return "";
    try {
      const proof = `${workings.loaded.details.file}\n${adapter.sha256}`;
      const verdict = this.#proven.has(proof) ? null : await this.#prove(workings, adapter);
      if (verdict?.applied === false) throw new EngineError("modelLoadFailed", verdict.sentence, { adapter: adapter.sha256 });
      await this.#equip(workings, adapter);
      return "";
    } catch (error) {
      const sentence = `The base model is used alone: ${error instanceof Error ? error.message : String(error)}`;
      this.#log.error(sentence, { adapter: adapter.sha256 });
      return sentence;
    }
  }

  async #prove(workings: Workings, adapter: ModelAdapter): ReturnType<typeof checkCanary> {
    const { model, threads, details } = workings.loaded;
    const begun = performance.now();
    const verdict = await checkCanary(model, adapter, threads);
    this.#log.info(verdict.sentence, { ms: Math.round(performance.now() - begun) });
    if (verdict.applied) this.#proven.add(`${details.file}\n${adapter.sha256}`);
    return verdict;
  }

  async #equip(workings: Workings, adapter: ModelAdapter | null): Promise<void> {
    if (adapter !== null && !workings.adapterFiles.has(adapter.file)) workings.adapterFiles.set(adapter.file, (await stat(adapter.file)).size);
    workings.contexts = new AdapterContexts(workings.loaded, adapter);
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
    await workings.contexts.dispose();
    await (await workings.embedder?.catch(() => undefined))?.dispose();
    await workings.loaded.dispose();
  }

  #infill(workings: Workings): Infill {
    return (workings.infill ??= new Infill(workings.loaded.model, workings.loaded.details.infill));
  }

  #chat(workings: Workings): Promise<Chat> {
    return (workings.chat ??= Chat.create(workings.loaded.model));
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

/** Bytes of adapters that llama.cpp would hold without use under `next`. */
function idleAdapterBytes(workings: Workings, next: ModelAdapter | null): number {
  return [...workings.adapterFiles].reduce((sum, [file, bytes]) => (file === next?.file ? sum : sum + bytes), 0);
}

function noModel(): EngineError {
  return new EngineError("noModel", "No model is loaded. Choose one with \"KaLactica: Choose Model\" or `kalactica models use`.");
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
