// Makes masked-line-ending cases from source files: a code line is cut at a word boundary in its middle and everything
// to its end is the expected text. Used to calibrate and measure completion. Does not complete anything.
//
//   node masks.ts FOLDER [--n 500] [--seed 1] > cases.jsonl
import { readFileSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { SeededRandom } from "../../src/engine/base/random.ts";
import { codeLineFlags, languageOf } from "./codeLines.ts";

export interface SourceFile {
  path: string;
  text: string;
}

export interface MaskedLineEnding {
  path: string;
  /** 1-based. */
  line: number;
  /** 0-based, in UTF-16 units: `expected` starts there and ends with the line. */
  column: number;
  expected: string;
}

/** Columns of `line` at which it may be cut: word boundaries after its first and before its last two characters of text. */
export function cutColumns(line: string): number[] {
  const indent = line.length - line.trimStart().length;
  const columns: number[] = [];
  for (const match of line.matchAll(/\b/g)) {
    const column = match.index;
    if (column <= indent || line.slice(column).trim().length < 2) continue;
    columns.push(column);
  }
  return columns;
}

/**
 * `n` cases (fewer where the files have fewer lines), at most one a line, uniform over the eligible code lines of all
 * files and in the order of path and line. Skips blank lines, comments, docstrings, lines over 160 characters, lines
 * that end in white space, and endings of one character. The same files, `n` and `seed` give the same cases.
 */
export function maskedLineEndings(files: readonly SourceFile[], { n, seed }: { n: number; seed: number }): MaskedLineEnding[] {
  const eligible: { file: SourceFile; line: number; text: string }[] = [];
  for (const file of files) {
    const language = languageOf(file.path);
    if (language === undefined || language === "md") continue;
    const lines = file.text.split(/\r?\n/);
    const isCode = codeLineFlags(lines, language);
    lines.forEach((text, i) => {
      if (isCode[i] !== true || text.length > 160 || /\s$/.test(text)) return;
      if (cutColumns(text).length > 0) eligible.push({ file, line: i + 1, text });
    });
  }
  const random = new SeededRandom(seed);
  const chosen = random.shuffle(eligible).slice(0, n);
  return chosen
    .map(({ file, line, text }) => {
      const columns = cutColumns(text);
      const column = columns[random.integer(columns.length)] as number;
      return { path: file.path, line, column, expected: text.slice(column) };
    })
    .sort((a, b) => (a.path === b.path ? a.line - b.line : a.path < b.path ? -1 : 1));
}

const skippedFolders = new Set(["node_modules", "dist", "build", "vendor", "_vendor", "__pycache__", "coverage", "fixtures"]);

/** The TypeScript, JavaScript and Python files below `folder`, by path; declarations, minified and large files left out. */
export function readSourceFiles(folder: string): SourceFile[] {
  const files: SourceFile[] = [];
  const walk = (relative: string): void => {
    for (const entry of readdirSync(path.join(folder, relative), { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const inner = path.posix.join(relative, entry.name);
      if (entry.isDirectory()) {
        if (!skippedFolders.has(entry.name) && !entry.name.startsWith(".")) walk(inner);
      } else if (entry.isFile()) {
        const language = languageOf(entry.name);
        if (language === undefined || language === "md" || /\.d\.[mc]?ts$|\.min\./.test(entry.name)) continue;
        if (statSync(path.join(folder, inner)).size > 200_000) continue;
        files.push({ path: inner, text: readFileSync(path.join(folder, inner), "utf8") });
      }
    }
  };
  walk("");
  return files;
}

if (process.argv[1] === import.meta.filename) {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { n: { type: "string", default: "500" }, seed: { type: "string", default: "1" } } });
  const [folder] = positionals;
  if (folder === undefined) {
    console.error("usage: node masks.ts FOLDER [--n 500] [--seed 1]");
    process.exit(2);
  }
  for (const item of maskedLineEndings(readSourceFiles(folder), { n: Number(values.n), seed: Number(values.seed) })) console.log(JSON.stringify(item));
}
