// What functions, lambdas and classes of Python do once they are called: their bodies are walked as running later, and summed up.
import type { SyntaxNode } from "../../../base/syntaxTree.ts";
import { childByField, textOf } from "../../../base/syntaxTree.ts";
import type { ClassSummary, Effects, FunctionSummary, MutationKind } from "../facts.ts";
import type { FunctionScope } from "../names.ts";
import { emptySummary } from "../names.ts";
import { boundNames, declaredNames, parameterNames } from "./bindings.ts";
import type { WalkContext } from "./walkContext.ts";

const EFFECT_LISTS = ["hazards", "filesRead", "filesWritten", "packages", "environment"] as const;

export function parameterDefaults(context: WalkContext, parameters: SyntaxNode | null): void {
  for (const parameter of parameters?.children ?? []) {
    const value = childByField(parameter, "value");
    const type = childByField(parameter, "type");
    if (value) context.walk(value);
    if (type) context.walk(type);
  }
}

/** The summary of a function's or lambda's body, which is walked as running later. */
export function functionSummary(context: WalkContext, node: SyntaxNode, self: string | null = null, out?: { changesSelf: MutationKind | null }): FunctionSummary {
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
  names.within(scope, () => { if (body) context.walk(body); });
  if (isOutermost) {
    summary.nondeterministic = names.facts.nondeterministic && !now;
    names.facts.nondeterministic = now;
    summary.effects = Object.fromEntries(EFFECT_LISTS.map((list, i) => [list, names.facts[list].splice(marks[i] as number)])) as unknown as Effects;
  }
  if (out) out.changesSelf = scope.changesSelf;
  return summary;
}

/** A lambda that is handed on at once is taken to be called now. */
export function inlineLambda(context: WalkContext, node: SyntaxNode): void {
  const parameters = parameterNames(context.tree, childByField(node, "parameters"));
  const body = childByField(node, "body");
  context.names.within({ kind: "comprehension", locals: new Set(parameters) }, () => { if (body) context.walk(body); });
}

export function classSummary(context: WalkContext, node: SyntaxNode): ClassSummary {
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
        if (child.named) context.walk(child);
        continue;
      }
      for (const decorator of decorators) for (const part of decorator.children) if (part.named) context.walk(part);
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
