// One sequence of a context whose computed tokens are kept between requests: the next prompt computes only what differs.
// Computing is cut into short batches, between which more urgent work goes first and cancelling takes effect.
// It knows nothing of what the tokens mean.
import type { ControlledEvaluateIndexOutput, ControlledEvaluateInputItem, LlamaContextSequence, LlamaGrammarEvaluationState, Token } from "node-llama-cpp";
import { throwIfCancelled } from "../base/errors.ts";
import type { Lease } from "../base/scheduler.ts";

/** What is asked of the model at a token: the options of node-llama-cpp's controlled evaluation. */
export type TokenRequest = Exclude<ControlledEvaluateInputItem, Token>[1];

export interface Turn {
  signal?: AbortSignal | undefined;
  lease: Lease;
  /** Point on the clock of `performance.now()` at which computing stops, or undefined. */
  deadlineAt?: number | undefined;
}

/** How long one batch of prompt tokens may take; a cancelled request stops computing after at most about this. */
const BATCH_TARGET_MS = 100;
/** Below, a batch is mostly fixed cost: measured on a 0.5B model at Q4, 8 tokens at once cost 40 % more a token than 128, 16 cost 15 %. */
const SMALLEST_BATCH = 16;
/** Shorter batches are mostly fixed cost, and say little of the cost per token. */
const LEAST_TELLING_BATCH = 16;

/** A prompt that shares nothing with the one before should be computed within this time (our choice). */
const TOLERABLE_PROMPT_MS = 2000;
const PROMPT_LEVELS = [256, 512, 1024, 2048, 4096, 8192] as const;
const FIRST_PROMPT_LEVEL = 512;

/**
 * How long completion prompts may be, in tokens, at `msPerToken` (0: not known yet): a level of the doubling series
 * 256, 512, … whose prompt is computed in tolerable time. `current` is kept unless the speed clearly says otherwise,
 * since another length moves the cut in the prefix and costs one whole prompt.
 */
export function promptLevel(msPerToken: number, current: number | null): number {
  if (msPerToken <= 0) return current ?? FIRST_PROMPT_LEVEL;
  const tolerable = TOLERABLE_PROMPT_MS / msPerToken;
  const held = current ?? FIRST_PROMPT_LEVEL;
  const larger = PROMPT_LEVELS.findLast((level) => level > held && level * 1.3 <= tolerable);
  if (larger !== undefined) return larger;
  if (held * 0.7 <= tolerable) return held;
  return PROMPT_LEVELS.findLast((level) => level < held && level <= tolerable) ?? PROMPT_LEVELS[0];
}

export class PromptCache {
  readonly #sequence: LlamaContextSequence;
  readonly #largestBatch: number;
  #batch: number;
  #msPerPromptToken = 0;
  /** Settles when the batch that is being computed, if any, has ended. */
  #computing: Promise<void> = Promise.resolve();

  /**
   * `largestBatch` is the batch size that the context was made with; `expectedMsPerToken` sizes the first batch, before
   * anything was measured (0: a prompt as large as the context allows is quick, as on a GPU).
   */
  constructor(sequence: LlamaContextSequence, largestBatch: number, expectedMsPerToken: number) {
    this.#sequence = sequence;
    this.#largestBatch = largestBatch;
    this.#batch = batchFor(expectedMsPerToken, largestBatch);
  }

  /** Tokens of `tokens` that are computed already. */
  commonPrefix(tokens: Token[]): number {
    return Math.min(this.#sequence.compareContextTokens(tokens).firstDifferentIndex, tokens.length);
  }

  /** Milliseconds per prompt token on a machine that is free to compute; 0 before the first batch. */
  get msPerPromptToken(): number {
    return this.#msPerPromptToken;
  }

  /**
   * Brings the sequence to hold exactly `tokens` and answers `requests` (for the last `requests.length` tokens).
   * `reused` counts tokens that were there already. Outputs are null where the deadline passed first.
   * May be interrupted by other users of this cache at every lease.yield(): what they displaced is computed again.
   * Errors: CancelledError.
   */
  async evaluate(tokens: readonly Token[], requests: readonly TokenRequest[], turn: Turn): Promise<{ outputs: ControlledEvaluateIndexOutput[] | null; reused: number }> {
    const sequence = this.#sequence;
    const wanted = tokens as Token[];
    const plainCount = tokens.length - requests.length;
    let reused: number | null = null;
    for (;;) {
      throwIfCancelled(turn.signal);
      await turn.lease.yield();
      throwIfCancelled(turn.signal);
      if (turn.deadlineAt !== undefined && performance.now() > turn.deadlineAt) return { outputs: null, reused: reused ?? 0 };

      const outputs = await this.#alone(async () => {
        throwIfCancelled(turn.signal);
        // The tokens to be answered must be computed anew even where they are cached: their outputs were not kept.
        const common = Math.min(this.commonPrefix(wanted), plainCount);
        if (common < sequence.nextTokenIndex) await sequence.adaptStateToTokens(wanted.slice(0, common), false);
        const start = sequence.nextTokenIndex;
        reused ??= start;
        const left = tokens.length - start;
        const begun = performance.now();
        if (left > this.#batch && start < plainCount) {
          const count = Math.min(this.#batch, plainCount - start);
          await sequence.evaluateWithoutGeneratingNewTokens(wanted.slice(start, start + count));
          this.#learn(count, performance.now() - begun);
          return null;
        }
        const input: ControlledEvaluateInputItem[] = wanted.slice(start).map((token, i) => {
          const request = requests[start + i - plainCount];
          return request === undefined ? token : [token, request];
        });
        const results = await sequence.controlledEvaluate(input);
        if (left >= Math.min(LEAST_TELLING_BATCH, this.#batch)) this.#learn(left, performance.now() - begun);
        return results.slice(-requests.length).filter((output) => output !== undefined);
      });
      if (outputs !== null) return { outputs, reused: reused ?? 0 };
    }
  }

  /**
   * The likeliest token after `tokens` that `grammar` allows; the grammar moves on by it. What others displaced since the last call is
   * computed again. Errors: CancelledError.
   */
  async nextInGrammar(tokens: readonly Token[], grammar: LlamaGrammarEvaluationState, turn: Turn): Promise<{ token: Token | null; reused: number }> {
    for (;;) {
      const { reused } = await this.evaluate(tokens.slice(0, -1), [], turn);
      const token = await this.#alone(async () => {
        // Somebody else's batch may have come between.
        if (this.#sequence.nextTokenIndex !== tokens.length - 1 || this.commonPrefix(tokens as Token[]) < tokens.length - 1) return undefined;
        for await (const next of this.#sequence.evaluate(tokens.slice(-1), { temperature: 0, grammarEvaluationState: grammar, yieldEogToken: true })) return next;
        return null;
      });
      if (token !== undefined) return { token, reused };
    }
  }

  /**
   * One batch at a time: work whose caller gave up computes its batch to the end, and whoever comes next must not begin amid it
   * (a question put right after another was stopped found foreign tokens in its prompt, and was answered with nothing).
   */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#computing.then(work);
    this.#computing = run.then(() => undefined, () => undefined);
    return run;
  }

  /** Forgets everything that was computed. */
  async clear(): Promise<void> {
    await this.#sequence.clearHistory();
  }

  /**
   * Sizes the next batch. A quick batch is believed at once and a slow one slowly: what slowed it was most likely another
   * program, and short batches cost more.
   */
  #learn(count: number, ms: number): void {
    const perToken = ms / count;
    const known = this.#msPerPromptToken;
    this.#msPerPromptToken = known === 0 ? perToken : Math.min(perToken, known * 1.1);
    this.#batch = batchFor(this.#msPerPromptToken, this.#largestBatch);
  }
}

/** Tokens of a batch that takes about the target time; multiples of 8 suit the matrix kernels. */
function batchFor(msPerToken: number, largest: number): number {
  const ideal = Math.floor(BATCH_TARGET_MS / msPerToken / 8) * 8;
  return Math.max(SMALLEST_BATCH, Math.min(largest, ideal));
}
