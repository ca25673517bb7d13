// The end of a run: takes the best adapter, writes it, measures before and after, and lets the rule of promotion decide.
// Whether a promoted adapter goes live is up to whoever started the run.
import path from "node:path";
import { isCancelled } from "../../base/errors.ts";
import type { RunReceipt } from "../../protocol/training.ts";
import type { UnitStore } from "../samples/unitStore.ts";
import { exactMatches, lineCases, pairedLosses, pairGains, perplexitySamples } from "./evaluate.ts";
import { bootstrap, decidePromotion, perplexityChange } from "./promotion.ts";
import type { HeldOutEvidence } from "./promotion.ts";
import type { LoopParts } from "./loopParts.ts";
import { fitStrength } from "./strength.ts";
import type { TuningLoop } from "./tuningLoop.ts";
import type { TuningResult } from "./tuningTypes.ts";
import { heldOutRewards } from "./validation.ts";

/** `general` judges how unrelated text fares, `others` (may be empty) choose the adapter's strength. Errors: CancelledError; those of the model, of rollouts and of writing. */
export async function finishRun(parts: LoopParts, loop: TuningLoop, general: UnitStore, others: UnitStore): Promise<Pick<TuningResult, "adapter" | "receipt">> {
  const { options, config, model, validation, stop } = parts;
  loop.report("evaluating");
  await loop.takeBest();
  const { promotion } = config;
  const judge = await perplexitySamples(general, promotion.generalSamples);
  const fit = others.count === 0 ? judge : await perplexitySamples(others, promotion.generalSamples);
  const { strength, unrelated } = await fitStrength(model, fit, judge, promotion, stop);
  const written = await options.writeAdapter(path.join(options.runFolder, "adapters"), model.adapter(), config.adapter);

  const heldOut = perplexityChange(validation === null ? [] : await pairedLosses(model, await perplexitySamples(validation, config.heldOutSamples), stop), promotion);
  const extra: Pick<RunReceipt, "preference" | "reward"> = {};
  let evidence: HeldOutEvidence;
  if (options.method === "sft") evidence = { kind: "perplexity", change: heldOut.change };
  else if (options.method === "grpo") {
    const [before, after] = validation === null ? [[], []] : [await heldOutRewards(parts, validation, null), await heldOutRewards(parts, validation, written.file)];
    const pairs = before.map((b, i) => ({ before: b, after: after[i] ?? b }));
    evidence = { kind: "reward", gain: pairs.length === 0 ? null : bootstrap(pairs, (drawn) => mean(drawn.map((p) => p.after - p.before)), promotion.draws, 1) };
    if (pairs.length > 0) extra.reward = { before: mean(before), after: mean(after), n: pairs.length };
  } else {
    const { gains, meanGain } = validation === null ? { gains: [], meanGain: 0 } : await pairGains(model, validation, config.heldOutSamples, stop);
    const accuracy = gains.length === 0 ? null : bootstrap(gains, (drawn) => mean(drawn.map((g) => (g > 0 ? 1 : 0))), promotion.draws, 1);
    evidence = { kind: "pairs", accuracy };
    if (accuracy !== null) extra.preference = { accuracy: accuracy.value, margin: meanGain, n: gains.length };
  }
  const exactMatch = await measureExactMatch(parts, written.file);
  const decision = decidePromotion(options.method, evidence, unrelated, promotion);
  const { tokensSeen, seconds, peakRssMb } = loop.position;
  return {
    adapter: { ...written, settings: config.adapter },
    receipt: {
      modelSha256: options.modelSha256, datasetVersion: options.datasetVersion, adapterSha256: written.sha256, method: options.method, config: { ...config },
      heldOut: perplexities(heldOut), general: perplexities(unrelated), exactMatch, strength, ...extra,
      tokensPerSecond: seconds > 0 ? tokensSeen / seconds : 0, peakRssMb: Math.max(peakRssMb, process.resourceUsage().maxRSS / 1000), seconds,
      promoted: decision.promoted, sentence: strength < 1 ? `${decision.sentence} It is applied at ${Math.round(100 * strength)} % of its strength, so that unrelated text keeps within the margin.` : decision.sentence,
    },
  };
}

async function measureExactMatch({ options, hooks, config, validation, stop, stopTokens }: LoopParts, adapterFile: string): Promise<RunReceipt["exactMatch"]> {
  if (options.rollouts === undefined || validation === null || config.exactMatchCases === 0 || options.method === "grpo") return null;
  const cases = await lineCases(validation, options.tokenizer, config.exactMatchCases);
  if (cases.length === 0) return null;
  try {
    const before = await exactMatches(options.rollouts, cases, null, stopTokens, stop);
    const after = await exactMatches(options.rollouts, cases, adapterFile, stopTokens, stop);
    return { before: before / cases.length, after: after / cases.length, n: cases.length };
  } catch (error) {
    // What was learnt must not depend on whether there is memory for a second copy of the model.
    if (isCancelled(error)) throw error;
    hooks.onLog?.(`Line endings could not be measured: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

function perplexities({ perplexityBefore, perplexityAfter, nTokens }: { readonly perplexityBefore: number; readonly perplexityAfter: number; readonly nTokens: number }): RunReceipt["heldOut"] {
  return { perplexityBefore, perplexityAfter, nTokens };
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / Math.max(1, values.length);
}
