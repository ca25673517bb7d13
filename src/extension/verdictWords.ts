// Words about suggestions that were hidden. No VS Code, so that tests need none.
import type { CompleteResult } from "../engine/protocol/types.ts";

export interface HiddenCompletion {
  /** A sentence. */
  reason: string;
  path: string;
  line: number;
  /** Milliseconds since the epoch. */
  at: number;
}

/** The sentence of the check that hid a suggestion, or null where no check did. */
export function hiddenReason(result: Pick<CompleteResult, "reason" | "verdict">): string | null {
  if (result.reason !== "filtered" || result.verdict.action !== "block") return null;
  return result.verdict.checks.find((check) => check.action === "block")?.reason ?? null;
}

/** "users.py, line 12, a minute ago: …", or that none was hidden. */
export function lastHidden(hidden: HiddenCompletion | null, now: number): string {
  if (!hidden) return "No suggestion was hidden in this window.";
  const minutes = Math.floor((now - hidden.at) / 60_000);
  const when = minutes < 1 ? "just now" : minutes === 1 ? "a minute ago" : minutes < 60 ? `${minutes} minutes ago` : "over an hour ago";
  return `${hidden.path.split("/").at(-1) ?? hidden.path}, line ${hidden.line}, ${when}: ${hidden.reason}`;
}
