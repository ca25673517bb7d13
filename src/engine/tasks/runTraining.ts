// What a trainer process does: joins a data set's version, a model's vocabulary, the network, rewards and the tuning loop, and
// puts the finished adapter into the store, live where the rule of promotion lets it. It decides nothing of the learning
// itself (training/tune/) and nothing of queues and locks (runs/).
import path from "node:path";
import { EngineError } from "../base/errors.ts";
import { readGguf } from "../base/gguf.ts";
import { lineOf, Log, tellParentEntry } from "../base/log.ts";
import { DatasetStore } from "../data/versions.ts";
import { CANARY_TEXT, CANARY_TOKENS } from "../model/canary.ts";
import { openRollouts } from "../model/rollouts.ts";
import { openSampleTokenizer } from "../model/sampleTokenizer.ts";
import type { RunReceipt, RunState } from "../protocol/training.ts";
import type { TrainerContext, TrainerOutcome } from "../runs/trainerLife.ts";
import type { RunJob } from "../runs/runStore.ts";
import { copyLora, pairsOf, writeLora } from "../training/adapters/loraFile.ts";
import type { Canary } from "../training/adapters/loraFile.ts";
import { AdapterStore, baseHash } from "../training/adapters/store.ts";
import type { AdaptedModel, NamedTensor, PackedBatch } from "../training/adaptedModel.ts";
import { openAdaptedModel } from "../training/network/openAdaptedModel.ts";
import type { RunConfig } from "../training/tune/runConfig.ts";
import { runTuning } from "../training/tune/runTuning.ts";
import type { TuningResult } from "../training/tune/tuningTypes.ts";
import { openRewards } from "./taskRewards.ts";
import { generalTexts, strengthTexts } from "./generalTexts.ts";

/** A run's state is written at most this often while it makes steps; its figures are written at each. */
const STATE_EVERY_MS = 500;

const ENDS: readonly RunState[] = ["finished", "paused", "cancelled"];

export interface TrainingPlace {
  /** The run's own folder. */
  runFolder: string;
  /** Where hashes of model files are remembered. */
  hashNotes: string;
}

/** Works on a run until it is finished, paused or cancelled. Errors: those of the parts it joins, as sentences. */
export async function runTraining({ writer, pause, cancel, notice }: TrainerContext, place: TrainingPlace): Promise<TrainerOutcome> {
  const { job } = writer;
  const log = new Log("trainer", (entry) => {
    console.error(`${entry.at} ${entry.level} ${lineOf(entry)}`);
    tellParentEntry(entry);
  });
  log.info("The run begins", { method: job.method, threads: job.threads });
  await requireSameBase(job, place.hashNotes);
  const dataset = await new DatasetStore(job.dataDir).open(job.dataset.version);
  const architecture = (await readGguf(job.model.file)).metadata.get("general.architecture");
  const tokenizer = await openSampleTokenizer(job.model.file, log.for("model"));
  const rollouts = openRollouts({ modelFile: job.model.file, threads: job.threads, log: log.for("model") });
  const judged = job.method === "grpo" ? await openRewards((job.config["grpo"] as RunConfig["grpo"]).rewards, { storageDir: path.dirname(job.dataDir), executeCode: job.executeCode, log }) : null;
  let model: AdaptedModel | undefined;
  let stateWrittenAt = 0;
  try {
    const result = await runTuning({
      runFolder: place.runFolder,
      method: job.method,
      modelFile: job.model.file,
      modelSha256: job.model.sha256,
      train: { count: dataset.info.train, read: () => dataset.train(cancel) },
      validation: { count: dataset.info.validation, read: () => dataset.validation(cancel) },
      datasetVersion: job.dataset.version,
      config: { ...job.config },
      tokenizer,
      openModel: async (options) => (model = await openAdaptedModel(options)),
      writeAdapter: async (folder, tensors, settings) => {
        const canary = model ? await canaryOf(model, tensors, tokenizer.encode(CANARY_TEXT)) : null;
        return writeLora(folder, {
          facts: {
            architecture: String(architecture), rank: settings.rank, alpha: settings.rankStabilised ? settings.alpha * Math.sqrt(settings.rank) : settings.alpha,
            baseSha256: job.model.sha256, method: job.method, datasetVersion: job.dataset.version, run: job.id, canary,
          },
          pairs: pairsOf(tensors, "the trained adapter"),
        });
      },
      rollouts,
      ...(judged ? { rewards: judged.rewards } : {}),
      general: generalTexts(), strengthTexts: strengthTexts(),
      threads: job.threads,
      ...(job.device === undefined ? {} : { device: job.device }),
      resume: true,
    }, {
      signal: cancel,
      pauseSignal: pause,
      onFigures: (figures) => writer.figures(figures),
      onSample: (sample) => writer.sample(sample),
      onLog: (sentence) => {
        log.info(sentence);
        notice(sentence);
      },
      onState: (state, progress) => {
        // The end is not there before the adapter is in the store (trainerLife.ts writes it).
        if (ENDS.includes(state)) return;
        // Only now is it known from which checkpoint the run goes on.
        if (state !== "preparing") writer.begin(progress.step);
        const now = Date.now();
        if (writer.record.state === state && now - stateWrittenAt < STATE_EVERY_MS) return;
        stateWrittenAt = now;
        // While a pause is under way, that is what people should see.
        const shown = pause.aborted ? "pausing" : state;
        writer.update({ ...progress, state: shown, ...(progress.step > writer.record.step ? { sentence: "" } : {}) }).catch((error: unknown) => log.warn("The state of the run could not be written", { error: String(error) }));
      },
    });
    return await conclude(result, job, writer);
  } finally {
    model?.close();
    await judged?.close();
    await rollouts.close();
    await tokenizer.close();
  }
}

/** A base that was replaced since would make everything learnt so far mean something else. */
async function requireSameBase(job: RunJob, notes: string): Promise<void> {
  const found = await baseHash(job.model.file, notes);
  if (found === job.model.sha256) return;
  throw new EngineError("badRequest", `The model file ${job.model.file} is another one than when this run was started (its hash is ${found.slice(0, 12)} instead of ${job.model.sha256.slice(0, 12)}). Put the former file back to go on, or start a new run with this one.`, { file: job.model.file, expected: job.model.sha256, found });
}

/** What the adapter makes of the fixed text, where the open model holds just this adapter; otherwise nothing is claimed. */
async function canaryOf(model: AdaptedModel, tensors: readonly NamedTensor[], encoded: readonly number[]): Promise<Canary | null> {
  const held = new Map(model.adapter().map((tensor) => [tensor.name, tensor.values]));
  if (!tensors.every(({ name, values }) => held.get(name)?.every((value, i) => value === values[i]) === true)) return null;
  const tokens = encoded.slice(0, Math.min(CANARY_TOKENS, model.maxTokens));
  const nTokens = tokens.length;
  const batch: PackedBatch = {
    nTokens,
    tokens: Int32Array.from(tokens),
    labels: Int32Array.from([...tokens.slice(1), 0]),
    learnt: Uint8Array.from(tokens, (_, i) => (i < nTokens - 1 ? 1 : 0)),
    positions: Int32Array.from(tokens, (_, i) => i),
    segments: new Int32Array(nTokens),
  };
  const read = async (adapter: "on" | "off"): Promise<number[]> => [...(await model.logProbabilities(batch, adapter)).slice(0, nTokens - 1)];
  return { tokens, adapted: await read("on"), base: await read("off") };
}

/** Takes the adapter of a finished run into the store. Where the receipt says so, it goes live: by the engine, which loads it. */
async function conclude(result: TuningResult, job: RunJob, writer: TrainerContext["writer"]): Promise<TrainerOutcome> {
  const { state, adapter } = result;
  if (state !== "finished" || adapter === null || result.receipt === null) return { state, sentence: "" };
  const store = new AdapterStore(job.adaptersDir);
  const { sha256, bytes } = await copyLora(adapter.file, store.folder);
  const receipt: RunReceipt = job.promote === "never" && result.receipt.promoted
    ? { ...result.receipt, promoted: false, sentence: `${result.receipt.sentence} It was not made live, as the run was asked to leave that to you.` }
    : result.receipt;
  await store.add({ sha256, modelSha256: job.model.sha256, model: job.model.name, createdAt: Date.now(), bytes, rank: adapter.settings.rank, alpha: adapter.settings.alpha, run: job.id, receipt });
  await writer.receipt({ ...receipt, adapterSha256: sha256 });
  await writer.update({ goLive: receipt.promoted });
  return { state, sentence: receipt.sentence };
}
