// Spells out the most probable rest of a line, lexeme by lexeme, best first. It knows nothing of the gate or the model.
import type { ContextIndex } from "./contextIndex.ts";
import type { ContextTracker } from "./contextTracker.ts";
import { GAP, lex } from "./lexer.ts";
import { LINE_END, symbolOf, type FirstConstraint, type LexemePredictor, type PredictionScope } from "./lexemePredictor.ts";
import type { Lexicon } from "./lexicon.ts";

/** A continuation and how it came about. */
export interface Continuation {
  /** Text to insert at the caret. */
  text: string;
  lexemes: number[];
  /** Sum of natural log-probabilities of its lexemes and of the line's end. */
  logProbability: number;
  /** The same of its least certain lexeme and of its first one. */
  leastLogProbability: number;
  firstLogProbability: number;
  /** Probability of ending the line where it ends, and of an unknown lexeme at the worst place. */
  endLogProbability: number;
  worstEscape: number;
  /** Length in lexemes of the exact context that matched at the first step, and the mean over all steps. */
  firstOrder: number;
  meanOrder: number;
}

/** Limits of one search; our choice: measured p95 stays under 10 ms with them. */
export interface SearchLimits {
  expansions: number;
  lexemes: number;
  /** Continuations less probable than this are not followed. */
  leastProbability: number;
  wanted: number;
}

export const DEFAULT_SEARCH_LIMITS: SearchLimits = { expansions: 48, lexemes: 32, leastProbability: 0.03, wanted: 3 };

/** A continuation this much less probable (nats) than the best is no rival: below a twelfth. */
const noRival = 2.5;

interface Path {
  /** Stands before `pending`, and is shared between siblings: cloned only when the path is gone on with. */
  tracker: ContextTracker;
  pending: number | null;
  text: string;
  lexemes: number[];
  logProbability: number;
  least: number;
  first: number;
  end: number;
  worstEscape: number;
  firstOrder: number;
  orders: number;
  steps: number;
  done: boolean;
}

/**
 * The most probable continuations of the line up to its end, most probable first; the first found is the best one that
 * the mixture knows (best-first search is exact, as probabilities only fall along a path).
 */
export function searchContinuations(
  predictor: LexemePredictor, lexicon: Lexicon, start: ContextTracker, scope: PredictionScope & { file: ContextIndex },
  constraint: FirstConstraint | null, limits: SearchLimits = DEFAULT_SEARCH_LIMITS,
): Continuation[] {
  const floor = Math.log(limits.leastProbability);
  const open: Path[] = [{
    tracker: start, pending: null, text: "", lexemes: [], logProbability: 0, least: 0, first: 0, end: 0, worstEscape: -20, firstOrder: 0, orders: 0, steps: 0, done: false,
  }];
  const found: Continuation[] = [];
  for (let expansions = 0; open.length > 0 && expansions < limits.expansions;) {
    const path = takeBest(open);
    const first = found[0];
    // Others matter as rivals of the first only, and these are none.
    if (first && path.logProbability < first.logProbability - noRival) break;
    if (path.done) {
      found.push(finished(path));
      if (found.length >= limits.wanted) break;
      continue;
    }
    expansions++;
    expand(path, open, predictor, lexicon, scope, constraint, limits, floor);
  }
  return found;
}

function takeBest(open: Path[]): Path {
  let best = 0;
  for (let i = 1; i < open.length; i++) {
    if ((open[i] as Path).logProbability > (open[best] as Path).logProbability) best = i;
  }
  const path = open[best] as Path;
  open[best] = open.at(-1) as Path;
  open.pop();
  return path;
}

function expand(
  path: Path, open: Path[], predictor: LexemePredictor, lexicon: Lexicon, scope: PredictionScope,
  constraint: FirstConstraint | null, limits: SearchLimits, floor: number,
): void {
  const first = path.steps === 0;
  let { tracker } = path;
  if (path.pending !== null) {
    tracker = tracker.clone();
    tracker.push(path.pending);
  }
  const prediction = predictor.predict(tracker, scope, first ? constraint : null);
  const atLineStart = tracker.linePosition === 0;
  for (let slot = 0; slot < prediction.symbols.length; slot++) {
    const step = prediction.logProbabilities[slot] as number;
    const logProbability = path.logProbability + step;
    if (logProbability < floor) continue;
    const symbol = prediction.symbols[slot] as number;
    const ends = symbol === LINE_END;
    if (!ends && path.lexemes.length >= limits.lexemes) continue;
    const lexeme = Math.floor(symbol / 3);
    let text = path.text;
    if (!ends) {
      const word = lexicon.text(lexeme);
      const typed = first && constraint ? constraint.typed.length : 0;
      text += (symbol % 3 === GAP.none || atLineStart ? "" : " ") + word.slice(typed);
    }
    open.push({
      tracker, pending: ends ? null : lexeme, text, logProbability,
      lexemes: ends ? path.lexemes : [...path.lexemes, lexeme],
      least: Math.min(path.least, step),
      first: first ? step : path.first,
      end: ends ? step : path.end,
      worstEscape: Math.max(path.worstEscape, prediction.logEscape),
      firstOrder: first ? prediction.exactOrder : path.firstOrder,
      orders: path.orders + prediction.exactOrder,
      steps: path.steps + 1,
      done: ends,
    });
  }
}

function finished(path: Path): Continuation {
  return {
    text: path.text, lexemes: path.lexemes, logProbability: path.logProbability, leastLogProbability: path.least,
    firstLogProbability: path.first, endLogProbability: path.end, worstEscape: path.worstEscape,
    firstOrder: path.firstOrder, meanOrder: path.orders / Math.max(1, path.steps),
  };
}

/** What an unknown lexeme costs beyond the escape (nats): about one in four hundred; our choice. */
const unknownLexemeCost = 6;

/**
 * How probable the look-up finds a given rest of the line: the figures of a {@link Continuation} for a text that may come
 * from elsewhere. `linePrefix` is the caret's line before the caret; only the first line of `text` is judged.
 */
export function scoreText(
  predictor: LexemePredictor, lexicon: Lexicon, start: ContextTracker, scope: PredictionScope,
  constraint: FirstConstraint | null, linePrefix: string, text: string,
): Continuation {
  const line = text.split("\n", 1)[0] as string;
  const typed = constraint?.typed ?? "";
  const from = lex(linePrefix.slice(0, linePrefix.length - typed.length), lexicon, true).ids.length;
  const { ids, gaps } = lex(linePrefix + line, lexicon, true);
  const tracker = start.clone();
  const path: Path = { tracker, pending: null, text: line, lexemes: ids.slice(from), logProbability: 0, least: 0, first: 0, end: 0, worstEscape: -20, firstOrder: 0, orders: 0, steps: 0, done: true };
  for (let i = from; i <= ids.length && path.steps < 40; i++) {
    const lexeme = ids[i];
    const first = i === from;
    const atLineStart = tracker.linePosition === 0;
    const prediction = predictor.predict(tracker, scope, first ? constraint : null);
    const symbol = lexeme === undefined ? LINE_END : symbolOf(lexeme, (first && constraint) || atLineStart ? GAP.none : (gaps[i] as number));
    const slot = prediction.symbols.indexOf(symbol);
    const step = slot < 0 ? prediction.logEscape - unknownLexemeCost : (prediction.logProbabilities[slot] as number);
    path.logProbability += step;
    path.least = Math.min(path.least, step);
    if (first) {
      path.first = step;
      path.firstOrder = prediction.exactOrder;
    }
    if (lexeme === undefined) path.end = step;
    else tracker.push(lexeme);
    path.worstEscape = Math.max(path.worstEscape, prediction.logEscape);
    path.orders += prediction.exactOrder;
    path.steps++;
  }
  return finished(path);
}
