// Hands the memory room's recall to its evaluation suite: as it ships, without the graph, and plain BM25 over single turns.
import { openDatabase } from "../base/database.ts";
import { evaluateMemory } from "../evaluation/memory.ts";
import type { RememberedConversation } from "../evaluation/memory.ts";
import type { ConversationTurn } from "../evaluation/memoryConversations.ts";
import type { EvaluationHooks, EvaluationResult } from "../evaluation/suite.ts";
import { MemoryGraph } from "../memory/graph/memoryGraph.ts";
import { MEMORY_GRAPH_SCHEMA } from "../memory/graph/schema.ts";
import { DEFAULT_K, DEFAULT_TOKEN_BUDGET, estimateTokens, MemoryRecall } from "../memory/recall/recall.ts";

export function runMemory(data: string, hooks: EvaluationHooks): Promise<EvaluationResult> {
  return evaluateMemory(data, {
    variants: ["graphOn", "graphOff", "bm25"],
    remember: rememberConversation,
    estimateTokens,
    settings: { k: DEFAULT_K, tokenBudget: DEFAULT_TOKEN_BUDGET, tokens: "estimated, four characters each", modelCalls: 0 },
  }, hooks);
}

/** The turns in a graph of their own, stored as a chat is. */
export function rememberConversation(turns: readonly ConversationTurn[]): RememberedConversation & { recaller: MemoryRecall } {
  const database = openDatabase(":memory:", [MEMORY_GRAPH_SCHEMA], () => undefined);
  // Public conversations are measured as they are: what scrubbing would change is not what is measured.
  const graph = new MemoryGraph(database, { scrub: (text) => text });
  graph.storeMany(turns.map(({ id, session, speaker, text, at }) => ({ kind: "turn" as const, text, label: speaker, session, validFrom: at, identity: id, provenance: { by: "import" as const, reference: id } })));
  const recaller = new MemoryRecall(graph);
  return {
    recaller,
    recall: (variant, question, now) => {
      const begun = performance.now();
      const items = recaller.recall(question, { now, offsetMinutes: 0, ranking: variant === "bm25" ? "words" : variant === "graphOff" ? "withoutGraph" : "full" });
      return { ids: items.map(({ episode }) => episode.provenance.reference ?? ""), tokens: items.reduce((sum, { tokens }) => sum + tokens, 0), ms: performance.now() - begun };
    },
    close: () => database.close(),
  };
}
