// Reads a cell of Python: magics taken out, one set of facts per top-level statement. A statement is the grain on purpose:
// to edit one line of a cell does not touch what the others defined.
import { readSyntaxTree } from "../../../base/syntaxTree.ts";
import { canonical } from "../canonical.ts";
import type { CellFacts, StatementFacts } from "../facts.ts";
import { addUse, emptyStatement } from "../facts.ts";
import { judgeShell, withoutMagics } from "../magics.ts";
import type { Magic, ShellJudge } from "../magics.ts";
import { Names } from "../names.ts";
import { linkFiles } from "./effects.ts";
import type { WalkContext } from "./walkContext.ts";
import { walk } from "./walker.ts";

/** Reading one cell may take this long, in ms, and have so many nodes. */
const LIMITS = { budgetMs: 200, nodes: 200_000 };

/** The facts of a cell; the grammar must have been loaded (`loadGrammar("python")`). */
export function readPythonCell(source: string, judge: ShellJudge = judgeShell): CellFacts {
  const { python, magics } = withoutMagics(source.replaceAll("\r\n", "\n"), judge);
  const tree = readSyntaxTree("python", python, LIMITS);
  if (!tree) return { language: "python", statements: [opaqueCell(source)], problem: "the cell could not be read in time" };
  const lineOf = lineFinder(python);
  const nodes = tree.root.children.filter((child) => child.named && child.type !== "comment");
  const shown = nodes.at(-1) ?? null;
  const statements: StatementFacts[] = [];
  const waiting = [...magics];
  for (const node of nodes) {
    const startLine = lineOf(node.start);
    const endLine = lineOf(Math.max(node.start, node.end - 1));
    while (waiting[0] && waiting[0].line < startLine) statements.push(magicStatement(waiting.shift() as Magic));
    const inside: Magic[] = [];
    while (waiting[0] && waiting[0].line <= endLine) inside.push(waiting.shift() as Magic);
    const facts = emptyStatement(canonical(tree, node), startLine, endLine);
    const names = new Names(facts);
    const context: WalkContext = { tree, names, judge, shown, lineOf, walk: (inner) => walk(context, inner) };
    walk(context, node);
    for (const magic of inside) addMagic(facts, magic);
    linkFiles(facts);
    statements.push(facts);
  }
  for (const magic of waiting) statements.push(magicStatement(magic));
  return { language: "python", statements, problem: tree.errorShare > 0 ? "the cell has a syntax error" : null };
}

function magicStatement(magic: Magic): StatementFacts {
  const facts = emptyStatement(magic.text, magic.line, magic.line);
  addMagic(facts, magic);
  linkFiles(facts);
  return facts;
}

function addMagic(facts: StatementFacts, magic: Magic): void {
  if (facts.text !== magic.text) facts.text = facts.text === "pass" ? magic.text : `${facts.text} ${magic.text}`;
  for (const name of magic.uses) addUse(facts.uses, name, null);
  for (const name of magic.defines) if (!facts.defines.some((definition) => definition.name === name)) facts.defines.push({ name, sure: true, origin: { from: "value" }, transform: false });
  facts.filesRead.push(...magic.filesRead);
  facts.filesWritten.push(...magic.filesWritten);
  facts.packages.push(...magic.packages);
  facts.environment.push(...magic.environment);
  facts.hazards.push(...magic.hazards);
  facts.nondeterministic ||= magic.nondeterministic;
  facts.opaque ??= magic.opaque;
}

function opaqueCell(source: string): StatementFacts {
  return { ...emptyStatement(source.replaceAll(/\s+/g, " ").trim(), 1, source.split("\n").length), opaque: "the cell could not be read in time" };
}

function lineFinder(text: string): (offset: number) => number {
  const starts = [0];
  for (let i = text.indexOf("\n"); i >= 0; i = text.indexOf("\n", i + 1)) starts.push(i + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };
}
