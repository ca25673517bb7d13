// Training runs for real: engine and trainer processes on the embedded base model and very small data. What is learnt is
// measured in test/bench/; here it counts that runs survive what befalls them.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { EngineClient } from "../../src/extension/engineClient.ts";
import type { RunFigures, RunInfo, StartRunParams } from "../../src/engine/protocol/training.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const clients: EngineClient[] = [];
const SMALL = {
  maxSteps: 6, batchSize: 2, sequenceLength: 64, epochs: 9, checkpointEverySteps: 2, validateEverySteps: 3, validationSamples: 2, exactMatchCases: 0, shownSamples: 0,
  adapter: { rank: 2, alpha: 4 }, promotion: { generalSamples: 2 },
};

interface Bench { client: EngineClient; folder: string; storageDir: string; changes: RunInfo[]; figures: { id: string; figures: RunFigures }[] }

/** An engine on a folder of its own, with a prepared data set "words". */
async function bench(options: { folder?: string; trusted?: boolean } = {}): Promise<Bench> {
  const folder = options.folder ?? mkdtempSync(path.join(tmpdir(), "kalactica-train-"));
  const storageDir = path.join(folder, "storage");
  mkdirSync(storageDir, { recursive: true });
  const client = new EngineClient({
    modulePath: path.join(root, "dist", "engine.mjs"), execPath: process.execPath, execArgv: ["--disable-warning=ExperimentalWarning"],
    hello: () => ({ client: "test", workspaceDir: null, storageDir, modelsDir: path.join(folder, "models"), settings: { "model.device": "cpu", "training.threads": 1, "training.pauseOnBattery": false }, trusted: options.trusted ?? true }),
    onLog: () => undefined, timings: { backOffMs: [50, 100] },
  });
  clients.push(client);
  const changes: RunInfo[] = [];
  const figures: { id: string; figures: RunFigures }[] = [];
  client.onNotification("train/changed", (run) => changes.push(run));
  client.onNotification("train/figures", (one) => figures.push(one));
  client.start();
  if (!existsSync(path.join(storageDir, "data")) && options.trusted !== false) {
    const file = path.join(folder, "words.jsonl");
    writeFileSync(file, Array.from({ length: 24 }, (_, i) => JSON.stringify({ text: `export function name${i * 7919}(value: number): string {\n  return \`${"abcdefgh"[i % 8] ?? ""}\${value * ${i} + ${i * i}}\`;\n}\n// ${"quick brown fox jumps over lazy dogs every single morning".split(" ").sort(() => (i % 3) - 1).join(" ")} ${i}\n` })).join("\n"));
    await client.request("data/prepare", { source: "file", path: file, name: "words", validationShare: 0.2 });
  }
  return { client, folder, storageDir, changes, figures };
}

async function until<T>(what: string, look: () => T | undefined | false | Promise<T | undefined | false>, ms = 150_000): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) assert.fail(`did not happen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

const stateOf = async (client: EngineClient, id: string): Promise<RunInfo> => (await client.request("train/list", null)).find((run) => run.id === id)!;
const settled = (client: EngineClient, id: string, states: string[]): Promise<RunInfo> => until(`${id} is ${states.join(" or ")}`, async () => {
  const run = await stateOf(client, id);
  if (run.state === "failed" && !states.includes("failed")) assert.fail(run.sentence);
  return states.includes(run.state) ? run : undefined;
});
const start = (client: EngineClient, config: Record<string, unknown> = {}, params: Partial<StartRunParams> = {}): Promise<RunInfo> => client.request("train/start", { method: "sft", dataset: "words", promote: "never", config: { ...SMALL, ...config }, ...params });

/** The process of the trainer of this run. */
function trainerOf(id: string): number | undefined {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      if (readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`${id}\0`)) return Number(pid);
    } catch {
      // It ended meanwhile.
    }
  }
  return undefined;
}

describe("training runs", function () {
  this.timeout(180_000);
  afterEach(async () => {
    for (const client of clients.splice(0)) client.stop();
    await new Promise((resolve) => setTimeout(resolve, 200));
  });

  it("give the same adapter bit for bit when the trainer is killed in between, and report every step once", async function () {
    if (process.platform !== "linux") this.skip();
    const { client, storageDir, figures } = await bench();
    const whole = await settled(client, (await start(client)).id, ["finished"]);
    assert.equal(whole.receipt?.adapterSha256.length, 64);
    const { id } = await start(client);
    await until("the third step", () => figures.some((one) => one.id === id && one.figures.step === 3));
    process.kill(trainerOf(id) ?? assert.fail("there is no trainer"), "SIGKILL");
    const killed = await settled(client, id, ["interrupted"]);
    assert.match(killed.sentence, /ended from outside/);
    await client.request("train/resume", { id });
    const resumed = await settled(client, id, ["finished"]);
    assert.ok(sameAdapter(path.join(storageDir, "adapters"), whole.receipt.adapterSha256, resumed.receipt?.adapterSha256 ?? ""));
    assert.deepEqual(resumed.receipt?.heldOut, whole.receipt?.heldOut);
    const steps = (await client.request("train/figures", { id, fromStep: 0 })).filter(({ loss }) => loss !== undefined).map(({ step }) => step);
    assert.deepEqual(steps, [1, 2, 3, 4, 5, 6]);
  });

  it("queue, pause and are cancelled", async () => {
    const { client, figures, changes } = await bench();
    const first = await start(client, { maxSteps: 200, epochs: 200 });
    const second = await start(client);
    await until("some steps", () => figures.some((one) => one.id === first.id && one.figures.step >= 2));
    assert.equal((await stateOf(client, second.id)).state, "queued");
    await client.request("train/pause", { id: first.id });
    const paused = await settled(client, first.id, ["paused"]);
    assert.ok(paused.resumable && paused.step >= 2);
    await settled(client, second.id, ["running", "evaluating", "finished"]);
    await client.request("train/cancel", { id: second.id }).catch(() => undefined);
    await settled(client, second.id, ["cancelled", "finished"]);
    await client.request("train/cancel", { id: first.id });
    assert.equal((await stateOf(client, first.id)).state, "cancelled");
    assert.ok(changes.some((run) => run.id === first.id && run.state === "pausing"));
  });

  it("stop with a checkpoint when the engine is killed, and go on by themselves with the next one", async function () {
    if (process.platform !== "linux") this.skip();
    const { client, figures } = await bench();
    const { id } = await start(client, { maxSteps: 40, epochs: 40 });
    await until("some steps", () => figures.some((one) => one.figures.step >= 2));
    process.kill(client.pid!, "SIGKILL");
    const seen = figures.length;
    await until("it goes on", () => figures.length > seen && figures.at(-1)!.figures.step > 3);
    await client.request("train/cancel", { id });
    await settled(client, id, ["cancelled"]);
  });

  it("put an adapter live where it is better, for completion too, and take it back", async () => {
    const { client, folder } = await bench();
    const other = await bench({ folder });
    await until("the other window is ready", async () => (await other.client.request("engine/status", null)).model.state === "ready");
    const better = { maxSteps: 12, optimizer: { learningRate: 1e-2 }, promotion: { generalSamples: 2, generalMargin: 5 }, validationSamples: 8 };
    const { id } = await start(client, better, { promote: "whenBetter" });
    const run = await settled(client, id, ["finished"]);
    assert.ok(run.receipt?.promoted, run.sentence);
    const { adapterSha256 } = run.receipt;
    const status = await until("the model uses it", async () => {
      const { model } = await client.request("engine/status", null);
      return model.adapter === adapterSha256 ? model : undefined;
    });
    assert.equal(status.state, "ready");
    const [adapter, ...others] = await until("it is marked as live", async () => {
      const list = await client.request("adapters/list", null);
      return list.some(({ active }) => active) ? list : undefined;
    });
    assert.deepEqual([adapter?.sha256, adapter?.run, others.length], [adapterSha256, id, 0]);
    const usedThere = async (): Promise<unknown> => (await other.client.request("engine/status", null)).model.adapter;
    await until("the other window uses it too", async () => (await usedThere()) === adapterSha256);
    assert.equal(await client.request("adapters/rollback", null), null);
    await until("the other window went back too", async () => (await usedThere()) === null);
    assert.equal((await client.request("engine/status", null)).model.adapter, null);
  });

  it("say what keeps them from starting", async () => {
    const { client } = await bench();
    await assert.rejects(start(client, {}, { dataset: "nothing" }), /nothing/);
    await assert.rejects(start(client, { epochs: "many" }), /epochs is "many"; it must be a number/);
    await assert.rejects(start(client, { adapter: { rnak: 4 } }), /unknown setting "adapter\.rnak"/);
    await assert.rejects(start(client, {}, { method: "dpo" }), /DPO needs preference pairs/);
    const estimate = await client.request("train/estimate", { method: "sft", dataset: "words", config: SMALL });
    assert.ok(estimate.fits && estimate.steps === 6 && estimate.sample.some(({ learnt }) => learnt), JSON.stringify(estimate));
    const untrusted = await bench({ trusted: false });
    await assert.rejects(start(untrusted.client), /while this workspace is not trusted/);
  });

  it("run from the command line, where Ctrl-C pauses", async () => {
    const { client, folder, storageDir } = await bench();
    const { version } = await client.request("data/show", { dataset: "words" });
    client.stop();
    const workspace = path.join(folder, "ws");
    mkdirSync(path.join(workspace, ".kalactica"), { recursive: true });
    assert.ok(version && storageDir);
    const run = (args: string[], interruptAt?: RegExp): Promise<{ code: number | null; out: string; err: string }> => new Promise((resolve) => {
      const child = spawn(process.execPath, [path.join(root, "bin", "kalactica.mjs"), "train", ...args, "--workspace", workspace, "--set", "training.threads=1", "--json"], { env: { ...process.env, KALACTICA_HOME: path.join(folder, "home") } });
      let out = "";
      let err = "";
      let interrupted = false;
      child.stdout.on("data", (data: Buffer) => { out += data.toString(); });
      child.stderr.on("data", (data: Buffer) => {
        err += data.toString();
        if (interruptAt?.test(err) && !interrupted) {
          interrupted = true;
          child.kill("SIGINT");
        }
      });
      child.on("exit", (code) => resolve({ code, out, err }));
    });
    const config = path.join(folder, "run.yaml");
    writeFileSync(config, "batchSize: 2\nsequenceLength: 64\nvalidationSamples: 2\nexactMatchCases: 0\nshownSamples: 0\nepochs: 100\nadapter:\n  rank: 2\npromotion:\n  generalSamples: 2\n");
    const first = await run(["sft", "--data", path.join(folder, "words.jsonl"), "--config", config, "--steps", "60", "--no-promote"], /step: \d+ \/ 60/);
    const paused = JSON.parse(first.out) as { run: string; state: string; step: number };
    assert.deepEqual([paused.state, first.code], ["paused", 0], first.err);
    writeFileSync(config, "epochs: [");
    const broken = await run(["sft", "--data", "words", "--config", config]);
    assert.equal(broken.code, 1);
    assert.match(broken.err, /run\.yaml:\d+ is not YAML/);
    const listed = JSON.parse((await run(["status"])).out) as { runs: RunInfo[] };
    assert.deepEqual(listed.runs.map(({ id, state }) => [id, state]), [[paused.run, "paused"]]);
    const cancelled = JSON.parse((await run(["cancel", paused.run.slice(-4)])).out) as { state: string };
    assert.equal(cancelled.state, "cancelled");
  });
});

/** Whether two adapter files hold the same tensors; what they say of their runs differs. */
function sameAdapter(folder: string, one: string, other: string): boolean {
  const tensors = (sha256: string): Buffer => {
    const bytes = readFileSync(path.join(folder, `${sha256}.gguf`));
    // Tensors come last; those of rank 2 on this model take this many bytes at least.
    return bytes.subarray(bytes.length - 30_000);
  };
  return tensors(one).equals(tensors(other));
}
