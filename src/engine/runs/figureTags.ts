// The names of a run's figures in TensorBoard, grouped as its pages group curves by what stands before the slash.
import type { RunFigures } from "../protocol/training.ts";

type FigureName = Exclude<keyof RunFigures, "step" | "at">;

export const FIGURE_TAGS: Readonly<Record<FigureName, string>> = {
  loss: "loss/train",
  validationLoss: "loss/validation",
  rate: "train/learningRate",
  gradientNorm: "train/gradientNorm",
  tokensPerSecond: "speed/tokensPerSecond",
  residentMb: "speed/residentMb",
  margin: "preference/margin",
  accuracy: "preference/accuracy",
  chosenLogProbability: "preference/chosenLogProbability",
  rejectedLogProbability: "preference/rejectedLogProbability",
  reward: "reward/mean",
  validationAccuracy: "preference/validationAccuracy",
  validationReward: "reward/validation",
  rewardDeviation: "reward/deviation",
  zeroDeviationShare: "reward/zeroDeviationShare",
  kl: "policy/kl",
  entropy: "policy/entropy",
  clippedShare: "policy/clippedShare",
  replyTokens: "policy/replyTokens",
};

/** The figures that are there, by tag. */
export function scalarsOf(figures: RunFigures): Map<string, number> {
  const scalars = new Map<string, number>();
  for (const [name, tag] of Object.entries(FIGURE_TAGS) as [FigureName, string][]) {
    const value = figures[name];
    if (value !== undefined) scalars.set(tag, value);
  }
  return scalars;
}
