// A server on loopback whose every answer a test writes: polite model servers and hostile ones.
import http from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Asked {
  method: string;
  path: string;
  headers: http.IncomingHttpHeaders;
  body: string;
}

export type Answer = (response: ServerResponse, asked: Asked, request: IncomingMessage) => void | Promise<void>;

export class LoopbackServer {
  readonly asked: Asked[] = [];
  /** Connections whose other side went away before the answer was complete. */
  closedEarly = 0;
  answer: Answer;
  readonly #server: http.Server;

  constructor(answer: Answer) {
    this.answer = answer;
    this.#server = http.createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("close", () => { if (!response.writableFinished) this.closedEarly++; });
      request.on("end", () => {
        const asked = { method: request.method ?? "", path: request.url ?? "", headers: request.headers, body: Buffer.concat(pieces).toString("utf8") };
        this.asked.push(asked);
        void this.answer(response, asked, request);
      });
    });
  }

  /** Its address, "http://127.0.0.1:PORT". */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get server(): http.Server {
    return this.#server;
  }

  /** What was asked for at `path`, parsed. */
  bodies(path: string): Record<string, unknown>[] {
    return this.asked.filter((asked) => asked.path === path && asked.body !== "").map((asked) => JSON.parse(asked.body) as Record<string, unknown>);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

export function events(response: ServerResponse, ...data: (string | object)[]): void {
  if (!response.headersSent) response.writeHead(200, { "content-type": "text/event-stream" });
  for (const entry of data) response.write(`data: ${typeof entry === "string" ? entry : JSON.stringify(entry)}\n\n`);
}

export function delta(content: string, finish: string | null = null): object {
  return { object: "chat.completion.chunk", choices: [{ index: 0, delta: { content }, finish_reason: finish }] };
}

/** A polite server of one model that says `text` word by word; tokens are words, and `contextSize` is kept to. */
export function politeServer({ text = "It is in a.ts [1].", model = "tiny", contextSize = 4096, says = contextSize, truncates = false }: { text?: string; model?: string; contextSize?: number; says?: number; truncates?: boolean } = {}): Answer {
  return (response, asked) => {
    if (asked.path === "/v1/models") {
      json(response, { object: "list", data: [{ id: model, object: "model", max_model_len: says }] });
      return;
    }
    if (asked.path !== "/v1/chat/completions") {
      json(response, { error: { message: "File Not Found", type: "not_found_error", code: 404 } }, 404);
      return;
    }
    const { messages, max_tokens: most } = JSON.parse(asked.body) as { messages: { content: string }[]; max_tokens: number };
    const given = messages.map(({ content }) => content).join(" ").split(/\s+/).length;
    if (given + most > contextSize && !truncates) {
      json(response, { error: { message: `This model's maximum context length is ${contextSize} tokens. However, you requested ${given + most} tokens.`, type: "BadRequestError", code: 400 } }, 400);
      return;
    }
    const words = text.split(/(?<= )/).slice(0, most);
    events(response, ...words.map((word) => delta(word)), delta("", words.length < text.split(" ").length ? "length" : "stop"), { choices: [], usage: { prompt_tokens: Math.min(given, contextSize), completion_tokens: words.length } }, "[DONE]");
    response.end();
  };
}
