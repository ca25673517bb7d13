// How far apart the two computations of a canary lie: the trainer's (ggml, F32 caches) and the assistant's (llama.cpp, half-
// precision caches), for adapters of several strengths, right and wrong ones. The allowances in src/engine/model/canary.ts are
// chosen by these figures.
//   node test/bench/adapterCanary.ts [--models a.gguf,b.gguf] [--seeds 3]
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { SILENT_LOG } from "../../src/engine/base/log.ts";
import { mediaFile } from "../../src/engine/base/paths.ts";
import { readGguf } from "../../src/engine/base/gguf.ts";
import { SeededRandom } from "../../src/engine/base/random.ts";
import { openBackend } from "../../src/engine/model/backend.ts";
import { CANARY_TEXT, CANARY_TOKENS, checkCanary } from "../../src/engine/model/canary.ts";
import { openSampleTokenizer } from "../../src/engine/model/sampleTokenizer.ts";
import type { PackedBatch } from "../../src/engine/training/adaptedModel.ts";
import { pairsOf, writeLora } from "../../src/engine/training/adapters/loraFile.ts";
import type { Canary } from "../../src/engine/training/adapters/loraFile.ts";
import { openAdaptedModel } from "../../src/engine/training/network/openAdaptedModel.ts";

const STRENGTHS = [0.001, 0.005, 0.02, 0.1];
const { values } = parseArgs({ options: { models: { type: "string" }, seeds: { type: "string", default: "3" } } });
const models = values.models?.split(",") ?? [mediaFile("models", "kalactica-base.gguf")];
const folder = mkdtempSync(path.join(os.tmpdir(), "kalactica-canary-"));

for (const modelFile of models) {
  const architecture = String((await readGguf(modelFile)).metadata.get("general.architecture"));
  const tokenizer = await openSampleTokenizer(modelFile);
  const tokens = tokenizer.encode(CANARY_TEXT).slice(0, CANARY_TOKENS);
  await tokenizer.close();
  const batch: PackedBatch = {
    nTokens: tokens.length, tokens: Int32Array.from(tokens), labels: Int32Array.from([...tokens.slice(1), 0]), learnt: Uint8Array.from(tokens, (_, i) => (i < tokens.length - 1 ? 1 : 0)),
    positions: Int32Array.from(tokens, (_, i) => i), segments: new Int32Array(tokens.length),
  };
  const adapters: { strength: number; file: string; sha256: string; canary: Canary }[] = [];
  for (const strength of STRENGTHS) {
    for (let seed = 1; seed <= Number(values.seeds); seed++) {
      const model = await openAdaptedModel({
        modelFile, adapter: { rank: 16, alpha: 32, targets: ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"], rankStabilised: false, seed },
        optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, clipNorm: 1 }, maxTokens: 64, threads: 1, blas: "ggml",
      });
      const random = new SeededRandom(seed);
      model.restore(model.state().map((tensor) => (tensor.name.endsWith(".lora_b") ? { ...tensor, values: tensor.values.map(() => strength * random.normal()) } : tensor)));
      const read = async (adapter: "on" | "off"): Promise<number[]> => [...(await model.logProbabilities(batch, adapter)).slice(0, tokens.length - 1)];
      const canary = { tokens, adapted: await read("on"), base: await read("off") };
      const written = await writeLora(folder, { facts: { architecture, rank: 16, alpha: 32, baseSha256: null, method: "sft", datasetVersion: null, run: null, canary }, pairs: pairsOf(model.adapter(), "it") });
      model.close();
      adapters.push({ strength, ...written, canary });
    }
  }
  const backend = await openBackend("cpu", SILENT_LOG);
  const loaded = await backend.llama.loadModel({ modelPath: modelFile, gpuLayers: 0 });
  console.log(`${path.basename(modelFile)} (${architecture}), ${tokens.length} tokens, ${values.seeds} seeds each; nats a token, root mean square`);
  console.log("size of B   expected change   right: deviation (share)   accepted   another's: deviation (share)   accepted");
  for (const strength of STRENGTHS) {
    const rows = { expected: [] as number[], right: [] as number[], wrong: [] as number[], accepted: 0, mistaken: 0, n: 0 };
    for (const [i, adapter] of adapters.entries()) {
      if (adapter.strength !== strength) continue;
      const right = await checkCanary(loaded, adapter, 1);
      // The expectation of the adapter with the next seed, of the same strength.
      const other = adapters.filter((one) => one.strength === strength && one !== adapter)[i % (Number(values.seeds) - 1)];
      const wrong = other && await checkCanary(loaded, { ...adapter, canary: other.canary }, 1);
      rows.n++;
      rows.expected.push(right.expected ?? NaN);
      rows.right.push(right.deviation ?? NaN);
      rows.wrong.push(wrong?.deviation ?? NaN);
      rows.accepted += right.applied ? 1 : 0;
      rows.mistaken += wrong?.applied === true ? 1 : 0;
    }
    const mean = (list: number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
    const [expected, deviation, wrong] = [mean(rows.expected), mean(rows.right), mean(rows.wrong)];
    console.log(`${String(strength).padEnd(11)} ${expected.toFixed(4).padEnd(17)} ${`${deviation.toFixed(4)} (${(deviation / expected).toFixed(2)})`.padEnd(26)} ${`${rows.accepted}/${rows.n}`.padEnd(10)} ${`${wrong.toFixed(4)} (${(wrong / expected).toFixed(2)})`.padEnd(30)} ${rows.mistaken}/${rows.n}`);
  }
  await loaded.dispose();
  await backend.release();
}
rmSync(folder, { recursive: true, force: true });
process.exit(0);
