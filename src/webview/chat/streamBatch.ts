// Gathers messages that arrive between two frames, so that a fast stream costs one render per frame, not one per token.
import type { HostMessage } from "../protocol.ts";

/** Joins neighbouring prose of the same turn; order is kept otherwise. */
export function joinProse(messages: readonly HostMessage[]): HostMessage[] {
  const joined: HostMessage[] = [];
  for (const message of messages) {
    const last = joined.at(-1);
    if (
      message.type === "turnEvent" && message.event.type === "prose" &&
      last?.type === "turnEvent" && last.event.type === "prose" && last.turnId === message.turnId
    ) {
      joined[joined.length - 1] = { ...last, event: { type: "prose", text: last.event.text + message.event.text } };
    } else {
      joined.push(message);
    }
  }
  return joined;
}

export class StreamBatch {
  #waiting: HostMessage[] = [];
  #scheduled = false;
  readonly #deliver: (messages: HostMessage[]) => void;
  readonly #schedule: (flush: () => void) => void;

  constructor(deliver: (messages: HostMessage[]) => void, schedule: (flush: () => void) => void) {
    this.#deliver = deliver;
    this.#schedule = schedule;
  }

  push(message: HostMessage): void {
    this.#waiting.push(message);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#schedule(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    const messages = joinProse(this.#waiting);
    this.#waiting = [];
    this.#deliver(messages);
  }
}
