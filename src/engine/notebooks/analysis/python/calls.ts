// A call of Python: what is read, what its name tells about objects that it changes, and what it touches outside.
import type { SyntaxNode } from "../../../base/syntaxTree.ts";
import { childByField, textOf } from "../../../base/syntaxTree.ts";
import type { Call } from "../facts.ts";
import { SHAPE, SLOT_SEPARATOR } from "../facts.ts";
import { chainOf } from "./chains.ts";
import { callEffects } from "./effects.ts";
import { firstArgumentEffect, isIdempotentMethod, methodEffect } from "./methods.ts";
import type { WalkContext } from "./walkContext.ts";

const PURE_NAMESPACES = /^(?:np|numpy|pd|pandas|plt|math|os|sys|json|re|torch|F|scipy|stats|sns|seaborn|px|go|time|datetime|itertools|functools|collections|string|statistics|pathlib|shutil|logging|warnings|tf|pl|alt|requests|copy|pickle|joblib|glob|csv|random|display|print|textwrap|pprint)$/;

export function walkCall(context: WalkContext, node: SyntaxNode): void {
  const { tree, names } = context;
  const callee = childByField(node, "function");
  const args = childByField(node, "arguments");
  if (!callee) return;
  const chain = callee.type === "identifier" || callee.type === "attribute" || callee.type === "subscript" ? chainOf(tree, callee) : null;
  const calleeText = textOf(tree, callee).replaceAll(/\s+/g, "");
  const method = callee.type === "attribute" ? chain?.path.at(-1) ?? textOf(tree, childByField(callee, "attribute") ?? callee) : null;
  const discarded = isDiscarded(context, node);

  const given = args?.type === "argument_list" ? args.children.filter((child) => child.named && child.type !== "comment") : [];
  const positional = given.filter((child) => child.type !== "keyword_argument");
  const keywords = new Map(given.filter((child) => child.type === "keyword_argument").map((child) => [textOf(tree, childByField(child, "name") ?? child), childByField(child, "value")] as const));
  const inplace = textIs(tree.text, keywords.get("inplace"), "True");

  // The receiver: a method that sets something needs only that the object is there.
  const effect = method === null ? null : inplace ? (isIdempotentMethod(method) || method === "rename" ? "transform" : "accumulate") : methodEffect(method);
  if (chain === null) context.walk(callee);
  else {
    for (const key of chain.keys) context.walk(key);
    if (chain.root === null) {
      if (chain.expression) context.walk(chain.expression);
    } else {
      const path = method === null ? chain.path : chain.path.slice(0, -1);
      const slot = path.join(SLOT_SEPARATOR);
      const sets = effect === "set" && discarded;
      names.read(chain.root, sets && path.length === 0 ? [] : slot === "" || chain.unknown !== null ? null : [slot]);
      if (method !== null && effect !== null && effect !== undefined && !(PURE_NAMESPACES.test(chain.root) && !inplace)) {
        const isSelf = chain.unknown !== null ? `*${path.join(".")}[${chain.unknown}]` : slot;
        if (effect === "set") names.mutate(chain.root, `*${normalised(textOf(tree, node))}`, "set");
        else names.mutate(chain.root, isSelf === "" ? null : isSelf, effect);
      }
    }
  }

  if (args) {
    const [only] = given;
    if (calleeText === "len" && given.length === 1 && only?.type === "identifier") names.read(textOf(tree, only), [SHAPE]);
    else if (args.type === "argument_list") for (const argument of given) context.walk(argument);
    else context.walk(args);
  }

  // Functions that change what they are given.
  const name = (method ?? calleeText).split(".").at(-1) ?? "";
  const first = positional[0];
  const firstEffect = firstArgumentEffect(name);
  const firstChain = first && ["identifier", "attribute", "subscript"].includes(first.type) ? chainOf(tree, first) : null;
  const isModuleCall = method === null || (chain?.root !== undefined && chain.root !== null && PURE_NAMESPACES.test(chain.root)) || chain?.root === "heapq" || chain?.root === "bisect" || chain?.root === "operator" || chain?.root === "nn";
  if (firstEffect !== null && firstChain?.root && isModuleCall) names.mutate(firstChain.root, firstChain.path.length > 0 ? firstChain.path.join(SLOT_SEPARATOR) : null, firstEffect);
  const out = keywords.get("out");
  if (out && ["identifier", "attribute", "subscript"].includes(out.type)) {
    const target = chainOf(tree, out);
    if (target.root !== null) names.mutate(target.root, null, "set");
  }
  if (calleeText === "exec" || calleeText === "eval" || calleeText === "__import__" || /^(?:globals|locals)$/.test(calleeText)) {
    if (calleeText === "exec" || (calleeText === "globals" && node.parent?.type === "subscript")) names.facts.opaque ??= `${calleeText} defines names while it runs`;
  }
  if (/^(?:get_ipython\(\)|ip|ipython)\.(?:run_line_magic|run_cell_magic|system|magic|run_cell)$/.test(calleeText)) names.facts.opaque ??= `${calleeText} runs code that is made while it runs`;

  if (chain?.root !== null && chain?.root !== undefined) {
    const call: Omit<Call, "local"> = {
      root: chain.root, path: chain.path, text: normalised(textOf(tree, node)).slice(0, 200), discarded,
      arguments: positional.map((argument) => rootOf(context, argument)),
      named: [...keywords].map(([keyword, value]) => [keyword, value ? rootOf(context, value) : null]),
    };
    names.call(call);
  }
  callEffects({
    callee: calleeText, name, line: context.lineOf(node.start),
    positional: positional.map((argument) => textOf(tree, argument)),
    named: new Map([...keywords].map(([keyword, value]) => [keyword, value ? textOf(tree, value) : ""])),
  }, names.facts, {
    read: (hidden) => { names.read(hidden); },
    advance: (hidden) => {
      names.read(hidden);
      names.mutate(hidden, null, "accumulate");
    },
    // A seed sets the whole state; an option or variable is one of several.
    set: (hidden) => { names.mutate(hidden, hidden.endsWith("random numbers›") || hidden === "‹working directory›" ? null : positional[0] ? textOf(tree, positional[0]) : null, "set"); },
  }, context.judge);
}

/** The name that an argument is, or is an item or attribute of. */
function rootOf(context: WalkContext, node: SyntaxNode): string | null {
  if (node.type === "identifier") return textOf(context.tree, node);
  if (node.type === "attribute" || node.type === "subscript") return chainOf(context.tree, node).root;
  return null;
}

/** Whether nobody looks at the value: a statement of its own, unless it is the cell's last, which is shown. */
function isDiscarded(context: WalkContext, node: SyntaxNode): boolean {
  let at = node;
  while (at.parent && (at.parent.type === "await" || at.parent.type === "parenthesized_expression")) at = at.parent;
  return at.parent?.type === "expression_statement" && at.parent !== context.shown;
}

function textIs(text: string, node: SyntaxNode | null | undefined, expected: string): boolean {
  return node !== null && node !== undefined && text.slice(node.start, node.end) === expected;
}

export function normalised(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}
