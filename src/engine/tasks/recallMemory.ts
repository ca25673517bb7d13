// What clients ask of the memory: recall, list, show, remember, forget, dismiss; and what answering asks of it. Joins the memory
// graph and its recall with the answers' ratings, and turns episodes into what is shown. It searches and stores nothing itself.
import { setImmediate as nextTurn } from "node:timers/promises";
import { EngineError } from "../base/errors.ts";
import { EPISODE_KINDS } from "../memory/graph/episode.ts";
import type { Episode, EpisodeKind, NewEpisode } from "../memory/graph/episode.ts";
import type { MemoryGraph } from "../memory/graph/memoryGraph.ts";
import { DEFAULT_TOKEN_BUDGET, MemoryRecall } from "../memory/recall/recall.ts";
import type {
  ForgetResult, MemoryItem, MemoryListParams, MemoryListResult, MemoryShowResult, RecalledItem, RecallParams, RecallResult, RememberParams,
} from "../protocol/memory.ts";
import type { AskParams, AskResult } from "../protocol/types.ts";
import type { Settings } from "../settings.ts";
import { ASSISTANT, rememberTurns } from "./rememberTurns.ts";
import { rememberDecisions } from "./trackDialogueDecisions.ts";

/** Items and tokens that memory may take of an answer's prompt; wanted by `@memory`: twice as much. */
export const ANSWER_RECALL = { k: 5, tokenBudget: 600 } as const;
/**
 * Least relevance of what enters a prompt and becomes a chip; of what a card shows. On 190 questions about public conversations the
 * best item reached 0.2 for 44 %, and for 14 % when asked of a conversation that cannot know; 0.4 for 8 % (93 % of them right) and 2 %.
 */
const RELEVANT = 0.2;
const CLEARLY_RELEVANT = 0.4;
/** What the user had remembered on purpose stands alone, without turns around it that could fit too: half is enough. Our choice. */
const ON_PURPOSE = 0.5;
const MOST_RECALLED = 100;
const AROUND = 3;
const SAME_TEXT_CHARACTERS = 160;

export interface MemoryDeskOptions {
  graph: MemoryGraph;
  settings: () => Pick<Settings, "memory.enabled">;
  /** Takes a rating with the texts of its answer away, when the answer is forgotten. */
  forgetRating: (askId: string) => void;
}

export class MemoryDesk {
  readonly graph: MemoryGraph;
  readonly #recall: MemoryRecall;
  readonly #settings: MemoryDeskOptions["settings"];
  readonly #forgetRating: MemoryDeskOptions["forgetRating"];

  constructor({ graph, settings, forgetRating }: MemoryDeskOptions) {
    this.graph = graph;
    this.#recall = new MemoryRecall(graph);
    this.#settings = settings;
    this.#forgetRating = forgetRating;
  }

  /** Reads the memory for recall in small pieces, so that the first question does not wait for it. */
  async prepare(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#settings()["memory.enabled"] && !this.#recall.prepare()) await nextTurn();
  }

  /** Errors: `badRequest` for a `k` or budget out of range. */
  recall({ query, k = 10, tokenBudget = DEFAULT_TOKEN_BUDGET }: RecallParams): RecallResult {
    if (!Number.isInteger(k) || k < 1 || k > MOST_RECALLED) throw new EngineError("badRequest", `Recall gives 1 to ${MOST_RECALLED} items, but ${k} were asked for.`);
    if (!(tokenBudget >= 1)) throw new EngineError("badRequest", `The token budget of recall is at least 1, but is ${tokenBudget}.`);
    const begun = performance.now();
    const items = this.#recall.recall(query, { k, tokenBudget }).map(({ episode, relevance, why, tokens }) => ({ ...itemOf(episode), relevance, why, tokens }));
    return { items, tokens: items.reduce((sum, item) => sum + item.tokens, 0), tokenBudget, ms: performance.now() - begun };
  }

  /** What an answer may draw on: relevant, not said in this prompt anyway, within {@link ANSWER_RECALL}. Empty where memory is off. */
  forAnswer(params: AskParams): RecalledItem[] {
    if (!this.#settings()["memory.enabled"] || params.question.trim() === "") return [];
    const times = params.memory === "wanted" ? 2 : 1;
    const said = new Set([params.question, ...params.history.map(({ text }) => text)].map(beginning));
    const { items } = this.recall({ query: params.question, k: ANSWER_RECALL.k * times + params.history.length, tokenBudget: ANSWER_RECALL.tokenBudget * times });
    return items.filter((item) => item.relevance >= (params.memory === "wanted" ? 0 : RELEVANT * patience(item)) && !said.has(beginning(item.text))).slice(0, ANSWER_RECALL.k * times);
  }

  /**
   * Of what was recalled, what a card may show as an answer from memory: an item that is clearly relevant and no question itself.
   * Where the workspace answers (`supported`), what an earlier answer said of it adds nothing but its age.
   */
  clearly(recalled: readonly RecalledItem[], supported: boolean): RecalledItem | undefined {
    return recalled.find((item) => !(supported && item.kind === "turn" && item.label === ASSISTANT) && item.relevance >= CLEARLY_RELEVANT * patience(item) && item.holds && !item.doubted && !(item.kind === "turn" && /\?\s*$/.test(item.text)));
  }

  /** After an answer: its turns become episodes, and what it drew on counts as used. */
  answered(params: AskParams, result: AskResult): void {
    if (!this.#settings()["memory.enabled"]) return;
    this.graph.batch(() => {
      const turns = rememberTurns(this.graph, params, result);
      if (turns) rememberDecisions(this.graph, params, result, turns.question);
      this.graph.used((result.recalled ?? []).map(({ key }) => key));
    });
  }

  list({ kinds, limit = 100, ...rest }: MemoryListParams): MemoryListResult {
    for (const kind of kinds ?? []) if (!Object.hasOwn(EPISODE_KINDS, kind)) throw new EngineError("badRequest", `There is no kind of episode "${kind}". Use some of ${Object.keys(EPISODE_KINDS).join(", ")}.`);
    const { byKind, nodes, edges, invalidated, doubted, bytes } = this.graph.counts();
    const items = this.graph.retrieve({ ...rest, limit, ...(kinds ? { kinds: kinds as EpisodeKind[] } : {}) }).map(itemOf);
    return { items, overview: { nodes, edges, byKind, invalidated, doubted, bytes } };
  }

  /** Errors: `notFound`. */
  show(key: string): MemoryShowResult {
    return {
      item: itemOf(this.#known(key)),
      around: this.graph.around(key, AROUND, AROUND).map(itemOf),
      links: this.graph.neighbours(key).map(({ edge, direction, episode }) => ({ type: edge.type, direction, item: itemOf(episode) })),
    };
  }

  /** Errors: `badRequest` where there is no text or memory is off; `notFound` for what it would take the place of. */
  remember({ text, kind = "note", about = [], supersedes, session }: RememberParams): MemoryItem {
    if (!this.#settings()["memory.enabled"]) throw new EngineError("badRequest", "Memory is switched off (setting \"kalactica.memory.enabled\"). Switch it on to have something remembered.");
    if (typeof text !== "string" || text.trim() === "") throw new EngineError("badRequest", "There is nothing to remember. Write it behind the command, for example: /remember we deploy on Fridays.");
    const episode: NewEpisode = { kind: kind === "decision" ? "decision" : "note", text: text.trim(), label: "user", provenance: { by: "user", reference: "remember" }, ...(session === undefined ? {} : { session: `chat ${session}` }) };
    const key = this.graph.batch(() => {
      const stored = supersedes === undefined ? this.graph.store(episode) : this.graph.supersede(supersedes, episode);
      for (const name of about) {
        const thing = this.graph.store({ kind: /[./\\]/.test(name) ? "file" : "symbol", text: name, label: name, provenance: { by: "user", reference: "remember" } });
        this.graph.link({ type: "about", source: stored.key, target: thing.key });
      }
      return stored.key;
    });
    return itemOf(this.#known(key));
  }

  /** Also takes away the rating of an answer that is forgotten, for it holds the same texts. */
  forget(keys: readonly string[]): ForgetResult {
    const asks = keys.flatMap((key) => {
      const id = this.graph.get(key)?.data["askId"];
      return typeof id === "string" ? [id] : [];
    });
    for (const askId of asks) this.#forgetRating(askId);
    return this.graph.forget(keys);
  }

  /** Errors: `notFound`. */
  dismiss(key: string): MemoryItem {
    this.#known(key);
    this.graph.dismiss(key);
    return itemOf(this.#known(key));
  }

  /** Errors: `notFound`. */
  pin(key: string, pinned: boolean): MemoryItem {
    this.#known(key);
    this.graph.pin(key, pinned);
    return itemOf(this.#known(key));
  }

  #known(key: string): Episode {
    const episode = this.graph.get(key);
    if (!episode) throw new EngineError("notFound", `Nothing is remembered under "${key}". It may have been forgotten; look for it with "kalactica memory recall".`, { key });
    return episode;
  }
}

const SOURCES: Readonly<Record<Episode["provenance"]["by"], string>> = {
  user: "you", assistant: "an answer", notebook: "a notebook", editor: "the editor", terminal: "the terminal", run: "a training run", commandLine: "the command line", import: "an imported file", memory: "memory",
};

export function itemOf(episode: Episode): MemoryItem {
  const { key, kind, text, label, session, provenance, validFrom, validTo, learnedAt, invalidatedAt, supersededBy, doubtedAt, pinned, uses, dismissals } = episode;
  const where = provenance.by === "notebook" || provenance.by === "editor" ? provenance.reference ?? session : "";
  return {
    key, kind, text, label, session, source: where === "" ? SOURCES[provenance.by] : `${SOURCES[provenance.by]}, ${where}`, at: validFrom, until: validTo, learnedAt,
    holds: invalidatedAt === null, supersededBy, doubted: doubtedAt !== null, pinned, uses, dismissals,
  };
}

function patience({ kind }: MemoryItem): number {
  return kind === "note" || kind === "decision" ? ON_PURPOSE : 1;
}

/** By what two texts are taken for the same: an answer is remembered clipped. */
function beginning(text: string): string {
  return text.trim().toLowerCase().slice(0, SAME_TEXT_CHARACTERS);
}
