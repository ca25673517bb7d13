// What one training step costs: tokens per second of forward and backward pass and of the optimizer, per model shape.
//   node test/bench/trainStep.ts [--blas FILE|ggml] [--threads N] [--dim 192 --layers 6 --heads 6 --feed-forward 512] [--length 512] [--sequences 2]
// Prints processor time beside wall time: on a shared machine only the former compares.
import { parseArgs } from "node:util";
import { SeededRandom } from "../../src/engine/base/random.ts";
import { Backend } from "../../src/engine/ggml/backend.ts";
import { Blas } from "../../src/engine/ggml/blas.ts";
import { initialise } from "../../src/engine/training/pretrain/initialise.ts";
import { LlamaNetwork } from "../../src/engine/training/network/llamaNetwork.ts";
import { nParameters, weightSpecs } from "../../src/engine/training/network/llamaShape.ts";
import { Optimizer } from "../../src/engine/training/network/optimizer.ts";
import { ParameterSet } from "../../src/engine/training/network/parameters.ts";
import { completeConfig } from "../../src/engine/training/pretrain/pretrainConfig.ts";

const text = { type: "string" } as const;
const { values } = parseArgs({ options: { blas: text, threads: text, dim: text, layers: text, heads: text, "feed-forward": text, length: text, sequences: text, repeats: text } });
const number = (given: string | undefined, otherwise: number): number => (given === undefined ? otherwise : Number(given));
const nHeads = number(values.heads, 6);
const { shape, batch, optimizer: settings } = completeConfig(
  {
    shape: { dim: number(values.dim, 192), nLayers: number(values.layers, 6), nHeads, nKvHeads: nHeads, feedForward: number(values["feed-forward"], 512) },
    batch: { sequenceLength: number(values.length, 512), sequencesPerMicroBatch: number(values.sequences, 2) },
  },
  8192,
);
const threads = number(values.threads, 1);
const backend = Backend.cpu(threads);
const blas = values.blas === "ggml" ? undefined : Blas.open(threads, values.blas);
const parameters = new ParameterSet(backend, weightSpecs(shape), ({ role }) => (role === "embedding" || role === "norm" ? "adamw" : "muon"));
initialise(backend, shape, parameters, 1);
const network = new LlamaNetwork(backend, shape, parameters, { nSequences: batch.sequencesPerMicroBatch, sequenceLength: batch.sequenceLength, headChunk: batch.headChunk, queryBlock: batch.queryBlock, backward: true, blas });
const optimizer = new Optimizer(backend, parameters, settings, blas);
const random = new SeededRandom(1);
const { nTokens } = network;
const draw = (): Int32Array => Int32Array.from({ length: nTokens }, () => random.integer(shape.nVocab));
console.log(`${(nParameters(shape) / 1e6).toFixed(2)}M weights, ${nTokens} tokens at once, ${threads} threads, ${backend.name}, products: ${blas?.file ?? "ggml"}, ${(network.graph.computeBytes / 1e6).toFixed(0)} MB of intermediates, ${network.graph.nNodes} nodes`);

const measure = (name: string, work: () => void): void => {
  let wall = Infinity;
  let processor = Infinity;
  for (let i = 0; i < number(values.repeats, 4); i++) {
    const cpu = process.cpuUsage();
    const began = performance.now();
    work();
    const used = process.cpuUsage(cpu);
    wall = Math.min(wall, performance.now() - began);
    processor = Math.min(processor, (used.user + used.system) / 1000);
  }
  console.log(`${name}: ${wall.toFixed(0)} ms wall, ${processor.toFixed(0)} ms processor; ${((1000 * nTokens) / wall).toFixed(0)} tokens/s, ${((1000 * nTokens) / processor).toFixed(0)} per processor second`);
};
const weights = new Float32Array(nTokens).fill(1 / nTokens);
const [tokens, labels] = [draw(), draw()];
measure("forward and backward", () => { network.run(tokens, labels, weights); });
measure("optimizer step", () => { optimizer.step(1, 0); });
backend.close();
