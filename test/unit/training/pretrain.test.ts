// A whole pretraining run at tiny scale: it learns, resumes bit by bit however it ended, and says what is wrong with bad input.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { EngineError } from "../../../src/engine/base/errors.ts";
import type { ErrorReason } from "../../../src/engine/base/errors.ts";
import { readGguf } from "../../../src/engine/base/gguf.ts";
import { runPretrain } from "../../../src/engine/training/pretrain/pretrainCommand.ts";
import type { PretrainProgress } from "../../../src/engine/training/pretrain/pretrainCommand.ts";
import { tinyConfig, writeTinyRun } from "./tinyRun.ts";

describe("pretraining", () => {
  let folder: string;
  let data: string;
  let config: string;
  const niceness = os.getPriority();
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "pretrain-"));
    ({ data, config } = await writeTinyRun(folder));
  });
  after(() => rm(folder, { recursive: true }));
  const run = (name: string): string => path.join(folder, name);
  const options = (name: string, resume = false) => ({ data, run: run(name), config, resume, niceness, blas: "ggml" });
  /** The checkpoint without the run's duration, which no two runs share. */
  const checkpoint = async (name: string): Promise<{ tensors: Buffer; state: unknown }> => {
    const file = path.join(run(name), "checkpoint.gguf");
    const gguf = await readGguf(file);
    const state = JSON.parse(gguf.metadata.get("checkpoint.state") as string) as object;
    return { tensors: (await readFile(file)).subarray(gguf.dataOffset), state: { ...state, trainedSeconds: 0 } };
  };
  const refuses = (promise: Promise<unknown>, reason: ErrorReason, sentence: RegExp) =>
    assert.rejects(promise, (error: unknown) => error instanceof EngineError && error.reason === reason && sentence.test(error.message));

  it("lowers the loss, measures, logs and exports a model", async () => {
    const progress: PretrainProgress[] = [];
    const result = await runPretrain(options("whole"), { onProgress: (p) => progress.push(p) });
    assert.equal(result.state, "finished");
    assert.equal(result.step, 12);
    assert.equal(result.tokensSeen, 12 * 128);
    const [first, last] = [progress[0], progress.at(-1)];
    assert.ok(first && last && last.loss < first.loss - 1, `loss went from ${first?.loss} to ${last?.loss}`);
    assert.deepEqual(progress.map((p) => p.phase).join(" "), "warmup warmup stable stable stable stable stable stable decay decay decay decay");
    assert.ok(last.heldOut && last.heldOut.bitsPerByte < (progress[5]?.heldOut?.bitsPerByte ?? 0));
    assert.deepEqual(Object.keys(last.heldOut.bitsPerByteByLanguage).sort(), ["py", "ts"]);
    const lines = (await readFile(path.join(run("whole"), "log.jsonl"), "utf8")).trim().split("\n").map((line) => (JSON.parse(line) as { kind: string }).kind);
    assert.deepEqual([lines.filter((kind) => kind === "step").length, lines[0], lines.at(-1)], [12, "start", "end"]);
    const model = await readGguf(result.model);
    assert.equal(model.metadata.get("llama.attention.head_count_kv"), 2);
    assert.equal(model.metadata.get("tokenizer.ggml.fim_mid_token_id"), 3);
  });

  it("goes on bit by bit after a pause in the middle of a step", async () => {
    const pause = new AbortController();
    let steps = 0;
    const paused = await runPretrain(options("paused"), {
      signal: pause.signal,
      // Aborted while the fifth step is under way: it is dropped and done again.
      onProgress: () => { if (++steps === 4) setImmediate(() => pause.abort()); },
    });
    assert.deepEqual([paused.state, paused.step], ["paused", 4]);
    const resumed = await runPretrain(options("paused", true));
    assert.deepEqual([resumed.state, resumed.step], ["finished", 12]);
    assert.deepEqual(await checkpoint("paused"), await checkpoint("whole"));
  });

  it("survives kill -9 and loses no more than the steps since the last checkpoint", async () => {
    const script = path.resolve("tools/base-model/pretrain.ts");
    const child = spawn(process.execPath, [script, "--data", data, "--run", run("killed"), "--config", config, "--blas", "ggml"], { stdio: "ignore" });
    const log = path.join(run("killed"), "log.jsonl");
    while (!(await readFile(log, "utf8").catch(() => "")).includes('"kind":"checkpoint"')) await delay(20);
    child.kill("SIGKILL");
    await once(child, "exit");
    const stopped = (await checkpoint("killed")).state as { step: number };
    assert.ok(stopped.step >= 3 && stopped.step % 3 === 0);
    await runPretrain(options("killed", true));
    assert.deepEqual(await checkpoint("killed"), await checkpoint("whole"));
  });

  it("is prolonged from the checkpoint that was kept before the decay", async () => {
    await runPretrain({ ...options("prolonged"), maxSteps: 1 });
    await copyFile(path.join(run("whole"), "stable.gguf"), path.join(run("prolonged"), "checkpoint.gguf"));
    const longer = run("longer.json");
    await writeFile(longer, JSON.stringify({ ...tinyConfig, schedule: { steps: 14, warmupSteps: 2, decaySteps: 4 } }));
    const progress: PretrainProgress[] = [];
    await runPretrain({ ...options("prolonged", true), config: longer }, { onProgress: (p) => progress.push(p) });
    assert.deepEqual(progress.map((p) => `${p.step} ${p.phase}`), ["9 stable", "10 stable", "11 decay", "12 decay", "13 decay", "14 decay"]);
  });

  it("goes on from an exported model", async () => {
    const from = run("from.json");
    await writeFile(from, JSON.stringify({ ...tinyConfig, initialisation: { kind: "model", model: path.join(run("whole"), "model.gguf") } }));
    const losses: number[] = [];
    await runPretrain({ ...options("from"), config: from, maxSteps: 1 }, { onProgress: ({ loss }) => losses.push(loss) });
    const scratch: number[] = [];
    await runPretrain({ ...options("scratch"), maxSteps: 1 }, { onProgress: ({ loss }) => scratch.push(loss) });
    assert.ok((losses[0] ?? 9) < (scratch[0] ?? 0) - 1, `first loss ${losses[0]} against ${scratch[0]} from scratch`);
    await writeFile(from, JSON.stringify({ ...tinyConfig, shape: { ...tinyConfig.shape, feedForward: 96 }, initialisation: { kind: "model", model: path.join(run("whole"), "model.gguf") } }));
    await refuses(runPretrain({ ...options("misfit"), config: from }), "badRequest", /llama.feed_forward_length 64/);
  });

  it("gives the same weights again for the same seed, and others for another", async () => {
    await runPretrain({ ...options("again"), maxSteps: 3 });
    await runPretrain({ ...options("again2"), maxSteps: 3 });
    assert.deepEqual(await checkpoint("again"), await checkpoint("again2"));
    const other = run("other.json");
    await writeFile(other, JSON.stringify({ ...tinyConfig, seed: 2 }));
    await runPretrain({ ...options("other"), config: other, maxSteps: 3 });
    assert.notDeepEqual((await checkpoint("other")).tensors, (await checkpoint("again")).tensors);
    await refuses(runPretrain({ ...options("again", true), config: other }), "badRequest", /another model shape, data or seed/);
  });

  it("refuses what cannot work, in a sentence", async () => {
    await refuses(runPretrain(options("whole")), "badRequest", /already holds a run/);
    await refuses(runPretrain({ ...options("x1"), data: run("nowhere") }), "notFound", /Prepare the corpus/);
    const bad = async (name: string, content: string): Promise<string> => {
      await writeFile(run(name), content);
      return run(name);
    };
    await refuses(runPretrain({ ...options("x2"), config: await bad("a.json", "{") }), "badRequest", /not valid JSON/);
    await refuses(runPretrain({ ...options("x3"), config: await bad("b.json", '{"shape":{"dimm":3}}') }), "badRequest", /unknown key "shape.dimm"/);
    await refuses(runPretrain({ ...options("x4"), config: await bad("c.json", '{"shape":{"dim":33}}') }), "badRequest", /multiple/);
    await refuses(runPretrain({ ...options("x5"), config: await bad("d.json", '{"batch":{"sequenceLength":"long"}}') }), "badRequest", /sequenceLength/);
    await refuses(runPretrain({ ...options("x6"), blas: run("a.json") }), "nativeMissing", /not a library/);
    const cutOff = run("cut-off");
    const fresh = await writeTinyRun(cutOff);
    await truncate(path.join(fresh.data, "train.u16"), 1001);
    await refuses(runPretrain({ ...options("x7"), data: fresh.data }), "dataInvalid", /odd number of bytes/);
    await writeFile(path.join(fresh.data, "train.u16"), new Uint8Array(Uint16Array.from({ length: 1000 }, () => 999).buffer));
    await refuses(runPretrain({ ...options("x8"), data: fresh.data }), "dataInvalid", /token 999 at position 0/);
  });

  it("stops with the last good weights when the loss is no number", async () => {
    const wild = run("wild.json");
    await writeFile(wild, JSON.stringify({ ...tinyConfig, optimizer: { muonRate: 1e30, adamRate: 1e30, embeddingRate: 1e30 } }));
    await refuses(runPretrain({ ...options("wild"), config: wild }), "trainingFailed", /loss became/);
  });

  it("does not let two processes train in one folder", async () => {
    await runPretrain({ ...options("locked"), maxSteps: 1 });
    const other = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
    await writeFile(path.join(run("locked"), "run.lock"), String(other.pid));
    await refuses(runPretrain(options("locked", true)), "busyElsewhere", /already training/);
    other.kill();
    await once(other, "exit");
    assert.equal((await runPretrain(options("locked", true))).state, "finished");
  });
});
