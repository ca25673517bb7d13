// Writes a card as Markdown, for the command line, the history and the clipboard. The chat view draws cards itself.
import type { GroundedCard } from "../protocol/types.ts";
import { code } from "./wording.ts";

const SIGNATURE_LINES = 12;

/** The summary, the first item's signature as a block of code, and one line for each item. */
export function renderCard(card: GroundedCard): string {
  const parts = [card.summary];
  const first = card.items[0];
  if (first && first.signature !== "" && card.supported) {
    const lines = first.signature.split("\n");
    const fence = first.signature.includes("```") ? "````" : "```";
    parts.push(`${fence}${first.language === "plaintext" ? "" : first.language}\n${lines.slice(0, SIGNATURE_LINES).join("\n")}${lines.length > SIGNATURE_LINES ? "\n…" : ""}\n${fence}`);
  }
  if (card.items.length > 1 && card.supported) {
    parts.push(card.items.map((item) => `- ${code(item.title)} (${item.kind}), ${code(`${item.location.path}:${item.location.startLine}`)} [${item.citation}]`).join("\n"));
  }
  return parts.filter((part) => part !== "").join("\n\n");
}
