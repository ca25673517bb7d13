// A model on a real server: `transformers serve` on loopback with a tiny chat model of random weights, added, asked, cancelled and lost through the command line
// and the engine as a user would. What it writes is noise; how it is spoken to is what counts.
//   node tools/node24.mjs test/bench/endpoint.ts --python /path/to/venv/bin/python
// PYTHON must have torch, transformers, fastapi, uvicorn and openai. Not part of the unit suite: it takes a minute.
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { SILENT_LOG } from "../../src/engine/base/log.ts";
import { Engine } from "../../src/engine/engine.ts";

const { values } = parseArgs({ options: { python: { type: "string" } } });
if (values.python === undefined) {
  console.error("Usage: node tools/node24.mjs test/bench/endpoint.ts --python PYTHON");
  process.exit(2);
}
const place = mkdtempSync(path.join(os.tmpdir(), "kalactica-serve-"));
const port = 18_734;
const model = path.join(place, "tiny-chat");
const secret = "ghp_Zq8vT3kP0mWx7RbYc2LdNf5HgJ1sKa9UeQoV";
let failures = 0;
const check = (name: string, ok: boolean, detail: string): void => {
  if (!ok) failures++;
  console.log(`${ok ? "ok    " : "FAILED"} ${name}: ${detail}`);
};

execFileSync(values.python, [fileURLToPath(new URL("ray.py", import.meta.url)), model], { stdio: "ignore", env: { ...process.env, OMP_NUM_THREADS: "1" } });
const config = JSON.parse(readFileSync(path.join(model, "config.json"), "utf8")) as Record<string, unknown>;
// Rotary positions go as far as one likes.
writeFileSync(path.join(model, "config.json"), JSON.stringify({ ...config, max_position_embeddings: 8192 }));
const server = spawn(values.python, [path.join(path.dirname(values.python), "transformers"), "serve", "--host", "127.0.0.1", "--port", String(port), "--device", "cpu", model], {
  stdio: "ignore", cwd: place, env: { ...process.env, HF_HUB_OFFLINE: "1", HF_HOME: path.join(place, "hf"), OMP_NUM_THREADS: "1" },
});
try {
  mkdirSync(path.join(place, "hf", "hub"), { recursive: true });
  for (let i = 0; i < 300; i++) {
    if (await fetch(`http://127.0.0.1:${port}/v1/models`).then(({ ok }) => ok, () => false)) break;
    await sleep(400);
  }
  const workspaceDir = path.join(place, "ws");
  mkdirSync(workspaceDir);
  writeFileSync(path.join(workspaceDir, "billing.py"), "def invoice_total(lines):\n    \"\"\"Sum the lines of an invoice with tax.\"\"\"\n    return sum(lines)\n");
  const engine = await Engine.open({ client: "bench", workspaceDir, storageDir: path.join(place, "storage"), modelsDir: path.join(place, "home", "models"), settings: { "answer.maximumTokens": 64 }, trusted: true, log: SILENT_LOG, background: false });
  await engine.updateIndex({});
  const begun = performance.now();
  const added = await engine.endpoints.add({ url: `127.0.0.1:${port}`, name: "transformers", model, completions: true });
  const [info] = engine.endpoints.list();
  check("added", added.active, `${info!.contextSize} tokens of context (${info!.contextFrom}), completions ${String(info!.completions)}, in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  const selection = { kind: "selection" as const, path: "billing.py", startLine: 1, endLine: 2, text: `TOKEN = "${secret}"\n` };
  const asked = await engine.ask({ askId: "1", question: "where is the invoice total computed?", history: [], attachments: [selection] }, {});
  // This server sends the prompt back before the reply, so what it received can be seen.
  check("answered", asked.prose !== "" && asked.sentTo !== undefined, `${asked.prose.length} characters, ${asked.sentTo?.passages} passages sent, first token after ${Math.round(asked.timings.firstTokenMs ?? 0)} ms`);
  check("without the secret", !asked.prose.includes(secret), asked.prose.includes("<redacted:") ? "what came back has it redacted" : "what came back does not name it");
  const stop = new AbortController();
  const stopped = performance.now();
  const cancelled = await engine.ask({ askId: "2", question: "how is the invoice total computed?", history: [], attachments: [] }, { signal: stop.signal, onEvent: (event) => { if (event.type === "prose") stop.abort(); } }).catch((error: unknown) => String(error));
  check("stopped", typeof cancelled !== "string" && cancelled.stopped, `after ${Math.round(performance.now() - stopped)} ms (${typeof cancelled === "string" ? cancelled : String(cancelled.proseOmitted)})`);
  const wrong = await engine.endpoints.add({ url: `127.0.0.1:${port}`, name: "wrong", model: path.join(place, "no-such-model"), completions: false }).then(() => "it was added", (error: unknown) => (error as Error).message);
  check("a model that is not there", wrong !== "it was added", wrong);
  server.kill("SIGKILL");
  await sleep(500);
  const gone = await engine.ask({ askId: "3", question: "where is the invoice total computed?", history: [], attachments: [] }, {});
  check("a server that is gone", gone.card !== null && gone.sentTo === undefined, gone.proseOmitted ?? "no sentence");
  await engine.close();
} finally {
  server.kill("SIGKILL");
  rmSync(place, { recursive: true, force: true, maxRetries: 5 });
}
process.exit(failures > 0 ? 1 : 0);
