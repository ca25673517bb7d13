// What OpenAI-compatible model servers are asked: their models, how large the context is, chat, the middle between two texts. It reads answers
// strictly and keeps nothing; which server that is, and whether it may be spoken to, is decided elsewhere.
// Sources: OpenAI API reference (models, chat completions, completions); llama.cpp tools/server/README.md (/props, /infill); vLLM's
// OpenAI-compatible server (`max_model_len` in /v1/models); Ollama docs/openai.md and docs/api.md (/api/show, /api/ps).
import { EngineError } from "../base/errors.ts";
import type { Exchange } from "./exchange.ts";
import { contextOverflow, exchangeEvents, exchangeJson, failure, isTooLong, record } from "./exchange.ts";

/** How an endpoint writes the middle between two texts: llama.cpp's own route, `suffix` of the completions, or not at all. */
export type InfillRoute = "llamaCpp" | "completions";

export interface ServerModel {
  id: string;
  /** Tokens, as the server says; null where it does not. */
  contextSize: number | null;
}

export interface ChatRequest {
  model: string;
  messages: readonly { role: "system" | "user" | "assistant"; text: string }[];
  maxTokens: number;
  temperature: number;
  seed?: number;
}

export interface MiddleRequest {
  model: string;
  prefix: string;
  suffix: string;
  context: readonly { path: string; text: string }[];
  maxTokens: number;
  deadlineMs?: number;
}

/** One piece of what a model writes; `logProbs` one per token where the server tells them. */
export interface Piece {
  text: string;
  logProbs: number[];
  /** The model has ended by itself ("stop"), or the number of tokens has ("length"). */
  end: "stop" | "length" | null;
  usage: { prompt: number | null; cached: number | null; generated: number | null } | null;
}

const LONGEST_MODEL_LIST = 1000;
/** A context below this holds no question with an answer; above, it is no figure but a slip. */
const LEAST_CONTEXT = 256;
const MOST_CONTEXT = 16_777_216;

/** What the server offers. Errors: those of exchangeJson. */
export async function listServerModels(exchange: Exchange, signal?: AbortSignal): Promise<ServerModel[]> {
  const answer = record(await exchangeJson(exchange, "GET", "/v1/models", undefined, signal));
  const list = answer["data"];
  if (!Array.isArray(list)) throw failure(exchange, "gives no list of models (\"data\" of /v1/models is missing). Check that its address is where the API begins", { path: "/v1/models" });
  const models: ServerModel[] = [];
  for (const entry of list.slice(0, LONGEST_MODEL_LIST)) {
    const fields = record(entry);
    const id = fields["id"];
    if (typeof id !== "string" || id === "" || id.length > 300) continue;
    const meta = record(fields["meta"]);
    // vLLM says max_model_len, OpenRouter context_length; llama.cpp's meta names what the model was trained with, an upper bound only.
    models.push({ id, contextSize: contextOf(fields["max_model_len"]) ?? contextOf(fields["context_length"]) ?? contextOf(fields["context_window"]) ?? contextOf(meta["n_ctx"]) ?? contextOf(meta["n_ctx_train"]) });
  }
  return models;
}

/** llama.cpp's own word on the context of one conversation; null where the server is another one. */
export async function llamaCppContext(exchange: Exchange, signal?: AbortSignal): Promise<number | null> {
  const props = record(await optional(exchangeJson(exchange, "GET", "/props", undefined, signal)));
  return contextOf(record(props["default_generation_settings"])["n_ctx"]) ?? contextOf(props["n_ctx"]);
}

/** Ollama's word on the context of a model that is loaded, else on what it was trained with; null where the server is another one. */
export async function ollamaContext(exchange: Exchange, model: string, signal?: AbortSignal): Promise<number | null> {
  const running = record(await optional(exchangeJson(exchange, "GET", "/api/ps", undefined, signal)))["models"];
  for (const entry of Array.isArray(running) ? running : []) {
    const fields = record(entry);
    if (fields["name"] === model || fields["model"] === model) return contextOf(fields["context_length"]);
  }
  return null;
}

/** The reply, piece by piece. Errors: those of exchangeEvents; `contextOverflow`; `endpointFailed` for events that are none of a chat. */
export async function* chat(exchange: Exchange, request: ChatRequest, signal?: AbortSignal): AsyncGenerator<Piece, void, undefined> {
  const events = exchangeEvents(exchange, "/v1/chat/completions", {
    model: request.model, messages: request.messages.map(({ role, text }) => ({ role, content: text })), max_tokens: request.maxTokens, temperature: request.temperature,
    ...request.seed === undefined ? {} : { seed: request.seed }, stream: true, stream_options: { include_usage: true },
  }, signal);
  yield* pieces(exchange, events, (fields) => choicePiece(fields, (choice) => record(choice["delta"])["content"]));
}

/** The middle between `prefix` and `suffix`, piece by piece, with the probabilities of its tokens. Errors: as {@link chat}. */
export async function* middle(exchange: Exchange, route: InfillRoute, request: MiddleRequest, signal?: AbortSignal): AsyncGenerator<Piece, void, undefined> {
  if (route === "llamaCpp") {
    const events = exchangeEvents(exchange, "/infill", {
      model: request.model, input_prefix: request.prefix, input_suffix: request.suffix, input_extra: request.context.map(({ path, text }) => ({ filename: path, text })),
      n_predict: request.maxTokens, temperature: 0, n_probs: 1, stream: true, cache_prompt: true,
      ...request.deadlineMs === undefined ? {} : { t_max_predict_ms: Math.max(1, Math.round(request.deadlineMs)) },
    }, signal);
    yield* pieces(exchange, events, llamaCppPiece);
    return;
  }
  // This route takes no other files: they go before the prefix, as text.
  const before = request.context.map(({ path, text }) => `// ${path}\n${text.endsWith("\n") ? text : `${text}\n`}`).join("");
  const events = exchangeEvents(exchange, "/v1/completions", {
    model: request.model, prompt: before + request.prefix, suffix: request.suffix, max_tokens: request.maxTokens, temperature: 0, logprobs: 1, stream: true,
  }, signal);
  yield* pieces(exchange, events, (fields) => choicePiece(fields, (choice) => choice["text"]));
}

/** Reads events as pieces; ends with "[DONE]" or after the piece that ends the text. A stream that ends before is cut. */
async function* pieces(exchange: Exchange, events: AsyncGenerator<string, void, undefined>, read: (fields: Record<string, unknown>) => Piece | null): AsyncGenerator<Piece, void, undefined> {
  let ended = false;
  for await (const event of events) {
    if (event === "[DONE]") return;
    let value: unknown;
    try {
      value = JSON.parse(event);
    } catch (error) {
      throw failure(exchange, `writes events that are no JSON: "${event.slice(0, 60)}"`, {}, error);
    }
    const fields = record(value);
    if (fields["error"] !== undefined && fields["error"] !== null) {
      const error = record(fields["error"]);
      const message = typeof error["message"] === "string" ? error["message"] : typeof fields["error"] === "string" ? fields["error"] : "";
      if (isTooLong(400, { message, code: typeof error["type"] === "string" ? error["type"] : "" })) throw contextOverflow(exchange, message, 400);
      throw failure(exchange, `failed while it wrote${message === "" ? "" : `: "${message.slice(0, 300)}"`}`, {});
    }
    const piece = read(fields);
    if (piece === null) throw failure(exchange, "writes events that are none of a model", {});
    ended ||= piece.end !== null;
    yield piece;
  }
  if (!ended) throw failure(exchange, "was cut off while it wrote", {});
}

function choicePiece(fields: Record<string, unknown>, textOf: (choice: Record<string, unknown>) => unknown): Piece | null {
  const choices = fields["choices"];
  if (!Array.isArray(choices)) return null;
  const usage = usageOf(fields["usage"]);
  // The last event of a stream may bring the usage alone.
  if (choices.length === 0) return { text: "", logProbs: [], end: null, usage };
  const choice = record(choices[0]);
  const text = textOf(choice);
  const logProbs = record(choice["logprobs"])["token_logprobs"];
  const reason = choice["finish_reason"];
  return {
    text: typeof text === "string" ? text : "",
    logProbs: Array.isArray(logProbs) ? logProbs.filter((value): value is number => typeof value === "number") : [],
    end: typeof reason !== "string" ? null : reason === "length" ? "length" : "stop", usage,
  };
}

function llamaCppPiece(fields: Record<string, unknown>): Piece | null {
  const { content } = fields;
  if (typeof content !== "string") return null;
  const told = fields["completion_probabilities"];
  const logProbs = (Array.isArray(told) ? told : []).flatMap((entry) => {
    const token = record(entry);
    if (typeof token["logprob"] === "number") return [token["logprob"]];
    // Servers before the end of 2024 tell probabilities.
    const first = record(Array.isArray(token["probs"]) ? token["probs"][0] : undefined)["prob"];
    return typeof first === "number" && first > 0 ? [Math.log(first)] : [];
  });
  const isLast = fields["stop"] === true;
  const byLength = fields["stop_type"] === "limit" || fields["stopped_limit"] === true;
  const usage = isLast ? { prompt: count(fields["tokens_evaluated"]), cached: count(fields["tokens_cached"]), generated: count(fields["tokens_predicted"]) } : null;
  return { text: content, logProbs, end: isLast ? (byLength ? "length" : "stop") : null, usage };
}

function usageOf(value: unknown): Piece["usage"] {
  if (typeof value !== "object" || value === null) return null;
  const fields = record(value);
  return { prompt: count(fields["prompt_tokens"]), cached: count(record(fields["prompt_tokens_details"])["cached_tokens"]), generated: count(fields["completion_tokens"]) };
}

function count(value: unknown): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

function contextOf(value: unknown): number | null {
  const size = count(value);
  return size !== null && size >= LEAST_CONTEXT && size <= MOST_CONTEXT ? size : null;
}

/** Null where the server does not know the route; other failures pass. */
export async function optional<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof EngineError && error.reason === "endpointFailed" && (typeof error.details["status"] === "number" || error.details["path"] !== undefined)) return null;
    throw error;
  }
}
