// The rewards that a run may name, made ready for its tasks: joins those that execute with the sandbox. Which weights they have is
// the run's (grpo.rewards); how each one scores is in sandbox/rewards.ts.
import { EngineError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Reward, TaskRecord } from "../base/reward.ts";
import { parsesIn } from "../sandbox/judge/parses.ts";
import { formatReward, matchReward, testsReward } from "../sandbox/rewards.ts";
import { Sandbox } from "../sandbox/sandbox.ts";
import { openUserPreference } from "./userPreference.ts";

/** Names under grpo.rewards. */
export const REWARD_NAMES = ["tests", "format", "match", "preference"] as const;
export type RewardName = (typeof REWARD_NAMES)[number];

/** Those that run the model's code, which a person must agree to. */
const EXECUTING: readonly RewardName[] = ["tests", "format"];

/** The weights of a run: as given, else by what its tasks hold. Errors: `badRequest` for unknown names, `dataInvalid` where nothing judges the tasks. */
export function rewardWeights(given: Readonly<Record<string, number>>, task: TaskRecord): Record<string, number> {
  const unknown = Object.keys(given).find((name) => !(REWARD_NAMES as readonly string[]).includes(name));
  if (unknown !== undefined) throw new EngineError("badRequest", `There is no reward "${unknown}". There are: ${REWARD_NAMES.join(", ")}.`, { unknown });
  if (Object.keys(given).length > 0) return { ...given };
  // Code that does not even parse must not look like code that fails a test: the form counts a little.
  if (task.check) return { tests: 1, format: 0.1 };
  if (task.reference !== undefined) return { match: 1 };
  throw new EngineError("dataInvalid", `The task from ${task.origin.at} has neither tests nor a reference, so that nothing can judge replies to it. Add "check" or "reference" to the data.`, { at: task.origin.at });
}

export function executesCode(weights: Readonly<Record<string, number>>): boolean {
  return EXECUTING.some((name) => (weights[name] ?? 0) !== 0);
}

/**
 * Makes the rewards ready; `close` removes what they left. Errors: `nativeMissing` where nothing isolates on this machine,
 * `notFound` where no reward model of the user's preferences was fitted in `storageDir` but one is named.
 */
export async function openRewards(weights: Readonly<Record<string, number>>, storageDir: string, log: Log): Promise<{ rewards: Reward[]; close(): Promise<void> }> {
  const preference = "preference" in weights ? await openUserPreference(storageDir, log) : null;
  const sandbox = executesCode(weights) ? await Sandbox.open({ log }) : null;
  const make = (name: string): Reward => {
    if (name === "preference" && preference !== null) return preference;
    if (name === "match") return matchReward({ compare: "trimmed", partial: true, startsWith: true });
    if (sandbox === null) throw new EngineError("internal", `The reward "${name}" needs the sandbox.`);
    return name === "tests" ? testsReward((programs, signal, work) => sandbox.converse(programs, signal, work), { credit: "share" }) : formatReward({ parses: parsesIn(sandbox) });
  };
  if (sandbox) log.info(sandbox.describe().sentence);
  return {
    rewards: Object.keys(weights).map(make),
    close: async () => sandbox?.close(),
  };
}
