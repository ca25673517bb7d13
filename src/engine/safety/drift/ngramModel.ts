// Surprisal of token sequences under an interpolated n-gram model with absolute discounting, counted from a workspace's own
// files. The counts of single files can be left out exactly, so that a file is judged as if it had not been seen.
// Source: Ney, Essen & Kneser 1994; Chen & Goodman 1999, section 2.7. It does not cut text into tokens.

/** Counts of one file by n-gram, to be left out; made by {@link NgramModel.add}. */
export interface FileCounts {
  readonly count: ReadonlyMap<number, number>;
  /** By context: continuations that no other file has. */
  readonly gone: ReadonlyMap<number, number>;
}

/** Share of the mass of a seen continuation that goes to shorter contexts; 0.75 is the usual value of bigram models. */
const DISCOUNT = 0.75;
const ROOT = 0;

export class NgramModel {
  readonly order: number;
  readonly #words = new Map<string, number>();
  /** A trie: (node, word) → child. Open addressing over (parent, word) pairs. */
  #table = new Int32Array(1 << 12);
  #parents = new Int32Array(1 << 10);
  #labels = new Int32Array(1 << 10);
  #counts = new Int32Array(1 << 10);
  /** Of a node as a context: tokens that followed it, and different ones. */
  #followed = new Int32Array(1 << 10);
  #kinds = new Int32Array(1 << 10);
  #size = 1;

  constructor(order: number) {
    this.order = order;
  }

  /** Different tokens seen. */
  get vocabulary(): number {
    return this.#words.size;
  }

  /** Tokens counted. */
  get tokens(): number {
    return this.#followed[ROOT]!;
  }

  /** Counts one file's tokens and returns what {@link surprisal} needs to leave it out again. */
  add(tokens: readonly string[]): { readonly ids: Int32Array } {
    const ids = Int32Array.from(tokens, (token) => this.#intern(token));
    this.#walk(ids, (context, word) => {
      const child = this.#childOrNew(context, word);
      if (this.#counts[child]!++ === 0) this.#kinds[context]!++;
      this.#followed[context]!++;
    });
    return { ids };
  }

  /** What the file of these ids added, once all files are counted. */
  countsOf({ ids }: { readonly ids: Int32Array }): FileCounts {
    const count = new Map<number, number>(), gone = new Map<number, number>(), contexts = new Map<number, number>();
    this.#walk(ids, (context, word) => {
      const child = this.#child(context, word);
      const seen = (count.get(child) ?? 0) + 1;
      count.set(child, seen);
      contexts.set(context, (contexts.get(context) ?? 0) + 1);
      if (seen === this.#counts[child]) gone.set(context, (gone.get(context) ?? 0) + 1);
    });
    // Tokens that followed a context are kept apart from how often the context itself stood: its negative number is the key.
    for (const [context, followed] of contexts) count.set(-1 - context, followed);
    return { count, gone };
  }

  /** How often `token` was seen in files other than the one left out. */
  seen(token: string, without?: FileCounts): number {
    const word = this.#words.get(token);
    if (word === undefined) return 0;
    const node = this.#child(ROOT, word);
    return node < 0 ? 0 : this.#counts[node]! - (without?.count.get(node) ?? 0);
  }

  /** −log₂ p of each token given those before it, in bits. */
  surprisal(tokens: readonly string[], without?: FileCounts): Float64Array {
    const ids = tokens.map((token) => this.#words.get(token) ?? -1);
    const uniform = 1 / (this.#words.size + 1);
    const bits = new Float64Array(ids.length);
    for (let at = 0; at < ids.length; at++) {
      let p = uniform;
      for (let length = 0; length < this.order; length++) {
        if (length > at) break;
        const context = this.#contextOf(ids, at, length);
        if (context < 0) break;
        const followed = this.#followed[context]! - (without?.count.get(-1 - context) ?? 0);
        if (followed <= 0) break;
        const kinds = this.#kinds[context]! - (without?.gone.get(context) ?? 0);
        const child = ids[at]! < 0 ? -1 : this.#child(context, ids[at]!);
        const count = child < 0 ? 0 : this.#counts[child]! - (without?.count.get(child) ?? 0);
        p = Math.max(0, count - DISCOUNT) / followed + DISCOUNT * kinds / followed * p;
      }
      bits[at] = -Math.log2(Math.max(p, 1e-12));
    }
    return bits;
  }

  /** The node of the `length` tokens before `at`; −1 where they were never seen together. */
  #contextOf(ids: readonly number[], at: number, length: number): number {
    let node = ROOT;
    for (let i = at - length; i < at; i++) {
      if (ids[i]! < 0) return -1;
      node = this.#child(node, ids[i]!);
      if (node < 0) return -1;
    }
    return node;
  }

  /** Each token with each of its contexts, shortest first. */
  #walk(ids: Int32Array, visit: (context: number, word: number) => void): void {
    for (let from = 0; from < ids.length; from++) {
      let node = ROOT;
      // n-grams that begin here: each is the continuation of the one before it.
      for (let at = from; at < ids.length && at < from + this.order; at++) {
        visit(node, ids[at]!);
        node = this.#child(node, ids[at]!);
      }
    }
  }

  #intern(token: string): number {
    const known = this.#words.get(token);
    if (known !== undefined) return known;
    const id = this.#words.size;
    this.#words.set(token, id);
    return id;
  }

  #child(parent: number, word: number): number {
    const mask = this.#table.length - 1;
    for (let slot = hash(parent, word) & mask; ; slot = (slot + 1) & mask) {
      const node = this.#table[slot]!;
      if (node === 0) return -1;
      if (this.#parents[node] === parent && this.#labels[node] === word) return node;
    }
  }

  #childOrNew(parent: number, word: number): number {
    const known = this.#child(parent, word);
    if (known >= 0) return known;
    if (this.#size >= this.#parents.length) this.#grow();
    const node = this.#size++;
    this.#parents[node] = parent;
    this.#labels[node] = word;
    if (this.#size * 2 > this.#table.length) this.#rehash();
    else this.#place(node);
    return node;
  }

  #place(node: number): void {
    const mask = this.#table.length - 1;
    let slot = hash(this.#parents[node]!, this.#labels[node]!) & mask;
    while (this.#table[slot] !== 0) slot = (slot + 1) & mask;
    this.#table[slot] = node;
  }

  #rehash(): void {
    this.#table = new Int32Array(this.#table.length * 2);
    for (let node = 1; node < this.#size; node++) this.#place(node);
  }

  #grow(): void {
    const larger = (array: Int32Array): Int32Array<ArrayBuffer> => {
      const copy = new Int32Array(array.length * 2);
      copy.set(array);
      return copy;
    };
    this.#parents = larger(this.#parents);
    this.#labels = larger(this.#labels);
    this.#counts = larger(this.#counts);
    this.#followed = larger(this.#followed);
    this.#kinds = larger(this.#kinds);
  }
}

function hash(parent: number, word: number): number {
  let h = Math.imul(parent, 0x9e3779b1) ^ Math.imul(word + 1, 0x85ebca6b);
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  return h ^ (h >>> 13);
}
