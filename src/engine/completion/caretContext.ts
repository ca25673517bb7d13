// Prepares one place in a file for look-up: the text before and after the caret as lexemes, the word half typed,
// the index of the file's own text. It holds no statistics beyond this one request.
import { ContextIndex } from "./contextIndex.ts";
import { ContextTracker } from "./contextTracker.ts";
import { lex, lineBreak, type LexedText } from "./lexer.ts";
import { isWordCode, LEXEME, type Lexicon } from "./lexicon.ts";
import type { FirstConstraint } from "./lexemePredictor.ts";

/** Most lexemes of the caret's file that are looked at; more than the clipped 40 KB ever has in code. */
const fileCapacity = 1 << 15;
const fileHeadBits = 13;

/** One caret, ready for look-up. */
export interface CaretContext {
  /** The file's own lexemes: what follows the caret, then what precedes it (so that the near past is newest). */
  file: ContextIndex;
  /** Stands after the last whole lexeme before the caret. */
  tracker: ContextTracker;
  constraint: FirstConstraint | null;
  lastSeen: Map<number, number>;
  prefixLength: number;
  /** The caret's line up to the caret, and what stands after the caret on it. */
  linePrefix: string;
  lineSuffix: string;
  /** Indentation of the caret's line in columns. */
  indent: number;
}

/** Builds {@link CaretContext}s into one reused index. Not re-entrant: the last one made is the only valid one. */
export class CaretReader {
  readonly #lexicon: Lexicon;
  readonly #index: ContextIndex;

  constructor(lexicon: Lexicon) {
    this.#lexicon = lexicon;
    this.#index = new ContextIndex(lexicon, fileCapacity, fileHeadBits);
  }

  /** Reads the caret between `prefix` and `suffix`. */
  read(prefix: string, suffix: string): CaretContext {
    const index = this.#index;
    index.clear();
    const linePrefix = prefix.slice(prefix.lastIndexOf("\n") + 1);
    const suffixBreak = suffix.indexOf("\n");
    const lineSuffix = (suffixBreak < 0 ? suffix : suffix.slice(0, suffixBreak)).replace(/\r$/, "");
    const typed = typedWord(linePrefix);
    const afterGap = typed === "" && /[ \t]$/.test(linePrefix) && linePrefix.trim() !== "";
    const before = lex(prefix.slice(0, prefix.length - typed.length), this.#lexicon, true);
    const after = suffixBreak < 0 ? null : lex(suffix.slice(suffixBreak + 1), this.#lexicon);
    const indent = before.lineIndents.at(-1) ?? 0;
    const next = after && after.ids.length > 0
      ? { lineBreak: lineBreak(indent, after.lineIndents[0] ?? 0), first: after.ids[0] as number }
      : { lineBreak: LEXEME.lineSame, first: 0 };
    if (after) index.add(1, after);
    const tracker = new ContextTracker(this.#lexicon);
    keepNewest(before, fileCapacity - index.length);
    const start = index.length;
    index.add(0, before, tracker, next);
    // An empty line has no lexeme yet that would have announced what follows it.
    tracker.setNextLine(next.lineBreak, next.first);
    const lastSeen = new Map<number, number>();
    for (let at = start; at < index.length; at++) lastSeen.set(index.lexemes[at] as number, at - start);
    for (let at = 0; at < start; at++) {
      const lexeme = index.lexemes[at] as number;
      if (!lastSeen.has(lexeme)) lastSeen.set(lexeme, -at);
    }
    return {
      file: index, tracker, lastSeen, prefixLength: index.length - start, linePrefix, lineSuffix, indent,
      constraint: typed || afterGap ? { typed, afterGap } : null,
    };
  }
}

/** The letters of a word directly before the caret. */
function typedWord(linePrefix: string): string {
  let start = linePrefix.length;
  while (start > 0 && isWordCode(linePrefix.charCodeAt(start - 1))) start--;
  return linePrefix.slice(start);
}

/** Drops the oldest lexemes where there are more than `most`. */
function keepNewest(lexed: LexedText, most: number): void {
  const surplus = lexed.ids.length - most;
  if (surplus <= 0) return;
  lexed.ids.splice(0, surplus);
  lexed.gaps.splice(0, surplus);
  const firstLine = lexed.lineStarts.findIndex((start) => start >= surplus);
  lexed.lineStarts.splice(0, firstLine < 0 ? lexed.lineStarts.length : firstLine);
  lexed.lineIndents.splice(0, firstLine < 0 ? lexed.lineIndents.length : firstLine);
  for (let i = 0; i < lexed.lineStarts.length; i++) lexed.lineStarts[i] = (lexed.lineStarts[i] as number) - surplus;
}
