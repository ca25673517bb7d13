// One request to an endpoint and what comes back: JSON within bounds, or a stream of events. Here what a server says and does wrong becomes
// a sentence. It knows neither models nor collections, and keeps no key longer than a request.
import type { IncomingMessage } from "node:http";
import { networkFailure, openConnection } from "../base/connection.ts";
import { CancelledError, EngineError, throwIfCancelled } from "../base/errors.ts";
import { EventStream } from "./eventStream.ts";

export interface ExchangeTimes {
  /** Without any byte for this long, the request is given up. */
  stallMs: number;
  /** A whole answer, streamed or not, takes no longer. */
  totalMs: number;
}

/** Who is spoken to, and how. */
export interface Exchange {
  /** As people know it: the endpoint's name. */
  name: string;
  base: string;
  host: string;
  /** Sent as a bearer token; "" for none. */
  key: string;
  /** What to do about a refused key, as the end of a sentence. */
  keyRemedy: string;
  times: ExchangeTimes;
  headers?: Readonly<Record<string, string>>;
}

/** Largest answer that is read whole. Lists of a thousand models are of some hundred kilobytes. */
const LARGEST_ANSWER_BYTES = 8 << 20;
/** Of an answer that only explains a failure. */
const LARGEST_FAILURE_BYTES = 64 << 10;
/** Largest stream. An answer of 8,192 tokens is of some four megabytes of events. */
const LARGEST_STREAM_BYTES = 64 << 20;
/** A server that is overloaded is asked again after at most this time, once. */
const LONGEST_PATIENCE_MS = 5_000;
const RETRY_PAUSE_MS = 300;
/** Failures of connections that were never made. */
const NOTHING_SENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);

/**
 * Sends JSON (or nothing) and reads JSON. A GET that was cut, or that an overloaded server refused, is tried once more; anything else never, for it may
 * have been done. Errors: `endpointFailed` with `details.status`, `contextOverflow`, `offline`, CancelledError.
 */
export async function exchangeJson(exchange: Exchange, method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: unknown, signal?: AbortSignal): Promise<unknown> {
  return limited(exchange, signal, async (bounded) => {
    const response = await request(exchange, method, path, "application/json", body, bounded);
    const type = contentType(response);
    const text = await readText(exchange, response, LARGEST_ANSWER_BYTES, bounded);
    if (text.trim() === "") return null;
    try {
      return JSON.parse(text) as unknown;
    } catch (error) {
      throw failure(exchange, `answers ${type === "application/json" ? "with JSON that cannot be read" : `with ${type || "something unnamed"} where JSON was expected`}. Check that its address is where the API begins`, { path }, error);
    }
  });
}

/**
 * Sends JSON and gives the data of each event as it comes; ends with the stream. Leaving the loop early closes the connection.
 * Errors: as {@link exchangeJson}; a failure after the first event is never tried again.
 */
export async function* exchangeEvents(exchange: Exchange, path: string, body: unknown, signal?: AbortSignal): AsyncGenerator<string, void, undefined> {
  const bound = new AbortController();
  const timer = setTimeout(() => { bound.abort(); }, exchange.times.totalMs);
  const bounded = signal === undefined ? bound.signal : AbortSignal.any([signal, bound.signal]);
  let response: IncomingMessage | undefined;
  try {
    response = await request(exchange, "POST", path, "text/event-stream", body, bounded);
    const type = contentType(response);
    if (type !== "text/event-stream") throw failure(exchange, `answers with ${type || "something unnamed"} where a stream of events was expected. It may be no model server, or one that cannot stream`, { path });
    const stream = new EventStream((finding, cause) => failure(exchange, finding, { path }, cause));
    let bytes = 0;
    for await (const piece of response as AsyncIterable<Buffer>) {
      bytes += piece.byteLength;
      if (bytes > LARGEST_STREAM_BYTES) throw failure(exchange, `sends without end; the connection was closed after ${LARGEST_STREAM_BYTES >> 20} MB`, { path });
      for (const event of stream.push(piece)) yield event;
    }
    stream.end();
    if (!response.complete || stream.hasRest) throw failure(exchange, "was cut off while it wrote", { path });
  } catch (error) {
    throw understood(exchange, error, signal, bound.signal);
  } finally {
    clearTimeout(timer);
    // Whoever stops reading closes the connection, so that the server stops computing.
    response?.destroy();
  }
}

async function request(exchange: Exchange, method: string, path: string, accept: string, body: unknown, signal: AbortSignal): Promise<IncomingMessage> {
  const url = new URL(`${exchange.base}${path}`);
  for (let attempt = 1; ; attempt++) {
    let response: IncomingMessage;
    try {
      response = await openConnection({
        url, method, signal, stallMs: exchange.times.stallMs,
        headers: { accept, "accept-encoding": "identity", ...exchange.headers, ...exchange.key === "" ? {} : { authorization: `Bearer ${exchange.key}` }, ...body === undefined ? {} : { "content-type": "application/json" } },
        ...body === undefined ? {} : { body: JSON.stringify(body) },
      });
    } catch (error) {
      // What was cut may have been done by the other side: only what changes nothing there is asked for again.
      const wasCut = error instanceof EngineError && (error.details["code"] === "ECONNRESET" || error.details["code"] === "EPIPE");
      if (method !== "GET" || !wasCut || attempt > 1) throw error;
      await pause(RETRY_PAUSE_MS, signal);
      continue;
    }
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    const patience = retryAfterMs(response, status);
    if (attempt === 1 && patience !== null) {
      // Refused before anything was begun, and told so: asking again is safe for every method.
      response.destroy();
      await pause(patience, signal);
      continue;
    }
    throw await refusal(exchange, response, status, path, signal);
  }
}

/** What to wait before asking an overloaded server once more; null where that is not worth it. */
function retryAfterMs(response: IncomingMessage, status: number): number | null {
  if (status !== 429 && status !== 503) return null;
  const header = response.headers["retry-after"];
  if (header === undefined) return status === 503 ? RETRY_PAUSE_MS : null;
  const ms = Number(header) * 1000;
  return Number.isFinite(ms) && ms >= 0 && ms <= LONGEST_PATIENCE_MS ? ms : null;
}

async function refusal(exchange: Exchange, response: IncomingMessage, status: number, path: string, signal: AbortSignal): Promise<EngineError> {
  if (status >= 300 && status < 400) {
    const target = URL.parse(response.headers.location ?? "", exchange.base + path);
    response.destroy();
    return failure(exchange, `redirects to ${target?.host ?? "another address"}, which is not followed: what is sent goes to the host that you agreed to and to no other. If you trust it, add that address`, { status, path });
  }
  const said = await readText(exchange, response, LARGEST_FAILURE_BYTES, signal).then(messageOf, () => ({ message: "", code: "" }));
  if (isTooLong(status, said)) return contextOverflow(exchange, said.message, status);
  const quoted = said.message === "" ? "" : `: ${quote(said.message, exchange.key)}`;
  const details = { status, path, ...said.code === "" ? {} : { code: said.code } };
  switch (status) {
    case 401:
    case 403:
      return failure(exchange, `${exchange.key === "" ? "wants a key" : "does not accept the key"} (status ${status}${quoted}). ${exchange.keyRemedy}`, details);
    case 404:
      return failure(exchange, `knows no ${path} or not that model (status 404${quoted}). Check the address and the model`, details);
    case 429:
      return failure(exchange, `takes no more requests at the moment (status 429${quoted}). Wait a little, or see what your plan with it allows`, details);
    case 501:
      return failure(exchange, `cannot do that (status 501${quoted})`, details);
    default:
      return failure(exchange, status >= 500 ? `failed (status ${status}${quoted}). See its own log` : `refuses the request (status ${status}${quoted})`, details);
  }
}

/** The sentence in what a server says of a failure: OpenAI's `error.message`, FastAPI's `detail`, Chroma's `message`, else the text itself. */
function messageOf(text: string): { message: string; code: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { message: text.startsWith("<") ? "" : text, code: "" };
  }
  const fields = record(value);
  const error = record(fields["error"]);
  const message = [error["message"], fields["message"], fields["detail"], fields["error"]].find((candidate) => typeof candidate === "string");
  return { message: typeof message === "string" ? message : "", code: [error["type"], error["code"]].filter((part) => typeof part === "string").join(" ") };
}

/** Whether a server says of a request that it is longer than its context: llama.cpp and vLLM name it in the type or the text. */
export function isTooLong(status: number, { message, code }: { message: string; code: string }): boolean {
  return (status === 400 || status === 413 || status === 500) && /context[ _]?(?:length|size|window)|exceed_context|maximum.{0,20}tokens|too many tokens|prompt is too long|input is too long/i.test(`${code} ${message}`);
}

/** The error for a request that was too long; `details.contextSize` where the server named it. */
export function contextOverflow(exchange: Pick<Exchange, "name" | "host">, message: string, status: number): EngineError {
  const size = /(?:context (?:length|size|window)(?: is|:| of)?|n_ctx\D{0,4})\s*\(?(\d{3,7})|\((\d{3,7}) tokens\)[^(]*$/i.exec(message);
  const contextSize = Number(size?.[1] ?? size?.[2] ?? 0);
  return new EngineError("contextOverflow", `${exchange.name} at ${exchange.host} says that the request is longer than its context${contextSize > 0 ? ` of ${contextSize} tokens` : ""}. Ask again with less attached, or start the server with a larger context.`, { status, ...contextSize > 0 ? { contextSize } : {} });
}

async function readText(exchange: Exchange, response: IncomingMessage, most: number, signal: AbortSignal): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    throwIfCancelled(signal);
    bytes += piece.byteLength;
    if (bytes > most) {
      response.destroy();
      throw failure(exchange, `answers with more than ${most >> 10} KiB, which is not read`, {});
    }
    pieces.push(piece);
  }
  if (!response.complete) throw failure(exchange, "was cut off while it answered", {});
  return Buffer.concat(pieces).toString("utf8");
}

async function limited<T>(exchange: Exchange, signal: AbortSignal | undefined, work: (bounded: AbortSignal) => Promise<T>): Promise<T> {
  const bound = new AbortController();
  const timer = setTimeout(() => { bound.abort(); }, exchange.times.totalMs);
  try {
    return await work(signal === undefined ? bound.signal : AbortSignal.any([signal, bound.signal]));
  } catch (error) {
    throw understood(exchange, error, signal, bound.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** Whatever went wrong, as the engine's kinds of failure. */
function understood(exchange: Exchange, error: unknown, asked: AbortSignal | undefined, bound: AbortSignal): unknown {
  if (asked?.aborted === true) return new CancelledError();
  if (bound.aborted) return failure(exchange, `was not done after ${Math.round(exchange.times.totalMs / 1000)} seconds; the connection was closed`, { timeout: true });
  if (error instanceof EngineError) {
    if (error.reason !== "networkFailed") return error;
    const { finding, code, proxy } = error.details;
    if (code === "STALLED") return failure(exchange, `does not answer: ${String(finding)}. It may be loading a model or be stuck; see its own log, or raise "kalactica.endpoint.timeoutSeconds"`, { timeout: true }, error);
    const sent = proxy === undefined && !NOTHING_SENT.has(String(code));
    return failure(exchange, proxy === undefined ? `cannot be reached: ${String(finding)}. Check that it runs and that the address is right` : `cannot be reached: ${String(finding)}`, { code, sent }, error);
  }
  const { finding, code } = networkFailure(new URL(exchange.base), error).details;
  return failure(exchange, code === "STALLED" ? `fell silent while it answered: ${String(finding)}` : `was cut off while it answered: ${String(finding)}`, { code }, error);
}

/** `finding` goes on after the endpoint's name and host. */
export function failure(exchange: Pick<Exchange, "name" | "host">, finding: string, details: Record<string, unknown>, cause?: unknown): EngineError {
  return new EngineError("endpointFailed", `${exchange.name} at ${exchange.host} ${/[.!?)"]$/.test(finding) && !finding.endsWith(")") ? finding : `${finding}.`}`, { host: exchange.host, ...details }, cause);
}

export function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** What the server said, in one line, never with the key in it. */
function quote(message: string, key: string): string {
  const line = message.replace(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim().slice(0, 300);
  return `"${key === "" ? line : line.replaceAll(key, "<key>")}"`;
}

function contentType(response: IncomingMessage): string {
  return (response.headers["content-type"] ?? "").split(";", 1)[0]!.trim().toLowerCase();
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    };
    const onAbort = (): void => {
      done();
      reject(new CancelledError());
    };
    const timer = setTimeout(() => {
      done();
      resolve();
    }, ms);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}
