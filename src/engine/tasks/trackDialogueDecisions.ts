// What was decided in a conversation becomes a decision of the memory graph, about what was in focus; one that was made anew takes the
// place of the one before. Reads the state that came with the answer; what counts as a decision is dialogue/chatState.ts's.
import type { NewEpisode } from "../memory/graph/episode.ts";
import type { MemoryGraph } from "../memory/graph/memoryGraph.ts";
import type { AskParams, AskResult } from "../protocol/types.ts";
import { sessionOf } from "./rememberTurns.ts";
import { MAXIMUM_TURNS } from "./trackDialogue.ts";

const MOST_ABOUT = 4;
const DECISIONS_LOOKED_BACK = 20;

/** Stores the decisions of the newest question; `question` is the key of its turn. Gives the keys of what was stored. */
export function rememberDecisions(graph: MemoryGraph, params: AskParams, result: AskResult, question: string): string[] {
  const state = result.dialogue;
  if (!state) return [];
  const newest = Math.min([...params.earlier ?? [], ...params.history].filter(({ role }) => role === "user").length, MAXIMUM_TURNS - 1);
  const fresh = state.decisions.filter(({ turn, said }) => turn === newest && said === "user");
  if (fresh.length === 0) return [];
  const session = sessionOf(params);
  // Decisions of this conversation that the talk does not hold to any more.
  const standing = new Set(state.decisions.map(({ text }) => text));
  const dropped = graph.retrieve({ kinds: ["decision"], session, limit: DECISIONS_LOOKED_BACK }).filter((episode) => episode.data["from"] === "dialogue" && !standing.has(episode.text));
  return fresh.map(({ text }) => {
    const episode: NewEpisode = { kind: "decision", text, label: "user", session, provenance: { by: "user", reference: params.askId }, data: { from: "dialogue" } };
    const rival = dropped.shift();
    const { key } = rival ? graph.supersede(rival.key, episode) : graph.store(episode);
    graph.link({ type: "summarises", source: key, target: question });
    for (const { kind, name, path } of state.focus.slice(0, MOST_ABOUT)) {
      const thing = kind === "file" && path !== null ? graph.store({ kind: "file", text: path, label: path, provenance: { by: "user", reference: params.askId } }) : graph.retrieve({ kinds: ["symbol"], label: name, limit: 1 })[0];
      if (thing) graph.link({ type: "about", source: key, target: thing.key });
    }
    return key;
  });
}
