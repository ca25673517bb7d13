// One structured log for the whole engine. It formats nothing and writes nowhere by itself: a sink does.

export type LogLevel = "debug" | "info" | "warn" | "error";

export interface LogEntry {
  at: string;
  level: LogLevel;
  room: string;
  message: string;
  fields: Readonly<Record<string, unknown>>;
}

export type LogSink = (entry: LogEntry) => void;

const ORDER: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

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
    if (ORDER[level] < ORDER[this.#minimum]) return;
    this.#sink({ at: new Date().toISOString(), level, room: this.room, message, fields });
  }
}

/** A log that keeps nothing. */
export const SILENT_LOG = new Log("silent", () => undefined, "error");
