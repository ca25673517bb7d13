// An answer as plain Markdown, for the clipboard and for screen readers. Pure.
import type { ChatTurn } from "../protocol.ts";
import { rangeLabel } from "./healthLine.ts";
import { t } from "../shared/l10n.ts";

/** Card, prose and the list of sources, as one would paste it into a document. */
export function answerMarkdown(turn: ChatTurn): string {
  const parts: string[] = [];
  if (turn.card) {
    if (turn.card.summary !== "") parts.push(turn.card.summary);
    for (const item of turn.card.items) {
      const fence = item.signature === "" ? "" : `\n\n\`\`\`${item.language}\n${item.signature}\n\`\`\``;
      const documentation = item.documentation === "" ? "" : `\n\n${item.documentation}`;
      const name = item.title.split(" — ")[0] ?? item.title;
      parts.push(`**${name}** — ${item.location.path}:${item.location.startLine}${fence}${documentation}`);
    }
  }
  if (turn.prose !== "") parts.push(turn.prose.trim());
  if (turn.citations.length > 0) {
    parts.push(turn.citations.map((citation) => `[${citation.n}] ${rangeLabel(citation.path, citation.startLine, citation.endLine)}`).join("\n"));
  }
  return parts.join("\n\n");
}

/**
 * What a screen reader should hear next of a text that grows: whole sentences past `spoken` characters, code left out.
 * Returns the words and how much of the text they cover.
 */
export function nextAnnouncement(text: string, spoken: number, finished: boolean): { say: string; spoken: number } {
  const fresh = text.slice(spoken);
  const end = finished ? fresh.length : Math.max(...[". ", "? ", "! ", ".\n", ":\n", "\n\n"].map((mark) => fresh.lastIndexOf(mark))) + 1;
  // A fence that is still open is not cut in two: it is left for the next time.
  const chunk = fresh.slice(0, end);
  if (chunk === "" || (!finished && (chunk.match(/```/g) ?? []).length % 2 === 1)) return { say: "", spoken };
  const say = chunk.replace(/```[\s\S]*?(?:```|$)/g, ` ${t("Code.")} `).replace(/\[(\d+)\]/g, (_, n: string) => ` ${t("source {0}", n)} `).replace(/[*_`#>]/g, "").replace(/\s+/g, " ").trim();
  return { say, spoken: spoken + end };
}
