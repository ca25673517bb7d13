// Asks the model at a caret: its own text for the place, and its opinion of the look-up's best one, as evidence for the
// gate. It neither schedules nor limits time (tasks/completeCode.ts does), and decides nothing about showing.
import type { Lease } from "../base/scheduler.ts";
import type { TokenCounts } from "../protocol/types.ts";
import type { CompletionModel, ContextPiece, InfillResult } from "./completionModel.ts";
import type { CandidateEvidence, ModelJudgement } from "./gate.ts";
import type { LineRule } from "./lineRule.ts";
import type { JudgedCaret } from "./lookup.ts";
import { indentationOf } from "./placement.ts";

/** Most tokens the model writes: a line, or a small block. */
const mostTokens = { single: 40, multi: 160 } as const;

export interface ModelJudgeRequest {
  params: { path: string; prefix: string; suffix: string };
  model: CompletionModel;
  lease: Lease;
  signal?: AbortSignal;
  rule: LineRule;
  maximumLines: number;
  context: ContextPiece[];
  caret: JudgedCaret;
  /** The look-up's candidate that the model shall judge too, or null. */
  best: string | null;
  /** Milliseconds left. */
  leftMs: () => number;
}

export interface ModelJudged {
  /** First lines with what is known of them: the model's own, then the look-up's. */
  evidence: CandidateEvidence[];
  /** All that the model wrote; its first line is that of the evidence it wrote. */
  text: string;
  tokens: TokenCounts;
}

/** Errors: those of the model; cancelling gives what there is. */
export async function judgeByModel(request: ModelJudgeRequest): Promise<ModelJudged> {
  const { params, model, lease, signal, rule, maximumLines, context, caret, best, leftMs } = request;
  const base = { prefix: params.prefix, suffix: params.suffix, path: params.path, context, lease, ...(signal ? { signal } : {}) };
  const indent = indentationOf(params.prefix.slice(params.prefix.lastIndexOf("\n") + 1));
  let firstLineTokens = 0;
  let firstLineEnded = false;
  const infill = await model.infill({
    ...base, maxTokens: mostTokens[rule], deadlineMs: Math.max(1, leftMs()),
    keepGoing: (text) => {
      if (!firstLineEnded) firstLineTokens++;
      firstLineEnded ||= /\S.*\n/.test(text);
      return keepGoing(text, rule, indent, maximumLines);
    },
  });
  const evidence: CandidateEvidence[] = [];
  const written = writtenLine(infill, firstLineTokens, firstLineEnded);
  if (written) evidence.push(caret.evidence(written.line, written.judgement));
  if (best !== null && best.trimEnd() !== written?.line.trimEnd() && leftMs() > 0 && !signal?.aborted) {
    const { tokenLogProbs } = await model.scoreContinuation({ ...base, candidate: best });
    if (tokenLogProbs.length > 1) evidence.push(caret.evidence(best, { tokenLogProbs: tokenLogProbs.slice(0, -1), endLogProb: tokenLogProbs.at(-1) as number, wrote: false }));
  }
  return { evidence, text: infill.text, tokens: infill.tokens };
}

/** The first line the model wrote and the probabilities that belong to it; null where it wrote none or was cut off in it. */
function writtenLine(infill: InfillResult, firstLineTokens: number, lineEnded: boolean): { line: string; judgement: ModelJudgement } | null {
  const line = infill.text.split("\n", 1)[0] as string;
  const { tokenLogProbs } = infill;
  if (line.trim() === "" || tokenLogProbs.length === 0) return null;
  if (!lineEnded) return infill.ended === "endOfMiddle" ? { line, judgement: { tokenLogProbs, endLogProb: infill.endLogProb ?? 0, wrote: true } } : null;
  // The token that brings the line break ends the line; where it brings text too, it counts for both.
  const own = tokenLogProbs.slice(0, Math.max(1, firstLineTokens - 1));
  return { line, judgement: { tokenLogProbs: own, endLogProb: tokenLogProbs[firstLineTokens - 1] ?? 0, wrote: true } };
}

function keepGoing(text: string, rule: LineRule, indent: number, maximumLines: number): boolean {
  const lines = text.split("\n");
  if (rule === "single") return lines.length === 1 || text.trim() === "";
  if (lines.length > maximumLines) return false;
  const last = lines.at(-1) as string;
  return lines.length < 2 || last.trim() === "" || indentationOf(last) >= indent;
}
