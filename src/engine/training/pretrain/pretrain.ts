// Training a llama from scratch, every weight: the loop of batches, optimizer steps, measurements and checkpoints.
// It stops between two batches when its signal is aborted and can be killed at any time; either way it goes on later from
// its last checkpoint, with the same numbers as if it had never stopped. Options and files of a run: pretrainCommand.ts.
import { setImmediate } from "node:timers/promises";
import { EngineError } from "../../base/errors.ts";
import { Backend } from "../../ggml/backend.ts";
import type { Blas } from "../../ggml/blas.ts";
import { embeddingMask, isCopyHead, writeCopyHeads } from "./copyHeads.ts";
import { measureHeldOut } from "./heldOut.ts";
import type { HeldOutResult } from "./heldOut.ts";
import { initialise } from "./initialise.ts";
import { LlamaNetwork } from "../network/llamaNetwork.ts";
import { weightSpecs } from "../network/llamaShape.ts";
import { Optimizer } from "../network/optimizer.ts";
import { ParameterSet } from "../network/parameters.ts";
import type { PretrainConfig } from "./pretrainConfig.ts";
import { phaseOf, rateAt } from "../schedule.ts";
import type { Phase } from "../schedule.ts";
import { TokenStream } from "./tokenStream.ts";
import type { StreamPosition } from "./tokenStream.ts";
import { bytesPerToken, markFillIns } from "./trainingData.ts";
import type { TrainingData } from "./trainingData.ts";

export interface StepResult {
  /** Counted from 1. */
  readonly step: number;
  readonly phase: Phase;
  readonly tokensSeen: number;
  /** Mean loss of the step's tokens in nats, weighted as in training. */
  readonly loss: number;
  readonly gradientNorm: number;
  /** Factor on the peak learning rates. */
  readonly rate: number;
  readonly seconds: number;
}

/** A model being trained. Owns native memory: `close` it. */
export class Pretraining {
  readonly backend: Backend;
  readonly parameters: ParameterSet;
  readonly tokensPerStep: number;
  readonly #config: PretrainConfig;
  readonly #data: TrainingData;
  readonly #fillIns: Uint8Array;
  readonly #stream: TokenStream;
  readonly #network: LlamaNetwork;
  readonly #evaluator: LlamaNetwork;
  readonly #optimizer: Optimizer;
  #step = 0;
  #tokensSeen = 0;

  /** Errors: `modelTooLarge`, `nativeMissing`, `dataInvalid`. */
  constructor(config: PretrainConfig, data: TrainingData, nThreads: number, blas: Blas | undefined) {
    const { shape, batch, optimizer } = config;
    this.#config = config;
    this.#data = data;
    this.backend = Backend.cpu(nThreads);
    this.parameters = new ParameterSet(this.backend, weightSpecs(shape), (spec) => (spec.role === "embedding" || spec.role === "norm" ? "adamw" : "muon"));
    initialise(this.backend, shape, this.parameters, config.seed);
    const { kind, protectedSteps, protectedRate } = config.initialisation;
    if (kind === "copyHeads") writeCopyHeads(this.backend, shape, this.parameters, config.seed);
    const protection = kind === "copyHeads" ? { steps: protectedSteps, rateFactor: protectedRate, isProtected: isCopyHead, embeddingMask: embeddingMask(shape) } : undefined;
    const network = { nSequences: batch.sequencesPerMicroBatch, sequenceLength: batch.sequenceLength, headChunk: batch.headChunk, queryBlock: batch.queryBlock, blas };
    this.#network = new LlamaNetwork(this.backend, shape, this.parameters, { ...network, backward: true });
    this.#evaluator = new LlamaNetwork(this.backend, shape, this.parameters, { ...network, backward: false });
    this.#optimizer = new Optimizer(this.backend, this.parameters, optimizer, blas, protection);
    this.#fillIns = markFillIns(data.train, data.tokenizer.special);
    this.#stream = new TokenStream(data.train, batch.sequenceLength, config.seed, config.startAtSamples ? data.tokenizer.special["<|endoftext|>"] : undefined);
    this.tokensPerStep = this.#network.nTokens * batch.microBatchesPerStep;
  }

  /** Steps done. */
  get step(): number {
    return this.#step;
  }

  get tokensSeen(): number {
    return this.#tokensSeen;
  }

  get position(): StreamPosition {
    return this.#stream.position;
  }

  get computeBytes(): number {
    return this.#network.graph.computeBytes + this.#evaluator.graph.computeBytes;
  }

  /** Continues where a checkpoint was taken; the caller has restored the parameters. */
  resumeAt(step: number, tokensSeen: number, position: StreamPosition): void {
    this.#step = step;
    this.#tokensSeen = tokensSeen;
    this.#stream.seek(position);
  }

  /**
   * One optimizer step. Undefined where `signal` was aborted before it was complete: then nothing has changed, the step's
   * data are still to come. Errors: `trainingFailed` where the loss is no number; the weights are those of the last good step.
   */
  async runStep(signal: AbortSignal | undefined): Promise<StepResult | undefined> {
    const { batch, schedule } = this.#config;
    const began = performance.now();
    const before = this.#stream.position;
    const batches = Array.from({ length: batch.microBatchesPerStep }, () => this.#nextBatch());
    const totalWeight = batches.reduce((sum, b) => sum + b.weights.reduce((s, w) => s + w, 0), 0);
    if (totalWeight === 0) throw new EngineError("dataInvalid", "No token of this step counts in the loss. Set fillInWeight above 0 or add data.");
    this.parameters.zeroGradients();
    let loss = 0;
    for (const { tokens, labels, weights } of batches) {
      // Weights sum to 1 over the whole step, so that accumulated gradients equal those of one large batch.
      for (let t = 0; t < weights.length; t++) weights[t] = (weights[t] ?? 0) / totalWeight;
      const logProbabilities = this.#network.run(tokens, labels, weights);
      for (let t = 0; t < weights.length; t++) loss -= (weights[t] ?? 0) * (logProbabilities[t] ?? NaN);
      await setImmediate();
      if (signal?.aborted) {
        this.#stream.seek(before);
        return undefined;
      }
    }
    const step = this.#step + 1;
    if (!Number.isFinite(loss)) {
      this.#stream.seek(before);
      throw new EngineError("trainingFailed", `The loss became ${loss} in step ${step} (epoch ${before.epoch}, window ${before.window}). Training stopped with the weights of step ${this.#step}. Resume with a lower learning rate.`, { step, position: before });
    }
    const rate = rateAt(schedule, step);
    const { gradientNorm } = this.#optimizer.step(step, rate);
    this.#step = step;
    this.#tokensSeen += this.tokensPerStep;
    return { step, phase: phaseOf(schedule, step), tokensSeen: this.#tokensSeen, loss, gradientNorm, rate, seconds: (performance.now() - began) / 1000 };
  }

  /** Bits per byte on held-out data, of at most `maxTokens` tokens. */
  measure(maxTokens: number): Promise<HeldOutResult> {
    const { heldOut, documents, tokenizer } = this.#data;
    return measureHeldOut(this.#evaluator, this.#config.batch.sequenceLength, heldOut, bytesPerToken(tokenizer), documents, maxTokens, () => setImmediate());
  }

  close(): void {
    this.#optimizer.close();
    this.#evaluator.close();
    this.#network.close();
    this.parameters.close();
    this.backend.close();
  }

  #nextBatch(): { tokens: Int32Array; labels: Int32Array; weights: Float32Array } {
    const { sequencesPerMicroBatch, sequenceLength } = this.#config.batch;
    const nTokens = sequencesPerMicroBatch * sequenceLength;
    const tokens = new Int32Array(nTokens);
    const labels = new Int32Array(nTokens);
    const weights = new Float32Array(nTokens);
    for (let sequence = 0; sequence < sequencesPerMicroBatch; sequence++) {
      const at = sequence * sequenceLength;
      const start = this.#stream.next(tokens, labels, at);
      for (let t = 0; t < sequenceLength; t++) weights[at + t] = this.#fillIns[start + t + 1] === 1 ? this.#config.fillInWeight : 1;
    }
    return { tokens, labels, weights };
  }
}
