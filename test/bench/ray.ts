// A run on a real Ray cluster, started here on loopback with bounded resources: TRL on the processor, a tiny chat model, through
// the command line as a user would. Shows that the job's figures stream, that the adapter comes back without a common file
// system (the job's working folder is not read), that it means the same in PEFT and in llama.cpp, that cancelling stops the job,
// and that a wrong address and a failing script are told in a sentence.
//   node test/bench/ray.ts --python /path/to/venv/bin/python [--workers 2] [--url http://127.0.0.1:8265] [--keep]
// With --url, a cluster that runs already (on this machine: the tiny model is a folder here).
// PYTHON must have ray[default], torch, transformers, peft, trl and datasets. Not part of the unit suite: it takes minutes.
import { execFile, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { getLlama } from "node-llama-cpp";
import type { Token } from "node-llama-cpp";
import { CancelledError, EngineError } from "../../src/engine/base/errors.ts";
import { followRayJob, submitToRay } from "../../src/engine/training/scaleOut/ray.ts";
import { RayJobs } from "../../src/engine/training/scaleOut/rayJobs.ts";
import { transformersToGguf } from "./transformersToGguf.ts";

const { values } = parseArgs({ options: { python: { type: "string" }, workers: { type: "string", default: "1" }, url: { type: "string" }, keep: { type: "boolean", default: false } } });
if (values.python === undefined) {
  console.error("Usage: node test/bench/ray.ts --python PYTHON [--workers 2] [--keep]");
  process.exit(2);
}
const python = path.resolve(values.python);
// Outside of 10002 to 19999, which Ray takes for its workers.
const port = 8299;
const url = values.url ?? `http://127.0.0.1:${port}`;
const folder = mkdtempSync(path.join(os.tmpdir(), "kl-ray-"));
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const checks: { name: string; ok: boolean; detail: string }[] = [];
const check = (name: string, ok: boolean, detail: string): void => {
  checks.push({ name, ok, detail });
  console.log(`${ok ? "ok    " : "FAILED"} ${name}: ${detail}`);
};
const environment = { ...process.env, KALACTICA_HOME: path.join(folder, "home"), OMP_NUM_THREADS: "1", HF_HUB_OFFLINE: "1", RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO: "0", RAY_USAGE_STATS_ENABLED: "0",
  // On a machine that is busy otherwise, half a minute is too short for the dashboard's parts to start.
  RAY_DASHBOARD_SUBPROCESS_MODULE_WAIT_READY_TIMEOUT: "400", RAY_DASHBOARD_STARTUP_TIMEOUT_S: "400" };

const base = path.join(folder, "base");
const gguf = path.join(folder, "base.gguf");
execFileSync(python, [here("ray.py"), base], { stdio: ["ignore", "inherit", "ignore"], env: environment });
await transformersToGguf(base, gguf);
writeFileSync(path.join(folder, "data.jsonl"), Array.from({ length: 40 }, (_, i) => JSON.stringify({ messages: [{ role: "user", content: `double ${i}` }, { role: "assistant", content: `is ${2 * i}` }] })).join("\n"));

const log = openSync(path.join(folder, "cluster.log"), "w");
// Ends with this program: --block keeps its processes below it.
const cluster = values.url !== undefined ? null : spawn(python, ["-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus=2", "--num-gpus=0", "--port=6399", "--node-ip-address=127.0.0.1", "--dashboard-host=127.0.0.1", `--dashboard-port=${port}`, // Fixed ports: the cluster would otherwise wait a quarter of a minute for each, and give up.
  "--dashboard-agent-grpc-port=8301", "--metrics-export-port=8302", "--dashboard-agent-listen-port=8303", "--runtime-env-agent-port=8304", "--object-store-memory=100000000", "--disable-usage-stats", "--temp-dir", path.join(folder, "ray")], { stdio: ["ignore", log, log], env: environment });
let failure: unknown;
try {
  await untilUp();
  await run();
} catch (error) {
  failure = error;
  console.error(error);
} finally {
  if (cluster !== null) {
    cluster.kill("SIGTERM");
    await new Promise((resolve) => {
      cluster.once("close", resolve);
      setTimeout(resolve, 20_000);
    });
  }
  if (!values.keep) rmSync(folder, { recursive: true, force: true });
}
const failed = checks.filter(({ ok }) => !ok).length + (failure === undefined ? 0 : 1);
console.log(failed === 0 ? `all ${checks.length} checks hold` : `${failed} FAILED`);
process.exit(failed === 0 ? 0 : 1);

async function untilUp(): Promise<void> {
  const begun = performance.now();
  for (;;) {
    try {
      console.log(`Ray ${await new RayJobs({ url }).version()} is up after ${((performance.now() - begun) / 1000).toFixed(0)} s`);
      return;
    } catch (error) {
      if (cluster !== null && cluster.exitCode !== null) throw new Error(readFileSync(path.join(folder, "cluster.log"), "utf8").slice(-2000), { cause: error });
      if (performance.now() - begun > 180_000) throw error;
      await sleep(1000);
    }
  }
}

async function run(): Promise<void> {
  const began = performance.now();
  const trained = await kalactica("train", "sft", "--data", path.join(folder, "data.jsonl"), "--on", `ray=${url}`, "--base", base, "--python", python, "--epochs", "6", "--rate", "0.02", "--batch", "8", "--workers", values.workers, "--json");
  const figures = [...trained.stderr.matchAll(/loss (\d+\.\d+)/g)].map((match) => Number(match[1]));
  check("the job's figures stream", figures.length >= 2 && (figures.at(-1) ?? 9) < (figures[0] ?? 0) - 0.3, `${figures.length} points, loss ${figures[0]} → ${figures.at(-1)}, ${((performance.now() - began) / 1000).toFixed(0)} s in all`);
  const { adapter, job } = JSON.parse(trained.stdout) as { job: string; adapter: { sha256: string; file: string; run: string; rank: number } };
  check("the adapter came back and names its job", adapter.run === job && adapter.rank === 16, adapter.sha256.slice(0, 12));

  await kalactica("adapters", "activate", adapter.sha256.slice(0, 12), "--json");
  check("it is live, the canary having seen it applied", true, "activated");
  const exported = path.join(folder, "exported");
  await kalactica("adapters", "export", adapter.sha256.slice(0, 12), "--format", "peft", "--out", exported, "--json");
  execFileSync(python, [here("adapterParity.py"), "logits", base, exported, path.join(folder, "logits.json")], { stdio: "ignore", env: environment });
  const theirs = (JSON.parse(readFileSync(path.join(folder, "logits.json"), "utf8")) as { adapted: number[][] }).adapted;
  const [ours, alone] = [await logits(adapter.file), await logits()];
  const difference = largest(ours, theirs);
  check("it means the same in PEFT and in llama.cpp (≤ 1e-3)", difference <= 1e-3, `${difference.toExponential(2)}; the adapter changes logits by up to ${largest(ours, alone).toFixed(2)}`);

  const again = await kalactica("train", "fetch", job, "--on", `ray=${url}`, "--json");
  check("an ended job can be followed again", (JSON.parse(again.stdout) as { adapter: { sha256: string } }).adapter.sha256 === adapter.sha256, "the same adapter");

  const jobs = new RayJobs({ url });
  const slow = path.join(folder, "slow");
  execFileSync("mkdir", [slow]);
  writeFileSync(path.join(slow, "train_trl.py"), "import time\nprint('begun', flush=True)\ntime.sleep(600)\n");
  const id = await submitToRay(jobs, slow, { python });
  const abort = new AbortController();
  const ended = await followRayJob(jobs, id, folder, { signal: abort.signal, onLog: (line) => { if (line === "begun") abort.abort(); } }).then(() => null, (error: unknown) => error);
  let state = await jobs.job(id);
  for (let i = 0; i < 20 && state.state === "RUNNING"; i++) {
    await sleep(500);
    state = await jobs.job(id);
  }
  check("cancelling stops the job", ended instanceof CancelledError && state.state === "STOPPED", state.state);

  writeFileSync(path.join(slow, "train_trl.py"), "raise SystemExit('the data are not there')\n");
  const broken = await followRayJob(jobs, await submitToRay(jobs, slow, { python }), folder).then(() => null, (error: unknown) => error);
  check("a failing script is told in a sentence", broken instanceof EngineError && /failed: .*the data are not there/.test(broken.message), broken instanceof Error ? broken.message : String(broken));
  const nobody = await new RayJobs({ url: "http://127.0.0.1:1" }).version().then(() => null, (error: unknown) => error);
  check("a wrong address is told in a sentence", nobody instanceof EngineError && /cannot be reached \(ECONNREFUSED\)/.test(nobody.message), nobody instanceof Error ? nobody.message : String(nobody));
}

/** The command line in a workspace of its own, on the tiny model. */
function kalactica(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, [here("../../src/engine/cli.ts"), ...args, "--workspace", folder, "--model", gguf], { env: environment, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`kalactica ${args.join(" ")}: ${stderr.slice(-2000)}`, { cause: error }));
      else resolve({ stdout, stderr });
    });
    child.stderr?.pipe(process.stderr);
  });
}

async function logits(adapter?: string): Promise<number[][]> {
  const tokens = Array.from({ length: 40 }, (_, i) => (7 * i * i + 11 * i + 13) % 262);
  const llama = await getLlama({ gpu: false, build: "never", progressLogs: false });
  const model = await llama.loadModel({ modelPath: gguf, gpuLayers: 0 });
  const context = await model.createContext({
    contextSize: 128, threads: 1, flashAttention: false, experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32",
    ...adapter === undefined ? {} : { lora: { adapters: [{ filePath: adapter }] } },
  });
  const outputs = await context.getSequence().controlledEvaluate(tokens.map((token) => [token as Token, { generateNext: { logits: true } }]));
  const rows = outputs.map((output) => Array.from({ length: output?.next.logits?.size ?? 0 }, (_, id) => output?.next.logits?.get(id as Token) ?? NaN));
  await model.dispose();
  return rows;
}

function largest(one: number[][], other: number[][]): number {
  return Math.max(...one.map((row, i) => Math.max(...row.map((value, j) => Math.abs(value - (other[i]?.[j] ?? NaN))))));
}
