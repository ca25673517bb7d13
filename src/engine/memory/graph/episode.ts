// What the memory holds: episodes (nodes) and typed edges, as the graph takes them in and gives them out. Types and the table
// of kinds only; how they are stored is in memoryGraph.ts, what is recalled for a question in ../recall/.

/** Things that can be put into JSON. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [name: string]: JsonValue };
export type JsonObject = { readonly [name: string]: JsonValue };

/**
 * What an episode is. `event`: it happened once, so the same text at another time is another episode; other kinds are what they
 * are called, and seeing them again is seeing the same one. `halfLifeDays`: after how long without use an episode counts half
 * (our choice: what was decided outlives what was said, and what was said outlives what was run).
 */
export const EPISODE_KINDS = {
  turn: { event: true, halfLifeDays: 90 },
  edit: { event: true, halfLifeDays: 30 },
  execution: { event: true, halfLifeDays: 30 },
  error: { event: true, halfLifeDays: 60 },
  run: { event: true, halfLifeDays: 90 },
  decision: { event: false, halfLifeDays: 365 },
  note: { event: false, halfLifeDays: 365 },
  file: { event: false, halfLifeDays: 180 },
  symbol: { event: false, halfLifeDays: 180 },
  variable: { event: false, halfLifeDays: 30 },
  dataset: { event: false, halfLifeDays: 180 },
  entity: { event: false, halfLifeDays: 180 },
} as const satisfies Record<string, { event: boolean; halfLifeDays: number }>;

export type EpisodeKind = keyof typeof EPISODE_KINDS;

/** How one episode bears on another; read "source <type> target". */
export const EDGE_TYPES = {
  answers: "an answer to a question",
  mentions: "speaks of a file, symbol, variable, dataset or entity",
  cites: "an answer rests on lines of a file",
  about: "a decision or note is about something",
  defines: "an execution or file brings a variable or symbol into being",
  uses: "an execution needs a variable or symbol",
  reads: "an execution or run reads a file or dataset",
  writes: "an execution or run writes a file or dataset",
  raises: "an execution or run ends in an error",
  fixes: "an edit, execution or decision ends an error",
  follows: "comes after, where the order of one thread does not tell",
  dependsOn: "is doubtful once the target is not true any more",
  supersedes: "takes the place of what was true before",
  summarises: "is drawn from, and goes when that is forgotten",
  related: "has to do with",
} as const;

export type EdgeType = keyof typeof EDGE_TYPES;

/** Where an episode comes from. */
export interface Provenance {
  by: "user" | "assistant" | "notebook" | "editor" | "terminal" | "run" | "commandLine" | "import" | "memory";
  /** What precisely: an ask id, a notebook cell, a file with lines, a commit. */
  reference?: string;
}

/** An episode to be stored. Times are ms since 1970. */
export interface NewEpisode {
  kind: EpisodeKind;
  /** What was said, run or decided; clipped at 32,000 characters. */
  text: string;
  /** Who said it, or what it is called: a speaker, a path, a name. */
  label?: string;
  /** The thread it belongs to (a conversation, a notebook, a run): its episodes are neighbours in the order of storing. */
  session?: string;
  /** From when on it is (or was) true. Default: now. */
  validFrom?: number;
  /** Until when, where that is known; null: still. */
  validTo?: number | null;
  provenance: Provenance;
  /** What this kind knows besides, for example the order of an execution. */
  data?: JsonObject;
  /** What makes it the same episode when it is seen again. Default: kind, text and label; for events also thread and time. */
  identity?: string;
}

/** An edge to be stored, by the keys of its ends. */
export interface NewEdge {
  type: EdgeType;
  source: string;
  target: string;
  /** In (0, 1]; default 1. */
  weight?: number;
  validFrom?: number;
  validTo?: number | null;
}

/** An episode as it is stored. Its text never changes; what is learnt about it later stands in the fields below `learnedAt`. */
export interface Episode {
  /** Names it for good, also across export and import: `<kind>-<16 hex digits>`. */
  key: string;
  kind: EpisodeKind;
  text: string;
  label: string;
  session: string;
  provenance: Provenance;
  data: JsonObject;
  validFrom: number;
  /** When it ceased to be true; null: still. */
  validTo: number | null;
  /** When it was recorded. */
  learnedAt: number;
  /** When it was recorded that it is not true any more (`validTo` tells from when on); null: it holds. */
  invalidatedAt: number | null;
  invalidReason: string;
  /** What took its place, by key. */
  supersededBy: string | null;
  /** When something that it depends on was invalidated, and what; null: nothing was. */
  doubtedAt: number | null;
  doubtedBecauseOf: string | null;
  /** How often it was used in an answer, dismissed by the user, and seen again. */
  uses: number;
  lastUsedAt: number | null;
  dismissals: number;
  sightings: number;
  pinned: boolean;
}

export interface Edge {
  type: EdgeType;
  source: string;
  target: string;
  weight: number;
  validFrom: number;
  validTo: number | null;
  learnedAt: number;
  invalidatedAt: number | null;
}

/** What {@link NewEpisode} became: its key, and whether it was not there before. */
export interface Stored {
  key: string;
  created: boolean;
}

/** A neighbour of an episode and the edge that leads to it. */
export interface Neighbour {
  edge: Edge;
  episode: Episode;
  /** "out": the episode asked for is the edge's source. */
  direction: "out" | "in";
}

export interface MemoryCounts {
  nodes: number;
  edges: number;
  byKind: Partial<Record<EpisodeKind, number>>;
  byEdgeType: Partial<Record<EdgeType, number>>;
  /** Nodes that do not hold any more. */
  invalidated: number;
  doubted: number;
  bytes: number;
}

/** Which episodes are wanted; all conditions must hold. */
export interface EpisodeFilter {
  kinds?: readonly EpisodeKind[];
  session?: string;
  label?: string;
  /** True at some moment from `from` (included) to `to` (excluded). */
  from?: number;
  to?: number;
  /** Also what is not true any more. Default: false. */
  invalidated?: boolean;
  /** Case-insensitive part of text or label. */
  contains?: string;
  /** Newest first; only what was recorded before the episode of this key. */
  before?: string;
  /** 1 to 10,000; default 100. */
  limit?: number;
}
