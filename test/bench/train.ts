// What a step of training an adapter costs, against Hugging Face PEFT on a model of the same shape in the same run.
//   node test/bench/train.ts [--size 0.5B|1.5B | --model FILE] [--lengths 512,1024] [--batch 1] [--threads 2] [--steps 2] [--rounds 2]
//     [--rank 16] [--blas auto|ggml|FILE] [--activation-mb N] [--python FILE] [--dtypes f32,bf16] [--no-checkpointing] [--cache FOLDER] [--json]
// Ours and PEFT run alternately, each in a process of its own (whose peak memory is told), with random weights: speed does not depend
// on what they are. Ours has a quantised base (Q4), PEFT one in the number format named, with gradient checkpointing unless switched off.
// Every token of a sequence is learnt. A process's first step warms up and is left out where there are more. Without --python only
// ours is measured. On a shared machine compare processor seconds, which are told beside wall time.
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { readGguf } from "../../src/engine/base/gguf.ts";
import { estimateAdaptedModel } from "../../src/engine/training/network/estimate.ts";
import { linearNames } from "../../src/engine/training/network/modelDescription.ts";
import { randomQwenCoder } from "../../tools/random-model.ts";
import type { TrainOursOptions, TrainTimes } from "./trainOurs.ts";
import { peftProgram } from "./trainPeft.ts";

const text = { type: "string" } as const;
const flag = { type: "boolean", default: false } as const;
const { values } = parseArgs({
  options: {
    size: { ...text, default: "0.5B" }, model: text, lengths: { ...text, default: "512" }, batch: { ...text, default: "1" }, threads: { ...text, default: "2" },
    steps: { ...text, default: "2" }, rounds: { ...text, default: "2" }, rank: { ...text, default: "16" }, blas: { ...text, default: "auto" }, "activation-mb": text,
    python: text, dtypes: { ...text, default: "f32,bf16" }, "no-checkpointing": flag, cache: { ...text, default: path.join(os.tmpdir(), "kalactica-bench") }, json: flag,
  },
});
const run = promisify(execFile);
const hereIs = path.dirname(fileURLToPath(import.meta.url));
const size = values.size === "1.5B" ? "1.5B" : "0.5B";
const model = values.model ?? (await randomQwenCoder(path.resolve(values.cache), size));
const [batch, threads, steps, rounds, rank] = [values.batch, values.threads, values.steps, values.rounds, values.rank].map(Number) as [number, number, number, number, number];
const dtypes = values.dtypes.split(",");
const { metadata, tensors } = await readGguf(model);

interface Side {
  readonly tokensPerSecond: number;
  /** Tokens per second of processor time, times threads: what it would be on an idle machine if threads did not wait. */
  readonly tokensPerCpuSecond: number;
  readonly peakRssMb: number;
  readonly n: number;
}

const scratch = await mkdtemp(path.join(os.tmpdir(), "bench-train-"));
try {
  const results = [];
  for (const length of values.lengths.split(",").map(Number)) results.push(await compare(length));
  if (values.json) console.log(JSON.stringify(results.length === 1 ? results[0] : results));
} finally {
  await rm(scratch, { recursive: true });
}

async function compare(length: number): Promise<Record<string, unknown>> {
  const ours: TrainTimes[] = [];
  const peft = new Map<string, TrainTimes[]>();
  for (let round = 0; round < rounds; round++) {
    ours.push(await measureOurs(length));
    if (values.python === undefined) continue;
    for (const dtype of dtypes) peft.set(dtype, [...(peft.get(dtype) ?? []), await measurePeft(values.python, dtype, length)]);
  }
  const mine = summarise(ours, length);
  const { keptLayers, nLayers, memoryBytes, flopsPerToken } = await estimateAdaptedModel(model, { rank, alpha: 2 * rank, targets: linearNames, rankStabilised: false, seed: 1 }, length * batch, activationBytes(), values.blas);
  const peers = Object.fromEntries([...peft].map(([dtype, times]) => [dtype, summarise(times, length)]));
  // The peer to be compared with is the fastest.
  const best = Object.entries(peers).sort(([, a], [, b]) => b.tokensPerSecond - a.tokensPerSecond)[0];
  const settings = { model: path.basename(model), length, batch, threads, rank, steps, rounds, blas: values.blas, keptLayers, nLayers, checkpointing: !values["no-checkpointing"] };
  if (!values.json) {
    const line = (name: string, side: Side): string => `  ${name.padEnd(12)}${side.tokensPerSecond.toFixed(1).padStart(8)} tokens/s (median of ${side.n}), ${side.tokensPerCpuSecond.toFixed(1)} by processor time, peak ${side.peakRssMb.toFixed(0)} MB`;
    console.log(`${settings.model}, ${batch} × ${length} tokens, ${threads} threads, ${keptLayers} of ${nLayers} layers keep activations; ${((mine.tokensPerSecond * flopsPerToken) / 1e9).toFixed(0)} GFLOP/s, ${(memoryBytes / 1e6).toFixed(0)} MB estimated`);
    console.log(line("ours", mine));
    for (const [dtype, side] of Object.entries(peers)) console.log(line(`PEFT ${dtype}`, side), `→ ours ${(mine.tokensPerSecond / side.tokensPerSecond).toFixed(2)} × (${(mine.tokensPerCpuSecond / side.tokensPerCpuSecond).toFixed(2)} × by processor time) at ${(mine.peakRssMb / side.peakRssMb).toFixed(2)} × the memory`);
  }
  const compared = best && { peft: { dtype: best[0], ...best[1] }, peftByType: peers, tokensPerSecondRatio: mine.tokensPerSecond / best[1].tokensPerSecond, cpuRatio: mine.tokensPerCpuSecond / best[1].tokensPerCpuSecond, memoryRatio: mine.peakRssMb / best[1].peakRssMb };
  return { ...mine, ...compared, settings };
}

function activationBytes(): number | undefined {
  return values["activation-mb"] === undefined ? undefined : 1e6 * Number(values["activation-mb"]);
}

async function measureOurs(length: number): Promise<TrainTimes> {
  const options: TrainOursOptions = { model, length, batch, steps, threads, rank, blas: values.blas, ...(values["activation-mb"] !== undefined && { activationMb: Number(values["activation-mb"]) }) };
  return timesOf(await run(process.execPath, [path.join(hereIs, "trainOurs.ts"), JSON.stringify(options)]));
}

async function measurePeft(python: string, dtype: string, length: number): Promise<TrainTimes> {
  const program = path.join(scratch, "measure.py");
  await writeFile(program, peftProgram);
  const value = (key: string): number => Number(metadata.get(`qwen2.${key}`));
  const shape = {
    vocab_size: tensors.find(({ name }) => name === "token_embd.weight")?.shape[1], hidden_size: value("embedding_length"), intermediate_size: value("feed_forward_length"),
    num_hidden_layers: value("block_count"), num_attention_heads: value("attention.head_count"), num_key_value_heads: value("attention.head_count_kv"), max_position_embeddings: value("context_length"),
  };
  return timesOf(await run(python, [program, JSON.stringify({ shape, dtype, length, batch, steps, threads, rank, checkpointing: !values["no-checkpointing"] })], { maxBuffer: 1 << 24 }));
}

function timesOf({ stdout }: { stdout: string }): TrainTimes {
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as TrainTimes;
}

function summarise(times: readonly TrainTimes[], length: number): Side {
  const nTokens = length * batch;
  const warm = (seconds: readonly number[]): readonly number[] => (seconds.length > 1 ? seconds.slice(1) : seconds);
  const wall = times.flatMap(({ wallSeconds }) => warm(wallSeconds));
  return {
    tokensPerSecond: nTokens / median(wall),
    tokensPerCpuSecond: (nTokens * threads) / median(times.flatMap(({ cpuSeconds }) => warm(cpuSeconds))),
    peakRssMb: Math.max(...times.map(({ peakRssMb }) => peakRssMb)),
    n: wall.length,
  };
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return ((sorted[middle] ?? NaN) + (sorted[sorted.length - 1 - middle] ?? NaN)) / 2;
}
