// From a line of a notebook's file to the cell that stands there. Text in, number out; the engine finds the lines (locateCells.ts).

/**
 * Position, among all cells, of the cell on whose lines of the notebook's file (JSON) `line` (from 1) stands. Every cell says its type
 * once, before its source, and inside strings the quotes of that are escaped.
 */
export function cellIndexAt(file: string, line: number): number {
  const before = file.split("\n").slice(0, line).join("\n");
  return Math.max(0, (before.match(/(?<!\\)"cell_type"\s*:/g)?.length ?? 0) - 1);
}
