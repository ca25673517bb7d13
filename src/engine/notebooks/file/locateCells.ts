// Finds the lines of a notebook's file (JSON, nbformat 4) on which the sources of its code cells stand, so that cells can be
// cited like other places. Reads a text; opens nothing.
import type { NotebookCell } from "../model/record.ts";

/** 1-based lines, inclusive, by cell id; cells that are not saved, or otherwise, are missing. */
export function locateCells(text: string, cells: readonly NotebookCell[]): Map<string, { startLine: number; endLine: number }> {
  const found = new Map<string, { startLine: number; endLine: number }>();
  let saved: { id: string; parts: string[] }[];
  try {
    const notebook = JSON.parse(text) as { cells?: unknown };
    saved = (Array.isArray(notebook.cells) ? notebook.cells : []).flatMap((cell: unknown) => {
      const { cell_type, source, id } = (cell ?? {}) as { cell_type?: unknown; source?: unknown; id?: unknown };
      if (cell_type !== "code") return [];
      return [{ id: typeof id === "string" ? id : "", parts: Array.isArray(source) ? source.filter((part): part is string => typeof part === "string") : typeof source === "string" ? [source] : [] }];
    });
  } catch {
    return found;
  }
  const lines = text.split("\n");
  const places: ({ startLine: number; endLine: number } | null)[] = [];
  let from = 0;
  for (const { parts } of saved) {
    let start = -1;
    let at = from;
    let end = -1;
    for (const part of parts) {
      // Writers differ in how they escape other characters; a line begins with the ones before them.
      const key = /^[\x20-\x7e]*/.exec(JSON.stringify(part).slice(1, -1))?.[0] ?? "";
      let line = at;
      while (line < lines.length && !(lines[line] as string).includes(key)) line++;
      if (line >= lines.length) break;
      if (start < 0) start = line;
      end = line;
      at = line + 1;
    }
    places.push(start < 0 ? null : { startLine: start + 1, endLine: end + 1 });
    if (end >= 0) from = end + 1;
  }
  const taken = new Set<number>();
  for (const [index, cell] of cells.entries()) {
    let position = saved.findIndex(({ id }, i) => id !== "" && id === cell.id && !taken.has(i));
    if (position < 0) position = saved.findIndex(({ parts }, i) => !taken.has(i) && parts.join("") === cell.source);
    if (position < 0 && saved[index]?.id === "" && !taken.has(index)) position = index;
    const place = places[position];
    if (position < 0 || !place) continue;
    taken.add(position);
    found.set(cell.id, place);
  }
  return found;
}
