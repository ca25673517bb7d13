// Continuation look-up: what followed the most similar contexts in this file and this workspace, spelt out to the end of
// the line, with the figures that the gate judges it by. It decides nothing about showing.
import { CaretReader, type CaretContext } from "./caretContext.ts";
import { DEFAULT_SEARCH_LIMITS, searchContinuations, type Continuation, type SearchLimits } from "./continuationSearch.ts";
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

/** Looks continuations up. One request at a time: the caret's index is reused. */
export class Lookup {
  readonly #texts: WorkspaceTexts;
  readonly #reader: CaretReader;
  readonly #predictor: LexemePredictor;

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

  /** The caret and what may be looked at from it. The file itself never counts as workspace: its text is the caret's. */
  prepare(request: LookupRequest): { caret: CaretContext; scope: PredictionScope; predictor: LexemePredictor } {
    const caret = this.#reader.read(request.prefix, request.suffix);
    const scope: PredictionScope = {
      file: caret.file, workspace: this.#texts.index, textWeights: this.#texts.weightsFor(request.path, request.language),
      lastSeen: caret.lastSeen, prefixLength: caret.prefixLength,
    };
    return { caret, scope, predictor: this.#predictor };
  }
}
