// Goes on below the caret's line where a block is open: line by line, for as long as the look-up is sure of each whole
// line and of how deep the next one stands. It does not judge the first line (gate.ts does).
import type { ContextTracker } from "./contextTracker.ts";
import { searchContinuations, type SearchLimits } from "./continuationSearch.ts";
import type { LexemePredictor, PredictionScope } from "./lexemePredictor.ts";
import { LEXEME, type Lexicon } from "./lexicon.ts";

export interface BlockRequest {
  predictor: LexemePredictor;
  lexicon: Lexicon;
  scope: PredictionScope;
  /** Stands at the end of the first line, before its line break. */
  tracker: ContextTracker;
  /** Indentation of the caret's line, and one step of it, as text. */
  indent: string;
  step: string;
  /** Most lines to add. */
  lines: number;
  /** The whole addition must be at least this probable. */
  leastProbability: number;
}

const lineLimits: SearchLimits = { expansions: 20, lexemes: 24, leastProbability: 0.2, wanted: 1 };

/** The lines to add, each with its indentation; none where the look-up is not sure. */
export function continueBlock(request: BlockRequest): string[] {
  const { predictor, lexicon, scope, step } = request;
  const lines: string[] = [];
  const tracker = request.tracker.clone();
  let logProbability = 0;
  let depth = 0;
  const floor = Math.log(request.leastProbability);
  while (lines.length < request.lines) {
    const { lineBreak, probability } = predictor.predictBreak(tracker, scope);
    logProbability += Math.log(probability);
    depth += lineBreak === LEXEME.lineDeeper ? 1 : lineBreak === LEXEME.lineShallower ? -1 : 0;
    if (logProbability < floor || depth < 0) break;
    tracker.push(lineBreak);
    // What follows the next line is not known yet; the line break found for it comes too late to tell its ending.
    tracker.setNextLine(LEXEME.lineSame, 0, 0);
    const line = searchContinuations(predictor, lexicon, tracker, scope, null, lineLimits)[0];
    if (!line || line.text.trim() === "") break;
    logProbability += line.logProbability;
    if (logProbability < floor) break;
    const closes = /^[)\]}]/.test(line.text);
    // Back at the depth of the first line: only its closer still belongs to the block.
    if (depth === 0 && lines.length > 0 && lineBreak === LEXEME.lineShallower && !closes) break;
    lines.push(request.indent + step.repeat(depth) + line.text);
    if (depth === 0 && closes) break;
    for (const lexeme of line.lexemes) tracker.push(lexeme);
  }
  return lines;
}

/** One step of indentation in a text: a tab, or the smallest number of spaces by which a line stands deeper than the one above. */
export function indentationStep(text: string): string {
  const lines = text.slice(-8_000).split("\n").filter((line) => line.trim() !== "");
  if (lines.some((line) => line.startsWith("\t"))) return "\t";
  const counts = new Map<number, number>();
  for (let i = 1; i < lines.length; i++) {
    const difference = spaces(lines[i] as string) - spaces(lines[i - 1] as string);
    if (difference > 1 && difference <= 8) counts.set(difference, (counts.get(difference) ?? 0) + 1);
  }
  const usual = [...counts].sort(([a, x], [b, y]) => y - x || a - b)[0]?.[0];
  return " ".repeat(usual ?? 4);
}

function spaces(line: string): number {
  return line.length - line.trimStart().length;
}
