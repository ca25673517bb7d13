// Cuts what is not code: Markdown by heading, notebooks by cell, everything else into windows of lines.
import { fitsChunk, lineWindows } from "./lineWindows.ts";
import type { Chunk, ParsedSymbol } from "./parsedFile.ts";

/** Windows of lines, without structure. */
export function lineChunks(lines: readonly string[]): Chunk[] {
  return lineWindows(lines, 0, lines.length - 1).map(({ start, end }) => chunkOf(lines, start, end, [], []));
}

function chunkOf(lines: readonly string[], start: number, end: number, breadcrumb: string[], names: string[]): Chunk {
  return { startLine: start + 1, endLine: end + 1, text: lines.slice(start, end + 1).join("\n"), breadcrumb, names, comments: "" };
}

/**
 * One chunk per section of a Markdown file, with its headings as breadcrumb; short sections are joined with the ones below
 * them, long ones are cut into windows. Headings inside code fences are not headings.
 */
export function markdownChunks(lines: readonly string[]): Chunk[] {
  const sections: { start: number; end: number; path: string[] }[] = [];
  const path: { level: number; title: string }[] = [];
  let fence: string | null = null;
  let start = 0;
  const close = (end: number) => {
    if (end >= start) sections.push({ start, end, path: path.map((heading) => heading.title) });
  };
  lines.forEach((line, i) => {
    const mark = /^\s{0,3}(```+|~~~+)/.exec(line)?.[1];
    if (mark !== undefined) {
      if (fence === null) fence = mark;
      else if (mark.startsWith(fence)) fence = null;
    }
    const heading = fence === null ? headingAt(lines, i) : null;
    if (!heading) return;
    close(i - 1);
    while (path.length > 0 && (path[path.length - 1] as { level: number }).level >= heading.level) path.pop();
    path.push(heading);
    start = i;
  });
  close(lines.length - 1);
  const joined: typeof sections = [];
  for (const section of sections) {
    const before = joined[joined.length - 1];
    // A heading directly above deeper headings says little alone.
    if (before && section.path.length > before.path.length && before.end - before.start < 4 && fitsChunk(lines, before.start, section.end)) {
      before.end = section.end;
      before.path = section.path;
    } else {
      joined.push({ ...section });
    }
  }
  return joined.flatMap((section) => lineWindows(lines, section.start, section.end).map((range) => chunkOf(lines, range.start, range.end, section.path, section.path.slice(-1))));
}

function headingAt(lines: readonly string[], i: number): { level: number; title: string } | null {
  const line = lines[i] as string;
  const marked = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/.exec(line);
  if (marked) return { level: (marked[1] as string).length, title: marked[2] as string };
  const underline = lines[i + 1];
  if (underline !== undefined && line.trim() !== "" && !/^\s*([-*+>|]|\d+\.)/.test(line) && /^ {0,3}(=+|-{3,})\s*$/.test(underline)) {
    return { level: underline.trim().startsWith("=") ? 1 : 2, title: line.trim() };
  }
  return null;
}

/** Headings of a Markdown file as symbols of kind "module", so that they are found by name. */
export function headingSymbols(chunks: readonly Chunk[]): ParsedSymbol[] {
  const seen = new Set<string>();
  const symbols: ParsedSymbol[] = [];
  for (const chunk of chunks) {
    const key = chunk.breadcrumb.join("\n");
    const name = chunk.breadcrumb[chunk.breadcrumb.length - 1];
    if (name === undefined || name === "" || seen.has(key)) continue;
    seen.add(key);
    symbols.push({ name, kind: "module", startLine: chunk.startLine, endLine: chunk.endLine, container: chunk.breadcrumb.slice(0, -1), signature: name, documentation: "", exported: true });
  }
  return symbols;
}

interface NotebookCell {
  cell_type?: unknown;
  source?: unknown;
}

/**
 * One chunk per cell of a Jupyter notebook. Line numbers are those of the .ipynb file, so that a citation can be read again;
 * `source` is the cell's own text. Outputs are left out. Null where the file is not a notebook.
 */
export function notebookChunks(text: string, lines: readonly string[]): Chunk[] | null {
  let cells: NotebookCell[];
  try {
    const notebook = JSON.parse(text) as { cells?: unknown } | null;
    if (!notebook || !Array.isArray(notebook.cells)) return null;
    cells = notebook.cells as NotebookCell[];
  } catch {
    return null;
  }
  const chunks: Chunk[] = [];
  let from = 0;
  cells.forEach((cell, i) => {
    const parts = Array.isArray(cell.source) ? cell.source.filter((part): part is string => typeof part === "string") : typeof cell.source === "string" ? [cell.source] : [];
    const source = parts.join("");
    if (source.trim() === "") return;
    const range = locateSource(lines, parts, from);
    if (!range) return;
    from = range.end + 1;
    const title = cell.cell_type === "markdown" ? /^#+\s+(.+)$/m.exec(source)?.[1] : undefined;
    chunks.push({ ...chunkOf(lines, range.start, range.end, [`cell ${i + 1}`, ...(title === undefined ? [] : [title])], title === undefined ? [] : [title]), source });
  });
  return chunks;
}

/** The lines of the file that hold the strings of one cell's source, looked for from line `from` on. */
function locateSource(lines: readonly string[], parts: readonly string[], from: number): { start: number; end: number } | null {
  let start = -1;
  let at = from;
  for (const part of parts) {
    const encoded = JSON.stringify(part).slice(1, -1);
    // Writers differ in escaping non-ASCII characters; a prefix up to the first of them is enough to find the line.
    const key = /^[\x20-\x7e]*/.exec(encoded)?.[0] ?? "";
    while (at < lines.length && !(lines[at] as string).includes(key)) at++;
    if (at >= lines.length) return start < 0 ? null : { start, end: start };
    if (start < 0) start = at;
    if (part !== parts[parts.length - 1]) at++;
  }
  return start < 0 ? null : { start, end: at };
}
