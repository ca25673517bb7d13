// Figures before and after: perplexity by samples with the adapter off and on, pairs ordered rightly, replies rewarded, and line
// endings filled in exactly. It decides nothing (promotion.ts) and moves no weights.
import type { AdaptedModel } from "../adaptedModel.ts";
import { sum } from "../losses/sft.ts";
import { learntOf, pack } from "../samples/pack.ts";
import type { SampleTokenizer } from "../samples/sampleTokenizer.ts";
import type { TokenSample } from "../samples/tokenSample.ts";
import type { UnitStore } from "../samples/unitStore.ts";
import { BATCH_MULTIPLE } from "./computeStep.ts";
import type { PairedLoss } from "./promotion.ts";
import type { Rollouts } from "./tuningTypes.ts";

/** Samples computed between two looks at the signal, and at once in memory. */
const AT_ONCE = 32;

/** Log-probabilities of each sample's learnt tokens. Errors: CancelledError, those of the model. */
export async function logProbabilitiesOf(model: AdaptedModel, samples: readonly TokenSample[], adapter: "on" | "off", signal?: AbortSignal): Promise<Float32Array[]> {
  const out: Float32Array[] = samples.map(() => new Float32Array(0));
  for (const { batch, samples: placed } of pack(samples.map((s) => [s]), model.maxTokens, BATCH_MULTIPLE)) {
    const values = await model.logProbabilities(batch, adapter, signal);
    for (const at of placed) out[at.unit] = learntOf(values, batch, at);
  }
  return out;
}

/** Numbers of at most `most` units, spread evenly over `count`; always the same ones. */
export function spreadOver(count: number, most: number): number[] {
  const n = Math.min(count, most);
  return Array.from({ length: n }, (_, i) => Math.floor((i * count) / n));
}

/** What each of `samples` loses before and after. */
export async function pairedLosses(model: AdaptedModel, samples: readonly TokenSample[], signal?: AbortSignal): Promise<PairedLoss[]> {
  const out: PairedLoss[] = [];
  for (let from = 0; from < samples.length; from += AT_ONCE) {
    const some = samples.slice(from, from + AT_ONCE);
    const before = await logProbabilitiesOf(model, some, "off", signal);
    const after = await logProbabilitiesOf(model, some, "on", signal);
    for (const [i, values] of before.entries()) out.push({ before: -sum(values), after: -sum(after[i] ?? new Float32Array(0)), nTokens: values.length });
  }
  return out;
}

/**
 * The samples of a store that perplexity is measured on, at most `most`: whole texts and completions; of pairs the better
 * reply, of judged replies the good ones.
 */
export async function perplexitySamples(store: UnitStore, most: number): Promise<TokenSample[]> {
  const samples: TokenSample[] = [];
  for (const i of spreadOver(store.count, most)) {
    const unit = await store.read(i);
    const [first] = unit.samples;
    if (first !== undefined && unit.good !== false && first.learnt.includes(1)) samples.push(first);
  }
  return samples;
}

export interface PairFigures {
  /** Gain of the better reply over the worse one against the base model, in nats, by pair; positive where ordered rightly. */
  readonly gains: readonly number[];
  readonly meanGain: number;
}

/** How much more the better reply of each pair gained. For judged replies, the gain of a bad one counts with its sign turned. */
export async function pairGains(model: AdaptedModel, store: UnitStore, most: number, signal?: AbortSignal): Promise<PairFigures> {
  const gains: number[] = [];
  const numbers = spreadOver(store.count, most);
  for (let from = 0; from < numbers.length; from += AT_ONCE) {
    const units = await Promise.all(numbers.slice(from, from + AT_ONCE).map((i) => store.read(i)));
    // All samples of these units side by side: as few batches as they fit in.
    const gained = (await pairedLosses(model, units.flatMap((unit) => unit.samples), signal)).map((l) => l.before - l.after);
    let next = 0;
    for (const { samples, good } of units) {
      const [first = 0, second = 0] = gained.slice(next, next + samples.length);
      next += samples.length;
      if (samples.length === 2) gains.push(first - second);
      else if (good !== undefined) gains.push((good ? 1 : -1) * first);
    }
  }
  return { gains, meanGain: gains.reduce((a, b) => a + b, 0) / Math.max(1, gains.length) };
}

/** A line ending to be filled in: the prompt's tokens and the text that stood there. */
export interface LineCase {
  readonly prompt: readonly number[];
  readonly expected: string;
}

/** Line endings among a store's samples: infill prompts whose middle lies within one line, at most `most`. */
export async function lineCases(store: UnitStore, tokenizer: SampleTokenizer, most: number): Promise<LineCase[]> {
  const { infill } = tokenizer;
  if (infill === null) return [];
  const cases: LineCase[] = [];
  // Not every sample is a line ending: look at more of them than are wanted.
  for (const i of spreadOver(store.count, 8 * most)) {
    if (cases.length >= most) break;
    const [sample] = (await store.read(i)).samples;
    if (sample === undefined) continue;
    const start = sample.learnt.indexOf(1);
    const tokens = Array.from(sample.tokens);
    if (start < 1 || tokens.at(-1) !== infill.endOfMiddle) continue;
    const expected = tokenizer.decodeText(tokens.slice(start, -1));
    if (expected.trim() !== "" && !expected.trimEnd().includes("\n")) cases.push({ prompt: tokens.slice(0, start), expected });
  }
  return cases;
}

/** Tokens that are written for a line ending at most. */
const LINE_TOKENS = 48;

/** How many of `cases` are filled in exactly, white space at the end aside, greedily. */
export async function exactMatches(rollouts: Rollouts, cases: readonly LineCase[], adapterFile: string | null, stopTokens: readonly number[], signal?: AbortSignal): Promise<number> {
  const replies = await rollouts.generate(cases.map((c) => c.prompt), { n: 1, temperature: 0, seed: 0, maxTokens: LINE_TOKENS, stopTokens, adapterFile, signal });
  return cases.filter((one, i) => (replies[i]?.[0]?.text.split("\n")[0] ?? "").trimEnd() === one.expected.trimEnd()).length;
}
