// What a commit put into a file as fill-in-the-middle: the lines that someone wrote at a place, with what stood around them
// then. It reads hunks and nothing else.
import { codeLineFlags } from "./codeLines.ts";
import type { Hunk } from "./commits.ts";

export interface InsertedCode {
  readonly prefix: string;
  readonly middle: string;
  readonly suffix: string;
  /** 1-based line of the caret in the file after the hunk's own changes before it. */
  readonly line: number;
}

export interface InsertionOptions {
  /** Most lines of a middle. */
  readonly maximumLines: number;
  readonly prefixCharacters: number;
  readonly suffixCharacters: number;
}

/** A middle begins where at least so much stands before it; less is guessing. */
const LEAST_PREFIX = 40;

/** The runs of added lines of a hunk that replace nothing, hold code, and are no longer than a completion. */
export function* insertedCode({ line, lines }: Hunk, language: string, options: InsertionOptions): Generator<InsertedCode> {
  /** The file after the commit, as far as the hunk shows it, with the index in the hunk of each line. */
  const after = lines.flatMap((text, at) => (text[0] === "-" ? [] : [{ text: text.slice(1), at, added: text[0] === "+" }]));
  const isCode = codeLineFlags(after.map(({ text }) => text), language);
  for (let first = 0; first < after.length; first++) {
    if (after[first]?.added !== true) continue;
    let last = first;
    while (after[last + 1]?.added === true && after[last + 1]?.at === (after[last]?.at ?? 0) + 1) last++;
    const begin = first;
    first = last;
    const run = after.slice(begin, last + 1);
    const replaces = lines[(run[0]?.at ?? 0) - 1]?.[0] === "-" || lines[(run.at(-1)?.at ?? 0) + 1]?.[0] === "-";
    const end = begin + run.findLastIndex(({ text }) => text.trim() !== "");
    const start = begin + run.findIndex(({ text }) => text.trim() !== "");
    if (replaces || end < start || start < begin || end - start + 1 > options.maximumLines) continue;
    const nCode = isCode.slice(start, end + 1).filter(Boolean).length;
    if (nCode * 2 < end - start + 1 || after.slice(start, end + 1).every(({ text }) => /^\s*(?:import\b|from\s+\S+\s+import\b|use\s|#include\b|[)\]}]+[;,]?\s*$)/.test(text))) continue;
    const head = after[start]?.text ?? "";
    const indent = head.slice(0, head.length - head.trimStart().length);
    const prefix = `${after.slice(0, start).map(({ text }) => `${text}\n`).join("")}${indent}`.slice(-options.prefixCharacters);
    if (prefix.trim().length < LEAST_PREFIX) continue;
    yield {
      prefix, middle: after.slice(start, end + 1).map(({ text }) => text).join("\n").slice(indent.length).trimEnd(),
      suffix: after.slice(end + 1).map(({ text }) => `\n${text}`).join("").slice(0, options.suffixCharacters), line: line + start,
    };
  }
}
