// Writes an answer to a conversation in the model's own chat template, streaming text.
// It knows nothing of sources, citations or budgets (tasks do).
import type { ChatHistoryItem, ChatWrapper, GbnfJsonObjectSchema, LlamaGrammarEvaluationState, LlamaModel, Token } from "node-llama-cpp";
import { EngineError, isCancelled } from "../base/errors.ts";
import type { Lease } from "../base/scheduler.ts";
import type { TokenCounts } from "../protocol/types.ts";
import type { PromptCache } from "./promptCache.ts";
import { StopTextStream } from "./stopText.ts";
import { TokenText } from "./tokenText.ts";

export interface ChatMessage {
  role: "system" | "user" | "assistant";
  text: string;
}

export interface GenerateRequest {
  /** Oldest first, ending with the user's. Texts that look like the template's markers stay text. */
  messages: ChatMessage[];
  maxTokens: number;
  /** Only JSON of this schema is written, the likeliest of it; `temperature` is then not used. An answer cut by `maxTokens` may be no whole JSON. */
  schema?: GbnfJsonObjectSchema;
  /** 0 (the default) always takes the likeliest token. */
  temperature?: number;
  /** Repeats a draw with a temperature; default 0. */
  seed?: number;
  signal?: AbortSignal;
  lease: Lease;
  /** Called with each new piece of text. */
  onText(text: string): void;
}

export interface GenerateResult {
  text: string;
  tokens: TokenCounts;
  firstTokenMs: number;
  stopReason: "end" | "length" | "cancelled";
}

export class Chat {
  readonly #model: LlamaModel;
  readonly #wrapper: ChatWrapper;

  private constructor(model: LlamaModel, wrapper: ChatWrapper) {
    this.#model = model;
    this.#wrapper = wrapper;
  }

  /** Reads the model's chat template. Errors: `modelIncapable` where it has none, or one that cannot be rendered. */
  static async create(model: LlamaModel): Promise<Chat> {
    if (typeof model.fileInfo.metadata.tokenizer?.chat_template !== "string") {
      throw new EngineError("modelIncapable", `The model ${model.filename ?? ""} has no chat template, so it cannot answer. Choose an instruct model.`, { file: model.filename });
    }
    const { JinjaTemplateChatWrapper, resolveChatWrapper } = await import("node-llama-cpp");
    const template = model.fileInfo.metadata.tokenizer.chat_template;
    try {
      // The library's own choice takes 30 times as long to make and may prefer a hand-written format that differs from
      // the template in details. Models that can reason at length are asked not to: the answer is wanted in seconds.
      return new Chat(model, new JinjaTemplateChatWrapper({ template, reasoning: false, tokenizer: model.tokenizer }));
    } catch {
      // A template that its engine cannot render may still be one of a known format.
    }
    try {
      return new Chat(model, resolveChatWrapper(model, { warningLogs: false }));
    } catch (error) {
      throw new EngineError("modelIncapable", `The chat template of the model ${model.filename ?? ""} cannot be rendered. Choose another build of the model.`, { file: model.filename }, error);
    }
  }

  /** The tokens of the conversation up to where the assistant speaks. */
  promptTokens(messages: readonly ChatMessage[]): { tokens: Token[]; stopTokens: Set<Token>; stopTexts: string[] } {
    const history = messages.map((message): ChatHistoryItem => {
      switch (message.role) {
        case "system": return { type: "system", text: message.text };
        case "user": return { type: "user", text: message.text };
        case "assistant": return { type: "model", response: [message.text] };
      }
    });
    const { contextText, stopGenerationTriggers } = this.#wrapper.generateContextState({ chatHistory: [...history, { type: "model", response: [""] }] });
    const stopTokens = new Set<Token>();
    const stopTexts: string[] = [];
    for (const trigger of stopGenerationTriggers) {
      if (trigger.values.every((value) => typeof value === "string")) stopTexts.push(trigger.values.join(""));
      const [first] = trigger.tokenize(this.#model.tokenizer);
      if (first !== undefined && this.#model.isSpecialToken(first)) stopTokens.add(first);
    }
    return { tokens: contextText.tokenize(this.#model.tokenizer), stopTokens, stopTexts: stopTexts.filter((text) => text !== "") };
  }

  async #grammarOf(schema: GbnfJsonObjectSchema): Promise<LlamaGrammarEvaluationState> {
    const { LlamaGrammarEvaluationState: State } = await import("node-llama-cpp");
    return new State({ model: this.#model, grammar: await this.#model.llama.createGrammarForJsonSchema(schema) });
  }

  /**
   * Generates; never throws for cancelling (`stopReason` says so).
   * Errors: `contextOverflow` where prompt and answer do not fit `contextSize`.
   */
  async generate(cache: PromptCache, request: GenerateRequest, contextSize: number): Promise<GenerateResult> {
    const begun = performance.now();
    const { tokens, stopTokens, stopTexts } = this.promptTokens(request.messages);
    const room = contextSize - tokens.length - 1;
    if (room < 1) {
      throw new EngineError("contextOverflow", `The conversation takes ${tokens.length} tokens, but the model's context is ${contextSize}. Start a new chat, attach less, or raise kalactica.model.contextSize.`, { promptTokens: tokens.length, contextSize });
    }
    const counts = { prompt: tokens.length, reused: 0, generated: 0 };
    const text = new TokenText(this.#model);
    const stream = new StopTextStream(stopTexts, (piece) => { request.onText(piece); });
    const seed = request.seed ?? 0;
    let firstTokenMs = 0;
    const finish = (stopReason: GenerateResult["stopReason"]): GenerateResult => {
      stream.push(text.finish());
      stream.flush();
      return { text: stream.text, tokens: counts, firstTokenMs, stopReason };
    };
    try {
      const grammar = request.schema && await this.#grammarOf(request.schema);
      const limit = Math.min(request.maxTokens, room);
      while (counts.generated < limit) {
        if (grammar) {
          const { token, reused } = await cache.nextInGrammar(tokens, grammar, { signal: request.signal, lease: request.lease });
          if (counts.generated === 0) counts.reused = reused;
          if (firstTokenMs === 0) firstTokenMs = performance.now() - begun;
          if (token === null || this.#model.isEogToken(token)) return finish("end");
          tokens.push(token);
          counts.generated++;
          stream.push(text.push(token));
          continue;
        }
        // Each token is drawn by a fresh sampler, so its seed must differ from the one before.
        const options = { temperature: request.temperature ?? 0, seed: seed + counts.generated * 7919 };
        const { outputs, reused } = await cache.evaluate(tokens, [{ generateNext: { token: true, options } }], { signal: request.signal, lease: request.lease });
        if (counts.generated === 0) counts.reused = reused;
        if (firstTokenMs === 0) firstTokenMs = performance.now() - begun;
        const token = outputs?.[0]?.next.token;
        if (token === undefined || token === null || stopTokens.has(token) || this.#model.isEogToken(token)) return finish("end");
        tokens.push(token);
        counts.generated++;
        if (stream.push(text.push(token))) return finish("end");
      }
      return finish("length");
    } catch (error) {
      if (isCancelled(error) && request.signal?.aborted === true) return finish("cancelled");
      throw error;
    }
  }
}
