// Combines checks into one verdict. Names of checks are stable: clients and policies refer to them.
import type { Check, Verdict, VerdictAction } from "../protocol/types.ts";

/** Every check there is. What each compares its score with stands in thresholds.ts. */
export const CHECK_NAMES = ["citations", "grounded", "secrets", "personalData", "injection", "requests", "commands", "insecureCode", "licence", "drift", "topology", "consistency"] as const;
export type CheckName = (typeof CHECK_NAMES)[number];

/** From lenient to strict. */
export const SEVERITY: Readonly<Record<VerdictAction, number>> = { allow: 0, warn: 1, ask: 2, block: 3 };

/** The stricter of two. */
export function stricter(a: VerdictAction, b: VerdictAction): VerdictAction {
  return SEVERITY[a] >= SEVERITY[b] ? a : b;
}

/** The strictest action of all checks; "allow" without any. `ms` is what the checks took. */
export function combineChecks(checks: readonly Check[], ms: number): Verdict {
  return { action: checks.reduce<VerdictAction>((action, check) => stricter(action, check.action), "allow"), checks: [...checks], ms };
}

/** A check with a name of the list. */
export function makeCheck(name: CheckName, values: Omit<Check, "name">): Check {
  return { name, ...values };
}
