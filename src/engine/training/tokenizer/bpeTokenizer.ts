// Byte-level BPE: text to token ids and back, identical to llama.cpp with pre-tokenizer "starcoder".
// Does not learn merges (bpeTrainer.ts does) and never turns text into special tokens.
import { alphabetToBytes, bytesToAlphabet } from "./byteAlphabet.ts";
import { preTokenize } from "./preTokenizer.ts";
import type { SpecialToken } from "./specialTokens.ts";

/** What tokenizer.json holds. */
export interface TokenizerData {
  /** Token text by id, in GPT-2's byte alphabet; special tokens as they are written. */
  tokens: string[];
  /** Merges in order of rank, each `left right` in the byte alphabet. */
  merges: string[];
  /** Ids of the special tokens. */
  special: Record<SpecialToken, number>;
}

/** Pieces whose encoding is kept; code repeats so much that a small cache answers nearly all. */
const maxCachedPieces = 150_000;
/** Longer pieces are rare and would fill the cache with text that never returns. */
const maxCachedLength = 48;

export class BpeTokenizer {
  readonly special: Readonly<Record<SpecialToken, number>>;
  readonly nVocab: number;
  readonly #tokens: readonly string[];
  readonly #byteIds = new Uint16Array(256);
  /** left · nVocab + right → rank · nVocab + merged id. */
  readonly #ranks = new Map<number, number>();
  readonly #cache = new Map<string, Uint16Array>();
  readonly #bytesOf: (Uint8Array | undefined)[] = [];
  readonly #utf8 = new TextEncoder();

  /** Throws RangeError where merges and tokens do not fit together. At most 65,536 tokens. */
  constructor(data: TokenizerData) {
    this.#tokens = data.tokens;
    this.nVocab = data.tokens.length;
    this.special = data.special;
    const idOf = new Map<string, number>();
    const specialIds = new Set<number>(Object.values(data.special));
    data.tokens.forEach((token, id) => {
      if (!specialIds.has(id)) idOf.set(token, id);
    });
    const need = (token: string): number => {
      const id = idOf.get(token);
      if (id === undefined) throw new RangeError(`The tokenizer has a merge or byte ${JSON.stringify(token)} that is not among its ${this.nVocab} tokens.`);
      return id;
    };
    for (let byte = 0; byte < 256; byte++) this.#byteIds[byte] = need(bytesToAlphabet(Uint8Array.of(byte)));
    data.merges.forEach((merge, rank) => {
      const space = merge.indexOf(" ");
      const left = merge.slice(0, space);
      const right = merge.slice(space + 1);
      this.#ranks.set(need(left) * this.nVocab + need(right), rank * this.nVocab + need(left + right));
    });
  }

  /** Token ids of `text`. Lone surrogates become U+FFFD, as UTF-8 requires. */
  encode(text: string): Uint16Array {
    let out = new Uint16Array(Math.max(16, text.length >> 1));
    let n = 0;
    for (const piece of preTokenize(text)) {
      const ids = this.#encodePiece(piece);
      if (n + ids.length > out.length) {
        const wider = new Uint16Array(Math.max(out.length * 2, n + ids.length));
        wider.set(out);
        out = wider;
      }
      out.set(ids, n);
      n += ids.length;
    }
    return out.slice(0, n);
  }

  /** The bytes that `ids` stand for; special tokens stand for none. */
  decodeBytes(ids: Iterable<number>): Uint8Array {
    const parts: Uint8Array[] = [];
    for (const id of ids) parts.push(this.bytesOf(id));
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  /** The text that `ids` stand for; bytes that are no UTF-8 become U+FFFD. */
  decode(ids: Iterable<number>): string {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.decodeBytes(ids));
  }

  /** The bytes of one token; empty for special tokens. */
  bytesOf(id: number): Uint8Array {
    const known = this.#bytesOf[id];
    if (known !== undefined) return known;
    const token = this.#tokens[id];
    if (token === undefined) throw new RangeError(`Token ${id} is outside the vocabulary of ${this.nVocab}.`);
    const bytes = this.special[token as SpecialToken] === id ? new Uint8Array(0) : alphabetToBytes(token);
    this.#bytesOf[id] = bytes;
    return bytes;
  }

  #encodePiece(piece: string): Uint16Array {
    const cached = this.#cache.get(piece);
    if (cached !== undefined) return cached;
    const bytes = this.#utf8.encode(piece);
    const symbols: number[] = Array.from(bytes, (byte) => this.#byteIds[byte] as number);
    const ids = symbols.length > 256 ? this.#mergeLong(symbols) : this.#mergeShort(symbols);
    if (piece.length <= maxCachedLength) {
      // Dropping everything is simpler than ageing, and refilling costs milliseconds.
      if (this.#cache.size >= maxCachedPieces) this.#cache.clear();
      this.#cache.set(piece, ids);
    }
    return ids;
  }

  #mergeShort(symbols: number[]): Uint16Array {
    for (;;) {
      let best = Infinity;
      let at = -1;
      for (let i = 0; i + 1 < symbols.length; i++) {
        const found = this.#ranks.get((symbols[i] as number) * this.nVocab + (symbols[i + 1] as number));
        if (found !== undefined && found < best) {
          best = found;
          at = i;
        }
      }
      if (at < 0) return Uint16Array.from(symbols);
      symbols.splice(at, 2, best % this.nVocab);
    }
  }

  /** As {@link #mergeShort} with a queue: long pieces (a base64 string, a ruler of dashes) would take quadratic time. */
  #mergeLong(symbols: number[]): Uint16Array {
    const next = symbols.map((_, i) => i + 1);
    const previous = symbols.map((_, i) => i - 1);
    // Positions wait in one bucket per rank; the lowest rank is served first, positions in it from the left.
    const buckets = new Map<number, number[]>();
    const ranksWaiting: number[] = [];
    const offer = (i: number): void => {
      const j = next[i] as number;
      if (j >= symbols.length) return;
      const found = this.#ranks.get((symbols[i] as number) * this.nVocab + (symbols[j] as number));
      if (found === undefined) return;
      const bucket = buckets.get(found);
      if (bucket !== undefined) bucket.push(i);
      else {
        buckets.set(found, [i]);
        let low = 0;
        let high = ranksWaiting.length;
        while (low < high) {
          const mid = (low + high) >> 1;
          if ((ranksWaiting[mid] as number) > found) low = mid + 1;
          else high = mid;
        }
        ranksWaiting.splice(low, 0, found);
      }
    };
    for (let i = 0; i < symbols.length; i++) offer(i);
    while (ranksWaiting.length > 0) {
      const found = ranksWaiting[ranksWaiting.length - 1] as number;
      const bucket = buckets.get(found) as number[];
      buckets.delete(found);
      ranksWaiting.pop();
      for (const i of bucket.sort((a, b) => a - b)) {
        const j = next[i] as number;
        if (symbols[i] === -1 || j >= symbols.length) continue;
        if (this.#ranks.get((symbols[i] as number) * this.nVocab + (symbols[j] as number)) !== found) continue;
        symbols[i] = found % this.nVocab;
        symbols[j] = -1;
        next[i] = next[j] as number;
        if ((next[i]) < symbols.length) previous[next[i]] = i;
        offer(i);
        if ((previous[i] as number) >= 0) offer(previous[i] as number);
      }
    }
    return Uint16Array.from(symbols.filter((symbol) => symbol >= 0));
  }
}
