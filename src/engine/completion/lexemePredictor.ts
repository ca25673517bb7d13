// Estimates what the next lexeme is: gathers what followed each context (in this file and in the workspace) and mixes
// the estimates log-linearly with learnt weights. It does not search for whole continuations (continuationSearch.ts).
// Sources: PPM escape estimation (method C, Moffat 1990); logistic mixing of context models (Mahoney 2005).
import type { ContextIndex } from "./contextIndex.ts";
import { CONTEXTS, hashOfSingle, N_CONTEXTS, RENAME_REACH, type ContextTracker } from "./contextTracker.ts";
import { GAP } from "./lexer.ts";
import { isLineBreak, LEXEME, type Lexicon } from "./lexicon.ts";

/** A symbol is a lexeme with the gap before it; this one ends the line. */
export const LINE_END = LEXEME.lineSame * 3;

export function symbolOf(lexeme: number, gap: number): number {
  return lexeme * 3 + gap;
}

export const N_SOURCES = 2 * N_CONTEXTS;
/** Buckets of how much evidence a source has. */
export const N_BUCKETS = 6;
/** Weight sets, by the longest exact context that matched anywhere. */
export const N_SETS = 7;

/** Features of a symbol apart from the sources' estimates. */
export const EXTRAS = [
  "lineEnd", "lineEndWithOpenBracket", "lineEndAfterOpenerBeforeDeeper", "closerFits", "closerUnfit", "opener", "openerBeforeDeeper",
  "nameNear", "nameInFile", "nameElsewhere", "wideGap", "typedWordNew", "sameAsLast", "number",
  "lineEndBeforeDeeper", "keywordOrPunctuation", "typedWordKnown", "renamedOnly",
] as const;
export const N_EXTRAS = EXTRAS.length;

/** Learnt parameters; how they were fitted stands in lookupWeights.json itself. */
export interface MixtureWeights {
  /** (sets, sources, buckets): weight of a source's log-estimate. */
  sources: Float32Array;
  /** (sets, sources, buckets): weight of a source's log-escape. */
  escapes: Float32Array;
  /** (sets, extras). */
  extras: Float32Array;
  /** (sets): bias of the escape. */
  escapeBias: Float32Array;
}

/** What is asked: where the caret stands and what is known of its surroundings. */
export interface PredictionScope {
  file: ContextIndex;
  workspace: ContextIndex | null;
  /** Weight of each text of the workspace index, 0 leaves it out. */
  textWeights: Float32Array;
  /** Position in the file index of the last occurrence of each name before the caret. */
  lastSeen: ReadonlyMap<number, number>;
  /** Lexemes before the caret in the file. */
  prefixLength: number;
}

/** A constraint on the first lexeme: the part of a word already typed, or that a gap already stands. */
export interface FirstConstraint {
  typed: string;
  afterGap: boolean;
}

/** The candidates at one position with all that the mixture needs; reused between calls. */
export interface Prediction {
  symbols: number[];
  /** (candidates, sources) log-estimates; filled by {@link LexemePredictor.gather} only, mixing has a shorter way. */
  estimates: Float32Array;
  /** (candidates, extras) */
  extras: Float32Array;
  /** (sources) */
  buckets: Uint8Array;
  /** (sources) log-escape estimates. */
  escapes: Float32Array;
  set: number;
  /** Longest exact context, in lexemes, that matched in the file or the workspace. */
  exactOrder: number;
  /** Natural logarithms; parallel to `symbols`, the escape's in `logEscape`. */
  logProbabilities: Float64Array;
  logEscape: number;
}

const mostVisits = 40;
const mostCandidates = 56;
const smoothing = 0.08;
/** Contexts in the order of trust: the most specific bring in their candidates first. */
const order = [5, 4, 8, 10, 9, 17, 3, 14, 7, 2, 16, 12, 15, 11, 1, 6, 13, 0];
const exactOrders: readonly [context: number, length: number][] = [[5, 9], [4, 6], [3, 4], [2, 3], [1, 2], [0, 1]];

export class LexemePredictor {
  readonly #lexicon: Lexicon;
  readonly #weights: MixtureWeights;
  readonly #slots = new Map<number, number>();
  readonly #counts = new Float32Array(mostCandidates * N_SOURCES);
  readonly #totals = new Float32Array(N_SOURCES);
  readonly #distinct = new Float32Array(N_SOURCES);
  /** Cells of `counts` that are not zero: few of all. */
  readonly #cells = new Int32Array(mostCandidates * N_SOURCES);
  #nCells = 0;
  readonly #active = new Float64Array(N_SOURCES);
  readonly prediction: Prediction = {
    symbols: [],
    estimates: new Float32Array(mostCandidates * N_SOURCES),
    extras: new Float32Array(mostCandidates * N_EXTRAS),
    buckets: new Uint8Array(N_SOURCES),
    escapes: new Float32Array(N_SOURCES),
    set: 0,
    exactOrder: 0,
    logProbabilities: new Float64Array(mostCandidates),
    logEscape: 0,
  };

  constructor(lexicon: Lexicon, weights: MixtureWeights) {
    this.#lexicon = lexicon;
    this.#weights = weights;
  }

  /** Fills and returns {@link prediction} for the position after `tracker`'s last lexeme. */
  predict(tracker: ContextTracker, scope: PredictionScope, constraint: FirstConstraint | null): Prediction {
    this.#collect(tracker, scope, constraint);
    this.#mix();
    return this.prediction;
  }

  /** Which line break ends the line where `tracker` stands, by the longest exact context that knows any. */
  predictBreak(tracker: ContextTracker, scope: PredictionScope): { lineBreak: number; probability: number } {
    tracker.computeHashes();
    const breaks: readonly number[] = [LEXEME.lineSame, LEXEME.lineDeeper, LEXEME.lineShallower];
    for (const [context] of exactOrders) {
      const counts = [0, 0, 0];
      for (const index of [scope.file, scope.workspace]) {
        if (!index) continue;
        const hash = tracker.hashes[context] as number;
        let seen = 0;
        for (let at = index.head(context, hash), steps = 0; at >= 0 && seen < mostVisits && steps < 4 * mostVisits; at = index.previous(at, context), steps++) {
          if (index.check(at, context) !== hash >>> 24) continue;
          const weight = index === scope.workspace ? (scope.textWeights[index.text(at)] as number) : 1;
          const which = weight === 0 ? -1 : breaks.indexOf(index.lexeme(at));
          if (which < 0) continue;
          counts[which] = (counts[which] as number) + weight;
          seen++;
        }
      }
      const total = counts.reduce((sum, count) => sum + count, 0);
      if (total === 0) continue;
      const best = counts.indexOf(Math.max(...counts));
      return { lineBreak: breaks[best] as number, probability: ((counts[best] as number) + 0.3) / (total + 0.9) };
    }
    return { lineBreak: LEXEME.lineSame, probability: 0.1 };
  }

  /** Collects candidates and features without mixing them, log-estimates written out; what training needs. */
  gather(tracker: ContextTracker, scope: PredictionScope, constraint: FirstConstraint | null): Prediction {
    const { symbols, estimates } = this.#collect(tracker, scope, constraint);
    for (let source = 0; source < N_SOURCES; source++) {
      const total = this.#totals[source] as number;
      for (let slot = 0; slot < symbols.length; slot++) {
        const cell = slot * N_SOURCES + source;
        estimates[cell] = total === 0 ? 0 : Math.log(((this.#counts[cell] as number) + smoothing) / (total + smoothing * 12));
      }
    }
    return this.prediction;
  }

  #collect(tracker: ContextTracker, scope: PredictionScope, constraint: FirstConstraint | null): Prediction {
    tracker.computeHashes();
    this.#slots.clear();
    for (let i = 0; i < this.#nCells; i++) this.#counts[this.#cells[i] as number] = 0;
    this.#nCells = 0;
    this.#totals.fill(0);
    this.#distinct.fill(0);
    this.prediction.symbols.length = 0;
    if (constraint?.typed) this.#slot(symbolOf(this.#lexicon.intern(constraint.typed), GAP.none));
    for (const context of order) {
      this.#visit(scope.file, context, context, tracker, null, constraint);
      if (scope.workspace) this.#visit(scope.workspace, context, N_CONTEXTS + context, tracker, scope.textWeights, constraint);
    }
    this.#features(tracker, scope, constraint);
    return this.prediction;
  }

  #slot(symbol: number): number {
    let slot = this.#slots.get(symbol);
    if (slot === undefined) {
      if (this.prediction.symbols.length >= mostCandidates) return -1;
      slot = this.prediction.symbols.length;
      this.#slots.set(symbol, slot);
      this.prediction.symbols.push(symbol);
    }
    return slot;
  }

  #visit(index: ContextIndex, context: number, source: number, tracker: ContextTracker, textWeights: Float32Array | null, constraint: FirstConstraint | null): void {
    const hash = tracker.hashes[context] as number;
    const check = hash >>> 24;
    const reach = RENAME_REACH[context] as number;
    const atLineStart = tracker.linePosition === 0;
    let rank = 0;
    // Chains of rare contexts share heads with others, so steps are bounded apart from hits.
    for (let at = index.head(context, hash), steps = 0; at >= 0 && rank < mostVisits && steps < 4 * mostVisits; at = index.previous(at, context), steps++) {
      if (index.check(at, context) !== check) continue;
      const textWeight = textWeights ? (textWeights[index.text(at)] as number) : 1;
      if (textWeight === 0) continue;
      let lexeme = index.lexeme(at);
      if (lexeme === LEXEME.unknown) continue;
      let symbol: number;
      if (isLineBreak(lexeme)) {
        symbol = LINE_END;
        if (constraint && (constraint.typed || constraint.afterGap)) continue;
      } else {
        if (reach > 0 && this.#lexicon.isName(lexeme)) lexeme = this.#renamed(index, at, lexeme, tracker, reach);
        let gap = atLineStart ? GAP.none : index.gap(at);
        if (constraint) {
          if (constraint.typed) {
            if (!this.#lexicon.text(lexeme).startsWith(constraint.typed)) continue;
            gap = GAP.none;
          } else if (constraint.afterGap) {
            if (gap === GAP.none && !atLineStart) continue;
            gap = GAP.none;
          }
        }
        symbol = symbolOf(lexeme, gap);
      }
      const weight = textWeight / (1 + 0.1 * rank);
      rank++;
      const totals = this.#totals;
      totals[source] = (totals[source] as number) + weight;
      const slot = this.#slot(symbol);
      if (slot < 0) continue;
      const cell = slot * N_SOURCES + source;
      if (this.#counts[cell] === 0) {
        this.#distinct[source] = (this.#distinct[source] as number) + 1;
        this.#cells[this.#nCells++] = cell;
      }
      this.#counts[cell] = (this.#counts[cell] as number) + weight;
    }
  }

  /**
   * What a name that followed the matched context would be called here: where it stood in the matched context too, the
   * name that stands at the same place in the caret's context takes its part.
   */
  #renamed(index: ContextIndex, at: number, lexeme: number, tracker: ContextTracker, reach: number): number {
    const depth = Math.min(reach, at);
    for (let back = 1; back <= depth; back++) {
      const there = index.lexeme(at - back);
      const here = tracker.recent(back);
      // Alignment is lost where the structures part.
      if (this.#lexicon.classOf(there) !== this.#lexicon.classOf(here)) return lexeme;
      if (there === lexeme) return here;
    }
    return lexeme;
  }

  #features(tracker: ContextTracker, scope: PredictionScope, constraint: FirstConstraint | null): void {
    const { prediction } = this;
    const { symbols } = prediction;
    prediction.exactOrder = 0;
    prediction.set = 0;
    for (const [i, [context, length]] of exactOrders.entries()) {
      if ((this.#totals[context] as number) > 0 || (this.#totals[N_CONTEXTS + context] as number) > 0) {
        prediction.exactOrder = length;
        prediction.set = 6 - i;
        break;
      }
    }
    for (let source = 0; source < N_SOURCES; source++) {
      const total = this.#totals[source] as number;
      const distinct = this.#distinct[source] as number;
      prediction.buckets[source] = bucketOf(total);
      prediction.escapes[source] = total === 0 ? 0 : Math.log((distinct + 0.5) / (total + distinct + 1));
    }
    const last = tracker.last;
    const deeper = tracker.nextBreak === LEXEME.lineDeeper;
    const opened = tracker.openedOnLine;
    const lastIsOpener = isOpener(this.#lexicon.text(last));
    for (let slot = 0; slot < symbols.length; slot++) {
      const symbol = symbols[slot] as number;
      const lexeme = Math.floor(symbol / 3);
      const text = this.#lexicon.text(lexeme);
      const base = slot * N_EXTRAS;
      const x = prediction.extras;
      x.fill(0, base, base + N_EXTRAS);
      if (symbol === LINE_END) {
        x[base] = 1;
        if (opened > 0 && !deeper) x[base + 1] = 1;
        if (lastIsOpener && deeper) x[base + 2] = 1;
        if (deeper) x[base + 14] = 1;
        continue;
      }
      if (isCloser(text)) x[base + (tracker.innermostOnThisLine && closes(this.#lexicon.text(tracker.innermost), text) ? 3 : 4)] = 1;
      else if (isOpener(text)) {
        x[base + 5] = 1;
        if (deeper) x[base + 6] = 1;
      } else if (this.#lexicon.isName(lexeme)) {
        const seen = scope.lastSeen.get(lexeme);
        if (seen === undefined) x[base + 9] = 1;
        else {
          x[base + 8] = 1;
          x[base + 7] = 1 / (1 + Math.log2(1 + Math.max(0, scope.prefixLength - seen) / 16));
        }
      } else if (this.#lexicon.classOf(lexeme) === lexeme) x[base + 15] = 1;
      else x[base + 13] = 1;
      if (symbol % 3 === GAP.wide) x[base + 10] = 1;
      if (constraint?.typed && text === constraint.typed) x[base + (this.#isKnown(lexeme, scope) ? 16 : 11)] = 1;
      if (lexeme === last) x[base + 12] = 1;
    }
  }

  /** Whether a word occurs anywhere but in the caret's own indexed file: what follows it has a chain. */
  #isKnown(lexeme: number, scope: PredictionScope): boolean {
    if (scope.lastSeen.has(lexeme)) return true;
    const { workspace } = scope;
    if (!workspace) return false;
    const hash = hashOfSingle(lexeme);
    for (let at = workspace.head(0, hash), steps = 0; at >= 0 && steps < 64; at = workspace.previous(at, 0), steps++) {
      if (workspace.check(at, 0) === hash >>> 24 && (scope.textWeights[workspace.text(at)] as number) > 0) return true;
    }
    return false;
  }

  #mix(): void {
    const { prediction } = this;
    const { sources, escapes, extras, escapeBias } = this.#weights;
    const { set, symbols, buckets } = prediction;
    const n = symbols.length;
    let escape = escapeBias[set] as number;
    const scores = prediction.logProbabilities.fill(0);
    // A candidate that a source has not seen gets the same estimate as all others of that kind: the common part is added
    // once, and only the sources that have seen it add their share.
    let common = 0;
    const active = this.#active;
    for (let source = 0; source < N_SOURCES; source++) {
      const bucket = buckets[source] as number;
      if (bucket === 0) continue;
      const cell = (set * N_SOURCES + source) * N_BUCKETS + bucket;
      const weight = sources[cell] as number;
      active[source] = weight;
      escape += (escapes[cell] as number) * (prediction.escapes[source] as number);
      common += weight * Math.log(smoothing / ((this.#totals[source] as number) + smoothing * 12));
    }
    for (let i = 0; i < this.#nCells; i++) {
      const cell = this.#cells[i] as number;
      const slot = Math.floor(cell / N_SOURCES);
      scores[slot] = (scores[slot] as number) + (active[cell % N_SOURCES] as number) * Math.log(1 + (this.#counts[cell] as number) / smoothing);
    }
    for (let slot = 0; slot < n; slot++) scores[slot] = (scores[slot] as number) + common;
    let highest = escape;
    for (let slot = 0; slot < n; slot++) {
      let score = scores[slot] as number;
      for (let extra = 0; extra < N_EXTRAS; extra++) score += (extras[set * N_EXTRAS + extra] as number) * (prediction.extras[slot * N_EXTRAS + extra] as number);
      scores[slot] = score;
      if (score > highest) highest = score;
    }
    let sum = Math.exp(escape - highest);
    for (let slot = 0; slot < n; slot++) sum += Math.exp((scores[slot] as number) - highest);
    const logSum = highest + Math.log(sum);
    for (let slot = 0; slot < n; slot++) scores[slot] = (scores[slot] as number) - logSum;
    prediction.logEscape = escape - logSum;
  }
}

function bucketOf(total: number): number {
  if (total === 0) return 0;
  if (total <= 1.05) return 1;
  if (total <= 2.1) return 2;
  if (total <= 5) return 3;
  if (total <= 11) return 4;
  return 5;
}

function isOpener(text: string): boolean {
  return text === "(" || text === "[" || text === "{";
}

function isCloser(text: string): boolean {
  return text === ")" || text === "]" || text === "}";
}

function closes(opener: string, closer: string): boolean {
  return (opener === "(" && closer === ")") || (opener === "[" && closer === "]") || (opener === "{" && closer === "}");
}

/** Hand-set weights: specific contexts count more. The starting point of training, and good enough to test with. */
export function startingWeights(): MixtureWeights {
  const trust: Record<(typeof CONTEXTS)[number], number> = {
    exact1: 0.05, exact2: 0.12, exact3: 0.2, exact4: 0.25, exact6: 0.3, exact9: 0.3, shape3: 0.08, shape6: 0.12, shape12: 0.25,
    lineExact: 0.15, lineShape: 0.25, call: 0.1, ending: 0.15, endingShape: 0.1, scopeLine: 0.1, scopePair: 0.1, nextLine: 0.1, twoLines: 0.1,
  };
  const weights: MixtureWeights = {
    sources: new Float32Array(N_SETS * N_SOURCES * N_BUCKETS),
    escapes: new Float32Array(N_SETS * N_SOURCES * N_BUCKETS),
    extras: new Float32Array(N_SETS * N_EXTRAS),
    escapeBias: new Float32Array(N_SETS).fill(-3),
  };
  for (let set = 0; set < N_SETS; set++) {
    for (let source = 0; source < N_SOURCES; source++) {
      for (let bucket = 1; bucket < N_BUCKETS; bucket++) {
        const cell = (set * N_SOURCES + source) * N_BUCKETS + bucket;
        weights.sources[cell] = trust[CONTEXTS[source % N_CONTEXTS] as (typeof CONTEXTS)[number]];
        weights.escapes[cell] = 0.05;
      }
    }
  }
  return weights;
}
