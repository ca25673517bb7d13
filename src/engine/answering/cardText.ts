// Writes a card as Markdown, for the command line, the history and the clipboard. The chat view draws cards itself.
import type { GroundedCard } from "../protocol/types.ts";
import { code } from "./wording.ts";

const SIGNATURE_LINES = 12;
const MEMORY_CHARACTERS = 300;

/** The summary, the first item's signature as a block of code, one line for each item, and what memory holds on it. */
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
  if (card.fromMemory) parts.push(`From memory (${card.fromMemory.source}, ${new Date(card.fromMemory.at).toISOString().slice(0, 10)}): ${card.fromMemory.text.length <= MEMORY_CHARACTERS ? card.fromMemory.text : `${card.fromMemory.text.slice(0, MEMORY_CHARACTERS)}…`}`);
  return parts.filter((part) => part !== "").join("\n\n");
}
