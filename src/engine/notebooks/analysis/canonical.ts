// The text of a statement by which it is told whether code was changed: without comments, its blanks made alike.
import type { SyntaxNode, SyntaxTree } from "../../base/syntaxTree.ts";
import { textOf } from "../../base/syntaxTree.ts";

/** The code without comments, its blanks made alike; blocks in braces, so that indentation still counts. */
export function canonical(tree: SyntaxTree, node: SyntaxNode): string {
  if (node.type === "comment") return "";
  if (node.type === "string" || node.type === "template_string") {
    const outer = tree.text.slice(node.start, node.end);
    return outer.includes("{") || outer.startsWith("f") ? outer : outer.replace(/^"([^"'\\\n]*)"$/, "'$1'");
  }
  if (node.children.length === 0) return textOf(tree, node);
  const inner = node.children.map((child) => canonical(tree, child)).filter((text) => text !== "").join(" ");
  return node.type === "block" ? `{${inner}}` : inner;
}
