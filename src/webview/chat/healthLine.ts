// The words of the line under an answer and of the lists it opens into. Pure: figures in, sentences out.
import type { ChatAttachment, ChatTurn } from "../protocol.ts";

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
  const parts = [...(sent === null ? [] : [sent]), verified === 0 ? "no sources" : `${verified} ${verified === 1 ? "source" : "sources"} verified`];
  const checks = turn.checks;
  if (checks) {
    if (checks.droppedCitations > 0) parts.push(`${checks.droppedCitations} dropped`);
    const { checks: made } = checks.verdict;
    const unmade = made.filter((check) => check.notChecked).length;
    const concerns = made.filter((check) => check.action !== "allow" && !check.notChecked).length;
    const passed = made.length - unmade - concerns;
    if (concerns > 0) parts.push(`${concerns} ${concerns === 1 ? "warning" : "warnings"}`);
    else if (passed > 0) parts.push(`${passed} ${passed === 1 ? "check" : "checks"} passed`);
    if (unmade > 0) parts.push(`${unmade} not checked`);
    parts.push(duration(checks.timings.totalMs));
  }
  if (turn.state === "stopped") parts.push("stopped");
  return parts.join(" · ");
}

/** "written by NAME at HOST; 5 passages were sent": who else has read what the answer rests on, and first of all that. */
export function sentText({ checks, prose }: ChatTurn): string | null {
  const sentTo = checks?.sentTo;
  if (!sentTo) return null;
  const { name, host, passages, leavesMachine } = sentTo;
  const count = `${passages} ${passages === 1 ? "passage was" : "passages were"} sent`;
  return `${prose === "" ? `${count} to ${name} at ${host}` : `written by ${name} at ${host}; ${count}`}${leavesMachine ? "" : " (this machine)"}`;
}

/** Whether a check's findings stand under the blocks that they are about, and need no line of their own. */
export function shownAtBlocks(turn: ChatTurn, check: string): boolean {
  return turn.checks?.verdict.concerns?.some((concern) => concern.check === check && !concern.allowed) ?? false;
}

const CHECK_LABELS: Readonly<Record<string, string>> = { insecureCode: "Code", licence: "Copies", grounded: "Names", personalData: "Personal data" };

export function checkRows(turn: ChatTurn): HealthRow[] {
  const rows: HealthRow[] = turn.citations.map((citation) => ({
    label: `[${citation.n}] ${rangeLabel(citation.path.split("/").at(-1) ?? "", citation.startLine, citation.endLine)}`,
    value: citation.verified ? "unchanged" : "not verified",
    tone: citation.verified ? "ok" : "warning",
  }));
  const checks = turn.checks;
  if (!checks) return rows;
  if (checks.droppedCitations > 0) rows.push({ label: "Dropped citations", value: `${checks.droppedCitations}, because their lines did not hold`, tone: "warning" });
  for (const check of checks.verdict.checks) {
    const found = (checks.verdict.concerns ?? []).filter((concern) => concern.check === check.name);
    const value = found.length === 0 ? check.reason : `${found.length} ${found.length === 1 ? "finding" : "findings"}`;
    rows.push({ label: CHECK_LABELS[check.name] ?? sentenceCase(check.name), value, tone: check.notChecked ? "unmade" : check.action === "allow" ? "ok" : "warning" });
    for (const { excerpt, rule, action, allowed } of found) rows.push({ label: excerpt, value: allowed ? "allowed by you" : check.name === "commands" ? (action === "block" ? "blocked" : "asks first") : rule, tone: "detail" });
  }
  return rows;
}

export function timingRows(turn: ChatTurn): HealthRow[] {
  const timings = turn.checks?.timings;
  if (!timings) return [];
  const rows: HealthRow[] = [plain("Search", duration(timings.retrieveMs))];
  if (timings.cardMs !== null) rows.push(plain("Card", duration(timings.cardMs)));
  if (timings.firstTokenMs !== null) rows.push(plain("First token", duration(timings.firstTokenMs)));
  rows.push(plain("Whole answer", duration(timings.totalMs)));
  return rows;
}

export function budgetRows(turn: ChatTurn): HealthRow[] {
  const { budget, tokens } = turn.checks ?? {};
  if (!budget || !tokens) return [];
  const rows = [
    plain("Context window", tokensText(budget.contextSize)),
    plain("Instructions", tokensText(budget.instructions)),
    plain("History", tokensText(budget.history)),
    plain("Sources", tokensText(budget.sources)),
    plain("Question", tokensText(budget.question)),
    plain("Kept for the answer", tokensText(budget.reservedForAnswer)),
    plain("Reused from before", tokensText(tokens.reused)),
    plain("Generated", tokensText(tokens.generated)),
  ];
  if (budget.droppedSources > 0) rows.push({ label: "Sources that did not fit", value: String(budget.droppedSources), tone: "warning" });
  return rows;
}

/** "src/x.ts:41–58", or "src/x.ts:41" for one line. */
/** "queue.ts", "queue.ts:3–9", "analysis.ipynb, cell 4": without folders. */
export function attachmentLabel({ kind, path, startLine, endLine, cell }: ChatAttachment): string {
  const name = path.split("/").at(-1) ?? path;
  if (kind === "file") return name;
  return cell ? `${name}, cell ${cell.number}` : rangeLabel(name, startLine, endLine);
}

export function rangeLabel(path: string, startLine: number, endLine: number): string {
  return `${path}:${startLine}${endLine > startLine ? `–${endLine}` : ""}`;
}

export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return ms < 60_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
}

function tokensText(n: number): string {
  return `${n.toLocaleString("en")} tokens`;
}

function plain(label: string, value: string): HealthRow {
  return { label, value, tone: "plain" };
}

/** "citationCheck" → "Citation check". */
function sentenceCase(name: string): string {
  const words = name.replace(/([a-z])([A-Z])/g, "$1 $2").replace(/[-_]/g, " ").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
