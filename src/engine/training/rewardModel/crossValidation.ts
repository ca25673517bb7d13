// How well the reward model judges feedback that it was not fitted on: cross-validation by prompt, with the strength of
// regularisation chosen inside each fold, so that nothing of a judged fold leaks into its model.
import type { SeededRandom } from "../../base/random.ts";
import { fitLogistic, score } from "./bradleyTerry.ts";
import type { Coefficients, Observation } from "./bradleyTerry.ts";

/** Raw features of what was judged; a pair has `rejected`, a judgement has `good`. */
export interface Feedback {
  /** Same prompt, same group: kept in one fold. */
  readonly group: string;
  readonly x: Float64Array;
  readonly rejected?: Float64Array;
  readonly good?: boolean;
}

/** Features as the regression sees them: less the mean, by the deviation, bounded. */
export interface Scaling {
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
}

/** Beyond this many deviations a feature counts as at the bound: nothing was seen there, and a trained model would go there. */
const BOUND = 3;
const LAMBDAS = [0.3, 1, 3, 10, 30, 100];
const FOLDS = 5;

export interface Judged {
  readonly z: number;
  readonly outcome: 0 | 1;
  readonly isPair: boolean;
}

/** Scores of every item by a model that has not seen its group, in the order of `feedback`. */
export function scoresOfUnseen(feedback: readonly Feedback[], columns: readonly number[], random: SeededRandom): Judged[] {
  const folds = foldsOf(feedback, random);
  const judged: Judged[] = new Array<Judged>(feedback.length);
  for (let fold = 0; fold < FOLDS; fold++) {
    const seen = feedback.filter((_, i) => folds[i] !== fold);
    if (seen.length === 0) continue;
    const { scaling, coefficients } = fitFeedback(seen, columns, random);
    feedback.forEach((item, i) => {
      if (folds[i] === fold) judged[i] = judge(item, columns, scaling, coefficients);
    });
  }
  return judged;
}

/** Fits on all of `feedback`, with the λ that judges unseen groups best (log loss; the stronger one where alike). */
export function fitFeedback(feedback: readonly Feedback[], columns: readonly number[], random: SeededRandom): { scaling: Scaling; coefficients: Coefficients; lambda: number } {
  const folds = foldsOf(feedback, random);
  let best = { lambda: LAMBDAS.at(-1) as number, loss: Infinity };
  for (const lambda of [...LAMBDAS].reverse()) {
    let loss = 0;
    for (let fold = 0; fold < FOLDS; fold++) {
      const seen = feedback.filter((_, i) => folds[i] !== fold), held = feedback.filter((_, i) => folds[i] === fold);
      if (seen.length === 0 || held.length === 0) continue;
      const scaling = scalingOf(seen, columns);
      const coefficients = fitLogistic(seen.map((item) => observationOf(item, columns, scaling)), columns.length, lambda);
      for (const item of held) {
        const { z, outcome } = judge(item, columns, scaling, coefficients);
        loss += Math.log1p(Math.exp(-Math.abs(z))) + Math.max(0, outcome === 1 ? -z : z);
      }
    }
    if (loss < best.loss - 1e-9) best = { lambda, loss };
  }
  const scaling = scalingOf(feedback, columns);
  const coefficients = fitLogistic(feedback.map((item) => observationOf(item, columns, scaling)), columns.length, best.lambda);
  return { scaling, coefficients, lambda: best.lambda };
}

/** Chosen columns of `row`, scaled and bounded. */
export function scaled(row: Float64Array, columns: readonly number[], { mean, deviation }: Scaling): Float64Array {
  return Float64Array.from(columns, (column, j) => {
    const value = ((row[column] as number) - (mean[j] as number)) / (deviation[j] as number);
    return Math.max(-BOUND, Math.min(BOUND, value));
  });
}

function scalingOf(feedback: readonly Feedback[], columns: readonly number[]): Scaling {
  const rows = feedback.flatMap((item) => item.rejected ? [item.x, item.rejected] : [item.x]);
  const mean = Float64Array.from(columns, (column) => rows.reduce((sum, row) => sum + (row[column] as number), 0) / rows.length);
  const deviation = Float64Array.from(columns, (column, j) => {
    const variance = rows.reduce((sum, row) => sum + ((row[column] as number) - (mean[j] as number)) ** 2, 0) / rows.length;
    // A feature that never changes says nothing, whatever it is later.
    return variance > 1e-12 ? Math.sqrt(variance) : Infinity;
  });
  return { mean, deviation };
}

function observationOf(item: Feedback, columns: readonly number[], scaling: Scaling): Observation {
  const x = scaled(item.x, columns, scaling);
  if (item.rejected === undefined) return { x, outcome: item.good === true ? 1 : 0, intercept: 1 };
  const other = scaled(item.rejected, columns, scaling);
  return { x: x.map((value, j) => value - (other[j] as number)), outcome: 1, intercept: 0 };
}

function judge(item: Feedback, columns: readonly number[], scaling: Scaling, { weights, intercept }: Coefficients): Judged {
  const observation = observationOf(item, columns, scaling);
  return { z: score(observation.x, weights) + observation.intercept * intercept, outcome: observation.outcome, isPair: item.rejected !== undefined };
}

/** Fold of each item; groups stay whole and are dealt out in a shuffled order. */
function foldsOf(feedback: readonly Feedback[], random: SeededRandom): number[] {
  const groups = random.shuffle([...new Set(feedback.map((item) => item.group))]);
  const foldOf = new Map(groups.map((group, i) => [group, i % FOLDS]));
  return feedback.map((item) => foldOf.get(item.group) ?? 0);
}
