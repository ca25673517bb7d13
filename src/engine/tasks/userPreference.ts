// What a user likes, learnt from a data set of recorded feedback and used as a reward: joins the reward model with the stored
// data and the embedded encoder. One model per data folder; how it is fitted and when it is refused is in training/rewardModel/.
import { existsSync } from "node:fs";
import path from "node:path";
import { EngineError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Reward } from "../base/reward.ts";
import type { TrainingRecord } from "../base/trainingRecord.ts";
import { openEmbedder } from "../retrieval/embedder/embeddedEmbedder.ts";
import type { FeatureSources } from "../training/rewardModel/features.ts";
import { fitRewardModel, loadRewardModel, preferenceReward, saveRewardModel } from "../training/rewardModel/rewardModel.ts";
import type { FittedRewardModel } from "../training/rewardModel/rewardModel.ts";

export type UserPreferenceFit = FittedRewardModel & { readonly file: string | null };

/** What is read of a data set. */
export interface FeedbackData {
  readonly info: { readonly name: string; readonly kinds: Readonly<Record<string, number>> };
  train(signal?: AbortSignal): AsyncIterable<TrainingRecord>;
  validation(signal?: AbortSignal): AsyncIterable<TrainingRecord>;
}

function fileIn(storageDir: string): string {
  return path.join(storageDir, "reward-model.json");
}

/** Features of replies, with the embedded encoder's where this installation has it. */
async function sourcesHere(log: Log): Promise<FeatureSources> {
  const embedder = await openEmbedder(log);
  return embedder === null ? {} : { embedding: { id: embedder.hash, dimension: embedder.dimension, embed: (texts, signal) => embedder.embed(texts, "passage", signal) } };
}

/**
 * Fits the reward model on preference and judged records. It is stored only where it is good enough; the one before stays
 * otherwise. Errors: `dataInvalid` where there are no such records, `cancelled`, those of reading and writing.
 */
export async function fitUserPreference(data: FeedbackData, { storageDir, seed, log, signal }: { storageDir: string; seed: number; log: Log; signal?: AbortSignal }): Promise<UserPreferenceFit> {
  const { name, kinds } = data.info;
  if ((kinds["preference"] ?? 0) + (kinds["judged"] ?? 0) === 0) {
    throw new EngineError("dataInvalid", `"${name}" holds no pairs and no judgements (it has ${Object.keys(kinds).join(", ") || "nothing"}), from which alone preferences can be learnt. Prepare data from feedback: kalactica data prepare --source feedback --name likes.`, { name, kinds });
  }
  // Cross-validation holds out by itself, so that both splits may be fitted on.
  const records = async function* (): AsyncGenerator<TrainingRecord> {
    yield* data.train(signal);
    yield* data.validation(signal);
  };
  const fitted = await fitRewardModel(records(), await sourcesHere(log), { seed, ...(signal === undefined ? {} : { signal }) });
  if (fitted.model === null) return { ...fitted, file: null };
  const file = fileIn(storageDir);
  await saveRewardModel(file, fitted.model);
  return { ...fitted, file };
}

/** The reward "preference". Errors: `notFound` where none was fitted yet, `dataInvalid` for a damaged one, `badRequest` for one fitted with another encoder. */
export async function openUserPreference(storageDir: string, log: Log): Promise<Reward> {
  const file = fileIn(storageDir);
  if (!existsSync(file)) throw new EngineError("notFound", "There is no reward model of your preferences yet. Prepare data from feedback (kalactica data prepare --source feedback --name likes) and fit one: kalactica train reward --data likes.", { file });
  return preferenceReward(await loadRewardModel(file), await sourcesHere(log));
}
