// The real engine process on a real folder: what the extension would see, without VS Code.
import assert from "node:assert/strict";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { CancellationTokenSource } from "vscode-jsonrpc/node";
import type { AnswerEvent, CompleteParams } from "../../src/engine/protocol/types.ts";
import { EngineClient, EngineRequestError, RequestCancelled } from "../../src/extension/engineClient.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const modulePath = path.join(root, "dist", "engine.mjs");
const clients: EngineClient[] = [];
const logs: string[] = [];

function sampleWorkspace(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "kalactica-engine-"));
  cpSync(path.join(root, "test", "fixtures", "workspace"), path.join(folder, "ws"), { recursive: true });
  return path.join(folder, "ws");
}

function engineFor(workspaceDir: string | null, options: { storageDir?: string; settings?: Record<string, unknown> } = {}): EngineClient {
  const storageDir = options.storageDir ?? path.join(workspaceDir ?? mkdtempSync(path.join(tmpdir(), "kalactica-none-")), ".kalactica");
  mkdirSync(storageDir, { recursive: true });
  const client = new EngineClient({
    modulePath, execPath: process.execPath, execArgv: ["--disable-warning=ExperimentalWarning"],
    hello: () => ({ client: "test", workspaceDir, storageDir, modelsDir: path.join(storageDir, "models"), settings: { "model.device": "cpu", ...options.settings }, trusted: true }),
    onLog: (level, message) => logs.push(`${level} ${message}`),
    timings: { backOffMs: [50, 100] },
  });
  client.onNotification("engine/log", ({ level, message }) => logs.push(`${level} ${message}`));
  clients.push(client);
  client.start();
  return client;
}

async function indexed(client: EngineClient, files: number): Promise<void> {
  const end = Date.now() + 60_000;
  for (;;) {
    const { index } = await client.request("engine/status", null).catch((error: unknown) => {
      // An engine that was just killed is on its way back.
      if (error instanceof EngineRequestError && error.reason === "engineGone" && Date.now() < end) return { index: { state: "off" as const, files: 0, failure: undefined } };
      throw error;
    });
    if (index.state === "failed") assert.fail(index.failure);
    if (index.state === "ready" && index.files >= files) return;
    if (Date.now() > end) assert.fail(`the index is not ready: ${JSON.stringify(index)}\n${logs.join("\n")}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const ask = (client: EngineClient, question: string, askId = "1") => client.request("answer/ask", { askId, question, history: [], attachments: [] });
const caret = (prefix: string, suffix = ""): CompleteParams => ({ path: "src/new.ts", language: "typescript", prefix, suffix, line: prefix.split("\n").length, column: prefix.length - prefix.lastIndexOf("\n") - 1, trigger: "manual" });

describe("the engine process", function () {
  this.timeout(90_000);
  before(() => assert.ok(existsSync(modulePath), "dist/engine.mjs is missing: npm run build"));
  afterEach(async () => {
    for (const client of clients.splice(0)) client.stop();
    logs.length = 0;
    await new Promise((resolve) => setTimeout(resolve, 100));
  });

  it("indexes by itself, searches, and answers with verified citations, the card first", async () => {
    const client = engineFor(sampleWorkspace());
    await indexed(client, 15);
    const { results } = await client.request("retrieval/search", { query: "token bucket rate limiter", k: 3 });
    assert.equal(results[0]?.path, "src/rateLimiter.ts");
    const events: AnswerEvent[] = [];
    client.onNotification("answer/event", ({ event }) => events.push(event));
    const answer = await ask(client, "where is RateLimiter defined?");
    assert.ok(answer.card?.supported);
    assert.equal(answer.citations[0]?.path, "src/rateLimiter.ts");
    assert.ok(answer.citations.every((citation) => citation.verified));
    assert.equal(events.find((event) => event.type !== "status")?.type, "card");
  });

  it("takes in a changed, a new and a deleted file at once", async () => {
    const workspace = sampleWorkspace();
    const client = engineFor(workspace);
    await indexed(client, 15);
    writeFileSync(path.join(workspace, "src", "zebra.ts"), "/** Counts the stripes of a zebra. */\nexport function countStripes(): number {\n  return 26;\n}\n");
    rmSync(path.join(workspace, "src", "rateLimiter.ts"));
    client.notify("index/filesChanged", { paths: ["src/zebra.ts", "src/rateLimiter.ts"] });
    const begun = Date.now();
    for (;;) {
      const { results } = await client.request("retrieval/search", { query: "countStripes zebra", k: 1 });
      if (results[0]?.path === "src/zebra.ts") break;
      assert.ok(Date.now() - begun < 5_000, "the new file was not found");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { results } = await client.request("retrieval/search", { query: "token bucket rate limiter", k: 10 });
    assert.ok(results.every((hit) => hit.path !== "src/rateLimiter.ts"));
  });

  it("survives kill -9 while indexing and finishes the index afterwards", async () => {
    const workspace = sampleWorkspace();
    for (let i = 0; i < 400; i++) writeFileSync(path.join(workspace, "src", `made${i}.ts`), `/** Makes number ${i}. */\nexport function made${i}(): number {\n  return ${i};\n}\n`);
    const client = engineFor(workspace);
    await client.whenReady();
    await new Promise((resolve) => setTimeout(resolve, 400));
    process.kill(client.pid!, "SIGKILL");
    await indexed(client, 415);
    const { results } = await client.request("retrieval/search", { query: "made377", k: 1 });
    assert.equal(results[0]?.path, "src/made377.ts");
  });

  it("serves two windows on one workspace, and the second takes over when the first is gone", async () => {
    const workspace = sampleWorkspace();
    const storageDir = path.join(workspace, ".kalactica");
    const first = engineFor(workspace, { storageDir });
    await indexed(first, 15);
    const second = engineFor(workspace, { storageDir });
    await indexed(second, 15);
    for (const client of [first, second]) assert.equal((await client.request("retrieval/search", { query: "RateLimiter", k: 1 })).results[0]?.path, "src/rateLimiter.ts");
    first.stop();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    writeFileSync(path.join(workspace, "src", "okapi.ts"), "export const okapiCount = 3;\n");
    await second.request("index/update", { full: true });
    assert.equal((await second.request("retrieval/search", { query: "okapiCount", k: 1 })).results[0]?.path, "src/okapi.ts");
  });

  it("stops a request that is cancelled, and goes on", async () => {
    const workspace = sampleWorkspace();
    const client = engineFor(workspace);
    await indexed(client, 15);
    for (let i = 0; i < 1_500; i++) writeFileSync(path.join(workspace, "src", `made${i}.ts`), `export function made${i}(): number {\n  return ${i};\n}\n`);
    const source = new CancellationTokenSource();
    const updating = client.request("index/update", { full: true }, source.token);
    await new Promise((resolve) => setTimeout(resolve, 150));
    source.cancel();
    const begun = performance.now();
    await assert.rejects(updating, RequestCancelled);
    assert.ok(performance.now() - begun < 1_000, `${performance.now() - begun} ms`);
    assert.ok((await ask(client, "where is RateLimiter defined?", "y")).card?.supported);
  });

  it("completes from the workspace, and says why when it shows nothing", async () => {
    const client = engineFor(sampleWorkspace());
    await indexed(client, 15);
    const shown = await client.request("completion/complete", caret("import { backoffDelayMs, defaultRetryPolicy, shouldRetry } from "));
    assert.ok(shown.text !== null || shown.reason !== null);
    const inside = await client.request("completion/complete", caret("const wo", "rd = 1;\n"));
    assert.deepEqual([inside.text, inside.reason], [null, "insideWord"]);
  });

  it("works without a folder, and says so when asked about one", async () => {
    const client = engineFor(null);
    const { index } = await client.request("engine/status", null);
    assert.equal(index.state, "off");
    await assert.rejects(ask(client, "where is x?"), (error: unknown) => error instanceof EngineRequestError && error.reason === "noWorkspace" && /No folder is open/.test(error.message));
  });

  it("names settings of the wrong type and goes on with their defaults", async () => {
    const client = engineFor(sampleWorkspace(), { settings: { "completion.gate": "high" } });
    await indexed(client, 15);
    const { refused } = await client.request("engine/configure", { settings: { "answer.sources": -1, "nonsense.key": true }, trusted: true });
    assert.equal(refused.length, 2);
    assert.match(refused.join("\n"), /answer\.sources" is -1, but must be a number from 1 to 32[\s\S]*no setting "kalactica\.nonsense\.key"/);
    assert.ok(logs.some((line) => /completion\.gate" is "high"/.test(line)), logs.join("\n"));
  });

  it("says what is wrong with a model file that is none, and keeps working", async () => {
    const workspace = sampleWorkspace();
    const client = engineFor(workspace);
    await indexed(client, 15);
    const file = path.join(workspace, "not-a-model.gguf");
    writeFileSync(file, "GGUT this is no model");
    await assert.rejects(client.request("model/use", { id: file }), (error: unknown) => error instanceof EngineRequestError && error.reason === "modelForeign" && error.message.includes("not-a-model.gguf"));
    writeFileSync(file, Buffer.from("GGUF\x03\0\0\0", "latin1"));
    await assert.rejects(client.request("model/inspect", { file }), (error: unknown) => error instanceof EngineRequestError && error.reason === "modelTruncated");
    assert.ok((await ask(client, "where is RateLimiter defined?")).card?.supported);
  });

  it("reports a folder it may not read instead of failing", async function () {
    if (process.getuid?.() === 0) {
      // The superuser reads everything: a folder that is a broken link stands in for one that cannot be read.
      this.test!.title += " (as root: only the index's own report is looked at)";
    }
    const workspace = sampleWorkspace();
    const locked = path.join(workspace, "locked");
    mkdirSync(locked);
    writeFileSync(path.join(locked, "a.ts"), "export const a = 1;\n");
    chmodSync(locked, 0o000);
    try {
      const client = engineFor(workspace);
      await indexed(client, 15);
      if (process.getuid?.() !== 0) {
        const { skipped } = await client.request("index/status", null);
        assert.ok(skipped.some(({ path: skippedPath }) => skippedPath.startsWith("locked")));
      }
    } finally {
      chmodSync(locked, 0o755);
    }
  });

  it("uses no processor when nothing happens", async function () {
    if (process.platform !== "linux") this.skip();
    const client = engineFor(sampleWorkspace());
    await indexed(client, 15);
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    const ticks = (): number => {
      const fields = readFileSync(`/proc/${client.pid}/stat`, "utf8").split(") ")[1]!.split(" ");
      return Number(fields[11]) + Number(fields[12]);
    };
    const before = ticks();
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    // A tick is 10 ms: garbage collection may take a few, a busy loop would take hundreds.
    assert.ok(ticks() - before <= 6, `${ticks() - before} ticks in 3 s`);
  });
});
