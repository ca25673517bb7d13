// Says why a trainer ended that did not say so itself, from how its process ended and what it printed last.
import type { RunInfo } from "../protocol/training.ts";
import type { TrainerEnd } from "./trainerProcess.ts";

/** Lines of native libraries that name a cause. */
const CAUSE = /GGML_ASSERT|ggml_abort|out of memory|bad_alloc|Segmentation|Error:|error:|panic/i;
const LONGEST_QUOTE = 300;

/** `end` is null where the process ended while no engine watched. */
export function sentenceOfEnd({ step, steps }: Pick<RunInfo, "step" | "steps">, end: TrainerEnd | null, logTail: readonly string[]): string {
  const where = steps > 0 ? ` after step ${step} of ${steps}` : " before its first step";
  const goOn = "Resume the run: it goes on from its last checkpoint.";
  const cause = logTail.findLast((line) => CAUSE.test(line));
  const quote = cause === undefined ? "" : ` It last said: ${cause.trim().slice(0, LONGEST_QUOTE)}`;
  if (end === null) return `The training stopped${where} while no window watched it (it was ended, or the machine was switched off).${quote} ${goOn}`;
  if (end.signal === "SIGKILL" || end.signal === "SIGTERM") return `The trainer was ended from outside${where} (${end.signal}; a system that is short of memory does that).${quote} ${goOn}`;
  const how = end.signal ?? `exit code ${end.code ?? "unknown"}`;
  return `The trainer ended unexpectedly${where} (${how}).${quote} What was learnt up to the last checkpoint is kept, and trainer.log in the run's folder has the details; resuming tries again from there.`;
}
