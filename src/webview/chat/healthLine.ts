// The words of the line under an answer and of the lists it opens into. Pure: figures in, sentences out.
import type { ChatAttachment, ChatTurn } from "../protocol.ts";
import { mark, t, translated } from "../shared/l10n.ts";

export interface HealthRow {
  label: string;
  value: string;
  /** "unmade": the check could not be made. "detail": what a check has found, where. */
  tone: "ok" | "warning" | "plain" | "unmade" | "detail";
}

/** "3 sources verified · 4 checks passed · 42 ms"; warnings, dropped citations and checks that were not made take the place of what passed. */
export function healthLine(turn: ChatTurn): string {
  const verified = turn.citations.filter((citation) => citation.verified).length;
  const sent = sentText(turn);
  const parts = [...(sent === null ? [] : [sent]), verified === 0 ? t("no sources") : verified === 1 ? t("1 source verified") : t("{0} sources verified", verified)];
  const checks = turn.checks;
  if (checks) {
    if (checks.droppedCitations > 0) parts.push(t("{0} dropped", checks.droppedCitations));
    const { checks: made } = checks.verdict;
    const unmade = made.filter((check) => check.notChecked).length;
    const concerns = made.filter((check) => check.action !== "allow" && !check.notChecked).length;
    const passed = made.length - unmade - concerns;
    if (concerns > 0) parts.push(concerns === 1 ? t("1 warning") : t("{0} warnings", concerns));
    else if (passed > 0) parts.push(passed === 1 ? t("1 check passed") : t("{0} checks passed", passed));
    if (unmade > 0) parts.push(t("{0} not checked", unmade));
    parts.push(duration(checks.timings.totalMs));
  }
  if (turn.state === "stopped") parts.push(t("stopped"));
  return parts.join(" · ");
}

/** "written by NAME at HOST; 5 passages were sent": who else has read what the answer rests on, and first of all that. */
export function sentText({ checks, prose }: ChatTurn): string | null {
  const sentTo = checks?.sentTo;
  if (!sentTo) return null;
  const { name, host, passages, leavesMachine } = sentTo;
  const place = leavesMachine ? t("{0} at {1}", name, host) : t("{0} at {1} (this machine)", name, host);
  if (prose === "") return passages === 1 ? t("1 passage was sent to {0}", place) : t("{0} passages were sent to {1}", passages, place);
  return passages === 1 ? t("written by {0}; 1 passage was sent", place) : t("written by {0}; {1} passages were sent", place, passages);
}

/** Whether a check's findings stand under the blocks that they are about, and need no line of their own. */
export function shownAtBlocks(turn: ChatTurn, check: string): boolean {
  return turn.checks?.verdict.concerns?.some((concern) => concern.check === check && !concern.allowed) ?? false;
}

const CHECK_LABELS: Readonly<Record<string, string>> = { insecureCode: mark("Code"), licence: mark("Copies"), grounded: mark("Names"), personalData: mark("Personal data"), secrets: mark("Secrets"), injection: mark("Injection"), requests: mark("Requests"), commands: mark("Commands"), drift: mark("Drift"), consistency: mark("Consistency"), topology: mark("Topology"), citations: mark("Citations") };

export function checkRows(turn: ChatTurn): HealthRow[] {
  const rows: HealthRow[] = turn.citations.map((citation) => ({
    label: `[${citation.n}] ${rangeLabel(citation.path.split("/").at(-1) ?? "", citation.startLine, citation.endLine)}`,
    value: citation.verified ? t("unchanged") : t("not verified"),
    tone: citation.verified ? "ok" : "warning",
  }));
  const checks = turn.checks;
  if (!checks) return rows;
  if (checks.droppedCitations > 0) rows.push({ label: t("Dropped citations"), value: t("{0}, because their lines did not hold", checks.droppedCitations), tone: "warning" });
  for (const check of checks.verdict.checks) {
    const found = (checks.verdict.concerns ?? []).filter((concern) => concern.check === check.name);
    const value = found.length === 0 ? check.reason : found.length === 1 ? t("1 finding") : t("{0} findings", found.length);
    rows.push({ label: check.name in CHECK_LABELS ? translated(CHECK_LABELS[check.name] ?? "") : sentenceCase(check.name), value, tone: check.notChecked ? "unmade" : check.action === "allow" ? "ok" : "warning" });
    for (const { excerpt, rule, action, allowed } of found) rows.push({ label: excerpt, value: allowed ? t("allowed by you") : check.name === "commands" ? (action === "block" ? t("blocked") : t("asks first")) : rule, tone: "detail" });
  }
  return rows;
}

export function timingRows(turn: ChatTurn): HealthRow[] {
  const timings = turn.checks?.timings;
  if (!timings) return [];
  const rows: HealthRow[] = [plain(t("Search"), duration(timings.retrieveMs))];
  if (timings.cardMs !== null) rows.push(plain(t("Card"), duration(timings.cardMs)));
  if (timings.firstTokenMs !== null) rows.push(plain(t("First token"), duration(timings.firstTokenMs)));
  rows.push(plain(t("Whole answer"), duration(timings.totalMs)));
  return rows;
}

export function budgetRows(turn: ChatTurn): HealthRow[] {
  const { budget, tokens } = turn.checks ?? {};
  if (!budget || !tokens) return [];
  const rows = [
    plain(t("Context window"), tokensText(budget.contextSize)),
    plain(t("Instructions"), tokensText(budget.instructions)),
    plain(t("History"), tokensText(budget.history)),
    plain(t("Sources"), tokensText(budget.sources)),
    plain(t("Question"), tokensText(budget.question)),
    plain(t("Kept for the answer"), tokensText(budget.reservedForAnswer)),
    plain(t("Reused from before"), tokensText(tokens.reused)),
    plain(t("Generated"), tokensText(tokens.generated)),
  ];
  if (budget.droppedSources > 0) rows.push({ label: t("Sources that did not fit"), value: String(budget.droppedSources), tone: "warning" });
  return rows;
}

/** "src/x.ts:41–58", or "src/x.ts:41" for one line. */
/** "queue.ts", "queue.ts:3–9", "analysis.ipynb, cell 4": without folders. */
export function attachmentLabel({ kind, path, startLine, endLine, cell }: ChatAttachment): string {
  const name = path.split("/").at(-1) ?? path;
  if (kind === "file") return name;
  return cell ? t("{0}, cell {1}", name, cell.number) : rangeLabel(name, startLine, endLine);
}

export function rangeLabel(path: string, startLine: number, endLine: number): string {
  return `${path}:${startLine}${endLine > startLine ? `–${endLine}` : ""}`;
}

export function duration(ms: number): string {
  if (ms < 1_000) return t("{0} ms", Math.round(ms));
  return ms < 60_000 ? t("{0} s", (ms / 1_000).toFixed(1)) : t("{0} min {1} s", Math.floor(ms / 60_000), Math.round((ms % 60_000) / 1_000));
}

function tokensText(n: number): string {
  return t("{0} tokens", n.toLocaleString("en"));
}

function plain(label: string, value: string): HealthRow {
  return { label, value, tone: "plain" };
}

/** "citationCheck" → "Citation check". */
function sentenceCase(name: string): string {
  const words = name.replace(/([a-z])([A-Z])/g, "$1 $2").replace(/[-_]/g, " ").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
