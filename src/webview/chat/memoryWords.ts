// The words of memory chips, of /why and of the panel of the conversation's state. Pure: values in, words out.
import type { DialogueItem, DialogueState } from "../../engine/protocol/dialogue.ts";
import type { RecalledItem } from "../../engine/protocol/memory.ts";
import type { FileRange } from "../../engine/protocol/types.ts";
import type { ChatTurn } from "../protocol.ts";
import { attachmentLabel, rangeLabel } from "./healthLine.ts";
import { t } from "../shared/l10n.ts";

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
  const hours = Math.round(minutes / 60);
  const days = Math.round(minutes / 1440);
  const months = Math.round(minutes / 43_200);
  if (minutes < 1) return t("just now");
  if (minutes < 60) return minutes === 1 ? t("1 minute ago") : t("{0} minutes ago", minutes);
  if (minutes < 60 * 24) return hours === 1 ? t("1 hour ago") : t("{0} hours ago", hours);
  if (minutes < 60 * 24 * 60) return days === 1 ? t("1 day ago") : t("{0} days ago", days);
  return months === 1 ? t("1 month ago") : t("{0} months ago", months);
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
  const understood = (turn.dialogue?.references ?? []).map(({ phrase, name }): WhyRow => ({ what: `“${phrase}” → ${name}`, reason: t("from this conversation") }));
  const sources = turn.citations.map((citation): WhyRow => {
    const item = turn.card?.items.find((other) => other.citation === citation.n);
    const inProse = turn.prose.includes(`[${citation.n}]`);
    const name = item?.title.split(" — ")[0] ?? "";
    const reason = item ? (DEFINITIONS.has(item.kind) ? t("where the {0} {1} is defined", item.kind, name) : t("a passage of {0}", name)) : turn.card?.intent === "usages" ? t("a use of what was asked about") : t("found by words and meaning of the question");
    return { what: `[${citation.n}] ${rangeLabel(citation.path, citation.startLine, citation.endLine)}`, reason: inProse ? t("{0}; cited in the text", reason) : reason, range: citation };
  });
  const attached = turn.attachments.map((attachment): WhyRow => ({ what: attachment.kind === "file" ? attachment.path : attachment.cell ? attachmentLabel(attachment) : rangeLabel(attachment.path, attachment.startLine, attachment.endLine), reason: t("attached by you"), range: attachment }));
  const memories = (turn.memories ?? []).map((memory): WhyRow => ({ what: memoryLabel(memory.text), reason: [...memory.why, ...(memory.doubted ? [t("rests on something that changed")] : [])].join(", "), memory: memory.key }));
  return [{ title: t("Understood"), rows: understood }, { title: t("Sources"), rows: [...attached, ...sources] }, { title: t("Memories"), rows: memories }].filter(({ rows }) => rows.length > 0);
}

/** The panel in one line: what the talk is about, and how much stands open. Null: nothing worth a line. */
export function stateLine(state: DialogueState): string | null {
  const count = (items: readonly DialogueItem[], one: () => string, many: (n: number) => string): string[] => (items.length === 0 ? [] : [items.length === 1 ? one() : many(items.length)]);
  const about = state.focus.find(({ kind }) => kind !== "error") ?? state.focus[0];
  const parts = [
    ...(about ? [t("About {0}", about.name)] : []),
    ...count(state.decisions, () => t("1 decision"), (n) => t("{0} decisions", n)), ...count(state.constraints, () => t("1 constraint"), (n) => t("{0} constraints", n)),
    ...count(state.pendingActions, () => t("1 to do"), (n) => t("{0} to do", n)), ...count(state.openQuestions, () => t("1 open question"), (n) => t("{0} open questions", n)),
  ];
  return parts.length === 0 ? null : parts.join(" · ");
}

/** The lists of the opened panel in the order in which they matter. */
export function stateGroups(state: DialogueState): { title: string; icon: string; items: DialogueItem[]; canRemember: boolean }[] {
  return [
    { title: t("Goal"), icon: "target", items: state.goal ? [state.goal] : [], canRemember: true },
    { title: t("Decisions"), icon: "pass", items: state.decisions, canRemember: true },
    { title: t("Constraints"), icon: "law", items: state.constraints, canRemember: true },
    { title: t("To do"), icon: "circle-large-outline", items: state.pendingActions, canRemember: true },
    { title: t("Open questions"), icon: "question", items: state.openQuestions, canRemember: false },
  ].filter(({ items }) => items.length > 0);
}

/** The turn that is evidence for something: the engine counts answered turns, the last forty of them. */
export function evidenceTurn(turns: readonly ChatTurn[], of: ChatTurn, index: number): ChatTurn | undefined {
  const answered = turns.slice(0, turns.indexOf(of)).filter(({ state }) => state === "done");
  return [...answered, of].slice(-40)[index];
}
