// One shape for what rules ask of code in any language: its calls, what is assigned to what, its literals. Read off a tree-sitter
// tree; broken code gives what can still be recognised.
import type { GrammarName } from "../../base/grammars.ts";
import { childByField, childOfType, textOf, walk } from "../../base/syntaxTree.ts";
import type { SyntaxNode, SyntaxTree } from "../../base/syntaxTree.ts";

export interface CallSite {
  /** As written, without blanks: "Runtime.getRuntime().exec". For constructors, "new X". For macros, "format!". */
  callee: string;
  /** The last name of the callee. */
  name: string;
  args: readonly SyntaxNode[];
  node: SyntaxNode;
}

export interface Assigned {
  /** Text of what is assigned to: a name, "this.password", "cmd.CommandText". */
  target: string;
  value: SyntaxNode;
  node: SyntaxNode;
  /** The function that it stands in, or the root. */
  scope: SyntaxNode;
}

export interface CodeFacts {
  tree: SyntaxTree;
  grammar: GrammarName;
  calls: readonly CallSite[];
  assigned: readonly Assigned[];
  /** String literals without interpolation, by node. */
  strings: readonly SyntaxNode[];
  /** Nodes of other types that rules ask for by type. */
  byType: ReadonlyMap<string, readonly SyntaxNode[]>;
}

const CALLS = new Set(["call", "call_expression", "new_expression", "method_invocation", "object_creation_expression", "invocation_expression", "function_call_expression", "member_call_expression", "nullsafe_member_call_expression", "scoped_call_expression", "macro_invocation", "class_instance_creation_expression"]);
const FUNCTIONS = new Set(["function_definition", "function_declaration", "function_item", "method_declaration", "method_definition", "arrow_function", "function_expression", "function", "lambda", "lambda_expression", "closure_expression", "func_literal", "constructor_declaration", "local_function_statement", "generator_function_declaration", "anonymous_function", "anonymous_function_creation_expression"]);
const STRINGS = new Set(["string", "string_literal", "interpreted_string_literal", "raw_string_literal", "template_string", "interpolated_string_expression", "encapsed_string", "char_literal", "verbatim_string_literal", "concatenated_string", "heredoc", "raw_string_literal_content"]);
const KEPT = new Set(["unsafe_block", "echo_statement", "print_intrinsic", "include_expression", "include_once_expression", "require_expression", "require_once_expression", "shell_command_expression", "binary_expression", "attribute", "jsx_attribute", "subscript_expression", "exec_statement", "array_declarator", "pair", "keyword_argument", "import_declaration", "new_declarator", "method_declaration", "comparison_operator", "exit_statement", "update_expression", "text", "member_expression"]);

const INTERPOLATIONS = new Set(["interpolation", "template_substitution", "variable_name", "dynamic_variable_name", "subscript_expression", "member_access_expression", "format_expression"]);

/** Reads the facts of `tree`. */
export function readFacts(tree: SyntaxTree, grammar: GrammarName): CodeFacts {
  const calls: CallSite[] = [];
  const assigned: Assigned[] = [];
  const strings: SyntaxNode[] = [];
  const byType = new Map<string, SyntaxNode[]>();
  walk(tree.root, (node) => {
    if (KEPT.has(node.type)) {
      const list = byType.get(node.type);
      if (list) list.push(node);
      else byType.set(node.type, [node]);
    }
    if (CALLS.has(node.type)) {
      const call = callSite(tree, node);
      if (call) calls.push(call);
    } else if (STRINGS.has(node.type)) {
      strings.push(node);
    } else readAssignment(tree, node, assigned);
  });
  return { tree, grammar, calls, assigned, strings, byType };
}

function callSite(tree: SyntaxTree, node: SyntaxNode): CallSite | null {
  const list = childByField(node, "arguments") ?? childOfType(node, "arguments", "argument_list", "token_tree");
  const args = (list?.children ?? []).filter((child) => child.named && child.type !== "comment").map((child) => (child.type === "argument" ? child.children.findLast((inner) => inner.named) ?? child : child));
  const constructed = node.type === "new_expression" || node.type === "object_creation_expression";
  let callee: string;
  if (constructed) {
    const type = childByField(node, "constructor") ?? childByField(node, "type") ?? node.children.find((child) => child.named && child.type !== "argument_list" && child.type !== "arguments");
    callee = `new ${compact(tree, type ?? null)}`;
  } else if (node.type === "method_invocation" || node.type === "member_call_expression" || node.type === "nullsafe_member_call_expression" || node.type === "scoped_call_expression") {
    const object = childByField(node, "object") ?? childByField(node, "scope");
    callee = `${object ? `${compact(tree, object)}${node.type === "scoped_call_expression" ? "::" : "."}` : ""}${compact(tree, childByField(node, "name"))}`;
  } else if (node.type === "macro_invocation") callee = `${compact(tree, childByField(node, "macro"))}!`;
  else callee = compact(tree, childByField(node, "function") ?? node.children[0] ?? null);
  if (callee === "") return null;
  const name = /([A-Za-z_$][\w$]*!?)(?:<[^()]*>)?$/.exec(callee)?.[1] ?? callee;
  return { callee, name, args, node };
}

function compact(tree: SyntaxTree, node: SyntaxNode | null): string {
  if (!node) return "";
  const text = node.end - node.start > 400 ? tree.text.slice(node.end - 400, node.end) : textOf(tree, node);
  return text.replace(/\s+/g, "");
}

function readAssignment(tree: SyntaxTree, node: SyntaxNode, assigned: Assigned[]): void {
  let left: SyntaxNode | null = null;
  let right: SyntaxNode | null = null;
  switch (node.type) {
    case "assignment": case "assignment_expression": case "augmented_assignment": case "augmented_assignment_expression": case "short_var_declaration": case "assignment_statement": case "named_expression":
      left = childByField(node, "left") ?? childByField(node, "name");
      right = childByField(node, "right") ?? childByField(node, "value");
      break;
    case "variable_declarator": case "init_declarator": case "let_declaration": case "var_spec": case "const_spec": case "property_declaration": case "field_definition": case "public_field_definition": case "const_item": case "static_item": case "property_element": case "default_parameter": case "typed_default_parameter": case "const_element":
      left = childByField(node, "name") ?? childByField(node, "declarator") ?? childByField(node, "pattern") ?? childByField(node, "property") ?? node.children[0] ?? null;
      right = childByField(node, "value") ?? node.children.findLast((child) => child.named && child !== left && child.type !== "type_annotation") ?? null;
      break;
    case "pair": case "keyword_argument": case "keyed_element": case "field_initializer": case "array_element_initializer":
      left = childByField(node, "key") ?? childByField(node, "name") ?? childByField(node, "field") ?? node.children[0] ?? null;
      right = childByField(node, "value") ?? node.children.findLast((child) => child.named && child !== left) ?? null;
      break;
    default:
      return;
  }
  if (!left || !right || left === right) return;
  const values = right.type === "expression_list" ? right.children.filter((child) => child.named) : [right];
  const targets = left.type === "expression_list" || left.type === "pattern_list" || left.type === "tuple_pattern" ? left.children.filter((child) => child.named) : left.type === "object_pattern" || left.type === "array_pattern" ? left.children.filter((child) => child.named) : [left];
  targets.forEach((target, i) => {
    const value = values[i] ?? values[0];
    if (value) assigned.push({ target: compact(tree, target).replace(/^[*&]+|^["']|["']$/g, "").slice(0, 200), value, node, scope: functionAround(node) });
  });
}

/** The function that `node` stands in, or the root. */
export function functionAround(node: SyntaxNode): SyntaxNode {
  let at = node;
  while (at.parent) {
    at = at.parent;
    if (FUNCTIONS.has(at.type)) return at;
  }
  return at;
}

export function isString(node: SyntaxNode): boolean {
  return STRINGS.has(node.type);
}

/** Whether a string has parts that are computed. */
export function interpolates(node: SyntaxNode): boolean {
  return node.children.some((child) => INTERPOLATIONS.has(child.type));
}

/** What stands between the quotes of a string without computed parts, else null. */
export function literalText(tree: SyntaxTree, node: SyntaxNode): string | null {
  if (!isString(node) || interpolates(node)) return null;
  const text = textOf(tree, node);
  return text.replace(/^(?:[rbuRBUfFL@]|u8|\$@?)*(?:"""|'''|["'`]|r#*")/, "").replace(/(?:"""|'''|["'`])#*$/, "");
}
