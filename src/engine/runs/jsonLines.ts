// Files of one JSON object per line that are appended to while others read them, and that a kill may cut off in the
// middle of a line: the torn end is passed over by readers and taken away by the next writer.
import { closeSync, existsSync, fstatSync, ftruncateSync, mkdirSync, openSync, readFileSync, readSync, renameSync, rmSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import { EngineError, errnoCode } from "../base/errors.ts";
import { writeFailure } from "../base/files.ts";

/** All whole lines of a file; none where it does not exist. A damaged line in the middle is passed over too. */
export function readJsonLines<T>(file: string): T[] {
  return parseLines<T>(existsSync(file) ? readFileSync(file, "utf8") : "").values;
}

/** Values of the whole lines of `text`, and how many characters they take. */
function parseLines<T>(text: string): { values: T[]; consumed: number } {
  const end = text.lastIndexOf("\n") + 1;
  const values: T[] = [];
  for (const line of text.slice(0, end).split("\n")) {
    if (line === "") continue;
    try {
      values.push(JSON.parse(line) as T);
    } catch {
      // A line that was torn by a full disk and then continued: its figures are lost, the others are not.
    }
  }
  return { values, consumed: end };
}

/** Appends lines; takes a torn end away first. One writer at a time: the holder of the run's lock. */
export class JsonLinesWriter<T> {
  readonly #file: string;
  readonly #handle: number;

  /** Errors: `diskFull`, `unreadable`. */
  constructor(file: string) {
    this.#file = file;
    try {
      mkdirSync(path.dirname(file), { recursive: true });
      this.#handle = openSync(file, "a+");
    } catch (error) {
      throw writeFailure(file, error);
    }
    const text = readFileSync(file, "utf8");
    if (text !== "" && !text.endsWith("\n")) ftruncateSync(this.#handle, Buffer.byteLength(text.slice(0, text.lastIndexOf("\n") + 1)));
  }

  /** Errors: `diskFull` (the file then ends with its last whole line), `unreadable`. */
  write(value: T): void {
    const before = fstatSync(this.#handle).size;
    try {
      const bytes = Buffer.from(`${JSON.stringify(value)}\n`);
      for (let done = 0; done < bytes.length;) done += writeSync(this.#handle, bytes, done);
    } catch (error) {
      ftruncateSync(this.#handle, before);
      throw writeFailure(this.#file, error);
    }
  }

  close(): void {
    closeSync(this.#handle);
  }
}

/** Keeps only the lines that `keep` says, atomically; at once, so that nothing is written between. Not while a {@link JsonLinesWriter} has the file open. */
export function filterJsonLines<T>(file: string, keep: (value: T) => boolean): void {
  const lines = readJsonLines<T>(file);
  const kept = lines.filter(keep);
  if (kept.length === lines.length) return;
  try {
    writeFileSync(`${file}.tmp`, kept.map((line) => `${JSON.stringify(line)}\n`).join(""), { flush: true });
    renameSync(`${file}.tmp`, file);
  } catch (error) {
    rmSync(`${file}.tmp`, { force: true });
    throw writeFailure(file, error);
  }
}

/** Follows a growing file: each call gives the lines that came since the last one. */
export class JsonLinesFollower<T> {
  readonly #file: string;
  #offset: number;

  /** `fromEnd`: only what is written from now on. */
  constructor(file: string, fromEnd: boolean) {
    this.#file = file;
    this.#offset = 0;
    if (fromEnd) this.next();
  }

  /** A file that became shorter (a resumed run dropped what it will do again) is followed from its new end. */
  next(): T[] {
    let handle: number;
    try {
      handle = openSync(this.#file, "r");
    } catch (error) {
      if (errnoCode(error) === "ENOENT") return [];
      throw new EngineError("unreadable", `${this.#file} cannot be read (${errnoCode(error) ?? "unknown error"}). Check its permissions.`, {}, error);
    }
    try {
      const { size } = fstatSync(handle);
      if (size < this.#offset) this.#offset = size;
      const bytes = Buffer.alloc(size - this.#offset);
      const read = readSync(handle, bytes, 0, bytes.length, this.#offset);
      const whole = bytes.subarray(0, read).lastIndexOf(10) + 1;
      this.#offset += whole;
      return parseLines<T>(bytes.subarray(0, whole).toString("utf8")).values;
    } finally {
      closeSync(handle);
    }
  }
}
