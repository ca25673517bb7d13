// One structured log for extension host, engine and trainer: levels, a room, fields, and the id of what was asked, so that the lines of
// one request are found in all of them. It writes nowhere by itself: a sink does. What leaves through `redacting` names no file of the
// workspace, no home folder and no key; code never gets in, because nobody passes it.
import { AsyncLocalStorage } from "node:async_hooks";

export type LogLevel = "debug" | "info" | "warn" | "error";

export interface LogEntry {
  /** ISO 8601. */
  at: string;
  level: LogLevel;
  room: string;
  message: string;
  fields: Readonly<Record<string, unknown>>;
  /** What it was done for: "r17" for the client's request 17, a run's id in the trainer. Absent: for nobody in particular. */
  id?: string;
}

export type LogSink = (entry: LogEntry) => void;

const ORDER: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Whether an entry of `level` is wanted where `minimum` is the least that is. */
export function reaches(level: LogLevel, minimum: LogLevel): boolean {
  return ORDER[level] >= ORDER[minimum];
}

const correlation = new AsyncLocalStorage<string>();

/** Runs `work`; whatever it logs, in whichever room and however much later, carries `id`. */
export function correlated<T>(id: string, work: () => T): T {
  return correlation.run(id, work);
}

/** A log bound to one room. Never pass source code, prompts or secrets in messages or fields. */
export class Log {
  readonly room: string;
  readonly #sink: LogSink;
  readonly #minimum: LogLevel;

  constructor(room: string, sink: LogSink, minimum: LogLevel = "info") {
    this.room = room;
    this.#sink = sink;
    this.#minimum = minimum;
  }

  /** The same log for another room. */
  for(room: string): Log {
    return new Log(room, this.#sink, this.#minimum);
  }

  debug(message: string, fields: Record<string, unknown> = {}): void {
    this.#write("debug", message, fields);
  }

  info(message: string, fields: Record<string, unknown> = {}): void {
    this.#write("info", message, fields);
  }

  warn(message: string, fields: Record<string, unknown> = {}): void {
    this.#write("warn", message, fields);
  }

  error(message: string, fields: Record<string, unknown> = {}): void {
    this.#write("error", message, fields);
  }

  #write(level: LogLevel, message: string, fields: Record<string, unknown>): void {
    if (!reaches(level, this.#minimum)) return;
    const id = correlation.getStore();
    const entry: LogEntry = { at: new Date().toISOString(), level, room: this.room, message, fields, ...(id === undefined ? {} : { id }) };
    RECENT.push(entry);
    this.#sink(entry);
  }
}

/** A log that tells nobody. */
export const SILENT_LOG = new Log("silent", () => undefined, "error");

/** An entry as one line, without its time: "[model] r17 Model loaded {"ms":12}". */
export function lineOf({ room, message, fields, id }: Omit<LogEntry, "at" | "level">): string {
  return `[${room}]${id === undefined ? "" : ` ${id}`} ${message}${Object.keys(fields).length > 0 ? ` ${JSON.stringify(fields)}` : ""}`;
}

/** The last entries, oldest first, for a report of a problem. */
export class LogTail {
  readonly #entries: LogEntry[] = [];
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  push(entry: LogEntry): void {
    this.#entries.push(entry);
    if (this.#entries.length > this.#most) this.#entries.shift();
  }

  lines(redact: (text: string) => string): string[] {
    return this.#entries.map((entry) => redactedLine(entry, redact));
  }
}

/** As many say what led to a problem, and are read in a minute; our choice. */
const RECENT_ENTRIES = 400;
const RECENT = new LogTail(RECENT_ENTRIES);

let relaySink: LogSink | null = null;

/** Where entries of processes that this one started go: the engine's own sink. */
export function relayTo(sink: LogSink): void {
  relaySink = sink;
}

/** Takes in what `child` tells of itself by {@link tellParentEntry}. */
export function relayChild(child: { on(event: "message", listener: (message: unknown) => void): unknown }): void {
  child.on("message", (message) => {
    const entry = (message as { entry?: LogEntry } | null)?.entry;
    if (entry === undefined) return;
    RECENT.push(entry);
    relaySink?.(entry);
  });
}

/** In a child process: tells the process that started it of an entry, beside writing it wherever it goes. */
export function tellParentEntry(entry: LogEntry): void {
  if (process.connected) process.send?.({ entry });
}

/** What this process logged last, oldest first, as a report may hold it. */
export function recentLog(redact: (text: string) => string): string[] {
  return RECENT.lines(redact);
}

/** Folders whose contents are nobody else's business; null where there is none. */
export interface PrivateFolders {
  workspaceDir: string | null;
  homeDir: string | null;
}

/** Shapes of what must not leave in a report, whatever it turns out to be: keys in the address or the header, long random words, mail addresses. */
const SECRETS: readonly [RegExp, string][] = [
  [/\b(?:Bearer|Basic)\s+[\w+/=.~-]{8,}/gi, "<credentials>"],
  [/(\b(?:api[_-]?key|access[_-]?key|token|secret|password|passwd|pwd|authorization)\b["']?\s*[:=]\s*["']?)[^\s"',;&}]{3,}/gi, "$1<removed>"],
  [/\b(?:[a-z][a-z\d+.-]*:\/\/)[^\s/@:]+:[^\s/@]+@/gi, "<address with credentials>@"],
  [/\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|sk-[\w-]{16,}|hf_\w{16,}|xox[abprs]-[\w-]{10,}|AKIA[A-Z\d]{12,}|AIza[\w-]{30,}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*)/g, "<key>"],
  [/[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g, "<mail address>"],
];
/** Fields of entries that hold what the user wrote or named. */
const PRIVATE_FIELDS = /^(?:path|paths|changed|cell|notebook|question|query|prompt|text|symbol|document|wanted)$/i;
/** A file named by its place in the workspace alone; what follows "/", "~" or ">" is part of a longer path, which was looked at before. */
const RELATIVE_FILE = /(?<![\w./\\~<>:…@-])(?:[\w.@()[\]-]+[\\/]+)+[\w.@()[\]-]*\.[A-Za-z]\w{0,9}\b(?!\/)/g;

/** A path goes on until something that ends it in a sentence, in JSON or in a stack. */
const REST_OF_PATH = String.raw`(?:[\\/]+[^\s"'\x60)\]}>,;:|]+)+`;

/**
 * A function that takes out of a text what a report of a problem must not hold: paths below the workspace (their place is shown), the home
 * folder's name, other users' home folders, keys and mail addresses. It can be applied twice without harm.
 */
export function redacting({ workspaceDir, homeDir }: PrivateFolders): (text: string) => string {
  const flags = process.platform === "win32" ? "gi" : "g";
  const inWorkspace = workspaceDir === null || workspaceDir.length < 2 ? null : new RegExp(`${folderShape(workspaceDir)}(?:${REST_OF_PATH})?`, flags);
  const quoted = workspaceDir === null || workspaceDir.length < 2 ? null : new RegExp(String.raw`(["'\x60])${folderShape(workspaceDir)}[\\/](?:(?!\1).)+\1`, flags);
  const home = homeDir === null || homeDir.length < 2 ? null : new RegExp(folderShape(homeDir), flags);
  return (text) => {
    let clean = text;
    // The workspace first: it mostly lies in the home folder. In quotation marks a path may have blanks.
    if (quoted) clean = clean.replace(quoted, "$1<workspace>/…$1");
    if (inWorkspace) clean = clean.replace(inWorkspace, (found) => (found.length === workspaceDir?.length ? "<workspace>" : "<workspace>/…"));
    if (home) clean = clean.replace(home, "~");
    clean = clean.replace(/(?:\/home\/|\/Users\/|[A-Za-z]:[\\/]+Users[\\/]+)[^\\/\s"']+/g, "~");
    clean = clean.replace(RELATIVE_FILE, "<file>");
    for (const [shape, instead] of SECRETS) clean = clean.replace(shape, instead);
    return clean;
  };
}

/** An entry as a report may hold it: fields with what the user wrote or named are emptied, the rest goes through `redact`. */
export function redactedLine(entry: LogEntry, redact: (text: string) => string): string {
  const fields = Object.fromEntries(Object.entries(entry.fields).map(([key, value]) => [key, PRIVATE_FIELDS.test(key) ? "<removed>" : value]));
  return `${entry.at} ${entry.level} ${redact(lineOf({ ...entry, fields }))}`;
}

/** A folder in either way of writing it, separators doubled (as JSON has them) or not. */
function folderShape(folder: string): string {
  return folder.split(/[\\/]+/).map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)).join(String.raw`[\\/]+`);
}
