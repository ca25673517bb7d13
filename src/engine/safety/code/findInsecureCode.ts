// Finds known weaknesses in a piece of code by rules over its syntax tree, with what to do instead. Knows one function at a time:
// that nothing was found is no proof. Code that cannot be read in time is said to be unchecked.
import { isGrammarLoaded, loadGrammar } from "../../base/grammars.ts";
import type { GrammarName } from "../../base/grammars.ts";
import { readSyntaxTree, textOf } from "../../base/syntaxTree.ts";
import type { SyntaxNode } from "../../base/syntaxTree.ts";
import { readFacts } from "./codeFacts.ts";
import { CRYPTO_CALLS, CRYPTO_TREES } from "./cryptoRules.ts";
import { Flow } from "./flow.ts";
import { INJECTION_CALLS, INJECTION_TREES } from "./injectionRules.ts";
import { MEMORY_CALLS, MEMORY_TREES } from "./memoryRules.ts";
import { OTHER_CALLS, OTHER_TREES } from "./otherRules.ts";
import type { CallRule, CodeContext, Confidence, TreeRule } from "./rule.ts";

export interface CodeFinding {
  /** As in "CWE-89". */
  cwe: string;
  confidence: Confidence;
  /** A sentence. */
  what: string;
  /** A sentence. */
  fix: string;
  /** UTF-16 offsets into the code that was given. */
  start: number;
  end: number;
}

export type CodeJudgement = { findings: CodeFinding[] } | { notChecked: string };

/** Longer code is a file of a library or generated; answers hold neither. */
const LONGEST = 200_000;
const MOST_NODES = 60_000;
const MOST_FINDINGS = 50;
/** A line as only minified code has it. */
const LONGEST_LINE = 5_000;

const WARM_UP = 'import a; call(b, "c" + d); x = a.b(c);\nfunction f(g) { return new H(g[0]); }\n';

const GRAMMARS: Readonly<Record<string, GrammarName>> = {
  python: "python", py: "python", python3: "python", javascript: "javascript", js: "javascript", jsx: "javascript", javascriptreact: "javascript", mjs: "javascript", node: "javascript",
  typescript: "typescript", ts: "typescript", tsx: "tsx", typescriptreact: "tsx", go: "go", golang: "go", java: "java", c: "cpp", cpp: "cpp", "c++": "cpp", h: "cpp", hpp: "cpp", cc: "cpp", cxx: "cpp",
  csharp: "c-sharp", cs: "c-sharp", "c#": "c-sharp", php: "php", rust: "rust", rs: "rust",
};

/** The grammar that reads code of `language` (an id or what a code fence says), or null where no rules are for it. */
export function codeGrammarOf(language: string): GrammarName | null {
  return GRAMMARS[language.toLowerCase()] ?? null;
}

const byGrammar = new Map<GrammarName, { calls: CallRule[]; trees: TreeRule[] }>();

function rulesOf(grammar: GrammarName): { calls: CallRule[]; trees: TreeRule[] } {
  let rules = byGrammar.get(grammar);
  if (!rules) {
    rules = {
      calls: [...INJECTION_CALLS, ...CRYPTO_CALLS, ...MEMORY_CALLS, ...OTHER_CALLS].filter((rule) => rule.grammars.includes(grammar)),
      trees: [...INJECTION_TREES, ...CRYPTO_TREES, ...MEMORY_TREES, ...OTHER_TREES].filter((rule) => rule.grammars.includes(grammar)),
    };
    byGrammar.set(grammar, rules);
  }
  return rules;
}

/** Loads the grammar of `language`, so that {@link findInsecureCode} can judge it at once. */
export async function prepareLanguage(language: string): Promise<void> {
  const grammar = codeGrammarOf(language);
  if (!grammar || isGrammarLoaded(grammar)) return;
  await loadGrammar(grammar);
  // The first parse of a grammar compiles its WebAssembly, which takes longer than any text.
  findInsecureCode(WARM_UP, language, 5_000);
}

/** Judges `code` within about `budgetMs`. Likely findings come first, then by place. */
export function findInsecureCode(code: string, language: string, budgetMs = 60): CodeJudgement {
  const grammar = codeGrammarOf(language);
  if (!grammar) return { notChecked: language === "" ? "the language is not told" : `there are no rules for ${language}` };
  if (code.length > LONGEST) return { notChecked: "it is too long" };
  if (longestLine(code) > LONGEST_LINE) return { notChecked: "it is minified" };
  if (!isGrammarLoaded(grammar)) return { notChecked: "its grammar is not loaded" };
  const begun = performance.now();
  const opened = grammar === "php" && !code.includes("<?") ? "<?php " : "";
  const tree = readSyntaxTree(grammar, opened + code, { budgetMs, nodes: MOST_NODES });
  if (!tree) return { notChecked: `it could not be read within ${budgetMs} ms` };
  const facts = readFacts(tree, grammar);
  const context: CodeContext = { facts, flow: new Flow(facts), text: (node) => textOf(tree, node) };
  const found = new Map<string, CodeFinding>();
  const report = (rule: CallRule | TreeRule, node: SyntaxNode, confidence: Confidence): void => {
    const start = Math.max(0, node.start - opened.length);
    const key = `${rule.cwe}:${lineOf(code, start)}`;
    const known = found.get(key);
    if (known && (known.confidence === "likely" || confidence === "possible")) return;
    found.set(key, { cwe: rule.cwe, confidence, what: `${rule.what}.`, fix: `${rule.fix}.`, start, end: Math.min(code.length, node.end - opened.length) });
  };
  const rules = rulesOf(grammar);
  for (const call of facts.calls) {
    if (found.size >= MOST_FINDINGS) break;
    if (performance.now() - begun > budgetMs) return { notChecked: `it could not be read within ${budgetMs} ms` };
    for (const rule of rules.calls) {
      if (!rule.callee.test(call.callee)) continue;
      const confidence = rule.when ? rule.when(call, context) : "likely";
      if (confidence) report(rule, call.node, confidence);
    }
  }
  for (const rule of rules.trees) {
    if (performance.now() - begun > budgetMs) return { notChecked: `it could not be read within ${budgetMs} ms` };
    rule.find(context, (node, confidence) => report(rule, node, confidence));
  }
  return { findings: [...found.values()].sort((a, b) => (a.confidence === b.confidence ? a.start - b.start : a.confidence === "likely" ? -1 : 1)).slice(0, MOST_FINDINGS) };
}

function lineOf(text: string, offset: number): number {
  return text.lastIndexOf("\n", offset - 1);
}

function longestLine(text: string): number {
  let longest = 0;
  let from = 0;
  for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
    longest = Math.max(longest, end - from);
    from = end + 1;
  }
  return Math.max(longest, text.length - from);
}
