// What completion needs of a language model, as types: the model room satisfies them, tests replay them.
// Nothing here runs.
import type { Lease } from "../base/scheduler.ts";

/** Text of other files that may help, most useful last. */
export interface ContextPiece {
  path: string;
  text: string;
}

export interface InfillRequest {
  prefix: string;
  suffix: string;
  path: string;
  context: readonly ContextPiece[];
  maxTokens: number;
  signal: AbortSignal | undefined;
  lease: Lease;
  /** Milliseconds from now after which what there is is returned. */
  deadlineMs: number;
  /** Asked after every token with the text so far; false ends generation. */
  keepGoing: (text: string) => boolean;
}

export interface Infill {
  text: string;
  /** Natural logarithm of the probability of each token. */
  tokenLogProbs: readonly number[];
  tokens: { prompt: number; reused: number; generated: number };
  firstTokenMs: number;
  /** Why generation ended. */
  ended: "stop" | "length" | "deadline" | "keepGoing";
}

export interface ScoreRequest {
  prefix: string;
  suffix: string;
  path: string;
  context: readonly ContextPiece[];
  candidate: string;
  signal: AbortSignal | undefined;
  lease: Lease;
  deadlineMs: number;
}

/** The model side of completion. */
export interface CompletionModel {
  /** Whether the loaded model can fill in at all. */
  readonly ready: boolean;
  infill(request: InfillRequest): Promise<Infill>;
  /** How probable the model finds `candidate` at the caret, token by token; null where time ran out. */
  scoreContinuation(request: ScoreRequest): Promise<{ tokenLogProbs: readonly number[] } | null>;
}
