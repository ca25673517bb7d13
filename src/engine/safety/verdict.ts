// Combines checks into one verdict. Names of checks are stable: clients and policies refer to them.
import type { Check, Verdict, VerdictAction } from "../protocol/types.ts";

/** The checks that exist so far. */
export type CheckName = "citations" | "grounded" | "secrets" | "injection";

const SEVERITY: Record<VerdictAction, number> = { allow: 0, warn: 1, ask: 2, block: 3 };

/** The strictest action of all checks; "allow" without any. `ms` is what the checks took. */
export function combineChecks(checks: readonly Check[], ms: number): Verdict {
  let action: VerdictAction = "allow";
  for (const check of checks) if (SEVERITY[check.action] > SEVERITY[action]) action = check.action;
  return { action, checks: [...checks], ms };
}

/** A check with a name of the list. */
export function makeCheck(name: CheckName, values: Omit<Check, "name">): Check {
  return { name, ...values };
}
