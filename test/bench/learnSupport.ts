// What the proofs of learning share: records of a repository, runs of the tuning loop on a real model, and how figures are told.
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { sha256File } from "../../src/engine/base/files.ts";
import { readGguf } from "../../src/engine/base/gguf.ts";
import { mediaFile } from "../../src/engine/base/paths.ts";
import type { TrainingRecord } from "../../src/engine/base/trainingRecord.ts";
import { recordsOfFile } from "../../src/engine/data/sources/workspaceCode.ts";
import { openRollouts } from "../../src/engine/model/rollouts.ts";
import { openSampleTokenizer } from "../../src/engine/model/sampleTokenizer.ts";
import type { RunFigures, RunReceipt, RunSample, TrainingMethod } from "../../src/engine/protocol/training.ts";
import { generalTexts, strengthTexts } from "../../src/engine/tasks/generalTexts.ts";
import type { AdaptedModel } from "../../src/engine/training/adaptedModel.ts";
import { pairsOf, writeLora } from "../../src/engine/training/adapters/loraFile.ts";
import { openAdaptedModel } from "../../src/engine/training/network/openAdaptedModel.ts";
import { runTuning } from "../../src/engine/training/tune/runTuning.ts";
import type { RecordSplit, Reward } from "../../src/engine/training/tune/tuningTypes.ts";

const LANGUAGES: Readonly<Record<string, string>> = { ".ts": "typescript", ".tsx": "typescriptreact", ".py": "python", ".js": "javascript" };
export const baseModel = mediaFile("models", "kalactica-base.gguf");

export interface RepositoryFile {
  readonly path: string;
  readonly text: string;
  readonly language: string;
}

/** The source files under `folder`, in order of their paths. */
export async function sourceFiles(folder: string): Promise<RepositoryFile[]> {
  const files: RepositoryFile[] = [];
  for (const entry of (await readdir(folder, { recursive: true, withFileTypes: true })).sort((a, b) => (path.join(a.parentPath, a.name) < path.join(b.parentPath, b.name) ? -1 : 1))) {
    const language = LANGUAGES[path.extname(entry.name)];
    const file = path.join(entry.parentPath, entry.name);
    if (!entry.isFile() || language === undefined || /node_modules|\.d\.ts$/.test(file)) continue;
    files.push({ path: path.relative(folder, file), text: await readFile(file, "utf8"), language });
  }
  return files;
}

/** Splits by file: about `share` of the characters are held out, chosen by a hash of seed and path. */
export function splitFiles(files: readonly RepositoryFile[], share: number, seed: number): { train: RepositoryFile[]; heldOut: RepositoryFile[] } {
  const keyed = files.map((file) => ({ file, key: createHash("sha256").update(`${seed} ${file.path}`).digest("hex") })).sort((a, b) => (a.key < b.key ? -1 : 1));
  const total = files.reduce((n, f) => n + f.text.length, 0);
  const heldOut: RepositoryFile[] = [];
  const train: RepositoryFile[] = [];
  let held = 0;
  for (const { file } of keyed) {
    if (held < share * total && file.text.length < 0.5 * share * total + 20_000) {
      heldOut.push(file);
      held += file.text.length;
    } else train.push(file);
  }
  return { train, heldOut };
}

/** Records as "data prepare --source workspace" makes them. */
export function workspaceRecords(files: readonly RepositoryFile[], seed: number): TrainingRecord[] {
  return files.flatMap(({ path: at, text, language }) => [...recordsOfFile(text, { at, language }, { seed })]);
}

export function splitOf(records: readonly TrainingRecord[]): RecordSplit {
  return {
    count: records.length,
    async *read() { yield* records; },
  };
}

export interface LearnOptions {
  readonly name: string;
  readonly folder: string;
  readonly method: TrainingMethod;
  readonly modelFile: string;
  readonly train: readonly TrainingRecord[];
  readonly validation: readonly TrainingRecord[];
  readonly config: Record<string, unknown>;
  readonly rewards?: readonly Reward[];
  readonly threads: number;
  readonly onFigures?: (figures: RunFigures) => void;
  readonly onSample?: (sample: RunSample) => void;
}

export interface Learnt {
  readonly receipt: RunReceipt;
  readonly adapterFile: string;
  readonly figures: readonly RunFigures[];
}

/** Runs the product's own loop on the product's own network, from the beginning. */
export async function learn(options: LearnOptions): Promise<Learnt> {
  const { modelFile, method, threads } = options;
  const runFolder = path.join(options.folder, options.name);
  await rm(runFolder, { recursive: true, force: true });
  await mkdir(runFolder, { recursive: true });
  const modelSha256 = await sha256File(modelFile);
  const architecture = String((await readGguf(modelFile)).metadata.get("general.architecture"));
  const tokenizer = await openSampleTokenizer(modelFile);
  const rollouts = openRollouts({ modelFile, threads });
  let model: AdaptedModel | undefined;
  const figures: RunFigures[] = [];
  try {
    const result = await runTuning({
      runFolder, method, modelFile, modelSha256, train: splitOf(options.train), validation: splitOf(options.validation), datasetVersion: options.name,
      config: options.config, tokenizer, rollouts, general: generalTexts(), strengthTexts: strengthTexts(), threads, resume: false, ...options.rewards === undefined ? {} : { rewards: options.rewards },
      openModel: async (given) => (model = await openAdaptedModel(given)),
      writeAdapter: (folder, tensors, settings) => writeLora(folder, {
        facts: { architecture, rank: settings.rank, alpha: settings.rankStabilised ? settings.alpha * Math.sqrt(settings.rank) : settings.alpha, baseSha256: modelSha256, method, datasetVersion: options.name, run: options.name, canary: null },
        pairs: pairsOf(tensors, "the trained adapter"),
      }),
    }, {
      onFigures: (f) => {
        figures.push(f);
        options.onFigures?.(f);
        if (f.step % 10 === 0) console.error(`  ${options.name}: step ${f.step} ${JSON.stringify({ loss: f.loss, validationLoss: f.validationLoss, reward: f.reward, accuracy: f.accuracy })}`);
      },
      onLog: (line) => { console.error(`  ${options.name}: ${line}`); },
      ...options.onSample === undefined ? {} : { onSample: options.onSample },
    });
    if (result.receipt === null || result.adapter === null) throw new Error(`The run ended as ${result.state}.`);
    return { receipt: result.receipt, adapterFile: result.adapter.file, figures };
  } finally {
    model?.close();
    await rollouts.close();
    await tokenizer.close();
  }
}

/** "−18.3 %" of a perplexity that changed. */
export function change({ perplexityBefore, perplexityAfter }: { perplexityBefore: number; perplexityAfter: number }): number {
  return perplexityAfter / perplexityBefore - 1;
}

export function percent(share: number): string {
  return `${share > 0 ? "+" : ""}${(100 * share).toFixed(1)} %`;
}
