// First values of a llama's weights, by seed.
import { SeededRandom } from "../../base/random.ts";
import { writeTensor } from "../../ggml/backend.ts";
import type { Backend } from "../../ggml/backend.ts";
import type { LlamaShape, WeightRole } from "../network/llamaShape.ts";
import type { ParameterSet } from "../network/parameters.ts";

/**
 * Draws every weight: norms are 1, matrices normal with a deviation of gain/√inputs, those that write into the residual
 * stream smaller with depth (Radford et al. 2019), the embedding .02 (as GPT-2).
 */
export function initialise(backend: Backend, shape: LlamaShape, parameters: ParameterSet, seed: number): void {
  const random = new SeededRandom(seed);
  const outputGain = 0.5 / Math.sqrt(2 * shape.nLayers);
  const gains: Readonly<Record<Exclude<WeightRole, "embedding" | "norm">, number>> = {
    attentionInput: 0.6,
    feedForwardInput: 0.6,
    attentionOutput: outputGain,
    feedForwardOutput: outputGain,
  };
  for (const { spec, weight } of parameters) {
    const values = new Float32Array(weight.nElements);
    if (spec.role === "norm") {
      values.fill(1);
    } else {
      const deviation = spec.role === "embedding" ? 0.02 : gains[spec.role] / Math.sqrt(weight.shape[0]);
      for (let i = 0; i < values.length; i++) values[i] = deviation * random.normal();
    }
    writeTensor(backend, weight, values);
  }
}
