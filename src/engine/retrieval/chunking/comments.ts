// The comments of one file: their plain text, and which of them documents what stands below.
import type { Node } from "web-tree-sitter";

/** Longest comment block taken as documentation, in lines. */
const DOCUMENTATION_LINES = 60;

export interface CommentSpan {
  startRow: number;
  endRow: number;
  startIndex: number;
  endIndex: number;
  text: string;
}

export class Comments {
  readonly spans: readonly CommentSpan[];
  /** By their last row, comments that begin their line. */
  readonly #ownLine = new Map<number, CommentSpan>();

  constructor(spans: readonly CommentSpan[], lines: readonly string[], startColumns: readonly number[]) {
    this.spans = spans;
    spans.forEach((span, i) => {
      if ((lines[span.startRow] as string).slice(0, startColumns[i]).trim() === "") this.#ownLine.set(span.endRow, span);
    });
  }

  /** The comment block that ends on the line above `row` (0-based), joined; `startRow` is `row` where there is none. */
  endingAbove(row: number): { text: string; startRow: number } {
    const texts: string[] = [];
    let startRow = row;
    for (let span = this.#ownLine.get(startRow - 1); span && row - span.startRow <= DOCUMENTATION_LINES; span = this.#ownLine.get(startRow - 1)) {
      texts.unshift(span.text);
      startRow = span.startRow;
    }
    return { text: texts.join("\n").trim(), startRow };
  }
}

export function readComments(nodes: readonly Node[], text: string, lines: readonly string[]): Comments {
  const columns: number[] = [];
  const spans = nodes.map((node) => {
    columns.push(node.startPosition.column);
    const end = node.endPosition;
    const startIndex = node.startIndex;
    const endIndex = node.endIndex;
    const startRow = node.startPosition.row;
    return { startRow, endRow: end.column === 0 && end.row > startRow ? end.row - 1 : end.row, startIndex, endIndex, text: commentText(text.slice(startIndex, endIndex)) };
  });
  return new Comments(spans, lines, columns);
}

/** A comment or docstring without its marks and common indentation. */
export function commentText(raw: string): string {
  return raw
    .replace(/^\s*(\/\*+!?|\(\*|<#|<!--)/, "").replace(/(\*+\/|\*\)|#>|-->)\s*$/, "")
    .split("\n")
    .map((line) => line.replace(/^\s*(\/\/[/!]?|#+!?|\*(?!\*)|--|;+)?\s?/, "").trimEnd())
    .join("\n")
    .trim();
}
