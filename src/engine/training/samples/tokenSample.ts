// A sample in tokens with its mask, and how it is shown to people. It is made by render.ts and laid into batches by pack.ts.
import type { SampleTokenizer } from "./sampleTokenizer.ts";

/** One sequence. A token is learnt by predicting it from those before, so the first one never is. */
export interface TokenSample {
  readonly tokens: Int32Array;
  /** 1 for each token that is learnt, as long as `tokens`; `learnt[0]` is 0. */
  readonly learnt: Uint8Array;
}

/** What one training decision is made of: a sample, a pair (chosen, rejected), or a group of replies. */
export interface TrainingUnit {
  /** Where its record comes from. */
  readonly at: string;
  readonly samples: readonly TokenSample[];
  /** Whether the reply was found good; only of judged records. */
  readonly good?: boolean;
}

export function learntCount(sample: TokenSample): number {
  return sample.learnt.reduce((n, flag) => n + flag, 0);
}

/** A prompt and what follows it, which is learnt. */
export function sampleOf(prompt: readonly number[], completion: readonly number[]): TokenSample {
  const tokens = Int32Array.from([...prompt, ...completion]);
  const learnt = new Uint8Array(tokens.length).fill(1, prompt.length);
  if (learnt.length > 0) learnt[0] = 0;
  return { tokens, learnt };
}

/** The text of a sample in runs of learnt and of masked tokens, special tokens written out. */
export function describeSample(sample: TokenSample, tokenizer: Pick<SampleTokenizer, "decode">): { text: string; learnt: boolean }[] {
  const runs: { text: string; learnt: boolean }[] = [];
  for (let from = 0; from < sample.tokens.length;) {
    let to = from + 1;
    while (to < sample.tokens.length && sample.learnt[to] === sample.learnt[from]) to++;
    runs.push({ text: tokenizer.decode(Array.from(sample.tokens.subarray(from, to))), learnt: sample.learnt[from] === 1 });
    from = to;
  }
  return runs;
}
