// What the checks say about a block of code, as HTML for below the block: what is wrong or would happen, what to do instead, and
// the one click that allows it. Words come from the engine and are escaped here.
import type { BlockConcern } from "../../engine/protocol/types.ts";
import { escapeHtml } from "./highlight.ts";
import { t } from "../shared/l10n.ts";

/** More than this is told in the health line. */
const MOST_NOTES = 3;

const STRICTNESS = { allow: 0, warn: 1, ask: 2, block: 3 };

/** The small mark in a block's bar: the weakness by its number, or that it is not simply run. "" where there is nothing. */
export function markOf(concerns: readonly BlockConcern[]): string {
  const worst = strictestFirst(concerns.filter((concern) => !concern.allowed))[0];
  if (!worst) return "";
  const more = concerns.filter((concern) => !concern.allowed).length - 1;
  const label = worst.action === "block" ? t("blocked") : worst.action === "ask" ? t("asks first") : worst.rule;
  return `<span class="code-mark" data-tone="${worst.action}"><span class="codicon codicon-${worst.action === "block" ? "circle-slash" : "warning"}" aria-hidden="true"></span>${escapeHtml(label)}${more > 0 ? ` +${more}` : ""}</span>`;
}

/** One line for each finding, the strictest first. */
export function blockNotes(concerns: readonly BlockConcern[]): string {
  if (concerns.length === 0) return "";
  const ordered = strictestFirst(concerns);
  const notes = ordered.slice(0, MOST_NOTES).map((concern) => {
    const tone = concern.allowed ? "allowed" : concern.action;
    const icon = concern.allowed ? "check" : concern.action === "block" ? "circle-slash" : "warning";
    const rule = concern.check === "insecureCode" ? `<span class="code-rule">${escapeHtml(concern.rule)}</span> ` : "";
    const text = concern.allowed ? `${rule}${escapeHtml(t("Allowed by you."))}` : `${rule}${escapeHtml(concern.reason)}${concern.fix === "" ? "" : ` <span class="code-fix">${escapeHtml(concern.fix)}</span>`}`;
    const label = concern.allowed ? t("Undo") : t("Allow");
    // Without a colon: the sanitiser takes "Allow:" for the scheme of an address and drops the label.
    const reason = concern.reason.replaceAll(":", ",");
    const spoken = concern.allowed ? t("Stop allowing – {0}", reason) : t("Allow – {0}", reason);
    return `<div class="code-note" data-tone="${tone}"><span class="codicon codicon-${icon}" aria-hidden="true"></span><span class="code-note-text">${text}</span>` +
      `<button type="button" class="link" data-action="${concern.allowed ? "withdraw" : "allow"}" data-key="${escapeHtml(concern.key)}" aria-label="${escapeHtml(spoken)}">${escapeHtml(label)}</button></div>`;
  });
  const rest = ordered.length - MOST_NOTES;
  if (rest > 0) notes.push(`<div class="code-note" data-tone="allowed"><span class="code-note-text">${escapeHtml(t("And {0} more, in the checks below.", rest))}</span></div>`);
  return `<div class="code-notes">${notes.join("")}</div>`;
}

function strictestFirst(concerns: readonly BlockConcern[]): BlockConcern[] {
  return [...concerns].sort((a, b) => Number(a.allowed) - Number(b.allowed) || STRICTNESS[b.action] - STRICTNESS[a.action]);
}
