// The unit that is judged: a snippet as an assistant would write it, 10 to 60 lines of whole statements. Cuts files into
// such snippets by indentation alone, for calibration and evaluation. It judges nothing.
import { SeededRandom } from "../../base/random.ts";

/** Lines of a snippet, least and most. Shorter drafts are "not checked": too little to tell. */
export const SNIPPET_LINES = { least: 10, most: 60 } as const;
/** Lines longer than this in the mean are data or minified. */
const WRITTEN_BY_HAND = 160;

export interface Snippet {
  /** 1-based. */
  readonly startLine: number;
  readonly text: string;
}

/**
 * The snippets of a file, in order, without overlap. Lengths are drawn from `seed` so that all occur; a snippet begins where
 * a statement does, and is moved to the margin. What is too short or not written by hand is left out.
 */
export function snippetsOf(text: string, seed: number): Snippet[] {
  const lines = text.split(/\r?\n/).map((line) => line.trimEnd());
  const random = new SeededRandom(seed);
  const found: Snippet[] = [];
  const cut = (from: number, to: number): void => {
    const items = itemsOf(lines, from, to);
    let start = -1, end = -1, wanted = 0;
    const flush = (): void => {
      if (start >= 0) add(start, end);
      start = -1;
    };
    for (const item of items) {
      if (item.to - item.from > SNIPPET_LINES.most) {
        flush();
        // Too long to be written in one go: what is inside it, or, where nothing is, its lines.
        if (items.length > 1 || deeperInside(lines, item)) cut(item.from + 1, item.to);
        else for (let at = item.from; at < item.to; at += SNIPPET_LINES.most) add(at, Math.min(item.to, at + SNIPPET_LINES.most));
        continue;
      }
      if (start >= 0 && item.to - start > wanted) flush();
      if (start < 0) {
        start = item.from;
        wanted = Math.max(item.to - item.from, SNIPPET_LINES.least + random.integer(SNIPPET_LINES.most - SNIPPET_LINES.least + 1));
      }
      end = item.to;
    }
    flush();
  };
  const add = (from: number, to: number): void => {
    const body = atMargin(lines.slice(from, to));
    const size = body.filter((line) => line !== "").length;
    if (size < SNIPPET_LINES.least) return;
    const text = body.join("\n");
    if (text.length / size <= WRITTEN_BY_HAND) found.push({ startLine: from + 1, text });
  };
  cut(0, lines.length);
  return found;
}

/** The statements between two lines (from inclusive, to exclusive): each begins at the least indentation there is. */
function itemsOf(lines: readonly string[], from: number, to: number): { from: number; to: number }[] {
  let margin = Infinity;
  for (let at = from; at < to; at++) if (lines[at] !== "") margin = Math.min(margin, indentOf(lines[at]!));
  const items: { from: number; to: number }[] = [];
  for (let at = from; at < to; at++) {
    const line = lines[at]!;
    if (line === "") continue;
    const begins = indentOf(line) === margin && !/^\s*(?:[)\]}]|else\b|elif\b|except\b|finally\b|catch\b|\*|`)/.test(line);
    const last = items.at(-1);
    // A comment or decorator belongs to what comes after it.
    const leads = last !== undefined && last.to === at && /^\s*(?:#|\/\/|\/\*|\*|@)/.test(lines[at - 1] ?? "") && indentOf(lines[at - 1] ?? "") === margin;
    if (last === undefined || (begins && !leads)) items.push({ from: at, to: at + 1 });
    else last.to = at + 1;
  }
  return items;
}

function deeperInside(lines: readonly string[], item: { from: number; to: number }): boolean {
  const margin = indentOf(lines[item.from]!);
  return lines.slice(item.from + 1, item.to).some((line) => line !== "" && indentOf(line) > margin);
}

/** Lines without the indentation that they share and without blank ones at the ends. */
export function atMargin(lines: readonly string[]): string[] {
  let first = 0, last = lines.length;
  while (first < last && lines[first]!.trim() === "") first++;
  while (last > first && lines[last - 1]!.trim() === "") last--;
  const kept = lines.slice(first, last);
  const margin = Math.min(...kept.filter((line) => line.trim() !== "").map((line) => line.length - line.trimStart().length), 200);
  return kept.map((line) => line.slice(margin).trimEnd());
}

function indentOf(line: string): number {
  let columns = 0;
  for (const char of line) {
    if (char === " ") columns++;
    else if (char === "\t") columns += 4;
    else break;
  }
  return columns;
}
