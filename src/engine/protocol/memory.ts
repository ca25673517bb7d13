// What travels about the memory: what is remembered, what was recalled for a question and why. Types only.

/** Something remembered, as lists and chips show it. Times are ms since 1970. */
export interface MemoryItem {
  /** Names it for good: "turn-3f2a…". */
  key: string;
  /** "turn", "decision", "note", "execution", "error", "edit", "run", "file", "symbol", "variable", "dataset", "entity". */
  kind: string;
  text: string;
  /** Who said it, or what it is called. */
  label: string;
  /** The thread it belongs to: a conversation, a notebook; "" for none. */
  session: string;
  /** Where it comes from, in words: "you, in the chat", "notebook analysis.ipynb". */
  source: string;
  /** When it was said, run or became true; until when it was (null: still); when it was recorded. */
  at: number;
  until: number | null;
  learnedAt: number;
  /** False where it is known not to be true any more; `supersededBy` names what took its place. */
  holds: boolean;
  supersededBy: string | null;
  /** Something that it rests on is not true any more. */
  doubted: boolean;
  pinned: boolean;
  uses: number;
  dismissals: number;
}

/** An item that was recalled for a question. */
export interface RecalledItem extends MemoryItem {
  /** Estimated probability that it bears on the question, in [0, 1]. */
  relevance: number;
  /** Short reasons, strongest first: "same words", "said by you", "last week", "linked to src/a.ts". */
  why: string[];
  /** Tokens that its text takes in the prompt. */
  tokens: number;
}

export interface RecallParams {
  query: string;
  /** 1 to 100; default 10. */
  k?: number;
  /** Most tokens of the texts together; default 1,200. */
  tokenBudget?: number;
}

export interface RecallResult {
  items: RecalledItem[];
  /** Tokens of all texts, by the estimate of four characters a token where no model counts. */
  tokens: number;
  tokenBudget: number;
  ms: number;
}

export interface MemoryListParams {
  kinds?: string[];
  /** Case-insensitive part of text or label. */
  contains?: string;
  session?: string;
  /** Only what overlaps this time. */
  from?: number;
  to?: number;
  /** Also what does not hold any more. Default: false. */
  invalidated?: boolean;
  /** The next page: the key of the last item of the page before. */
  before?: string;
  /** Default 100. */
  limit?: number;
}

export interface MemoryOverview {
  nodes: number;
  edges: number;
  byKind: Record<string, number>;
  invalidated: number;
  doubted: number;
  bytes: number;
}

/** Newest first. */
export interface MemoryListResult {
  items: MemoryItem[];
  overview: MemoryOverview;
}

export interface MemoryLink {
  /** "mentions", "cites", "dependsOn", "supersedes", … */
  type: string;
  /** "out": from the item shown to the other. */
  direction: "out" | "in";
  item: MemoryItem;
}

export interface MemoryShowResult {
  item: MemoryItem;
  /** Its thread's neighbours in their order, itself among them. */
  around: MemoryItem[];
  links: MemoryLink[];
}

export interface RememberParams {
  text: string;
  /** Default: "note". */
  kind?: "note" | "decision";
  /** What it is about: paths and names of symbols. */
  about?: string[];
  /** Key of what this takes the place of. */
  supersedes?: string;
  /** The conversation in which it was said. */
  session?: string;
}

export interface ForgetResult {
  /** Keys that are gone, with those that were drawn from them. */
  forgotten: string[];
  unknown: string[];
  /** "none": no trace in the database files; "elsewhere": the same words stand in something else that is remembered; "busy": another window reads, traces go later. */
  traces: "none" | "elsewhere" | "busy";
}

/** Requests about the memory. */
export interface MemoryRequests {
  /** What is remembered that bears on a query, most relevant first, within a budget of tokens. Errors: `badRequest`. */
  "memory/recall": { params: RecallParams; result: RecallResult };
  /** A page of what is remembered. Errors: `badRequest`. */
  "memory/list": { params: MemoryListParams; result: MemoryListResult };
  /** One item, what stands around it and what it is linked to. Errors: `notFound`. */
  "memory/show": { params: { key: string }; result: MemoryShowResult };
  /** Remembers a note or decision in the user's own words. Errors: `badRequest`, `notFound`. */
  "memory/remember": { params: RememberParams; result: MemoryItem };
  /** Deletes items so that no trace stays in the database files; `traces` says where that is not yet so. */
  "memory/forget": { params: { keys: string[] }; result: ForgetResult };
  /** The user does not want to see this item: it weighs half from now on. Errors: `notFound`. */
  "memory/dismiss": { params: { key: string }; result: MemoryItem };
  /** Keeps an item in sight, or no longer. Errors: `notFound`. */
  "memory/pin": { params: { key: string; pinned: boolean }; result: MemoryItem };
}
