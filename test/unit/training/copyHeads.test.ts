// Copy heads: an untrained model with them predicts the second occurrence of random text; one without does not.
import assert from "node:assert/strict";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { Backend } from "../../../src/engine/ggml/backend.ts";
import { writeCopyHeads } from "../../../src/engine/training/pretrain/copyHeads.ts";
import { initialise } from "../../../src/engine/training/pretrain/initialise.ts";
import { LlamaNetwork } from "../../../src/engine/training/network/llamaNetwork.ts";
import { weightSpecs } from "../../../src/engine/training/network/llamaShape.ts";
import type { LlamaShape } from "../../../src/engine/training/network/llamaShape.ts";
import { ParameterSet } from "../../../src/engine/training/network/parameters.ts";

const shape: LlamaShape = { nVocab: 512, dim: 192, nLayers: 2, nHeads: 6, nKvHeads: 6, feedForward: 64, context: 128, ropeBase: 100_000, epsilon: 1e-5 };

describe("copy heads", () => {
  it("predict what stood after the same token before, without any training", () => {
    const backend = Backend.cpu(1);
    const parameters = new ParameterSet(backend, weightSpecs(shape), () => "adamw");
    const network = new LlamaNetwork(backend, shape, parameters, { nSequences: 1, sequenceLength: 128, headChunk: 128, queryBlock: 64, backward: false, blas: undefined });
    const order = new SeededRandom(3).shuffle(Array.from({ length: shape.nVocab }, (_, i) => i)).slice(0, 64);
    const text = [...order, ...order, 0];
    const lossOfRepetition = (): number => {
      const logP = network.run(Int32Array.from(text.slice(0, 128)), Int32Array.from(text.slice(1)), new Float32Array(128));
      return -logP.slice(65, 127).reduce((a, b) => a + b) / 62;
    };
    initialise(backend, shape, parameters, 1);
    const plain = lossOfRepetition();
    writeCopyHeads(backend, shape, parameters, 1);
    const copying = lossOfRepetition();
    assert.ok(Math.abs(plain - Math.log(shape.nVocab)) < 0.5, `plain ${plain}`);
    assert.ok(copying < plain - 3, `copying ${copying} against ${plain}`);
    assert.throws(() => writeCopyHeads(backend, { ...shape, nKvHeads: 3 }, parameters, 1), /Copy heads need/);
    network.close();
    parameters.close();
    backend.close();
  });
});
