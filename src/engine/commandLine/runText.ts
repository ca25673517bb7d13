// How training runs read in a terminal, and what scripts get of them (design/contracts.md). Text only: it asks for nothing.
import type { RunFigures, RunInfo } from "../protocol/training.ts";

/** "42 s", "3 min 05 s", "2 h 10 min". */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
}

/** The figures that say most of a method, on one line. */
export function figuresLine(figures: RunFigures): string {
  const part = (label: string, value: number | undefined, digits: number): string[] => value === undefined ? [] : [`${label} ${value.toFixed(digits)}`];
  return [
    ...part("loss", figures.loss, 3), ...part("validation loss", figures.validationLoss, 3), ...part("margin", figures.margin, 3), ...part("accuracy", figures.accuracy, 2),
    ...part("validation accuracy", figures.validationAccuracy, 2), ...part("reward", figures.reward, 3), ...part("validation reward", figures.validationReward, 3), ...part("KL", figures.kl, 4),
    ...(figures.tokensPerSecond === undefined ? [] : [`${Math.round(figures.tokensPerSecond)} tokens/s`]),
  ].join(", ");
}

/** The promised result of `train …`: run, state, figures and the adapter. */
export function runResult(run: RunInfo): Record<string, unknown> {
  const { receipt } = run;
  return {
    run: run.id, state: run.state, method: run.method, model: run.model, dataset: run.dataset, datasetVersion: run.datasetVersion,
    step: run.step, steps: run.steps, sentence: run.sentence, resumable: run.resumable, figures: run.last,
    ...(receipt === null ? {} : {
      heldOut: receipt.heldOut, general: receipt.general, exactMatch: receipt.exactMatch, ...(receipt.preference ? { preference: receipt.preference } : {}), ...(receipt.reward ? { reward: receipt.reward } : {}), tokensPerSecond: receipt.tokensPerSecond,
      peakRssMb: receipt.peakRssMb, seconds: receipt.seconds, promoted: receipt.promoted, adapter: receipt.adapterSha256,
    }),
  };
}

export function runText(run: RunInfo): string {
  const { receipt } = run;
  const lines = [`${run.id}: ${run.state}, step ${run.step} of ${run.steps}${run.sentence === "" ? "" : `. ${run.sentence}`}`];
  if (run.last) lines.push(`Last figures: ${figuresLine(run.last)}`);
  if (receipt) {
    const change = (before: number, after: number): string => `${before.toFixed(3)} → ${after.toFixed(3)} (${after <= before ? "−" : "+"}${Math.abs(100 * (after / before - 1)).toFixed(1)} %)`;
    lines.push(
      `Held-out perplexity: ${change(receipt.heldOut.perplexityBefore, receipt.heldOut.perplexityAfter)}, ${receipt.heldOut.nTokens} tokens`,
      `General perplexity:  ${change(receipt.general.perplexityBefore, receipt.general.perplexityAfter)}, ${receipt.general.nTokens} tokens`,
      ...(receipt.exactMatch ? [`Exact match of lines: ${(100 * receipt.exactMatch.before).toFixed(1)} % → ${(100 * receipt.exactMatch.after).toFixed(1)} %, ${receipt.exactMatch.n} places`] : []),
      ...(receipt.preference ? [`Held-out replies ordered rightly: ${(100 * receipt.preference.accuracy).toFixed(1)} % of ${receipt.preference.n}, margin ${receipt.preference.margin.toFixed(3)}`] : []),
      ...(receipt.reward ? [`Held-out reward: ${receipt.reward.before.toFixed(3)} → ${receipt.reward.after.toFixed(3)}, ${receipt.reward.n} tasks`] : []),
      `Adapter ${receipt.adapterSha256.slice(0, 12)}: ${receipt.promoted ? "live in chat and completion; `kalactica adapters rollback` takes it back" : "not live"}. ${Math.round(receipt.tokensPerSecond)} tokens/s, ${Math.round(receipt.peakRssMb)} MB, ${duration(receipt.seconds)}.`,
    );
  } else if (run.resumable) {
    lines.push(`Go on with: kalactica train resume ${run.id}`);
  }
  return lines.join("\n");
}

export function runTable(runs: readonly RunInfo[]): string {
  if (runs.length === 0) return "No run was started in this folder yet.";
  const rows = runs.map((run) => [run.id, run.state, `step ${run.step}/${run.steps}`, run.model, run.dataset, run.receipt ? `held-out perplexity ${run.receipt.heldOut.perplexityBefore.toFixed(2)} → ${run.receipt.heldOut.perplexityAfter.toFixed(2)}${run.receipt.promoted ? ", promoted" : ""}` : run.sentence]);
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd()).join("\n");
}
