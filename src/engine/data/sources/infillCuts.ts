// Cuts what a user would want completed out of a file: the end of a line, a statement, a block, the next lines, with text
// around it as an editor has it. Seeded; it reads no files and knows no tokens.
import type { SeededRandom } from "../../base/random.ts";
import { bracketBalance, codeLineFlags, endOfStatement, indentationOf, opensBlock } from "./codeLines.ts";

/** A file as lines. Offsets are UTF-16 units. */
export interface FileLines {
  readonly text: string;
  readonly lines: readonly string[];
  /** Start of each line, and the text's length at the end. */
  readonly offsets: readonly number[];
  readonly isCode: readonly boolean[];
}

export interface InfillCut {
  readonly prefix: string;
  readonly middle: string;
  readonly suffix: string;
  /** 1-based line of the caret. */
  readonly line: number;
  readonly what: InfillSpan;
}

/** What was cut out: the rest of a line, a whole statement, the body of a block, or several lines in a row. */
export type InfillSpan = "lineEnding" | "statement" | "block" | "lines";

export interface InfillCutOptions {
  /** Most lines of a middle, as completions have at run time. */
  readonly maximumLines: number;
  /** Most characters before and after the caret. */
  readonly prefixCharacters: number;
  readonly suffixCharacters: number;
}

/** Lines longer than this are data or worse. */
const LONGEST_LINE = 240;
/**
 * How often which span is tried first. Single lines are what is shown most at run time; blocks and statements are shown in
 * empty bodies. Our choice, near that of the base model's recipe (tools/base-model/samples.ts), with more whole statements,
 * as they carry more to learn per token of context.
 */
const SPAN_SHARES: readonly (readonly [InfillSpan, number])[] = [["lineEnding", 0.5], ["statement", 0.2], ["block", 0.18], ["lines", 0.12]];
/** Share of line endings whose closing marks stay behind the caret, as editors close what users open. */
const CLOSED_SHARE = 0.15;

export function fileLines(text: string, language: string): FileLines {
  const lines = text.split("\n");
  const offsets = [0];
  for (const line of lines) offsets.push((offsets.at(-1) as number) + line.length + 1);
  offsets[lines.length] = text.length;
  return { text, lines, offsets, isCode: codeLineFlags(lines, language) };
}

/**
 * Cuts that walk through the file once, each from a stretch of its own, beginning at line `first` (0-based): no text stands
 * in two of them, so that they are not near-copies of each other.
 */
export function* infillCuts(file: FileLines, first: number, random: SeededRandom, options: InfillCutOptions): Generator<InfillCut> {
  const nLines = file.lines.length;
  let line = first;
  while (line < nLines) {
    const cut = cutFrom(file, line, random, options);
    if (!cut) return;
    yield cut.cut;
    const before = line;
    while (line < nLines && (file.offsets[line] as number) < cut.end) line++;
    if (line === before) line++;
  }
}

/** The first cut of a stretch that begins at `firstLine`, and the offset at which its suffix ends; null where no code is left. */
function cutFrom(file: FileLines, firstLine: number, random: SeededRandom, options: InfillCutOptions): { cut: InfillCut; end: number } | null {
  const { text, offsets, isCode, lines } = file;
  const start = offsets[firstLine] as number;
  const wanted = prefixLength(random, options.prefixCharacters);
  let line = firstLine;
  while (line + 1 < lines.length && (offsets[line + 1] as number) <= start + wanted) line++;
  for (; line < lines.length; line++) {
    if (isCode[line] !== true || (lines[line] as string).length > LONGEST_LINE) continue;
    const span = spanAt(file, line, random, options.maximumLines);
    if (!span) continue;
    // Where much without code was passed over, the prefix begins nearer to the caret.
    const from = Math.max(start, offsets[lineAt(offsets, Math.max(0, span.from - options.prefixCharacters), line)] as number);
    const end = suffixEnd(text, span.to, random, options.suffixCharacters);
    return { cut: { prefix: text.slice(from, span.from), middle: text.slice(span.from, span.to), suffix: text.slice(span.to, end), line: line + 1 + (text.slice(offsets[line], span.from).match(/\n/g)?.length ?? 0), what: span.what }, end };
  }
  return null;
}

/** A quarter short, as at the top of a file; the rest spread up to the bound. */
function prefixLength(random: SeededRandom, most: number): number {
  const draw = random.uniform();
  if (draw < 0.25) return 40 + random.integer(Math.max(1, Math.min(260, most - 40)));
  return Math.min(most, 300) + random.integer(Math.max(1, most - 300));
}

function suffixEnd(text: string, to: number, random: SeededRandom, most: number): number {
  const draw = random.uniform();
  const wanted = draw < 0.08 ? 0 : draw < 0.3 ? random.integer(Math.min(150, most) + 1) : Math.min(150, most) + random.integer(Math.max(1, most - 150));
  const end = Math.min(text.length, to + wanted);
  // It ends with a line, as an editor's window does.
  const lineEnd = text.lastIndexOf("\n", end - 1);
  return lineEnd >= to ? lineEnd + 1 : end;
}

/** Last line that begins at or before `offset`, at most `before`. */
function lineAt(offsets: readonly number[], offset: number, before: number): number {
  let line = before;
  while (line > 0 && (offsets[line] as number) > offset) line--;
  return line === before || (offsets[line] as number) >= offset ? line : line + 1;
}

interface Span {
  from: number;
  to: number;
  what: InfillSpan;
}

function spanAt(file: FileLines, line: number, random: SeededRandom, maximumLines: number): Span | null {
  let draw = random.uniform();
  const first = SPAN_SHARES.find(([, share]) => (draw -= share) < 0)?.[0] ?? "lineEnding";
  const span = first === "block" ? blockNear(file, line, maximumLines) : first === "statement" ? statement(file, line, maximumLines) : first === "lines" ? nextLines(file, line, random, maximumLines) : null;
  return span ?? lineEnding(file, line, random);
}

/** From a word boundary to the end of the line, or to the closers that an editor would have put there. */
function lineEnding({ lines, offsets }: FileLines, line: number, random: SeededRandom): Span | null {
  const body = (lines[line] as string).trimEnd();
  const indent = body.length - body.trimStart().length;
  if (body.length - indent < 4) return null;
  const boundaries = [...body.matchAll(/\b/g)].map(({ index }) => index).filter((column) => column > indent && body.slice(column).trim().length >= 2);
  const column = random.uniform() < 0.16 ? indent : boundaries[random.integer(Math.max(1, boundaries.length))];
  if (column === undefined) return null;
  const start = offsets[line] as number;
  const closers = /[)\]}"'`;,:>]+$/.exec(body);
  const kept = closers && body.slice(column, closers.index).trim().length >= 2 && random.uniform() < CLOSED_SHARE ? random.integer(body.length - closers.index) : null;
  return { from: start + column, to: start + (kept === null ? body.length : (closers as RegExpExecArray).index + kept), what: "lineEnding" };
}

/** A whole statement, from its indentation to its end; one that only opens a block has no end worth learning. */
function statement({ lines, offsets }: FileLines, line: number, maximumLines: number): Span | null {
  const text = lines[line] as string;
  if (opensBlock(text) && bracketBalance(text) <= 0) return null;
  if (!beginsStatement(lines, line)) return null;
  const last = endOfStatement(lines, line, Math.min(lines.length - 1, line + maximumLines - 1));
  return last === null ? null : spanOfLines(lines, offsets, line, last, "statement");
}

/** The body of the first block that opens at `line` or a few lines below: few lines open one. */
function blockNear(file: FileLines, line: number, maximumLines: number): Span | null {
  for (let at = line; at < Math.min(file.lines.length, line + 8); at++) {
    const span = file.isCode[at] === true ? block(file, at, maximumLines) : null;
    if (span) return span;
  }
  return null;
}

/** The body of the block that this line opens, or its first whole statements where it is longer than a completion. */
function block(file: FileLines, line: number, maximumLines: number): Span | null {
  const { lines } = file;
  const header = lines[line] as string;
  const first = line + 1;
  const begin = lines[first];
  if (!opensBlock(header) || begin === undefined || begin.trim() === "" || indentationOf(begin) <= indentationOf(header)) return null;
  return linesFrom(file, first, indentationOf(header) + 1, maximumLines, "block");
}

/** Two lines or more in a row, within their block. */
function nextLines(file: FileLines, line: number, random: SeededRandom, maximumLines: number): Span | null {
  const { lines } = file;
  if (maximumLines < 2 || !beginsStatement(lines, line)) return null;
  const span = linesFrom(file, line, indentationOf(lines[line] as string), 2 + random.integer(maximumLines - 1), "lines");
  return span && span.last > line ? span : null;
}

/** Whole statements from `first` on, none indented less than `leastIndent`, in at most `most` lines; it ends with a line of text, and half of it or more is code. */
function linesFrom({ lines, offsets, isCode }: FileLines, first: number, leastIndent: number, most: number, what: InfillSpan): (Span & { last: number }) | null {
  let last: number | null = null;
  for (let at = first; at < lines.length && at < first + most;) {
    const text = lines[at] as string;
    if (text.trim() === "") {
      at++;
      continue;
    }
    if (indentationOf(text) < leastIndent || text.length > LONGEST_LINE) break;
    // A header goes with at least the first line of its body.
    const end = opensBlock(text) && bracketBalance(text) > 0 && /[{:]\s*$/.test(text) ? at : endOfStatement(lines, at, Math.min(lines.length - 1, first + most - 1));
    if (end === null) break;
    if (!opensBlock(lines[end] as string)) last = end;
    at = end + 1;
  }
  if (last === null) return null;
  const nCode = isCode.slice(first, last + 1).filter(Boolean).length;
  return nCode * 2 < last + 1 - first ? null : { ...spanOfLines(lines, offsets, first, last, what), last };
}

function spanOfLines(lines: readonly string[], offsets: readonly number[], first: number, last: number, what: InfillSpan): Span {
  const begin = lines[first] as string;
  return { from: (offsets[first] as number) + begin.length - begin.trimStart().length, to: (offsets[last] as number) + (lines[last] as string).trimEnd().length, what };
}

/** Whether the line above is complete, so that this one does not continue it. */
function beginsStatement(lines: readonly string[], line: number): boolean {
  if (/^\s*(?:[)\]}.?:&|,]|else\b|elif\b|catch\b|finally\b|except\b|end\b)/.test(lines[line] as string)) return false;
  let above = line - 1;
  while (above >= 0 && (lines[above] as string).trim() === "") above--;
  return above < 0 || opensBlock(lines[above] as string) || endOfStatement(lines, above, above) === above || bracketBalance(lines[above] as string) < 0;
}
