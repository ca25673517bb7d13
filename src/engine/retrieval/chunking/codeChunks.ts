// Cuts a parsed file into chunks along its definitions: a whole function, method or small class is one chunk, a large class
// is its header and its members, and what stands between them is joined up to the size of a chunk.
// Chunks never overlap and together cover every line that is not blank.
import type { Comments } from "./comments.ts";
import { fitsChunk, isBlank, lineWindows } from "./lineWindows.ts";
import type { Chunk } from "./parsedFile.ts";
import type { Definition } from "./symbols.ts";

/** Definitions shorter than this are joined with their neighbours; alone they would be too little to understand. */
const SMALL_LINES = 4;

interface Scope {
  definition: Definition;
  members: Scope[];
}

/** Chunks of a file with the given definitions (document order), 1-based lines. */
export function codeChunks(lines: readonly string[], text: string, definitions: readonly Definition[], comments: Comments): Chunk[] {
  const ranges: { start: number; end: number; breadcrumb: string[] }[] = [];
  cut(lines, 0, lines.length - 1, nest(definitions), [], ranges);
  const lineStarts = startsOf(text);
  let nextDefinition = 0;
  let nextComment = 0;
  const byStart = [...definitions].sort((a, b) => a.startLine - b.startLine);
  return ranges.map(({ start, end, breadcrumb }) => {
    const names: string[] = [];
    while (nextDefinition < byStart.length && (byStart[nextDefinition] as Definition).startLine - 1 <= end) names.push((byStart[nextDefinition++] as Definition).name);
    const commentTexts: string[] = [];
    while (nextComment < comments.spans.length && (comments.spans[nextComment] as { startIndex: number }).startIndex < (lineStarts[end + 1] ?? Infinity)) {
      commentTexts.push((comments.spans[nextComment++] as { text: string }).text);
    }
    for (const definition of byStart) {
      if (definition.startLine - 1 > end) break;
      if (definition.startLine - 1 >= start && definition.documentation !== "" && !commentTexts.some((comment) => comment !== "" && definition.documentation.includes(comment))) commentTexts.push(definition.documentation);
    }
    return { startLine: start + 1, endLine: end + 1, text: lines.slice(start, end + 1).join("\n"), breadcrumb, names, comments: commentTexts.join("\n") };
  });
}

/** Index of each line's first character. */
function startsOf(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

/** Definitions as a forest by their lines. Those that share a line with the one before belong to it. */
function nest(definitions: readonly Definition[]): Scope[] {
  const roots: Scope[] = [];
  const open: Scope[] = [];
  for (const definition of definitions) {
    while (open.length > 0 && (open[open.length - 1] as Scope).definition.outerEnd < definition.outerStart) open.pop();
    const parent = open[open.length - 1];
    const scope: Scope = { definition, members: [] };
    if (parent && definition.outerEnd <= parent.definition.outerEnd) parent.members.push(scope);
    else if (!parent) roots.push(scope);
    else continue; // overlaps its predecessor by a line: stays inside that one's chunk
    open.push(scope);
  }
  return roots;
}

function cut(lines: readonly string[], start: number, end: number, scopes: readonly Scope[], breadcrumb: string[], out: { start: number; end: number; breadcrumb: string[] }[]): void {
  let looseFrom = start;
  const flush = (to: number) => {
    for (const window of lineWindows(lines, looseFrom, to)) {
      const before = out[out.length - 1];
      // A closing brace alone is no passage: it ends the one before.
      if (before && saysNothing(lines, window.start, window.end)) before.end = window.end;
      else out.push({ ...window, breadcrumb });
    }
  };
  for (const { definition, members } of scopes) {
    const from = Math.max(definition.outerStart, looseFrom);
    const to = Math.min(definition.outerEnd, end);
    if (to < from || to - from + 1 < SMALL_LINES) continue;
    flush(from - 1);
    const inner = [...breadcrumb, definition.name];
    if (fitsChunk(lines, from, to)) {
      // One blank-free range: blank lines at its edges are the neighbours' business.
      let last = to;
      while (last > from && isBlank(lines[last] as string)) last--;
      out.push({ start: from, end: last, breadcrumb: inner });
    } else {
      cut(lines, from, to, members, inner, out);
    }
    looseFrom = to + 1;
  }
  flush(end);
}

function saysNothing(lines: readonly string[], start: number, end: number): boolean {
  for (let i = start; i <= end; i++) if (/[\p{L}\p{N}]/u.test(lines[i] as string)) return false;
  return true;
}
