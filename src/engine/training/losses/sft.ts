// The loss of supervised fine-tuning: minus the log-probability of every learnt token, each counting alike over the whole
// step, however its samples are spread over batches. (A mean of means over batches would let short samples count more.)

export interface SampleLoss {
  readonly loss: number;
  /** wₜ of −Σ wₜ·log pₜ. */
  readonly weight: number;
}

export function sftLoss(logProbabilities: Float32Array): SampleLoss {
  return { loss: -sum(logProbabilities), weight: 1 };
}

/** Summed in double precision, in order. */
export function sum(values: Float32Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
