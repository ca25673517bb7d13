// The graph cell → name → cell as it would be when everything runs from the top.
import type { NotebookModel } from "./notebook.ts";

export interface Dependency {
  /** The cell that makes or changes the names. */
  cell: string;
  names: string[];
}

/** What a cell takes from others, nearest cell last; names that Python brings, and hidden states, aside. */
export function dependenciesOf(model: NotebookModel, cell: string): Dependency[] {
  const from = new Map<string, Set<string>>();
  for (const { inputs } of model.imaginedSteps(cell)) {
    for (const { name, writers } of inputs) {
      for (const writer of writers) {
        if (writer.cell === cell) continue;
        const names = from.get(writer.cell) ?? new Set();
        names.add(name);
        from.set(writer.cell, names);
      }
    }
  }
  return model.cells.flatMap(({ id }) => (from.has(id) ? [{ cell: id, names: [...from.get(id) as Set<string>].map((name) => (name.startsWith("‹") ? name.slice(1, -1) : name)) }] : []));
}
