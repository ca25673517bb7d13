// Reads a cell of any language that has an analysis; the facts of recent texts are kept, as notebooks are read again after
// every keystroke and run. Grammars are loaded once before (`loadNotebookGrammars`).
import { loadGrammar } from "../../base/grammars.ts";
import { readEcmaScriptCell } from "./ecmaScript/ecmaScriptCell.ts";
import type { CellFacts } from "./facts.ts";
import { emptyStatement } from "./facts.ts";
import { judgeShell } from "./magics.ts";
import type { ShellJudge } from "./magics.ts";
import { readPythonCell } from "./python/pythonCell.ts";
import { readRCell } from "./rCell.ts";

/** Longer cells are taken as one statement that nobody knows more of. */
const MOST_CHARACTERS = 256 * 1024;
const MOST_KEPT = 4_000;

const ECMA_SCRIPT: Readonly<Record<string, "javascript" | "typescript">> = { javascript: "javascript", javascriptreact: "javascript", typescript: "typescript", deno: "typescript" };

let judge: ShellJudge = judgeShell;
const kept = new Map<string, CellFacts>();

export async function loadNotebookGrammars(): Promise<void> {
  await Promise.all([loadGrammar("python"), loadGrammar("javascript"), loadGrammar("typescript")]);
}

/** Sets who judges shell commands of cells; what was read before is read anew. */
export function judgeShellWith(other: ShellJudge): void {
  judge = other;
  kept.clear();
}

export function readCell(source: string, language: string): CellFacts {
  const key = `${language}\0${source}`;
  const known = kept.get(key);
  if (known) return known;
  const facts = read(source, language);
  if (kept.size >= MOST_KEPT) for (const old of [...kept.keys()].slice(0, MOST_KEPT / 4)) kept.delete(old);
  kept.set(key, facts);
  return facts;
}

function read(source: string, language: string): CellFacts {
  if (source.trim() === "") return { language, statements: [], problem: null };
  if (source.length <= MOST_CHARACTERS && /^(?:python|ipython)\d*$/.test(language)) return readPythonCell(source, judge);
  const grammar = source.length > MOST_CHARACTERS ? undefined : ECMA_SCRIPT[language];
  if (grammar !== undefined) return readEcmaScriptCell(source, grammar, language);
  if (source.length <= MOST_CHARACTERS && /^r$/i.test(language)) return readRCell(source);
  return { language, statements: [emptyStatement(source.replaceAll(/\s+/g, " ").trim(), 1, source.split("\n").length)], problem: "cells of this language are not read" };
}
