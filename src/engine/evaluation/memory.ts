// `evaluate memory`: questions about long conversations, and whether the turns that hold the answer are among the items that recall
// would put into a prompt. Data: LoCoMo (memoryConversations.ts). No model is asked: recall alone is measured. The recalls that are
// compared are handed in; nothing of a question but its words and the time of the last turn is shown to them.
import { throwIfCancelled } from "../base/errors.ts";
import { mean, meanInterval, pairedMetrics, percentile } from "./intervals.ts";
import { readConversations } from "./memoryConversations.ts";
import type { Conversation, ConversationTurn } from "./memoryConversations.ts";
import { anyWithin, recallWithin } from "./ranking.ts";
import { rounded } from "./suite.ts";
import type { EvaluationHooks, EvaluationResult, Metrics } from "./suite.ts";

/** One conversation in memory. `recall` gives the ids of the turns that would enter the prompt, most relevant first, and their tokens. */
export interface RememberedConversation {
  recall(variant: string, question: string, now: number): { ids: string[]; tokens: number; ms: number };
  close(): void;
}

export interface MemoryRecalls {
  /** The shipped one, the same without the graph, and the baseline. */
  readonly variants: readonly ["graphOn", "graphOff", "bm25"];
  remember(turns: readonly ConversationTurn[]): RememberedConversation;
  estimateTokens(text: string): number;
  readonly settings: Readonly<Record<string, unknown>>;
}

const CATEGORIES: Readonly<Record<number, string>> = { 1: "multi-hop", 2: "temporal", 3: "open", 4: "single-hop", 5: "adversarial" };

interface Scored {
  category: number;
  hit: number;
  recall: number;
  tokens: number;
  ms: number;
}

/** `hit@5`: any turn of the evidence among the first five items. `recall@10`: share of the evidence among the first ten, mean over questions. */
export async function evaluateMemory(data: string, recalls: MemoryRecalls, hooks: EvaluationHooks = {}): Promise<EvaluationResult> {
  const began = performance.now();
  const conversations = await readConversations(data);
  const total = conversations.reduce((sum, { questions }) => sum + questions.length, 0);
  const scores = new Map<string, Scored[]>(recalls.variants.map((variant) => [variant, []]));
  const items: Record<string, unknown>[] = [];
  const wholeTokens: number[] = [];
  for (const conversation of conversations) {
    const remembered = recalls.remember(conversation.turns);
    const whole = conversation.turns.reduce((sum, { speaker, text }) => sum + recalls.estimateTokens(`${speaker}: ${text}`), 0);
    const now = conversation.turns.at(-1)?.at ?? 0;
    try {
      for (const { question, category, evidence } of conversation.questions) {
        throwIfCancelled(hooks.signal);
        for (const variant of recalls.variants) {
          const { ids, tokens, ms } = remembered.recall(variant, question, now);
          const row: Scored = { category, hit: Number(anyWithin(ids, evidence, 5)), recall: recallWithin(ids, evidence, 10), tokens, ms };
          scores.get(variant)?.push(row);
          if (variant === "graphOn") items.push({ id: `${conversation.name}/${items.length}`, conversation: conversation.name, question, category, evidence, recalled: ids, "hit@5": row.hit, "recall@10": rounded(row.recall), tokens });
        }
        wholeTokens.push(whole);
        hooks.onProgress?.(items.length, total);
      }
    } finally {
      remembered.close();
    }
  }
  const on = scores.get("graphOn") ?? [];
  const off = scores.get("graphOff") ?? [];
  const bm25 = scores.get("bm25") ?? [];
  const categories = [...new Set(on.map(({ category }) => category))].sort((a, b) => a - b);
  const multiHop = (rows: readonly Scored[]): number[] => rows.filter(({ category }) => category === 1).map(({ recall }) => recall);
  const recallOf = (rows: readonly Scored[]): number[] => rows.map(({ recall }) => recall);
  return {
    suite: "memory", n: on.length, seconds: (performance.now() - began) / 1000, items,
    settings: {
      ...recalls.settings, conversations: conversations.length, questionsWithoutEvidence: conversations.reduce((sum, { withoutEvidence }) => sum + withoutEvidence, 0),
      recall: "share of the evidence turns among the first ten items, mean over questions", categories: Object.fromEntries(categories.map((category) => [category, CATEGORIES[category] ?? "other"])),
    },
    metrics: {
      ...figures(on),
      interval: { "hit@5": meanInterval(on.map(({ hit }) => hit)).map(rounded), "recall@10": meanInterval(recallOf(on)).map(rounded), "multiHopRecall@10": meanInterval(multiHop(on)).map(rounded) },
      byCategory: byCategory(on, categories),
      byConversation: byConversation(conversations, on),
      graphOff: { ...figures(off), byCategory: byCategory(off, categories) },
      graphBetterBy: { "all": pairedMetrics("recall@10", recallOf(on), recallOf(off)), "hit": pairedMetrics("hit@5", on.map(({ hit }) => hit), off.map(({ hit }) => hit)), "multiHop": pairedMetrics("recall@10", multiHop(on), multiHop(off)) },
      bm25: { ...figures(bm25), byCategory: byCategory(bm25, categories), shippedBetterBy: pairedMetrics("recall@10", recallOf(on), recallOf(bm25)) },
      // All turns in the prompt: every evidence is there, at this price.
      wholeConversation: { "recall@10": 1, tokens: rounded(mean(wholeTokens)) },
      tokens: rounded(mean(on.map(({ tokens }) => tokens))),
      millisecondsP50: rounded(percentile(on.map(({ ms }) => ms), 0.5)), millisecondsP95: rounded(percentile(on.map(({ ms }) => ms), 0.95)),
    },
  };
}

function figures(rows: readonly Scored[]): Record<string, number> {
  return { "hit@5": rounded(mean(rows.map(({ hit }) => hit))), "recall@10": rounded(mean(rows.map(({ recall }) => recall))) };
}

function byCategory(rows: readonly Scored[], categories: readonly number[]): Metrics {
  return Object.fromEntries(categories.map((category) => {
    const own = rows.filter((row) => row.category === category);
    return [String(category), { n: own.length, ...figures(own) }];
  }));
}

function byConversation(conversations: readonly Conversation[], rows: readonly Scored[]): Metrics {
  let from = 0;
  return Object.fromEntries(conversations.map(({ name, questions }) => {
    const own = rows.slice(from, from += questions.length);
    return [name, { n: own.length, ...figures(own) }];
  }));
}

