// The forward pass that training uses against node-llama-cpp on the exported file: the same model must say the same thing.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";
import type { Llama, Token } from "node-llama-cpp";
import { SeededRandom } from "../../src/engine/base/random.ts";
import { Backend, readFloats, writeTensor } from "../../src/engine/ggml/backend.ts";
import { exportGguf } from "../../src/engine/training/pretrain/exportGguf.ts";
import type { ExportFormat } from "../../src/engine/training/pretrain/exportGguf.ts";
import { LlamaNetwork } from "../../src/engine/training/network/llamaNetwork.ts";
import { weightSpecs } from "../../src/engine/training/network/llamaShape.ts";
import type { LlamaShape } from "../../src/engine/training/network/llamaShape.ts";
import { ParameterSet } from "../../src/engine/training/network/parameters.ts";
import { tinyTokenizer } from "../unit/training/tinyRun.ts";

const nTokens = 32;
const shape: LlamaShape = { nVocab: tinyTokenizer.tokens.length, dim: 64, nLayers: 3, nHeads: 4, nKvHeads: 2, feedForward: 96, context: nTokens, ropeBase: 10_000, epsilon: 1e-5 };
const card = { name: "parity", version: "1", license: "MIT", description: "random weights" };

describe("logits of an exported model, against node-llama-cpp", function () {
  this.timeout(60_000);
  let folder: string;
  let llama: Llama;
  let backend: Backend;
  let parameters: ParameterSet;
  let network: LlamaNetwork;
  const random = new SeededRandom(11);
  const tokens = Int32Array.from({ length: nTokens }, () => 6 + random.integer(256));

  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "parity-"));
    llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error, maxThreads: 1 });
    backend = Backend.cpu(1);
    parameters = new ParameterSet(backend, weightSpecs(shape), () => "adamw");
    for (const { spec, weight } of parameters) {
      writeTensor(backend, weight, Float32Array.from({ length: weight.nElements }, () => (spec.role === "norm" ? 1 + 0.2 * random.normal() : 0.2 * random.normal())));
    }
    network = new LlamaNetwork(backend, shape, parameters, { nSequences: 1, sequenceLength: nTokens, headChunk: 20, queryBlock: 12, backward: false, blas: undefined });
  });
  after(async () => {
    network.close();
    parameters.close();
    backend.close();
    await llama.dispose();
    await rm(folder, { recursive: true });
  });

  /** Log-probabilities of every token after every prefix, [position][token]. */
  const ours = (): Float64Array[] => {
    const rows = Array.from({ length: nTokens }, () => new Float64Array(shape.nVocab));
    for (let token = 0; token < shape.nVocab; token++) {
      const logP = network.run(tokens, new Int32Array(nTokens).fill(token), new Float32Array(nTokens));
      for (const [t, row] of rows.entries()) row[token] = logP[t] ?? NaN;
    }
    return rows;
  };

  const theirs = async (file: string): Promise<Float64Array[]> => {
    const model = await llama.loadModel({ modelPath: file });
    const context = await model.createContext({ contextSize: 256, flashAttention: false, experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32" });
    const sequence = context.getSequence();
    const result = await sequence.controlledEvaluate([...tokens].map((token) => [token as Token, { generateNext: { logits: true, options: { temperature: 0 } } }] as const) as never);
    const rows = result.map((item) => {
      const logits = new Float64Array(shape.nVocab);
      for (const [token, value] of item?.next.logits ?? []) logits[token] = value;
      const largest = Math.max(...logits);
      const logSum = largest + Math.log(logits.reduce((sum, x) => sum + Math.exp(x - largest), 0));
      return logits.map((x) => x - logSum);
    });
    await model.dispose();
    return rows;
  };

  /** Root mean square of the difference over that of the values. */
  const relativeError = (a: Float64Array[], b: Float64Array[]): number => {
    let difference = 0;
    let size = 0;
    for (const [t, row] of a.entries()) {
      for (const [token, value] of row.entries()) {
        difference += (value - (b[t]?.[token] ?? NaN)) ** 2;
        size += value ** 2;
      }
    }
    return Math.sqrt(difference / size);
  };

  const bounds: [ExportFormat, number][] = [["F32", 1e-4], ["Q8_0", 2e-2]];
  for (const [format, bound] of bounds) {
    it(`agree to ${bound} (${format} file, F32 cache)`, async () => {
      const file = path.join(folder, `${format}.gguf`);
      await exportGguf(file, backend, shape, parameters, tinyTokenizer, format, card);
      const error = relativeError(ours(), await theirs(file));
      assert.ok(error <= bound, `relative error ${error}`);
    });
  }

  it("differ where a single weight differs", async () => {
    const file = path.join(folder, "other.gguf");
    await exportGguf(file, backend, shape, parameters, tinyTokenizer, "F32", card);
    const { weight } = parameters.get("blk.1.ffn_down.weight");
    const original = readFloats(backend, weight);
    const changed = original.slice();
    changed[5] = 3;
    writeTensor(backend, weight, changed);
    assert.ok(relativeError(ours(), await theirs(file)) > 1e-4);
    writeTensor(backend, weight, original);
  });

  it("loads the tokenizer: ASCII text gives its bytes, fill-in tokens are known", async () => {
    const model = await llama.loadModel({ modelPath: path.join(folder, "F32.gguf") });
    assert.deepEqual([...model.tokenize("ab(", false)].map(Number), [97 + 6, 98 + 6, 40 + 6]);
    assert.deepEqual([model.tokens.infill.prefix, model.tokens.infill.middle, model.tokens.infill.suffix].map(Number), [1, 3, 2]);
    await model.dispose();
  });
});
