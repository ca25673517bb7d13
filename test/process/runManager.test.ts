import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { SILENT_LOG } from "../../src/engine/base/log.ts";
import { ProcessLock } from "../../src/engine/base/processLock.ts";
import type { RunFigures, RunInfo } from "../../src/engine/protocol/training.ts";
import type { PowerSource } from "../../src/engine/runs/powerSource.ts";
import { RunManager } from "../../src/engine/runs/runManager.ts";
import { newRunId, RunStore } from "../../src/engine/runs/runStore.ts";
import { trainerStarter } from "../../src/engine/runs/trainerProcess.ts";

const fake = fileURLToPath(new URL("trainers/counting.ts", import.meta.url));

interface Bench {
  manager: RunManager;
  store: RunStore;
  machineLock: string;
  states: string[];
  figures: RunFigures[];
  power: { source: PowerSource };
  start: (config?: { steps?: number; stepMs?: number; fault?: string }) => Promise<RunInfo>;
}

const managers: RunManager[] = [];

function bench(folder = mkdtempSync(path.join(tmpdir(), "kalactica-runs-"))): Bench {
  const store = new RunStore(path.join(folder, "runs"));
  const machineLock = path.join(folder, "training.lock");
  const states: string[] = [];
  const figures: RunFigures[] = [];
  const power: { source: PowerSource } = { source: "mains" };
  const manager = new RunManager({
    store, machineLock, log: SILENT_LOG, startTrainer: trainerStarter(fake), power: () => Promise.resolve(power.source),
    settings: () => ({ pauseOnBattery: true, resumeByItself: true }),
    onChanged: ({ id, state }) => { if (states.at(-1) !== `${id.slice(-4)} ${state}`) states.push(`${id.slice(-4)} ${state}`); },
    onFigures: (_, one) => figures.push(one),
    goLive: () => Promise.reject(new Error("the canary was not moved")),
    timings: { followMs: 20, busyMs: 50, powerMs: 60, graceMs: 400 },
  });
  managers.push(manager);
  return {
    manager, store, machineLock, states, figures, power,
    start: ({ steps = 4, stepMs = 5, fault } = {}) => {
      const id = newRunId("sft");
      const config = { steps, stepMs, ...(fault === undefined ? {} : { fault }) };
      return manager.start(
        { id, method: "sft", model: { name: "m", file: "m.gguf", sha256: "0" }, dataset: { name: "d", version: "1" }, dataDir: "", adaptersDir: "", config, promote: "never", executeCode: false, threads: 1, machineLock },
        { id, method: "sft", model: "m", modelFile: "m.gguf", modelSha256: "0", dataset: "d", datasetVersion: "1", config, createdAt: Date.now(), endedAt: null, step: 0, steps: 0, epoch: 0, secondsLeft: null, last: null, receipt: null },
      );
    },
  };
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > end) assert.fail(`did not happen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const steps = (figures: readonly RunFigures[]): number[] => figures.map(({ step }) => step);

describe("RunManager", function () {
  this.timeout(60_000);
  afterEach(() => { for (const manager of managers.splice(0)) manager.close(); });

  it("trains one run after the other and reports every figure once", async () => {
    const { manager, start, states, figures, store } = bench();
    const [first, second] = [await start(), await start()];
    assert.equal((await manager.settled(second.id)).state, "finished");
    assert.equal((await manager.settled(first.id)).state, "finished");
    const [a, b] = [first.id.slice(-4), second.id.slice(-4)];
    assert.ok(states.indexOf(`${a} finished`) < states.indexOf(`${b} preparing`), states.join(", "));
    assert.deepEqual(steps(figures), [1, 2, 3, 4, 1, 2, 3, 4]);
    assert.deepEqual(steps(store.figures(first.id, 3)), [3, 4]);
    assert.deepEqual((await manager.list()).map(({ id }) => id), [second.id, first.id]);
  });

  it("pauses with a checkpoint, and goes on to the same history", async () => {
    const { manager, start, figures, store } = bench();
    const { id } = await start({ steps: 20, stepMs: 15 });
    await until("some steps", () => figures.length > 3);
    await manager.pause(id);
    const paused = await manager.settled(id);
    assert.deepEqual([paused.state, paused.resumable], ["paused", true]);
    await manager.resume(id.slice(0, -2));
    assert.equal((await manager.settled(id)).state, "finished");
    assert.deepEqual(steps(store.figures(id, 0)), Array.from({ length: 20 }, (_, i) => i + 1));
    await assert.rejects(manager.pause(id), /is finished, so there is nothing to pause/);
  });

  it("cancels what waits, what runs, and what does not listen", async () => {
    const { manager, start, figures } = bench();
    const running = await start({ steps: 1_000, stepMs: 15 });
    const waiting = await start();
    assert.equal((await manager.cancel(waiting.id)).state, "cancelled");
    await until("some steps", () => figures.length > 1);
    await manager.cancel(running.id);
    assert.equal((await manager.settled(running.id)).state, "cancelled");
    const deaf = await start({ steps: 1_000, stepMs: 15, fault: "deaf" });
    await until("it runs", async () => (await manager.get(deaf.id)).step > 1);
    await manager.cancel(deaf.id);
    const { state, resumable } = await manager.settled(deaf.id);
    assert.deepEqual([state, resumable], ["cancelled", false]);
    await manager.remove(deaf.id);
    await assert.rejects(manager.get(deaf.id), /There is no training run/);
  });

  it("says what ended a trainer, and goes on afterwards without figures twice", async () => {
    const { manager, start, store } = bench();
    const killed = await start({ fault: "killed" });
    const first = await manager.settled(killed.id);
    assert.equal(first.state, "interrupted");
    assert.match(first.sentence, /ended from outside after step 3 of 4 \(SIGKILL/);
    await manager.resume(killed.id);
    assert.equal((await manager.settled(killed.id)).state, "finished");
    assert.deepEqual(steps(store.figures(killed.id, 0)), [1, 2, 3, 4]);
    const aborted = await start({ fault: "assert" });
    const second = await manager.settled(aborted.id);
    assert.deepEqual([second.state, second.resumable], ["failed", true]);
    assert.match(second.sentence, /SIGABRT\)\. It last said: ggml\.c:100: GGML_ASSERT/);
    const full = await start({ fault: "disk" });
    const third = await manager.settled(full.id);
    assert.deepEqual([third.state, third.sentence], ["interrupted", "There is no space left to write checkpoint.gguf."]);
  });

  it("waits while another window trains", async () => {
    const { manager, start, machineLock } = bench();
    const other = new ProcessLock(machineLock);
    assert.ok(other.tryTake());
    const { id } = await start();
    await until("it waits", async () => /another training run/.test((await manager.get(id)).sentence));
    other.release();
    assert.equal((await manager.settled(id)).state, "finished");
  });

  it("pauses on battery and goes on with mains power", async () => {
    const { manager, start, power, figures } = bench();
    const { id } = await start({ steps: 20, stepMs: 15 });
    await until("some steps", () => figures.length > 1);
    power.source = "battery";
    await until("it pauses", async () => (await manager.get(id)).state === "paused");
    assert.match((await manager.get(id)).sentence, /runs on battery/);
    power.source = "mains";
    await until("it ends", async () => (await manager.get(id)).state === "finished");
  });

  it("is followed by another window, whose engine takes over when the first has left", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "kalactica-runs-"));
    const first = bench(folder);
    const { id } = await first.start({ steps: 200, stepMs: 10 });
    await until("some steps", () => first.figures.length > 2);
    const second = bench(folder);
    await second.manager.recover(true);
    await until("the second window sees figures", () => second.figures.length > 2);
    first.manager.close();
    await until("it was paused and goes on", () => second.states.join().includes("paused") && second.states.at(-1) === `${id.slice(-4)} running`);
    await second.manager.cancel(id);
    assert.equal((await second.manager.settled(id)).state, "cancelled");
  });

  it("finds runs whose trainer died with its engine, and starts a run that always dies only twice", async () => {
    const { manager, start, store } = bench();
    const { id } = await start();
    await manager.settled(id);
    const lost = { ...(await store.get(id)), state: "running" as const, ownerPid: 2 ** 22 + 1, fruitlessStarts: 2 };
    await store.change(id, () => lost);
    writeFileSync(store.path(id, "trainer.log"), "ggml.c:1: GGML_ASSERT(x) failed\n");
    await manager.recover(true);
    const found = await manager.get(id);
    assert.equal(found.state, "interrupted");
    assert.match(found.sentence, /no window watched it.*GGML_ASSERT\(x\)/);
    await store.change(id, () => ({ ...lost, fruitlessStarts: 0 }));
    await manager.recover(true);
    assert.equal((await manager.settled(id)).state, "finished");
  });
});
