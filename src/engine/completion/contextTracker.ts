// Follows a stream of lexemes and tells, before each one, by which contexts its successor may be looked up.
// The same code runs when the workspace is indexed and when a continuation is spelt out, so that both agree.
// It stores no statistics. Source of the idea: context mixing (PAQ; M. Mahoney 2005) over lexemes instead of bits.
import { isLineBreak, LEXEME, type Lexicon } from "./lexicon.ts";

/** The contexts, in the order of the hashes: exact n-grams, structural n-grams, line-wise and bracket-wise ones. */
export const CONTEXTS = [
  "exact1", "exact2", "exact3", "exact4", "exact6", "exact9",
  "shape3", "shape6", "shape12",
  "lineExact", "lineShape", "call", "ending", "endingShape",
] as const;
export const N_CONTEXTS = CONTEXTS.length;

/** How far back a structural match may look for what a name was renamed from; 0: not a structural context. */
export const RENAME_REACH: readonly number[] = [0, 0, 16, 16, 20, 24, 6, 12, 16, 24, 32, 0, 0, 0];

const historyLength = 32;
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
  /** The last lexemes, newest last. */
  readonly history = new Int32Array(historyLength);
  readonly hashes = new Uint32Array(N_CONTEXTS);
  #brackets: OpenBracket[] = [];
  #lineExact = 0;
  #lineShape = 0;
  #previousLineShape = 0;
  #linePosition = 0;
  /** What follows this line: its line break (deeper, same, shallower) and the class of the next line's first lexeme. */
  #nextBreak: number = LEXEME.lineSame;
  #nextFirst = 0;

  constructor(lexicon: Lexicon) {
    this.#lexicon = lexicon;
    this.history.fill(LEXEME.fileStart);
  }

  clone(): ContextTracker {
    const copy = new ContextTracker(this.#lexicon);
    copy.history.set(this.history);
    copy.#brackets = this.#brackets.map((bracket) => ({ ...bracket }));
    copy.#lineExact = this.#lineExact;
    copy.#lineShape = this.#lineShape;
    copy.#previousLineShape = this.#previousLineShape;
    copy.#linePosition = this.#linePosition;
    copy.#nextBreak = this.#nextBreak;
    copy.#nextFirst = this.#nextFirst;
    return copy;
  }

  /** The last lexeme. */
  get last(): number {
    return this.history[historyLength - 1] as number;
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

  /** Says what follows the line that is about to be read. */
  setNextLine(lineBreak: number, firstLexeme: number): void {
    this.#nextBreak = lineBreak;
    this.#nextFirst = this.#lexicon.classOf(firstLexeme);
  }

  /** Takes in the next lexeme. */
  push(lexeme: number): void {
    const before = this.last;
    this.history.copyWithin(0, 1);
    this.history[historyLength - 1] = lexeme;
    if (isLineBreak(lexeme)) {
      this.#previousLineShape = this.#lineShape;
      this.#lineExact = 0;
      this.#lineShape = 0;
      this.#linePosition = 0;
      for (const bracket of this.#brackets) bracket.onThisLine = false;
      return;
    }
    this.#linePosition++;
    this.#lineExact = mix(this.#lineExact, lexeme);
    this.#lineShape = mix(this.#lineShape, this.#lexicon.classOf(lexeme));
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
    const { history, hashes } = this;
    const lexicon = this.#lexicon;
    let exact = 1;
    let shape = 2;
    for (let n = 1; n <= 12; n++) {
      const lexeme = history[historyLength - n] as number;
      if (n <= 9) {
        exact = mix(exact, lexeme);
        if (n === 1) hashes[0] = finish(exact, 1);
        else if (n === 2) hashes[1] = finish(exact, 2);
        else if (n === 3) hashes[2] = finish(exact, 3);
        else if (n === 4) hashes[3] = finish(exact, 4);
        else if (n === 6) hashes[4] = finish(exact, 5);
        else if (n === 9) hashes[5] = finish(exact, 6);
      }
      shape = mix(shape, lexicon.classOf(lexeme));
      if (n === 3) hashes[6] = finish(shape, 7);
      else if (n === 6) hashes[7] = finish(shape, 8);
      else if (n === 12) hashes[8] = finish(shape, 9);
    }
    const innermost = this.#brackets.at(-1);
    const last = history[historyLength - 1] as number;
    const lastClass = lexicon.classOf(last);
    const opened = this.openedOnLine;
    const ending = mix(mix(mix(opened > 0 ? (innermost?.opener ?? 0) : 0, opened), this.#nextBreak), this.#nextFirst);
    hashes[9] = finish(mix(this.#lineExact, this.#linePosition), 10);
    hashes[10] = finish(mix(this.#lineShape, this.#previousLineShape), 11);
    hashes[11] = finish(mix(mix(mix(innermost?.opener ?? 0, innermost?.callee ?? 0), innermost?.commas ?? 0), lastClass), 12);
    hashes[12] = finish(mix(mix(ending, last), 1), 13);
    hashes[13] = finish(mix(mix(ending, lastClass), 2), 14);
  }
}

/** The hash of context "exact1" after `lexeme`. */
export function hashOfSingle(lexeme: number): number {
  return finish(mix(1, lexeme), 1);
}

function mix(hash: number, value: number): number {
  return Math.imul(hash ^ Math.imul(value + 0x9e37, 0x85ebca6b), 0xc2b2ae35) ^ (hash >>> 13);
}

function finish(hash: number, salt: number): number {
  let h = Math.imul(hash ^ Math.imul(salt, 0x27d4eb2f), 0x165667b1);
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  return (h ^ (h >>> 13)) >>> 0;
}
