// Gradients of a whole tiny llama (every layer type: embedding, norms, attention with grouped queries, SwiGLU, head) against
// finite differences of its loss.
import assert from "node:assert/strict";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { Backend, readFloats, writeTensor } from "../../../src/engine/ggml/backend.ts";
import { Blas } from "../../../src/engine/ggml/blas.ts";
import { LlamaNetwork } from "../../../src/engine/training/network/llamaNetwork.ts";
import { weightSpecs } from "../../../src/engine/training/network/llamaShape.ts";
import type { LlamaShape } from "../../../src/engine/training/network/llamaShape.ts";
import { ParameterSet } from "../../../src/engine/training/network/parameters.ts";

const shape: LlamaShape = { nVocab: 48, dim: 32, nLayers: 2, nHeads: 4, nKvHeads: 2, feedForward: 64, context: 16, ropeBase: 10_000, epsilon: 1e-5 };
const nTokens = 32;

/** A BLAS of this system, or of the file that KALACTICA_BLAS names; without one the products are ggml's alone. */
const system = Blas.open(1, process.env["KALACTICA_BLAS"]);

for (const blas of system === undefined ? [undefined] : [undefined, system]) describe(`gradients of a llama, products by ${blas?.file ?? "ggml"}`, () => {
  let backend: Backend;
  let parameters: ParameterSet;
  let network: LlamaNetwork;
  const random = new SeededRandom(5);
  const tokens = Int32Array.from({ length: nTokens }, () => random.integer(shape.nVocab));
  const labels = Int32Array.from({ length: nTokens }, () => random.integer(shape.nVocab));
  // Some tokens count not at all, some more than others, as masks and preference losses will have it.
  const weights = Float32Array.from({ length: nTokens }, (_, t) => (t % 5 === 0 ? 0 : random.uniform()));

  before(() => {
    backend = Backend.cpu(1);
    parameters = new ParameterSet(backend, weightSpecs(shape), () => "adamw");
    for (const { spec, weight } of parameters) {
      writeTensor(backend, weight, Float32Array.from({ length: weight.nElements }, () => (spec.role === "norm" ? 1 + 0.3 * random.normal() : 0.25 * random.normal())));
    }
    network = new LlamaNetwork(backend, shape, parameters, { nSequences: 2, sequenceLength: 16, headChunk: 12, queryBlock: 6, backward: true, blas });
  });
  after(() => {
    network.close();
    parameters.close();
    backend.close();
  });

  const loss = (): number => network.run(tokens, labels, weights).reduce((sum, logP, t) => sum - (weights[t] ?? 0) * logP, 0);

  it("agree with finite differences to 1e-3 for every weight tensor", () => {
    parameters.zeroGradients();
    loss();
    const gradients = new Map([...parameters].map(({ spec, gradient }) => [spec.name, readFloats(backend, gradient)]));
    for (const { spec, weight } of parameters) {
      // The derivative along the gradient itself is its length: one figure per tensor, with the best ratio of signal to rounding.
      const gradient = gradients.get(spec.name);
      assert.ok(gradient);
      const length = Math.hypot(...gradient);
      assert.ok(length > 1e-3, `${spec.name} has a gradient`);
      const original = readFloats(backend, weight);
      const step = 2e-3;
      const at = (sign: number): number => {
        writeTensor(backend, weight, original.map((w, i) => w + (sign * step * (gradient[i] ?? 0)) / length));
        return loss();
      };
      // Fourth-order central difference.
      const slope = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step);
      writeTensor(backend, weight, original);
      const error = Math.abs(slope - length) / length;
      assert.ok(error <= 1e-3, `${spec.name}: gradient ${length}, finite difference ${slope}, relative error ${error}`);
    }
  });

  it("of single weights point the right way", () => {
    parameters.zeroGradients();
    loss();
    const gradients = new Map([...parameters].map(({ spec, gradient }) => [spec.name, readFloats(backend, gradient)]));
    for (const { spec, weight } of parameters) {
      const all = gradients.get(spec.name);
      assert.ok(all);
      const largest = all.reduce((best, g, i) => (Math.abs(g) > Math.abs(all[best] ?? 0) ? i : best), 0);
      const original = readFloats(backend, weight);
      const at = (delta: number): number => {
        const moved = original.slice();
        moved[largest] = (moved[largest] ?? 0) + delta;
        writeTensor(backend, weight, moved);
        return loss();
      };
      const slope = (8 * (at(4e-3) - at(-4e-3)) - (at(8e-3) - at(-8e-3))) / (12 * 4e-3);
      writeTensor(backend, weight, original);
      assert.ok(Math.abs(slope - (all[largest] ?? 0)) <= 1e-2 * Math.abs(slope), `${spec.name}[${largest}]: ${all[largest]} against ${slope}`);
    }
  });

  it("accumulate over batches exactly", () => {
    parameters.zeroGradients();
    loss();
    const once = readFloats(backend, parameters.get("blk.0.ffn_up.weight").gradient);
    loss();
    const twice = readFloats(backend, parameters.get("blk.0.ffn_up.weight").gradient);
    for (const [i, g] of twice.entries()) assert.ok(Math.abs(g - 2 * (once[i] ?? 0)) <= 1e-5 * Math.abs(g) + 1e-7);
  });
});
