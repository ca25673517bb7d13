// A model on a server, as the engine uses models: it counts tokens, answers conversations and writes the middle between two texts, within the
// bounds that were asked for, whatever the server does. Everything is redacted here once more before it is sent. It decides neither whether sending is
// allowed (the exchange is handed in for each request, or refused) nor what is asked.
import { EngineError, isCancelled } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Lease } from "../base/scheduler.ts";
import type { ModelStatus, TokenCounts } from "../protocol/types.ts";
import type { Endpoint } from "./endpointStore.ts";
import type { Exchange } from "./exchange.ts";
import { chat, middle } from "./modelServer.ts";
import type { Piece } from "./modelServer.ts";

export interface RemoteModelOptions {
  endpoint: Endpoint;
  host: string;
  leavesMachine: boolean;
  /** Says how to reach the server now. Errors: whatever forbids it. */
  exchange(): Promise<Exchange>;
  /** Takes secrets out of a text. */
  redact: (text: string) => string;
  /** The most tokens of context to use, whatever the server has. */
  mostContext(): number;
  /** The server takes less than it was thought to. */
  onContextSize(tokens: number): void;
  onChange(): void;
  log: Log;
}

interface RemoteChatRequest {
  messages: readonly { role: "system" | "user" | "assistant"; text: string }[];
  maxTokens: number;
  temperature?: number;
  seed?: number;
  signal?: AbortSignal;
  lease: Lease;
  onText(text: string): void;
}

interface RemoteChatResult {
  text: string;
  tokens: TokenCounts;
  firstTokenMs: number;
  stopReason: "end" | "length" | "cancelled";
}

interface RemoteInfillRequest {
  prefix: string;
  suffix: string;
  path: string;
  context: { path: string; text: string }[];
  maxTokens: number;
  signal?: AbortSignal;
  lease: Lease;
  deadlineMs?: number;
  keepGoing(textSoFar: string): boolean;
}

interface RemoteInfillResult {
  text: string;
  tokenLogProbs: number[];
  endLogProb: number | null;
  tokens: TokenCounts;
  firstTokenMs: number;
  ended: "endOfMiddle" | "stopped" | "length" | "deadline" | "cancelled";
}

/** Tokens per byte of UTF-8 before the server has told any: more than source code has with the vocabularies in use (0.25 to 0.33). Our choice. */
const FIRST_RATIO = 0.36;
/** Added to what was measured, so that a prompt is not too long by what differs from text to text. */
const RATIO_MARGIN = 1.08;
/** More bytes per token than this has no text of people or programs: the server has cut the prompt. */
const MOST_BYTES_PER_TOKEN = 8;
const LEAST_BYTES_TO_JUDGE = 4_000;
const LEAST_CONTEXT = 512;
/** No token is of more characters on average; beyond it a server does not stop where it was told to. */
const MOST_CHARACTERS_PER_TOKEN = 32;
/** While a server computes, the machine is offered to more urgent work this often (ms). */
const OFFER_EVERY_MS = 20;
const MOST_PREFIX_CHARACTERS = 8_000;
const MOST_SUFFIX_CHARACTERS = 2_000;
const MOST_CONTEXT_CHARACTERS = 4_000;
const LEAST_TOKENS_FOR_SPEED = 6;

export class RemoteModel {
  readonly #options: RemoteModelOptions;
  #ratio = FIRST_RATIO;
  #contextSize: number;
  #tokensPerSecond: number | null = null;
  #note = "";

  constructor(options: RemoteModelOptions) {
    this.#options = options;
    this.#contextSize = options.endpoint.contextSize;
  }

  status(): ModelStatus {
    const { endpoint, host, leavesMachine } = this.#options;
    const where = leavesMachine ? `Your questions and the passages found for them are sent to ${host}.` : "It is a server on this machine.";
    return {
      state: "ready", id: `endpoint:${endpoint.name}`, name: endpoint.name, device: null,
      explanation: `${endpoint.name} (${endpoint.model}) at ${host} writes. ${where}${this.#note}`,
      contextSize: Math.min(this.#contextSize, this.#options.mostContext()), tokensPerSecond: this.#tokensPerSecond,
      capabilities: { infill: endpoint.infill !== null, answer: true, embed: false }, adapter: null, remote: { host, leavesMachine },
    };
  }

  /** An estimate from what the server has counted so far, on the safe side: asking it for every part of a prompt would take a round trip each. */
  countTokens(text: string): number {
    return Math.ceil(Buffer.byteLength(text) * this.#ratio);
  }

  /** Never throws for cancelling (`stopReason` says so). Errors: `endpointFailed`, `contextOverflow` (the status then names the smaller context), `offline`. */
  async generate(request: RemoteChatRequest): Promise<RemoteChatResult> {
    const { endpoint, redact } = this.#options;
    const { maxTokens, signal, lease } = request;
    const begun = performance.now();
    const messages = request.messages.map(({ role, text }) => ({ role, text: redact(text) }));
    const sent = messages.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
    let text = "";
    let nPieces = 0;
    let firstTokenMs = 0;
    let usage: Piece["usage"] = null;
    const result = (stopReason: RemoteChatResult["stopReason"]): RemoteChatResult => {
      const tokens = { prompt: usage?.prompt ?? Math.ceil(sent * this.#ratio), reused: usage?.cached ?? 0, generated: usage?.generated ?? nPieces };
      this.#learnSpeed(tokens.generated, performance.now() - begun - firstTokenMs);
      return { text, tokens, firstTokenMs, stopReason };
    };
    try {
      const exchange = await this.#options.exchange();
      const stream = chat(exchange, { model: endpoint.model, messages, maxTokens, temperature: request.temperature ?? 0, ...request.seed === undefined ? {} : { seed: request.seed } }, signal);
      let end: Piece["end"] = null;
      for await (const piece of offering(stream, lease)) {
        usage = piece.usage ?? usage;
        end = piece.end ?? end;
        if (piece.text === "") continue;
        if (firstTokenMs === 0) firstTokenMs = performance.now() - begun;
        nPieces++;
        text += piece.text;
        request.onText(piece.text);
        // A server that does not stop is stopped.
        if (nPieces > maxTokens || text.length > maxTokens * MOST_CHARACTERS_PER_TOKEN) return result("length");
      }
      this.#learnRatio(sent, usage?.prompt ?? null);
      return result(end === "length" ? "length" : "end");
    } catch (error) {
      if (isCancelled(error) && signal?.aborted === true) return result("cancelled");
      if (error instanceof EngineError && error.reason === "contextOverflow") this.#shrink(error.details["contextSize"]);
      throw error;
    }
  }

  /** Never throws for cancelling or a deadline (`ended` says so). Errors: as {@link generate}; `modelIncapable`. */
  async infill(request: RemoteInfillRequest): Promise<RemoteInfillResult> {
    const { endpoint, redact } = this.#options;
    const { signal, lease, deadlineMs } = request;
    if (endpoint.infill === null) throw new EngineError("modelIncapable", `${endpoint.name} does not complete code.`, { endpoint: endpoint.name });
    const begun = performance.now();
    const deadline = new AbortController();
    const timer = deadlineMs === undefined ? undefined : setTimeout(() => { deadline.abort(); }, deadlineMs);
    const merged = signal === undefined ? deadline.signal : AbortSignal.any([signal, deadline.signal]);
    const prefix = redact(request.prefix.slice(-MOST_PREFIX_CHARACTERS));
    const suffix = redact(request.suffix.slice(0, MOST_SUFFIX_CHARACTERS));
    const context = clipped(request.context).map(({ path, text }) => ({ path, text: redact(text) }));
    let text = "";
    let tokenLogProbs: number[] = [];
    let isTold = true;
    let firstTokenMs = 0;
    let usage: Piece["usage"] = null;
    const result = (ended: RemoteInfillResult["ended"]): RemoteInfillResult => {
      const generated = tokenLogProbs.length;
      // A text of which some probabilities are unknown cannot be judged.
      if (!isTold) tokenLogProbs = [];
      return { text, tokenLogProbs, endLogProb: null, tokens: { prompt: usage?.prompt ?? this.countTokens(prefix + suffix), reused: usage?.cached ?? 0, generated }, firstTokenMs, ended };
    };
    try {
      const exchange = await this.#options.exchange();
      let end: Piece["end"] = null;
      for await (const piece of offering(middle(exchange, endpoint.infill, { model: endpoint.model, prefix, suffix, context, maxTokens: request.maxTokens, ...deadlineMs === undefined ? {} : { deadlineMs } }, merged), lease)) {
        usage = piece.usage ?? usage;
        end = piece.end ?? end;
        if (piece.text === "") continue;
        if (firstTokenMs === 0) firstTokenMs = performance.now() - begun;
        text += piece.text;
        isTold &&= piece.logProbs.length > 0;
        // What comes together counts as one token: those who judge count one for every piece of text.
        tokenLogProbs.push(piece.logProbs.reduce((sum, value) => sum + value, 0));
        if (!request.keepGoing(text)) return result("stopped");
        if (tokenLogProbs.length >= request.maxTokens) return result("length");
      }
      return result(end === "length" ? "length" : "endOfMiddle");
    } catch (error) {
      if (signal?.aborted === true) return result("cancelled");
      if (deadline.signal.aborted) return result("deadline");
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** A server scores no text of others: what comes back says nothing, and is taken so. */
  scoreContinuation(): Promise<{ tokenLogProbs: number[]; tokens: TokenCounts }> {
    return Promise.resolve({ tokenLogProbs: [], tokens: { prompt: 0, reused: 0, generated: 0 } });
  }

  #learnRatio(bytes: number, tokens: number | null): void {
    if (tokens === null || tokens === 0 || bytes < LEAST_BYTES_TO_JUDGE) return;
    if (bytes / tokens > MOST_BYTES_PER_TOKEN) {
      // It answered, but of a prompt whose beginning it had dropped without a word.
      this.#shrink(tokens);
      return;
    }
    this.#ratio = 0.5 * this.#ratio + 0.5 * (tokens / bytes) * RATIO_MARGIN;
  }

  #shrink(stated: unknown): void {
    const before = this.status().contextSize;
    const size = Math.max(LEAST_CONTEXT, typeof stated === "number" && stated < before ? stated : Math.floor(before / 2));
    if (size >= before) return;
    this.#options.log.warn("An endpoint takes less than its context was thought to be", { endpoint: this.#options.endpoint.name, before, now: size });
    this.#contextSize = size;
    this.#note = ` It took less than it had said: its context counts as ${size} tokens.`;
    this.#options.onContextSize(size);
    this.#options.onChange();
  }

  #learnSpeed(generated: number, ms: number): void {
    if (generated < LEAST_TOKENS_FOR_SPEED || ms <= 0) return;
    const measured = (generated - 1) / ms * 1000;
    this.#tokensPerSecond = Math.round((this.#tokensPerSecond === null ? measured : 0.8 * this.#tokensPerSecond + 0.2 * measured) * 10) / 10;
  }
}

/** The pieces of `stream`; while the next one is waited for, the machine is offered to more urgent work. Leaving the loop ends the stream. */
async function* offering(stream: AsyncGenerator<Piece, void, undefined>, lease: Lease): AsyncGenerator<Piece, void, undefined> {
  try {
    for (;;) {
      const next = stream.next();
      // It is awaited below; should an offer fail first, its own failure is told there.
      next.catch(() => undefined);
      let timer: NodeJS.Timeout | undefined;
      for (;;) {
        const isHere = await Promise.race([next.then(() => true, () => true), new Promise<false>((resolve) => { timer = setTimeout(resolve, OFFER_EVERY_MS, false); })]);
        clearTimeout(timer);
        if (isHere) break;
        await lease.yield();
      }
      const { value, done } = await next;
      if (done === true) return;
      yield value;
    }
  } finally {
    // Not awaited: a server that hangs must not keep anybody; the signal or the exchange's own limits end it.
    stream.return().catch(() => undefined);
  }
}

/** The most useful pieces of other files (the last), as many as fit. */
function clipped(context: readonly { path: string; text: string }[]): { path: string; text: string }[] {
  const kept: { path: string; text: string }[] = [];
  let left = MOST_CONTEXT_CHARACTERS;
  for (const piece of context.toReversed()) {
    if (piece.text.length > left) continue;
    kept.unshift({ ...piece });
    left -= piece.text.length;
  }
  return kept;
}
