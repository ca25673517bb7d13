// Recognises text that was redacted, wherever it turns up again: in an answer, a completion, a log. Keeps salted hashes of its
// pieces in memory only, so that nobody learns the text from here.
import { createHmac, randomBytes } from "node:crypto";

/** Characters of a piece. Shorter secrets are not recognised; a piece this long is not met by chance. */
const PIECE = 12;
/** Redacted values remembered, the latest last. */
const MOST_VALUES = 500;
const LONGEST_TEXT = 200_000;
/** Pieces of a value that are hashed: all of a key, the beginning of a long one. */
const MOST_PIECES = 256;

export class RedactedPrints {
  readonly #salt = randomBytes(32);
  readonly #pieces = new Set<string>();
  readonly #order: string[][] = [];

  /** Remembers a value that was taken out. */
  add(value: string): void {
    const plain = value.replace(/\s+/g, "");
    if (plain.length < PIECE) return;
    const pieces: string[] = [];
    for (let i = 0; i + PIECE <= plain.length && pieces.length < MOST_PIECES; i++) pieces.push(this.#hash(plain.slice(i, i + PIECE)));
    if (pieces.every((piece) => this.#pieces.has(piece))) return;
    for (const piece of pieces) this.#pieces.add(piece);
    this.#order.push(pieces);
    if (this.#order.length > MOST_VALUES) for (const piece of this.#order.shift() ?? []) this.#pieces.delete(piece);
  }

  get size(): number {
    return this.#order.length;
  }

  /** Where pieces of redacted values stand in `text`, whatever white space or invisible characters were put between. */
  find(text: string): { start: number; end: number }[] {
    if (this.#pieces.size === 0) return [];
    const offsets: number[] = [];
    let plain = "";
    const scanned = text.slice(0, LONGEST_TEXT);
    for (let i = 0; i < scanned.length; i++) {
      const character = scanned.charAt(i);
      if (/[\s\u200b-\u200f\u2060\ufeff\u00ad]/.test(character)) continue;
      plain += character;
      offsets.push(i);
    }
    const found: { start: number; end: number }[] = [];
    for (let i = 0; i + PIECE <= plain.length; i++) {
      const piece = plain.slice(i, i + PIECE);
      // Keys have no sentences in them: most windows of prose are told by this and need no hash.
      if (!/[0-9A-Z_+/=-]/.test(piece) || /^[a-z]+$/.test(piece)) continue;
      if (!this.#pieces.has(this.#hash(piece))) continue;
      const start = offsets[i] ?? 0;
      const end = (offsets[i + PIECE - 1] ?? start) + 1;
      const last = found.at(-1);
      if (last && start <= last.end) last.end = end;
      else found.push({ start, end });
    }
    return found;
  }

  #hash(piece: string): string {
    return createHmac("sha256", this.#salt).update(piece).digest("base64").slice(0, 12);
  }
}
