// Turns generated tokens into text as they come, never showing half of a character.
import type { LlamaModel, Token } from "node-llama-cpp";

/** The part of a model that this needs. */
export type Detokenizer = Pick<LlamaModel, "detokenize">;

/** Most tokens that one character can be split over (4 bytes of UTF-8), with room for joined emoji pieces. */
const LONGEST_CHARACTER_TOKENS = 8;
/** Tokens before the pending ones that a tokenizer may need to see to place spaces. */
const CONTEXT_TOKENS = 8;

/** Collects tokens; `text` is all whole characters so far. */
export class TokenText {
  readonly #model: Detokenizer;
  #done: Token[] = [];
  #pending: Token[] = [];
  #text = "";

  constructor(model: Detokenizer) {
    this.#model = model;
  }

  get text(): string {
    return this.#text;
  }

  /** Adds a token and returns the characters that it completed, possibly none. */
  push(token: Token): string {
    this.#pending.push(token);
    const piece = this.#model.detokenize(this.#pending, false, this.#done.slice(-CONTEXT_TOKENS));
    if (piece.endsWith("\uFFFD") && this.#pending.length < LONGEST_CHARACTER_TOKENS) return "";
    return this.#take(piece);
  }

  /** What is left at the end, as replacement characters where it is not whole. */
  finish(): string {
    return this.#pending.length === 0 ? "" : this.#take(this.#model.detokenize(this.#pending, false, this.#done.slice(-CONTEXT_TOKENS)));
  }

  #take(piece: string): string {
    this.#done = [...this.#done, ...this.#pending].slice(-CONTEXT_TOKENS);
    this.#pending = [];
    this.#text += piece;
    return piece;
  }
}
