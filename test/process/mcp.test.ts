// `kalactica mcp` as a client of the Model Context Protocol talks to it: one JSON object a line on standard input and output.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

interface Reply { id?: number; result?: Record<string, never> & { content?: { text: string }[]; isError?: boolean; tools?: { name: string; inputSchema: { required: string[] } }[] }; error?: { code: number; message: string } }

describe("kalactica mcp", function () {
  this.timeout(60_000);
  let folder: string;
  let child: ChildProcessByStdio<Writable, Readable, null>;
  const replies: Reply[] = [];
  const waiting = new Map<number, (reply: Reply) => void>();
  let next = 0;

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "kalactica-mcp-"));
    cpSync(path.join(root, "test/fixtures/workspace"), path.join(folder, "ws"), { recursive: true });
    child = spawn(process.execPath, [path.join(root, "bin/kalactica.mjs"), "mcp", "--workspace", path.join(folder, "ws")], { stdio: ["pipe", "pipe", "ignore"], env: { ...process.env, KALACTICA_HOME: path.join(folder, "home") } });
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line.trim() === "") return;
      const reply = JSON.parse(line) as Reply;
      replies.push(reply);
      if (reply.id !== undefined) waiting.get(reply.id)?.(reply);
    });
  });
  after(() => {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  const send = (message: object): void => { child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`); };
  const request = (method: string, params: object): Promise<Reply> => new Promise((resolve) => {
    const id = ++next;
    waiting.set(id, resolve);
    send({ id, method, params });
  });

  it("shakes hands and lists its tools", async () => {
    const { result } = await request("initialize", { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "test", version: "1" } });
    assert.equal((result as { serverInfo?: { name: string } } | undefined)?.serverInfo?.name, "kalactica");
    send({ method: "notifications/initialized" });
    const { result: list } = await request("tools/list", {});
    assert.deepEqual(list?.tools?.map(({ name }) => name), ["kalactica_search", "kalactica_ask", "kalactica_recall", "kalactica_check"]);
    assert.deepEqual(list?.tools?.[0]?.inputSchema.required, ["query"]);
  });

  it("answers calls about the folder, once it is indexed", async () => {
    const search = await request("tools/call", { name: "kalactica_search", arguments: { query: "permits a second with bursts", count: 1 } });
    assert.match(search.result?.content?.[0]?.text ?? "", /^src\/rateLimiter\.ts:\d+-\d+/);
    const ask = await request("tools/call", { name: "kalactica_ask", arguments: { question: "What does RateLimiter do?" } });
    assert.match(ask.result?.content?.[0]?.text ?? "", /\[1\] src\/rateLimiter\.ts:\d+-\d+/);
  });

  it("lives on after bad calls and bad lines, and says what was wrong", async () => {
    child.stdin.write("this is no JSON\n");
    const wrong = await request("tools/call", { name: "kalactica_search", arguments: { count: 1 } });
    assert.equal(wrong.result?.isError, true);
    assert.match(wrong.result?.content?.[0]?.text ?? "", /no "query"/);
    assert.match((await request("tools/call", { name: "rm", arguments: {} })).error?.message ?? "", /There is no tool "rm"/);
    assert.notEqual((await request("no/such/method", {})).error, undefined);
    assert.match((await request("tools/call", { name: "kalactica_check", arguments: { text: "rm -rf /", kind: "command" } })).result?.content?.[0]?.text ?? "", /^Verdict: block/);
  });

  it("ends when its client goes", async () => {
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    child.stdin.end();
    assert.equal(await ended, 0);
  });
});
