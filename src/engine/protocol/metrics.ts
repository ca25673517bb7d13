// What client and engine tell each other of the figures of use: how completions and answers fared with this user. Types only.
// They never leave the machine; neither texts nor paths are in them.

/** How suggestions fared. Counts; times in ms. */
export interface CompletionUse {
  shown: number;
  accepted: number;
  partiallyAccepted: number;
  rejected: number;
  /** Accepted ones that were looked at again after 30 seconds, and those of them that still stood. */
  reviewed30s: number;
  kept30s: number;
  /** The same after five minutes. */
  reviewed5min: number;
  kept5min: number;
  charactersShown: number;
  /** Of accepted suggestions: what stood at the last look, or what was taken where there was none. */
  charactersKept: number;
  /** From the request to the suggestion on the screen; null where none was timed. */
  p50Ms: number | null;
  p95Ms: number | null;
}

/** How answers fared. Counts; times in ms. */
export interface AnswerUse {
  asked: number;
  /** Those in which the model wrote prose. */
  written: number;
  stopped: number;
  failed: number;
  /** Answers that were asked for again in their place. */
  retried: number;
  up: number;
  down: number;
  citations: number;
  /** Answers of which a citation was opened, and how often one was. */
  withFollowed: number;
  followed: number;
  /** To the model's first token; null where it wrote nothing. */
  firstTokenP50Ms: number | null;
  firstTokenP95Ms: number | null;
  totalP50Ms: number | null;
  totalP95Ms: number | null;
}

/** Where a figure belongs; "" where that is not known. */
export interface UsePlace {
  /** Local date, YYYY-MM-DD. */
  day: string;
  model: string;
  /** The beginning of the adapter's SHA-256; "" for the base model alone. */
  adapter: string;
  language: string;
}

export interface UseGroups<Figures> {
  total: Figures;
  byDay: (Figures & { day: string })[];
  /** By model and adapter. */
  byModel: (Figures & { model: string; adapter: string })[];
  byLanguage: (Figures & { language: string })[];
  /** Day by model by adapter by language: what an export holds. */
  cells: (Figures & UsePlace)[];
}

export interface UseReport {
  /** Local dates, both included. */
  from: string;
  to: string;
  days: number;
  /** Whether use is written down at present (setting "kalactica.training.record"). */
  recording: boolean;
  /** The file in which all of it stands. */
  file: string;
  completions: UseGroups<CompletionUse>;
  answers: UseGroups<AnswerUse>;
}

export interface UseErased {
  completions: number;
  answers: number;
  ratings: number;
  /** False where another process was reading, so that the file may hold remains until it is done. */
  clean: boolean;
}

export interface MetricsRequests {
  /** Figures of the last `days` days, today among them. */
  "metrics/report": { params: { days: number }; result: UseReport };
  /** The cells as a document. */
  "metrics/export": { params: { days: number; format: "json" | "csv" }; result: { text: string } };
  /** Deletes all of it, and the records that training could have learnt from along with it. */
  "metrics/erase": { params: null; result: UseErased };
}
