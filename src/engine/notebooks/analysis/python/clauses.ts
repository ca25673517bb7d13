// Parts of Python's statements and expressions with scopes or names of their own: comprehensions, handlers of exceptions, patterns of
// `match`, interpolated strings, imports.
import type { SyntaxNode } from "../../../base/syntaxTree.ts";
import { childByField, childOfType, textOf } from "../../../base/syntaxTree.ts";
import { targetsOf } from "./bindings.ts";
import type { WalkContext } from "./walkContext.ts";

export function walkComprehension(context: WalkContext, node: SyntaxNode): void {
  const { tree, names } = context;
  const clauses = node.children.filter((child) => child.type === "for_in_clause" || child.type === "if_clause");
  const first = clauses[0] && childByField(clauses[0], "right");
  // The first iterable is evaluated outside.
  if (first) context.walk(first);
  const locals = new Set<string>();
  names.within({ kind: "comprehension", locals }, () => {
    for (const clause of clauses) {
      const right = childByField(clause, "right");
      if (right && right !== first) context.walk(right);
      const left = childByField(clause, "left");
      if (left) for (const name of targetsOf(tree, left)) locals.add(name);
      if (clause.type === "if_clause") for (const child of clause.children) if (child.named) context.walk(child);
    }
    const body = childByField(node, "body");
    if (body) context.walk(body);
    else for (const child of node.children) if (child.named && !clauses.includes(child)) context.walk(child);
  });
}

export function walkHandler(context: WalkContext, handler: SyntaxNode): void {
  let bound: string[] = [];
  for (const child of handler.children) {
    if (!child.named) continue;
    if (child.type === "as_pattern") {
      const alias = childByField(child, "alias");
      bound = alias ? targetsOf(context.tree, alias) : [];
      for (const part of child.children) if (part.named && part !== alias) context.walk(part);
      for (const name of bound) context.names.assigned.add(name);
    } else if (child.type === "identifier" && handler.children.some((other) => other.type === "as" && other.end <= child.start)) {
      bound = [textOf(context.tree, child)];
      for (const name of bound) context.names.assigned.add(name);
    } else context.walk(child);
  }
  // The name of the exception is taken away at the end of its clause.
  for (const name of bound) context.names.assigned.delete(name);
}

export function walkPattern(context: WalkContext, node: SyntaxNode): void {
  const { tree, names } = context;
  // A bare name captures; dotted names, keys and classes are read.
  for (const child of node.children) {
    if (child.type === "dotted_name") {
      const parts = child.children.filter((part) => part.type === "identifier");
      const [name] = parts;
      if (!name) continue;
      if (parts.length > 1 || node.type === "class_pattern") names.read(textOf(tree, name));
      else if (textOf(tree, name) !== "_") names.bind(textOf(tree, name), { from: "value" });
    } else if (child.type === "identifier") {
      if (node.type === "as_pattern" || node.type === "splat_pattern" || child.field === "alias") names.bind(textOf(tree, child), { from: "value" });
    } else if (child.type === "keyword_pattern") {
      for (const part of child.children) if (part.named && part.type !== "identifier") walkPattern(context, { ...part, type: "case_pattern", children: part.children.length > 0 && part.type !== "dotted_name" ? part.children : [part] });
    } else if (child.named && child.children.length > 0) walkPattern(context, child);
  }
}

export function walkInterpolation(context: WalkContext, node: SyntaxNode): void {
  for (const child of node.children) {
    if (!child.named || child.type === "type_conversion") continue;
    if (child.type === "format_specifier") {
      for (const inner of child.children) if (inner.type === "interpolation" || inner.type === "format_expression") walkInterpolation(context, inner);
    } else context.walk(child);
  }
}

export function walkImport(context: WalkContext, node: SyntaxNode): void {
  const { tree, names } = context;
  const text = (of: SyntaxNode): string => textOf(tree, of);
  const source = node.type === "import_from_statement" ? childByField(node, "module_name") : null;
  if (childOfType(node, "wildcard_import")) {
    names.facts.opaque ??= `from ${source ? text(source) : ""} import * brings names that the text does not tell`;
    return;
  }
  for (const child of node.children) {
    if (child.field !== "name") continue;
    const inner = child.type === "aliased_import" ? childByField(child, "name") : child;
    const alias = child.type === "aliased_import" ? childByField(child, "alias") : null;
    if (!inner) continue;
    const dotted = text(inner).replaceAll(/\s/g, "");
    const path = source ? `${text(source).replaceAll(/\s/g, "")}.${dotted}` : alias ? dotted : dotted.split(".")[0] as string;
    names.bind(alias ? text(alias) : dotted.split(".")[0] as string, { from: "module", path });
  }
}
