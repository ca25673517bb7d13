// The names of a whole cell out of the facts of its statements: what it needs from elsewhere, defines, changes and removes.
// For people and for the dependency graph of a file; the model of executions works on statements.
import type { CellFacts, FunctionSummary } from "./facts.ts";
import { methodEffect } from "./python/methods.ts";

export interface CellNames {
  /** Needed from outside the cell when it runs, bodies of functions that it defines and calls included. */
  uses: string[];
  /** Needed by functions that the cell defines, when they are called. */
  usesWhenCalled: string[];
  defines: string[];
  /** Objects from outside the cell that it changes, or may change, in place. */
  changes: string[];
  deletes: string[];
}

export function cellNames(facts: CellFacts): CellNames {
  const uses = new Set<string>();
  const later = new Set<string>();
  const bound = new Set<string>();
  const defines = new Set<string>();
  const changes = new Set<string>();
  const deletes = new Set<string>();
  const functions = new Map<string, FunctionSummary>();
  const call = (name: string, seen: Set<string>): void => {
    const summary = functions.get(name);
    if (!summary || seen.has(name)) return;
    seen.add(name);
    for (const use of summary.uses) {
      if (!bound.has(use.name)) uses.add(use.name);
      call(use.name, seen);
    }
    for (const mutation of summary.mutates) if (!bound.has(mutation.name)) changes.add(mutation.name);
    for (const assigned of summary.assigns) defines.add(assigned);
  };
  for (const statement of facts.statements) {
    for (const use of statement.uses) {
      if (!bound.has(use.name)) uses.add(use.name);
      call(use.name, new Set());
    }
    for (const mutation of statement.mutates) if (!bound.has(mutation.name)) changes.add(mutation.name);
    for (const made of statement.calls) {
      const summary = made.path.length === 0 ? functions.get(made.root) : undefined;
      for (const position of summary?.changesParameters ?? []) {
        const name = made.arguments[position];
        if (name !== undefined && name !== null && !bound.has(name)) changes.add(name);
      }
      const method = made.path.at(-1);
      if (method !== undefined && made.discarded && methodEffect(method) === undefined && !bound.has(made.root) && /^[a-z_]/.test(made.root)) changes.add(made.root);
    }
    for (const name of statement.deletes) {
      deletes.add(name);
      bound.delete(name);
      defines.delete(name);
    }
    for (const { name, sure, origin } of statement.defines) {
      defines.add(name);
      if (sure) bound.add(name);
      if (origin.from === "function" || origin.from === "class") functions.set(name, origin.summary);
      else functions.delete(name);
    }
  }
  for (const summary of functions.values()) for (const use of summary.uses) if (!defines.has(use.name)) later.add(use.name);
  return { uses: [...uses], usesWhenCalled: [...later].filter((name) => !uses.has(name)), defines: [...defines], changes: [...changes], deletes: [...deletes] };
}
