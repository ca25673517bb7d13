// Generates the middle between a prefix and a suffix and scores middles that others propose.
// It decides neither when a middle is good enough to show nor how it is trimmed (tasks do).
import type { LlamaModel, Token } from "node-llama-cpp";
import { EngineError, isCancelled } from "../base/errors.ts";
import type { Lease } from "../base/scheduler.ts";
import type { TokenCounts } from "../protocol/types.ts";
import { exactDetokenizer } from "./exactText.ts";
import { InfillPromptBuilder } from "./infillPrompt.ts";
import type { InfillParts, InfillTokens } from "./infillPrompt.ts";
import { END_MARKERS } from "./infillVocabulary.ts";
import type { InfillMarkers } from "./infillVocabulary.ts";
import type { PromptCache, TokenRequest } from "./promptCache.ts";
import { TokenText } from "./tokenText.ts";

export interface InfillRequest {
  prefix: string;
  suffix: string;
  path: string;
  /** Excerpts of other files, most useful last (the first are left out where not all fit); what changes between requests here, and all after it, is computed anew. */
  context: { path: string; text: string }[];
  maxTokens: number;
  signal?: AbortSignal;
  lease: Lease;
  /** Milliseconds from the call after which generating stops with what there is. */
  deadlineMs?: number;
  /** The file simply goes on, without a gap; for evaluation. */
  continues?: boolean;
  /** Draws tokens at random instead of taking the likeliest; the same seed draws the same. For evaluation: typing is greedy. */
  sampling?: { temperature: number; seed: number };
  /** Called after each token; false ends the generation ("stopped"). */
  keepGoing: (textSoFar: string) => boolean;
}

export interface InfillResult {
  text: string;
  /** Natural log of the probability of each token of `text`. */
  tokenLogProbs: number[];
  /** Natural log of the probability of ending where it ended; null unless `ended` is "endOfMiddle". */
  endLogProb: number | null;
  tokens: TokenCounts;
  firstTokenMs: number;
  ended: "endOfMiddle" | "stopped" | "length" | "deadline" | "cancelled";
}

export interface ScoreRequest extends InfillParts {
  candidate: string;
  signal?: AbortSignal;
  lease: Lease;
}

export interface ScoreResult {
  /** Natural log of the probability of each token of the candidate, and last that of ending after it. */
  tokenLogProbs: number[];
  tokens: TokenCounts;
}

const GREEDY: TokenRequest = { generateNext: { token: true, totalLogitWeight: true } };

export class Infill {
  readonly #model: LlamaModel;
  readonly #builder: InfillPromptBuilder;
  readonly #tokenize: (text: string) => Token[];
  readonly #ends: readonly Token[];
  /** Ends, and the other markers: a model that opens a new prefix within its middle has finished it. */
  readonly #stops: ReadonlySet<Token>;

  constructor(model: LlamaModel, markers: InfillMarkers | null) {
    this.#model = model;
    const tokens = resolveTokens(model, markers);
    this.#tokenize = plainTokenizer(model);
    this.#builder = new InfillPromptBuilder(tokens, this.#tokenize);
    this.#ends = endTokens(model);
    this.#stops = new Set([...this.#ends, ...[tokens.prefix, tokens.suffix, tokens.middle, tokens.file].filter((t) => t !== null) as Token[]]);
  }

  /**
   * Generates; never throws for cancelling (`ended` says so). `promptTokens` is the most that the prompt may take,
   * `contextTokens` the most that prompt and text may take together.
   */
  async generate(cache: PromptCache, request: InfillRequest, promptTokens: number, contextTokens: number): Promise<InfillResult> {
    const begun = performance.now();
    const turn = { signal: request.signal, lease: request.lease, deadlineAt: request.deadlineMs === undefined ? undefined : begun + request.deadlineMs };
    const tokens = this.#builder.build(request, promptTokens) as Token[];
    const counts = { prompt: tokens.length, reused: 0, generated: 0 };
    const most = Math.min(request.maxTokens, contextTokens - tokens.length);
    const text = new TokenText(exactDetokenizer(this.#model));
    const tokenLogProbs: number[] = [];
    let firstTokenMs = 0;
    const finish = (ended: InfillResult["ended"], endLogProb: number | null = null): InfillResult => {
      text.finish();
      return { text: text.text, tokenLogProbs, endLogProb, tokens: counts, firstTokenMs, ended };
    };
    const drawn = (at: number): TokenRequest => request.sampling === undefined || request.sampling.temperature === 0 ? GREEDY
      : { generateNext: { token: true, totalLogitWeight: true, options: { temperature: request.sampling.temperature, seed: (request.sampling.seed * 65_537 + at) >>> 0 } } };
    try {
      while (counts.generated < most) {
        const { outputs, reused } = await cache.evaluate(tokens, [drawn(counts.generated)], turn);
        if (counts.generated === 0) counts.reused = reused;
        if (outputs === null) return finish("deadline");
        const next = outputs[0]?.next;
        const token = next?.token;
        if (firstTokenMs === 0) firstTokenMs = performance.now() - begun;
        if (token === undefined || token === null) return finish("endOfMiddle");
        // Greedy: the chosen token has the largest logit, so its probability is one part in the total weight. (A drawn token's is not told.)
        const logProb = -Math.log(next?.totalLogitWeight ?? 1);
        if (this.#stops.has(token) || this.#model.isEogToken(token)) return finish("endOfMiddle", logProb);
        tokens.push(token);
        tokenLogProbs.push(logProb);
        counts.generated++;
        text.push(token);
        if (!request.keepGoing(text.text)) return finish("stopped");
      }
      return finish("length");
    } catch (error) {
      if (isCancelled(error) && request.signal?.aborted === true) return finish("cancelled");
      throw error;
    }
  }

  /** The log-probability of a given middle, in one evaluation. Limits as in {@link generate}. Errors: `contextOverflow`, CancelledError. */
  async score(cache: PromptCache, request: ScoreRequest, promptTokens: number, contextTokens: number): Promise<ScoreResult> {
    const prompt = this.#builder.build(request, promptTokens) as Token[];
    const candidate = this.#tokenize(request.candidate);
    if (prompt.length + candidate.length > contextTokens) {
      throw new EngineError("contextOverflow", `A continuation of ${candidate.length} tokens is too long to be scored; the context has room for ${contextTokens - prompt.length}.`, { candidateTokens: candidate.length, contextTokens });
    }
    const requests: TokenRequest[] = [...candidate.map((token) => weightsOf([token])), weightsOf(this.#ends)];
    const { outputs, reused } = await cache.evaluate([...prompt, ...candidate], requests, { signal: request.signal, lease: request.lease });
    const tokenLogProbs = (outputs ?? []).map((output, i) => {
      const { token, logits, totalLogitWeight = 1 } = output.next;
      const largest = token === null || token === undefined ? undefined : logits?.get(token);
      if (largest === undefined) return -Infinity;
      const wanted = i < candidate.length ? [candidate[i] as Token] : this.#ends;
      const weight = wanted.reduce((sum, w) => sum + Math.exp((logits?.get(w) ?? -Infinity) - largest), 0);
      return Math.log(weight / totalLogitWeight);
    });
    return { tokenLogProbs, tokens: { prompt: prompt.length + candidate.length, reused, generated: 0 } };
  }
}

/** Asks for the logits of some tokens beside the largest one and the sum of all weights relative to it. */
function weightsOf(tokens: readonly Token[]): TokenRequest {
  return { generateNext: { token: true, totalLogitWeight: true, logits: { filter: { tokens, includeSelected: true } } } };
}

/** The ids of the markers in this model's vocabulary. */
export function resolveTokens(model: LlamaModel, markers: InfillMarkers | null): InfillTokens {
  const id = (text: string | null | undefined): number | null => (text === null || text === undefined ? null : specialToken(model, text));
  return {
    layout: markers?.layout ?? "prefix", limits: markers?.limits ?? null,
    prefix: id(markers?.prefix), suffix: id(markers?.suffix), middle: id(markers?.middle), file: id(markers?.file),
    beginning: model.tokens.shouldPrependBosToken ? model.tokens.bos : null,
  };
}

/** The special token written as `text`, or null where there is none. */
export function specialToken(model: LlamaModel, text: string): Token | null {
  const tokens = model.tokenize(text, true);
  const only = tokens.length === 1 ? tokens[0] : undefined;
  return only !== undefined && model.detokenize([only], true).trim() === text.replace("▁", "").trim() ? only : null;
}

function endTokens(model: LlamaModel): Token[] {
  const known = END_MARKERS.map((text) => specialToken(model, text));
  const all = [model.tokens.eos, model.tokens.eot, ...known].filter((token) => token !== null);
  return [...new Set(all)].filter((token) => model.isEogToken(token));
}

/** Tokenises user text, in which the markers' texts are text, without the space that some tokenisers put before it. */
export function plainTokenizer(model: LlamaModel): (text: string) => Token[] {
  return (text) => (text === "" ? [] : model.tokenize(text, false, "trimLeadingSpace"));
}
