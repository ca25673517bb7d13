// The learning rate of a tuning run: linear warm-up, then a cosine (Loshchilov & Hutter 2017), a line, or nothing.
// (schedule.ts holds the schedule of pretraining, which can be prolonged; a tuning run's length is known when it begins.)
import type { RunConfig } from "./runConfig.ts";

/** The factor (0–1) on the peak rate at `step`, which counts from 1 to `steps`. */
export function rateFactor(kind: RunConfig["schedule"], step: number, steps: number, warmupShare: number): number {
  const warmup = Math.round(steps * warmupShare);
  if (step <= warmup) return step / warmup;
  // The last step still moves a little: with 1 in the denominator's place it would be wasted.
  const progress = (step - warmup) / (steps - warmup + 1);
  switch (kind) {
    case "constant": return 1;
    case "linear": return 1 - progress;
    case "cosine": return 0.5 * (1 + Math.cos(Math.PI * progress));
  }
}
