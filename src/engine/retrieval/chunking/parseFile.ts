// From a file's text to its chunks, symbols and usages, by whichever method its language allows.
import type { Log } from "../../base/log.ts";
import { isCancelled } from "../../base/errors.ts";
import { withTree } from "../../base/grammars.ts";
import type { GrammarName } from "../../base/grammars.ts";
import { codeChunks } from "./codeChunks.ts";
import { headingSymbols, lineChunks, markdownChunks, notebookChunks } from "./documentChunks.ts";
import { chunkingMethodOf } from "./languages.ts";
import { linesOf } from "./parsedFile.ts";
import type { ParsedFile } from "./parsedFile.ts";
import { readStructure } from "./symbols.ts";

/** Larger files of code are cut by lines: their trees cost more memory and time than their structure is worth. */
const PARSED_CHARACTERS = 512 * 1024;

/** Reads the structure of one file. Deterministic; a file that its grammar cannot read is cut by lines (`parsed` false). */
export async function parseFile(language: string, text: string, log: Log, signal?: AbortSignal): Promise<ParsedFile> {
  const method = chunkingMethodOf(language);
  const lines = linesOf(text);
  if (method.by === "grammar" && text.length <= PARSED_CHARACTERS) {
    const parsed = await parseCode(method.grammar, text, lines, log, signal);
    if (parsed) return parsed;
  }
  if (method.by === "headings") {
    const chunks = markdownChunks(lines);
    return { chunks, symbols: headingSymbols(chunks), usages: new Map(), parsed: true };
  }
  if (method.by === "cells") {
    const chunks = notebookChunks(text, lines);
    if (chunks) return { chunks, symbols: headingSymbols(chunks.filter((chunk) => chunk.names.length > 0)), usages: new Map(), parsed: true };
  }
  return { chunks: lineChunks(lines), symbols: [], usages: new Map(), parsed: method.by === "lines" };
}

async function parseCode(grammar: GrammarName, text: string, lines: readonly string[], log: Log, signal: AbortSignal | undefined): Promise<ParsedFile | null> {
  try {
    return await withTree(grammar, text, signal, async (tree) => {
      const structure = await readStructure(tree, grammar, text, lines);
      return {
        chunks: codeChunks(lines, text, structure.definitions, structure.comments),
        symbols: structure.definitions,
        usages: structure.usages,
        parsed: true,
      };
    });
  } catch (error) {
    if (isCancelled(error)) throw error;
    log.warn("A grammar failed; the file is cut by lines.", { grammar, error: error instanceof Error ? error.message : String(error) });
    return null;
  }
}
