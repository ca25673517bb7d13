// What keeps a run from forgetting: texts that the base model itself wrote before training, some of which go into every step, with a
// penalty on how far their tokens' log-probabilities move. So no data of anyone's are needed, and whatever the base could write is
// what it keeps. The penalty is ½(log p − log p_base)² for each token: its mean over texts of the base is the KL divergence to second
// order (Schulman 2020, "k2"), and unlike learning those texts again it pulls nowhere as long as nothing has moved.
// Sources: Robins 1995 (pseudo-rehearsal); Li & Hoiem 2017 (learning without forgetting). It moves no weights (tuningLoop.ts).
import { readFile } from "node:fs/promises";
import path from "node:path";
import { sha256, writeFileAtomic } from "../../base/files.ts";
import type { AdaptedModel } from "../adaptedModel.ts";
import { learntCount } from "../samples/tokenSample.ts";
import type { TrainingUnit } from "../samples/tokenSample.ts";
import { DataOrder } from "./dataOrder.ts";
import { logProbabilitiesOf } from "./evaluate.ts";
import type { Objective, UnitLoss } from "./objective.ts";
import type { RunConfig } from "./runConfig.ts";
import type { TuningOptions } from "./tuningTypes.ts";

const FILE = "rehearsal.json";
/** Shorter texts ended before they said anything. */
const SHORTEST_TEXT = 8;
/** Seeds of texts lie apart from those of replies and samples. */
const SEED_OFFSET = 0x5eed;

/** Units of a step beside its data, and what the base says of their learnt tokens. */
export interface Rehearsed {
  readonly units: readonly TrainingUnit[];
  readonly references: readonly Float32Array[];
}

export class Rehearsal {
  readonly #units: readonly TrainingUnit[];
  readonly #references: readonly Float32Array[];
  readonly #order: DataOrder;
  readonly #perStep: number;

  private constructor(units: readonly TrainingUnit[], references: readonly Float32Array[], perStep: number, seed: number) {
    this.#units = units;
    this.#references = references;
    this.#order = new DataOrder(units.length, seed + SEED_OFFSET);
    this.#perStep = perStep;
  }

  /**
   * Has the base write its texts, once for each run folder, and looks them up with the adapter off. `tokensPerStep` are those of a
   * step's data; a short run has no more written than its `steps` take. Null where the run has none, or where nothing writes. Errors: CancelledError, `diskFull`, those of the model.
   */
  static async prepare(options: TuningOptions, config: RunConfig, model: AdaptedModel, tokensPerStep: number, steps: number, signal: AbortSignal): Promise<Rehearsal | null> {
    const { share, tokens: longest } = config.rehearsal;
    if (share === 0) return null;
    const perStep = Math.max(1, Math.round((share * tokensPerStep) / longest));
    const texts = Math.min(config.rehearsal.texts, steps * perStep);
    const written = await writtenTexts(options, { ...config, rehearsal: { ...config.rehearsal, texts } }, signal);
    const units = written.filter((tokens) => tokens.length >= SHORTEST_TEXT).map((tokens, i): TrainingUnit => {
      const learnt = new Uint8Array(tokens.length).fill(1);
      learnt[0] = 0;
      return { at: `text ${i + 1} of ${texts} by the base model`, samples: [{ tokens: Int32Array.from(tokens), learnt }] };
    });
    if (units.length === 0) return null;
    const references = await logProbabilitiesOf(model, units.map((unit) => unit.samples[0] ?? { tokens: new Int32Array(0), learnt: new Uint8Array(0) }), "off", signal);
    const mean = units.reduce((n, unit) => n + (unit.samples[0]?.tokens.length ?? longest), 0) / units.length;
    return new Rehearsal(units, references, Math.max(1, Math.round((share * tokensPerStep) / mean)), config.seed);
  }

  /** The texts of a step (from 1), the same ones whenever it is asked. */
  ofStep(step: number): Rehearsed {
    const numbers = this.#order.take((step - 1) * this.#perStep, this.#perStep);
    return { units: numbers.flatMap((i) => this.#units[i] ?? []), references: numbers.flatMap((i) => this.#references[i] ?? []) };
  }
}

/** `objective` of a step's first `nUnits` units, with the penalty on those that follow: `weight` times its mean over their tokens. */
export function withRehearsal(objective: Objective, nUnits: number, { units, references }: Rehearsed, weight: number): Objective {
  const tokens = units.reduce((n, unit) => n + unit.samples.reduce((m, sample) => m + learntCount(sample), 0), 0);
  const scale = (weight * objective.total) / Math.max(1, tokens);
  return {
    total: objective.total,
    weigh: (i, logProbabilities): UnitLoss => {
      if (i < nUnits) return objective.weigh(i, logProbabilities);
      const values = logProbabilities[0] ?? new Float32Array(0);
      const reference = references[i - nUnits];
      const moved = values.map((value, t) => value - (reference?.[t] ?? value));
      const divergence = moved.reduce((sum, d) => sum + 0.5 * d * d, 0) / Math.max(1, moved.length);
      // The loss that is shown stays that of the data.
      return { loss: 0, weights: [moved.map((d) => -scale * d)], figures: { kl: divergence } };
    },
  };
}

async function writtenTexts({ runFolder, rollouts, tokenizer, modelSha256 }: TuningOptions, { rehearsal, seed }: RunConfig, signal: AbortSignal): Promise<number[][]> {
  const file = path.join(runFolder, FILE);
  const identity = sha256(JSON.stringify([modelSha256, rehearsal.texts, rehearsal.tokens, seed]));
  try {
    const kept = JSON.parse(await readFile(file, "utf8")) as { identity: string; texts: number[][] };
    if (kept.identity === identity) return kept.texts;
  } catch {
    // There are none yet.
  }
  const first = tokenizer.beginning ?? tokenizer.endOfText ?? tokenizer.encode("\n")[0];
  if (rollouts === undefined || first === undefined) return [];
  const replies = await rollouts.generate(Array.from({ length: rehearsal.texts }, () => [first]), { n: 1, temperature: 1, seed: (seed + SEED_OFFSET) >>> 0, maxTokens: rehearsal.tokens, stopTokens: tokenizer.endOfText === null ? [] : [tokenizer.endOfText], adapterFile: null, signal });
  const texts = replies.map(([reply]) => [first, ...(reply?.tokens ?? [])]);
  await writeFileAtomic(file, JSON.stringify({ identity, texts }));
  return texts;
}
