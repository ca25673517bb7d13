// Continuation look-up: what followed the most similar contexts in this file and this workspace, spelt out to the end of
// the line, with the figures that the gate judges it by. It decides nothing about showing.
import { continueBlock, indentationStep } from "./blockContinuation.ts";
import { CaretReader, type CaretContext } from "./caretContext.ts";
import { DEFAULT_SEARCH_LIMITS, scoreText, searchContinuations, type Continuation, type SearchLimits } from "./continuationSearch.ts";
import type { CandidateEvidence, ModelJudgement } from "./gate.ts";
import { LexemePredictor, type MixtureWeights, type PredictionScope } from "./lexemePredictor.ts";
import type { WorkspaceTexts } from "./workspaceTexts.ts";

export interface LookupRequest {
  path: string;
  language: string;
  prefix: string;
  suffix: string;
}

export interface LookupResult {
  /** Most probable first; the rest of the caret's line each. */
  continuations: Continuation[];
  caret: CaretContext;
}

/** A caret whose continuations were found, ready to give the evidence for any text. */
export interface JudgedCaret {
  /** Continuations that add something, most probable first. */
  proposals: Continuation[];
  /** What is known of `text` as the rest of the line. */
  evidence(text: string, model: ModelJudgement | null): CandidateEvidence;
  /** The lines that follow one of {@link proposals} in its block, as sure as asked; [] where none are. */
  block(proposal: Continuation, lines: number, leastProbability: number): string[];
}

/** Looks continuations up. One request at a time: the caret's index is reused. */
export class Lookup {
  readonly #texts: WorkspaceTexts;
  readonly #reader: CaretReader;
  readonly #predictor: LexemePredictor;
  #generation = 0;

  constructor(texts: WorkspaceTexts, weights: MixtureWeights) {
    this.#texts = texts;
    this.#reader = new CaretReader(texts.lexicon);
    this.#predictor = new LexemePredictor(texts.lexicon, weights);
  }

  /** Synchronous; p95 under 10 ms on a workspace of 5 MB (measured by test/bench/completion.ts). */
  find(request: LookupRequest, limits: SearchLimits = DEFAULT_SEARCH_LIMITS): LookupResult {
    const { caret, scope } = this.prepare(request);
    return { caret, continuations: searchContinuations(this.#predictor, this.#texts.lexicon, caret.tracker, scope, caret.constraint, limits) };
  }

  /** Finds continuations and stays ready to judge others, of the model's, by the same figures. */
  judge(request: LookupRequest, limits: SearchLimits = DEFAULT_SEARCH_LIMITS): JudgedCaret {
    const { caret, scope } = this.prepare(request);
    const { lexicon } = this.#texts;
    const found = searchContinuations(this.#predictor, lexicon, caret.tracker, scope, caret.constraint, limits);
    // The caret's index is shared between requests; a later judgement of this caret reads it anew.
    let reader = { caret, scope };
    let generation = this.#generation;
    const current = (): typeof reader => {
      if (generation !== this.#generation) {
        reader = this.prepare(request);
        generation = this.#generation;
      }
      return reader;
    };
    return {
      proposals: found.filter(({ text }) => text.trim() !== ""),
      block: (proposal, lines, leastProbability) => {
        const { caret: now, scope: nowScope } = current();
        const tracker = now.tracker.clone();
        for (const lexeme of proposal.lexemes) tracker.push(lexeme);
        return continueBlock({
          predictor: this.#predictor, lexicon, scope: nowScope, tracker, lines, leastProbability,
          indent: /^[ \t]*/.exec(now.linePrefix)?.[0] ?? "", step: indentationStep(request.prefix),
        });
      },
      evidence: (text, model) => {
        const own = text.trimEnd();
        const rank = found.findIndex((continuation) => continuation.text.trimEnd() === own);
        let lookup = found[rank];
        if (!lookup) {
          const { caret: now, scope: nowScope } = current();
          lookup = scoreText(this.#predictor, lexicon, now.tracker, nowScope, now.constraint, now.linePrefix, own);
        }
        const others = found.filter((_, i) => i !== rank).map(({ logProbability }) => logProbability);
        return {
          text, lookup, lookupRank: rank, bestOther: Math.max(-15, ...others), model,
          ...sameLines(request, caret.linePrefix + text),
          typedWord: (caret.constraint?.typed ?? "") !== "", atLineStart: caret.linePrefix.trim() === "",
        };
      },
    };
  }

  /** The caret and what may be looked at from it. The file itself never counts as workspace: its text is the caret's. */
  prepare(request: LookupRequest): { caret: CaretContext; scope: PredictionScope; predictor: LexemePredictor } {
    this.#generation++;
    const caret = this.#reader.read(request.prefix, request.suffix);
    const scope: PredictionScope = {
      file: caret.file, workspace: this.#texts.index, textWeights: this.#texts.weightsFor(request.path, request.language),
      lastSeen: caret.lastSeen, prefixLength: caret.prefixLength,
    };
    return { caret, scope, predictor: this.#predictor };
  }
}

const nearLines = 8;

/** How often a line of more than brackets stands in the text around the caret already, near by and further off. */
function sameLines(request: LookupRequest, completed: string): { sameLinesNear: number; sameLinesFar: number } {
  const line = (completed.split("\n", 1)[0] as string).trim();
  if (!/\w{2}/.test(line)) return { sameLinesNear: 0, sameLinesFar: 0 };
  let near = 0;
  let far = 0;
  const count = (text: string, step: 1 | -1): void => {
    const lines = text.split("\n");
    let seen = 0;
    // The first one is the caret's own line.
    for (let i = step === 1 ? 1 : lines.length - 2; i >= 0 && i < lines.length; i += step) {
      const other = (lines[i] as string).trim();
      if (other === "") continue;
      seen++;
      if (other !== line) continue;
      if (seen <= nearLines) near++;
      else far++;
    }
  };
  count(request.prefix, -1);
  count(request.suffix, 1);
  return { sameLinesNear: near, sameLinesFar: far };
}
