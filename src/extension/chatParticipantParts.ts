// What an answer is made of in a chat that only ever appends: Markdown, places that open, whole blocks of code. Turns a card, and
// prose as it streams in, into such parts. Knows neither VS Code nor the engine; words for people come from the caller.
import type { Citation, FileRange, GroundedCard } from "../engine/protocol/types.ts";

export type AnswerPart =
  | { kind: "text"; markdown: string }
  | { kind: "place"; place: FileRange }
  | { kind: "code"; language: string; code: string };

/** Sentences that a card needs beyond its own. */
export interface CardWords {
  /** "From memory (you, in the chat, 2026-05-01): …" */
  fromMemory: (source: string, date: string, text: string) => string;
}

const SIGNATURE_LINES = 12;
const MEMORY_CHARACTERS = 300;
const CITATION = /\[(\d{1,3})\]/g;
/** Captured, so that splitting keeps the spans. */
const CODE_SPAN = /((?<!`)`{1,2}(?!`)[^`\n]+`{1,2}(?!`))/;

/** The card as the engine writes it for the command line (answering/cardText.ts), with its citations as places. */
export function cardParts(card: GroundedCard, citations: readonly Citation[], words: CardWords): AnswerPart[] {
  const places = placesOf(citations);
  const parts = [...textParts(card.summary, places), text("\n\n")];
  const [first] = card.items;
  if (first && first.signature !== "" && card.supported) {
    const lines = first.signature.split("\n");
    const shown = [...lines.slice(0, SIGNATURE_LINES), ...(lines.length > SIGNATURE_LINES ? ["…"] : [])].join("\n");
    parts.push(text(fenced(first.language === "plaintext" ? "" : first.language, shown)));
  }
  if (card.items.length > 1 && card.supported) {
    for (const item of card.items) {
      parts.push(text(`- ${inlineCode(item.title)} (${item.kind}) `), { kind: "place", place: places.get(item.citation) ?? item.location }, text("\n"));
    }
    parts.push(text("\n"));
  }
  if (card.fromMemory) {
    const { source, at, text: remembered } = card.fromMemory;
    const clipped = remembered.length <= MEMORY_CHARACTERS ? remembered : `${remembered.slice(0, MEMORY_CHARACTERS)}…`;
    parts.push(text(`${words.fromMemory(source, new Date(at).toISOString().slice(0, 10), clipped)}\n\n`));
  }
  return joined(parts);
}

/** Places by their citation numbers. */
export function placesOf(citations: readonly Citation[]): Map<number, FileRange> {
  return new Map(citations.map(({ n, path, startLine, endLine }) => [n, { path, startLine, endLine }]));
}

/** Text with `[n]` as places; numbers that stand for none, and what stands in code, stay text. Images become links: nothing is fetched for an answer. */
export function textParts(markdown: string, places: ReadonlyMap<number, FileRange>): AnswerPart[] {
  const parts: AnswerPart[] = [];
  for (const piece of markdown.split(CODE_SPAN)) {
    if (piece.startsWith("`")) {
      parts.push(text(piece));
      continue;
    }
    let from = 0;
    for (const match of piece.matchAll(CITATION)) {
      const place = places.get(Number(match[1]));
      // `[1]` before "(" or ":" is a link of Markdown, not a citation.
      if (!place || /[(:]/.test(piece[match.index + match[0].length] ?? "")) continue;
      parts.push(text(withoutImages(piece.slice(from, match.index))), { kind: "place", place });
      from = match.index + match[0].length;
    }
    parts.push(text(withoutImages(piece.slice(from))));
  }
  return joined(parts);
}

interface OpenFence {
  marker: string;
  indent: number;
  language: string;
  lines: string[];
}

/**
 * Cuts prose that arrives in pieces: text is handed on as soon as it cannot turn into something else, a block of code only when it
 * is whole, so that it can be judged before anybody can press its buttons.
 */
export class ProseParts {
  #rest = "";
  #atLineStart = true;
  #fence: OpenFence | null = null;
  #places: ReadonlyMap<number, FileRange> = new Map();

  /** The places known by now; prose that comes later may name them. */
  know(citations: readonly Citation[]): void {
    this.#places = placesOf(citations);
  }

  push(piece: string): AnswerPart[] {
    this.#rest += piece;
    return this.#take(false);
  }

  /** What was held back; a block that was never closed is whole now. */
  end(): AnswerPart[] {
    const parts = this.#take(true);
    const fence = this.#fence;
    this.#fence = null;
    return fence ? [...parts, { kind: "code", language: fence.language, code: fence.lines.join("\n") }] : parts;
  }

  #take(last: boolean): AnswerPart[] {
    const parts: AnswerPart[] = [];
    while (this.#rest !== "") {
      const newline = this.#rest.indexOf("\n");
      const line = newline < 0 ? this.#rest : this.#rest.slice(0, newline);
      if (this.#fence) {
        if (newline < 0 && !last) break;
        this.#rest = newline < 0 ? "" : this.#rest.slice(newline + 1);
        const closed = this.#inFence(line, this.#fence);
        if (closed) parts.push(closed);
        continue;
      }
      if (this.#atLineStart) {
        const opening = /^(\s*)(`{3,}|~{3,})([^`]*)$/.exec(line);
        if (opening && (newline >= 0 || last)) {
          this.#fence = { indent: opening[1]?.length ?? 0, marker: opening[2] ?? "", language: (opening[3] ?? "").trim().split(/\s+/)[0] ?? "", lines: [] };
          this.#rest = newline < 0 ? "" : this.#rest.slice(newline + 1);
          continue;
        }
        // It may become the opening of a block.
        if (newline < 0 && !last && /^\s*(?:`{0,3}|~{0,3}|(?:`{3,}|~{3,})[^`]*)$/.test(line)) break;
      }
      const end = newline >= 0 ? newline + 1 : last ? line.length : settledLength(line);
      if (end === 0) break;
      const taken = this.#rest.slice(0, end);
      this.#rest = this.#rest.slice(end);
      this.#atLineStart = taken.endsWith("\n");
      parts.push(...textParts(taken, this.#places));
      if (newline < 0) break;
    }
    return joined(parts);
  }

  #inFence(line: string, fence: OpenFence): AnswerPart | null {
    if (line.trim().startsWith(fence.marker) && line.trim().replaceAll(fence.marker[0] ?? "", "") === "") {
      this.#fence = null;
      this.#atLineStart = true;
      return { kind: "code", language: fence.language, code: fence.lines.join("\n") };
    }
    fence.lines.push(line.slice(Math.min(fence.indent, /^\s*/.exec(line)?.[0].length ?? 0)));
    return null;
  }
}

/** How much of an unfinished line cannot change its meaning any more: before code that is open, and before half a citation or image. */
function settledLength(line: string): number {
  const open = line.split(CODE_SPAN).findLast((piece) => !piece.startsWith("`") || !CODE_SPAN.test(piece)) ?? "";
  const tick = line.endsWith(open) ? open.indexOf("`") : -1;
  if (tick >= 0) return line.length - open.length + tick;
  return line.length - (/(?:!|!?\[\d{0,3}\]?)$/.exec(line)?.[0].length ?? 0);
}

/** A block of code, with a fence longer than any in it. */
export function fenced(language: string, code: string): string {
  const longest = Math.max(2, ...[...code.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `\n\n${fence}${language.replace(/[^\w+#.-]/g, "")}\n${code}\n${fence}\n\n`;
}

/** Commands that may not be run with one click: readable, each line by itself, and no block with buttons. */
export function withoutButtons(code: string): string {
  return `\n\n${code.split("\n").filter((line) => line.trim() !== "").map((line) => `> ${inlineCode(line.trimEnd())}`).join("  \n")}\n\n`;
}

/** "retryPolicy.ts:12" */
export function placeName({ path, startLine }: FileRange): string {
  return `${path.split("/").at(-1) ?? path}:${startLine}`;
}

function inlineCode(value: string): string {
  const longest = Math.max(0, ...[...value.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const ticks = "`".repeat(longest + 1);
  const padding = longest > 0 ? " " : "";
  return `${ticks}${padding}${value}${padding}${ticks}`;
}

function withoutImages(markdown: string): string {
  return markdown.replaceAll("![", "[").replace(/<(?=img\b)/gi, "&lt;");
}

function text(markdown: string): AnswerPart {
  return { kind: "text", markdown };
}

/** Neighbouring texts as one, empty ones left out. */
function joined(parts: readonly AnswerPart[]): AnswerPart[] {
  const all: AnswerPart[] = [];
  for (const part of parts) {
    const before = all.at(-1);
    if (part.kind !== "text") all.push(part);
    else if (part.markdown === "") continue;
    else if (before?.kind === "text") all[all.length - 1] = text(before.markdown + part.markdown);
    else all.push(part);
  }
  return all;
}
