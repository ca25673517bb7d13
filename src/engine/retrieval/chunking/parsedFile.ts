// What reading a file's structure yields: chunks that cover its lines, the symbols it defines and the names it uses.
// Types only.

/** Lines of a file that are searched and shown as one passage. Line numbers are 1-based and inclusive. */
export interface Chunk {
  startLine: number;
  endLine: number;
  /** The lines joined by "\n", without carriage returns. */
  text: string;
  /** Enclosing symbols or headings, outermost first. */
  breadcrumb: string[];
  /** Names that are defined in this chunk. */
  names: string[];
  /** Comments and docstrings in this chunk, without code. */
  comments: string;
  /** Of notebooks, whose line numbers are those of the JSON file: the cell's source; searched and embedded instead of `text`. */
  source?: string;
}

export interface ParsedSymbol {
  name: string;
  kind: string;
  startLine: number;
  endLine: number;
  /** Enclosing symbols, outermost first. */
  container: string[];
  signature: string;
  documentation: string;
  exported: boolean;
}

export interface ParsedFile {
  chunks: Chunk[];
  symbols: ParsedSymbol[];
  /** Lines on which each identifier is used, definitions excluded, ascending, each line once. */
  usages: Map<string, number[]>;
  /** False where a grammar exists but could not read the file, which was cut by lines instead. */
  parsed: boolean;
}

/** Splits text into lines as editors count them: "\n" ends a line, a "\r" before it is dropped. */
export function linesOf(text: string): string[] {
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as string;
    if (line.charCodeAt(line.length - 1) === 13) lines[i] = line.slice(0, -1);
  }
  return lines;
}
