// The words of the memory view: groups of time, one line for an item, its page. Pure: knows neither VS Code nor the engine process.
import type { MemoryItem, MemoryShowResult } from "../engine/protocol/memory.ts";
import { mark, t, translated } from "../webview/shared/l10n.ts";

/** Codicons by kind; a circle for the rest. */
const ICONS: Readonly<Record<string, string>> = {
  turn: "comment", decision: "pass", note: "note", execution: "play", error: "error", edit: "edit", run: "graph-line", file: "file",
  symbol: "symbol-method", variable: "symbol-variable", dataset: "database", entity: "symbol-misc",
};
const KINDS: Readonly<Record<string, string>> = { turn: mark("Said"), decision: mark("Decision"), note: mark("Note"), execution: mark("Run of a cell"), error: mark("Error"), edit: mark("Edit"), run: mark("Training run"), file: mark("File"), symbol: mark("Symbol"), variable: mark("Variable"), dataset: mark("Data set"), entity: mark("Name") };
/** How a link reads from the item shown: [outwards, inwards]. */
const LINKS: Readonly<Record<string, readonly [out: string, inward: string]>> = {
  answers: [mark("is an answer to"), mark("answered by")], mentions: [mark("mentions"), mark("mentioned by")], cites: [mark("cites"), mark("cited by")], about: [mark("about"), mark("said about it")],
  defines: [mark("defines"), mark("defined by")], uses: [mark("uses"), mark("used by")], reads: [mark("reads"), mark("read by")], writes: [mark("writes"), mark("written by")], raises: [mark("raised"), mark("raised by")],
  fixes: [mark("fixes"), mark("fixed by")], follows: [mark("follows"), mark("followed by")], dependsOn: [mark("rests on"), mark("rested on by")], supersedes: [mark("takes the place of"), mark("replaced by")],
  summarises: [mark("drawn from"), mark("summarised by")], related: [mark("has to do with"), mark("has to do with")],
};

export function iconOf(kind: string): string {
  return ICONS[kind] ?? "circle-small";
}

/** One line: what it says, without its line breaks. */
export function oneLine(text: string, limit = 120): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= limit ? line : `${line.slice(0, limit - 1)}…`;
}

export function linkWords(type: string, direction: "out" | "in"): string {
  const words = LINKS[type];
  return words ? translated(words[direction === "out" ? 0 : 1]) : type;
}

/** Whether what is to be remembered was decided, rather than found out. */
export function isDecision(text: string): boolean {
  return /\b(?:decid(?:e|ed)|agreed|let's|we(?:'ll| will) (?:use|keep|go|take|drop|not)|we (?:do not|don't|never|always) )\b/i.test(text.replaceAll("’", "'"));
}

/** What the user may write anew: words of their own, that still hold. */
export function isEditable(item: MemoryItem): boolean {
  return (item.kind === "note" || item.kind === "decision") && item.holds;
}

export interface TimeGroup {
  /** Stable across refreshes. */
  id: string;
  title: string;
  items: MemoryItem[];
}

/** Items by when they were, newest first; `now` decides what is today. */
export function byTime(items: readonly MemoryItem[], now: number): TimeGroup[] {
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  const day = 86_400_000;
  const groups: TimeGroup[] = [
    { id: "pinned", title: t("Pinned"), items: [] }, { id: "today", title: t("Today"), items: [] }, { id: "yesterday", title: t("Yesterday"), items: [] },
    { id: "week", title: t("This Week"), items: [] }, { id: "month", title: t("This Month"), items: [] }, { id: "older", title: t("Older"), items: [] },
  ];
  for (const item of items) {
    const at = item.pinned ? 0 : item.at >= midnight ? 1 : item.at >= midnight - day ? 2 : item.at >= midnight - 6 * day ? 3 : item.at >= midnight - 29 * day ? 4 : 5;
    groups[at]?.items.push(item);
  }
  return groups.filter((group) => group.items.length > 0).map((group) => ({ ...group, items: group.items.toSorted((a, b) => b.at - a.at) }));
}

/** What stands beside an item: who or where, and that it does not hold any more. */
export function description(item: MemoryItem): string {
  return [item.holds ? "" : item.supersededBy !== null ? t("replaced") : t("no longer true"), item.holds && item.doubted ? t("doubtful") : "", item.source].filter((part) => part !== "").join(" · ");
}

/** An item's page: its words, where they come from, when they held, and what hangs together with it. */
export function itemPage({ item, around, links }: MemoryShowResult): string {
  const time = (at: number): string => new Date(at).toLocaleString();
  const rows: [string, string][] = [
    [t("Kind"), translated(KINDS[item.kind] ?? item.kind)],
    [t("Comes from"), item.source],
    [t("True since"), time(item.at)],
    ...(item.until === null ? [] : [[t("True until"), time(item.until)] satisfies [string, string]]),
    [t("Recorded"), time(item.learnedAt)],
    [t("State"), item.holds ? (item.doubted ? t("Doubtful: something that it rests on is not true any more") : t("Holds")) : item.supersededBy === null ? t("Does not hold any more") : t("Replaced by something newer")],
    [t("Used in answers"), String(item.uses)],
    ...(item.dismissals > 0 ? [[t("Dismissed"), String(item.dismissals)] satisfies [string, string]] : []),
    [t("Name"), `\`${item.key}\``],
  ];
  const lines = [`# ${escapeMarkdown(oneLine(item.text, 80))}`, "", quoted(item.text), "", "| | |", "|---|---|", ...rows.map(([name, value]) => `| ${name} | ${cell(value)} |`)];
  if (links.length > 0) {
    lines.push("", `## ${t("Hangs together with")}`, "", ...links.map((link) => `- *${linkWords(link.type, link.direction)}* ${escapeMarkdown(oneLine(link.item.text))}${link.item.holds ? "" : ` (${t("does not hold any more")})`}`));
  }
  if (around.length > 1) {
    lines.push("", `## ${t("Before and after, in the same thread")}`, "", ...around.map((other) => (other.key === item.key ? `- **${escapeMarkdown(oneLine(other.text))}**` : `- ${escapeMarkdown(oneLine(other.text))}`)));
  }
  return lines.join("\n");
}

function quoted(text: string): string {
  // A fence longer than any in the text keeps what was said from being read as Markdown.
  const longest = Math.max(2, ...[...text.matchAll(/`{3,}/g)].map((match) => match[0].length));
  const fence = "`".repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replace(/\s+/g, " ");
}

function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_[\]<>#|!]/g, "\\$&");
}
