// The words of memory chips, of /why and of the panel of the conversation's state. Pure: values in, words out.
import type { DialogueItem, DialogueState } from "../../engine/protocol/dialogue.ts";
import type { RecalledItem } from "../../engine/protocol/memory.ts";
import type { FileRange } from "../../engine/protocol/types.ts";
import type { ChatTurn } from "../protocol.ts";
import { attachmentLabel, rangeLabel } from "./healthLine.ts";

const LABEL_CHARACTERS = 48;

/** A memory's text on a chip: one line, cut at a word. */
export function memoryLabel(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  if (line.length <= LABEL_CHARACTERS) return line;
  const cut = line.slice(0, LABEL_CHARACTERS);
  const space = cut.lastIndexOf(" ");
  return `${cut.slice(0, space > LABEL_CHARACTERS / 2 ? space : LABEL_CHARACTERS)}…`;
}

/** Where a memory comes from and when: "you, in the chat, 3 days ago". */
export function memorySource(memory: Pick<RecalledItem, "source" | "at">, now: number): string {
  return `${memory.source}, ${ago(now - memory.at)}`;
}

function ago(ms: number): string {
  const minutes = Math.max(0, Math.round(ms / 60_000));
  if (minutes < 1) return "just now";
  const [value, unit] = minutes < 60 ? [minutes, "minute"] : minutes < 60 * 24 ? [Math.round(minutes / 60), "hour"] : minutes < 60 * 24 * 60 ? [Math.round(minutes / 1440), "day"] : [Math.round(minutes / 43_200), "month"];
  return `${value} ${unit}${value === 1 ? "" : "s"} ago`;
}

/** Kinds of card items that are definitions; the others are passages of a file. */
const DEFINITIONS = new Set(["function", "method", "class", "interface", "type", "enum", "constant", "variable", "module"]);

export interface WhyRow {
  what: string;
  reason: string;
  range?: FileRange;
  /** Key of a memory that opens. */
  memory?: string;
}

/** What an answer rests on, by where it comes from; empty groups are left out. */
export function whyRows(turn: ChatTurn): { title: string; rows: WhyRow[] }[] {
  const understood = (turn.dialogue?.references ?? []).map(({ phrase, name }): WhyRow => ({ what: `“${phrase}” → ${name}`, reason: "from this conversation" }));
  const sources = turn.citations.map((citation): WhyRow => {
    const item = turn.card?.items.find((other) => other.citation === citation.n);
    const inProse = turn.prose.includes(`[${citation.n}]`);
    const name = item?.title.split(" — ")[0] ?? "";
    const reason = item ? (DEFINITIONS.has(item.kind) ? `where the ${item.kind} ${name} is defined` : `a passage of ${name}`) : turn.card?.intent === "usages" ? "a use of what was asked about" : "found by words and meaning of the question";
    return { what: `[${citation.n}] ${rangeLabel(citation.path, citation.startLine, citation.endLine)}`, reason: inProse ? `${reason}; cited in the text` : reason, range: citation };
  });
  const attached = turn.attachments.map((attachment): WhyRow => ({ what: attachment.kind === "file" ? attachment.path : attachment.cell ? attachmentLabel(attachment) : rangeLabel(attachment.path, attachment.startLine, attachment.endLine), reason: "attached by you", range: attachment }));
  const memories = (turn.memories ?? []).map((memory): WhyRow => ({ what: memoryLabel(memory.text), reason: [...memory.why, ...(memory.doubted ? ["rests on something that changed"] : [])].join(", "), memory: memory.key }));
  return [{ title: "Understood", rows: understood }, { title: "Sources", rows: [...attached, ...sources] }, { title: "Memories", rows: memories }].filter(({ rows }) => rows.length > 0);
}

/** The panel in one line: what the talk is about, and how much stands open. Null: nothing worth a line. */
export function stateLine(state: DialogueState): string | null {
  const count = (items: readonly DialogueItem[], one: string, many: string): string[] => (items.length === 0 ? [] : [`${items.length} ${items.length === 1 ? one : many}`]);
  const about = state.focus.find(({ kind }) => kind !== "error") ?? state.focus[0];
  const parts = [
    ...(about ? [`About ${about.name}`] : []),
    ...count(state.decisions, "decision", "decisions"), ...count(state.constraints, "constraint", "constraints"),
    ...count(state.pendingActions, "to do", "to do"), ...count(state.openQuestions, "open question", "open questions"),
  ];
  return parts.length === 0 ? null : parts.join(" · ");
}

/** The lists of the opened panel in the order in which they matter. */
export function stateGroups(state: DialogueState): { title: string; icon: string; items: DialogueItem[]; canRemember: boolean }[] {
  return [
    { title: "Goal", icon: "target", items: state.goal ? [state.goal] : [], canRemember: true },
    { title: "Decisions", icon: "pass", items: state.decisions, canRemember: true },
    { title: "Constraints", icon: "law", items: state.constraints, canRemember: true },
    { title: "To do", icon: "circle-large-outline", items: state.pendingActions, canRemember: true },
    { title: "Open questions", icon: "question", items: state.openQuestions, canRemember: false },
  ].filter(({ items }) => items.length > 0);
}

/** The turn that is evidence for something: the engine counts answered turns, the last forty of them. */
export function evidenceTurn(turns: readonly ChatTurn[], of: ChatTurn, index: number): ChatTurn | undefined {
  const answered = turns.slice(0, turns.indexOf(of)).filter(({ state }) => state === "done");
  return [...answered, of].slice(-40)[index];
}
