// Remembers where each context occurred: lexemes in one array, and per context a hash chain through it, newest first.
// It counts nothing and weighs nothing (lexemePredictor.ts does). Structure as in LZ77 match finders (zlib's deflate.c).
import { ContextTracker, N_CONTEXTS } from "./contextTracker.ts";
import type { LexedText } from "./lexer.ts";
import { LEXEME, type Lexicon } from "./lexicon.ts";

/**
 * One record per lexeme, so that a step along a chain touches one or two cache lines and not five arrays:
 * lexeme and gap, text, a check byte per context, a link per context. In 32-bit words.
 */
const checksAt = 2;
const linksAt = checksAt + Math.ceil(N_CONTEXTS / 4);
const recordWords = linksAt + N_CONTEXTS;

/** How the line after a text begins: the line break before it and its first two lexemes, 0 where there are none. */
export interface NextLine {
  lineBreak: number;
  first: number;
  second: number;
}

/** Lexemes of many texts with chains per context. Positions are stable until {@link clear}. */
export class ContextIndex {
  readonly lexicon: Lexicon;
  readonly capacity: number;
  readonly #headMask: number;
  readonly #heads: Int32Array;
  #records: Int32Array;
  /** The same memory by bytes. */
  #bytes: Uint8Array;
  #length = 0;
  #undo: { length: number; slots: number[]; heads: number[] } | null = null;

  /** `capacity`: most lexemes; `headBits`: log2 of chain heads per context. Memory grows with use, up to the capacity. */
  constructor(lexicon: Lexicon, capacity: number, headBits: number, initial = Math.min(capacity, 1 << 14)) {
    this.lexicon = lexicon;
    this.capacity = capacity;
    this.#headMask = (1 << headBits) - 1;
    this.#heads = new Int32Array(N_CONTEXTS << headBits).fill(-1);
    this.#records = new Int32Array(initial * recordWords);
    this.#bytes = new Uint8Array(this.#records.buffer);
  }

  /** Bytes held, heads included. */
  get bytes(): number {
    return this.#records.byteLength + this.#heads.byteLength;
  }

  get length(): number {
    return this.#length;
  }

  clear(): void {
    this.#length = 0;
    this.#heads.fill(-1);
    this.#undo = null;
  }

  /** From now on additions can be taken back by {@link rollback}. */
  mark(): void {
    this.#undo = { length: this.#length, slots: [], heads: [] };
  }

  /** Takes back what was added since {@link mark}, and the mark. */
  rollback(): void {
    const undo = this.#undo;
    if (!undo) return;
    for (let i = undo.slots.length - 1; i >= 0; i--) this.#heads[undo.slots[i] as number] = undo.heads[i] as number;
    this.#length = undo.length;
    this.#undo = null;
  }

  /**
   * Appends a text and returns how many of its lexemes fitted. `tracker` goes on from where it stands; `next` says what
   * follows the last line where the text itself does not.
   */
  add(text: number, lexed: LexedText, tracker = new ContextTracker(this.lexicon), next?: NextLine): number {
    const { ids, gaps, lineStarts } = lexed;
    const count = Math.min(ids.length, this.capacity - this.#length);
    this.#reserve(this.#length + count);
    let line = 0;
    for (let i = 0; i < count; i++) {
      if (i === lineStarts[line]) {
        const following = lineStarts[line + 1];
        if (following !== undefined) tracker.setNextLine(ids[following - 1] as number, ids[following] ?? 0, ids[following + 1] ?? 0);
        else tracker.setNextLine(next?.lineBreak ?? LEXEME.lineSame, next?.first ?? 0, next?.second ?? 0);
        line++;
        // Blank open lines start where their successor does.
        while (lineStarts[line] === i) line++;
      }
      tracker.computeHashes();
      this.#link(tracker.hashes);
      const at = this.#length++;
      this.#records[at * recordWords] = (ids[i] as number) * 4 + (gaps[i] as number);
      this.#records[at * recordWords + 1] = text;
      tracker.push(ids[i] as number);
    }
    return count;
  }

  /** The newest position of a context's chain, or -1. */
  head(context: number, hash: number): number {
    return this.#heads[context * (this.#headMask + 1) + (hash & this.#headMask)] as number;
  }

  /** The position before `at` on a context's chain, or -1. */
  previous(at: number, context: number): number {
    return this.#records[at * recordWords + linksAt + context] as number;
  }

  /** Eight bits of the context's hash, to tell chains that share a head apart; compare with `hash >>> 24`. */
  check(at: number, context: number): number {
    return this.#bytes[(at * recordWords + checksAt) * 4 + context] as number;
  }

  lexeme(at: number): number {
    return (this.#records[at * recordWords] as number) >> 2;
  }

  gap(at: number): number {
    return (this.#records[at * recordWords] as number) & 3;
  }

  /** Number of the text that a position belongs to, as given to {@link add}. */
  text(at: number): number {
    return this.#records[at * recordWords + 1] as number;
  }

  #link(hashes: Uint32Array): void {
    const at = this.#length;
    const links = at * recordWords + linksAt;
    const checks = (at * recordWords + checksAt) * 4;
    const heads = this.#headMask + 1;
    const undo = this.#undo;
    for (let context = 0; context < N_CONTEXTS; context++) {
      const hash = hashes[context] as number;
      const slot = context * heads + (hash & this.#headMask);
      this.#records[links + context] = this.#heads[slot] as number;
      this.#bytes[checks + context] = hash >>> 24;
      if (undo) {
        undo.slots.push(slot);
        undo.heads.push(this.#heads[slot] as number);
      }
      this.#heads[slot] = at;
    }
  }

  #reserve(length: number): void {
    const held = this.#records.length / recordWords;
    if (length <= held) return;
    const size = Math.min(this.capacity, Math.max(length, Math.ceil(held * 1.5)));
    const records = new Int32Array(size * recordWords);
    records.set(this.#records);
    this.#records = records;
    this.#bytes = new Uint8Array(records.buffer);
  }
}
