// Ends streamed text where a stop text comes, without ever showing a part of it. It knows no tokens.

/** Passes text on, holding back what may be the beginning of a stop text, and swallows the stop text and all after it. */
export class StopTextStream {
  readonly #stops: readonly string[];
  readonly #onText: (piece: string) => void;
  #held = "";
  #stopped = false;
  text = "";

  constructor(stops: readonly string[], onText: (piece: string) => void) {
    this.#stops = stops;
    this.#onText = onText;
  }

  /** Whether a stop text has come. */
  push(piece: string): boolean {
    if (this.#stopped) return true;
    this.#held += piece;
    const at = Math.min(...this.#stops.map((stop) => this.#held.indexOf(stop)).filter((i) => i !== -1));
    if (Number.isFinite(at)) {
      this.#emit(this.#held.slice(0, at));
      this.#held = "";
      this.#stopped = true;
      return true;
    }
    const kept = Math.max(0, ...this.#stops.map((stop) => overlap(this.#held, stop)));
    this.#emit(this.#held.slice(0, this.#held.length - kept));
    this.#held = this.#held.slice(this.#held.length - kept);
    return false;
  }

  flush(): void {
    if (!this.#stopped) this.#emit(this.#held);
    this.#held = "";
  }

  #emit(piece: string): void {
    if (piece === "") return;
    this.text += piece;
    this.#onText(piece);
  }
}

/** The length of the longest end of `text` that is a beginning of `stop`. */
function overlap(text: string, stop: string): number {
  for (let n = Math.min(text.length, stop.length - 1); n > 0; n--) {
    if (text.endsWith(stop.slice(0, n))) return n;
  }
  return 0;
}
