// What judges the replies of a run: each task by the rewards that the run names (grpo.rewards), or else by those that fit what the task
// holds; those that execute with the sandbox. How each one scores is in sandbox/rewards.ts.
import { EngineError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Reward, TaskRecord } from "../base/reward.ts";
import { parsesIn } from "../sandbox/judge/parses.ts";
import { programOf } from "../sandbox/judge/replyCode.ts";
import { formatReward, matchReward, testsReward } from "../sandbox/rewards.ts";
import { Sandbox } from "../sandbox/sandbox.ts";
import { openUserPreference } from "./userPreference.ts";

/** Names under grpo.rewards. */
export const REWARD_NAMES = ["tests", "format", "match", "preference"] as const;
export type RewardName = (typeof REWARD_NAMES)[number];

/** Those that run the model's code, which a person must agree to. */
const EXECUTING: readonly RewardName[] = ["tests", "format"];

/**
 * The weights by which `task` is judged: as given, else by what it holds, so that a set may mix tasks with tests and tasks with a
 * reference. Errors: `badRequest` for unknown names, `dataInvalid` where nothing judges the task.
 */
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

export interface RewardsOptions {
  /** Where a reward model of the user's preferences may lie. */
  readonly storageDir: string;
  /** Whether a person agreed that the model's code is run. */
  readonly executeCode: boolean;
  readonly log: Log;
}

/** Verdicts kept, so that a reply that was drawn again is not run again: low temperatures and small models repeat themselves. */
const MOST_REMEMBERED = 20_000;

/**
 * The one reward of a run: for each reply the sum of those that judge its task, each times its weight ({@link rewardWeights}). The
 * sandbox is opened when a task first needs it; `close` removes what it left. A verdict is asked for once for each task and text.
 * Errors of this and of scores: `nativeMissing` where nothing isolates on this machine, `badRequest` where code would run that nobody
 * agreed to, `notFound` where no reward model was fitted but one is named; those of {@link rewardWeights}.
 */
export async function openRewards(given: Readonly<Record<string, number>>, { storageDir, executeCode, log }: RewardsOptions): Promise<{ rewards: Reward[]; close(): Promise<void> }> {
  const preference = "preference" in given ? await openUserPreference(storageDir, log) : null;
  let sandbox: Promise<Sandbox> | null = null;
  const box = (): Promise<Sandbox> => {
    if (!executeCode) throw new EngineError("badRequest", "Some tasks of this run are judged by running code that the model writes, and nobody agreed to that. Start it with that agreement, or name other rewards.");
    sandbox ??= Sandbox.open({ log }).then((opened) => {
      log.info(opened.describe().sentence);
      return opened;
    });
    return sandbox;
  };
  // Where a person agreed, a machine without a sandbox is told of before anything is computed.
  if (executeCode && executesCode(given)) await box();
  const match = matchReward({ compare: "trimmed", partial: true, startsWith: true });
  const tests = async (): Promise<Reward> => {
    const opened = await box();
    return testsReward((programs, signal, work) => opened.converse(programs, signal, work), { credit: "share" });
  };
  const score = async (task: TaskRecord, reply: string, signal?: AbortSignal): Promise<number> => {
    const weights = rewardWeights(given, task);
    let total = 0;
    let passes = 0;
    for (const [name, weight] of Object.entries(weights)) {
      if (weight === 0) continue;
      let value: number;
      if (name === "preference" && preference !== null) value = await preference.score(task, reply, signal);
      else if (name === "match") value = await match.score(task, reply, signal);
      else if (name === "tests") value = passes = await (await tests()).score(task, reply, signal);
      // A program of which some test held has a form: no need to ask the interpreter.
      else value = passes > 0 ? 1 : await formatReward({ parses: parsesIn(await box()) }).score(task, reply, signal);
      total += weight * value;
    }
    return total;
  };
  return { rewards: [remembered({ name: "task", score }, given)], close: async () => (await sandbox?.catch(() => null))?.close() };
}

/** What a verdict depends on: where only the program is run, not what the model wrote after it. */
function judgedPart(task: TaskRecord, reply: string, given: Readonly<Record<string, number>>): string {
  const { check } = task;
  const onlyRun = Object.keys(rewardWeights(given, task)).every((name) => (EXECUTING as readonly string[]).includes(name));
  return check === undefined || !onlyRun || reply.trim() === "" || /\breply\b/.test(check.tests) ? reply : programOf(task, check, reply);
}

/** `reward`, asked once for each task and reply. A score that is being waited for is shared; one that failed is asked for again. */
function remembered(reward: Reward, given: Readonly<Record<string, number>>): Reward {
  const known = new Map<string, Promise<number>>();
  return {
    name: reward.name,
    score: (task, reply, signal) => {
      const key = JSON.stringify([task.origin.at, task.prompt, task.check ?? null, task.reference ?? null, judgedPart(task, reply, given)]);
      const kept = known.get(key);
      if (kept !== undefined) return kept;
      const asked = reward.score(task, reply, signal);
      if (known.size >= MOST_REMEMBERED) known.delete(known.keys().next().value ?? "");
      known.set(key, asked);
      asked.catch(() => known.delete(key));
      return asked;
    },
  };
}
