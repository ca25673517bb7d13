// Cuts a file into windows of text that begin and end where the code does: between definitions, else between paragraphs,
// else between lines. Together they hold the file once. It reads no files and knows no tokens.
import { indentationOf } from "./codeLines.ts";

export interface TextWindow {
  readonly text: string;
  /** 1-based, inclusive. */
  readonly startLine: number;
  readonly endLine: number;
}

/** A window shorter than this teaches nothing that its neighbours do not. */
const LEAST_CHARACTERS = 80;
/** A line longer than this is data; it and what stands with it in a window is left out. */
const LONGEST_LINE = 1_000;
/** Share of letters below which a window is a table or a blob, not code. */
const LEAST_LETTERS = 0.25;

/** Windows of `lines` (without line breaks) from line `first` (0-based) on, each of at most about `characters`. */
export function* textWindows(lines: readonly string[], first: number, characters: number): Generator<TextWindow> {
  let start = first;
  while (start < lines.length) {
    while (start < lines.length && (lines[start] as string).trim() === "") start++;
    if (start >= lines.length) return;
    const end = windowEnd(lines, start, characters);
    const part = lines.slice(start, end);
    while (part.length > 0 && (part.at(-1) as string).trim() === "") part.pop();
    const text = `${part.join("\n")}\n`;
    if (text.length >= LEAST_CHARACTERS && part.every((line) => line.length <= LONGEST_LINE) && lettersOf(text) >= LEAST_LETTERS * text.length) {
      yield { text, startLine: start + 1, endLine: start + part.length };
    }
    start = end;
  }
}

/** Index of the line after the window that begins at `start`. */
function windowEnd(lines: readonly string[], start: number, characters: number): number {
  let size = 0;
  let best = start + 1;
  let bestScore = -1;
  let i = start;
  for (; i < lines.length; i++) {
    const length = (lines[i] as string).length + 1;
    if (i > start && size + length > characters) break;
    size += length;
    // A cut after line i; before half of the window is full there is nothing to decide.
    if (size < characters / 2) continue;
    const score = cutScore(lines, i + 1);
    if (score >= bestScore) {
      bestScore = score;
      best = i + 1;
    }
  }
  if (i === lines.length) return i;
  // A short rest joins the last window rather than stand alone.
  let rest = 0;
  for (let at = i; at < lines.length && rest <= characters / 4; at++) rest += (lines[at] as string).length + 1;
  return rest <= characters / 4 ? lines.length : best;
}

/** How good it is to begin a window at line `at`: after a blank line, at a line that is indented little and opens something. */
function cutScore(lines: readonly string[], at: number): number {
  const next = lines[at];
  if (next === undefined) return 10;
  if (next.trim() === "") return 0;
  const afterBlank = (lines[at - 1] ?? "").trim() === "";
  const indent = indentationOf(next);
  if (/^\s*[)\]}]/.test(next)) return 0;
  return (afterBlank ? 4 : 0) + (indent === 0 ? 3 : indent <= 4 ? 1 : 0);
}

function lettersOf(text: string): number {
  return text.match(/\p{L}/gu)?.length ?? 0;
}

/** 0-based line after a comment about licence and copyright at the top of a file: repeated in every file, it teaches nothing. */
export function afterLicenceHeader(lines: readonly string[], isCode: readonly boolean[]): number {
  let end = 0;
  while (end < lines.length && isCode[end] !== true) end++;
  // The first comment only: what describes the module stands in the next.
  let stop = 0;
  if ((lines[0] ?? "").startsWith("#!")) stop++;
  while (stop < end && (lines[stop] as string).trim() === "") stop++;
  while (stop < end && (lines[stop] as string).trim() !== "") stop++;
  return /copyright|licen[sc]e|SPDX-|all rights reserved/i.test(lines.slice(0, stop).join("\n")) ? stop : 0;
}
