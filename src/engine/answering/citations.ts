// Numbers the sources of one answer and vouches for them: what is cited was read from disk, and its hash held.
// A source whose lines changed is looked for elsewhere in its file; one that is gone is dropped and counted.
// Where citations stand in a model's prose is the business of citationStream.ts.
import { sha256 } from "../base/files.ts";
import type { Citation, FileRange } from "../protocol/types.ts";
import { ALL_LINES, readerOfOneLook } from "./lineReader.ts";
import type { WorkspaceAccess } from "./workspaceAccess.ts";

/** Lines beyond this are cited by their first lines: a citation is to be looked at, not scrolled. */
export const MAXIMUM_CITED_LINES = 60;

/** What was believed to stand in a range: by a search hit, for example. */
export interface Expectation {
  text: string;
  sha256: string;
}

/** The sources of one answer, in the order in which they were first cited. */
export class CitationLedger {
  readonly #disk: WorkspaceAccess["readLines"];
  #readLines: WorkspaceAccess["readLines"];
  #citations: Citation[] = [];
  #dropped = 0;

  constructor(readLines: WorkspaceAccess["readLines"]) {
    this.#disk = readLines;
    this.#readLines = readerOfOneLook(readLines);
  }

  /** How many sources did not hold. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The sources that hold, by number. */
  list(): Citation[] {
    return this.#citations.map((citation) => ({ ...citation }));
  }

  get(n: number): Citation | undefined {
    return this.#citations.find((citation) => citation.n === n);
  }

  /**
   * Reads `range` from disk and gives it a number; the number it has, where it is cited already. With `expected`, the lines must
   * hold that text, there or elsewhere in the file. Null, and counted as dropped, where they do not.
   */
  async cite(range: FileRange, expected?: Expectation): Promise<Citation | null> {
    const startLine = Math.max(1, range.startLine);
    const endLine = Math.min(Math.max(startLine, range.endLine), startLine + MAXIMUM_CITED_LINES - 1);
    const clipped = { path: range.path, startLine, endLine };
    let wanted = expected;
    if (expected && endLine < range.endLine) {
      const text = expected.text.split("\n").slice(0, endLine - startLine + 1).join("\n");
      wanted = { text, sha256: sha256(text) };
    }
    const known = this.#citations.find((citation) => samePlace(citation, clipped));
    if (known) return known;
    const found = await this.#locate(clipped, wanted);
    if (!found) {
      this.#dropped++;
      return null;
    }
    const moved = this.#citations.find((citation) => samePlace(citation, found));
    if (moved) return moved;
    const citation: Citation = { ...found, n: (this.#citations.at(-1)?.n ?? 0) + 1, verified: true };
    this.#citations.push(citation);
    return citation;
  }

  /** Keeps only the sources in `order` and numbers them in it from 1. Returns the new number of each old one. */
  renumber(order: readonly number[]): Map<number, number> {
    const numbers = new Map<number, number>();
    for (const n of order) if (!numbers.has(n) && this.get(n)) numbers.set(n, numbers.size + 1);
    this.#citations = [...numbers].map(([old, n]) => ({ ...(this.get(old) as Citation), n }));
    return numbers;
  }

  /**
   * Reads every source again from disk. Those that moved get their new lines; those that no longer hold leave the list.
   * Returns the numbers that left and the numbers that moved.
   */
  async recheck(): Promise<{ gone: Set<number>; moved: Set<number> }> {
    this.#readLines = readerOfOneLook(this.#disk);
    const gone = new Set<number>();
    const moved = new Set<number>();
    const kept: Citation[] = [];
    for (const citation of this.#citations) {
      const found = await this.#locate(citation, citation);
      if (!found) {
        gone.add(citation.n);
        this.#dropped++;
        continue;
      }
      if (found.startLine !== citation.startLine) moved.add(citation.n);
      kept.push({ ...citation, ...found });
    }
    this.#citations = kept;
    return { gone, moved };
  }

  async #locate(range: FileRange, expected: Expectation | undefined): Promise<(FileRange & Expectation) | null> {
    const read = await this.#readLines(range);
    const place = { path: range.path, startLine: range.startLine, endLine: range.endLine };
    if (!expected) {
      if (read === null || read.text.trim() === "") return null;
      return { ...place, endLine: range.startLine + read.text.split("\n").length - 1, text: read.text, sha256: read.sha256 };
    }
    if (read !== null && (read.sha256 === expected.sha256 || normalised(read.text) === normalised(expected.text))) return { ...place, text: read.text, sha256: read.sha256 };
    // Moved within its file? The occurrence nearest to where it stood is it.
    const whole = await this.#readLines({ path: range.path, startLine: 1, endLine: ALL_LINES });
    if (whole === null || expected.text.trim() === "") return null;
    const startLine = nearestOccurrence(whole.text, expected.text, range.startLine);
    if (startLine === null) return null;
    const moved = { path: range.path, startLine, endLine: startLine + expected.text.split("\n").length - 1 };
    // Hashed by the reader, so that one rule of hashing holds everywhere.
    const again = await this.#readLines(moved);
    return again !== null && normalised(again.text) === normalised(expected.text) ? { ...moved, text: again.text, sha256: again.sha256 } : null;
  }
}

/** The 1-based line at which the lines of `text` stand in `whole`, nearest to `near`; null where they do not. */
export function nearestOccurrence(whole: string, text: string, near: number): number | null {
  const lines = normalised(whole).split("\n");
  const wanted = normalised(text).split("\n");
  let best: number | null = null;
  for (let start = 0; start + wanted.length <= lines.length; start++) {
    if (lines[start] !== wanted[0]) continue;
    if (wanted.every((line, i) => lines[start + i] === line) && (best === null || Math.abs(start + 1 - near) < Math.abs(best - near))) best = start + 1;
  }
  return best;
}

/**
 * A citation of Markdown that the engine composed: a blank, then `[n]`. Code spans and escaped characters come first in the pattern,
 * so that brackets inside them are passed over.
 */
const COMPOSED = /\\[\s\S]|(`+)(?!`)[\s\S]*?(?<!`)\1(?!`)| \[(\d+)\]/g;

/** The numbers cited in Markdown that the engine composed itself, in order of appearance. */
export function citedNumbers(markdown: string): number[] {
  return [...markdown.matchAll(COMPOSED)].flatMap((match) => (match[2] === undefined ? [] : [Number(match[2])]));
}

/** Composed `markdown` with its citations renumbered; those without a new number are removed. */
export function withNumbers(markdown: string, numbers: ReadonlyMap<number, number>): string {
  return markdown.replace(COMPOSED, (whole, _ticks, n: string | undefined) => {
    if (n === undefined) return whole;
    const renumbered = numbers.get(Number(n));
    return renumbered === undefined ? "" : ` [${renumbered}]`;
  });
}

/** Line ends alone do not make a text another one. */
function normalised(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(/[\r\n]+$/, "");
}

function samePlace(a: FileRange, b: FileRange): boolean {
  return a.path === b.path && a.startLine === b.startLine && a.endLine === b.endLine;
}
