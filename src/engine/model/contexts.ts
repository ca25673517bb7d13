// The contexts in which a model chats and completes, under one adapter or none: each is made on first use. A set lives and
// dies as a whole, so that nothing computed under one adapter is ever reused under another. Which adapter that is, is
// decided elsewhere (runtime.ts); that it does what it should is checked in canary.ts.
import type { LlamaContext, LlamaModel } from "node-llama-cpp";
import { EngineError } from "../base/errors.ts";
import { firstLine, takeComplaint } from "./backend.ts";
import type { LoadedModel } from "./load.ts";
import { PromptCache } from "./promptCache.ts";

/** A low-rank adapter (GGUF LoRA) to be used with a model. */
export interface ModelAdapter {
  /** Files with another content have another path: llama.cpp keeps what it once loaded from a path. */
  readonly file: string;
  readonly sha256: string;
  /** What its trainer saw it do; null where that is not known (canary.ts). */
  readonly canary: { readonly tokens: readonly number[]; readonly adapted: readonly number[]; readonly base: readonly number[] } | null;
}

export interface CachedContext {
  readonly context: LlamaContext;
  readonly cache: PromptCache;
}

/** Operations per ms and thread of a CPU on prompts, as a first guess (measured here: 23 to 63 million by model). */
const CPU_OPERATIONS_PER_MS = 4e7;

export class AdapterContexts {
  readonly adapter: ModelAdapter | null;
  readonly #loaded: LoadedModel;
  readonly #made = new Map<"chat" | "completion", Promise<CachedContext>>();
  #holders = 0;
  #retired = false;

  constructor(loaded: LoadedModel, adapter: ModelAdapter | null) {
    this.#loaded = loaded;
    this.adapter = adapter;
  }

  /** Keeps the set alive while something computes with it; call the result once when done. */
  hold(): () => Promise<void> {
    this.#holders++;
    let released = false;
    return async () => {
      if (released) return;
      released = true;
      this.#holders--;
      if (this.#retired && this.#holders === 0) await this.dispose();
    };
  }

  /** Frees the memory as soon as nobody computes with it any more. */
  async retire(): Promise<void> {
    this.#retired = true;
    if (this.#holders === 0) await this.dispose();
  }

  /** Frees the memory now; contexts wait for the batch that is being computed. */
  async dispose(): Promise<void> {
    const made = [...this.#made.values()];
    this.#made.clear();
    for (const part of made) await (await part.catch(() => undefined))?.context.dispose();
  }

  /** Errors: `modelTooLarge`, `modelLoadFailed` where the adapter cannot be loaded. */
  get(purpose: "chat" | "completion"): Promise<CachedContext> {
    let part = this.#made.get(purpose);
    if (part === undefined) {
      part = this.#make(this.#loaded.fit.plan[purpose]);
      this.#made.set(purpose, part);
      // A failure (memory was short) must not stay for good.
      part.catch(() => this.#made.delete(purpose));
    }
    return part;
  }

  async #make(contextSize: number): Promise<CachedContext> {
    const { model, batchTokens, threads, details, device } = this.#loaded;
    const context = await createContext(model, { contextSize, batchSize: batchTokens, threads, adapter: this.adapter });
    // Two operations a weight and token.
    const expected = device === "cpu" ? (2 * details.parameters) / (threads * CPU_OPERATIONS_PER_MS) : 0;
    return { context, cache: new PromptCache(context.getSequence(), batchTokens, expected) };
  }
}

/** A context of one sequence under `adapter`. Errors: `modelTooLarge`, `modelLoadFailed` where the adapter cannot be loaded. */
export async function createContext(model: LlamaModel, options: { contextSize: number; batchSize: number; threads: number; adapter: ModelAdapter | null }): Promise<LlamaContext> {
  const { adapter, ...sizes } = options;
  takeComplaint();
  try {
    // Without remedy: an adapter that does not fit would otherwise be tried seven times.
    return await model.createContext({ ...sizes, sequences: 1, ...adapter === null ? {} : { failedCreationRemedy: false, lora: { adapters: [{ filePath: adapter.file }] } } });
  } catch (error) {
    const complaint = takeComplaint();
    if (adapter !== null && /lora|adapter/i.test(`${complaint} ${firstLine(error)}`)) {
      throw new EngineError("modelLoadFailed", `The adapter ${adapter.file} could not be applied to the model: ${complaint === "" ? firstLine(error) : complaint}. Train or import it again.`, { file: adapter.file, complaint }, error);
    }
    throw new EngineError("modelTooLarge", `There is not enough memory for a context of ${options.contextSize} tokens. Lower kalactica.model.contextSize, close other programs, or choose a smaller model.`, { contextSize: options.contextSize }, error);
  }
}
