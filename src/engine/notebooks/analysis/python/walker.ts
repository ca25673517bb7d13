// Walks the syntax tree of one top-level statement of Python in the order of evaluation and writes down what it does to the
// names of the session. Scopes are those of the language reference (comprehensions, closures, global, class bodies). This file
// says what comes in which order; assignments.ts, definitions.ts and clauses.ts what the parts mean.
import type { SyntaxNode } from "../../../base/syntaxTree.ts";
import { childByField, childOfType, textOf } from "../../../base/syntaxTree.ts";
import { inBoth } from "../names.ts";
import { assign, bindTargets, change, walkChain, walkKeys } from "./assignments.ts";
import { targetsOf } from "./bindings.ts";
import { walkCall } from "./calls.ts";
import { walkComprehension, walkHandler, walkImport, walkInterpolation, walkPattern } from "./clauses.ts";
import { classSummary, functionSummary, inlineLambda, parameterDefaults } from "./definitions.ts";
import type { WalkContext } from "./walkContext.ts";

export function walk(context: WalkContext, node: SyntaxNode): void {
  const { tree, names } = context;
  const text = (of: SyntaxNode): string => textOf(tree, of);
  const go = (child: SyntaxNode | null): void => { if (child) walk(context, child); };
  const all = (of: SyntaxNode): void => { for (const child of of.children) if (child.named) walk(context, child); };
  const field = (name: string): SyntaxNode | null => childByField(node, name);

  switch (node.type) {
    case "comment": case "integer": case "float": case "true": case "false": case "none": case "pass_statement": case "break_statement": case "continue_statement":
    case "global_statement": case "nonlocal_statement": case "future_import_statement": case "ellipsis":
      return;
    case "identifier":
      names.read(text(node));
      return;
    case "attribute": case "subscript":
      walkChain(context, node);
      return;
    case "call":
      walkCall(context, node);
      return;
    case "keyword_argument":
      go(field("value"));
      return;
    case "assignment": {
      const left = field("left");
      const right = field("right");
      go(field("type"));
      if (!left || !right) return;
      if (right.type === "lambda" && left.type === "identifier") parameterDefaults(context, childByField(right, "parameters"));
      else go(right);
      assign(context, left, right);
      return;
    }
    case "augmented_assignment": {
      const left = field("left");
      if (!left) return;
      if (left.type === "identifier") names.read(text(left));
      else walkChain(context, left);
      go(field("right"));
      if (left.type === "identifier") names.bind(text(left), { from: "augmented" });
      else change(context, left, "accumulate");
      return;
    }
    case "named_expression": {
      const name = field("name");
      go(field("value"));
      if (name) names.bind(text(name), { from: "value" });
      return;
    }
    case "type_alias_statement": {
      const left = node.children.find((child) => child.named);
      for (const child of node.children) if (child.named && child !== left) go(child);
      const name = left && firstIdentifier(left);
      if (name) names.bind(text(name), { from: "value" });
      return;
    }
    case "import_statement": case "import_from_statement":
      walkImport(context, node);
      return;
    case "function_definition": {
      const name = field("name");
      parameterDefaults(context, field("parameters"));
      go(field("return_type"));
      const summary = functionSummary(context, node);
      if (name) names.bind(text(name), { from: "function", summary });
      return;
    }
    case "lambda":
      parameterDefaults(context, field("parameters"));
      inlineLambda(context, node);
      return;
    case "class_definition": {
      const name = field("name");
      go(field("superclasses"));
      const summary = classSummary(context, node);
      if (name) names.bind(text(name), { from: "class", summary });
      return;
    }
    case "decorated_definition":
      for (const child of node.children) if (child.type === "decorator") all(child);
      go(field("definition"));
      return;
    case "list_comprehension": case "set_comprehension": case "dictionary_comprehension": case "generator_expression":
      walkComprehension(context, node);
      return;
    case "if_statement": {
      go(field("condition"));
      const branches = node.children.filter((child) => child.field === "alternative");
      const walks: (() => void)[] = [() => { go(field("consequence")); }];
      for (const branch of branches) {
        if (branch.type === "elif_clause") {
          // Its condition is only reached when the earlier ones were false; what it reads may be read.
          walks.push(() => {
            go(childByField(branch, "condition"));
            go(childByField(branch, "consequence"));
          });
        } else walks.push(() => { go(childByField(branch, "body")); });
      }
      names.alternatives(walks, branches.some((branch) => branch.type === "else_clause"));
      return;
    }
    case "for_statement": {
      const left = field("left");
      const right = field("right");
      go(right);
      // A loop is taken to run at least once: what it binds is bound afterwards.
      if (left) bindTargets(context, left, right);
      go(field("body"));
      go(field("alternative"));
      return;
    }
    case "while_statement":
      go(field("condition"));
      go(field("body"));
      go(field("alternative"));
      return;
    case "with_statement": {
      const clause = childOfType(node, "with_clause");
      if (clause) all(clause);
      go(field("body"));
      return;
    }
    case "as_pattern": {
      const [value] = node.children.filter((child) => child.named);
      go(value ?? null);
      const target = field("alias");
      if (target) for (const name of targetsOf(tree, target)) names.bind(name, { from: "value" });
      return;
    }
    case "try_statement": {
      const body = field("body");
      // Any statement of the body may be the last that ran.
      const before = new Set(names.assigned);
      go(body);
      const afterBody = names.assigned;
      const handlers = node.children.filter((child) => child.type === "except_clause" || child.type === "except_group_clause");
      const otherwise = childOfType(node, "else_clause");
      const ends: Set<string>[] = [];
      if (otherwise) go(childByField(otherwise, "body"));
      ends.push(names.assigned);
      for (const handler of handlers) {
        names.assigned = new Set(before);
        walkHandler(context, handler);
        // A handler that leaves (`raise`) never comes to what follows.
        if (!/^\s*raise\b/m.test(text(handler).split("\n").at(-1) ?? "")) ends.push(names.assigned);
      }
      names.assigned = handlers.length === 0 ? afterBody : ends.reduce(inBoth);
      const last = childOfType(node, "finally_clause");
      if (last) all(last);
      for (const definition of names.facts.defines) definition.sure = names.assigned.has(definition.name);
      return;
    }
    case "match_statement": {
      go(field("subject"));
      const cases = field("body")?.children.filter((child) => child.type === "case_clause") ?? node.children.filter((child) => child.type === "case_clause");
      names.alternatives(cases.map((clause) => () => {
        for (const child of clause.children) {
          if (child.type === "case_pattern") walkPattern(context, child);
          else if (child.named) walk(context, child);
        }
      }), false);
      return;
    }
    case "delete_statement":
      for (const child of node.children) {
        if (!child.named) continue;
        for (const target of child.type === "expression_list" ? child.children.filter((inner) => inner.named) : [child]) {
          if (target.type === "identifier") names.unbind(text(target));
          else {
            walkKeys(context, target);
            change(context, target, "transform");
          }
        }
      }
      return;
    case "exec_statement":
      names.facts.opaque ??= "exec runs code that is made while it runs";
      all(node);
      return;
    case "string": case "concatenated_string":
      for (const child of node.children) {
        if (child.type === "interpolation") walkInterpolation(context, child);
        else if (child.named) walk(context, child);
      }
      return;
    default:
      all(node);
  }
}

function firstIdentifier(node: SyntaxNode): SyntaxNode | null {
  if (node.type === "identifier") return node;
  for (const child of node.children) {
    const found = firstIdentifier(child);
    if (found) return found;
  }
  return null;
}
