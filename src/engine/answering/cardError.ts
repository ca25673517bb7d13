// The card about an error: the frames that lie in the workspace, innermost first, and the lines that raise the message.
import type { CardItem } from "../protocol/types.ts";
import { enclosing, MAXIMUM_ITEMS } from "./cardContext.ts";
import type { CardContext, Draft } from "./cardContext.ts";
import { resolveFrame } from "./resolve.ts";
import { code, escapeCitations, list, place, plural, qualifiedName } from "./wording.ts";

const CONTEXT_LINES = 3;
/** A constant part of a message shorter than this says too little to look for. */
const SHORTEST_PART = 8;

export async function errorCard(context: CardContext): Promise<Draft | null> {
  const { error } = context.question;
  if (!error) return null;
  const items: CardItem[] = [];
  const sentences: string[] = [];
  let outside = 0;
  let stale = 0;
  for (const frame of error.frames) {
    const path = resolveFrame(frame, context.files);
    if (path === null) {
      outside++;
      continue;
    }
    if (items.length >= MAXIMUM_ITEMS - 2) continue;
    const item = await placeItem(context, path, frame.line, frame.name);
    if (item) items.push(item);
    else stale++;
  }
  const first = items[0];
  const what = error.type !== "" || error.message !== "" ? code([error.type, error.message].filter((part) => part !== "").join(": ").slice(0, 200)) : "The error";
  if (first) {
    const line = lineOfItem(first);
    sentences.push(`${what} surfaced in the workspace at ${place(first.location.path, first.usages[0]?.startLine ?? first.location.startLine)}${first.title === first.location.path ? "" : ` in ${code(first.title)}`}${line === "" ? "" : `: ${code(line)}`} [${first.citation}].`);
    const callers = items.slice(1, 4);
    if (callers.length > 0) sentences.push(`It was reached through ${list(callers.map((item) => `${place(item.location.path, item.usages[0]?.startLine ?? item.location.startLine)} [${item.citation}]`))}.`);
  }
  const raised = await raisedAt(context, error.message, error.type);
  const fresh = raised.filter((item) => !items.some((known) => known.citation === item.citation));
  if (fresh[0]) {
    const same = fresh.map((item) => `${place(item.location.path, item.usages[0]?.startLine ?? item.location.startLine)} [${item.citation}]`);
    sentences.push(`${first ? "The message is written" : `${what} is written`} in the workspace at ${list(same)}.`);
    items.push(...fresh);
  } else if (raised.length > 0 && first && raised.some((item) => item.citation === first.citation)) {
    sentences.push(`That line raises it itself [${first.citation}].`);
  }
  if (items.length === 0) return null;
  if (sentences.length < 3 && stale > 0) sentences.push(`${plural(stale, "frame")} ${stale === 1 ? "names a line" : "name lines"} that ${stale === 1 ? "its file does" : "their files do"} not have any more [${items[0]?.citation}].`);
  else if (sentences.length < 3 && outside > 0 && first) sentences.push(`${plural(outside, "frame")} ${outside === 1 ? "lies" : "lie"} outside this workspace [${first.citation}].`);
  return { sentences, items: items.slice(0, MAXIMUM_ITEMS), supported: true };
}

/** A line with its neighbours, titled by the function it stands in. */
async function placeItem(context: CardContext, path: string, line: number, frameName: string): Promise<CardItem | null> {
  const exact = await context.access.readLines({ path, startLine: line, endLine: line });
  if (!exact || exact.text.trim() === "" && frameName === "") return null;
  const around = await enclosing(context, path, line);
  const startLine = Math.max(around && around.startLine <= line ? around.startLine : 1, line - CONTEXT_LINES);
  const citation = await context.citations.cite({ path, startLine, endLine: line + CONTEXT_LINES });
  if (!citation) return null;
  return {
    title: around ? qualifiedName(around) : path, kind: around?.kind ?? "passage",
    location: { path, startLine: citation.startLine, endLine: citation.endLine }, language: around?.language ?? "plaintext",
    signature: exact.text.trim(), documentation: around?.documentation ?? "", usageCount: 0,
    usages: [{ path, startLine: line, endLine: line }], citation: citation.n,
  };
}

/** The lines whose string literals make up the message. */
async function raisedAt(context: CardContext, message: string, type: string): Promise<CardItem[]> {
  if (message.length < SHORTEST_PART) return [];
  const found: { path: string; line: number; score: number }[] = [];
  const hits = [...await context.hits(), ...await context.access.search(message.slice(0, 300), { k: 10 })];
  for (const hit of hits) {
    hit.text.split("\n").forEach((text, i) => {
      const literals = text.match(/(["'`])(?:\\.|(?!\1).)*\1/g) ?? [];
      for (const literal of literals) {
        const score = literalMatch(literal.slice(1, -1), message);
        if (score > 0) found.push({ path: hit.path, line: hit.startLine + i, score: score + (/\b(?:throw|raise|Error|panic|reject|fatal|Exception|Errorf|errors\.New)\b/.test(text) ? 10 : 0) + (type !== "" && text.includes(type) ? 5 : 0) });
      }
    });
  }
  const items: CardItem[] = [];
  for (const { path, line } of found.toSorted((a, b) => b.score - a.score)) {
    if (items.length >= 2) break;
    const item = await placeItem(context, path, line, "");
    if (item && !items.some((known) => known.citation === item.citation)) items.push(item);
  }
  return items;
}

/** How many characters of `message` a literal with placeholders accounts for, or 0. */
function literalMatch(literal: string, message: string): number {
  const parts = literal.split(/\$\{[^}]*\}|\{[^}]*\}|%[-+ #0]*\d*(?:\.\d+)?[sdifrvxqtTwp]|\\n/).map((part) => part.trim()).filter((part) => part.length > 2);
  if (parts.length === 0) return 0;
  let at = 0;
  let length = 0;
  for (const part of parts) {
    const next = message.indexOf(part, at);
    // The message may have been pasted only in part.
    if (next < 0) return parts.length === 1 && part.includes(message) ? message.length : 0;
    at = next + part.length;
    length += part.length;
  }
  return length >= SHORTEST_PART ? length : 0;
}

function lineOfItem(item: CardItem): string {
  const flat = item.signature.trim();
  return escapeCitations(flat.length > 160 ? `${flat.slice(0, 160)} …` : flat);
}
