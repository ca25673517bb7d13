// In which order units are read: a shuffle for each epoch, drawn from the seed and the epoch alone, so that any position can be
// gone to without replaying what came before.
import { SeededRandom } from "../../base/random.ts";

export class DataOrder {
  readonly #count: number;
  readonly #seed: number;
  #epoch = -1;
  #order = new Uint32Array(0);

  /** `count` units, at least one. */
  constructor(count: number, seed: number) {
    this.#count = count;
    this.#seed = seed;
  }

  /** The numbers of the units at positions `from`, `from + 1`, …; positions count on over epochs. */
  take(from: number, n: number): number[] {
    return Array.from({ length: n }, (_, i) => this.#at(from + i));
  }

  #at(position: number): number {
    const epoch = Math.floor(position / this.#count);
    if (epoch !== this.#epoch) {
      const random = new SeededRandom((this.#seed + Math.imul(epoch + 1, 0x9e3779b9)) | 0);
      const order = Uint32Array.from({ length: this.#count }, (_, i) => i);
      for (let i = this.#count - 1; i > 0; i--) {
        const j = random.integer(i + 1);
        const held = order[i] ?? 0;
        order[i] = order[j] ?? 0;
        order[j] = held;
      }
      this.#order = order;
      this.#epoch = epoch;
    }
    return this.#order[position % this.#count] ?? 0;
  }
}
