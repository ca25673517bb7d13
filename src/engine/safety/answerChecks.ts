// The checks of an answer, first form: citations verified, names grounded, secrets kept out, instructions found in sources.
// Each is a pure judgement over what it is given; looking names up is the caller's function.
import type { Check } from "../protocol/types.ts";
import { findInjections } from "./injection/isolate.ts";
import { THRESHOLDS } from "./thresholds.ts";
import { makeCheck } from "./verdict.ts";

/** Share of a prose's names that must exist. Our choice until it is calibrated. */
export const GROUNDED_THRESHOLD = 0.7;
const NAMES_LOOKED_UP = 60;

/** `verified` sources held when last read; `dropped` did not, or never existed. */
export function citationsCheck(verified: number, dropped: number): Check {
  const total = verified + dropped;
  return makeCheck("citations", {
    score: total === 0 ? 1 : verified / total, threshold: 1, action: dropped > 0 ? "warn" : "allow",
    reason: dropped === 0 ? `${verified} ${verified === 1 ? "source" : "sources"} verified.`
      : `${verified} ${verified === 1 ? "source" : "sources"} verified; ${dropped} ${dropped === 1 ? "citation" : "citations"} did not hold and ${dropped === 1 ? "was" : "were"} removed.`,
  });
}

/** Whether the identifiers and paths that prose names exist. `isKnown` is asked for each name once. */
export async function groundedCheck(prose: string, isKnown: (name: string) => boolean | Promise<boolean>): Promise<Check> {
  const names = namesIn(prose);
  const unknown: string[] = [];
  for (const name of names) if (!await isKnown(name)) unknown.push(name);
  const score = names.length === 0 ? 1 : 1 - unknown.length / names.length;
  return makeCheck("grounded", {
    score, threshold: GROUNDED_THRESHOLD, action: score < GROUNDED_THRESHOLD ? "warn" : "allow",
    reason: unknown.length === 0 ? `${names.length} ${names.length === 1 ? "name" : "names"} checked, all known in this workspace.`
      : `Not found in this workspace: ${unknown.slice(0, 5).join(", ")}${unknown.length > 5 ? ` and ${unknown.length - 5} more` : ""}.`,
  });
}

/** `found` secrets were taken out of what is shown. */
export function secretsCheck(found: number): Check {
  return makeCheck("secrets", {
    score: found, threshold: 1, action: found > 0 ? "warn" : "allow",
    reason: found === 0 ? "No secrets found." : `${found} ${found === 1 ? "secret was" : "secrets were"} hidden.`,
  });
}

/** Whether a source speaks to an assistant. It was treated as data all the same (injection/isolate.ts); the user is told. */
export function injectionCheck(sources: readonly { label: string; text: string; isCode?: boolean }[]): Check {
  const { value: threshold } = THRESHOLDS.injection;
  const judge = (text: string, isCode: boolean): { start: number; end: number }[] | null => {
    try {
      return findInjections(text, { isCode });
    } catch {
      return null;
    }
  };
  let unjudged: string | null = null;
  for (const { label, text, isCode = false } of sources) {
    const spans = judge(text, isCode);
    const first = spans?.[0];
    if (spans === null) unjudged ??= label;
    else if (first) return makeCheck("injection", { score: 1, threshold, action: "warn", reason: `${label} holds text that addresses an assistant (“${text.slice(first.start, first.end).replace(/\s+/g, " ").trim().slice(0, 80)}”). It was treated as data.` });
  }
  if (unjudged !== null) return { ...makeCheck("injection", { score: 0, threshold, action: "warn", reason: `Not checked: ${unjudged} was too much to be judged in time. It was treated as data.` }), notChecked: true };
  return makeCheck("injection", { score: 0, threshold, action: "allow", reason: "No instructions to an assistant found in the sources." });
}

/** The names that prose states as code: in backticks and shaped like identifiers or paths. */
export function namesIn(prose: string): string[] {
  const names = new Set<string>();
  const outsideBlocks = prose.replace(/```[\s\S]*?(?:```|$)/g, " ");
  for (const match of outsideBlocks.matchAll(/`([^`\n]{2,120})`/g)) {
    const inner = (match[1] ?? "").trim().replace(/\(.*\)$/, "").replace(/:\d+(?:[-–]\d+)?$/, "");
    const isPath = /^[\w@.-]+(?:\/[\w@.-]+)+$|^[\w-]+\.(?:[mc]?[jt]sx?|py|go|rs|java|md|json|ya?ml|toml|c|h|cpp|cs|rb)$/.test(inner);
    const isIdentifier = /^[A-Za-z_$][\w$]*(?:(?:\.|::|#)[A-Za-z_$][\w$]*)*$/.test(inner) && (/[a-z][A-Z]|_|\.|::|#/.test(inner) || /^[A-Z]/.test(inner) || (match[1] ?? "").includes("("));
    if (isPath || isIdentifier) names.add(inner);
    if (names.size >= NAMES_LOOKED_UP) break;
  }
  return [...names];
}
