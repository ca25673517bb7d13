// Turns a finished question and answer into episodes of the memory graph: who said what, in which conversation, resting on which
// files and on what was recalled. Texts are scrubbed by the graph. What of it is recalled later is recallMemory.ts's.
import type { NewEdge, NewEpisode } from "../memory/graph/episode.ts";
import type { MemoryGraph } from "../memory/graph/memoryGraph.ts";
import type { AskParams, AskResult } from "../protocol/types.ts";

export const USER = "user";
export const ASSISTANT = "assistant";
/** Answers are long and mostly quote files; their beginning says what they were about. */
const ANSWER_CHARACTERS = 2_000;
const MOST_FILES = 12;
const MOST_SYMBOLS = 8;

/** The thread in which the turns of a question are kept. */
export function sessionOf(params: Pick<AskParams, "askId" | "session">): string {
  return `chat ${params.session ?? params.askId}`;
}

/** What an answer's turn says: the card's summary and the prose, without code blocks longer than the text around them. */
export function answerText(result: Pick<AskResult, "card" | "prose" | "answer">): string {
  const parts = [result.card?.summary ?? "", result.prose].filter((part) => part.trim() !== "");
  const text = parts.length > 0 ? parts.join("\n\n") : result.answer;
  return text.length <= ANSWER_CHARACTERS ? text : `${text.slice(0, ANSWER_CHARACTERS)}…`;
}

/** Stores question and answer with their edges, in one transaction. An answer that was stopped is not remembered. Gives the keys. */
export function rememberTurns(graph: MemoryGraph, params: AskParams, result: AskResult, now = graph.now()): { question: string; answer: string } | null {
  if (result.stopped || params.question.trim() === "") return null;
  const session = sessionOf(params);
  const reference = params.askId;
  const about = [...new Set([...result.citations.map(({ path }) => path), ...params.attachments.map(({ path }) => path)])].slice(0, MOST_FILES);
  const symbols = (result.card?.supported ? result.card.items : []).slice(0, MOST_SYMBOLS);
  const episodes: NewEpisode[] = [
    { kind: "turn", text: params.question, label: USER, session, validFrom: now, provenance: { by: "user", reference }, data: { role: USER, askId: params.askId } },
    { kind: "turn", text: answerText(result), label: ASSISTANT, session, validFrom: now, provenance: { by: "assistant", reference }, data: { role: ASSISTANT, askId: params.askId, ...(result.card ? { supported: result.card.supported } : {}) } },
    ...about.map((path): NewEpisode => ({ kind: "file", text: path, label: path, provenance: { by: "assistant", reference } })),
    ...symbols.map(({ title, kind, location }): NewEpisode => ({ kind: "symbol", text: `${kind} ${title} in ${location.path}`, label: title, provenance: { by: "assistant", reference }, data: { path: location.path, line: location.startLine }, identity: `${title} ${location.path}` })),
  ];
  const stored = graph.storeMany(episodes, ([question = "", answer = "", ...things]) => {
    const edges: NewEdge[] = [{ type: "answers", source: answer, target: question }];
    for (const [at, thing] of things.entries()) {
      if (at >= about.length) edges.push({ type: "mentions", source: answer, target: thing });
      else if (result.citations.some(({ path }) => path === about[at])) edges.push({ type: "cites", source: answer, target: thing });
      else edges.push({ type: "mentions", source: question, target: thing });
    }
    // Prose that was written with something recalled in view is doubtful once that is not true any more.
    if (result.prose !== "") for (const item of result.recalled ?? []) if (graph.get(item.key)) edges.push({ type: "dependsOn", source: answer, target: item.key });
    return edges;
  });
  return { question: stored[0]?.key ?? "", answer: stored[1]?.key ?? "" };
}
