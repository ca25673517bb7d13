// AdamW against frozen numbers of PyTorch's rule, Muon against its definition in plain arithmetic.
import assert from "node:assert/strict";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { Backend, readFloats, writeTensor } from "../../../src/engine/ggml/backend.ts";
import type { WeightSpec } from "../../../src/engine/training/network/llamaShape.ts";
import { Optimizer } from "../../../src/engine/training/network/optimizer.ts";
import type { OptimizerSettings } from "../../../src/engine/training/network/optimizer.ts";
import { ParameterSet } from "../../../src/engine/training/network/parameters.ts";

const settings: OptimizerSettings = { muonRate: 0.1, muonMomentum: 0.9, embeddingRate: 0.01, adamRate: 0.02, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.5, clipNorm: Infinity };
const norm: WeightSpec = { name: "n", role: "norm", shape: [3] };
const embedding: WeightSpec = { name: "e", role: "embedding", shape: [3, 1] };
const wide: WeightSpec = { name: "w", role: "feedForwardInput", shape: [4, 6], layer: 0 };
const tall: WeightSpec = { name: "t", role: "attentionInput", shape: [6, 4], layer: 1 };

// PyTorch's documented AdamW rule, betas (.9, .95), epsilon 1e-8, no decay, double precision, after the three gradients below.
const FROZEN_RATE_02 = [0.94905120469208, 2.0048754888512796, 2.9870530851635615];
const FROZEN_RATE_01 = [0.9745256023460399, 2.0024377444256403, 2.993526542581781];

describe("optimizer", () => {
  let backend: Backend;
  before(() => { backend = Backend.cpu(1); });
  after(() => backend.close());

  const withParameters = (specs: WeightSpec[], use: (parameters: ParameterSet) => void): void => {
    const parameters = new ParameterSet(backend, specs, (spec) => (spec.role === "norm" || spec.role === "embedding" ? "adamw" : "muon"));
    use(parameters);
    parameters.close();
  };
  const close = (actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void => {
    assert.equal(actual.length, expected.length);
    for (let i = 0; i < actual.length; i++) assert.ok(Math.abs((actual[i] ?? 0) - (expected[i] ?? 0)) <= tolerance, `[${i}] ${actual[i]} instead of ${expected[i]}`);
  };

  it("does AdamW as PyTorch documents it, with a rate for embeddings and one for the rest", () => {
    withParameters([norm, embedding], (parameters) => {
      const optimizer = new Optimizer(backend, parameters, settings, undefined);
      const gradients = [[0.5, -1, 0.01], [0.25, 2, -0.3], [-0.1, 0.4, 0.7]];
      for (const { weight } of parameters) writeTensor(backend, weight, Float32Array.of(1, 2, 3));
      for (const [i, values] of gradients.entries()) {
        for (const { gradient } of parameters) writeTensor(backend, gradient, Float32Array.from(values));
        const { gradientNorm } = optimizer.step(i + 1, 1);
        assert.ok(Math.abs(gradientNorm - Math.SQRT2 * Math.hypot(...values)) < 1e-5);
      }
      close(readFloats(backend, parameters.get("n").weight), FROZEN_RATE_02, 2e-6);
      close(readFloats(backend, parameters.get("e").weight), FROZEN_RATE_01, 2e-6);
      optimizer.close();
    });
  });

  it("clips AdamW's gradients by their global norm, and scales rates by the schedule", () => {
    withParameters([norm, embedding], (parameters) => {
      const optimizer = new Optimizer(backend, parameters, { ...settings, clipNorm: 1 }, undefined);
      for (const { gradient } of parameters) writeTensor(backend, gradient, Float32Array.of(3, 0, 4));
      optimizer.step(1, 0);
      // With rate 0 the weights stay; the first moment is (1 − β1) times the clipped gradient: 5·√2 → 1.
      close(readFloats(backend, parameters.get("n").weight), [0, 0, 0], 0);
      close(readFloats(backend, parameters.get("n").mean), [0.1 * 3 / (5 * Math.SQRT2), 0, 0.1 * 4 / (5 * Math.SQRT2)], 1e-6);
      optimizer.close();
    });
  });

  for (const spec of [wide, tall]) {
    it(`does Muon on a ${spec.shape.join(" × ")} matrix as defined`, () => {
      withParameters([spec], (parameters) => {
        const random = new SeededRandom(4);
        const parameter = parameters.get(spec.name);
        const draw = (): Float32Array => Float32Array.from({ length: 24 }, () => random.normal());
        let weight = Float64Array.from(draw());
        let momentum = new Float64Array(24);
        writeTensor(backend, parameter.weight, Float32Array.from(weight));
        const optimizer = new Optimizer(backend, parameters, settings, undefined);
        for (let step = 1; step <= 3; step++) {
          const gradient = draw();
          writeTensor(backend, parameter.gradient, gradient);
          optimizer.step(step, 0.5);
          momentum = momentum.map((m, i) => 0.9 * m + (gradient[i] ?? 0));
          const direction = newtonSchulz(momentum.map((m, i) => 0.9 * m + (gradient[i] ?? 0)), spec.shape[0] ?? 0, spec.shape[1] ?? 0);
          const scale = Math.sqrt(Math.max(1, (spec.shape[1] ?? 0) / (spec.shape[0] ?? 1)));
          weight = weight.map((w, i) => w * (1 - 0.05 * 0.5) - 0.05 * scale * (direction[i] ?? 0));
        }
        close(readFloats(backend, parameter.weight), weight, 1e-4);
        optimizer.close();
      });
    });
  }

  it("holds protected weights back for as long as it is told", () => {
    withParameters([wide, tall, embedding], (parameters) => {
      const protection = { steps: 1, rateFactor: 0, isProtected: (spec: WeightSpec) => spec.name === "w", embeddingMask: Float32Array.of(1, 0, 1) };
      const optimizer = new Optimizer(backend, parameters, settings, undefined, protection);
      for (const { gradient } of parameters) writeTensor(backend, gradient, new Float32Array(gradient.nElements).fill(1));
      const moved = (): boolean[] => ["w", "t"].map((name) => readFloats(backend, parameters.get(name).weight).some((w) => w !== 0));
      optimizer.step(1, 1);
      assert.deepEqual(moved(), [false, true]);
      assert.deepEqual([...readFloats(backend, parameters.get("e").weight)].map((w) => w !== 0), [true, false, true]);
      optimizer.step(2, 1);
      assert.deepEqual(moved(), [true, true]);
      optimizer.close();
    });
  });
});

/** Five quintic iterations on `m`, columns of `rows` elements each, in double precision. */
function newtonSchulz(m: Float64Array, rows: number, columns: number): Float64Array {
  const norm = Math.hypot(...m) + 1e-7;
  let x = Array.from({ length: rows }, (_, r) => Array.from({ length: columns }, (_, c) => (m[c * rows + r] ?? 0) / norm));
  const multiply = (a: number[][], b: number[][]): number[][] => a.map((row) => (b[0] ?? []).map((_, c) => row.reduce((sum, value, k) => sum + value * (b[k]?.[c] ?? 0), 0)));
  const combine = (a: number[][], fa: number, b: number[][], fb: number): number[][] => a.map((row, r) => row.map((value, c) => fa * value + fb * (b[r]?.[c] ?? 0)));
  for (let i = 0; i < 5; i++) {
    const transposed = (x[0] ?? []).map((_, c) => x.map((row) => row[c] ?? 0));
    const gram = multiply(x, transposed);
    x = combine(x, 3.4445, multiply(combine(gram, -4.775, multiply(gram, gram), 2.0315), x), 1);
  }
  return Float64Array.from({ length: rows * columns }, (_, i) => x[i % rows]?.[Math.floor(i / rows)] ?? 0);
}

