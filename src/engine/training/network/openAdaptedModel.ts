// The implementation of AdaptedModel on ggml: opens a GGUF, puts a fresh adapter beside its frozen weights, and computes with both.
// The maths: adaptedNetwork.ts and what it names; the optimizer: adapterParameters.ts. No loss and no data format is known here.
import { EngineError } from "../../base/errors.ts";
import { GgmlType } from "../../base/ggmlTypes.ts";
import { readGguf } from "../../base/gguf.ts";
import type { Backend } from "../../ggml/backend.ts";
import { Blas } from "../../ggml/blas.ts";
import type { AdaptedModel, AdaptedModelOptions, LossWeights, NamedTensor, PackedBatch } from "../adaptedModel.ts";
import { AdaptedNetwork } from "./adaptedNetwork.ts";
import { adaptedMatrices, AdapterParameters, checkSettings } from "./adapterParameters.ts";
import { openOnBest } from "./chooseDevice.ts";
import { estimate } from "./estimate.ts";
import { FrozenWeights } from "./frozenWeights.ts";
import { planMemory, tokenStep } from "./memoryPlan.ts";
import { describeModel } from "./modelDescription.ts";
import type { ModelDescription } from "./modelDescription.ts";

/**
 * Opens `options.modelFile` for training an adapter.
 * Errors: those of reading GGUF; `modelTooNew` for an architecture that cannot be trained; `badRequest` for settings out of range;
 * `modelTooLarge` where memory is short; `nativeMissing`.
 */
export async function openAdaptedModel(options: AdaptedModelOptions): Promise<GgmlAdaptedModel> {
  const gguf = await readGguf(options.modelFile);
  return openDescribed(describeModel(gguf, options.modelFile), gguf.dataOffset, options);
}

/** Of a GPU's free memory, what may be filled with activations beside what is needed. */
const gpuActivationShare = 0.5;

/** As {@link openAdaptedModel}, with the description of the file's model and the place of its tensor data at hand. */
export async function openDescribed(description: ModelDescription, dataOffset: number, options: AdaptedModelOptions): Promise<GgmlAdaptedModel> {
  checkSettings(options.adapter, options.maxTokens);
  const onGpu = estimate(description, options.adapter, options.maxTokens, 0, false).memoryBytes;
  const { result, sentence } = await openOnBest(options.device ?? "cpu", options.threads, () => onGpu, (backend, gpu) => {
    if (gpu === null) return openOn(backend, description, dataOffset, options);
    const activationBytes = options.activationBytes ?? gpuActivationShare * (gpu.freeBytes - onGpu);
    return openOn(backend, description, dataOffset, { ...options, activationBytes, blas: "ggml" });
  });
  options.onDevice?.(sentence);
  return result;
}

/** Opens on `backend`, which it takes over. */
async function openOn(backend: Backend, description: ModelDescription, dataOffset: number, options: AdaptedModelOptions): Promise<GgmlAdaptedModel> {
  const opened: { close(): void }[] = [backend];
  try {
    const blas = options.blas === "ggml" ? undefined : Blas.open(options.threads, options.blas === "auto" ? undefined : options.blas);
    if (!backend.isGpu) checkMemory(description, options, blas !== undefined);
    const plan = planMemory(description, options.adapter, options.maxTokens, options.activationBytes, blas !== undefined || backend.isGpu);
    const weights = await FrozenWeights.load(backend, description, options.modelFile, dataOffset, { stridedProducts: blas !== undefined, fastFourBit: backend.interleaves(GgmlType.Q4_0, [256, 64]) });
    opened.push(weights);
    const parameters = new AdapterParameters(backend, adaptedMatrices(description, options.adapter), options.adapter, options.optimizer);
    opened.push(parameters);
    const network = new AdaptedNetwork(backend, description, weights, parameters, { maxTokens: Math.ceil(options.maxTokens / tokenStep) * tokenStep, blas, plan });
    opened.push(network);
    return new GgmlAdaptedModel(description, weights, parameters, network, options.maxTokens, opened);
  } catch (error) {
    for (const part of opened.reverse()) part.close();
    throw error;
  }
}

function checkMemory(description: ModelDescription, { adapter, maxTokens, activationBytes }: AdaptedModelOptions, blas: boolean): void {
  const needed = estimate(description, adapter, maxTokens, activationBytes, blas).memoryBytes;
  const available = process.availableMemory();
  if (needed <= available) return;
  const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
  throw new EngineError("modelTooLarge", `Training this model with batches of ${maxTokens} tokens needs about ${megabytes(needed)} of memory, and ${megabytes(available)} are free. Choose a shorter length, fewer kept activations or a smaller model, or close other programs.`, { needed, available });
}

/** See {@link AdaptedModel}. */
export class GgmlAdaptedModel implements AdaptedModel {
  readonly nVocab: number;
  readonly maxTokens: number;
  readonly nTrainable: number;
  readonly #weights: FrozenWeights;
  readonly #parameters: AdapterParameters;
  readonly #network: AdaptedNetwork;
  readonly #opened: readonly { close(): void }[];
  #busy = false;
  #closed = false;

  constructor(description: ModelDescription, weights: FrozenWeights, parameters: AdapterParameters, network: AdaptedNetwork, maxTokens: number, opened: readonly { close(): void }[]) {
    this.nVocab = description.nVocab;
    this.maxTokens = maxTokens;
    this.nTrainable = parameters.nTrainable;
    this.#weights = weights;
    this.#parameters = parameters;
    this.#network = network;
    this.#opened = opened;
  }

  async logProbabilities(batch: PackedBatch, adapter: "on" | "off", signal?: AbortSignal): Promise<Float32Array> {
    this.#check(batch);
    return this.#alone(() => this.#network.logProbabilities(batch, adapter, signal));
  }

  async accumulate(batch: PackedBatch, weights: LossWeights, signal?: AbortSignal): Promise<Float32Array> {
    this.#check(batch);
    return this.#alone(async () => {
      // Where the weights are known beforehand, tokens without one need no gradient at all.
      const wantsDirection = typeof weights === "function" ? (): boolean => true : (token: number): boolean => weights[token] !== 0;
      const logP = await this.#network.forward(batch, wantsDirection, signal);
      const final = typeof weights === "function" ? weights(logP) : weights;
      if (final.length < batch.nTokens) throw new EngineError("internal", `A batch of ${batch.nTokens} tokens was given ${final.length} loss weights.`);
      await this.#network.backward(batch, final, signal);
      return logP;
    });
  }

  clearGradients(): void {
    this.#parameters.clearGradients();
  }

  step(step: number, rate: number): { readonly gradientNorm: number } {
    return this.#parameters.step(step, rate);
  }

  adapter(): NamedTensor[] {
    return this.#parameters.adapter();
  }

  /** Accumulated gradients by the names of the adapter's tensors: for tests and reports. */
  gradients(): NamedTensor[] {
    return this.#parameters.gradients();
  }

  state(): NamedTensor[] {
    return this.#parameters.state();
  }

  restore(state: readonly NamedTensor[]): void {
    this.#parameters.restore(state);
  }

  get memoryBytes(): number {
    return this.#weights.sizeBytes + this.#parameters.sizeBytes + this.#network.sizeBytes;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const part of [...this.#opened].reverse()) part.close();
  }

  /** One computation at a time: they share their memory. */
  async #alone<R>(work: () => Promise<R>): Promise<R> {
    if (this.#busy || this.#closed) throw new EngineError("internal", this.#closed ? "A model was used after it had been closed." : "A model was asked to compute two batches at once.");
    this.#busy = true;
    try {
      return await work();
    } finally {
      this.#busy = false;
    }
  }

  /** ggml does not check indices: a wrong one would read foreign memory. */
  #check(batch: PackedBatch): void {
    const fail = (sentence: string): never => {
      throw new EngineError("dataInvalid", `The batch cannot be computed: ${sentence}.`);
    };
    const { nTokens } = batch;
    if (nTokens < 1 || nTokens > this.maxTokens) fail(`it has ${nTokens} tokens, and the model was opened for 1 to ${this.maxTokens}`);
    for (const name of ["tokens", "labels", "learnt", "positions", "segments"] as const) {
      if (batch[name].length < nTokens) fail(`it has ${nTokens} tokens, but only ${batch[name].length} ${name}`);
    }
    for (let t = 0; t < nTokens; t++) {
      const token = batch.tokens[t] ?? -1;
      const label = batch.labels[t] ?? -1;
      if (token < 0 || token >= this.nVocab) fail(`it holds token ${token}, and the vocabulary has ${this.nVocab}`);
      if (batch.learnt[t] === 1 && (label < 0 || label >= this.nVocab)) fail(`it holds the label ${label}, and the vocabulary has ${this.nVocab} tokens`);
      if ((batch.positions[t] ?? -1) < 0) fail(`token ${t} has the position ${batch.positions[t]}`);
    }
  }
}
