// Scopes while one statement is walked: which names are the session's, what is surely bound before it is read, and what
// belongs to functions that run later. Language-neutral; the walkers of languages drive it.
import type { Call, FunctionSummary, Mutation, MutationKind, Origin, Slot, StatementFacts } from "./facts.ts";
import { addUse, noEffects } from "./facts.ts";

export interface FunctionScope {
  kind: "function";
  locals: ReadonlySet<string>;
  /** Names that the function declares to be the session's. */
  globals: ReadonlySet<string>;
  summary: FunctionSummary;
  /** Locals that stand for an element or part of a parameter. */
  parts: Map<string, string>;
  /** Name of the instance in methods ("self"), or null. */
  self: string | null;
  /** How the method changes its instance, so far. */
  changesSelf: MutationKind | null;
}

/** Also stands for the parameters of a lambda that is called at once. */
export interface ComprehensionScope {
  kind: "comprehension";
  locals: Set<string>;
}

export interface ClassScope {
  kind: "class";
  locals: Set<string>;
}

export type Scope = FunctionScope | ComprehensionScope | ClassScope;

export class Names {
  readonly facts: StatementFacts;
  readonly scopes: Scope[] = [];
  /** Names of the session that this statement has bound on every path so far. */
  assigned = new Set<string>();
  /** Names bound by this statement that stand for an element or part of an object of the session. */
  readonly parts = new Map<string, { of: string; slot: Slot | null }>();

  constructor(facts: StatementFacts) {
    this.facts = facts;
  }

  /** Where `name` lives: a scope of its own, or the session (`by`: the outermost function that is not run now). */
  resolve(name: string): { local: Scope } | { local: null; by: FunctionScope | null } {
    let crossed = false;
    for (let i = this.scopes.length - 1; i >= 0; i--) {
      const scope = this.scopes[i] as Scope;
      if (scope.kind === "function") {
        if (scope.globals.has(name)) break;
        if (scope.locals.has(name)) return { local: scope };
        crossed = true;
      } else if (scope.locals.has(name) && (scope.kind === "comprehension" || !crossed)) return { local: scope };
    }
    return { local: null, by: this.deferred() };
  }

  /** The outermost function around what is walked, or null at the level of the session. */
  deferred(): FunctionScope | null {
    return this.scopes.find((scope) => scope.kind === "function") ?? null;
  }

  read(name: string, slots: readonly Slot[] | null = null): void {
    const where = this.resolve(name);
    if (where.local) return;
    if (where.by) addUse(where.by.summary.uses, name, slots);
    else if (!this.assigned.has(name)) addUse(this.facts.uses, name, slots);
  }

  /** Binds `name` where an assignment at this place would. */
  bind(name: string, origin: Origin, { transform = false, sure = true }: { transform?: boolean; sure?: boolean } = {}): void {
    for (let i = this.scopes.length - 1; i >= 0; i--) {
      const scope = this.scopes[i] as Scope;
      if (scope.kind === "comprehension") continue;
      if (scope.kind === "class") {
        scope.locals.add(name);
        return;
      }
      if (!scope.globals.has(name)) return;
      const { summary } = this.deferred() ?? scope;
      if (!summary.assigns.includes(name)) summary.assigns.push(name);
      return;
    }
    if (sure) this.assigned.add(name);
    const { defines } = this.facts;
    const known = defines.find((definition) => definition.name === name);
    if (known) Object.assign(known, { origin: known.origin.from === origin.from ? origin : { from: "value" as const }, transform: known.transform && transform, sure: known.sure || sure });
    else defines.push({ name, sure, origin, transform });
  }

  unbind(name: string): void {
    if (this.resolve(name).local || this.deferred()) return;
    if (!this.assigned.has(name)) addUse(this.facts.uses, name, []);
    this.assigned.delete(name);
    this.facts.deletes.push(name);
  }

  /** An object is changed in place. */
  mutate(name: string, slot: Slot | null, kind: MutationKind): void {
    const where = this.resolve(name);
    if (where.local) {
      if (where.local.kind === "function") this.#changeLocal(where.local, name, kind);
      else this.#throughPart(name, kind);
      return;
    }
    if (where.by) {
      addMutation(where.by.summary.mutates, { name, slot, kind });
      return;
    }
    if (this.parts.has(name)) this.#throughPart(name, kind);
    if (!this.assigned.has(name)) addMutation(this.facts.mutates, { name, slot, kind });
  }

  /** A call; of names that are no longer known when it is judged, only parameters are kept. */
  call(made: Omit<Call, "local">): void {
    const scope = this.deferred();
    const known = (name: string | null): string | null => (name === null || !this.resolve(name).local || scope?.summary.parameters.includes(name) === true ? name : null);
    const call: Call = { ...made, local: this.resolve(made.root).local !== null, arguments: made.arguments.map(known), named: made.named.map(([keyword, name]) => [keyword, known(name)]) };
    (scope ? scope.summary.calls : this.facts.calls).push(call);
  }

  /** Runs `walk` with a scope around it. */
  within(scope: Scope, walk: () => void): void {
    this.scopes.push(scope);
    walk();
    this.scopes.pop();
  }

  /** Runs alternatives from the same start; afterwards what all of them bound is surely bound. `exhaustive`: one of them runs. */
  alternatives(walks: readonly (() => void)[], exhaustive: boolean): void {
    const before = this.assigned;
    const ends: Set<string>[] = [];
    for (const walk of walks) {
      this.assigned = new Set(before);
      walk();
      ends.push(this.assigned);
    }
    this.assigned = exhaustive && ends.length > 0 ? ends.reduce(inBoth) : before;
    for (const definition of this.facts.defines) definition.sure = this.assigned.has(definition.name);
  }

  #changeLocal(scope: FunctionScope, name: string, kind: MutationKind): void {
    const root = scope.parts.get(name) ?? name;
    if (root === scope.self) {
      scope.changesSelf = scope.changesSelf === "accumulate" || kind === "accumulate" ? "accumulate" : kind;
      return;
    }
    const position = scope.summary.parameters.indexOf(root);
    if (position >= 0) {
      if (!scope.summary.changesParameters.includes(position)) scope.summary.changesParameters.push(position);
    } else if (scope.parts.has(name) && root !== name) this.mutate(root, null, kind);
  }

  #throughPart(name: string, kind: MutationKind): void {
    const part = this.parts.get(name);
    if (part && part.of !== name) this.mutate(part.of, part.slot, kind);
  }
}

/** What is in both sets. */
export function inBoth(a: ReadonlySet<string>, b: ReadonlySet<string>): Set<string> {
  return new Set([...a].filter((name) => b.has(name)));
}

function addMutation(mutations: Mutation[], mutation: Mutation): void {
  const known = mutations.find(({ name, slot }) => name === mutation.name && slot === mutation.slot);
  if (!known) mutations.push(mutation);
  else if (known.kind !== mutation.kind) known.kind = "accumulate";
}

export function emptySummary(parameters: string[]): FunctionSummary {
  return { parameters, uses: [], calls: [], mutates: [], assigns: [], changesParameters: [], effects: noEffects(), nondeterministic: false };
}
