// Tells the lines of a source file that hold code from those that are blank, comment or docstring.
// A scanner of quotes and comment marks, not a parser: a line it misjudges costs one sample, nothing more.

export type Language = "ts" | "js" | "py" | "md";

const languageOfExtension: Readonly<Record<string, Language>> = {
  ".ts": "ts", ".tsx": "ts", ".mts": "ts", ".cts": "ts",
  ".js": "js", ".mjs": "js", ".cjs": "js", ".jsx": "js",
  ".py": "py", ".md": "md", ".mdx": "md",
};

/** The language of a path by its extension; undefined for others. */
export function languageOf(path: string): Language | undefined {
  const dot = path.lastIndexOf(".");
  return dot < 0 ? undefined : languageOfExtension[path.slice(dot).toLowerCase()];
}

/** One entry a line: true where the line holds code. */
export function codeLineFlags(lines: readonly string[], language: Language): boolean[] {
  return language === "py" ? pythonFlags(lines) : language === "md" ? lines.map(() => false) : scriptFlags(lines);
}

function scriptFlags(lines: readonly string[]): boolean[] {
  let inComment = false;
  return lines.map((line) => {
    const text = line.trim();
    if (inComment) {
      const end = text.indexOf("*/");
      if (end >= 0) inComment = false;
      return false;
    }
    if (text === "" || text.startsWith("//")) return false;
    const start = text.indexOf("/*");
    if (start >= 0 && !text.includes("*/", start) && !/["'`].*\/\*/.test(text)) inComment = true;
    return !text.startsWith("/*");
  });
}

function pythonFlags(lines: readonly string[]): boolean[] {
  let quote: string | undefined;
  return lines.map((line) => {
    const text = line.trim();
    if (quote !== undefined) {
      if (text.includes(quote)) quote = undefined;
      return false;
    }
    if (text === "" || text.startsWith("#")) return false;
    const open = /"""|'''/.exec(text);
    if (open !== null) {
      const rest = text.slice(open.index + 3);
      // An odd number of marks leaves the string open.
      if (rest.split(open[0]).length % 2 === 1) quote = open[0];
      return !/^[rRbBuUfF]*("""|''')/.test(text);
    }
    return true;
  });
}
