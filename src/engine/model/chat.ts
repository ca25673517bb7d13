// Writes an answer to a conversation in the model's own chat template, streaming text.
// It knows nothing of sources, citations or budgets (tasks do).
import type { ChatHistoryItem, ChatModelResponse, ChatWrapper, GbnfJsonObjectSchema, LlamaGrammarEvaluationState, LlamaModel, Token } from "node-llama-cpp";
import { EngineError, isCancelled } from "../base/errors.ts";
import type { Lease } from "../base/scheduler.ts";
import type { AnsweredCall, TokenCounts, ToolCall, ToolOffer } from "../protocol/types.ts";
import { exactDetokenizer } from "./exactText.ts";
import type { PromptCache } from "./promptCache.ts";
import { StopTextStream } from "./stopText.ts";
import { TokenText } from "./tokenText.ts";
import { callFormatOf, functionsOf, safeInput, ToolCallStream } from "./toolCalls.ts";

export interface ChatMessage {
  role: "system" | "user" | "assistant";
  text: string;
  /** Of the assistant's: what it called. A conversation that ends with such a message is gone on with. */
  calls?: readonly AnsweredCall[];
}

export interface GenerateRequest {
  /** Oldest first, ending with the user's. Texts that look like the template's markers stay text. */
  messages: ChatMessage[];
  maxTokens: number;
  /** Tools that may be called, where the template teaches calls. */
  tools?: readonly ToolOffer[];
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
  /** Calls that were written instead of text; absent where no tools were offered. */
  calls?: ToolCall[];
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
  promptTokens(messages: readonly ChatMessage[], tools: readonly ToolOffer[] = []): { tokens: Token[]; stopTokens: Set<Token>; stopTexts: string[] } {
    const { contextText, stopGenerationTriggers } = this.#wrapper.generateContextState({
      chatHistory: historyOf(messages), ...(tools.length > 0 ? { availableFunctions: functionsOf(tools), documentFunctionParams: true } : {}),
    });
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
    const format = request.tools && request.tools.length > 0 ? callFormatOf(this.#wrapper) : null;
    if (request.tools && request.tools.length > 0 && !format) {
      throw new EngineError("modelIncapable", "The chat template of the loaded model knows no calls of tools. Choose a model whose template does, or ask without tools.");
    }
    const { tokens, stopTokens, stopTexts } = this.promptTokens(request.messages, request.tools);
    const room = contextSize - tokens.length - 1;
    if (room < 1) {
      throw new EngineError("contextOverflow", `The conversation takes ${tokens.length} tokens, but the model's context is ${contextSize}. Start a new chat, attach less, or raise kalactica.model.contextSize.`, { promptTokens: tokens.length, contextSize });
    }
    const counts = { prompt: tokens.length, reused: 0, generated: 0 };
    const text = new TokenText(exactDetokenizer(this.#model));
    const called = format && new ToolCallStream(format, new Set(request.tools?.map(({ name }) => name)), (piece) => { request.onText(piece); });
    const stream = new StopTextStream(stopTexts, (piece) => {
      if (called) called.push(piece);
      else request.onText(piece);
    });
    const seed = request.seed ?? 0;
    let firstTokenMs = 0;
    const finish = (stopReason: GenerateResult["stopReason"]): GenerateResult => {
      stream.push(text.finish());
      stream.flush();
      return { text: stream.text, tokens: counts, firstTokenMs, stopReason, ...(called ? { calls: called.end() } : {}) };
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

/** Messages as the library takes them, up to where the assistant speaks. What it said, called and was told is one turn of its. */
function historyOf(messages: readonly ChatMessage[]): ChatHistoryItem[] {
  const history: ChatHistoryItem[] = [];
  for (const { role, text, calls = [] } of messages) {
    if (role !== "assistant") {
      history.push({ type: role, text });
      continue;
    }
    const response: ChatModelResponse["response"] = [text, ...calls.map(({ name, input, result }, i) => ({ type: "functionCall" as const, name, params: safeInput(input), result, ...(i === 0 ? { startsNewChunk: true } : {}) }))];
    const before = history.at(-1);
    if (before?.type === "model") before.response.push(...response);
    else history.push({ type: "model", response });
  }
  const last = history.at(-1);
  if (last?.type === "model" && (messages.at(-1)?.calls?.length ?? 0) > 0) last.response.push("");
  else history.push({ type: "model", response: [""] });
  return history;
}
