// The cheapest one-to-one assignment (Hungarian method by shortest augmenting paths with dual potentials).
// Source: Jonker & Volgenant 1987; Crouse 2016. Exact, O(n² m). It knows nothing of distances: it is given costs.

export interface Assignment {
  /** Column of each row. */
  readonly columnOf: Int32Array;
  readonly cost: number;
}

/**
 * Assigns each of `nRows` rows a column of its own at least total cost. `costs`: `(nRows, nColumns)`, row-major, finite.
 * RangeError where there are more rows than columns.
 */
export function cheapestAssignment(costs: ArrayLike<number>, nRows: number, nColumns: number): Assignment {
  if (nRows > nColumns) throw new RangeError(`Each row needs a column of its own, but there are ${nRows} rows and ${nColumns} columns.`);
  const rowPotential = new Float64Array(nRows), columnPotential = new Float64Array(nColumns);
  const rowOf = new Int32Array(nColumns).fill(-1), columnOf = new Int32Array(nRows).fill(-1);
  const distance = new Float64Array(nColumns), before = new Int32Array(nColumns), settled = new Uint8Array(nColumns);
  for (let start = 0; start < nRows; start++) {
    distance.fill(Infinity);
    settled.fill(0);
    let row = start, least = 0, sink = -1;
    while (sink < 0) {
      let nearest = -1, nearestDistance = Infinity;
      for (let column = 0; column < nColumns; column++) {
        if (settled[column]) continue;
        const reduced = least + costs[row * nColumns + column]! - rowPotential[row]! - columnPotential[column]!;
        if (reduced < distance[column]!) {
          distance[column] = reduced;
          before[column] = row;
        }
        if (distance[column]! < nearestDistance || (distance[column]! === nearestDistance && rowOf[column]! < 0)) {
          nearest = column;
          nearestDistance = distance[column]!;
        }
      }
      if (nearest < 0) throw new RangeError("Costs must be finite.");
      least = nearestDistance;
      settled[nearest] = 1;
      if (rowOf[nearest]! < 0) sink = nearest;
      else row = rowOf[nearest]!;
    }
    rowPotential[start] = rowPotential[start]! + least;
    for (let column = 0; column < nColumns; column++) {
      if (!settled[column] || column === sink) continue;
      const slack = least - distance[column]!;
      columnPotential[column] = columnPotential[column]! - slack;
      rowPotential[rowOf[column]!] = rowPotential[rowOf[column]!]! + slack;
    }
    for (let column = sink; ;) {
      const owner = before[column]!;
      rowOf[column] = owner;
      const previous = columnOf[owner]!;
      columnOf[owner] = column;
      if (owner === start) break;
      column = previous;
    }
  }
  let cost = 0;
  for (let row = 0; row < nRows; row++) cost += costs[row * nColumns + columnOf[row]!]!;
  return { columnOf, cost };
}
