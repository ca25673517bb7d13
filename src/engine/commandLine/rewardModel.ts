// kalactica train reward: fits the reward model of the user's preferences on recorded feedback.
import { integerOption, UsageError } from "./command.ts";
import type { Command } from "./command.ts";
import { withEngine } from "./openEngine.ts";

export const rewardModelCommand: Command = {
  words: ["train", "reward"], usage: "--data NAME", summary: "Fit a reward model on your feedback, for GRPO with the reward \"preference\".",
  options: {
    data: { type: "value", placeholder: "NAME", description: "A data set with pairs or judgements (data prepare --source feedback)." },
    seed: { type: "value", placeholder: "N", description: "Seed of folds and draws. Default: 1." },
  },
  run: (context) => withEngine(context, { workspace: true }, async (engine) => {
    const name = context.values.get("data");
    if (name === undefined || name === "") throw new UsageError("--data is missing: name a data set of feedback.");
    const { report, sentence, file } = await engine.training.fitPreference(name, { seed: integerOption(context.values, "seed", 1, 0), signal: context.signal });
    const strongest = report === null ? [] : [`Weighs most: ${report.strongest.map(({ feature, weight }) => `${feature} ${weight >= 0 ? "+" : "−"}${Math.abs(weight).toFixed(2)}`).join(", ")}.`];
    return { json: { fitted: file !== null, file, sentence, report }, text: [sentence, ...strongest, ...(file === null ? [] : [`Stored in ${file}. Use it: kalactica train grpo --data TASKS --with grpo.rewards.preference=1`])].join("\n"), ...(file === null ? { exitCode: 1 as const } : {}) };
  }),
};
