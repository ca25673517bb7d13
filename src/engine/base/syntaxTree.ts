// A parsed text as plain objects: what detectors walk many times would cost a call into WebAssembly per step otherwise.
// Reading is bounded by nodes and time. What the node types mean is for the rooms that read them.
import type { Tree } from "web-tree-sitter";
import { parseWithin } from "./grammars.ts";
import type { GrammarName } from "./grammars.ts";

/** A node of a concrete syntax tree. Offsets are UTF-16 code units into the parsed text, `end` exclusive. */
export interface SyntaxNode {
  readonly type: string;
  /** The name by which the parent knows this node, or null. */
  readonly field: string | null;
  readonly named: boolean;
  readonly start: number;
  readonly end: number;
  readonly parent: SyntaxNode | null;
  readonly children: SyntaxNode[];
}

/** A text with its tree. */
export interface SyntaxTree {
  readonly text: string;
  readonly root: SyntaxNode;
  /** Share of the text's characters that stand under error nodes, 0 to 1. */
  readonly errorShare: number;
}

export interface ReadLimits {
  /** For parsing and reading together. */
  budgetMs: number;
  nodes: number;
}

/** Parses `text` into plain objects; null where the grammar is not loaded, or time or nodes did not suffice. */
export function readSyntaxTree(grammar: GrammarName, text: string, limits: ReadLimits): SyntaxTree | null {
  const started = performance.now();
  return parseWithin(grammar, text, limits.budgetMs, (tree) => copyTree(tree, text, limits, started));
}

function copyTree(tree: Tree, text: string, limits: ReadLimits, started: number): SyntaxTree | null {
  const cursor = tree.walk();
  try {
    const make = (parent: SyntaxNode | null): SyntaxNode => {
      const node: SyntaxNode = { type: cursor.nodeType, field: cursor.currentFieldName, named: cursor.nodeIsNamed, start: cursor.startIndex, end: cursor.endIndex, parent, children: [] };
      parent?.children.push(node);
      return node;
    };
    const root = make(null);
    let at = root;
    let count = 1;
    let wrong = 0;
    for (;;) {
      if (cursor.gotoFirstChild()) {
        at = make(at);
      } else {
        // Up until there is a next sibling.
        for (;;) {
          if (at.parent === null) return { text, root, errorShare: text.length === 0 ? 0 : Math.min(1, wrong / text.length) };
          if (cursor.gotoNextSibling()) {
            at = make(at.parent);
            break;
          }
          cursor.gotoParent();
          at = at.parent;
        }
      }
      if (at.type === "ERROR") wrong += at.end - at.start;
      count++;
      if (count > limits.nodes) return null;
      if (count % 512 === 0 && performance.now() - started > limits.budgetMs) return null;
    }
  } finally {
    cursor.delete();
  }
}

/** The text of `node`. */
export function textOf(tree: SyntaxTree, node: SyntaxNode): string {
  return tree.text.slice(node.start, node.end);
}

/** The child that `node` knows by `field`, or null. */
export function childByField(node: SyntaxNode, field: string): SyntaxNode | null {
  return node.children.find((child) => child.field === field) ?? null;
}

export function childOfType(node: SyntaxNode, ...types: readonly string[]): SyntaxNode | null {
  return node.children.find((child) => types.includes(child.type)) ?? null;
}

/** Calls `visit` with `node` and everything below it, parents first; a visitor that returns false is not led below that node. */
export function walk(node: SyntaxNode, visit: (node: SyntaxNode) => unknown): void {
  const waiting: SyntaxNode[] = [node];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if (visit(next) === false) continue;
    for (let i = next.children.length - 1; i >= 0; i--) waiting.push(next.children[i] as SyntaxNode);
  }
}

/** The nearest node above `node` of one of `types`, or null. */
export function ancestor(node: SyntaxNode, types: readonly string[]): SyntaxNode | null {
  for (let up = node.parent; up; up = up.parent) if (types.includes(up.type)) return up;
  return null;
}
