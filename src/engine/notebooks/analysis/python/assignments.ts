// What a statement of Python reads and writes through names, attributes and items: assignments, their targets, what a value is made of,
// the targets of loops. It walks nothing but what stands inside them.
import type { SyntaxNode, SyntaxTree } from "../../../base/syntaxTree.ts";
import { childByField, textOf } from "../../../base/syntaxTree.ts";
import type { MutationKind, Origin } from "../facts.ts";
import { SLOT_SEPARATOR } from "../facts.ts";
import { targetsOf } from "./bindings.ts";
import { chainOf, isTransformOf, slotOfRead, slotOfWrite } from "./chains.ts";
import { functionSummary } from "./definitions.ts";
import type { WalkContext } from "./walkContext.ts";

/** Reads an attribute or subscript chain. */
export function walkChain(context: WalkContext, node: SyntaxNode): void {
  const chain = chainOf(context.tree, node);
  for (const key of chain.keys) context.walk(key);
  if (chain.root === null) {
    if (chain.expression) context.walk(chain.expression);
    return;
  }
  const slot = slotOfRead(chain);
  context.names.read(chain.root, slot === null ? null : [slot]);
  if (chain.root === "os" && chain.path[0] === "environ") context.names.read("‹environment›");
}

/** Reads the keys of a target that is written, and the base of what it belongs to. */
export function walkKeys(context: WalkContext, target: SyntaxNode): void {
  const chain = chainOf(context.tree, target);
  for (const key of chain.keys) context.walk(key);
  if (chain.root === null) {
    if (chain.expression) context.walk(chain.expression);
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

export function assign(context: WalkContext, left: SyntaxNode, right: SyntaxNode): void {
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
export function bindTargets(context: WalkContext, left: SyntaxNode, right: SyntaxNode | null): void {
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
