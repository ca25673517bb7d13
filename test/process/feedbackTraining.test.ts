// From what a user does with suggestions to a model that learnt from it, over the real wire: the embedded base suggests, what it
// suggested is typed over, the outcomes become preference pairs, and DPO trains on them. What is gained is measured in test/bench/.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { RunInfo } from "../../src/engine/protocol/training.ts";
import { EngineClient } from "../../src/extension/engineClient.ts";

const modulePath = fileURLToPath(new URL("../../dist/engine.mjs", import.meta.url));
/** Beginnings that a code model goes on with, and what the user writes there. */
const TYPED = [
  ["export function add(first: number, second: number): number {\n  return ", "second + first;"], ["const names: string[] = [];\nfor (const name of ", "allNames) {"],
  ["import path from \"node:path\";\nconst folder = path.join(", "base, leaf);"], ["if (value === undefined) {\n  throw new Error(", "message);"],
  ["class Queue {\n  size(): number {\n    return ", "this.items.length;"], ["const total = prices.reduce((sum, price) => ", "price + sum, 0);"],
  ["export async function load(file: string): Promise<string> {\n  const text = await ", "readText(file);"], ["const response = await fetch(", "endpoint);"],
  ["for (let i = 0; i < ", "limit; i += 1) {"], ["const copy = { ...", "original };"], ["export const isEmpty = (list: unknown[]): boolean => ", "list.length < 1;"], ["switch (kind) {\n  case ", "Kind.First:"],
] as const;

describe("learning from what became of suggestions", function () {
  this.timeout(180_000);
  let folder: string;
  let client: EngineClient | null = null;
  before(() => assert.ok(existsSync(modulePath), "dist/engine.mjs is missing: npm run build"));
  beforeEach(() => { folder = mkdtempSync(path.join(tmpdir(), "kalactica-feedback-training-")); });
  afterEach(async () => {
    client?.stop();
    await new Promise((resolve) => setTimeout(resolve, 200));
    rmSync(folder, { recursive: true, force: true });
  });

  it("goes from a recording to pairs to a trained adapter", async () => {
    const storageDir = path.join(folder, ".kalactica");
    mkdirSync(storageDir, { recursive: true });
    const settings = { "model.device": "cpu", "index.enabled": false, "completion.gate": 0, "completion.timeoutMs": 5_000, "training.threads": 1, "training.pauseOnBattery": false };
    client = new EngineClient({
      modulePath, execPath: process.execPath, execArgv: ["--disable-warning=ExperimentalWarning"], timings: { backOffMs: [50, 100] }, onLog: () => undefined,
      hello: () => ({ client: "test", workspaceDir: folder, storageDir, modelsDir: path.join(storageDir, "models"), settings, trusted: true }),
    });
    client.start();
    const engine = client;
    await engine.whenReady();
    let suggested = 0;
    for (const [i, [prefix, instead]] of TYPED.entries()) {
      // The first requests may come while the model is being loaded.
      for (let attempt = 0; attempt < 50; attempt++) {
        const { completionId, text } = await engine.request("completion/complete", { path: `src/file${i}.ts`, language: "typescript", prefix: `// file ${i}\n${prefix}`, suffix: "\n", line: 2 + prefix.split("\n").length - 1, column: (prefix.split("\n").at(-1) ?? "").length, trigger: "automatic" });
        if (text !== null && text !== instead) {
          engine.notify("completion/outcome", { completionId, outcome: "shown" });
          engine.notify("completion/outcome", { completionId, outcome: "rejected", instead });
          suggested++;
        }
        if (text !== null || (i > 0 && suggested > 0)) break;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
    assert.ok(suggested >= 6, `only ${suggested} suggestions were made`);
    const data = await engine.request("data/prepare", { source: "feedback", name: "feedback", validationShare: 0.3 });
    // What was written instead may come to the same as the suggestion.
    assert.ok((data.kinds["preference"] ?? 0) >= suggested - 2, `${data.kinds["preference"]} pairs of ${suggested} suggestions`);
    assert.ok(data.validation >= 1 && data.train >= 3, `${data.train} to train, ${data.validation} held out`);
    const { id } = await engine.request("train/start", {
      method: "dpo", dataset: "feedback", promote: "never",
      config: { maxSteps: 3, epochs: 9, batchSize: 3, sequenceLength: 128, exactMatchCases: 0, shownSamples: 0, optimizer: { learningRate: 1e-3 }, adapter: { rank: 4, alpha: 8 }, promotion: { generalSamples: 2, draws: 200 } },
    });
    let run: RunInfo | undefined;
    for (const end = Date.now() + 150_000; Date.now() < end && run?.receipt == null; await new Promise((resolve) => setTimeout(resolve, 50))) {
      run = (await engine.request("train/list", null)).find((one) => one.id === id);
      if (run?.state === "failed") assert.fail(run.sentence);
    }
    assert.equal(run?.receipt?.method, "dpo");
    const judged = run?.receipt?.preference?.n ?? 0;
    assert.ok(judged >= 1 && judged <= data.validation, `${judged} held-out pairs of ${data.validation} records`);
    const figures = await engine.request("train/figures", { id, fromStep: 0 });
    assert.equal(figures.filter(({ margin }) => margin !== undefined).length, 3);
  });
});
