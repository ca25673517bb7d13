// Works out what a file would be with a block of code from an answer in it. Text in, text out; no VS Code.
// The user sees the result as a diff and decides, so a plausible place beats a refusal; nothing is ever written here.

export interface LineRange {
  /** 1-based, inclusive. */
  startLine: number;
  endLine: number;
}

export interface ProposedContent {
  content: string;
  /** Where the code went: over the whole file, over the given lines, over definitions of the same names, or at the end. */
  how: "file" | "lines" | "definitions" | "end";
  /** 1-based first line that differs. */
  line: number;
}

const DECLARATION = /^\s*(?:(?:export|default|declare|public|private|protected|internal|static|abstract|final|override|async|pub(?:\([a-z]+\))?|readonly|unsafe|inline)\s+)*(?:function\*?|class|interface|type|enum|def|fn|func|struct|trait|object|record|module|namespace|const|let|var|val)\s+([A-Za-z_$][\w$]*)/;
const METHOD = /^\s*(?:(?:public|private|protected|static|async|override|get|set|readonly|\*)\s+)*([A-Za-z_$#][\w$]*)\s*(?:<[^>]*>)?\([^;]*$/;
const NOT_METHODS = new Set(["if", "for", "while", "switch", "catch", "return", "function", "else", "do", "with", "await", "super"]);
const IMPORT = /^(?:import\b|from\s+\S+\s+import\b|use\s+\S+;|#include\b|(?:const|var|let)\s+.*=\s*require\()/;

/** `original` with `code` in it. `lines`, where given, are what the code was asked to replace. */
export function proposeContent(original: string, code: string, lines: LineRange | null): ProposedContent {
  const eol = original.includes("\r\n") ? "\r\n" : "\n";
  const before = original.split(/\r?\n/);
  const fresh = code.replace(/\r\n/g, "\n").replace(/\n+$/, "").split("\n");
  const finish = (after: string[], how: ProposedContent["how"]): ProposedContent => ({ content: after.join(eol), how, line: firstDifference(before, after) });

  if (original.trim() === "" || looksLikeWholeFile(before, fresh)) return finish(original.endsWith("\n") ? [...fresh, ""] : fresh, "file");
  if (lines) {
    const indented = reindent(fresh, indentOf(before[lines.startLine - 1] ?? ""));
    return finish([...before.slice(0, lines.startLine - 1), ...indented, ...before.slice(lines.endLine)], "lines");
  }
  const { imports, chunks } = splitDefinitions(fresh);
  let after = before;
  let replaced = 0;
  const unplaced: string[][] = [];
  for (const chunk of chunks) {
    const place = chunk.name === null ? null : findDefinition(after, chunk.name);
    if (place) {
      after = [...after.slice(0, place.startLine - 1), ...reindent(chunk.lines, indentOf(after[place.startLine - 1] ?? "")), ...after.slice(place.endLine)];
      replaced++;
    } else unplaced.push(chunk.lines);
  }
  for (const chunk of unplaced) {
    const end = after.at(-1) === "" ? after.slice(0, -1) : after;
    after = [...end, ...(end.at(-1)?.trim() === "" ? [] : [""]), ...chunk, ""];
  }
  after = withImports(after, imports);
  return finish(after, replaced > 0 ? "definitions" : "end");
}

/** The lines of the definition of `name` with its decorators, or null. */
export function findDefinition(lines: readonly string[], name: string): LineRange | null {
  const at = lines.findIndex((line) => declaredName(line) === name);
  if (at < 0) return null;
  let start = at;
  while (start > 0 && /^\s*@\w/.test(lines[start - 1] ?? "")) start--;
  return { startLine: start + 1, endLine: endOfDefinition(lines, at) + 1 };
}

/** 0-based last line of the definition that begins at line `at`: by braces where it has any, by indentation otherwise. */
function endOfDefinition(lines: readonly string[], at: number): number {
  const indent = indentOf(lines[at] ?? "").length;
  let depth = 0;
  let opened = false;
  for (let i = at; i < lines.length; i++) {
    const text = withoutLiterals(lines[i] ?? "");
    for (const character of text) {
      if ("{([".includes(character)) { depth++; opened ||= character === "{"; }
      if ("})]".includes(character)) depth--;
    }
    // A Python-style header ends with a colon outside all brackets: the body is what is indented deeper.
    if (depth <= 0 && !opened && /:\s*$/.test(text)) return endOfIndented(lines, i, indent);
    if (depth <= 0 && (opened || /;\s*$/.test(text))) return i;
    if (depth <= 0 && !opened && i > at && (lines[i + 1]?.trim() ?? "") === "") return i;
  }
  return opened ? lines.length - 1 : at;
}

function endOfIndented(lines: readonly string[], header: number, indent: number): number {
  let last = header;
  for (let i = header + 1; i < lines.length; i++) {
    const line = lines[i] ?? "";
    if (line.trim() === "") continue;
    if (indentOf(line).length <= indent) break;
    last = i;
  }
  return last;
}

interface Chunk {
  name: string | null;
  lines: string[];
}

/** Splits code at its outermost definitions; leading imports are kept apart. */
function splitDefinitions(code: readonly string[]): { imports: string[]; chunks: Chunk[] } {
  const imports = code.filter((line) => IMPORT.test(line));
  const rest = imports.length > 0 ? code.filter((line) => !IMPORT.test(line)) : [...code];
  const margin = Math.min(...rest.filter((line) => line.trim() !== "").map((line) => indentOf(line).length), Infinity);
  const chunks: Chunk[] = [];
  let pending: string[] = [];
  let until = -1;
  rest.forEach((line, i) => {
    const name = i > until && indentOf(line).length === margin ? declaredName(line) : null;
    if (name !== null) {
      until = endOfDefinition(rest, i);
      // Comments and decorators above a definition belong to it; other code above stands for itself.
      chunks.push({ name, lines: [...trimBlank(pending), line] });
      pending = [];
    } else if (i <= until) chunks.at(-1)?.lines.push(line);
    else pending.push(line);
  });
  const tail = trimBlank(pending);
  if (tail.length > 0) chunks.push({ name: null, lines: tail });
  return { imports, chunks };
}

function withImports(lines: readonly string[], imports: readonly string[]): string[] {
  const missing = imports.filter((line) => !lines.includes(line));
  if (missing.length === 0) return [...lines];
  const last = lines.findLastIndex((line) => IMPORT.test(line));
  return [...lines.slice(0, last + 1), ...missing, ...lines.slice(last + 1)];
}

function declaredName(line: string): string | null {
  const declared = DECLARATION.exec(line)?.[1];
  if (declared) return declared;
  const method = METHOD.exec(line)?.[1];
  return method && !NOT_METHODS.has(method) && /[{,(]\s*$|\{.*\}\s*$/.test(line) ? method : null;
}

/** Code that keeps the file's first and last lines, and most in between, is meant as the whole file. */
function looksLikeWholeFile(before: readonly string[], fresh: readonly string[]): boolean {
  const old = before.map((line) => line.trim()).filter((line) => line.length > 3);
  if (old.length < 4) return false;
  const present = new Set(fresh.map((line) => line.trim()));
  return old.filter((line) => present.has(line)).length >= 0.7 * old.length;
}

function reindent(code: readonly string[], indent: string): string[] {
  const margin = Math.min(...code.filter((line) => line.trim() !== "").map((line) => indentOf(line).length), Infinity);
  return code.map((line) => (line.trim() === "" ? "" : indent + line.slice(Number.isFinite(margin) ? margin : 0)));
}

/** Code moved to the indentation of the caret's line: the first line follows the caret, the others line up below it. */
export function indentForInsertion(code: string, lineBeforeCaret: string): string {
  const indent = indentOf(lineBeforeCaret);
  const [first = "", ...rest] = reindent(code.replace(/\r\n/g, "\n").replace(/\n+$/, "").split("\n"), "");
  return [first, ...rest.map((line) => (line === "" ? "" : indent + line))].join("\n");
}

function indentOf(line: string): string {
  return /^[ \t]*/.exec(line)?.[0] ?? "";
}

function trimBlank(lines: readonly string[]): string[] {
  const first = lines.findIndex((line) => line.trim() !== "");
  return first < 0 ? [] : lines.slice(first, lines.findLastIndex((line) => line.trim() !== "") + 1);
}

/** The line without strings and comments, so that braces in them do not count. */
function withoutLiterals(line: string): string {
  return line.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`/g, "").replace(/\/\/.*$|(^|\s)#.*$/, "");
}

function firstDifference(before: readonly string[], after: readonly string[]): number {
  const at = after.findIndex((line, i) => line !== before[i]);
  return (at < 0 ? Math.min(before.length, after.length) : at) + 1;
}
