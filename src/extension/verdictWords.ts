// Words about suggestions that were hidden. No VS Code, so that tests need none.
import type { CompleteResult } from "../engine/protocol/types.ts";
import { t } from "../webview/shared/l10n.ts";

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
  if (!hidden) return t("No suggestion was hidden in this window.");
  const minutes = Math.floor((now - hidden.at) / 60_000);
  const when = minutes < 1 ? t("just now") : minutes === 1 ? t("a minute ago") : minutes < 60 ? t("{0} minutes ago", minutes) : t("over an hour ago");
  return t("{0}, line {1}, {2}: {3}", hidden.path.split("/").at(-1) ?? hidden.path, hidden.line, when, hidden.reason);
}
