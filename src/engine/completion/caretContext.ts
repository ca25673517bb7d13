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
/** Lexemes kept free for the caret's own line. */
const roomForLine = 512;
/** Characters that recognise a prefix whose beginning was clipped, and how many may have been clipped since it was read. */
const anchorLength = 1_024;
const mostCut = 16_384;

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

/** How a line begins: its indentation and its first two lexemes. */
interface LineBeginning {
  indent: number;
  first: number;
  second: number;
}

/**
 * What is kept between requests: the index of all but the caret's line and the one above it (whose end depends on how the
 * caret's line begins), good for as long as only those change.
 */
interface Kept {
  /** Text before those lines, and after them. */
  above: string;
  below: string;
  tracker: ContextTracker;
  lastSeen: Map<number, number>;
  /** Lexemes of `below`, which come first in the index. */
  start: number;
  next: LineBeginning;
}

/** Builds {@link CaretContext}s into one reused index. Not re-entrant: the last one made is the only valid one. */
export class CaretReader {
  readonly #lexicon: Lexicon;
  readonly #index: ContextIndex;
  #kept: Kept | null = null;

  constructor(lexicon: Lexicon) {
    this.#lexicon = lexicon;
    this.#index = new ContextIndex(lexicon, fileCapacity, fileHeadBits);
  }

  /** Reads the caret between `prefix` and `suffix`. */
  read(prefix: string, suffix: string): CaretContext {
    const index = this.#index;
    index.rollback();
    const lineStart = prefix.lastIndexOf("\n") + 1;
    const linePrefix = prefix.slice(lineStart);
    const suffixBreak = suffix.indexOf("\n");
    const lineSuffix = (suffixBreak < 0 ? suffix : suffix.slice(0, suffixBreak)).replace(/\r$/, "");
    const typed = typedWord(linePrefix);
    const afterGap = typed === "" && /[ \t]$/.test(linePrefix) && linePrefix.trim() !== "";
    const nearStart = startOfLastLine(prefix, lineStart);
    const near = lex(prefix.slice(nearStart, prefix.length - typed.length), this.#lexicon, true);
    const kept = this.#keep(prefix.slice(0, nearStart), suffixBreak < 0 ? "" : suffix.slice(suffixBreak + 1), { indent: near.lineIndents[0] ?? 0, first: near.ids[0] ?? 0, second: near.ids[1] ?? 0 });

    const indent = near.lineIndents.at(-1) ?? 0;
    const next = { lineBreak: kept.next.first === 0 ? LEXEME.lineSame : lineBreak(indent, kept.next.indent), first: kept.next.first, second: kept.next.second };
    const tracker = kept.tracker.clone();
    const lastSeen = new Map(kept.lastSeen);
    index.mark();
    index.add(0, near, tracker, next);
    // An empty line has no lexeme yet that would have announced what follows it.
    tracker.setNextLine(next.lineBreak, next.first, next.second);
    const prefixLength = index.length - kept.start;
    near.ids.forEach((id, i) => lastSeen.set(id, prefixLength - near.ids.length + i));
    return { file: index, tracker, lastSeen, prefixLength, linePrefix, lineSuffix, indent, constraint: typed || afterGap ? { typed, afterGap } : null };
  }

  /** The index of what stands above and below: as it was, continued by new lines, or built anew. `near` begins what follows `above`. */
  #keep(above: string, below: string, near: LineBeginning): Kept {
    const kept = this.#kept;
    if (kept && kept.below === below && this.#index.length < 0.9 * fileCapacity) {
      const added = continuationOf(kept.above, above);
      if (added === "") return kept;
      if (added !== null) {
        this.#append(kept, added, near);
        kept.above = above;
        return kept;
      }
    }
    this.#index.clear();
    const after = lex(below, this.#lexicon);
    this.#index.add(1, after);
    const start = this.#index.length;
    const lastSeen = new Map<number, number>();
    for (let at = 0; at < start; at++) {
      const lexeme = this.#index.lexeme(at);
      if (!lastSeen.has(lexeme)) lastSeen.set(lexeme, -at);
    }
    this.#kept = {
      above, below, start, lastSeen, tracker: new ContextTracker(this.#lexicon),
      next: { first: after.ids[0] ?? 0, second: after.ids[1] ?? 0, indent: after.lineIndents[0] ?? 0 },
    };
    this.#append(this.#kept, above, near);
    return this.#kept;
  }

  #append(kept: Kept, lines: string, near: LineBeginning): void {
    const lexed = lex(lines, this.#lexicon);
    const last = lexed.ids.length - 1;
    if (last < 0) return;
    const toNear = lineBreak(lexed.lineIndents.at(-1) ?? 0, near.indent);
    lexed.ids[last] = toNear;
    keepNewest(lexed, fileCapacity - this.#index.length - roomForLine);
    const from = this.#index.length;
    this.#index.add(0, lexed, kept.tracker, { lineBreak: toNear, first: near.first, second: near.second });
    for (let at = from; at < this.#index.length; at++) kept.lastSeen.set(this.#index.lexeme(at), at - kept.start);
  }
}

/** Where the last line that is not blank begins among those before `lineStart`; 0 where there is none. */
function startOfLastLine(prefix: string, lineStart: number): number {
  let end = lineStart;
  while (end > 0 && /\s/.test(prefix[end - 1] as string)) end--;
  return end === 0 ? 0 : prefix.lastIndexOf("\n", end - 1) + 1;
}

/**
 * What `now` adds to the end of `before`, "" where nothing, null where it is another text. Clipping may have taken
 * characters off the beginning of `now` meanwhile; those stay in the index, which does no harm.
 */
function continuationOf(before: string, now: string): string | null {
  if (now.startsWith(before)) return now.slice(before.length);
  const anchor = before.slice(-anchorLength);
  const at = now.lastIndexOf(anchor);
  if (anchor.length < anchorLength || at < 0) return null;
  const cut = before.length - anchorLength - at;
  return cut > 0 && cut < mostCut && now.startsWith(before.slice(cut)) ? now.slice(before.length - cut) : null;
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
