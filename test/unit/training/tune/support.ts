// Runs of the tuning loop on the bigram model: a folder with a model file's header, records, and an engine of replies.
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { SeededRandom } from "../../../../src/engine/base/random.ts";
import type { TrainingRecord } from "../../../../src/engine/base/trainingRecord.ts";
import { GgmlType } from "../../../../src/engine/base/ggmlTypes.ts";
import { writeGguf } from "../../../../src/engine/base/ggufWriter.ts";
import type { TrainingMethod } from "../../../../src/engine/protocol/training.ts";
import type { AdaptedModelOptions } from "../../../../src/engine/training/adaptedModel.ts";
import type { RecordSplit, Rollouts, TuningOptions } from "../../../../src/engine/training/tune/tuningTypes.ts";
import { asciiTokenizer, marker } from "../samples/asciiTokenizer.ts";
import { BigramModel } from "./bigramModel.ts";

export function splitOf(records: readonly TrainingRecord[]): RecordSplit {
  return {
    count: records.length,
    read: async function* () { yield* records; },
  };
}

/** Text in which "ab" and "cd" go together, unlike anything in `general`. */
export function pairedText(n: number, seed: number): TrainingRecord[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: n }, (_, i) => ({
    kind: "text", text: Array.from({ length: 3 + random.integer(12) }, () => (random.integer(2) === 0 ? "ab" : "cd")).join(""), origin: { at: `text ${i}` },
  }));
}

const general: TrainingRecord[] = Array.from({ length: 12 }, (_, i) => ({ kind: "text", text: "WXYZ".repeat(3 + (i % 4)), origin: { at: `general ${i}` } }));

export interface BigramRun {
  readonly options: TuningOptions;
  /** Every model that the run opened, in order. */
  readonly models: BigramModel[];
}

/** Options of a run in `folder`; `modelOptions` are looked at when the model is opened. */
export async function bigramRun(folder: string, method: TrainingMethod, train: readonly TrainingRecord[], validation: readonly TrainingRecord[], config: Record<string, unknown> = {}, more: Partial<TuningOptions> = {}): Promise<BigramRun> {
  await mkdir(folder, { recursive: true });
  const modelFile = path.join(folder, "model.gguf");
  await writeGguf(modelFile, {
    metadata: new Map([["general.architecture", { type: "string", value: "llama" }], ["llama.context_length", { type: "uint32", value: 96 }]]),
    tensors: [{ name: "x", type: GgmlType.F32, shape: [1], data: new Uint8Array(4) }],
  });
  const models: BigramModel[] = [];
  const options: TuningOptions = {
    runFolder: path.join(folder, "run"), method, modelFile, modelSha256: "a".repeat(64), train: splitOf(train), validation: splitOf(validation), datasetVersion: "d1",
    config: { checkpointEverySteps: 3, shownSamples: 0, patience: 0, optimizer: { learningRate: 0.05 }, promotion: { draws: 200 }, ...config },
    tokenizer: asciiTokenizer(),
    openModel: (given: AdaptedModelOptions) => {
      // Ends of texts are likelier than anything else, so that replies end.
      const model = new BigramModel(138, given.maxTokens, given.optimizer, (_, to) => (to === marker.endOfText ? 4 : 0));
      models.push(model);
      return Promise.resolve(model);
    },
    writeAdapter: async (to, tensors) => {
      const bytes = Buffer.concat(tensors.map((t) => Buffer.from(t.values.buffer, t.values.byteOffset, t.values.byteLength)));
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      await mkdir(to, { recursive: true });
      await writeFile(path.join(to, `${sha256}.gguf`), bytes);
      return { file: path.join(to, `${sha256}.gguf`), sha256 };
    },
    general: splitOf(general), threads: 1, resume: true, ...more,
  };
  return { options, models };
}

/** Draws replies from the newest of `models`, as it is: the adapter file is taken to be its own. */
export function bigramRollouts(models: readonly BigramModel[], tokenizer = asciiTokenizer()): Rollouts {
  return {
    generate: (prompts, { n, temperature, seed, maxTokens, stopTokens = [], adapterFile }) => {
      const model = models.at(-1);
      if (model === undefined) throw new Error("no model is open");
      return Promise.resolve(prompts.map((prompt, p) => Array.from({ length: n }, (_, r) => {
        const random = new SeededRandom(seed + 1009 * p + 31 * r);
        const tokens: number[] = [];
        let last = prompt.at(-1) ?? 0;
        while (tokens.length < maxTokens && !(tokens.length > 0 && stopTokens.includes(last))) {
          const weights = model.distribution(last, adapterFile === null ? "off" : "on").map((w) => (temperature === 0 ? w : w ** (1 / temperature)));
          let left = random.uniform() * weights.reduce((a, b) => a + b, 0);
          last = temperature === 0 ? weights.indexOf(Math.max(...weights)) : weights.findIndex((w) => (left -= w) < 0);
          tokens.push(last);
        }
        const ended = stopTokens.includes(last);
        return { tokens, text: tokenizer.decodeText(tokens), truncated: !ended };
      })));
    },
    close: () => Promise.resolve(),
  };
}
