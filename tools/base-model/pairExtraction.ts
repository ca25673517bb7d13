// Finds pairs of what a person wrote about code and the code itself: JSDoc or leading comment with its declaration,
// Python docstring with its function or class, Markdown heading with its code block. A scanner of lines and indentation,
// not a parser: a declaration it misses is one pair less. Does not read files.
import type { Language } from "./codeLines.ts";

export interface Pair {
  /** First paragraph of the documentation, tags taken off. */
  query: string;
  /** The declaration with its body, documentation taken off; at most {@link maxCodeLines} lines. */
  code: string;
  name: string;
}

export const maxCodeLines = 40;
const maxCodeLength = 1800;
const maxQueryLength = 320;

/** All pairs of a source text. */
export function extractPairs(text: string, language: Language): Pair[] {
  const lines = text.split("\n");
  const found = language === "py" ? pythonPairs(lines) : language === "md" ? markdownPairs(lines) : scriptPairs(lines);
  return found.filter((pair) => isTelling(pair));
}

/** True where the query says something about the code beyond its name. */
function isTelling({ query, code, name }: Pair): boolean {
  const words = query.match(/\p{L}[\p{L}\p{N}'-]*/gu) ?? [];
  if (words.length < 3 || code.length < 20) return false;
  if (/^(todo|fixme|xxx|hack|eslint|ts-|@|noqa|pylint|istanbul|c8 ignore|#region|deprecated|see:? |inherit|copyright|type:|https?:)/i.test(query)) return false;
  // Commented-out code is no description.
  if (/[;{}]\s*$|=>|^\s*(const|let|var|return|import|if|for|def|class)\b[^.]*[=(:]/.test(query)) return false;
  return query.toLowerCase().replace(/[^a-z]/g, "") !== name.toLowerCase().replace(/[^a-z]/g, "");
}

/** The first paragraph of a documentation text, as one line without markup. */
export function firstParagraph(documentation: string): string {
  const paragraph: string[] = [];
  for (const raw of documentation.split("\n")) {
    const line = raw.trim();
    if (line === "" || /^[-=~^*]{3,}$/.test(line)) {
      if (paragraph.length > 0) break;
      continue;
    }
    if (/^(@\w+|:\w+|Args:|Arguments:|Parameters:?$|Returns?:|Raises:|Examples?:?$|Notes?:?$|>>>|```|\.\. )/.test(line)) {
      if (/^@(description|summary|desc)\s/.test(line)) paragraph.push(line.replace(/^@\w+\s+/, ""));
      else if (paragraph.length > 0) break;
      continue;
    }
    paragraph.push(line);
  }
  return paragraph
    .join(" ")
    .replace(/\{@\w+\s+([^}|]*)[^}]*\}/g, "$1")
    .replace(/:\w+:`~?([^`<]*)[^`]*`/g, "$1")
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/<\/?\w+[^>]*>|`+|\*\*/g, "")
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, maxQueryLength);
}

const indentOf = (line: string): number => line.length - line.trimStart().length;

/** Lines of the block that starts at `first`: all deeper ones, and a closing one of its own depth. */
function blockEnd(lines: readonly string[], first: number, closes: RegExp | undefined): number {
  const indent = indentOf(lines[first] as string);
  let end = first + 1;
  while (end < lines.length && end - first < maxCodeLines) {
    const line = lines[end] as string;
    if (line.trim() !== "" && indentOf(line) <= indent) {
      // A signature's closing line, such as `): void {`, opens the body.
      if (closes !== undefined && closes.test(line)) {
        end++;
        if (/[{(\[:,]$|=>$|=$/.test(line.trimEnd())) continue;
      }
      break;
    }
    end++;
  }
  while (end > first + 1 && (lines[end - 1] as string).trim() === "") end--;
  return end;
}

function codeOf(lines: readonly string[], from: number, to: number): string {
  const indent = indentOf(lines[from] as string);
  return lines.slice(from, to).map((line) => line.slice(Math.min(indent, indentOf(line)))).join("\n").slice(0, maxCodeLength);
}

const scriptDeclaration =
  /^\s*(?:export\s+)?(?:default\s+)?(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?:function\s*\*?|class|interface|type|enum|const|let|var|namespace)\s+([A-Za-z_$][\w$]*)/;
const scriptMember =
  /^\s*(?:(?:public|private|protected|static|readonly|override|abstract|async|get|set|declare)\s+|\*\s*)*(#?[A-Za-z_$][\w$]*)\s*(?:<[^>]*>)?\s*[?!]?\s*(?:\(|[:=]\s*(?:async\s*)?(?:function\b|\())/;
const scriptAssignment = /^\s*(?:[\w$]+\.)+(?:prototype\.)?([A-Za-z_$][\w$]*)\s*=\s*(?:async\s*)?(?:function\b|\(|class\b)/;
const keywords = new Set(["if", "for", "while", "switch", "return", "catch", "function", "await", "throw", "typeof", "else", "do", "super", "new", "delete", "import", "constructor"]);

function declaredName(line: string): string | undefined {
  const name = (scriptDeclaration.exec(line) ?? scriptAssignment.exec(line) ?? scriptMember.exec(line))?.[1];
  return name === undefined || keywords.has(name) ? undefined : name;
}

function scriptPairs(lines: readonly string[]): Pair[] {
  const pairs: Pair[] = [];
  for (let i = 0; i < lines.length; i++) {
    const text = (lines[i] as string).trim();
    let documentation: string;
    let after: number;
    if (text.startsWith("/**")) {
      let end = i;
      while (end < lines.length && !(lines[end] as string).includes("*/")) end++;
      documentation = lines.slice(i, end + 1).map((line) => line.trim().replace(/^\/\*\*+|\*+\/.*$/g, "").replace(/^\*+ ?/, "")).join("\n");
      after = end + 1;
    } else if (text.startsWith("//") && !text.startsWith("///")) {
      let end = i;
      while (end < lines.length && (lines[end] as string).trim().startsWith("//")) end++;
      documentation = lines.slice(i, end).map((line) => line.trim().replace(/^\/\/+ ?/, "")).join("\n");
      after = end;
    } else continue;
    i = after - 1;
    // Decorators stand between documentation and declaration.
    let first = after;
    while (first < lines.length && /^\s*@\w+/.test(lines[first] as string) && first - after < 3) first++;
    const declaration = lines[first];
    if (declaration === undefined) break;
    const name = declaredName(declaration);
    if (name === undefined) continue;
    // A line comment speaks for a declaration only where that opens a block; elsewhere it is an aside.
    if (text.startsWith("//") && !/[{(]\s*$|=>/.test(declaration)) continue;
    const end = /;\s*$/.test(declaration) ? first + 1 : blockEnd(lines, first, /^\s*[})\]>]/);
    pairs.push({ query: firstParagraph(documentation), code: codeOf(lines, first, end), name });
  }
  return pairs;
}

const pythonDefinition = /^(\s*)(?:async\s+)?(?:def|class)\s+([A-Za-z_]\w*)/;

function pythonPairs(lines: readonly string[]): Pair[] {
  const pairs: Pair[] = [];
  for (let i = 0; i < lines.length; i++) {
    const definition = pythonDefinition.exec(lines[i] as string);
    if (definition === null) continue;
    let header = i;
    while (header < lines.length && header - i < 25 && !/:\s*(#.*)?$/.test(lines[header] as string)) header++;
    const open = /^\s*[rRuUbB]*("""|''')(.*)$/.exec(lines[header + 1] ?? "");
    let documentation: string;
    let bodyStart = header + 1;
    if (open !== null) {
      const quote = open[1] as string;
      const parts: string[] = [];
      let at = header + 1;
      let rest = open[2] as string;
      while (!rest.includes(quote) && at + 1 < lines.length) {
        parts.push(rest);
        rest = lines[++at] as string;
      }
      parts.push(rest.split(quote)[0] as string);
      documentation = parts.join("\n");
      bodyStart = at + 1;
    } else {
      let comment = i - 1;
      while (comment >= 0 && /^\s*@/.test(lines[comment] as string)) comment--;
      const last = comment;
      while (comment >= 0 && (lines[comment] as string).trim().startsWith("#")) comment--;
      if (comment === last) continue;
      documentation = lines.slice(comment + 1, last + 1).map((line) => line.trim().replace(/^#+:? ?/, "")).join("\n");
    }
    const indent = (definition[1] as string).length;
    let end = bodyStart;
    while (end < lines.length && end - bodyStart < maxCodeLines && ((lines[end] as string).trim() === "" || indentOf(lines[end] as string) > indent)) end++;
    while (end > bodyStart && (lines[end - 1] as string).trim() === "") end--;
    const code = codeOf([...lines.slice(i, header + 1), ...lines.slice(bodyStart, end)], 0, header + 1 - i + end - bodyStart);
    pairs.push({ query: firstParagraph(documentation), code, name: definition[2] as string });
  }
  return pairs;
}

function markdownPairs(lines: readonly string[]): Pair[] {
  const pairs: Pair[] = [];
  let heading = "";
  let prose: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as string;
    const title = /^#{1,6}\s+(.*)$/.exec(line);
    if (title !== null) {
      heading = (title[1] as string).replace(/[`*#]/g, "").trim();
      prose = [];
    } else if (/^```\s*(js|jsx|ts|tsx|javascript|typescript|py|python|python3)\b/i.test(line)) {
      let end = i + 1;
      while (end < lines.length && !(lines[end] as string).startsWith("```")) end++;
      const said = firstParagraph(prose.slice(-3).join("\n"));
      const query = `${heading}${heading !== "" && said !== "" ? ": " : ""}${said}`.replace(/:$/, "").slice(0, maxQueryLength);
      const code = lines.slice(i + 1, Math.min(end, i + 1 + maxCodeLines)).join("\n").slice(0, maxCodeLength);
      if (end > i + 2) pairs.push({ query, code, name: heading });
      prose = [];
      i = end;
    } else if (line.trim() !== "") prose.push(line);
  }
  return pairs;
}
