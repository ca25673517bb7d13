// One machine, many wishes: decides who computes. A keystroke pre-empts chat, chat pre-empts background work.
// Pre-emption is cooperative: work holds a lease and offers it back between its units (a token, a batch, a file).
import { CancelledError } from "./errors.ts";

/** Higher numbers go first. */
export const PRIORITY = { background: 0, chat: 1, keystroke: 2 } as const;
export type Priority = (typeof PRIORITY)[keyof typeof PRIORITY];

/** The right to compute, held by one piece of work at a time. */
export interface Lease {
  /**
   * Offers the machine to more urgent work and resolves when this work may go on; resolves at once where nobody waits.
   * Rejects with CancelledError when the work's signal is aborted meanwhile.
   */
  yield(): Promise<void>;
}

interface Waiter {
  priority: Priority;
  order: number;
  start: () => void;
}

/** A single computing slot with priorities; equals are served in order of arrival. */
export class Scheduler {
  #waiting: Waiter[] = [];
  #busy = false;
  #order = 0;

  /** Whether work more urgent than `priority` waits. */
  moreUrgentWaits(priority: Priority): boolean {
    return this.#waiting.some((waiter) => waiter.priority > priority);
  }

  /**
   * Runs `work` when its turn comes. An aborted `signal` takes it out of the queue at once;
   * running work must watch its own signal.
   */
  async run<T>(priority: Priority, signal: AbortSignal | undefined, work: (lease: Lease) => Promise<T>): Promise<T> {
    await this.#acquire(priority, signal, false);
    let held = true;
    const lease: Lease = {
      yield: async () => {
        if (!this.moreUrgentWaits(priority)) return;
        held = false;
        this.#release();
        await this.#acquire(priority, signal, true);
        held = true;
      },
    };
    try {
      return await work(lease);
    } finally {
      if (held) this.#release();
    }
  }

  /** `resuming` work goes before its equals: it was there first. */
  #acquire(priority: Priority, signal: AbortSignal | undefined, resuming: boolean): Promise<void> {
    if (signal?.aborted) return Promise.reject(new CancelledError());
    if (!this.#busy && this.#waiting.length === 0) {
      this.#busy = true;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting = this.#waiting.filter((other) => other !== waiter);
        reject(new CancelledError());
      };
      const waiter: Waiter = {
        priority,
        order: resuming ? -1 / ++this.#order : ++this.#order,
        start: () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(waiter);
      if (!this.#busy) this.#next();
    });
  }

  #release(): void {
    this.#busy = false;
    this.#next();
  }

  #next(): void {
    let best: Waiter | undefined;
    for (const waiter of this.#waiting) {
      if (!best || waiter.priority > best.priority || (waiter.priority === best.priority && waiter.order < best.order)) best = waiter;
    }
    if (!best) return;
    this.#waiting = this.#waiting.filter((other) => other !== best);
    this.#busy = true;
    best.start();
  }
}
