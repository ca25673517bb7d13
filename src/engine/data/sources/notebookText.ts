// Writes cells as text in the percent format (`# %%`) that editors and jupytext read, with outputs and errors as comments:
// the form in which models without a chat template see notebooks too. It chooses no cells.
import type { CellError } from "./notebookFile.ts";

/** A cell as context of another one. */
export interface ContextCell {
  readonly kind: "code" | "markdown" | "raw";
  readonly source: string;
  readonly output?: string;
}

const OUTPUT_LINES = 6;
const OUTPUT_CHARACTERS = 240;
const MARKDOWN_CHARACTERS = 600;

/** What begins a comment in the language of a kernel. */
export function commentMark(language: string): string {
  return /^(?:javascript|typescript|java|scala|c\+\+|cpp|c|go|rust|kotlin|c#|csharp|f#|fsharp|swift|deno|php|groovy)$/i.test(language) ? "//" : /^(?:sql|lua|haskell)$/i.test(language) ? "--" : "#";
}

/** The last of `cells` that fit into `characters`, as text that the next cell is written after. */
export function contextText(cells: readonly ContextCell[], language: string, characters: number): string {
  const mark = commentMark(language);
  let text = "";
  for (const cell of cells.toReversed()) {
    const written = cellText(cell, mark);
    if (written === "") continue;
    if (text.length + written.length > characters) break;
    text = written + text;
  }
  return text;
}

/** The line that a code cell begins with. */
export function cellStart(language: string, title = ""): string {
  return `${commentMark(language)} %%${title === "" ? "" : ` ${title}`}\n`;
}

/** The error as comments below its cell. */
export function errorText(error: CellError, language: string): string {
  const mark = commentMark(language);
  const lines = [`${error.name}: ${error.message.split("\n").slice(0, 4).join(" ")}`, ...(error.line === null ? [] : [`at line ${error.line}${error.lineText === "" ? "" : `: ${error.lineText}`}`])];
  return lines.map((line, i) => `${mark} ${i === 0 ? "Error: " : "  "}${line}\n`).join("");
}

function cellText({ kind, source, output }: ContextCell, mark: string): string {
  const body = source.trim();
  if (body === "" || kind === "raw") return "";
  if (kind === "markdown") {
    const lines = clipped(body.replaceAll(/!\[[^\]]*\]\([^)]*\)|<img[^>]*>/g, "").trim(), MARKDOWN_CHARACTERS).split("\n");
    return `${mark} %% [markdown]\n${lines.map((line) => `${mark} ${line}`.trimEnd()).join("\n")}\n\n`;
  }
  const shown = (output ?? "").split("\n").filter((line) => line.trim() !== "").slice(0, OUTPUT_LINES).join("\n");
  const comments = shown === "" ? "" : `${clipped(shown, OUTPUT_CHARACTERS).split("\n").map((line, i) => `${mark} ${i === 0 ? "Out: " : "     "}${line}`).join("\n")}\n`;
  return `${mark} %%\n${body}\n${comments}\n`;
}

function clipped(text: string, characters: number): string {
  return text.length <= characters ? text : `${text.slice(0, characters)}…`;
}
