// Proves that an adapter is truly applied: the model reads a fixed text with it and without it, and what changes must be what
// the adapter's trainer saw change. A library that ignored the adapter, another file under the same path, a base model that is
// another one, would all be found here. It says nothing of how good the adapter is.
import type { LlamaModel, Token } from "node-llama-cpp";
import { createContext } from "./contexts.ts";
import type { ModelAdapter } from "./contexts.ts";

/**
 * Read where the adapter's file holds no expectation of its own, as imported ones; trainers take it for theirs. Code and words,
 * and long enough for an adapter of any kind to change something.
 */
export const CANARY_TEXT = 'function add(first: number, second: number): number {\n  return first + second;\n}\n\ndef load(path):\n    """Reads the file and returns its lines."""\n    with open(path) as file:\n        return file.readlines()\n';
/** Tokens read, at most. */
export const CANARY_TOKENS = 48;

export interface CanaryVerdict {
  readonly applied: boolean;
  /** Root mean square of what the adapter changed in the log-probability of a token, in nats. */
  readonly effect: number;
  /** The same of what its trainer saw it change, and of the difference between the two; null where no expectation is known. */
  readonly expected: number | null;
  readonly deviation: number | null;
  /** What was found, as a sentence. */
  readonly sentence: string;
}

/**
 * How far the change may be from the expected one: a share of its size, and an allowance in nats for what differs between the
 * two computations (half-precision caches, quantised activations). Measured (test/bench/adapterCanary.ts, Q8_0): right adapters
 * differ by .04 to .06 nats whatever their strength, another's by 1.2 to 1.4 times the expected change, and by .6 times it
 * where that is above 4 nats.
 */
const ALLOWED_SHARE = 0.3;
const ALLOWED_NATS = 0.1;
/** What is found of the expected change, as a share of it, by least squares: noise alone, or another's adapter, comes out near 0. */
const SMALLEST_SLOPE = 0.5;
const LARGEST_SLOPE = 1.5;
/**
 * A smaller change is lost in the noise: that there is one at all must do. DPO and KTO at their gentle rates change the embedded
 * model's canary by .02 to .04 nats.
 */
const TELLING_NATS = 0.1;

/** Reads the canary with the adapter and without it. Errors: those of createContext. */
export async function checkCanary(model: LlamaModel, adapter: ModelAdapter, threads: number): Promise<CanaryVerdict> {
  const tokens = (adapter.canary?.tokens as Token[] | undefined) ?? model.tokenize(CANARY_TEXT, false).slice(0, CANARY_TOKENS);
  const base = await logProbabilities(model, tokens, null, threads);
  const adapted = await logProbabilities(model, tokens, adapter, threads);
  const change = adapted.map((value, i) => value - (base[i] ?? 0));
  const effect = rms(change);
  const name = adapter.sha256.slice(0, 12);
  if (!change.every(Number.isFinite)) return { applied: false, effect, expected: null, deviation: null, sentence: `With the adapter ${name} the model gives no numbers. Train it again with a lower rate.` };
  // The same computation gives the same bits: any difference at all is the adapter's.
  if (effect === 0) return { applied: false, effect, expected: null, deviation: null, sentence: `The adapter ${name} changes nothing of what the model says: it was not applied, or never trained.` };
  if (adapter.canary === null) return { applied: true, effect, expected: null, deviation: null, sentence: `The adapter ${name} is applied: it changes a fixed text by ${effect.toFixed(3)} nats a token (what its trainer expected is not known).` };
  const wanted = adapter.canary.adapted.map((value, i) => value - (adapter.canary?.base[i] ?? 0));
  const expected = rms(wanted);
  const deviation = rms(change.map((value, i) => value - (wanted[i] ?? 0)));
  const slope = dot(change, wanted) / dot(wanted, wanted);
  const small = expected < TELLING_NATS;
  const applied = deviation <= ALLOWED_SHARE * expected + ALLOWED_NATS && (small || (slope >= SMALLEST_SLOPE && slope <= LARGEST_SLOPE));
  const figures = `it changes a fixed text by ${effect.toFixed(3)} nats a token, expected were ${expected.toFixed(3)}, and the two differ by ${deviation.toFixed(3)}`;
  return { applied, effect, expected, deviation, sentence: applied ? `The adapter ${name} is applied: ${figures}.` : `The adapter ${name} does not do what it was trained to: ${figures}. Activate it again, or train it again.` };
}

/** log p of each token but the first. */
async function logProbabilities(model: LlamaModel, tokens: readonly Token[], adapter: ModelAdapter | null, threads: number): Promise<number[]> {
  const size = Math.max(64, tokens.length + 8);
  const context = await createContext(model, { contextSize: size, batchSize: size, threads, adapter });
  try {
    const outputs = await context.getSequence().controlledEvaluate(tokens.slice(0, -1).map((token, i) => [
      // Greedy: the selected token has the largest logit, to which the total weight is relative.
      token, { generateNext: { token: true, totalLogitWeight: true, logits: { filter: { tokens: [tokens[i + 1] as Token], includeSelected: true } } } },
    ]));
    return tokens.slice(1).map((token, i) => {
      const next = outputs[i]?.next;
      const largest = next?.logits?.get(next.token as Token);
      return (next?.logits?.get(token) ?? NaN) - (largest ?? NaN) - Math.log(next?.totalLogitWeight ?? NaN);
    });
  } finally {
    await context.dispose();
  }
}

function rms(values: readonly number[]): number {
  return Math.sqrt(dot(values, values) / Math.max(1, values.length));
}

function dot(one: readonly number[], other: readonly number[]): number {
  return one.reduce((sum, value, i) => sum + value * (other[i] ?? 0), 0);
}
