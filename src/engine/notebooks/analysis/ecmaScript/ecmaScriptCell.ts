// Reads a cell of JavaScript or TypeScript into the facts of its statements: the scopes of functions and blocks, closures,
// destructuring, and what well-known methods change in place. Types of TypeScript are read as names like others.
import type { GrammarName } from "../../../base/grammars.ts";
import type { SyntaxNode, SyntaxTree } from "../../../base/syntaxTree.ts";
import { childByField, readSyntaxTree, textOf } from "../../../base/syntaxTree.ts";
import { canonical } from "../canonical.ts";
import type { CellFacts, FunctionSummary, Origin } from "../facts.ts";
import { emptyStatement, SLOT_SEPARATOR } from "../facts.ts";
import { emptySummary, Names } from "../names.ts";

const LIMITS = { budgetMs: 200, nodes: 200_000 };
const MUTATORS = new Map<string, "accumulate" | "set" | "transform">([
  ...["push", "pop", "shift", "unshift", "splice", "reverse", "copyWithin", "append", "appendChild", "remove", "next"].map((name) => [name, "accumulate"] as const),
  ...["set", "add", "delete", "fill", "setAttribute"].map((name) => [name, "set"] as const),
  ...["sort", "clear"].map((name) => [name, "transform"] as const),
]);
const FUNCTIONS = new Set(["function_declaration", "generator_function_declaration", "function_expression", "generator_function", "arrow_function", "method_definition"]);

interface Context {
  tree: SyntaxTree;
  names: Names;
}

/** The facts of a cell; the grammar must have been loaded. */
export function readEcmaScriptCell(source: string, grammar: GrammarName, language: string): CellFacts {
  // Deno and tslab have no magics; a leading "%" line is Node's kernel's.
  const tree = readSyntaxTree(grammar, source.replaceAll(/^[%#!].*$/gm, ""), LIMITS);
  if (!tree) return { language, statements: [{ ...emptyStatement(source, 1, source.split("\n").length), opaque: "the cell could not be read in time" }], problem: "the cell could not be read in time" };
  const lineOf = (offset: number): number => tree.text.slice(0, offset).split("\n").length;
  const statements = tree.root.children.filter((child) => child.named && child.type !== "comment").map((node) => {
    const facts = emptyStatement(canonical(tree, node), lineOf(node.start), lineOf(Math.max(node.start, node.end - 1)));
    walk({ tree, names: new Names(facts) }, node);
    if (/\b(?:Math\.random|Date\.now|new Date\(\)|performance\.now|fetch\()/.test(textOf(tree, node))) facts.nondeterministic = true;
    return facts;
  });
  return { language, statements, problem: tree.errorShare > 0 ? "the cell has a syntax error" : null };
}

function walk(context: Context, node: SyntaxNode): void {
  const { tree, names } = context;
  const field = (name: string): SyntaxNode | null => childByField(node, name);
  const go = (child: SyntaxNode | null): void => { if (child) walk(context, child); };
  const all = (of: SyntaxNode): void => { for (const child of of.children) if (child.named) walk(context, child); };
  switch (node.type) {
    case "comment": case "string_fragment": case "property_identifier": case "number": case "regex": case "statement_identifier": case "predefined_type":
      return;
    case "identifier": case "shorthand_property_identifier": case "type_identifier":
      names.read(textOf(tree, node));
      return;
    case "variable_declarator": {
      go(field("type"));
      const value = field("value");
      const name = field("name");
      if (value && !FUNCTIONS.has(value.type)) go(value);
      if (name) bindPattern(context, name, value);
      return;
    }
    case "function_declaration": case "generator_function_declaration": {
      const name = field("name");
      if (name) names.bind(textOf(tree, name), { from: "function", summary: functionSummary(context, node) });
      return;
    }
    case "arrow_function": case "function_expression": case "generator_function": {
      // Handed on at once, it is taken to be called now.
      const body = field("body");
      names.within({ kind: "comprehension", locals: localsOf(tree, node) }, () => { go(body); });
      return;
    }
    case "class_declaration": case "class": {
      const name = field("name");
      const heritage = node.children.find((child) => child.type === "class_heritage");
      if (heritage) all(heritage);
      const summary = emptySummary([]);
      for (const member of field("body")?.children ?? []) {
        if (!FUNCTIONS.has(member.type)) {
          go(childByField(member, "value"));
          continue;
        }
        const method = functionSummary(context, member);
        summary.uses.push(...method.uses);
        summary.mutates.push(...method.mutates);
        summary.assigns.push(...method.assigns);
      }
      if (name) names.bind(textOf(tree, name), { from: "class", summary: { ...summary, methods: new Map(), bases: [], hasProperties: true } });
      return;
    }
    case "import_statement": {
      const source = textOf(tree, field("source") ?? node).replaceAll(/["']/g, "");
      const bind = (child: SyntaxNode): void => {
        if (child.type === "import_specifier") {
          const name = childByField(child, "name");
          const alias = childByField(child, "alias") ?? name;
          if (name && alias) names.bind(textOf(tree, alias), { from: "module", path: `${source}.${textOf(tree, name)}` });
        } else if (child.type === "identifier") names.bind(textOf(tree, child), { from: "module", path: source });
        else child.children.forEach(bind);
      };
      for (const child of node.children) if (child.type === "import_clause") bind(child);
      return;
    }
    case "assignment_expression": case "augmented_assignment_expression": {
      const left = field("left");
      const right = field("right");
      go(right);
      if (!left) return;
      if (left.type === "identifier") {
        const name = textOf(tree, left);
        if (node.type === "augmented_assignment_expression") names.read(name);
        assign(names, name, node.type === "assignment_expression" && right ? originOf(tree, right) : { from: "value" });
      } else if (left.type === "member_expression" || left.type === "subscript_expression") {
        readChain(context, left, node.type === "assignment_expression");
        const { root, slot } = chainOf(tree, left);
        if (root !== null) names.mutate(root, slot, node.type === "assignment_expression" ? "set" : "accumulate");
      } else bindPattern(context, left, right, true);
      return;
    }
    case "update_expression": {
      const argument = field("argument");
      if (argument?.type === "identifier") {
        names.read(textOf(tree, argument));
        assign(names, textOf(tree, argument), { from: "value" });
      } else if (argument) {
        readChain(context, argument, false);
        const { root, slot } = chainOf(tree, argument);
        if (root !== null) names.mutate(root, slot, "accumulate");
      }
      return;
    }
    case "member_expression": case "subscript_expression":
      readChain(context, node, false);
      return;
    case "call_expression": case "new_expression": {
      const callee = field("function") ?? field("constructor");
      const method = callee?.type === "member_expression" ? childByField(callee, "property") : null;
      const object = callee?.type === "member_expression" ? childByField(callee, "object") : null;
      const kind = method ? MUTATORS.get(textOf(tree, method)) : undefined;
      if (callee) go(callee);
      go(field("arguments"));
      if (object && kind !== undefined) {
        const { root, slot } = chainOf(tree, object);
        if (root !== null) names.mutate(root, kind === "set" ? `*${textOf(tree, node)}` : slot === "" ? null : slot, kind);
      }
      const { root } = callee ? chainOf(tree, callee) : { root: null };
      const given = field("arguments")?.children.filter((child) => child.named) ?? [];
      if (root !== null) names.call({ root, path: method ? [textOf(tree, method)] : [], arguments: given.map((argument) => (argument.type === "identifier" ? textOf(tree, argument) : null)), named: [], discarded: false, text: textOf(tree, node).slice(0, 200) });
      return;
    }
    case "pair":
      if (field("key")?.type === "computed_property_name") go(field("key"));
      go(field("value"));
      return;
    case "for_in_statement": {
      go(field("right"));
      const left = field("left");
      const isDeclared = node.children.some((child) => child.type === "const" || child.type === "let" || child.type === "var");
      const locals = new Set(left && isDeclared ? patternNames(tree, left) : []);
      if (left && !isDeclared) bindPattern(context, left, null, true);
      names.within({ kind: "comprehension", locals }, () => { go(field("body")); });
      return;
    }
    case "for_statement":
      names.within({ kind: "comprehension", locals: blockNames(tree, node) }, () => { all(node); });
      return;
    case "statement_block":
      names.within({ kind: "comprehension", locals: blockNames(tree, node) }, () => { all(node); });
      return;
    case "catch_clause":
      names.within({ kind: "comprehension", locals: new Set(patternNames(tree, field("parameter") ?? node).slice(0, 8)) }, () => { go(field("body")); });
      return;
    case "interface_declaration": case "type_alias_declaration": case "enum_declaration": {
      const name = field("name");
      go(field("value"));
      if (name) names.bind(textOf(tree, name), { from: "value" });
      return;
    }
    case "object_type": case "function_type": case "type_parameters":
      return;
    default:
      all(node);
  }
}

/** An assignment to a name: of a block, of a function, or of the session. */
function assign(names: Names, name: string, origin: Origin): void {
  const where = names.resolve(name);
  if (where.local) return;
  if (where.by) {
    if (!where.by.summary.assigns.includes(name)) where.by.summary.assigns.push(name);
  } else names.bind(name, origin);
}

function bindPattern(context: Context, pattern: SyntaxNode, value: SyntaxNode | null, isAssignment = false): void {
  const { tree, names } = context;
  if (pattern.type === "identifier") {
    const origin: Origin = value && FUNCTIONS.has(value.type) ? { from: "function", summary: functionSummary(context, value) } : value ? originOf(tree, value) : { from: "value" };
    if (isAssignment) assign(names, textOf(tree, pattern), origin);
    else if (!names.resolve(textOf(tree, pattern)).local) names.bind(textOf(tree, pattern), origin);
    return;
  }
  for (const name of patternNames(tree, pattern)) {
    if (isAssignment) assign(names, name, { from: "value" });
    else if (!names.resolve(name).local) names.bind(name, { from: "value" });
  }
  // Defaults in patterns are read.
  const defaults = (node: SyntaxNode): void => {
    if (node.type === "assignment_pattern" || node.type === "object_assignment_pattern") {
      const right = childByField(node, "right");
      if (right) walk(context, right);
    }
    node.children.forEach(defaults);
  };
  defaults(pattern);
}

function originOf(tree: SyntaxTree, value: SyntaxNode): Origin {
  if (value.type === "identifier") return { from: "alias", of: textOf(tree, value) };
  if (value.type === "array" || value.type === "object") {
    const of = value.children.flatMap((child) => (child.type === "identifier" || child.type === "shorthand_property_identifier" ? [textOf(tree, child)] : child.type === "pair" && childByField(child, "value")?.type === "identifier" ? [textOf(tree, childByField(child, "value") as SyntaxNode)] : []));
    return of.length > 0 ? { from: "container", of } : { from: "value" };
  }
  if (value.type === "member_expression" || value.type === "subscript_expression") {
    const { root, slot } = chainOf(tree, value);
    if (root !== null && !slot.startsWith("*")) return { from: "part", of: root, slot };
  }
  if (value.type === "new_expression") {
    const made = childByField(value, "constructor");
    if (made?.type === "identifier") return { from: "call", callee: textOf(tree, made), with: [] };
  }
  return { from: "value" };
}

function chainOf(tree: SyntaxTree, node: SyntaxNode): { root: string | null; slot: string } {
  const path: string[] = [];
  let at = node;
  while (at.type === "member_expression" || at.type === "subscript_expression") {
    const object = childByField(at, "object");
    const property = childByField(at, "property") ?? childByField(at, "index");
    if (!object || !property) break;
    const text = textOf(tree, property);
    path.unshift(at.type === "member_expression" || /^["'`]?[\w$]+["'`]?$/.test(text) && property.type !== "identifier" ? text.replaceAll(/["'`]/g, "") : `*[${text}]`);
    at = object;
  }
  const unknown = path.findIndex((part) => part.startsWith("*"));
  return { root: at.type === "identifier" ? textOf(tree, at) : null, slot: unknown >= 0 ? path[unknown] as string : path.join(SLOT_SEPARATOR) };
}

function readChain(context: Context, node: SyntaxNode, isWritten: boolean): void {
  const { tree, names } = context;
  let at = node;
  while (at.type === "member_expression" || at.type === "subscript_expression") {
    const index = at.type === "subscript_expression" ? childByField(at, "index") : null;
    if (index) walk(context, index);
    at = childByField(at, "object") ?? at.children[0] as SyntaxNode;
  }
  if (at.type === "identifier") names.read(textOf(tree, at), isWritten ? [] : null);
  else walk(context, at);
}

function functionSummary(context: Context, node: SyntaxNode): FunctionSummary {
  const { tree, names } = context;
  const parameters = parametersOf(tree, node);
  const summary = emptySummary(parameters);
  const body = childByField(node, "body");
  names.within({ kind: "function", locals: localsOf(tree, node), globals: new Set(), summary, parts: new Map(), self: null, changesSelf: null }, () => {
    for (const parameter of childByField(node, "parameters")?.children ?? []) {
      const value = childByField(parameter, "right") ?? childByField(parameter, "value");
      if (value) walk(context, value);
    }
    if (body) walk(context, body);
  });
  return summary;
}

function parametersOf(tree: SyntaxTree, node: SyntaxNode): string[] {
  const single = childByField(node, "parameter");
  if (single) return [textOf(tree, single)];
  return (childByField(node, "parameters")?.children ?? []).filter((child) => child.named).flatMap((child) => patternNames(tree, childByField(child, "pattern") ?? child));
}

/** Parameters and everything declared in the body, blocks included: an inner block's name hides nothing that matters here. */
function localsOf(tree: SyntaxTree, node: SyntaxNode): Set<string> {
  const locals = new Set([...parametersOf(tree, node), "arguments", "this"]);
  const body = childByField(node, "body");
  const look = (at: SyntaxNode): void => {
    if (at.type === "variable_declarator") for (const name of patternNames(tree, childByField(at, "name") ?? at)) locals.add(name);
    if (at.type === "function_declaration" || at.type === "class_declaration") {
      const name = childByField(at, "name");
      if (name) locals.add(textOf(tree, name));
    }
    if (at !== body && FUNCTIONS.has(at.type)) return;
    at.children.forEach(look);
  };
  if (body) look(body);
  return locals;
}

/** Names that a block declares for itself (`let`, `const`, classes and functions). */
function blockNames(tree: SyntaxTree, block: SyntaxNode): Set<string> {
  const found = new Set<string>();
  for (const child of block.children) {
    if (child.type === "lexical_declaration") for (const declarator of child.children) if (declarator.type === "variable_declarator") for (const name of patternNames(tree, childByField(declarator, "name") ?? declarator)) found.add(name);
    const name = child.type === "function_declaration" || child.type === "class_declaration" ? childByField(child, "name") : null;
    if (name) found.add(textOf(tree, name));
  }
  return found;
}

function patternNames(tree: SyntaxTree, node: SyntaxNode): string[] {
  switch (node.type) {
    case "identifier": case "shorthand_property_identifier_pattern": return [textOf(tree, node)];
    case "pair_pattern": return patternNames(tree, childByField(node, "value") ?? node);
    case "assignment_pattern": case "object_assignment_pattern": return patternNames(tree, childByField(node, "left") ?? node);
    case "required_parameter": case "optional_parameter": return patternNames(tree, childByField(node, "pattern") ?? node);
    case "array_pattern": case "object_pattern": case "rest_pattern": case "lexical_declaration": case "variable_declaration": return node.children.flatMap((child) => patternNames(tree, child));
    case "variable_declarator": return patternNames(tree, childByField(node, "name") ?? node);
    default: return [];
  }
}
