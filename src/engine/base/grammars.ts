// Loads tree-sitter grammars once and parses text: in slices that give the event loop back, or at once within a few
// milliseconds. Which language has which grammar, and what trees mean, is for the rooms that read them.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Language, Parser } from "web-tree-sitter";
import type { Tree } from "web-tree-sitter";
import { throwIfCancelled } from "./errors.ts";
import { SLICE_MS } from "./pause.ts";

/** Grammar files of @vscode/tree-sitter-wasm (`tree-sitter-<name>.wasm`) that we use. */
export type GrammarName =
  | "bash" | "c-sharp" | "cpp" | "css" | "go" | "java" | "javascript" | "php" | "powershell" | "python" | "ruby" | "rust" | "tsx" | "typescript";

/** Parsing one file may take this long in all, in ms; then it is cut by lines. */
const FILE_BUDGET_MS = 5_000;

let runtime: Promise<void> | undefined;
const parsers = new Map<GrammarName, Promise<{ parser: Parser; language: Language }>>();
/** One parse at a time per grammar: a sliced parse leaves its state in the parser. */
const turns = new Map<GrammarName, Promise<unknown>>();

/** The folder of the grammar files: beside the bundle when packaged, else in node_modules. */
function grammarFile(grammar: GrammarName): string {
  const packaged = path.join(import.meta.dirname, "grammars", `tree-sitter-${grammar}.wasm`);
  if (existsSync(packaged)) return packaged;
  return createRequire(import.meta.url).resolve(`@vscode/tree-sitter-wasm/wasm/tree-sitter-${grammar}.wasm`);
}

/** The WebAssembly of tree-sitter itself, looked for in the same two places. */
function runtimeFile(): string {
  const packaged = path.join(import.meta.dirname, "grammars", "web-tree-sitter.wasm");
  if (existsSync(packaged)) return packaged;
  return createRequire(import.meta.url).resolve("web-tree-sitter/web-tree-sitter.wasm");
}

function parserFor(grammar: GrammarName): Promise<{ parser: Parser; language: Language }> {
  let entry = parsers.get(grammar);
  if (!entry) {
    entry = (async () => {
      runtime ??= Parser.init({ locateFile: runtimeFile });
      await runtime;
      const language = await Language.load(new Uint8Array(await readFile(grammarFile(grammar))));
      const parser = new Parser();
      parser.setLanguage(language);
      return { parser, language };
    })();
    parsers.set(grammar, entry);
    // A failed load is tried again by the next file rather than remembered for ever.
    entry.catch(() => parsers.delete(grammar));
  }
  return entry;
}

/**
 * Parses `text` and hands its tree to `read`, which must not keep it: the tree is freed afterwards.
 * Resolves to null where the text took longer than {@link FILE_BUDGET_MS}. Rejects where the grammar cannot be loaded,
 * and when cancelled.
 */
export async function withTree<T>(grammar: GrammarName, text: string, signal: AbortSignal | undefined, read: (tree: Tree) => Promise<T>): Promise<T | null> {
  const { parser } = await parserFor(grammar);
  const before = turns.get(grammar) ?? Promise.resolve();
  const mine = before.then(async () => {
    const tree = await parseInSlices(parser, text, signal);
    if (!tree) return null;
    try {
      return await read(tree);
    } finally {
      tree.delete();
    }
  });
  turns.set(grammar, mine.catch(() => undefined));
  return mine;
}

/** Parsers for {@link parseWithin}, apart from those whose slices may be under way. */
const quickParsers = new Map<GrammarName, Parser>();

/** Loads `grammar`, so that {@link parseWithin} can use it. Rejects where it cannot be loaded. */
export async function loadGrammar(grammar: GrammarName): Promise<void> {
  if (quickParsers.has(grammar)) return;
  const { language } = await parserFor(grammar);
  const parser = new Parser();
  parser.setLanguage(language);
  quickParsers.set(grammar, parser);
}

export function isGrammarLoaded(grammar: GrammarName): boolean {
  return quickParsers.has(grammar);
}

/**
 * Parses `text` at once, in at most about `budgetMs`, and hands its tree to `read`, which must not keep it.
 * Null where the grammar is not loaded ({@link loadGrammar}) or the time was up.
 */
export function parseWithin<T>(grammar: GrammarName, text: string, budgetMs: number, read: (tree: Tree) => T): T | null {
  const parser = quickParsers.get(grammar);
  if (!parser) return null;
  const started = performance.now();
  const tree = parser.parse(text, null, { progressCallback: () => performance.now() - started > budgetMs });
  if (!tree) {
    parser.reset();
    return null;
  }
  try {
    return read(tree);
  } finally {
    tree.delete();
  }
}

async function parseInSlices(parser: Parser, text: string, signal: AbortSignal | undefined): Promise<Tree | null> {
  let spentMs = 0;
  for (;;) {
    throwAndReset(parser, signal);
    const started = performance.now();
    const tree = parser.parse(text, null, { progressCallback: () => performance.now() - started > SLICE_MS });
    if (tree) return tree;
    spentMs += performance.now() - started;
    if (spentMs > FILE_BUDGET_MS) {
      parser.reset();
      return null;
    }
    await nextTurn();
  }
}

function throwAndReset(parser: Parser, signal: AbortSignal | undefined): void {
  if (signal?.aborted) parser.reset();
  throwIfCancelled(signal);
}
