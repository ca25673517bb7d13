// Tells the lines of a source file that hold code from blank lines, comments and docstrings, and measures them: indentation,
// brackets, where a statement ends. A scanner by the language's comment marks, not a parser: a line that it misjudges
// costs one sample, nothing more.

interface CommentMarks {
  line: readonly string[];
  block: readonly (readonly [open: string, close: string])[];
}

const C: CommentMarks = { line: ["//"], block: [["/*", "*/"]] };
const HASH: CommentMarks = { line: ["#"], block: [] };

/** Languages whose files are code to complete, with their comment marks. Data, prose and mark-up without code are not here. */
const MARKS: Readonly<Record<string, CommentMarks>> = {
  typescript: C, typescriptreact: C, javascript: C, javascriptreact: C, go: C, java: C, rust: C, c: C, cpp: C, "objective-c": C, "objective-cpp": C, csharp: C,
  kotlin: C, swift: C, scala: C, dart: C, zig: C, proto3: C, css: { line: [], block: [["/*", "*/"]] }, scss: C, less: C, php: { line: ["//", "#"], block: [["/*", "*/"]] },
  vue: { line: ["//"], block: [["/*", "*/"], ["<!--", "-->"]] }, svelte: { line: ["//"], block: [["/*", "*/"], ["<!--", "-->"]] }, astro: C, groovy: C,
  python: { line: ["#"], block: [["\"\"\"", "\"\"\""], ["'''", "'''"]] }, ruby: { line: ["#"], block: [["=begin", "=end"]] }, shellscript: HASH, r: HASH,
  julia: { line: ["#"], block: [["#=", "=#"], ["\"\"\"", "\"\"\""]] }, perl: { line: ["#"], block: [["=pod", "=cut"]] }, elixir: { line: ["#"], block: [["\"\"\"", "\"\"\""]] },
  terraform: { line: ["#", "//"], block: [["/*", "*/"]] }, cmake: HASH, dockerfile: HASH, makefile: HASH, graphql: HASH, nim: { line: ["#"], block: [["#[", "]#"]] }, powershell: { line: ["#"], block: [["<#", "#>"]] },
  sql: { line: ["--"], block: [["/*", "*/"]] }, lua: { line: ["--"], block: [["--[[", "]]"]] }, haskell: { line: ["--"], block: [["{-", "-}"]] }, erlang: { line: ["%"], block: [] },
  clojure: { line: [";"], block: [] }, fsharp: { line: ["//"], block: [["(*", "*)"]] }, ocaml: { line: [], block: [["(*", "*)"]] }, bat: { line: ["REM", "rem", "::"], block: [] },
};

/** Whether files of this language (VS Code id) are code to complete. */
export function isCodeLanguage(language: string): boolean {
  return language in MARKS;
}

/** One entry a line: true where it holds code rather than nothing, comment or docstring alone. */
export function codeLineFlags(lines: readonly string[], language: string): boolean[] {
  const marks = MARKS[language] ?? { line: [], block: [] };
  let until: string | undefined;
  return lines.map((line) => {
    const text = line.trim();
    if (until !== undefined) {
      if (text.includes(until)) until = undefined;
      return false;
    }
    if (text === "" || marks.line.some((mark) => text.startsWith(mark))) return false;
    for (const [open, close] of marks.block) {
      const at = text.indexOf(open);
      if (at < 0 || (open === "/*" && /["'`].*\/\*/.test(text))) continue;
      if (!text.includes(close, at + open.length)) until = close;
      return !/^[rRbBuUfF]{0,2}$/.test(text.slice(0, at));
    }
    return true;
  });
}

/** Columns of indentation, a tab counting four. */
export function indentationOf(line: string): number {
  let columns = 0;
  for (const character of line) {
    if (character === " ") columns++;
    else if (character === "\t") columns += 4;
    else break;
  }
  return columns;
}

/** Brackets opened less those closed, strings and comments of one line left out. */
export function bracketBalance(line: string): number {
  let balance = 0;
  for (const character of line.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`/g, "").replace(/\/\/.*$|(^|\s)#.*$/, "")) {
    if (character === "(" || character === "[" || character === "{") balance++;
    else if (character === ")" || character === "]" || character === "}") balance--;
  }
  return balance;
}

/** Whether a block that is indented deeper begins after this line. */
export function opensBlock(line: string): boolean {
  return /(?:[{([:]|=>|->|\b(?:then|do|else|begin))\s*$/.test(line.replace(/\s+(?:\/\/|#).*$/, ""));
}

/**
 * Index of the last line of the statement that begins at `start`: brackets are closed again and no continuation follows.
 * Never beyond `last`; null where it does not end before.
 */
export function endOfStatement(lines: readonly string[], start: number, last: number): number | null {
  let depth = 0;
  for (let i = start; i <= last; i++) {
    const line = lines[i] as string;
    depth += bracketBalance(line);
    if (depth < 0) return null;
    if (depth > 0 || /(?:\\|[=+*/%&|,?]|&&|\|\||\band|\bor|\bnot)\s*$/.test(line.replace(/(["'`]).*\1/, ""))) continue;
    const next = lines[i + 1];
    if (next !== undefined && /^\s*(?:[.?:&|]|\?\.|&&|\|\|)/.test(next) && indentationOf(next) >= indentationOf(lines[start] as string)) continue;
    return i;
  }
  return null;
}
