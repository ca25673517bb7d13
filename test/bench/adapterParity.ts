// An adapter must mean the same in PEFT and here: logits of tiny random models (unquantised) with random adapters, both ways.
//   from PEFT: saved by PEFT, converted, loaded by node-llama-cpp; plain, rank-stabilised, and with ranks and alphas by pattern
//   to PEFT:   written by the trainer's writer, loaded by node-llama-cpp, exported, loaded by PEFT
//   merged:    base and adapter against the merged file, both in node-llama-cpp
// Prints the largest difference of a logit; exits 1 where one is above 1e-3 beyond what the two engines differ by without any
// adapter (only Gemma: ggml looks its GELU up in a table of half-precision numbers).
//   node test/bench/adapterParity.ts --python /path/to/venv/bin/python [--folder DIR]
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { getLlama } from "node-llama-cpp";
import type { Token } from "node-llama-cpp";
import { readGguf } from "../../src/engine/base/gguf.ts";
import { SeededRandom } from "../../src/engine/base/random.ts";
import { readLora, pairsOf, tensorsOf, writeLora } from "../../src/engine/training/adapters/loraFile.ts";
import type { LoraPair } from "../../src/engine/training/adapters/loraFile.ts";
import { mergeAdapter } from "../../src/engine/training/adapters/merge.ts";
import { layoutOf, readPeft, writePeft } from "../../src/engine/training/adapters/peft.ts";
import { transformersToGguf } from "./transformersToGguf.ts";

const TOLERANCE = 1e-3;
const ARCHITECTURES = ["llama", "qwen2", "qwen3", "gemma3"];
const KINDS = ["plain", "rslora", "patterns"];

const { values } = parseArgs({ options: { python: { type: "string" }, folder: { type: "string" } } });
if (values.python === undefined) {
  console.error("Usage: node test/bench/adapterParity.ts --python PYTHON [--folder DIR]; PYTHON must have torch, transformers and peft.");
  process.exit(2);
}
const python = values.python;
const folder = path.resolve(values.folder ?? mkdtempSync(path.join(os.tmpdir(), "kalactica-parity-")));
const script = fileURLToPath(new URL("adapterParity.py", import.meta.url));
const peft = (...args: string[]): void => { execFileSync(python, [script, ...args], { stdio: ["ignore", "inherit", "pipe"], env: { ...process.env, HF_HUB_OFFLINE: "1" } }); };
const json = <T>(file: string): T => JSON.parse(readFileSync(file, "utf8")) as T;

peft("make", folder);
const llama = await getLlama({ gpu: false, build: "never", progressLogs: false });
const results: { name: string; difference: number; allowed: number }[] = [];
let baseDifference = 0;

for (const architecture of ARCHITECTURES) {
  const source = path.join(folder, architecture);
  const file = path.join(source, "base.gguf");
  await transformersToGguf(source, file);
  const { tokens, base } = json<{ tokens: number[]; base: number[][] }>(path.join(source, "logits.json"));
  const logits = (model: string, adapter?: string): Promise<number[][]> => logitsOf(model, tokens, adapter);
  const alone = await logits(file);
  baseDifference = largest(alone, base);
  console.log(`${`${architecture}, no adapter`.padEnd(40)} difference ${baseDifference.toExponential(2)}`);

  const header = await readGguf(file);
  const layout = layoutOf(header, architecture);
  for (const kind of KINDS) {
    const adapter = await readPeft(path.join(source, kind), layout);
    const written = await writeLora(path.join(source, "converted"), adapter);
    const { adapted } = json<{ adapted: number[][] }>(path.join(source, kind, "logits.json"));
    const here = await logits(file, written.file);
    record(`${architecture} from PEFT, ${kind}`, here, adapted, base);
    const back = path.join(source, `${kind}-again`);
    await writePeft(back, await readLora(written.file), layout, source);
    peft("logits", source, back, path.join(back, "logits.json"));
    record(`${architecture} from PEFT and back, ${kind}`, json<{ adapted: number[][] }>(path.join(back, "logits.json")).adapted, adapted, base);
    if (kind !== "plain") continue;
    const merged = path.join(source, "merged.gguf");
    await mergeAdapter(file, adapter, merged, { threads: 1, sliceElements: 1000 });
    record(`${architecture} merged`, await logits(merged), here, base);
  }

  const random = new SeededRandom(17);
  const draw = (n: number, scale: number): Float32Array<ArrayBuffer> => Float32Array.from({ length: n }, () => scale * random.normal());
  const pairs = header.tensors.filter(({ name }) => /\.(attn_[qkv]|attn_output|ffn_(gate|up|down))\.weight$/.test(name)).map(({ name, shape }): LoraPair => {
    const [inputs = 0, outputs = 0] = shape;
    return { target: name, inputs, outputs, rank: 5, a: draw(5 * inputs, 0.2), b: draw(5 * outputs, 0.2) };
  });
  // Through the trainer's form of it.
  const trained = { facts: { architecture, rank: 5, alpha: 7, baseSha256: null, method: "sft", datasetVersion: null, run: null, canary: null }, pairs: pairsOf(tensorsOf(pairs), "test") };
  const written = await writeLora(path.join(source, "trained"), trained);
  const exported = path.join(source, "exported");
  await writePeft(exported, await readLora(written.file), layout, source);
  peft("logits", source, exported, path.join(exported, "logits.json"));
  record(`${architecture} trained here, to PEFT`, await logits(file, written.file), json<{ adapted: number[][] }>(path.join(exported, "logits.json")).adapted, base);
}

const failed = results.filter(({ difference, allowed }) => !(difference <= allowed));
console.log(`\n${results.length - failed.length} of ${results.length} comparisons hold; largest difference ${Math.max(...results.map(({ difference }) => difference)).toExponential(2)}`);
for (const { name, difference, allowed } of failed) console.log(`FAILED ${name}: ${difference} > ${allowed}`);
process.exit(failed.length === 0 ? 0 : 1);

function record(name: string, here: number[][], there: number[][], base: number[][]): void {
  const difference = largest(here, there);
  const effect = largest(there, base);
  results.push({ name, difference, allowed: TOLERANCE + baseDifference });
  console.log(`${name.padEnd(40)} difference ${difference.toExponential(2)}   effect of the adapter ${effect.toFixed(2)}`);
}

function largest(one: number[][], other: number[][]): number {
  if (one.length !== other.length) throw new Error(`${one.length} rows of logits against ${other.length}`);
  return Math.max(...one.map((row, i) => Math.max(...row.map((value, j) => Math.abs(value - (other[i]?.[j] ?? NaN))))));
}

/** Logits of every token after each of `tokens`, by node-llama-cpp with caches in F32. */
async function logitsOf(file: string, tokens: readonly number[], adapter?: string): Promise<number[][]> {
  const model = await llama.loadModel({ modelPath: file, gpuLayers: 0 });
  const context = await model.createContext({
    contextSize: 128, batchSize: 128, threads: 1, flashAttention: false, experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32",
    ...adapter === undefined ? {} : { lora: { adapters: [{ filePath: adapter }] } },
  });
  const outputs = await context.getSequence().controlledEvaluate(tokens.map((token) => [token as Token, { generateNext: { logits: true } }]));
  const rows = outputs.map((output) => {
    const logits = output?.next.logits;
    return Array.from({ length: logits?.size ?? 0 }, (_, id) => logits?.get(id as Token) ?? NaN);
  });
  await model.dispose();
  return rows;
}
