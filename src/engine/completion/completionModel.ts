// What completion needs of a language model, as types: the model room satisfies them, tests replay them.
// Nothing here runs.
import type { Lease } from "../base/scheduler.ts";
import type { TokenCounts } from "../protocol/types.ts";

/** Text of other files that may help, most useful last. */
export interface ContextPiece {
  path: string;
  text: string;
}

export interface InfillRequest {
  prefix: string;
  suffix: string;
  path: string;
  context: ContextPiece[];
  maxTokens: number;
  signal?: AbortSignal;
  lease: Lease;
  /** Milliseconds from the call after which what there is is returned. */
  deadlineMs?: number;
  /** Asked after every token with the text so far; false ends generation. */
  keepGoing: (textSoFar: string) => boolean;
}

export interface InfillResult {
  text: string;
  /** Natural logarithm of the probability of each token of `text`. */
  tokenLogProbs: number[];
  /** The same of ending where it ended; null where the model did not end it. */
  endLogProb: number | null;
  tokens: TokenCounts;
  firstTokenMs: number;
  ended: "endOfMiddle" | "stopped" | "length" | "deadline" | "cancelled";
}

export interface ScoreRequest {
  prefix: string;
  suffix: string;
  path: string;
  context: ContextPiece[];
  candidate: string;
  signal?: AbortSignal;
  lease: Lease;
}

/** The model side of completion. */
export interface CompletionModel {
  infill(request: InfillRequest): Promise<InfillResult>;
  /** How probable the model finds `candidate` at the caret: token by token, and last the probability of ending after it. */
  scoreContinuation(request: ScoreRequest): Promise<{ tokenLogProbs: number[]; tokens: TokenCounts }>;
}
