// The time that a check may take. Nothing can interrupt a loop from outside, so long loops ask; what is late is not checked.
import { EngineError } from "../base/errors.ts";

/** Thrown where a check's time is over. Its verdict is then "not checked", never "passed". */
export class DeadlinePassed extends Error {
  constructor(ms: number) {
    super(`not done within ${ms} ms`);
    this.name = "DeadlinePassed";
  }
}

/** Thrown by a detector that cannot judge a text for another reason; `message` ends the sentence "Not checked: …". */
export class CannotJudge extends EngineError {
  constructor(why: string) {
    super("badRequest", why);
    this.name = "CannotJudge";
  }
}

export class Deadline {
  readonly ms: number;
  readonly #at: number;

  constructor(ms: number) {
    this.ms = ms;
    this.#at = performance.now() + ms;
  }

  get passed(): boolean {
    return performance.now() > this.#at;
  }

  /** Throws {@link DeadlinePassed} once the time is over. A call costs about 50 ns: ask once a line or a chunk, not a character. */
  check(): void {
    if (this.passed) throw new DeadlinePassed(this.ms);
  }
}
