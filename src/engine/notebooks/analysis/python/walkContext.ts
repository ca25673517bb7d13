// What is handed from node to node while a statement of Python is walked. Types only.
import type { SyntaxNode, SyntaxTree } from "../../../base/syntaxTree.ts";
import type { ShellJudge } from "../magics.ts";
import type { Names } from "../names.ts";

export interface WalkContext {
  tree: SyntaxTree;
  names: Names;
  judge: ShellJudge;
  /** The node of the last statement of the cell, whose value is shown. */
  shown: SyntaxNode | null;
  /** Walks a node inside, whatever it is. */
  walk(node: SyntaxNode): void;
  /** 1-based line of an offset. */
  lineOf(offset: number): number;
}
