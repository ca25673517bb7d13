// Training on a GPU gives what training on the processor gives. Where a machine has no GPU (that of CI has none, and no person meets
// this path there), the second half is left out and says so; Vulkan's software driver is enough for it:
//   VK_DRIVER_FILES=…/lvp_icd.json GGML_VK_VISIBLE_DEVICES=0 npm test -- --only unit --grep "on a GPU"
// What a GPU may lack is composed of other operations (ggml/graph.ts): that is checked everywhere, on the processor.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { GgmlType } from "../../../src/engine/base/ggmlTypes.ts";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { Backend, readFloats, TensorStore, writeTensor } from "../../../src/engine/ggml/backend.ts";
import { CompiledGraph } from "../../../src/engine/ggml/compiledGraph.ts";
import { findGpus } from "../../../src/engine/ggml/devices.ts";
import { GraphBuilder } from "../../../src/engine/ggml/graph.ts";
import type { Tensor } from "../../../src/engine/ggml/tensor.ts";
import type { AdaptedModelOptions, PackedBatch } from "../../../src/engine/training/adaptedModel.ts";
import { linearNames } from "../../../src/engine/training/network/modelDescription.ts";
import { openAdaptedModel } from "../../../src/engine/training/network/openAdaptedModel.ts";
import type { GgmlAdaptedModel } from "../../../src/engine/training/network/openAdaptedModel.ts";
import { tinyVocabulary, writeTinyDecoder } from "./tinyDecoders.ts";

const difference = (a: ArrayLike<number>, b: ArrayLike<number>): number => Math.hypot(...Array.from(a, (value, i) => value - (b[i] ?? NaN))) / Math.hypot(...Array.from(b));

describe("what a GPU may lack", () => {
  it("is composed of operations that every GPU has, to the same result", () => {
    const backend = Backend.cpu(1);
    /** A processor that takes itself for a GPU without the operations that `lacks` names. */
    const lacking = (lacks: RegExp): Backend => Object.create(backend, { isGpu: { value: true }, computes: { value: (result: never) => !lacks.test(backend.functions.ggml_op_desc(result)) } }) as Backend;
    const store = new TensorStore(backend, 8);
    const [x, y, w] = [store.declare(GgmlType.F32, [32, 6]), store.declare(GgmlType.F32, [32, 6]), store.declare(GgmlType.F32, [16, 6])];
    const positions = store.declare(GgmlType.I32, [6]);
    store.allocate();
    const random = new SeededRandom(4);
    for (const t of [x, y, w]) writeTensor(backend, t, Float32Array.from({ length: t.nElements }, () => random.normal()));
    writeTensor(backend, positions, Int32Array.from({ length: 6 }, (_, i) => 3 * i));
    const operations: Record<string, (g: GraphBuilder) => Tensor> = {
      SILU_BACK: (g) => g.siluBack(x, y),
      RMS_NORM_BACK: (g) => g.rmsNormBack(x, y, 1e-3),
      OUT_PROD: (g) => g.outProd(x, w),
      SOFT_MAX_BACK: (g) => g.softMaxBackInPlace(g.cont(x), g.maskedSoftMaxInPlace(g.cont(y), null, 0.3), 0.3),
      ROPE_BACK: (g) => g.ropeBack(g.reshape(x, [16, 2, 6]), positions, { nDimensions: 16, frequencyBase: 10_000, pairs: "halves" }),
    };
    const compute = (on: Backend, build: (g: GraphBuilder) => Tensor): { values: Float32Array; operations: string[] } => {
      const g = new GraphBuilder(on, 64, false);
      const result = g.output(g.cont(build(g)));
      const graph = new CompiledGraph(on, g);
      graph.compute();
      const names = Array.from({ length: graph.nNodes }, (_, i) => backend.functions.ggml_op_desc(backend.functions.ggml_graph_node(g.graph, i) ?? assert.fail()));
      const values = readFloats(backend, result);
      graph.close();
      return { values, operations: names };
    };
    for (const [name, build] of Object.entries(operations)) {
      const whole = compute(backend, build);
      assert.ok(whole.operations.includes(name), `${name} is among ${whole.operations.join(", ")}`);
      const composed = compute(lacking(new RegExp(`^${name}$`)), build);
      assert.ok(!composed.operations.includes(name), `${name} is still there`);
      assert.ok(difference(composed.values, whole.values) < 1e-6, `${name}: ${difference(composed.values, whole.values)}`);
    }
    assert.throws(() => compute(lacking(/^RMS_NORM$/), (g) => g.rmsNorm(x, 1e-5)), /lacks the operation RMS_NORM/);
    store.close();
    backend.close();
  });
});

const { devices: [gpu], reasons } = findGpus();
// No user's path on a machine without one: said, and not counted as tests that were left out.
if (gpu === undefined) console.log(`Training on a GPU is not tested here, as none was found: ${reasons.join("; ")}`);
else describe("training on a GPU", function () {
  // A software driver compiles each kind of matrix product for a minute or more.
  this.timeout(900_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-gpu-"));
  });
  after(() => (folder === undefined ? undefined : rm(folder, { recursive: true })));

  for (const [type, tolerance] of [["F32", 5e-3], ["Q8_0", 2e-2]] as const) {
    it(`gives the processor's log-probabilities, gradients and steps from a base in ${type}`, async () => {
      const modelFile = path.join(folder, `${type}.gguf`);
      await writeTinyDecoder(modelFile, { architecture: "qwen2", type: GgmlType[type] });
      const sentences: string[] = [];
      const options: AdaptedModelOptions = {
        modelFile, maxTokens: 32, threads: 1, blas: "ggml", adapter: { rank: 4, alpha: 8, targets: linearNames, rankStabilised: false, seed: 1 },
        optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, clipNorm: 1 }, onDevice: (sentence) => sentences.push(sentence),
      };
      const random = new SeededRandom(5);
      const nTokens = 32; // few, so that a software driver compiles few kinds of products
      const batch: PackedBatch = {
        nTokens, tokens: Int32Array.from({ length: nTokens }, () => random.integer(tinyVocabulary)), labels: Int32Array.from({ length: nTokens }, () => random.integer(tinyVocabulary)),
        learnt: Uint8Array.from({ length: nTokens }, (_, t) => (t % 5 === 0 ? 0 : 1)), positions: Int32Array.from({ length: nTokens }, (_, t) => t % 16), segments: Int32Array.from({ length: nTokens }, (_, t) => Math.floor(t / 16)),
      };
      const weights = Float32Array.from({ length: nTokens }, () => random.normal());
      const run = async (device: "cpu" | "gpu"): Promise<{ logP: Float32Array; gradients: Float32Array; adapter: Float32Array }> => {
        const model: GgmlAdaptedModel = await openAdaptedModel({ ...options, device });
        const flat = (tensors: { values: Float32Array }[]): Float32Array => Float32Array.from(tensors.flatMap(({ values }) => [...values]));
        try {
          const warmth = new SeededRandom(6);
          model.restore(model.adapter().map(({ name, shape, values }) => ({ name, shape, values: values.map(() => 0.1 * warmth.normal()) })));
          const logP = (await model.accumulate(batch, weights)).slice();
          const gradients = flat(model.gradients());
          const before = flat(model.adapter());
          model.step(1, 1e-3);
          return { logP, gradients, adapter: flat(model.adapter()).map((value, i) => value - (before[i] ?? 0)) };
        } finally {
          model.close();
        }
      };
      const [expected, found] = [await run("cpu"), await run("gpu")];
      assert.match(sentences[1] ?? "", /^Computes on the GPU/);
      const errors = { logP: difference(found.logP, expected.logP), gradients: difference(found.gradients, expected.gradients), step: difference(found.adapter, expected.adapter) };
      console.log(`      ${gpu?.description ?? ""}, ${type}: relative differences ${Object.entries(errors).map(([name, error]) => `${name} ${error.toExponential(1)}`).join(", ")}`);
      assert.ok(errors.logP < tolerance && errors.gradients < tolerance, JSON.stringify(errors));
      // AdamW's first step is the sign of each gradient, so that the smallest ones may turn over.
      assert.ok(errors.step < 0.3, JSON.stringify(errors));
    });
  }
});
