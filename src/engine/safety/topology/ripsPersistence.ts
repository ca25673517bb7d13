// Persistence diagrams of the Vietoris–Rips filtration in dimensions 0 and 1, from distances. H0 by the minimum spanning
// tree; H1 by persistent cohomology with clearing, apparent pairs and implicit coboundaries.
// Source: Edelsbrunner & Harer 2010; de Silva, Morozov & Vejdemo-Johansson 2011; Bauer 2021 (Ripser) for the order of work.
// It does not compare diagrams (diagramDistance.ts) nor choose points.

/** A feature that appears at `birth` and goes at `death` (Infinity: never), in units of distance. */
export interface Feature {
  readonly birth: number;
  readonly death: number;
}

export interface PersistenceDiagrams {
  /** Connected components: all born at 0, one never dies. */
  readonly h0: Feature[];
  /** Loops. Those that die as they are born are left out. */
  readonly h1: Feature[];
  /** False where `budgetMs` ran out: `h1` then lacks features. */
  readonly complete: boolean;
}

/** Most points: triangles are numbered in 53 bits and time grows with their number. */
export const MOST_POINTS = 400;

interface Edge {
  readonly i: number;
  readonly j: number;
  readonly length: number;
}

/**
 * `distances`: `(n, n)`, row-major, symmetric, zero on the diagonal. Loops are followed up to the radius at which one point
 * sees all others: beyond it everything is one cone. RangeError beyond {@link MOST_POINTS}.
 */
export function ripsPersistence(distances: ArrayLike<number>, n: number, options: { budgetMs?: number } = {}): PersistenceDiagrams {
  if (n > MOST_POINTS) throw new RangeError(`Persistence is computed for at most ${MOST_POINTS} points; there are ${n}. Choose a sample of them.`);
  if (n === 0) return { h0: [], h1: [], complete: true };
  const deadline = performance.now() + (options.budgetMs ?? Infinity);
  let radius = Infinity;
  for (let i = 0; i < n; i++) {
    let farthest = 0;
    for (let j = 0; j < n; j++) farthest = Math.max(farthest, distances[i * n + j]!);
    radius = Math.min(radius, farthest);
  }
  const edges: Edge[] = [];
  for (let j = 1; j < n; j++) for (let i = 0; i < j; i++) if (distances[i * n + j]! <= radius) edges.push({ i, j, length: distances[i * n + j]! });
  edges.sort((x, y) => x.length - y.length || x.j - y.j || x.i - y.i);
  const { h0, inTree } = components(edges, n);
  const reduction = new Cohomology(distances, n, radius);
  const h1: Feature[] = [];
  // In the order of cohomology, last edges first. Edges of the tree killed a component: clearing leaves their columns out.
  for (let at = edges.length - 1; at >= 0; at--) {
    if (inTree[at]) continue;
    if (performance.now() > deadline) return { h0, h1, complete: false };
    const edge = edges[at]!;
    const death = reduction.reduce(edge);
    if (death > edge.length) h1.push({ birth: edge.length, death });
  }
  return { h0, h1, complete: true };
}

/** Kruskal's algorithm: each edge that joins two components ends one of them. */
function components(edges: readonly Edge[], n: number): { h0: Feature[]; inTree: Uint8Array } {
  const parent = Int32Array.from({ length: n }, (_, i) => i);
  const root = (i: number): number => {
    let at = i;
    while (parent[at] !== at) at = parent[at] = parent[parent[at]!]!;
    return at;
  };
  const inTree = new Uint8Array(edges.length);
  const h0: Feature[] = [];
  for (const [at, { i, j, length }] of edges.entries()) {
    const a = root(i), b = root(j);
    if (a === b) continue;
    parent[a] = b;
    inTree[at] = 1;
    h0.push({ birth: 0, death: length });
  }
  for (let i = 0; i < n; i++) if (root(i) === i) h0.push({ birth: 0, death: Infinity });
  return { h0, inTree };
}

/** A triangle in the order of the filtration: by diameter, then by number. */
interface Triangle {
  readonly diameter: number;
  readonly number: number;
}

class Cohomology {
  readonly #distances: ArrayLike<number>;
  readonly #n: number;
  readonly #radius: number;
  /** By pivot triangle: the edges whose coboundaries sum up to that reduced column. */
  readonly #columns = new Map<number, readonly Edge[]>();

  constructor(distances: ArrayLike<number>, n: number, radius: number) {
    this.#distances = distances;
    this.#n = n;
    this.#radius = radius;
  }

  /** Reduces the coboundary of `edge`; the diameter of its pivot, Infinity where nothing is left. */
  reduce(edge: Edge): number {
    const first = this.#leastCoface(edge);
    if (first === null) return Infinity;
    // Most columns are reduced as they stand: their least triangle is nobody's pivot yet.
    if (!this.#columns.has(first.number)) {
      this.#columns.set(first.number, [edge]);
      return first.diameter;
    }
    const heap = new TriangleHeap();
    const members = new Map<number, Edge>();
    this.#add(edge, heap, members);
    for (let pivot = heap.popPivot(); pivot !== null; pivot = heap.popPivot()) {
      const other = this.#columns.get(pivot.number);
      if (other === undefined) {
        this.#columns.set(pivot.number, [...members.values()]);
        return pivot.diameter;
      }
      heap.push(pivot);
      for (const added of other) this.#add(added, heap, members);
    }
    return Infinity;
  }

  #add(edge: Edge, heap: TriangleHeap, members: Map<number, Edge>): void {
    // Modulo 2: what is added twice is gone.
    const key = edge.j * this.#n + edge.i;
    if (members.has(key)) members.delete(key);
    else members.set(key, edge);
    for (let k = 0; k < this.#n; k++) {
      const triangle = this.#coface(edge, k);
      if (triangle) heap.push(triangle);
    }
  }

  #leastCoface(edge: Edge): Triangle | null {
    let least: Triangle | null = null;
    for (let k = 0; k < this.#n; k++) {
      const triangle = this.#coface(edge, k);
      if (triangle && (least === null || isBefore(triangle, least))) least = triangle;
    }
    return least;
  }

  #coface({ i, j, length }: Edge, k: number): Triangle | null {
    if (k === i || k === j) return null;
    const n = this.#n;
    const diameter = Math.max(length, this.#distances[i * n + k]!, this.#distances[j * n + k]!);
    if (diameter > this.#radius) return null;
    const low = Math.min(i, k), high = Math.max(j, k);
    const middle = i + j + k - low - high;
    return { diameter, number: (high * n + middle) * n + low };
  }
}

function isBefore(a: Triangle, b: Triangle): boolean {
  return a.diameter < b.diameter || (a.diameter === b.diameter && a.number < b.number);
}

/** A binary heap, least triangle first, in which pairs of equal triangles cancel. */
class TriangleHeap {
  readonly #items: Triangle[] = [];

  push(triangle: Triangle): void {
    const items = this.#items;
    let at = items.push(triangle) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (!isBefore(triangle, items[up]!)) break;
      items[at] = items[up]!;
      at = up;
    }
    items[at] = triangle;
  }

  /** Takes out the least triangle that stands an odd number of times; null where there is none. */
  popPivot(): Triangle | null {
    for (let top = this.#pop(); top !== null; top = this.#pop()) {
      let odd = true;
      while (this.#items[0]?.number === top.number) {
        this.#pop();
        odd = !odd;
      }
      if (odd) return top;
    }
    return null;
  }

  #pop(): Triangle | null {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (top === undefined || last === undefined) return null;
    if (items.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && isBefore(items[child + 1]!, items[child]!)) child++;
      if (!isBefore(items[child]!, last)) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = last;
    return top;
  }
}
