import assert from "node:assert/strict";
import { SILENT_LOG } from "../../../src/engine/base/log.ts";
import { EngineError } from "../../../src/engine/base/errors.ts";
import type { Exchange } from "../../../src/engine/endpoints/exchange.ts";
import { listServerModels } from "../../../src/engine/endpoints/modelServer.ts";
import { RemoteModel } from "../../../src/engine/endpoints/remoteModel.ts";
import { parseEndpointAddress } from "../../../src/engine/endpoints/address.ts";
import { delta, events, json, LoopbackServer, politeServer } from "../../support/loopbackServer.ts";
import type { Answer } from "../../support/loopbackServer.ts";

const lease = { yield: () => Promise.resolve() };

describe("endpoints: hostile servers", () => {
  let server: LoopbackServer;
  let base = "";
  let sizes: number[] = [];

  beforeEach(async () => {
    server = new LoopbackServer(politeServer());
    base = await server.listen();
    sizes = [];
  });
  afterEach(() => server.close());

  const exchange = (times = { stallMs: 120, totalMs: 1_000 }, key = ""): Exchange => ({ name: "lab", base, host: parseEndpointAddress(base).host, key, keyRemedy: "Give its key.", times });
  const model = (options: { stallMs?: number; totalMs?: number; key?: string; contextSize?: number } = {}): RemoteModel => new RemoteModel({
    endpoint: { name: "lab", base, model: "tiny", contextSize: options.contextSize ?? 4096, contextFrom: "server", infill: "llamaCpp", addedAt: "" },
    host: "127.0.0.1", leavesMachine: false, log: SILENT_LOG, redact: (text) => text, mostContext: () => 8192, onChange: () => undefined, onContextSize: (size) => sizes.push(size),
    exchange: () => Promise.resolve(exchange({ stallMs: options.stallMs ?? 120, totalMs: options.totalMs ?? 1_000 }, options.key)),
  });
  const ask = async (remote = model(), signal?: AbortSignal, maxTokens = 50) => {
    let text = "";
    const result = await remote.generate({ messages: [{ role: "user", text: "where?" }], maxTokens, lease, onText: (piece) => { text += piece; }, ...(signal ? { signal } : {}) });
    assert.equal(result.text, text);
    return result;
  };
  const refused = async (answer: Answer, sentence: RegExp, options: Parameters<typeof model>[0] = {}): Promise<EngineError> => {
    server.answer = answer;
    const error = await ask(model(options)).then((result) => assert.fail(`it answered ${JSON.stringify(result.text)}`), (thrown: unknown) => thrown);
    assert.ok(error instanceof EngineError, String(error));
    assert.match(error.message, sentence);
    assert.match(error.message, /^lab at 127\.0\.0\.1:\d+ .*[.!?"]$/s, "a sentence that names who is meant");
    return error;
  };
  const sse = { "content-type": "text/event-stream" };

  it("is not troubled by a polite one", async () => {
    const { text, stopReason, tokens } = await ask();
    assert.deepEqual({ text, stopReason, tokens }, { text: "It is in a.ts [1].", stopReason: "end", tokens: { prompt: 1, reused: 0, generated: 5 } });
  });

  it("gives up one that hangs before its headers, or in the middle, and closes the connection", async () => {
    await refused(() => undefined, /does not answer: nothing came for 120 ms/);
    await refused((response) => { events(response, delta("It ")); }, /fell silent while it answered: nothing came for 120 ms/);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(server.closedEarly, 2);
  });

  it("says of an answer that is no stream what it is", async () => {
    await refused((response) => { response.writeHead(200, { "content-type": "text/html" }).end("<html>Welcome</html>"); }, /answers with text\/html where a stream of events was expected/);
    await refused((response) => { json(response, { choices: [] }); }, /answers with application\/json where a stream/);
    await refused((response) => { response.writeHead(200, sse).end("Welcome to nginx!\n\n"); }, /no stream of events: "Welcome to nginx!"/);
    await refused((response) => { response.writeHead(200, sse).end("data: {\"choices\": [{\n\n"); }, /events that are no JSON: "\{"choices": \[\{"/);
    await refused((response) => { response.writeHead(200, sse).end("data: {\"hello\": 1}\n\n"); }, /events that are none of a model/);
    await refused((response) => { response.writeHead(200, sse).end("data: [1, 2]\n\n"); }, /events that are none of a model/);
    await refused((response) => { response.writeHead(200, sse).end(Buffer.from([0x64, 0x61, 0x74, 0x61, 0x3a, 0xff, 0xfe, 10, 10])); }, /text that is not UTF-8/);
  });

  it("says of a connection that is cut that it was, and takes no half answer for a whole one", async () => {
    await refused((response) => { events(response, delta("It is ")); setTimeout(() => response.destroy(), 10); }, /was cut off while it answered: the connection was cut/);
    await refused((response) => { events(response, delta("It is ")); response.end(); }, /was cut off while it wrote/);
    await refused((response) => { events(response, delta("It is ")); response.end("data: {\"choi"); }, /was cut off while it wrote/);
    await refused((response, _, request) => { request.socket.destroy(); }, /cannot be reached: the connection was cut/);
  });

  it("passes on what the server says of a failure, in a sentence", async () => {
    await refused((response) => { json(response, { error: { message: "Invalid API Key" } }, 401); }, /wants a key \(status 401: "Invalid API Key"\)\. Give its key\./);
    await refused((response) => { json(response, { detail: "no" }, 403); }, /does not accept the key \(status 403: "no"\)/, { key: "sk-1" });
    await refused((response) => { json(response, { error: { message: "model 'tiny' not found" } }, 404); }, /not that model \(status 404: "model 'tiny' not found"\)/);
    await refused((response) => { response.writeHead(429, { "retry-after": "3600" }).end("slow down"); }, /takes no more requests at the moment \(status 429: "slow down"\)/);
    await refused((response) => { response.writeHead(500, { "content-type": "text/html" }).end("<html><body>stack trace</body>"); }, /failed \(status 500\)\. See its own log/);
    await refused((response) => { events(response, delta("It "), { error: { message: "CUDA out of memory" } }); response.end(); }, /failed while it wrote: "CUDA out of memory"/);
    const echoed = await refused((response, asked) => { json(response, { error: { message: `Incorrect API key provided: ${String(asked.headers.authorization).slice(7)}` } }, 401); }, /<key>/, { key: "sk-very-secret" });
    assert.ok(!JSON.stringify([echoed.message, echoed.details]).includes("sk-very-secret"));
  });

  it("follows no redirect: neither the key nor the question goes to another host", async () => {
    const other = new LoopbackServer(politeServer());
    const elsewhere = await other.listen();
    await refused((response) => { response.writeHead(307, { location: `${elsewhere}/v1/chat/completions` }).end(); }, /redirects to 127\.0\.0\.1:\d+, which is not followed/, { key: "sk-1" });
    assert.deepEqual(other.asked, []);
    await other.close();
  });

  it("asks an overloaded server once more, and never again what was cut", async () => {
    let refusals = 0;
    const polite = politeServer();
    server.answer = (response, asked, request) => (refusals++ === 0 ? void response.writeHead(503, { "retry-after": "0" }).end() : polite(response, asked, request));
    assert.equal((await ask()).stopReason, "end");
    assert.equal(server.asked.length, 2);
    server.asked.length = 0;
    await refused((_, __, request) => { request.socket.destroy(); }, /cut/);
    assert.equal(server.asked.length, 1, "a question may have been answered: it is not asked twice");
    server.asked.length = 0;
    server.answer = (_, __, request) => { request.socket.destroy(); };
    await assert.rejects(listServerModels(exchange()), /cut/);
    assert.equal(server.asked.length, 2, "a list may be asked for again");
  });

  it("stops one that does not stop: by tokens, by bytes and by time", async () => {
    server.answer = (response) => {
      const timer = setInterval(() => { events(response, ...Array.from({ length: 50 }, () => delta("on and "))); }, 1);
      response.on("close", () => { clearInterval(timer); });
    };
    const { stopReason, tokens, text } = await ask(model(), undefined, 120);
    assert.deepEqual([stopReason, tokens.generated, text.length], ["length", 121, 121 * 7]);
    server.answer = (response) => {
      const timer = setInterval(() => { events(response, delta("")); }, 2);
      response.on("close", () => { clearInterval(timer); });
    };
    await refused(server.answer, /was not done after 0 seconds|was not done after/, { totalMs: 150 });
    await refused((response) => { response.writeHead(200, sse); response.write("data: "); const timer = setInterval(() => response.write("x".repeat(1 << 16)), 1); response.on("close", () => { clearInterval(timer); }); }, /events of more than a million characters/);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(server.closedEarly, 3);
  });

  it("takes pieces however they are cut: in characters, lines and events, and a megabyte at once", async () => {
    const whole = `: welcome\r\n\r\n${[delta("Größe: "), delta("日本語 😀 "), delta("ok", "stop")].map((event) => `data: ${JSON.stringify(event)}\r\n\r\n`).join("")}data: [DONE]\r\n\r\n`;
    const bytes = Buffer.from(whole, "utf8");
    for (const size of [1, 2, 3, 5, 7, bytes.length]) {
      server.answer = async (response) => {
        response.writeHead(200, sse);
        response.socket?.setNoDelay(true);
        for (let at = 0; at < bytes.length; at += size) {
          response.write(bytes.subarray(at, at + size));
          if (at % (size * 40) === 0) await new Promise((resolve) => setImmediate(resolve));
        }
        response.end();
      };
      assert.equal((await ask()).text, "Größe: 日本語 😀 ok");
    }
    const long = "x".repeat(900_000);
    server.answer = (response) => { events(response, delta(long), delta("", "stop"), "[DONE]"); response.end(); };
    assert.equal((await ask(model(), undefined, 50_000)).text, long);
  });

  it("closes the connection when the question is cancelled, and keeps what came before", async () => {
    const stop = new AbortController();
    server.answer = (response) => { events(response, delta("So ")); };
    setTimeout(() => { stop.abort(); }, 40);
    const begun = performance.now();
    const { text, stopReason } = await ask(model({ stallMs: 10_000, totalMs: 10_000 }), stop.signal);
    assert.deepEqual([text, stopReason], ["So ", "cancelled"]);
    assert.ok(performance.now() - begun < 1_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(server.closedEarly, 1, "the server learns that nobody waits any more");
  });

  it("learns from a refusal that the context is smaller than was said", async () => {
    const remote = model({ contextSize: 4096 });
    server.answer = (response) => { json(response, { error: { code: 400, message: "request (5000 tokens) exceeds the available context size (2048 tokens), try increasing it", type: "exceed_context_size_error", n_ctx: 2048 } }, 400); };
    await assert.rejects(ask(remote), (error: unknown) => error instanceof EngineError && error.reason === "contextOverflow");
    assert.equal(remote.status().contextSize, 2048);
    assert.deepEqual(sizes, [2048]);
    server.answer = (response) => { json(response, { error: { message: "context length exceeded" } }, 400); };
    await assert.rejects(ask(remote), /longer than its context\./);
    assert.equal(remote.status().contextSize, 1024, "without a figure, half");
    assert.match(remote.status().explanation, /took less than it had said/);
  });

  it("learns from the count of tokens that the prompt was cut without a word", async () => {
    const remote = model({ contextSize: 8192 });
    server.answer = (response) => { events(response, delta("ok", "stop"), { choices: [], usage: { prompt_tokens: 2048, completion_tokens: 1 } }, "[DONE]"); response.end(); };
    await remote.generate({ messages: [{ role: "user", text: "word ".repeat(6_000) }], maxTokens: 5, lease, onText: () => undefined });
    assert.equal(remote.status().contextSize, 2048);
  });

  it("lets more urgent work go first while the server computes", async () => {
    let offers = 0;
    server.answer = (response) => { setTimeout(() => { events(response, delta("ok", "stop"), "[DONE]"); response.end(); }, 100); };
    await model().generate({ messages: [{ role: "user", text: "?" }], maxTokens: 5, lease: { yield: () => { offers++; return Promise.resolve(); } }, onText: () => undefined });
    assert.ok(offers >= 2, `${offers}`);
  });

  it("refuses an endless list of models, and one that is none", async () => {
    server.answer = (response) => {
      response.writeHead(200, { "content-type": "application/json" });
      for (let i = 0; i < 9; i++) response.write(" ".repeat(1 << 20));
    };
    await assert.rejects(listServerModels(exchange({ stallMs: 1_000, totalMs: 5_000 })), /answers with more than 8192 KiB/);
    server.answer = (response) => { json(response, { models: [] }); };
    await assert.rejects(listServerModels(exchange()), /gives no list of models/);
    server.answer = (response) => { response.writeHead(200, { "content-type": "application/json" }).end("{\"data\": ["); };
    await assert.rejects(listServerModels(exchange()), /JSON that cannot be read/);
    server.answer = (response) => { json(response, { data: [null, { id: 5 }, { id: "" }, { id: "a", max_model_len: -3 }, { id: "b", max_model_len: "many" }, { id: "c", max_model_len: 2048 }] }); };
    assert.deepEqual(await listServerModels(exchange()), [{ id: "a", contextSize: null }, { id: "b", contextSize: null }, { id: "c", contextSize: 2048 }]);
  });
});
