// Walks the syntax tree of one top-level statement of Python in the order of evaluation and writes down what it does to the
// names of the session. Scopes are those of the language reference (comprehensions, closures, global, class bodies).
import type { SyntaxNode, SyntaxTree } from "../../../base/syntaxTree.ts";
import { childByField, childOfType, textOf } from "../../../base/syntaxTree.ts";
import type { ClassSummary, Effects, FunctionSummary, MutationKind, Origin } from "../facts.ts";
import { SLOT_SEPARATOR } from "../facts.ts";
import type { FunctionScope } from "../names.ts";
import { emptySummary, inBoth } from "../names.ts";
import { boundNames, declaredNames, parameterNames, targetsOf } from "./bindings.ts";
import { walkCall } from "./calls.ts";
import { chainOf, isTransformOf, slotOfRead, slotOfWrite } from "./chains.ts";
import type { WalkContext } from "./walkContext.ts";

const EFFECT_LISTS = ["hazards", "filesRead", "filesWritten", "packages", "environment"] as const;

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
      walkCall(context, node, walk);
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

/** Reads an attribute or subscript chain. */
export function walkChain(context: WalkContext, node: SyntaxNode): void {
  const chain = chainOf(context.tree, node);
  for (const key of chain.keys) walk(context, key);
  if (chain.root === null) {
    if (chain.expression) walk(context, chain.expression);
    return;
  }
  const slot = slotOfRead(chain);
  context.names.read(chain.root, slot === null ? null : [slot]);
  if (chain.root === "os" && chain.path[0] === "environ") context.names.read("‹environment›");
}

/** Reads the keys of a target that is written, and the base of what it belongs to. */
function walkKeys(context: WalkContext, target: SyntaxNode): void {
  const chain = chainOf(context.tree, target);
  for (const key of chain.keys) walk(context, key);
  if (chain.root === null) {
    if (chain.expression) walk(context, chain.expression);
  } else context.names.read(chain.root, []);
}

/** An item or attribute is written. */
export function change(context: WalkContext, target: SyntaxNode, kind: MutationKind): void {
  const chain = chainOf(context.tree, target);
  if (chain.root === null) {
    // `ax.get()[0] = …`, `f(x).y = …`: what the expression gives is changed; its receiver stands for it.
    const inner = chain.expression?.type === "call" ? childByField(chain.expression, "function") : null;
    const receiver = inner?.type === "attribute" ? chainOf(context.tree, inner) : null;
    if (receiver?.root) context.names.mutate(receiver.root, null, kind);
    return;
  }
  context.names.mutate(chain.root, slotOfWrite(context.tree, chain), kind);
  if (chain.root === "os" && chain.path[0] === "environ") {
    context.names.facts.environment.push(chain.path[1] ?? "variables");
    context.names.mutate("‹environment›", chain.path[1] ?? null, "set");
  }
  if (chain.root === "pd" && chain.path[0] === "options") context.names.mutate("‹display options›", chain.path.slice(1).join(SLOT_SEPARATOR), "set");
}

function assign(context: WalkContext, left: SyntaxNode, right: SyntaxNode): void {
  const { tree, names } = context;
  const value = right.type === "assignment" ? deepestRight(right) : right;
  if (left.type === "identifier") {
    const name = textOf(tree, left);
    if (value.type === "lambda") {
      names.bind(name, { from: "function", summary: functionSummary(context, value) });
      return;
    }
    const transform = isTransformOf(tree, value, name);
    names.bind(name, originOf(context, value), { transform });
    notePart(context, name, value);
    return;
  }
  if (left.type === "attribute" || left.type === "subscript") {
    walkKeys(context, left);
    const target = textOf(tree, left);
    const again = isTransformOf(tree, value, target);
    const isMask = left.type === "subscript" && /[<>=~]|isna|isnull/.test(target) && ["integer", "float", "string", "none", "true", "false", "unary_operator"].includes(value.type);
    change(context, left, again || isMask ? "transform" : "set");
    return;
  }
  // Patterns: pairs where both sides are written out, else names only.
  const targets = left.children.filter((child) => child.named && child.type !== "comment");
  const values = value.type === "expression_list" || value.type === "tuple" || value.type === "list" ? value.children.filter((child) => child.named && child.type !== "comment") : [];
  for (const [i, target] of targets.entries()) {
    const inner = target.type === "list_splat_pattern" ? target.children.find((child) => child.named) ?? target : target;
    if (inner.type === "identifier") names.bind(textOf(tree, inner), values.length === targets.length && values[i] ? originOf(context, values[i]) : { from: "value" });
    else if (inner.type === "attribute" || inner.type === "subscript") {
      walkKeys(context, inner);
      change(context, inner, "set");
    } else if (inner.children.length > 0) assign(context, inner, values.length === targets.length && values[i] ? values[i] : value);
  }
}

function deepestRight(node: SyntaxNode): SyntaxNode {
  let at = node;
  while (at.type === "assignment") at = childByField(at, "right") ?? at.children.at(-1) as SyntaxNode;
  return at;
}

function originOf(context: WalkContext, value: SyntaxNode): Origin {
  const { tree } = context;
  if (value.type === "identifier") return { from: "alias", of: textOf(tree, value) };
  if (value.type === "attribute" || value.type === "subscript") {
    const chain = chainOf(tree, value);
    if (chain.root !== null && chain.unknown === null) return { from: "part", of: chain.root, slot: chain.path.join(SLOT_SEPARATOR) };
    // A slice of an array is a view of it.
    const isView = chain.root !== null && chain.keys.some((key) => key.type === "slice" || key.children.some((child) => child.type === "slice"));
    return isView ? { from: "part", of: chain.root as string, slot: `*[${chain.unknown}]` } : { from: "value" };
  }
  if (value.type === "call") {
    const callee = childByField(value, "function");
    if (callee && (callee.type === "identifier" || callee.type === "attribute") && /^[\w.]+$/.test(textOf(tree, callee))) {
      const given = childByField(value, "arguments")?.children ?? [];
      return { from: "call", callee: textOf(tree, callee), with: given.flatMap((argument) => namesIn(tree, argument.type === "keyword_argument" ? childByField(argument, "value") : argument)) };
    }
  }
  if (["list", "tuple", "set", "dictionary"].includes(value.type)) {
    const of = namesIn(tree, value);
    if (of.length > 0) return { from: "container", of };
  }
  return { from: "value" };
}

/** The names that stand in a literal (or are it) as they are. */
function namesIn(tree: SyntaxTree, node: SyntaxNode | null): string[] {
  if (!node) return [];
  if (node.type === "identifier") return [textOf(tree, node)];
  if (node.type === "pair") return namesIn(tree, childByField(node, "value"));
  return ["list", "tuple", "set", "dictionary"].includes(node.type) ? node.children.flatMap((child) => (child.named ? namesIn(tree, child) : [])) : [];
}

/** Inside a function, a local that is a part of a parameter (or of the instance) stands for it when it is changed. */
function notePart(context: WalkContext, name: string, value: SyntaxNode): void {
  const scope = context.names.scopes.at(-1);
  if (scope?.kind !== "function" || !["identifier", "attribute", "subscript"].includes(value.type)) return;
  const { root } = chainOf(context.tree, value);
  if (root !== null && root !== name) scope.parts.set(name, scope.parts.get(root) ?? root);
}

/** The targets of a loop; they stand for elements of what is looped over. */
function bindTargets(context: WalkContext, left: SyntaxNode, right: SyntaxNode | null): void {
  const { tree, names } = context;
  const of = right && iterated(tree, right);
  for (const name of targetsOf(tree, left)) {
    names.bind(name, { from: "value" });
    if (of === null || of === name) continue;
    const scope = names.scopes.at(-1);
    if (scope?.kind === "function") scope.parts.set(name, scope.parts.get(of) ?? of);
    else names.parts.set(name, { of, slot: `*for ${textOf(tree, left)}` });
  }
  const writeTargets = (node: SyntaxNode): void => {
    if (node.type === "attribute" || node.type === "subscript") {
      walkKeys(context, node);
      change(context, node, "set");
    } else if (node.type !== "identifier") for (const child of node.children) writeTargets(child);
  };
  writeTargets(left);
}

/** The name whose elements a loop goes through: `rows`, `enumerate(rows)`, `table.items()`. */
function iterated(tree: SyntaxTree, node: SyntaxNode): string | null {
  if (node.type === "identifier") return textOf(tree, node);
  if (node.type === "attribute" || node.type === "subscript") return chainOf(tree, node).root;
  if (node.type !== "call") return null;
  const callee = childByField(node, "function");
  if (callee?.type === "attribute" && /\.(?:values|items|flatten|ravel|flat|parameters|modules|children|itertuples|iterrows)$/.test(textOf(tree, callee))) return chainOf(tree, callee).root;
  if (callee && /^(?:enumerate|reversed|zip|list|sorted|tqdm)$/.test(textOf(tree, callee))) {
    const first = childByField(node, "arguments")?.children.find((child) => child.named);
    return first ? iterated(tree, first) : null;
  }
  return null;
}

function walkComprehension(context: WalkContext, node: SyntaxNode): void {
  const { tree, names } = context;
  const clauses = node.children.filter((child) => child.type === "for_in_clause" || child.type === "if_clause");
  const first = clauses[0] && childByField(clauses[0], "right");
  // The first iterable is evaluated outside.
  if (first) walk(context, first);
  const locals = new Set<string>();
  names.within({ kind: "comprehension", locals }, () => {
    for (const clause of clauses) {
      const right = childByField(clause, "right");
      if (right && right !== first) walk(context, right);
      const left = childByField(clause, "left");
      if (left) for (const name of targetsOf(tree, left)) locals.add(name);
      if (clause.type === "if_clause") for (const child of clause.children) if (child.named) walk(context, child);
    }
    const body = childByField(node, "body");
    if (body) walk(context, body);
    else for (const child of node.children) if (child.named && !clauses.includes(child)) walk(context, child);
  });
}

function walkHandler(context: WalkContext, handler: SyntaxNode): void {
  let bound: string[] = [];
  for (const child of handler.children) {
    if (!child.named) continue;
    if (child.type === "as_pattern") {
      const alias = childByField(child, "alias");
      bound = alias ? targetsOf(context.tree, alias) : [];
      for (const part of child.children) if (part.named && part !== alias) walk(context, part);
      for (const name of bound) context.names.assigned.add(name);
    } else if (child.type === "identifier" && handler.children.some((other) => other.type === "as" && other.end <= child.start)) {
      bound = [textOf(context.tree, child)];
      for (const name of bound) context.names.assigned.add(name);
    } else walk(context, child);
  }
  // The name of the exception is taken away at the end of its clause.
  for (const name of bound) context.names.assigned.delete(name);
}

function walkPattern(context: WalkContext, node: SyntaxNode): void {
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

function walkInterpolation(context: WalkContext, node: SyntaxNode): void {
  for (const child of node.children) {
    if (!child.named || child.type === "type_conversion") continue;
    if (child.type === "format_specifier") {
      for (const inner of child.children) if (inner.type === "interpolation" || inner.type === "format_expression") walkInterpolation(context, inner);
    } else walk(context, child);
  }
}

function walkImport(context: WalkContext, node: SyntaxNode): void {
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

function parameterDefaults(context: WalkContext, parameters: SyntaxNode | null): void {
  for (const parameter of parameters?.children ?? []) {
    const value = childByField(parameter, "value");
    const type = childByField(parameter, "type");
    if (value) walk(context, value);
    if (type) walk(context, type);
  }
}

/** The summary of a function's or lambda's body, which is walked as running later. */
function functionSummary(context: WalkContext, node: SyntaxNode, self: string | null = null, out?: { changesSelf: MutationKind | null }): FunctionSummary {
  const { tree, names } = context;
  const parameters = parameterNames(tree, childByField(node, "parameters"));
  const body = childByField(node, "body");
  const declared = body ? declaredNames(tree, body) : { globals: new Set<string>(), nonlocals: new Set<string>() };
  const locals = new Set(parameters);
  if (body) for (const name of boundNames(tree, body)) if (!declared.globals.has(name) && !declared.nonlocals.has(name)) locals.add(name);
  const summary = emptySummary(self === null ? parameters : parameters.slice(1));
  const scope: FunctionScope = { kind: "function", locals, globals: declared.globals, summary, parts: new Map(), self, changesSelf: null };
  // What the body touches happens when it is called, not now.
  const isOutermost = names.deferred() === null;
  const now = names.facts.nondeterministic;
  const marks = EFFECT_LISTS.map((list) => names.facts[list].length);
  names.within(scope, () => { if (body) walk(context, body); });
  if (isOutermost) {
    summary.nondeterministic = names.facts.nondeterministic && !now;
    names.facts.nondeterministic = now;
    summary.effects = Object.fromEntries(EFFECT_LISTS.map((list, i) => [list, names.facts[list].splice(marks[i] as number)])) as unknown as Effects;
  }
  if (out) out.changesSelf = scope.changesSelf;
  return summary;
}

/** A lambda that is handed on at once is taken to be called now. */
function inlineLambda(context: WalkContext, node: SyntaxNode): void {
  const parameters = parameterNames(context.tree, childByField(node, "parameters"));
  const body = childByField(node, "body");
  context.names.within({ kind: "comprehension", locals: new Set(parameters) }, () => { if (body) walk(context, body); });
}

function classSummary(context: WalkContext, node: SyntaxNode): ClassSummary {
  const { tree, names } = context;
  const summary: ClassSummary = { ...emptySummary([]), methods: new Map(), bases: [], hasProperties: false };
  const selfCalls: [string, string][] = [];
  const superclasses = childByField(node, "superclasses");
  for (const base of superclasses?.children ?? []) if (base.type === "identifier" || base.type === "attribute") summary.bases.push(textOf(tree, base));
  const body = childByField(node, "body");
  names.within({ kind: "class", locals: new Set() }, () => {
    for (const child of body?.children ?? []) {
      const definition = child.type === "decorated_definition" ? childByField(child, "definition") : child;
      const decorators = child.type === "decorated_definition" ? child.children.filter((part) => part.type === "decorator") : [];
      if (definition?.type !== "function_definition") {
        if (child.named) walk(context, child);
        continue;
      }
      for (const decorator of decorators) for (const part of decorator.children) if (part.named) walk(context, part);
      parameterDefaults(context, childByField(definition, "parameters"));
      const name = childByField(definition, "name");
      const parameters = parameterNames(tree, childByField(definition, "parameters"));
      const isStatic = decorators.some((decorator) => /@\s*staticmethod\b/.test(textOf(tree, decorator)));
      if (decorators.some((decorator) => /property\b/.test(textOf(tree, decorator))) || (name && /^__get(?:attr|attribute|item)__$/.test(textOf(tree, name)))) summary.hasProperties = true;
      const out: { changesSelf: MutationKind | null } = { changesSelf: null };
      const method = functionSummary(context, definition, isStatic ? null : parameters[0] ?? null, out);
      if (name) {
        summary.methods.set(textOf(tree, name), { changesSelf: out.changesSelf, changesParameters: method.changesParameters });
        const scope = names.scopes.at(-1);
        if (scope?.kind === "class") scope.locals.add(textOf(tree, name));
      }
      for (const use of method.uses) if (!summary.uses.some((known) => known.name === use.name && known.slots === null)) summary.uses.push(use);
      summary.calls.push(...method.calls);
      summary.mutates.push(...method.mutates);
      summary.assigns.push(...method.assigns);
      summary.nondeterministic ||= method.nondeterministic;
      for (const list of EFFECT_LISTS) (summary.effects[list] as unknown[]).push(...method.effects[list]);
      for (const call of method.calls) if (call.root === parameters[0] && call.path.length === 1 && name) selfCalls.push([textOf(tree, name), call.path[0] as string]);
    }
  });
  // A method that calls one that changes the instance changes it too.
  for (let round = 0; round < 4; round++) {
    for (const [caller, callee] of selfCalls) {
      const from = summary.methods.get(callee);
      const to = summary.methods.get(caller);
      if (from && to && from.changesSelf !== null && to.changesSelf !== "accumulate") to.changesSelf = from.changesSelf;
    }
  }
  return summary;
}

function firstIdentifier(node: SyntaxNode): SyntaxNode | null {
  if (node.type === "identifier") return node;
  for (const child of node.children) {
    const found = firstIdentifier(child);
    if (found) return found;
  }
  return null;
}
