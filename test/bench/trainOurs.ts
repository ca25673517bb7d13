// One process of test/bench/train.ts: opens a model, trains some steps, and prints a JSON line with times and its own peak memory.
import { linearNames } from "../../src/engine/training/network/modelDescription.ts";
import { openAdaptedModel } from "../../src/engine/training/network/openAdaptedModel.ts";

/** What train.ts passes as the one argument, as JSON. */
export interface TrainOursOptions {
  readonly model: string;
  readonly length: number;
  readonly batch: number;
  readonly steps: number;
  readonly threads: number;
  readonly rank: number;
  readonly blas: string;
  readonly activationMb?: number;
}

/** What both sides print. */
export interface TrainTimes {
  readonly wallSeconds: readonly number[];
  readonly cpuSeconds: readonly number[];
  readonly peakRssMb: number;
  readonly loss: number;
}

const argument = process.argv[2];
if (argument !== undefined) console.log(JSON.stringify(await measure(JSON.parse(argument) as TrainOursOptions)));

async function measure({ model: modelFile, length, batch: nSequences, steps, threads, rank, blas, activationMb }: TrainOursOptions): Promise<TrainTimes> {
  const nTokens = length * nSequences;
  const model = await openAdaptedModel({
    modelFile, maxTokens: nTokens, threads, blas,
    ...(activationMb !== undefined && { activationBytes: 1e6 * activationMb }),
    adapter: { rank, alpha: 2 * rank, targets: linearNames, rankStabilised: false, seed: 1 },
    optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, clipNorm: 1 },
  });
  const tokens = Int32Array.from({ length: nTokens }, (_, i) => (7919 * i + 13) % model.nVocab);
  const batch = {
    nTokens, tokens,
    labels: tokens.map((_, i) => tokens[(i + 1) % nTokens] ?? 0),
    learnt: new Uint8Array(nTokens).fill(1),
    positions: tokens.map((_, i) => i % length),
    segments: tokens.map((_, i) => Math.floor(i / length)),
  };
  const weights = new Float32Array(nTokens).fill(1 / nTokens);
  const wallSeconds: number[] = [];
  const cpuSeconds: number[] = [];
  let loss = 0;
  for (let step = 1; step <= steps; step++) {
    const began = performance.now();
    const cpu = process.cpuUsage();
    model.clearGradients();
    const logP = await model.accumulate(batch, weights);
    model.step(step, 2e-4);
    const { user, system } = process.cpuUsage(cpu);
    wallSeconds.push((performance.now() - began) / 1000);
    cpuSeconds.push((user + system) / 1e6);
    loss = -logP.reduce((sum, p) => sum + p, 0) / nTokens;
  }
  const peakRssMb = process.resourceUsage().maxRSS / 1024;
  model.close();
  return { wallSeconds, cpuSeconds, peakRssMb, loss };
}
