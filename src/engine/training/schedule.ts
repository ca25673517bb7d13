// The learning rate over a run: linear warm-up, a long constant stretch, a final decay to zero ("WSD").
// The stretch can be prolonged at any time before the decay, which is what makes runs resumable over days.
// Sources: Hu et al. 2024 (MiniCPM); Hägele et al. 2024 (1 − √ decay does best).

export interface Schedule {
  /** Optimizer steps of the whole run. */
  readonly steps: number;
  readonly warmupSteps: number;
  /** The last steps, in which the rate falls to zero. */
  readonly decaySteps: number;
}

export type Phase = "warmup" | "stable" | "decay" | "done";

export function phaseOf(schedule: Schedule, step: number): Phase {
  if (step > schedule.steps) return "done";
  if (step > schedule.steps - schedule.decaySteps) return "decay";
  return step <= schedule.warmupSteps ? "warmup" : "stable";
}

/** The factor (0–1) on the peak learning rate at `step`, which counts from 1. */
export function rateAt(schedule: Schedule, step: number): number {
  const { steps, warmupSteps, decaySteps } = schedule;
  const warm = warmupSteps > 0 ? Math.min(1, step / warmupSteps) : 1;
  const into = step - (steps - decaySteps);
  const decay = into <= 0 || decaySteps === 0 ? 1 : Math.max(0, 1 - Math.sqrt(into / (decaySteps + 1)));
  return Math.min(warm, decay);
}
