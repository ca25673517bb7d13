// Cuts text of any programming language into lexemes: names, numbers, operators, line breaks that carry indentation.
// It does not know strings or comments as such: what stands inside them is cut like code, so that a caret there works too.
import { isWordCode, LEXEME, type Lexicon } from "./lexicon.ts";

/** What stands before a lexeme on its line. */
export const GAP = { none: 0, space: 1, wide: 2 } as const;

/** A text as lexemes. `ids` and `gaps` run in parallel; every non-blank line but an open last one ends in a line break. */
export interface LexedText {
  ids: number[];
  gaps: number[];
  /** For each line: index of its first lexeme, its indentation in columns. */
  lineStarts: number[];
  lineIndents: number[];
}

const longOperators = new Set([
  "=>", "==", "===", "!=", "!==", "&&", "||", "??", "?.", "...", "::", "->", "+=", "-=", "*=", "/=", "<=", ">=", "<-", ":=", "++", "--",
  "//", "/*", "*/", "/**", "**", '"""', "'''", "<<", ">>", "</", "/>", "|=", "&=", "..", "##", "###", "```", "??=", "#include",
]);

/** Lexes `text`. With `openEnd` the last line stays open: no line break follows it, and it is kept even when blank. */
export function lex(text: string, lexicon: Lexicon, openEnd = false): LexedText {
  const out: LexedText = { ids: [], gaps: [], lineStarts: [], lineIndents: [] };
  let position = 0;
  while (position <= text.length) {
    let end = text.indexOf("\n", position);
    const last = end < 0;
    if (last) end = text.length;
    const lineEnd = end > position && text.charCodeAt(end - 1) === 13 ? end - 1 : end;
    lexLine(text, position, lineEnd, lexicon, out, openEnd && last);
    if (last) break;
    position = end + 1;
  }
  if (!openEnd && out.ids.length > 0) {
    out.ids.push(LEXEME.lineSame);
    out.gaps.push(GAP.none);
  }
  return out;
}

function lexLine(text: string, start: number, end: number, lexicon: Lexicon, out: LexedText, open: boolean): void {
  let position = start;
  let indent = 0;
  while (position < end) {
    const code = text.charCodeAt(position);
    if (code === 32) indent++;
    else if (code === 9) indent += 4;
    else break;
    position++;
  }
  if (position >= end && !open) return;
  closePreviousLine(out, indent, open && position >= end);
  out.lineStarts.push(out.ids.length);
  out.lineIndents.push(indent);
  let gap: number = GAP.none;
  while (position < end) {
    const code = text.charCodeAt(position);
    if (code === 32 || code === 9) {
      gap = gap === GAP.none && code === 32 ? GAP.space : GAP.wide;
      position++;
      continue;
    }
    const stop = lexemeEnd(text, position, end, code);
    out.ids.push(lexicon.intern(text.slice(position, stop)));
    out.gaps.push(gap);
    gap = GAP.none;
    position = stop;
  }
}

/** Ends the line before, now that the indentation of this one is known. An empty open line counts as standing level. */
function closePreviousLine(out: LexedText, indent: number, level: boolean): void {
  if (out.ids.length === 0) return;
  const previous = out.lineIndents.at(-1) ?? 0;
  // The caret's own line may not have its indentation yet.
  out.ids.push(level && indent === 0 ? LEXEME.lineSame : lineBreak(previous, indent));
  out.gaps.push(GAP.none);
}

/** The line break between lines of these indentations. */
export function lineBreak(from: number, to: number): number {
  return to > from ? LEXEME.lineDeeper : to < from ? LEXEME.lineShallower : LEXEME.lineSame;
}

function lexemeEnd(text: string, start: number, end: number, code: number): number {
  if (isWordCode(code)) {
    let stop = start + 1;
    const number = code >= 48 && code <= 57;
    while (stop < end) {
      const next = text.charCodeAt(stop);
      // 1.5 is one lexeme; 1.toString and a..b are not.
      if (!isWordCode(next) && !(number && next === 46 && isDigit(text.charCodeAt(stop + 1)))) break;
      stop++;
    }
    return stop;
  }
  for (let length = Math.min(3, end - start); length > 1; length--) {
    if (longOperators.has(text.slice(start, start + length))) return start + length;
  }
  return start + 1;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}
