// How long to wait after a keystroke before asking for a completion: adapts to the user's typing, to acceptance and to the
// engine's speed. Pure arithmetic on times that are handed in; no clock, no VS Code.

/** Bounds in milliseconds; our choice, within what people perceive as immediate. */
const shortestMs = 25;
const longestMs = 250;

export class AdaptiveDebounce {
  #lastKeyAt = -Infinity;
  /** Running mean of the time between keystrokes while typing. */
  #typingMs = 160;
  #engineMs = 60;
  /** Running mean of acceptance in [0, 1]. */
  #acceptance = 0.3;

  /** A keystroke at `now`. */
  keystroke(now: number): void {
    const between = now - this.#lastKeyAt;
    this.#lastKeyAt = now;
    // A pause is thinking, not typing.
    if (between < 1_000) this.#typingMs = 0.8 * this.#typingMs + 0.2 * between;
  }

  /** A request took this long. Answers from the cache do not count: they say nothing of the engine. */
  answered(milliseconds: number): void {
    this.#engineMs = 0.7 * this.#engineMs + 0.3 * milliseconds;
  }

  outcome(accepted: boolean): void {
    this.#acceptance = 0.9 * this.#acceptance + (accepted ? 0.1 : 0);
  }

  /**
   * Milliseconds to wait. A quick engine is asked almost at once; a slow one only when the typist has likely stopped,
   * and sooner for users who take what is offered.
   */
  delay(): number {
    if (this.#engineMs < 20) return shortestMs;
    const patience = Math.min(1, this.#engineMs / 200);
    const stopped = 0.6 * this.#typingMs * patience * (1.3 - this.#acceptance);
    return Math.round(Math.min(longestMs, Math.max(shortestMs, stopped)));
  }
}
