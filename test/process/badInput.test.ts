// What befalls the engine's processes from outside: a host that dies, a storage that cannot be written, a client of the Model
// Context Protocol that misbehaves. Each must end in a sentence or a clean end, and lose nothing.
import assert from "node:assert/strict";
import { fork, spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { EngineClient, EngineRequestError } from "../../src/extension/engineClient.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const modulePath = path.join(root, "dist", "engine.mjs");

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function until(what: string, holds: () => boolean, ms = 20_000): Promise<void> {
  const end = Date.now() + ms;
  while (!holds()) {
    if (Date.now() > end) assert.fail(`did not happen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

describe("bad input from outside", function () {
  this.timeout(120_000);
  let folder: string;
  const clients: EngineClient[] = [];
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "kalactica-bad-"));
    cpSync(path.join(root, "test/fixtures/workspace"), path.join(folder, "ws"), { recursive: true });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.stop();
    await new Promise((resolve) => setTimeout(resolve, 100));
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  function clientOn(storageDir: string, modelsDir = path.join(folder, "models")): EngineClient {
    const client = new EngineClient({
      modulePath, execPath: process.execPath, execArgv: ["--disable-warning=ExperimentalWarning"],
      hello: () => ({ client: "test", workspaceDir: path.join(folder, "ws"), storageDir, modelsDir, settings: { "model.device": "cpu" }, trusted: true }),
      onLog: () => undefined, timings: { backOffMs: [50, 100] },
    });
    clients.push(client);
    client.start();
    return client;
  }

  it("ends the engine of a host that was killed, and the next host finds everything", async () => {
    const storageDir = path.join(folder, "storage");
    const script = path.join(folder, "host.ts");
    // As another extension takes the extension host down: no deactivation, no goodbye.
    writeFileSync(script, `
      import { EngineClient } from ${JSON.stringify(path.join(root, "src/extension/engineClient.ts"))};
      const client = new EngineClient({
        modulePath: ${JSON.stringify(modulePath)}, execPath: process.execPath, execArgv: ["--disable-warning=ExperimentalWarning"],
        hello: () => ({ client: "test", workspaceDir: ${JSON.stringify(path.join(folder, "ws"))}, storageDir: ${JSON.stringify(storageDir)}, modelsDir: ${JSON.stringify(path.join(folder, "models"))}, settings: { "model.device": "cpu" }, trusted: true }),
        onLog: () => undefined,
      });
      client.start();
      const { key } = await client.request("memory/remember", { text: "Retries wait twice as long each time.", kind: "decision" });
      process.send({ pid: client.pid, key });
      setInterval(() => undefined, 1_000);`);
    mkdirSync(storageDir, { recursive: true });
    const host = fork(script, [], { execArgv: ["--disable-warning=ExperimentalWarning"], stdio: ["ignore", "ignore", "inherit", "ipc"] });
    const [{ pid, key }] = (await once(host, "message")) as [{ pid: number; key: string }];
    host.kill("SIGKILL");
    await until("the engine of the dead host ends", () => !alive(pid));
    const { item } = await clientOn(storageDir).request("memory/show", { key });
    assert.equal(item.text, "Retries wait twice as long each time.");
  });

  it("explains a storage folder that cannot be written, and does not start again and again", async () => {
    const file = path.join(folder, "file");
    writeFileSync(file, "a file where a folder is needed");
    const client = clientOn(path.join(file, "storage"), path.join(file, "models"));
    const states: string[] = [];
    client.onState(({ name }) => states.push(name));
    await assert.rejects(client.request("engine/status", null), (error: unknown) => {
      assert.ok(error instanceof EngineRequestError);
      assert.match(error.message, /cannot be (?:written|made|opened|created)/i);
      assert.match(error.message, /file/);
      return true;
    });
    await new Promise((resolve) => setTimeout(resolve, 400));
    assert.equal(client.state.name, "failed");
    assert.ok(!states.includes("waiting"), states.join());
  });

  describe("kalactica mcp", () => {
    type Server = ChildProcessByStdio<Writable, Readable, null>;
    const servers: Server[] = [];
    afterEach(() => { for (const server of servers.splice(0)) server.kill("SIGKILL"); });

    /** A server that has shaken hands, and a way to ask it. */
    async function serve(): Promise<{ server: Server; ask: (method: string, params: object) => Promise<{ result?: unknown; error?: { message: string } }>; ended: Promise<number | null> }> {
      const server = spawn(process.execPath, [path.join(root, "bin/kalactica.mjs"), "mcp", "--workspace", path.join(folder, "ws")], { stdio: ["pipe", "pipe", "ignore"], env: { ...process.env, KALACTICA_HOME: path.join(folder, "home") } });
      servers.push(server);
      server.stdin.on("error", () => undefined);
      const waiting = new Map<number, (reply: { result?: unknown; error?: { message: string } }) => void>();
      createInterface({ input: server.stdout }).on("line", (line) => {
        if (line.trim() === "") return;
        const reply = JSON.parse(line) as { id?: number; result?: unknown; error?: { message: string } };
        if (reply.id !== undefined) waiting.get(reply.id)?.(reply);
      });
      const ended = new Promise<number | null>((resolve) => server.once("exit", resolve));
      let id = 0;
      const ask = (method: string, params: object): Promise<{ result?: unknown; error?: { message: string } }> => new Promise((resolve) => {
        waiting.set(++id, resolve);
        server.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
      });
      await ask("initialize", { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "test", version: "1" } });
      return { server, ask, ended };
    }

    it("takes garbage, a huge message and things that are no requests, and answers the next one", async () => {
      const { server, ask } = await serve();
      server.stdin.write(`${"x".repeat(2_000_000)}\n`);
      server.stdin.write(Buffer.from([0xff, 0xfe, 0x00, 0x0a]));
      for (const line of ["null", "[]", "42", "{\"jsonrpc\":\"1.0\"}", "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":7}", "{\"jsonrpc\":\"2.0\",\"id\":9999,\"result\":{}}"]) server.stdin.write(`${line}\n`);
      const huge = await ask("tools/call", { name: "kalactica_check", arguments: { text: "rm -rf / # ".padEnd(3_000_000, "y"), kind: "command" } }) as { result?: { content?: { text: string }[] } };
      assert.match(huge.result?.content?.[0]?.text ?? "", /^Verdict: (?:block|ask)/);
      const { result } = await ask("tools/list", {}) as { result?: { tools?: unknown[] } };
      assert.equal(result?.tools?.length, 4);
    });

    it("ends with a client that goes in the middle of a call", async () => {
      const { server, ask, ended } = await serve();
      void ask("tools/call", { name: "kalactica_ask", arguments: { question: "What does RateLimiter do?" } });
      await new Promise((resolve) => setTimeout(resolve, 50));
      server.stdin.destroy();
      server.stdout.destroy();
      assert.equal(await Promise.race([ended, new Promise((resolve) => setTimeout(() => resolve("still running"), 30_000))]), 0);
    });
  });
});
