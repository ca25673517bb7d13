// Finds out what a model server can do before it is used: that it chats, how long a conversation it truly takes, and whether it writes the middle
// between two texts and says how sure it is. It sends nothing of the user's: only made-up words.
import { EngineError, isCancelled } from "../base/errors.ts";
import type { Exchange } from "./exchange.ts";
import { exchangeJson, record } from "./exchange.ts";
import { chat, listServerModels, llamaCppContext, middle, ollamaContext, optional } from "./modelServer.ts";
import type { InfillRoute, Piece, ServerModel } from "./modelServer.ts";

export interface ServerFindings {
  contextSize: number;
  contextFrom: "server" | "probe" | "assumed";
  infill: InfillRoute | null;
}

/** Longer conversations than this are not used by default, so what lies beyond is the server's word. */
const PROBED_TOKENS = 8192;
/** Where neither the server nor a probe tells. */
const ASSUMED_CONTEXT = 4096;
const LEAST_CONTEXT = 512;
/** Of the tokens that a context is said to have, a probe fills this part: templates take some. */
const FILLED = 0.85;
/** A probe's words come back as at least this many tokens each, or part of them was cut off. */
const LEAST_TOKENS_PER_WORD = 0.8;
const PROBE_MS = 30_000;
const PROBE_WORDS = ["one", "two", "six", "ten", "red", "sun", "sea", "day"];
const MIDDLE_PREFIX = "def add(a, b):\n    return ";
const MIDDLE_SUFFIX = "\n\nprint(add(1, 2))\n";

/** The server's models; none where it has no list. Errors: those of a server that wants a key, or is none. */
export async function listedModels(exchange: Exchange, signal?: AbortSignal): Promise<ServerModel[]> {
  try {
    return await listServerModels(exchange, signal);
  } catch (error) {
    const status = error instanceof EngineError ? error.details["status"] : undefined;
    if (typeof status === "number" && status !== 401 && status !== 403) return [];
    throw error;
  }
}

/**
 * The model named `wanted`, or the server's only one. One that the server does not list is taken as named: `transformers serve` lists none that lies in a
 * folder, and serves it. Errors: `endpointFailed` where there is none, `badRequest` where there are several and none was named; those of exchangeJson.
 */
export async function findModel(exchange: Exchange, wanted: string | undefined, signal?: AbortSignal): Promise<ServerModel> {
  const models = wanted === undefined ? await listServerModels(exchange, signal) : await listedModels(exchange, signal);
  if (wanted !== undefined) return models.find(({ id }) => id === wanted) ?? { id: wanted, contextSize: null };
  const [only, ...more] = models;
  if (only === undefined) throw new EngineError("endpointFailed", `${exchange.name} at ${exchange.host} lists no model. Load one there first (for Ollama: \`ollama pull\`), or name the one that it serves.`, { host: exchange.host });
  if (more.length > 0) throw new EngineError("badRequest", `${exchange.host} has ${models.length} models; name one of them: ${models.slice(0, 20).map(({ id }) => id).join(", ")}${models.length > 20 ? ", …" : ""}.`, { host: exchange.host });
  return only;
}

/** Asks the server about `model` and tries it. Errors: those of a chat that does not work. */
export async function examineModel(exchange: Exchange, model: ServerModel, signal?: AbortSignal): Promise<ServerFindings> {
  await reply(exchange, model.id, "Say ok.", signal);
  const llamaCpp = await llamaCppContext(exchange, signal);
  const stated = llamaCpp ?? await ollamaContext(exchange, model.id, signal) ?? model.contextSize;
  const context = await probeContext(exchange, model.id, stated, signal);
  return { ...context, infill: await infillRoute(exchange, model.id, llamaCpp !== null, signal) };
}

/** The context that the server keeps to: its own word, unless a prompt of that length is refused or silently cut. */
async function probeContext(exchange: Exchange, model: string, stated: number | null, signal?: AbortSignal): Promise<Pick<ServerFindings, "contextSize" | "contextFrom">> {
  let size = Math.min(stated ?? PROBED_TOKENS, PROBED_TOKENS);
  const quick: Exchange = { ...exchange, times: { stallMs: Math.min(exchange.times.stallMs, PROBE_MS), totalMs: PROBE_MS } };
  while (size >= LEAST_CONTEXT) {
    const nWords = Math.floor(size * FILLED);
    try {
      const usage = await reply(quick, model, words(nWords), signal);
      if (usage !== null && usage < nWords * LEAST_TOKENS_PER_WORD) return { contextSize: Math.max(LEAST_CONTEXT, usage), contextFrom: "probe" };
      if (stated !== null && size === Math.min(stated, PROBED_TOKENS)) return { contextSize: stated, contextFrom: "server" };
      return { contextSize: size, contextFrom: "probe" };
    } catch (error) {
      if (isCancelled(error) || !(error instanceof EngineError)) throw error;
      // Too slow to try, or failing for another reason: its word stands until it refuses something.
      if (error.reason !== "contextOverflow") break;
      const named = error.details["contextSize"];
      size = typeof named === "number" && named < size ? named : Math.floor(size / 2);
      if (typeof named === "number" && size === named) return { contextSize: Math.max(LEAST_CONTEXT, named), contextFrom: "probe" };
    }
  }
  return stated === null ? { contextSize: ASSUMED_CONTEXT, contextFrom: "assumed" } : { contextSize: stated, contextFrom: "server" };
}

/** Sends one message, asks for one token, and gives the tokens of the prompt where the server tells them. */
async function reply(exchange: Exchange, model: string, text: string, signal?: AbortSignal): Promise<number | null> {
  let usage: Piece["usage"] = null;
  for await (const piece of chat(exchange, { model, messages: [{ role: "user", text }], maxTokens: 1, temperature: 0 }, signal)) usage = piece.usage ?? usage;
  return usage?.prompt ?? null;
}

/** A route counts only where it tells probabilities: without them nobody can say when a completion is better not shown. */
async function infillRoute(exchange: Exchange, model: string, isLlamaCpp: boolean, signal?: AbortSignal): Promise<InfillRoute | null> {
  const quick: Exchange = { ...exchange, times: { stallMs: PROBE_MS, totalMs: PROBE_MS } };
  try {
    if (isLlamaCpp) {
      for await (const piece of middle(quick, "llamaCpp", { model, prefix: MIDDLE_PREFIX, suffix: MIDDLE_SUFFIX, context: [], maxTokens: 4 }, signal)) if (piece.logProbs.length > 0) return "llamaCpp";
      return null;
    }
    // A server may take `suffix` and ignore it: its tokens then are not among those of the prompt.
    const [short, long] = [await completion(quick, model, "\n", signal), await completion(quick, model, `\n${words(60)}\n`, signal)];
    return short !== null && long !== null && long.prompt - short.prompt >= 30 && long.tellsProbabilities ? "completions" : null;
  } catch (error) {
    if (isCancelled(error)) throw error;
    return null;
  }
}

async function completion(exchange: Exchange, model: string, suffix: string, signal?: AbortSignal): Promise<{ prompt: number; tellsProbabilities: boolean } | null> {
  const answer = record(await optional(exchangeJson(exchange, "POST", "/v1/completions", { model, prompt: MIDDLE_PREFIX, suffix, max_tokens: 4, temperature: 0, logprobs: 1 }, signal)));
  const prompt = record(answer["usage"])["prompt_tokens"];
  const choice = record(Array.isArray(answer["choices"]) ? answer["choices"][0] : undefined);
  const logProbs = record(choice["logprobs"])["token_logprobs"];
  return typeof prompt === "number" ? { prompt, tellsProbabilities: Array.isArray(logProbs) && logProbs.length > 0 } : null;
}

function words(n: number): string {
  return Array.from({ length: n }, (_, i) => PROBE_WORDS[i % PROBE_WORDS.length]).join(" ");
}
