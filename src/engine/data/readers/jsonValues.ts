// Rows of a JSON file: the elements of one array, or values one after the other, each cut out of the stream and parsed alone.
// Never holds more than one element. What is inside an element is JSON.parse's affair; this only finds where it ends.
import { isUtf8 } from "node:buffer";
import { errorAt, MAXIMUM_ROW_BYTES, megabytes, parseJson } from "./rows.ts";
import type { RowItem } from "./rows.ts";

const QUOTE = 0x22, BACKSLASH = 0x5c, NEWLINE = 0x0a, COMMA = 0x2c;
const OPEN_ARRAY = 0x5b, CLOSE_ARRAY = 0x5d, OPEN_OBJECT = 0x7b, CLOSE_OBJECT = 0x7d;

/** Where the scanner is. "resync": an element was broken off, and the next one is looked for at the same column of a later line. */
type State = "between" | "nested" | "string" | "scalar" | "resync";

class Scanner {
  readonly #name: string;
  readonly #maximumBytes: number;
  #state: State = "between";
  #line = 1;
  /** Bytes since the last line break, to find an element's column. */
  #column = 0;
  #onlyBlank = true;
  /** Whether the file is one array; null before its first byte. */
  #isArray: boolean | null = null;
  #closed = false;
  #depth = 0;
  #escaped = false;
  #inString = false;
  #startLine = 0;
  #startColumn = 0;
  #held: Buffer[] = [];
  #heldBytes = 0;
  stopped = false;

  constructor(name: string, maximumBytes: number) {
    this.#name = name;
    this.#maximumBytes = maximumBytes;
  }

  *take(chunk: Buffer): Generator<RowItem> {
    let from = this.#state === "between" || this.#state === "resync" ? -1 : 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i] as number;
      if (this.#state === "between" || this.#state === "resync") {
        const problem = this.#begin(byte);
        if (problem !== null) {
          yield problem;
          if (this.stopped) return;
        }
        if (this.#state !== "between" && this.#state !== "resync") from = i;
      } else if (this.#inString && byte === NEWLINE) {
        // JSON has no raw line break inside a string: a quote is missing. What follows is found again by its column.
        yield errorAt(this.#place(), "The value that begins here is not valid JSON: a text in it has no closing quote.");
        this.#drop();
        this.#state = "resync";
      } else {
        const end = this.#step(byte, i);
        if (end >= 0) {
          yield this.#finish(chunk.subarray(Math.max(0, from), end));
          from = -1;
          // A scalar ends at a byte that is not its own: look at it again.
          if (end === i) {
            const problem = this.#begin(byte);
            if (problem !== null) yield problem;
            if (this.stopped) return;
          }
        } else if (this.#heldBytes + i - Math.max(0, from) > this.#maximumBytes) {
          yield errorAt(this.#place(), `The value that begins here does not end within ${megabytes(this.#maximumBytes)}, the most that is taken in as one record. The rest of the file was not read. Expected an array of objects, or JSON Lines.`);
          this.#drop();
          this.stopped = true;
          return;
        }
      }
      if (byte === NEWLINE) {
        this.#line++;
        this.#column = 0;
        this.#onlyBlank = true;
      } else {
        this.#column++;
        if (byte > 0x20) this.#onlyBlank = false;
      }
    }
    if (this.#state === "nested" || this.#state === "scalar" || this.#state === "string") {
      const rest = chunk.subarray(Math.max(0, from));
      this.#held.push(Buffer.from(rest));
      this.#heldBytes += rest.length;
    }
  }

  *end(): Generator<RowItem> {
    if (this.stopped) return;
    if (this.#state === "scalar") yield this.#finish(Buffer.alloc(0));
    else if (this.#state === "nested" || this.#state === "string") yield errorAt(this.#place(), "The file ends inside the value that begins here. It may have been cut off; fetch it again.");
    else if (this.#state === "resync") yield errorAt(this.#place(), "No further value was found after this broken one; the rest of the file was not read.");
    else if (this.#isArray === true && !this.#closed) yield { severity: "warning", at: `${this.#name}:${this.#line}`, sentence: "The file ends before its array is closed by \"]\". It may have been cut off." };
  }

  #place(): string {
    return `${this.#name}:${this.#startLine}`;
  }

  /** A byte between two values. Returns a problem where it cannot stand there. */
  #begin(byte: number): RowItem | null {
    if (byte <= 0x20) return null;
    if (this.#state === "resync") {
      if (!this.#onlyBlank || this.#column !== this.#startColumn || byte !== OPEN_OBJECT) return null;
    } else if (this.#isArray === null) {
      this.#isArray = byte === OPEN_ARRAY;
      if (this.#isArray) return null;
    } else if (this.#isArray && !this.#closed) {
      if (byte === COMMA) return null;
      if (byte === CLOSE_ARRAY) {
        this.#closed = true;
        return null;
      }
    }
    if (this.#isArray === true && this.#closed) {
      this.stopped = true;
      return errorAt(`${this.#name}:${this.#line}`, "Something stands after the end of the file's array. It was not read.");
    }
    if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) {
      this.stopped = true;
      return errorAt(`${this.#name}:${this.#line}`, "A closing bracket stands here that nothing opened. The rest of the file was not read.");
    }
    this.#startLine = this.#line;
    this.#startColumn = this.#column;
    this.#escaped = false;
    this.#inString = byte === QUOTE;
    this.#depth = byte === OPEN_OBJECT || byte === OPEN_ARRAY ? 1 : 0;
    this.#state = this.#depth === 1 ? "nested" : this.#inString ? "string" : "scalar";
    return null;
  }

  /** A byte inside a value at index `i`; the index just after the value where it ends, otherwise -1. */
  #step(byte: number, i: number): number {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === BACKSLASH) this.#escaped = true;
      else if (byte === QUOTE) {
        this.#inString = false;
        if (this.#state === "string") return i + 1;
      }
      return -1;
    }
    if (this.#state === "scalar") return byte <= 0x20 || byte === COMMA || byte === CLOSE_ARRAY ? i : -1;
    if (byte === QUOTE) this.#inString = true;
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) this.#depth++;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      this.#depth--;
      if (this.#depth === 0) return i + 1;
    }
    return -1;
  }

  #finish(end: Buffer): RowItem {
    const bytes = this.#heldBytes === 0 ? end : Buffer.concat([...this.#held, end]);
    const at = this.#place();
    this.#drop();
    this.#state = "between";
    if (!isUtf8(bytes)) return errorAt(at, "The value that begins here is not valid UTF-8. Save the file as UTF-8.");
    const parsed = parseJson(bytes.toString("utf8"));
    return "sentence" in parsed ? errorAt(at, `The value that begins here is ${parsed.sentence}.`) : { at, value: parsed.value };
  }

  #drop(): void {
    this.#held = [];
    this.#heldBytes = 0;
    this.#inString = false;
  }
}

/**
 * One item an element of the file's array, or a value of its sequence of values. An object that only wraps one array of
 * objects ({"data": […]}) gives the elements of that array.
 */
export async function* readJsonValues(chunks: AsyncIterable<Buffer>, name: string, maximumBytes: number = MAXIMUM_ROW_BYTES): AsyncGenerator<RowItem> {
  const scanner = new Scanner(name, maximumBytes);
  for await (const chunk of chunks) {
    for (const item of scanner.take(chunk)) yield* unwrapped(item);
    if (scanner.stopped) return;
  }
  for (const item of scanner.end()) yield* unwrapped(item);
}

/** Names under which data sets are wrapped in one object; a record's own lists ("messages") are never among them. */
const WRAPPERS = new Set(["data", "train", "rows", "examples", "records", "instances", "samples"]);

function* unwrapped(item: RowItem): Generator<RowItem> {
  if ("severity" in item || typeof item.value !== "object" || item.value === null || Array.isArray(item.value)) {
    yield item;
    return;
  }
  const lists = Object.entries(item.value).filter(([key, value]) => WRAPPERS.has(key) && Array.isArray(value) && value.every((element) => typeof element === "object" && element !== null));
  const [key, list] = lists[0] ?? [];
  if (lists.length !== 1 || key === undefined) yield item;
  else for (const [i, value] of (list as unknown[]).entries()) yield { at: `${item.at} (${key} ${i + 1})`, value };
}
