// Attribute and subscript chains of Python: the name they start with and the part of its object that they reach.
import type { SyntaxNode, SyntaxTree } from "../../../base/syntaxTree.ts";
import { childByField, textOf } from "../../../base/syntaxTree.ts";
import type { Slot } from "../facts.ts";
import { SHAPE, SLOT_SEPARATOR } from "../facts.ts";
import { isIdempotentFunction, isIdempotentMethod, ROW_PREDICATES, WHOLE_ATTRIBUTES } from "./methods.ts";

export interface Chain {
  /** The name at the start, or null where the chain starts with another expression (`expression`). */
  root: string | null;
  expression: SyntaxNode | null;
  /** Attributes and literal keys from the root on, as far as they are known. */
  path: string[];
  /** The path ends with a key that is not a literal; its text. */
  unknown: string | null;
  /** Nodes of keys, to be read. */
  keys: SyntaxNode[];
}

export function chainOf(tree: SyntaxTree, node: SyntaxNode): Chain {
  const parts: ({ name: string } | { key: string })[] = [];
  const keys: SyntaxNode[] = [];
  let at = node;
  for (;;) {
    if (at.type === "attribute") {
      const name = childByField(at, "attribute");
      const object = childByField(at, "object");
      if (!name || !object) break;
      parts.unshift({ name: textOf(tree, name) });
      at = object;
    } else if (at.type === "subscript") {
      const value = childByField(at, "value");
      if (!value) break;
      const indices = at.children.filter((child) => child.named && child !== value && child.type !== "comment");
      keys.unshift(...indices);
      const [only] = indices;
      const literal = indices.length === 1 && only ? literalOf(tree, only) : null;
      parts.unshift(literal === null ? { key: indices.map((index) => textOf(tree, index)).join(",") } : { name: literal });
      at = value;
    } else if (at.type === "parenthesized_expression" && at.children.filter((child) => child.named).length === 1) {
      at = at.children.find((child) => child.named) as SyntaxNode;
    } else break;
  }
  const path: string[] = [];
  let unknown: string | null = null;
  for (const part of parts) {
    if ("key" in part) {
      unknown = part.key;
      break;
    }
    path.push(part.name);
  }
  return at.type === "identifier" ? { root: textOf(tree, at), expression: null, path, unknown, keys } : { root: null, expression: at, path, unknown, keys };
}

/** The text of a plain string literal or integer key; null for everything else. */
export function literalOf(tree: SyntaxTree, node: SyntaxNode): string | null {
  const text = textOf(tree, node);
  if (node.type === "string") return /^[rbuRBU]?(["'])([^"'\\{}]*)\1$/.exec(text)?.[2] ?? null;
  return node.type === "integer" ? text : null;
}

/** The part that reading a chain looks at; null: the whole object. */
export function slotOfRead(chain: Chain): Slot | null {
  if (/^(?:shape|columns|index|size|empty|ndim)$/.test(chain.path[0] ?? "")) return SHAPE;
  const whole = chain.path.findIndex((name) => WHOLE_ATTRIBUTES.has(name));
  const path = whole >= 0 ? chain.path.slice(0, whole) : chain.path;
  return path.length === 0 ? null : path.join(SLOT_SEPARATOR);
}

/** The part that assigning to a chain writes. */
export function slotOfWrite(tree: SyntaxTree, chain: Chain): Slot {
  const indexer = chain.path.findIndex((name) => name === "loc" || name === "at");
  if (indexer >= 0 && chain.unknown !== null) {
    // `df.loc[mask, "column"]` writes into the column.
    const last = chain.keys.at(-1);
    const column = last && (literalOf(tree, last) ?? literalOf(tree, last.children.filter((child) => child.named).at(-1) ?? last));
    const before = chain.path.slice(0, indexer);
    return column !== undefined && column !== null && chain.keys.length > 1 ? [...before, column, `.loc[${chain.unknown}]`].join(SLOT_SEPARATOR) : `*${before.join(".")}[${chain.unknown}]`;
  }
  if (chain.unknown !== null) return chain.path.length > 0 ? [...chain.path, `[${chain.unknown}]`].join(SLOT_SEPARATOR) : `*[${chain.unknown}]`;
  return chain.path.join(SLOT_SEPARATOR);
}

/** Whether assigning `right` to what is written `target` again would change nothing: `df = df.dropna()`, `x = sorted(x)`. */
export function isTransformOf(tree: SyntaxTree, right: SyntaxNode, target: string): boolean {
  const text = textOf(tree, right);
  if (right.type === "call") {
    const callee = childByField(right, "function");
    const args = childByField(right, "arguments");
    if (!callee || !args) return false;
    const given = args.children.filter((child) => child.named && child.type !== "comment");
    const isSimple = given.every((argument) => !mentions(tree, argument, target) || sameOrTransform(tree, argument, target));
    if (callee.type === "attribute") {
      const name = childByField(callee, "attribute");
      const object = childByField(callee, "object");
      if (name && object && receiverIs(tree, object, target)) {
        const method = textOf(tree, name);
        const ok = isIdempotentMethod(method) || (method === "reset_index" && /drop\s*=\s*True/.test(text)) || (method === "replace" && given.length > 0 && given[0]?.type === "dictionary" && false);
        return ok && given.every((argument) => !mentions(tree, argument, target));
      }
    }
    const [first] = given;
    return isIdempotentFunction(textOf(tree, callee)) && first !== undefined && sameOrTransform(tree, first, target) && isSimple;
  }
  if (right.type === "subscript") {
    const value = childByField(right, "value");
    if (!value || !(textOf(tree, value) === target || textOf(tree, value) === `${target}.loc` || isTransformOf(tree, value, target))) return false;
    return right.children.filter((child) => child.named && child !== value).every((index) => isRowFilter(tree, index, target));
  }
  if (right.type === "list_comprehension" || right.type === "set_comprehension") {
    const body = childByField(right, "body");
    const clauses = right.children.filter((child) => child.type === "for_in_clause");
    const over = clauses[0] && childByField(clauses[0], "right");
    const variable = clauses[0] && childByField(clauses[0], "left");
    if (clauses.length !== 1 || !body || !over || !variable || textOf(tree, over) !== target) return false;
    const name = textOf(tree, variable);
    return textOf(tree, body) === name || isTransformOf(tree, body, name);
  }
  return false;
}

function sameOrTransform(tree: SyntaxTree, node: SyntaxNode, target: string): boolean {
  return textOf(tree, node) === target || isTransformOf(tree, node, target);
}

/** `x`, `x.str`, `x.dropna()` as the receiver of a further method. */
function receiverIs(tree: SyntaxTree, object: SyntaxNode, target: string): boolean {
  const text = textOf(tree, object);
  if (text === target || text === `${target}.str` || text === `${target}.dt`) return true;
  if (object.type === "attribute") {
    const inner = childByField(object, "object");
    const name = childByField(object, "attribute");
    return inner !== null && name !== null && (textOf(tree, name) === "str" || textOf(tree, name) === "dt") && isTransformOf(tree, inner, target);
  }
  return isTransformOf(tree, object, target);
}

/** A mask that judges each row by itself, or a choice of columns: to apply it twice keeps the same. */
function isRowFilter(tree: SyntaxTree, index: SyntaxNode, target: string): boolean {
  if (index.type === "list") return index.children.filter((child) => child.named).every((child) => child.type === "string");
  if (index.type === "identifier") return /col|feature|field/i.test(textOf(tree, index));
  if (!["comparison_operator", "binary_operator", "unary_operator", "not_operator", "parenthesized_expression", "call", "boolean_operator"].includes(index.type)) return false;
  let calls = 0;
  let bad = false;
  const look = (node: SyntaxNode): void => {
    if (node.type === "call") {
      calls++;
      const callee = childByField(node, "function");
      const name = callee && textOf(tree, callee).split(".").at(-1);
      if (name === undefined || name === null || (!ROW_PREDICATES.has(name) && mentions(tree, node, target))) bad = true;
    }
    for (const child of node.children) look(child);
  };
  look(index);
  return !bad && (index.type !== "call" || calls > 0);
}

function mentions(tree: SyntaxTree, node: SyntaxNode, target: string): boolean {
  const root = /^\w+/.exec(target)?.[0] ?? target;
  let found = false;
  const look = (at: SyntaxNode): void => {
    if (at.type === "identifier" && at.field !== "attribute" && at.field !== "name" && textOf(tree, at) === root) found = true;
    for (const child of at.children) look(child);
  };
  look(node);
  return found;
}
