import assert from "node:assert/strict";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { CancellationTokenSource } from "vscode-jsonrpc/node";
import { EngineClient, EngineRequestError, RequestCancelled } from "../../src/extension/engineClient.ts";
import type { EngineClientState, EngineClientTimings } from "../../src/extension/engineClient.ts";

const FAST: Partial<EngineClientTimings> = { helloTimeoutMs: 1_500, pingAfterMs: 200, pingTimeoutMs: 700, backOffMs: [30, 60, 120], healthyAfterMs: 60_000 };
const clients: EngineClient[] = [];

function clientOf(fault: string): { client: EngineClient; states: EngineClientState[]; starts: () => number } {
  const startsFile = path.join(mkdtempSync(path.join(tmpdir(), "kalactica-client-")), "starts");
  const client = new EngineClient({
    modulePath: fileURLToPath(new URL("engines/faulty.mjs", import.meta.url)),
    execPath: process.execPath,
    env: { FAULT: fault, STARTS: startsFile },
    hello: () => ({ client: "test", workspaceDir: null, storageDir: "/nowhere", modelsDir: "/nowhere", settings: {}, trusted: true }),
    onLog: () => undefined,
    timings: FAST,
  });
  const states: EngineClientState[] = [];
  client.onState((state) => states.push(state));
  clients.push(client);
  const starts = () => { try { return readFileSync(startsFile, "utf8").trim().split("\n").length; } catch { return 0; } };
  return { client, states, starts };
}

async function until(what: string, condition: () => boolean, ms = 8_000): Promise<void> {
  const end = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > end) assert.fail(`did not happen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe("EngineClient with engines that misbehave", function () {
  this.timeout(20_000);
  afterEach(() => { for (const client of clients.splice(0)) client.stop(); });

  it("speaks to a healthy engine whatever it prints", async () => {
    const { client } = clientOf("none");
    client.start();
    assert.deepEqual(await client.request("retrieval/search", { query: "x", k: 1 }), { results: [], ms: 1 });
    assert.ok(client.pid);
  });

  it("starts an engine that dies at once again, waiting longer each time, and never throws", async () => {
    const { client, states, starts } = clientOf("dies at once");
    client.start();
    await until("three starts", () => starts() >= 3);
    const waits = states.flatMap((state) => state.name === "waiting" ? [state.retryInMs] : []);
    assert.ok(waits.length >= 2 && waits[1]! > waits[0]!, waits.join());
    assert.match(states.find((state) => state.name === "waiting")!.why, /exited with code 3/);
  });

  it("ends an engine that never answers the handshake", async () => {
    const { client, starts } = clientOf("never answers");
    client.start();
    await until("a second start", () => starts() >= 2);
  });

  it("gives up on an engine of another version with a sentence", async () => {
    const { client, starts } = clientOf("other version");
    client.start();
    await assert.rejects(client.request("engine/status", null), /protocol version 999.*Reload the window/);
    assert.equal(client.state.name, "failed");
    assert.equal(starts(), 1);
  });

  it("rejects the request that was open when the engine died, and answers the next one", async () => {
    const { client, starts } = clientOf("dies while answering");
    client.start();
    await assert.rejects(client.request("retrieval/search", { query: "x", k: 1 }), (error: unknown) => error instanceof EngineRequestError && error.reason === "engineGone" && /restarted; try again/.test(error.message));
    assert.deepEqual(await client.request("index/status", null), { state: "ready" });
    assert.equal(starts(), 2);
  });

  it("ends an engine whose event loop hangs", async () => {
    const { client, starts } = clientOf("hangs while answering");
    client.start();
    await assert.rejects(client.request("retrieval/search", { query: "x", k: 1 }), (error: unknown) => error instanceof EngineRequestError && error.reason === "engineGone");
    await until("a second start", () => starts() >= 2);
  });

  it("leaves an engine alone that is busy but alive", async () => {
    const { client, starts } = clientOf("none");
    client.start();
    const source = new CancellationTokenSource();
    const asked = client.request("answer/ask", { askId: "1", question: "", history: [], attachments: [] }, source.token);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    assert.equal(starts(), 1);
    source.cancel();
    await assert.rejects(asked, RequestCancelled);
  });

  it("comes back after kill -9", async () => {
    const { client, starts } = clientOf("none");
    client.start();
    await client.whenReady();
    process.kill(client.pid!, "SIGKILL");
    await until("a second start", () => starts() >= 2 && client.state.name === "ready");
  });
});
