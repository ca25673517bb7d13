// Learns the merges of a byte-level BPE tokenizer from text. Does not encode (bpeTokenizer.ts does).
// Source: Sennrich et al. 2016 with incremental pair counts; a heap whose entries are checked when they surface.
import { bytesToAlphabet } from "./byteAlphabet.ts";
import type { TokenizerData } from "./bpeTokenizer.ts";
import { preTokenize } from "./preTokenizer.ts";
import { specialTokens, type SpecialToken } from "./specialTokens.ts";

export interface BpeTrainerOptions {
  /** Tokens in all, special ones and the 256 bytes included; at most 65,536. */
  nVocab: number;
  /** A piece counts only if it occurs in at least this many groups (packages), so that no package's own names become tokens. */
  minGroups: number;
  /** Longest token in bytes; white space may reach `maxIndentBytes`. */
  maxTokenBytes: number;
  maxIndentBytes: number;
}

const defaults: BpeTrainerOptions = { nVocab: 8192, minGroups: 3, maxTokenBytes: 20, maxIndentBytes: 33 };

interface PieceCount {
  count: number;
  nGroups: number;
  lastGroup: number;
}

/** Collects pieces of documents, then learns. Same documents in the same order give the same tokenizer. */
export class BpeTrainer {
  readonly #options: BpeTrainerOptions;
  readonly #pieces = new Map<string, PieceCount>();
  readonly #groups = new Map<string, number>();

  constructor(options: Partial<BpeTrainerOptions> = {}) {
    this.#options = { ...defaults, ...options };
  }

  /** Counts the pieces of a document that belongs to `group`. Documents of a group should come together. */
  add(text: string, group: string): void {
    let id = this.#groups.get(group);
    if (id === undefined) this.#groups.set(group, (id = this.#groups.size));
    for (const piece of preTokenize(text)) {
      if (piece.length > 64) continue;
      const known = this.#pieces.get(piece);
      if (known === undefined) this.#pieces.set(piece, { count: 1, nGroups: 1, lastGroup: id });
      else {
        known.count++;
        if (known.lastGroup !== id) {
          known.lastGroup = id;
          known.nGroups++;
        }
      }
    }
  }

  train(): TokenizerData {
    const { nVocab, minGroups, maxTokenBytes, maxIndentBytes } = this.#options;
    const utf8 = new TextEncoder();
    const nSpecial = specialTokens.length;
    const tokens: string[] = [...specialTokens];
    const lengths: number[] = specialTokens.map(() => 0);
    const isIndent: boolean[] = specialTokens.map(() => false);
    for (let byte = 0; byte < 256; byte++) {
      tokens.push(bytesToAlphabet(Uint8Array.of(byte)));
      lengths.push(1);
      isIndent.push(byte === 9 || byte === 10 || byte === 32);
    }
    const words: number[][] = [];
    const counts: number[] = [];
    for (const [piece, { count, nGroups }] of this.#pieces) {
      if (nGroups < minGroups) continue;
      words.push(Array.from(utf8.encode(piece), (byte) => nSpecial + byte));
      counts.push(count);
    }

    const pairCounts = new Map<number, number>();
    const wordsOf = new Map<number, Set<number>>();
    const change = (left: number, right: number, word: number, by: number): number => {
      const pair = left * 65536 + right;
      pairCounts.set(pair, (pairCounts.get(pair) ?? 0) + by);
      if (by > 0) {
        const set = wordsOf.get(pair);
        if (set === undefined) wordsOf.set(pair, new Set([word]));
        else set.add(word);
      }
      return pair;
    };
    words.forEach((word, w) => {
      for (let i = 0; i + 1 < word.length; i++) change(word[i] as number, word[i + 1] as number, w, counts[w] as number);
    });
    const heap = new PairHeap();
    for (const [pair, count] of pairCounts) heap.push(pair, count);

    const merges: string[] = [];
    while (tokens.length < nVocab) {
      const top = heap.pop();
      if (top === undefined) break;
      const current = pairCounts.get(top.pair) ?? 0;
      if (current !== top.count) {
        // Counts that grew were pushed again when they did; one that shrank returns with its true count.
        if (current > 0 && current < top.count) heap.push(top.pair, current);
        continue;
      }
      if (current < 2) break;
      const left = Math.floor(top.pair / 65536);
      const right = top.pair % 65536;
      const length = (lengths[left] as number) + (lengths[right] as number);
      const indent = (isIndent[left] as boolean) && (isIndent[right] as boolean);
      if (length > (indent ? maxIndentBytes : maxTokenBytes)) {
        pairCounts.delete(top.pair);
        continue;
      }
      const merged = tokens.length;
      tokens.push((tokens[left] as string) + (tokens[right] as string));
      lengths.push(length);
      isIndent.push(indent);
      merges.push(`${tokens[left] as string} ${tokens[right] as string}`);
      const touched = new Set<number>();
      for (const w of wordsOf.get(top.pair) ?? []) {
        const word = words[w] as number[];
        const count = counts[w] as number;
        for (let i = 0; i + 1 < word.length; i++) {
          if (word[i] !== left || word[i + 1] !== right) continue;
          if (i > 0) {
            change(word[i - 1] as number, left, w, -count);
            touched.add(change(word[i - 1] as number, merged, w, count));
          }
          if (i + 2 < word.length) {
            change(right, word[i + 2] as number, w, -count);
            touched.add(change(merged, word[i + 2] as number, w, count));
          }
          word.splice(i, 2, merged);
        }
      }
      pairCounts.delete(top.pair);
      wordsOf.delete(top.pair);
      for (const pair of touched) {
        const count = pairCounts.get(pair) ?? 0;
        if (count > 0) heap.push(pair, count);
      }
    }
    const special = Object.fromEntries(specialTokens.map((token, id) => [token, id])) as Record<SpecialToken, number>;
    return { tokens, merges, special };
  }
}

/** Largest count first; equal counts by the smaller pair, so that training is deterministic. */
class PairHeap {
  readonly #pairs: number[] = [];
  readonly #counts: number[] = [];

  push(pair: number, count: number): void {
    let i = this.#pairs.length;
    this.#pairs.push(pair);
    this.#counts.push(count);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#before(i, parent)) break;
      this.#swap(i, parent);
      i = parent;
    }
  }

  pop(): { pair: number; count: number } | undefined {
    const n = this.#pairs.length;
    if (n === 0) return undefined;
    this.#swap(0, n - 1);
    const pair = this.#pairs.pop() as number;
    const count = this.#counts.pop() as number;
    let i = 0;
    for (;;) {
      const left = 2 * i + 1;
      if (left >= n - 1) break;
      const child = left + 1 < n - 1 && this.#before(left + 1, left) ? left + 1 : left;
      if (!this.#before(child, i)) break;
      this.#swap(i, child);
      i = child;
    }
    return { pair, count };
  }

  #before(i: number, j: number): boolean {
    const a = this.#counts[i] as number;
    const b = this.#counts[j] as number;
    return a > b || (a === b && (this.#pairs[i] as number) < (this.#pairs[j] as number));
  }

  #swap(i: number, j: number): void {
    [this.#pairs[i], this.#pairs[j]] = [this.#pairs[j] as number, this.#pairs[i] as number];
    [this.#counts[i], this.#counts[j]] = [this.#counts[j] as number, this.#counts[i] as number];
  }
}
