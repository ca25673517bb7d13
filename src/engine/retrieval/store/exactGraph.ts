// Looks at every vector, where the library for a graph of neighbours has no build for this machine: the same results or better ones,
// in time that grows with their number (11 ms of processor time for 10,000 of 256 components on the machine of docs/figures.md, busy). It is filled from the database at each start and never saved.

/** What the vector index asks of its graph; hnswlib-node's class has all of it. Distances are 1 minus the inner product. */
export interface NeighbourGraph {
  addPoint(vector: number[], id: number): void;
  markDelete(id: number): void;
  getPoint(id: number): number[];
  getIdsList(): number[];
  getCurrentCount(): number;
  getMaxElements(): number;
  resizeIndex(n: number): void;
  setEf(breadth: number): void;
  searchKnn(query: number[], k: number): { neighbors: number[]; distances: number[] };
  writeIndex(file: string): Promise<boolean>;
  readIndex(file: string): Promise<boolean>;
}

export class ExactGraph implements NeighbourGraph {
  readonly #vectors = new Map<number, Float32Array>();
  readonly #deleted = new Set<number>();

  addPoint(vector: number[], id: number): void {
    this.#vectors.set(id, Float32Array.from(vector));
    this.#deleted.delete(id);
  }

  markDelete(id: number): void {
    this.#vectors.delete(id);
    this.#deleted.add(id);
  }

  getPoint(id: number): number[] {
    return Array.from(this.#vectors.get(id) ?? []);
  }

  getIdsList(): number[] {
    return [...this.#vectors.keys()];
  }

  getCurrentCount(): number {
    return this.#vectors.size + this.#deleted.size;
  }

  getMaxElements(): number {
    return Infinity;
  }

  resizeIndex(): void {
    // It grows by itself.
  }

  setEf(): void {
    // It always looks at everything.
  }

  /** The `k` nearest, nearest first. */
  searchKnn(query: number[], k: number): { neighbors: number[]; distances: number[] } {
    const wanted = Float32Array.from(query);
    const scored: { id: number; distance: number }[] = [];
    for (const [id, vector] of this.#vectors) {
      let product = 0;
      for (let d = 0; d < vector.length; d++) product += vector[d]! * wanted[d]!;
      scored.push({ id, distance: 1 - product });
    }
    const nearest = scored.sort((a, b) => a.distance - b.distance || a.id - b.id).slice(0, k);
    return { neighbors: nearest.map(({ id }) => id), distances: nearest.map(({ distance }) => distance) };
  }

  writeIndex(): Promise<boolean> {
    return Promise.resolve(false);
  }

  readIndex(): Promise<boolean> {
    return Promise.resolve(false);
  }
}
