// Which names a piece of Python binds: parameters, targets of assignments, and the locals of a function body.
import type { SyntaxNode, SyntaxTree } from "../../../base/syntaxTree.ts";
import { childByField, textOf } from "../../../base/syntaxTree.ts";

export function parameterNames(tree: SyntaxTree, parameters: SyntaxNode | null): string[] {
  const found: string[] = [];
  for (const parameter of parameters?.children ?? []) {
    if (!parameter.named || parameter.type === "comment") continue;
    if (parameter.type === "identifier") found.push(textOf(tree, parameter));
    else {
      const name = childByField(parameter, "name") ?? parameter.children.find((child) => child.named);
      if (name) found.push(...targetsOf(tree, name));
    }
  }
  return found;
}

/** The names that a target binds; items and attributes bind none. */
export function targetsOf(tree: SyntaxTree, node: SyntaxNode): string[] {
  switch (node.type) {
    case "identifier": return [textOf(tree, node)];
    case "attribute": case "subscript": case "call": case "type": return [];
    default: return node.children.filter((child) => child.named).flatMap((child) => targetsOf(tree, child));
  }
}

/** Names that `global` and `nonlocal` declare in a function body. */
export function declaredNames(tree: SyntaxTree, body: SyntaxNode): { globals: Set<string>; nonlocals: Set<string> } {
  const globals = new Set<string>();
  const nonlocals = new Set<string>();
  const look = (node: SyntaxNode): void => {
    if (node.type === "function_definition" || node.type === "class_definition" || node.type === "lambda") return;
    const into = node.type === "global_statement" ? globals : node.type === "nonlocal_statement" ? nonlocals : null;
    for (const child of node.children) {
      if (into && child.type === "identifier") into.add(textOf(tree, child));
      else look(child);
    }
  };
  look(body);
  return { globals, nonlocals };
}

/** Names that a function body binds, so that they are its locals. */
export function boundNames(tree: SyntaxTree, body: SyntaxNode): Set<string> {
  const bound = new Set<string>();
  const add = (node: SyntaxNode | null): void => { if (node) for (const name of targetsOf(tree, node)) bound.add(name); };
  const look = (node: SyntaxNode): void => {
    switch (node.type) {
      case "function_definition": case "class_definition":
        add(childByField(node, "name"));
        return;
      case "lambda": return;
      case "assignment": case "augmented_assignment":
        add(childByField(node, "left"));
        break;
      case "named_expression":
        add(childByField(node, "name"));
        break;
      case "for_statement":
        add(childByField(node, "left"));
        break;
      case "as_pattern": {
        add(childByField(node, "alias"));
        break;
      }
      case "import_statement": case "import_from_statement":
        for (const child of node.children) {
          if (child.field !== "name") continue;
          const alias = childByField(child, "alias");
          bound.add(alias ? textOf(tree, alias) : textOf(tree, childByField(child, "name") ?? child).split(".")[0] as string);
        }
        return;
      case "delete_statement":
        for (const child of node.children) if (child.type === "identifier") bound.add(textOf(tree, child));
        break;
      case "case_pattern":
        for (const child of node.children) if (child.type === "dotted_name" && child.children.filter((part) => part.type === "identifier").length === 1) bound.add(textOf(tree, child));
        break;
      case "list_comprehension": case "set_comprehension": case "dictionary_comprehension": case "generator_expression": {
        // Only the walrus binds outside a comprehension.
        const walrus = (inner: SyntaxNode): void => {
          if (inner.type === "named_expression") add(childByField(inner, "name"));
          for (const child of inner.children) walrus(child);
        };
        walrus(node);
        return;
      }
    }
    for (const child of node.children) look(child);
  };
  look(body);
  return bound;
}
