// The adapter store against kill -9: a process that works on it is killed before its 1st, 2nd, 3rd … change of a file, until it
// gets through; whatever is found afterwards must be a state that a user could have left.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { AdapterStore } from "../../src/engine/training/adapters/store.ts";
import { writeTinyModel } from "../../tools/random-model.ts";

const worker = fileURLToPath(new URL("engines/adapterWorker.ts", import.meta.url));
const base = "a".repeat(64);

describe("adapter store, killed at any moment", () => {
  let folder: string;
  let model: string;

  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-killed-"));
    model = path.join(folder, "tiny.gguf");
    await writeTinyModel(model);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("is whole before every change of a file", async function () {
    this.timeout(120_000);
    let killed = 0;
    const seen = new Set<string>();
    for (let at = 1; ; at++) {
      const place = path.join(folder, `store-${at}`);
      const { signal, output } = await run(place, at);
      const said = output.split("\n").filter((line) => line !== "");
      const store = new AdapterStore(place);
      const adapters = await store.list();
      assert.deepEqual(adapters.filter(({ problem }) => problem !== undefined), [], `killed before change ${at}`);
      for (const { sha256 } of adapters) await store.verify(sha256);
      const { sha256: active, problem } = await store.active(base);
      assert.equal(problem, undefined);
      assert.ok(active === null || adapters.some(({ sha256 }) => sha256 === active), "what is live is there");
      // What was said to be done stays done; one step more may have been done without having been said.
      const states = [0, 1, 2, 3, 4, 5, 6].map(stateAfter);
      const found = `${adapters.length} ${active === null ? "none" : adapters.findIndex(({ sha256 }) => sha256 === active) >= 0 ? nameOf(adapters, active) : "?"}`;
      assert.ok([states[said.length], states[said.length + 1]].includes(found), `after ${JSON.stringify(said)}: ${found}`);
      seen.add(found);
      if (signal === null) break;
      killed++;
      if (at % 6 !== 0) continue;
      // The next process goes on from there.
      const again = await run(place, 0);
      assert.equal(again.signal, null);
    }
    assert.ok(killed > 15, `killed ${killed} times`);
    assert.deepEqual([...seen].sort(), ["0 none", "1 none", "1 one", "2 none", "2 one", "2 two"].sort());
  });

  function stateAfter(steps: number): string {
    return ["0 none", "1 none", "2 none", "2 one", "2 two", "2 one", "1 one"][steps] ?? "";
  }

  /** Adapters are told apart by their times: the first is of 1. */
  function nameOf(adapters: readonly { sha256: string; createdAt: number }[], sha256: string): string {
    return adapters.find((adapter) => adapter.sha256 === sha256)?.createdAt === 1 ? "one" : "two";
  }

  /** `killAt` 0: not at all. */
  function run(place: string, killAt: number): Promise<{ signal: string | null; output: string }> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [worker, place, model, String(killAt)], { stdio: ["ignore", "pipe", "inherit"] });
      let output = "";
      child.stdout.on("data", (chunk: Buffer) => { output += chunk.toString(); });
      child.on("error", reject);
      child.on("close", (code, signal) => {
        if (code !== 0 && signal !== "SIGKILL") reject(new Error(`the worker ended with ${code}`));
        else resolve({ signal, output });
      });
    });
  }
});
