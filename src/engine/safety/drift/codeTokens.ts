// Cuts code of any language into tokens with their layout, for judging how it is written. Strings and comments are told from
// code by the marks that most languages share; it knows no grammar, and text that is half a file is cut as far as it goes.

export type TokenKind = "name" | "keyword" | "number" | "string" | "comment" | "operator" | "newline";

export interface CodeToken {
  readonly kind: TokenKind;
  /** Names, keywords, numbers and operators as written; of strings and comments only how they are marked; of a newline "". */
  readonly text: string;
  /** White space stands before it on its line. */
  readonly spaced: boolean;
  /** Of a newline: how much deeper the next line that holds anything stands, in columns; blank lines in between in `blank`. */
  readonly deeper: number;
  readonly blank: number;
  /** Of strings and comments: the words in them, in order. */
  readonly words: readonly string[];
}

/** Text beyond this is not cut: one snippet or file of code is smaller, data are not. */
export const LONGEST_TEXT = 256 * 1024;

const KEYWORDS = new Set((
  "abstract and as assert async await boolean break case catch chan char class const continue debugger def default defer del delete do double elif else enum "
  + "except export extends extern false False final finally float fn for foreach from func function global go goto if impl implements import in instanceof int "
  + "interface is lambda let long loop match mod module mut namespace new nil None nonlocal not null of or override package pass private protected pub public raise range "
  + "readonly ref require return self static string struct super switch this throw throws trait true True try type typeof undefined union unless unsafe use using var "
  + "void when where while with yield"
).split(" "));

const OPERATORS = ["===", "!==", "...", "**=", "//=", "<<=", ">>=", "&&=", "||=", "??=", "=>", "->", "==", "!=", "<=", ">=", "&&", "||", "??", "?.", "::", ":=", "+=", "-=", "*=", "/=", "%=", "|=", "&=", "^=", "**", "++", "--", "<<", ">>", "<-", ".."];

/** Languages in which `#` begins a comment. */
const HASH_COMMENTS = new Set(["python", "ruby", "shellscript", "yaml", "toml", "r", "perl", "powershell", "elixir"]);

/** The tokens of `text`. A newline stands between lines that hold anything; the first line's indentation counts as none. */
export function codeTokens(text: string, language: string): CodeToken[] {
  const source = text.length > LONGEST_TEXT ? text.slice(0, LONGEST_TEXT) : text;
  const hash = HASH_COMMENTS.has(language);
  const tokens: CodeToken[] = [];
  let at = 0, spaced = false;
  const push = (kind: TokenKind, from: number, to: number, words: readonly string[] = [], marked?: string): void => {
    tokens.push({ kind, text: marked ?? source.slice(from, to), spaced, deeper: 0, blank: 0, words });
    spaced = false;
    at = to;
  };
  let indent = columnsAt(source, 0).columns;
  at = columnsAt(source, 0).end;
  while (at < source.length) {
    const char = source[at]!;
    if (char === "\n") {
      let blank = -1, next = { columns: 0, end: at };
      while (source[next.end] === "\n" || source[next.end] === "\r") {
        if (source[next.end] === "\n") blank++;
        next = columnsAt(source, next.end + 1);
      }
      if (next.end >= source.length) break;
      if (tokens.length > 0) tokens.push({ kind: "newline", text: "", spaced: false, deeper: next.columns - indent, blank, words: [] });
      indent = next.columns;
      at = next.end;
      spaced = false;
    } else if (char === " " || char === "\t" || char === "\r") {
      spaced = true;
      at++;
    } else if (hash ? char === "#" : source.startsWith("//", at)) {
      const end = lineEnd(source, at);
      push("comment", at, end, wordsIn(source.slice(at, end)), hash ? "#" : "//");
    } else if (!hash && source.startsWith("/*", at)) {
      const end = endOf(source, "*/", at + 2);
      push("comment", at, end, wordsIn(source.slice(at, end)), source[at + 2] === "*" ? "/**" : "/*");
    } else if (char === "\"" || char === "'" || char === "`") {
      const triple = char.repeat(3);
      const long = char !== "`" && source.startsWith(triple, at);
      // Go's raw strings know no escapes.
      const end = long ? endOf(source, triple, at + 3) : language === "go" && char === "`" ? endOf(source, char, at + 1) : stringEnd(source, at, char);
      push("string", at, end, wordsIn(source.slice(at, end)), long ? triple : char);
    } else if (isWord(char)) {
      let end = at + 1;
      while (end < source.length && isWord(source[end]!)) end++;
      const number = char >= "0" && char <= "9";
      if (number) while (end < source.length && (isWord(source[end]!) || (source[end] === "." && /\d/.test(source[end + 1] ?? "")))) end++;
      push(number ? "number" : KEYWORDS.has(source.slice(at, end)) ? "keyword" : "name", at, end);
    } else {
      push("operator", at, at + (OPERATORS.find((operator) => source.startsWith(operator, at))?.length ?? 1));
    }
  }
  return tokens;
}

/** How a name is written: the case it is in, with `_` before or after. */
export function nameShape(name: string): string {
  const core = name.replace(/^[_$#]+|_+$/g, "");
  const lead = name.startsWith("__") ? "__" : name.startsWith("_") ? "_" : name.startsWith("$") ? "$" : "";
  const shape = core.length <= 1 ? "1"
    : /^[a-z0-9]+$/.test(core) ? "lower" : /^[A-Z0-9]+(?:_[A-Z0-9]+)*$/.test(core) ? "UPPER"
    : core.includes("_") ? (/[A-Z]/.test(core) ? "Mixed_case" : "snake_case") : /^[A-Z]/.test(core) ? "Pascal" : "camel";
  return lead + shape;
}

/** The words that a name is made of, in lower case: `parseHttpURL2` → parse, http, url. */
export function nameParts(name: string): string[] {
  return (name.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\x00-\x7f]+/g) ?? []).map((part) => part.toLowerCase()).filter((part) => part.length > 1);
}

function wordsIn(text: string): string[] {
  return text.length > 20_000 ? [] : text.match(/[A-Za-z_][\w]{1,40}/g) ?? [];
}

/** Columns of white space from `at`, tabs counting four, and where it ends. */
function columnsAt(text: string, at: number): { columns: number; end: number } {
  let columns = 0, end = at;
  for (; end < text.length; end++) {
    if (text[end] === " ") columns++;
    else if (text[end] === "\t") columns += 4;
    else break;
  }
  return { columns, end };
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}

/** Behind the next `mark`; where there is none (half a file), at the end of the line. */
function endOf(text: string, mark: string, from: number): number {
  const end = text.indexOf(mark, from);
  return end < 0 ? lineEnd(text, from) : end + mark.length;
}

function stringEnd(text: string, from: number, quote: string): number {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === quote) return at + 1;
    // A lone quote (a lifetime, an apostrophe) ends nothing but itself.
    else if (text[at] === "\n" && quote !== "`") return from + 1;
  }
  return quote === "`" ? lineEnd(text, from) : from + 1;
}

function isWord(char: string): boolean {
  return (char >= "a" && char <= "z") || (char >= "A" && char <= "Z") || (char >= "0" && char <= "9") || char === "_" || char === "$" || char > "\x7f";
}
