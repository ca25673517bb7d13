// What scores a reply during GRPO, for trainers that must not know how (training/tune/) and for those who make rewards
// (sandbox/rewards.ts, training/rewardModel/). Types only.
import type { TrainingRecord } from "./trainingRecord.ts";

export type TaskRecord = Extract<TrainingRecord, { kind: "task" }>;

/** A named score of a reply. */
export interface Reward {
  /** Shown beside its curve: "tests", "format", "match", "preference". */
  readonly name: string;
  /**
   * How good `reply` is for `task`: 0 (worst) to 1 (best), never NaN. A reply that cannot be judged good scores 0 and
   * does not throw: "could not run" never passes.
   * Errors: `cancelled` when `signal` is aborted; an `EngineError` where no reply at all could be judged (no
   * interpreter, no isolation, a task without what this reward needs), which should end the run rather than train on noise.
   */
  score(task: TaskRecord, reply: string, signal?: AbortSignal): Promise<number>;
}
