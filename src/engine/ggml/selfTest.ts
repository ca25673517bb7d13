// Whether the ggml libraries on this machine compute right gradients: each rule that training relies on, against finite
// differences, in well under a second; and whether a GPU computes the same as the processor. For `doctor`, for new versions of
// node-llama-cpp, and before a GPU is trained on. It trains nothing.
import { GgmlType } from "../base/ggmlTypes.ts";
import { SeededRandom } from "../base/random.ts";
import { Backend, readFloats, TensorStore, writeTensor } from "./backend.ts";
import { CompiledGraph } from "./compiledGraph.ts";
import { GraphBuilder } from "./graph.ts";
import type { RopeSettings } from "./graph.ts";
import type { Tensor } from "./tensor.ts";

export interface GradientSelfTest {
  /** Whether every rule stayed within {@link tolerance}. */
  readonly ok: boolean;
  readonly maxRelativeError: number;
  /** Relative error of each rule. */
  readonly errors: Readonly<Record<string, number>>;
}

const tolerance = 1e-3;
const width = 32;
const nRows = 8;
const epsilon = 1e-5;
const rope: RopeSettings = { nDimensions: width, frequencyBase: 10_000 };

interface Inputs {
  /** F32 [width, nRows]. */
  readonly x: Tensor;
  /** F32 [width, width]. */
  readonly w: Tensor;
  /** I32 [nRows]. */
  readonly positions: Tensor;
}

/** An operation of `x`, and its rule: the gradient of `x` given that of the result. */
interface Rule {
  forward(g: GraphBuilder, inputs: Inputs): Tensor;
  backward(g: GraphBuilder, inputs: Inputs, dy: Tensor): Tensor;
}

const heads = (g: GraphBuilder, t: Tensor): Tensor => g.reshape(t, [width, 1, nRows]);
const rows = (g: GraphBuilder, t: Tensor): Tensor => g.reshape(t, [width, nRows]);

const rules: Readonly<Record<string, Rule>> = {
  linear: {
    forward: (g, { x, w }) => g.transposedMatMul(w, x),
    backward: (g, { w }, dy) => g.matMul(w, dy),
  },
  rmsNorm: {
    forward: (g, { x }) => g.rmsNorm(x, epsilon),
    backward: (g, { x }, dy) => g.rmsNormBack(dy, x, epsilon),
  },
  silu: {
    forward: (g, { x }) => g.silu(x),
    backward: (g, { x }, dy) => g.siluBack(dy, x),
  },
  softMax: {
    forward: (g, { x }) => g.maskedSoftMaxInPlace(g.cont(x), null, 0.5),
    backward: (g, { x }, dy) => g.softMaxBackInPlace(g.cont(dy), g.maskedSoftMaxInPlace(g.cont(x), null, 0.5), 0.5),
  },
  rope: {
    forward: (g, { x, positions }) => rows(g, g.rope(heads(g, x), positions, rope)),
    backward: (g, { positions }, dy) => rows(g, g.ropeBack(heads(g, dy), positions, rope)),
  },
};

/** Runs the test on one thread. Errors: `nativeMissing` where the libraries cannot be loaded. */
export function gradientSelfTest(): Promise<GradientSelfTest> {
  return Promise.resolve().then(() => {
    const backend = Backend.cpu(1);
    const { inputs, dy, x, store } = drawInputs(backend);
    const errors = Object.fromEntries(Object.entries(rules).map(([name, rule]) => [name, ruleError(backend, inputs, dy, rule, x)]));
    store.close();
    backend.close();
    const maxRelativeError = Math.max(...Object.values(errors));
    return { ok: maxRelativeError <= tolerance, maxRelativeError, errors };
  });
}

/** Products of a GPU may round their operands to half precision: 11 bits, and some room for sums. */
const deviceTolerance = 1e-2;

/** Relative differences between what `gpu` and its processor compute, forward and backward of each rule. Errors: `nativeMissing` for an operation that the GPU lacks. */
export function compareWithProcessor(gpu: Backend): GradientSelfTest {
  const results = [gpu, gpu.processor].map((backend) => {
    const { inputs, dy, x, store } = drawInputs(backend);
    writeTensor(backend, inputs.x, x);
    const computed = Object.entries(rules).flatMap(([name, rule]) => [[name, compute(backend, (g) => rule.forward(g, inputs))], [`${name} backward`, compute(backend, (g) => rule.backward(g, inputs, dy))]] as const);
    store.close();
    return new Map(computed);
  });
  const errors: Record<string, number> = {};
  for (const [name, wanted] of results[1] ?? []) {
    const difference = wanted.map((value, i) => value - (results[0]?.get(name)?.[i] ?? NaN));
    errors[name] = Math.hypot(...difference) / Math.hypot(...wanted);
  }
  const maxRelativeError = Math.max(...Object.values(errors));
  return { ok: maxRelativeError <= deviceTolerance, maxRelativeError, errors };
}

function drawInputs(backend: Backend): { inputs: Inputs; dy: Tensor; x: Float32Array; store: TensorStore } {
  const store = new TensorStore(backend, 8);
  const inputs: Inputs = { x: store.declare(GgmlType.F32, [width, nRows]), w: store.declare(GgmlType.F32, [width, width]), positions: store.declare(GgmlType.I32, [nRows]) };
  const dy = store.declare(GgmlType.F32, [width, nRows]);
  store.allocate();
  const random = new SeededRandom(1);
  const draw = (t: Tensor): Float32Array => Float32Array.from({ length: t.nElements }, () => random.normal());
  writeTensor(backend, inputs.w, draw(inputs.w).map((v) => v / Math.sqrt(width)));
  writeTensor(backend, inputs.positions, Int32Array.from({ length: nRows }, (_, i) => i));
  writeTensor(backend, dy, draw(dy));
  return { inputs, dy, x: draw(inputs.x), store };
}

function compute(backend: Backend, build: (g: GraphBuilder) => Tensor): Float32Array {
  const g = new GraphBuilder(backend, 64, false);
  const result = g.output(g.cont(build(g)));
  const graph = new CompiledGraph(backend, g);
  graph.compute();
  const values = readFloats(backend, result);
  graph.close();
  return values;
}

/** The slope of Σ dy·f(x) along the claimed gradient, against the gradient's length. */
function ruleError(backend: Backend, inputs: Inputs, dy: Tensor, rule: Rule, x: Float32Array): number {
  const weights = readFloats(backend, dy);
  const at = (moved: Float32Array): number => {
    writeTensor(backend, inputs.x, moved);
    return compute(backend, (g) => rule.forward(g, inputs)).reduce((sum, y, i) => sum + y * (weights[i] ?? 0), 0);
  };
  writeTensor(backend, inputs.x, x);
  const gradient = compute(backend, (g) => rule.backward(g, inputs, dy));
  const length = Math.hypot(...gradient);
  const step = 1e-2;
  const along = (steps: number): number => at(x.map((value, i) => value + (steps * step * (gradient[i] ?? 0)) / length));
  const slope = (8 * (along(1) - along(-1)) - (along(2) - along(-2))) / (12 * step);
  return Math.abs(slope - length) / length;
}
