// Builds the tokens of an infill prompt within a budget: files of context first, then suffix and prefix in the model's order.
// Parts are cut so that typing along changes as few tokens as possible. It runs no model.
import type { InfillLayout, InfillLimits } from "./infillVocabulary.ts";

/** Token ids of a model's infill markers; null where it has none of that kind. */
export interface InfillTokens {
  layout: InfillLayout;
  limits: InfillLimits | null;
  prefix: number | null;
  suffix: number | null;
  middle: number | null;
  file: number | null;
  /** Put before everything where the model expects it. */
  beginning: number | null;
}

export interface InfillParts {
  prefix: string;
  suffix: string;
  path: string;
  /** In the order of the prompt: the most useful last, nearest to the caret; the first are left out where not all fit. */
  context: readonly { path: string; text: string }[];
  /** The file simply goes on: no markers of a gap, and no suffix, whatever the model's layout. */
  continues?: boolean;
}

export type Tokenize = (text: string) => readonly number[];

/** Shares of the budget (our choice): fixed, so that no part moves because another grew. */
const CONTEXT_SHARE = 0.35;
const SUFFIX_SHARE = 0.15;
/**
 * Where the suffix stands after the prefix it is computed anew on every keystroke, so it gets no more than this share:
 * with it, at least 95 % of a full prompt's tokens are reused.
 */
const TRAILING_SUFFIX_SHARE = 0.03;
const LEAST_SUFFIX_TOKENS = 16;
const LEAST_FILE_TOKENS = 16;
/** A prefix that outgrew its share is cut to this part of it, so that the next cut is many keystrokes away. */
const CUT_TO = 0.7;
/** Generous upper bound on characters per token, so that text far too long is not tokenised whole. */
const MOST_CHARACTERS_PER_TOKEN = 8;
const ANCHOR_CHARACTERS = 200;
const KEPT_TOKENISATIONS = 64;

/** Builds prompts for one model; remembers where it last cut the prefix. */
export class InfillPromptBuilder {
  readonly #tokens: InfillTokens;
  readonly #tokenize: Tokenize;
  readonly #kept = new Map<string, readonly number[]>();
  /** The first characters of the prefix as last cut, and that prefix's length: the next cut is at the same place if it can be. */
  #anchor: { text: string; length: number } | null = null;

  constructor(tokens: InfillTokens, tokenize: Tokenize) {
    this.#tokens = tokens;
    this.#tokenize = tokenize;
  }

  /** The prompt for `parts` in at most `budget` tokens; the model's next token is the first of the middle. */
  build(parts: InfillParts, budget: number): number[] {
    const { prefix: PRE, suffix: SUF, middle: MID, beginning } = this.#tokens;
    const layout = parts.continues === true ? "prefix" : this.#tokens.layout;
    const { limits } = this.#tokens;
    const context = this.#context(parts, Math.floor(budget * CONTEXT_SHARE));
    const header = this.#fileHeader(parts.path, context.length > 0);
    const suffixShare = Math.max(LEAST_SUFFIX_TOKENS, Math.floor(budget * (layout === "psm" ? TRAILING_SUFFIX_SHARE : SUFFIX_SHARE)));
    const suffix = layout === "prefix" ? [] : this.#head(parts.suffix, Math.min(suffixShare, limits?.suffix ?? Infinity));
    const markers = [beginning, PRE, SUF, MID].filter((token) => token !== null).length;
    const left = budget - context.length - header.length - suffix.length - markers;
    const prefix = this.#tail(parts.prefix, Math.max(8, Math.min(left, limits?.prefix ?? Infinity)));

    const out: (number | null)[] = [beginning];
    // Markers that no family's context has (comment headers) belong inside the prefix, which psm and prefix begin with.
    switch (layout) {
      case "psm":
        if (this.#tokens.file !== null) out.push(...context, ...header, PRE, ...prefix);
        else out.push(PRE, ...context, ...header, ...prefix);
        out.push(SUF, ...suffix, MID);
        break;
      case "spm":
        if (this.#tokens.file !== null) out.push(...context, ...header, SUF, ...suffix, PRE, ...prefix, MID);
        else out.push(SUF, ...suffix, PRE, ...context, ...header, ...prefix, MID);
        break;
      case "spmJoined":
        if (this.#tokens.file !== null) out.push(...context, ...header, PRE, SUF, ...suffix, MID, ...prefix);
        else out.push(PRE, SUF, ...suffix, MID, ...context, ...header, ...prefix);
        break;
      case "prefix":
        out.push(...context, ...header, ...prefix);
        break;
    }
    return out.filter((token) => token !== null);
  }

  #context(parts: InfillParts, budget: number): number[] {
    const { limits } = this.#tokens;
    const files: number[][] = [];
    let used = 0;
    for (const file of parts.context.toReversed().slice(0, limits?.files ?? parts.context.length)) {
      const header = this.#fileHeader(file.path, true);
      const left = Math.min(budget - used - header.length - 1, limits?.fileTokens ?? Infinity);
      if (left < LEAST_FILE_TOKENS) break;
      const tokens = [...header, ...this.#head(file.text.endsWith("\n") ? file.text : `${file.text}\n`, left)];
      files.unshift(tokens);
      used += tokens.length;
    }
    return files.flat();
  }

  /** What introduces a file. Without a marker, a lone current file needs no introduction. */
  #fileHeader(path: string, amongOthers: boolean): number[] {
    if (this.#tokens.file !== null) return [this.#tokens.file, ...this.#remember(`${path}\n`)];
    return amongOthers ? [...this.#remember(`// ${path}\n`)] : [];
  }

  /** The first `budget` tokens of `text`. */
  #head(text: string, budget: number): readonly number[] {
    return this.#remember(text.slice(0, budget * MOST_CHARACTERS_PER_TOKEN)).slice(0, budget);
  }

  /** The end of `text` in at most `budget` tokens, beginning at a line where it is cut, at the last place if it fits. */
  #tail(text: string, budget: number): readonly number[] {
    const anchored = this.#atAnchor(text);
    if (anchored !== null) {
      const tokens = this.#tokenize(anchored);
      // Far below the budget, much was deleted: what was cut off before fits again.
      if (tokens.length <= budget && tokens.length >= budget * CUT_TO / 2) return this.#anchorAt(anchored, tokens);
    }
    if (text.length <= budget * MOST_CHARACTERS_PER_TOKEN) {
      const tokens = this.#tokenize(text);
      if (tokens.length <= budget) {
        this.#anchor = null;
        return tokens;
      }
    }
    const sample = text.slice(-budget * MOST_CHARACTERS_PER_TOKEN);
    const charactersPerToken = sample.length / Math.max(1, this.#tokenize(sample).length);
    for (let share = CUT_TO; share > 0.05; share *= 0.8) {
      const cut = fromLineStart(text, Math.floor(budget * share * charactersPerToken));
      const tokens = this.#tokenize(cut);
      if (tokens.length <= budget) return this.#anchorAt(cut, tokens);
    }
    // A text of which even a few characters are many tokens (emoji, binary): the very end must do.
    this.#anchor = null;
    return this.#tokenize(text.slice(-budget)).slice(-budget);
  }

  #anchorAt(cut: string, tokens: readonly number[]): readonly number[] {
    this.#anchor = { text: cut.slice(0, ANCHOR_CHARACTERS), length: cut.length };
    return tokens;
  }

  /** `text` from where it was last cut, or null where that place is not in it any more. */
  #atAnchor(text: string): string | null {
    const anchor = this.#anchor;
    if (anchor === null) return null;
    // Searched for near where typing along would have left it, so that a repeated line does not mislead.
    const near = Math.max(0, text.length - anchor.length - 4 * ANCHOR_CHARACTERS);
    const at = text.indexOf(anchor.text, near);
    return at === -1 ? null : text.slice(at);
  }

  #remember(text: string): readonly number[] {
    let tokens = this.#kept.get(text);
    if (tokens === undefined) {
      tokens = this.#tokenize(text);
      const oldest = this.#kept.keys().next();
      if (this.#kept.size >= KEPT_TOKENISATIONS && oldest.done !== true) this.#kept.delete(oldest.value);
    } else {
      this.#kept.delete(text);
    }
    this.#kept.set(text, tokens);
    return tokens;
  }
}

/** The last `length` characters of `text`, less the broken line that they begin with (unless that line is all there is). */
function fromLineStart(text: string, length: number): string {
  const cut = text.slice(-Math.max(1, length));
  if (cut.length === text.length) return cut;
  const newline = cut.indexOf("\n");
  return newline === -1 || newline === cut.length - 1 ? cut : cut.slice(newline + 1);
}
