// One optimizer step as a ggml graph: Muon for matrices, AdamW for embeddings and norms, with gradients clipped by their
// global norm. It computes no gradients and decides no learning rate (schedule.ts).
// Sources: Loshchilov & Hutter 2019 (AdamW); Jordan et al. 2024 (Muon: momentum orthogonalised by Newton–Schulz iterations);
// Pascanu et al. 2013 (clipping).
import { GgmlType } from "../../base/ggmlTypes.ts";
import { readFloats, TensorStore, writeTensor } from "../../ggml/backend.ts";
import type { Backend } from "../../ggml/backend.ts";
import type { Blas } from "../../ggml/blas.ts";
import { CompiledGraph } from "../../ggml/compiledGraph.ts";
import { GraphBuilder } from "../../ggml/graph.ts";
import type { Tensor } from "../../ggml/tensor.ts";
import type { WeightSpec } from "./llamaShape.ts";
import type { Parameter, ParameterSet } from "./parameters.ts";

export interface OptimizerSettings {
  /** Peak learning rate of matrices under Muon. */
  readonly muonRate: number;
  readonly muonMomentum: number;
  /** Peak learning rate of the embedding under AdamW, and of everything else under AdamW. */
  readonly embeddingRate: number;
  readonly adamRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled weight decay of matrices: each step multiplies them by 1 − rate · decay. */
  readonly weightDecay: number;
  /** Largest global norm of AdamW's gradients; Infinity for no clipping. (Muon's updates have a fixed size anyway.) */
  readonly clipNorm: number;
}

/** What learns more slowly while a construction in the initial weights is protected (copyHeads.ts). */
export interface Protection {
  /** Optimizer steps that it lasts. */
  readonly steps: number;
  /** Factor on the learning rate of protected matrices. */
  readonly rateFactor: number;
  readonly isProtected: (spec: WeightSpec) => boolean;
  /** Factor on the gradient of each embedding dimension, [dim]. */
  readonly embeddingMask: Float32Array;
}

export interface StepReport {
  /** Global norm of all gradients, before clipping. */
  readonly gradientNorm: number;
}

/** Scalars of an update: −rate, and 1 − rate · decay. */
interface MuonInputs {
  readonly step: Tensor;
  readonly keep: Tensor;
}

/** Coefficients of the quintic iteration, chosen by Jordan et al. for steepest slope at zero. */
const newtonSchulz = { a: 3.4445, b: -4.775, c: 2.0315, iterations: 5 } as const;
/** Keeps the norm's reciprocal finite where a gradient is zero. */
const tinyNorm = 1e-7;

export class Optimizer {
  readonly #backend: Backend;
  readonly #parameters: readonly Parameter[];
  readonly #settings: OptimizerSettings;
  readonly #inputs: TensorStore;
  readonly #squares: Tensor;
  readonly #clip: Tensor;
  readonly #muon: MuonInputs;
  readonly #protectedMuon: MuonInputs;
  readonly #embeddingMask: Tensor;
  readonly #protection: Protection | undefined;
  readonly #embeddingHyper: Tensor;
  readonly #adamHyper: Tensor;
  readonly #norms: CompiledGraph;
  readonly #update: CompiledGraph;

  constructor(backend: Backend, parameters: ParameterSet, settings: OptimizerSettings, blas: Blas | undefined, protection?: Protection) {
    this.#backend = backend;
    this.#parameters = [...parameters];
    this.#settings = settings;
    const count = this.#parameters.length;
    this.#protection = protection;
    this.#inputs = new TensorStore(backend, 16);
    this.#squares = this.#inputs.declare(GgmlType.F32, [count]);
    this.#clip = this.#inputs.declare(GgmlType.F32, [1]);
    const scalar = (): Tensor => this.#inputs.declare(GgmlType.F32, [1]);
    this.#muon = { step: scalar(), keep: scalar() };
    this.#protectedMuon = { step: scalar(), keep: scalar() };
    this.#embeddingMask = this.#inputs.declare(GgmlType.F32, [protection?.embeddingMask.length ?? 1]);
    this.#embeddingHyper = this.#inputs.declare(GgmlType.F32, [7]);
    this.#adamHyper = this.#inputs.declare(GgmlType.F32, [7]);
    this.#inputs.allocate();
    this.#norms = this.#buildNorms(blas);
    this.#update = this.#buildUpdate(blas);
  }

  /**
   * Updates every parameter from its accumulated gradient. `step` counts from 1; `rate` is the schedule's factor (0–1) on the
   * peak learning rates. Gradients stay as they are: the caller zeroes them.
   */
  step(step: number, rate: number): StepReport {
    const { embeddingRate, adamRate, clipNorm } = this.#settings;
    const isProtected = this.#protection !== undefined && step <= this.#protection.steps;
    this.#norms.compute();
    const squares = readFloats(this.#backend, this.#squares);
    let total = 0;
    let clipped = 0;
    for (const [i, { rule }] of this.#parameters.entries()) {
      total += squares[i] ?? 0;
      if (rule === "adamw") clipped += squares[i] ?? 0;
    }
    const clipFactor = Math.min(1, clipNorm / (Math.sqrt(clipped) + tinyNorm));
    writeTensor(this.#backend, this.#clip, Float32Array.of(clipFactor));
    this.#setMuonRate(this.#muon, rate);
    this.#setMuonRate(this.#protectedMuon, isProtected ? rate * (this.#protection?.rateFactor ?? 1) : rate);
    const open = new Float32Array(this.#embeddingMask.nElements).fill(1);
    writeTensor(this.#backend, this.#embeddingMask, isProtected ? (this.#protection?.embeddingMask ?? open) : open);
    writeTensor(this.#backend, this.#embeddingHyper, this.#hyper(embeddingRate * rate, step));
    writeTensor(this.#backend, this.#adamHyper, this.#hyper(adamRate * rate, step));
    this.#update.compute();
    return { gradientNorm: Math.sqrt(total) };
  }

  close(): void {
    this.#norms.close();
    this.#update.close();
    this.#inputs.close();
  }

  #setMuonRate(inputs: MuonInputs, rate: number): void {
    const { muonRate, weightDecay } = this.#settings;
    writeTensor(this.#backend, inputs.step, Float32Array.of(-muonRate * rate));
    writeTensor(this.#backend, inputs.keep, Float32Array.of(1 - muonRate * rate * weightDecay));
  }

  /** AdamW's inputs, without decay: what it updates here (embedding, norms) is not decayed. */
  #hyper(rate: number, step: number): Float32Array {
    const { beta1, beta2, epsilon } = this.#settings;
    return Float32Array.of(rate, beta1, beta2, epsilon, 0, 1 / (1 - beta1 ** step), 1 / (1 - beta2 ** step));
  }

  #buildNorms(blas: Blas | undefined): CompiledGraph {
    const g = new GraphBuilder(this.#backend, 8 * this.#parameters.length, blas !== undefined);
    for (const [i, { gradient }] of this.#parameters.entries()) {
      g.expand(g.copy(sumOfSquares(g, gradient), g.view(this.#squares, [1], 4 * i)));
    }
    return new CompiledGraph(this.#backend, g, blas);
  }

  #buildUpdate(blas: Blas | undefined): CompiledGraph {
    const g = new GraphBuilder(this.#backend, 96 * this.#parameters.length, blas !== undefined);
    for (const parameter of this.#parameters) {
      if (parameter.rule === "muon") this.#updateByMuon(g, parameter);
      else this.#updateByAdamw(g, parameter);
    }
    return new CompiledGraph(this.#backend, g, blas);
  }

  #updateByAdamw(g: GraphBuilder, { spec, weight, gradient, mean, variance }: Parameter): void {
    if (variance === undefined) return;
    const hyper = spec.role === "embedding" ? this.#embeddingHyper : this.#adamHyper;
    const clipped = g.mul(gradient, this.#clip);
    g.expand(g.adamw(weight, spec.role === "embedding" ? g.mul(clipped, this.#embeddingMask) : clipped, mean, variance, hyper));
  }

  #updateByMuon(g: GraphBuilder, { spec, weight, gradient, mean }: Parameter): void {
    const { muonMomentum } = this.#settings;
    const inputs = this.#protection?.isProtected(spec) ? this.#protectedMuon : this.#muon;
    const momentum = g.copy(g.add(g.scale(mean, muonMomentum), gradient), mean);
    const lookAhead = g.add(gradient, g.scale(momentum, muonMomentum)); // Nesterov
    const direction = orthogonalise(g, lookAhead);
    const [nInputs, nOutputs] = weight.shape;
    // A matrix that widens has fewer directions than outputs: this keeps the change of its output the same (Jordan et al.).
    const stepped = g.mul(g.scale(direction, Math.sqrt(Math.max(1, nOutputs / nInputs))), inputs.step);
    g.expand(g.copy(g.add(g.mul(weight, inputs.keep), stepped), weight));
  }
}

/** The sum of squares of all elements, shape [1, 1]. */
function sumOfSquares(g: GraphBuilder, t: Tensor): Tensor {
  const flat = g.reshape(t, [t.nElements]);
  return g.mulMat(flat, flat);
}

/** The nearest matrix with all singular values about 1, of `m` [inputs, outputs]. */
function orthogonalise(g: GraphBuilder, m: Tensor): Tensor {
  const { a, b, c, iterations } = newtonSchulz;
  const norm = g.scaleBias(g.squareRoot(sumOfSquares(g, m)), 1, tinyNorm);
  let x = g.div(m, norm);
  const tall = m.shape[0] >= m.shape[1];
  for (let i = 0; i < iterations; i++) {
    // The Gram matrix of the shorter side.
    const gram = tall ? g.transposedMatMul(x, x) : g.matMulTransposed(x, x);
    const polynomial = g.add(g.scale(gram, b), g.scale(g.matMul(gram, gram), c));
    x = g.add(g.scale(x, a), tall ? g.matMul(x, polynomial) : g.matMul(polynomial, x));
  }
  return x;
}
