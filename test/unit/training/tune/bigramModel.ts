// An exact AdaptedModel of a few numbers: log p of the next token by a table over the token before, plus a table that learns.
// Its gradients are written by hand, its arithmetic is double precision, so it is an oracle for losses and loops.
import { throwIfCancelled } from "../../../../src/engine/base/errors.ts";
import type { AdamWSettings, AdaptedModel, LossWeights, NamedTensor, PackedBatch } from "../../../../src/engine/training/adaptedModel.ts";

export class BigramModel implements AdaptedModel {
  readonly nVocab: number;
  readonly maxTokens: number;
  readonly nTrainable: number;
  readonly memoryBytes = 0;
  readonly #base: Float64Array;
  readonly #learnt: Float64Array;
  readonly #mean: Float64Array;
  readonly #variance: Float64Array;
  readonly #gradient: Float64Array;
  readonly #settings: AdamWSettings;
  /** Rows that were computed since the weights last moved. */
  readonly #rows = { on: new Map<number, readonly number[]>(), off: new Map<number, readonly number[]>() };
  /** Called at each forward pass; may throw, or wait. */
  onCompute: (batch: PackedBatch) => void | Promise<void> = () => undefined;
  /** Makes log p of this token NaN, as a diverging network does. */
  poisonedToken = -1;
  batches = 0;
  closed = false;

  constructor(nVocab: number, maxTokens: number, settings: AdamWSettings, baseOf: (from: number, to: number) => number = () => 0) {
    this.nVocab = nVocab;
    this.maxTokens = maxTokens;
    this.nTrainable = nVocab * nVocab;
    this.#settings = settings;
    this.#base = Float64Array.from({ length: this.nTrainable }, (_, i) => baseOf(Math.floor(i / nVocab), i % nVocab));
    this.#learnt = new Float64Array(this.nTrainable);
    this.#mean = new Float64Array(this.nTrainable);
    this.#variance = new Float64Array(this.nTrainable);
    this.#gradient = new Float64Array(this.nTrainable);
  }

  /** p of every next token after `from`. */
  distribution(from: number, adapter: "on" | "off"): readonly number[] {
    const kept = this.#rows[adapter].get(from);
    if (kept !== undefined) return kept;
    const row = this.#distribution(from, adapter);
    this.#rows[adapter].set(from, row);
    return row;
  }

  #distribution(from: number, adapter: "on" | "off"): number[] {
    const logits = Array.from({ length: this.nVocab }, (_, to) => (this.#base[from * this.nVocab + to] ?? 0) + (adapter === "on" ? this.#learnt[from * this.nVocab + to] ?? 0 : 0));
    const largest = Math.max(...logits);
    const weights = logits.map((l) => Math.exp(l - largest));
    const total = weights.reduce((a, b) => a + b, 0);
    return weights.map((w) => w / total);
  }

  async logProbabilities(batch: PackedBatch, adapter: "on" | "off", signal?: AbortSignal): Promise<Float32Array> {
    this.batches++;
    await this.onCompute(batch);
    throwIfCancelled(signal);
    return Float32Array.from(batch.tokens, (token, t) => {
      if (batch.learnt[t] !== 1) return 0;
      const label = batch.labels[t] ?? 0;
      if (label === this.poisonedToken) return NaN;
      return Math.log(this.distribution(token, adapter)[label] ?? 0);
    });
  }

  async accumulate(batch: PackedBatch, weights: LossWeights, signal?: AbortSignal): Promise<Float32Array> {
    const values = await this.logProbabilities(batch, "on", signal);
    const w = typeof weights === "function" ? weights(values) : weights;
    for (let t = 0; t < batch.nTokens; t++) {
      const weight = w[t] ?? 0;
      if (weight === 0) continue;
      const from = batch.tokens[t] ?? 0;
      const p = this.distribution(from, "on");
      for (let to = 0; to < this.nVocab; to++) {
        const at = from * this.nVocab + to;
        this.#gradient[at] = (this.#gradient[at] ?? 0) + weight * ((p[to] ?? 0) - (to === batch.labels[t] ? 1 : 0));
      }
    }
    return values;
  }

  /** The gradients as they stand. */
  gradients(): Float64Array {
    return this.#gradient.slice();
  }

  clearGradients(): void {
    this.#gradient.fill(0);
  }

  step(step: number, rate: number): { gradientNorm: number } {
    const { beta1, beta2, epsilon, weightDecay, clipNorm } = this.#settings;
    const gradientNorm = Math.sqrt(this.#gradient.reduce((sum, g) => sum + g * g, 0));
    if (!Number.isFinite(gradientNorm)) return { gradientNorm };
    const clip = Math.min(1, clipNorm / (gradientNorm + 1e-12));
    for (let i = 0; i < this.nTrainable; i++) {
      const g = (this.#gradient[i] ?? 0) * clip;
      // State goes through F32, as checkpoints do.
      this.#mean[i] = Math.fround(beta1 * (this.#mean[i] ?? 0) + (1 - beta1) * g);
      this.#variance[i] = Math.fround(beta2 * (this.#variance[i] ?? 0) + (1 - beta2) * g * g);
      const update = (this.#mean[i] ?? 0) / (1 - beta1 ** step) / (Math.sqrt((this.#variance[i] ?? 0) / (1 - beta2 ** step)) + epsilon);
      this.#learnt[i] = Math.fround((this.#learnt[i] ?? 0) * (1 - rate * weightDecay) - rate * update);
    }
    this.#gradient.fill(0);
    this.#rows.on.clear();
    return { gradientNorm };
  }

  adapter(): NamedTensor[] {
    return [
      { name: "blk.0.attn_q.weight.lora_a", shape: [this.nVocab, this.nVocab], values: Float32Array.from(this.#learnt) },
      { name: "blk.0.attn_q.weight.lora_b", shape: [this.nVocab, 1], values: new Float32Array(this.nVocab) },
    ];
  }

  state(): NamedTensor[] {
    return [["learnt", this.#learnt], ["mean", this.#mean], ["variance", this.#variance]].map(([name, values]) => ({ name: name as string, shape: [this.nVocab, this.nVocab], values: Float32Array.from(values as Float64Array) }));
  }

  restore(state: readonly NamedTensor[]): void {
    for (const [name, target] of [["learnt", this.#learnt], ["mean", this.#mean], ["variance", this.#variance]] as const) {
      target.set(state.find((t) => t.name === name)?.values ?? []);
    }
    this.#rows.on.clear();
    this.#gradient.fill(0);
  }

  close(): void {
    this.closed = true;
  }
}
