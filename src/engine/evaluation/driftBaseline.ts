// What a check of drift must beat: words in common. One minus the cosine of TF-IDF vectors to the nearest own file (Salton &
// Buckley 1988), over the words of names, strings and comments, which is stronger than over whole tokens or to the mean file.

export class LexicalBaseline {
  readonly #documents = new Map<string, number>();
  readonly #files: { readonly vector: ReadonlyMap<string, number>; readonly length: number }[];
  readonly #n: number;

  constructor(texts: readonly string[]) {
    this.#n = texts.length;
    const bags = texts.map(wordsOf);
    for (const bag of bags) for (const word of bag.keys()) this.#documents.set(word, (this.#documents.get(word) ?? 0) + 1);
    this.#files = bags.map((bag) => this.#vector(bag));
  }

  /** In [0, 1]: 0 for the words of an own file. */
  distance(text: string): number {
    const { vector, length } = this.#vector(wordsOf(text));
    let nearest = 0;
    for (const file of this.#files) {
      let product = 0;
      for (const [word, weight] of vector) product += weight * (file.vector.get(word) ?? 0);
      nearest = Math.max(nearest, product / (length * file.length || 1));
    }
    return 1 - nearest;
  }

  #vector(bag: ReadonlyMap<string, number>): { vector: Map<string, number>; length: number } {
    const vector = new Map([...bag].map(([word, count]) => [word, (1 + Math.log(count)) * Math.log((this.#n + 1) / ((this.#documents.get(word) ?? 0) + 0.5))]));
    return { vector, length: Math.sqrt([...vector.values()].reduce((sum, weight) => sum + weight * weight, 0)) };
  }
}

function wordsOf(text: string): Map<string, number> {
  const bag = new Map<string, number>();
  for (const word of text.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g) ?? []) {
    const low = word.toLowerCase();
    if (low.length > 1) bag.set(low, (bag.get(low) ?? 0) + 1);
  }
  return bag;
}
