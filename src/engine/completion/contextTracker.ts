// Follows a stream of lexemes and tells, before each one, by which contexts its successor may be looked up.
// The same code runs when the workspace is indexed and when a continuation is spelt out, so that both agree.
// It stores no statistics. Source of the idea: context mixing (PAQ; M. Mahoney 2005) over lexemes instead of bits.
import { isLineBreak, LEXEME, type Lexicon } from "./lexicon.ts";

/** The contexts, in the order of the hashes: exact n-grams, structural n-grams, line-wise and bracket-wise ones. */
export const CONTEXTS = [
  "exact1", "exact2", "exact3", "exact4", "exact6", "exact9",
  "shape3", "shape6", "shape12",
  "lineExact", "lineShape", "call", "ending", "endingShape",
  "scopeLine", "scopePair", "nextLine", "twoLines",
] as const;
export const N_CONTEXTS = CONTEXTS.length;

/** How far back a structural match may look for what a name was renamed from; 0: not a structural context. */
export const RENAME_REACH: readonly number[] = [0, 0, 16, 16, 20, 24, 6, 12, 16, 24, 32, 0, 0, 0, 16, 0, 0, 24];

/** Lexemes that contexts and renaming look back at. */
export const HISTORY = 32;
const roomOfReader = 1_024;
const roomOfClone = 96;
const deepestStack = 24;

/** A bracket that is open: its lexeme, what stood before it, and how many commas have passed inside. */
interface OpenBracket {
  opener: number;
  callee: number;
  commas: number;
  onThisLine: boolean;
}

/** State of one reading position. Feed lexemes with {@link push}; copy with {@link clone} to try several futures. */
export class ContextTracker {
  readonly #lexicon: Lexicon;
  readonly hashes = new Uint32Array(N_CONTEXTS);
  /** The last lexemes end before `#end`; beside them their classes, and both scrambled for hashing. */
  readonly #lexemes: Int32Array;
  readonly #scrambled: Int32Array;
  readonly #scrambledClasses: Int32Array;
  #end = HISTORY;
  #brackets: OpenBracket[] = [];
  #lineExact = 0;
  #lineShape = 0;
  #previousLineShape = 0;
  #linePosition = 0;
  /** Of this line: its first two lexemes, as a header of the block it may open. */
  #lineHeader = 0;
  /** Headers of the blocks that the position stands in, outermost first. */
  #scopes: number[] = [];
  /** What follows this line: its line break (deeper, same, shallower) and the class of the next line's first lexeme. */
  #nextBreak: number = LEXEME.lineSame;
  #nextFirst = 0;
  #nextPair = 0;

  constructor(lexicon: Lexicon, room = roomOfReader) {
    this.#lexicon = lexicon;
    this.#lexemes = new Int32Array(room).fill(LEXEME.fileStart);
    this.#scrambled = new Int32Array(room).fill(scramble(LEXEME.fileStart));
    this.#scrambledClasses = new Int32Array(room).fill(scramble(LEXEME.fileStart));
  }

  clone(): ContextTracker {
    const copy = new ContextTracker(this.#lexicon, roomOfClone);
    const from = this.#end - HISTORY;
    copy.#lexemes.set(this.#lexemes.subarray(from, this.#end));
    copy.#scrambled.set(this.#scrambled.subarray(from, this.#end));
    copy.#scrambledClasses.set(this.#scrambledClasses.subarray(from, this.#end));
    copy.#brackets = this.#brackets.map((bracket) => ({ ...bracket }));
    copy.#lineExact = this.#lineExact;
    copy.#lineShape = this.#lineShape;
    copy.#previousLineShape = this.#previousLineShape;
    copy.#linePosition = this.#linePosition;
    copy.#lineHeader = this.#lineHeader;
    copy.#scopes = this.#scopes.slice();
    copy.#nextPair = this.#nextPair;
    copy.#nextBreak = this.#nextBreak;
    copy.#nextFirst = this.#nextFirst;
    return copy;
  }

  /** The lexeme `back` places before the position: 1 is the last one. At most {@link HISTORY}. */
  recent(back: number): number {
    return this.#lexemes[this.#end - back] as number;
  }

  /** The last lexeme. */
  get last(): number {
    return this.#lexemes[this.#end - 1] as number;
  }

  /** Lexemes on the current line so far. */
  get linePosition(): number {
    return this.#linePosition;
  }

  get nextBreak(): number {
    return this.#nextBreak;
  }

  get nextFirst(): number {
    return this.#nextFirst;
  }

  /** The innermost open bracket's lexeme, or -1. */
  get innermost(): number {
    return this.#brackets.at(-1)?.opener ?? -1;
  }

  /** Whether the innermost open bracket was opened on this line. */
  get innermostOnThisLine(): boolean {
    return this.#brackets.at(-1)?.onThisLine ?? false;
  }

  /** Brackets that this line opened and has not closed, at most 3. */
  get openedOnLine(): number {
    let count = 0;
    for (let i = this.#brackets.length - 1; i >= 0 && count < 3 && this.#brackets[i]?.onThisLine; i--) count++;
    return count;
  }

  /** Says what follows the line that is about to be read: its line break, and the next line's first two lexemes. */
  setNextLine(lineBreak: number, firstLexeme: number, secondLexeme: number): void {
    this.#nextBreak = lineBreak;
    this.#nextFirst = this.#lexicon.classOf(firstLexeme);
    this.#nextPair = mix(mix(3, firstLexeme), secondLexeme);
  }

  /** Takes in the next lexeme. */
  push(lexeme: number): void {
    const before = this.last;
    if (this.#end === this.#lexemes.length) {
      for (const buffer of [this.#lexemes, this.#scrambled, this.#scrambledClasses]) buffer.copyWithin(0, this.#end - HISTORY);
      this.#end = HISTORY;
    }
    const scrambled = scramble(lexeme);
    const scrambledClass = scramble(this.#lexicon.classOf(lexeme));
    this.#lexemes[this.#end] = lexeme;
    this.#scrambled[this.#end] = scrambled;
    this.#scrambledClasses[this.#end] = scrambledClass;
    this.#end++;
    if (isLineBreak(lexeme)) {
      // One level at a time: a dedent by several levels leaves headers behind, the same way wherever the text is read.
      if (lexeme === LEXEME.lineDeeper) {
        if (this.#scopes.length >= deepestStack) this.#scopes.shift();
        this.#scopes.push(this.#lineHeader);
      } else if (lexeme === LEXEME.lineShallower) this.#scopes.pop();
      this.#lineHeader = 0;
      this.#previousLineShape = this.#lineShape;
      this.#lineExact = 0;
      this.#lineShape = 0;
      this.#linePosition = 0;
      for (const bracket of this.#brackets) bracket.onThisLine = false;
      return;
    }
    this.#linePosition++;
    if (this.#linePosition <= 2) this.#lineHeader = step(this.#lineHeader, this.#linePosition === 1 ? scrambled : scrambledClass);
    this.#lineExact = step(this.#lineExact, scrambled);
    this.#lineShape = step(this.#lineShape, scrambledClass);
    this.#trackBracket(lexeme, before);
  }

  #trackBracket(lexeme: number, before: number): void {
    const text = this.#lexicon.text(lexeme);
    if (text.length !== 1) return;
    if (text === "(" || text === "[" || text === "{") {
      if (this.#brackets.length >= deepestStack) this.#brackets.shift();
      this.#brackets.push({ opener: lexeme, callee: before, commas: 0, onThisLine: true });
    } else if (text === ")" || text === "]" || text === "}") {
      this.#brackets.pop();
    } else if (text === ",") {
      const innermost = this.#brackets.at(-1);
      if (innermost) innermost.commas++;
    }
  }

  /** Fills {@link hashes} with the contexts of the position after the last lexeme. */
  computeHashes(): void {
    const { hashes } = this;
    const lexemes = this.#scrambled;
    const classes = this.#scrambledClasses;
    const end = this.#end;
    let exact = 1;
    let shape = 2;
    for (let n = 1; n <= 3; n++) {
      exact = step(exact, lexemes[end - n] as number);
      shape = step(shape, classes[end - n] as number);
      hashes[n - 1] = finish(exact, n);
    }
    hashes[6] = finish(shape, 7);
    for (let n = 4; n <= 6; n++) {
      exact = step(exact, lexemes[end - n] as number);
      shape = step(shape, classes[end - n] as number);
      if (n === 4) hashes[3] = finish(exact, 4);
    }
    hashes[4] = finish(exact, 5);
    hashes[7] = finish(shape, 8);
    for (let n = 7; n <= 9; n++) {
      exact = step(exact, lexemes[end - n] as number);
      shape = step(shape, classes[end - n] as number);
    }
    hashes[5] = finish(exact, 6);
    for (let n = 10; n <= 12; n++) shape = step(shape, classes[end - n] as number);
    hashes[8] = finish(shape, 9);
    const innermost = this.#brackets.at(-1);
    const last = lexemes[end - 1] as number;
    const lastClass = classes[end - 1] as number;
    const opened = this.openedOnLine;
    const ending = mix(mix(mix(opened > 0 ? (innermost?.opener ?? 0) : 0, opened), this.#nextBreak), this.#nextFirst);
    hashes[9] = finish(mix(this.#lineExact, this.#linePosition), 10);
    hashes[10] = finish(mix(this.#lineShape, this.#previousLineShape), 11);
    hashes[11] = finish(mix(mix(mix(innermost?.opener ?? 0, innermost?.callee ?? 0), innermost?.commas ?? 0), lastClass), 12);
    hashes[12] = finish(mix(mix(ending, last), 1), 13);
    hashes[13] = finish(mix(mix(ending, lastClass), 2), 14);
    const scope = this.#scopes.at(-1) ?? 0;
    hashes[14] = finish(step(this.#lineShape + this.#linePosition, scope), 15);
    hashes[15] = finish(step(step(scope, last), lexemes[end - 2] as number), 16);
    hashes[16] = finish(step(step(this.#nextPair, last), this.#linePosition === 0 ? 1 : 2), 17);
    hashes[17] = finish(step(this.#lineExact + this.#linePosition, this.#previousLineShape), 18);
  }
}

/** The hash of context "exact1" after `lexeme`. */
export function hashOfSingle(lexeme: number): number {
  return finish(step(1, scramble(lexeme)), 1);
}

/** Spreads a small number over 32 bits. */
function scramble(value: number): number {
  const h = Math.imul(value + 0x9e37, 0x85ebca6b);
  return Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
}

/** One more scrambled value in a hash. */
function step(hash: number, scrambled: number): number {
  return Math.imul(hash ^ scrambled, 0x01000193) + (hash >>> 17);
}

function mix(hash: number, value: number): number {
  return step(hash, scramble(value));
}

function finish(hash: number, salt: number): number {
  const h = Math.imul(hash ^ Math.imul(salt, 0x27d4eb2f), 0x165667b1);
  return (h ^ (h >>> 15)) >>> 0;
}
