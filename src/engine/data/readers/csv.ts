// Rows of a CSV file with a header, as objects of texts. Source: RFC 4180; also "\n" line ends, and ";" or tab between fields.
// Fields that hold JSON (lists of messages) are parsed, as spreadsheets and pandas write them that way.
import { isUtf8 } from "node:buffer";
import { errorAt, MAXIMUM_ROW_BYTES, megabytes, parseJson } from "./rows.ts";
import type { RowItem } from "./rows.ts";

const QUOTE = 0x22, NEWLINE = 0x0a, RETURN = 0x0d;
const DELIMITERS = [0x2c, 0x3b, 0x09] as const;

interface BytesOfRow {
  readonly line: number;
  readonly bytes: Buffer;
}

/** One item a row after the header; `at` names the line where the row begins, as quoted fields may hold line breaks. */
export async function* readCsv(chunks: AsyncIterable<Buffer>, name: string, maximumBytes: number = MAXIMUM_ROW_BYTES): AsyncGenerator<RowItem> {
  let header: string[] | null = null;
  let delimiter = ",";
  for await (const row of cutRows(chunks, maximumBytes)) {
    const at = `${name}:${row.line}`;
    if (row.bytes.length === 0) continue;
    if ("fault" in row) {
      yield errorAt(at, `The row that begins here is longer than ${megabytes(maximumBytes)}; a closing quote may be missing. The rest of the file was not read.`);
      return;
    }
    if (!isUtf8(row.bytes)) {
      yield errorAt(at, "The row that begins here is not valid UTF-8. Save the file as UTF-8.");
      if (header === null) return;
      continue;
    }
    const text = row.bytes.toString("utf8");
    if (header === null) {
      delimiter = delimiterOf(row.bytes);
      const names = fieldsOf(text, delimiter);
      if (names === null || names.some((field) => field === "") || new Set(names).size !== names.length) {
        yield errorAt(at, "The first row must name the columns, each once, for example \"prompt,completion\".");
        return;
      }
      header = names.map((field) => field.trim());
      continue;
    }
    const fields = fieldsOf(text, delimiter);
    if (fields === null) yield errorAt(at, "The row that begins here has a quote that is not closed, or text after a closing quote.");
    else if (fields.length !== header.length) yield errorAt(at, `The row that begins here has ${fields.length} fields, but the header names ${header.length}. Quote fields that hold "${delimiter}" or line breaks.`);
    else yield { at, value: Object.fromEntries(header.map((key, i) => [key, valueOf(fields[i] as string)])) };
  }
}

/** Cuts at line breaks outside quotes; a quote toggles, and a doubled quote toggles twice, which comes to the same. */
async function* cutRows(chunks: AsyncIterable<Buffer>, maximumBytes: number): AsyncGenerator<BytesOfRow | (BytesOfRow & { fault: "too long" })> {
  let line = 1;
  let startLine = 1;
  let quoted = false;
  let held: Buffer[] = [];
  let heldBytes = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i] as number;
      if (byte === QUOTE) quoted = !quoted;
      else if (byte === NEWLINE) {
        line++;
        if (quoted) continue;
        const end = chunk.subarray(from, i);
        yield { line: startLine, bytes: withoutReturn(heldBytes === 0 ? end : Buffer.concat([...held, end])) };
        held = [];
        heldBytes = 0;
        from = i + 1;
        startLine = line;
      }
    }
    const rest = chunk.subarray(from);
    heldBytes += rest.length;
    if (heldBytes > maximumBytes) {
      yield { line: startLine, bytes: rest, fault: "too long" };
      return;
    }
    held.push(Buffer.from(rest));
  }
  if (heldBytes > 0) yield { line: startLine, bytes: withoutReturn(Buffer.concat(held)) };
}

function withoutReturn(bytes: Buffer): Buffer {
  return bytes[bytes.length - 1] === RETURN ? bytes.subarray(0, -1) : bytes;
}

/** The delimiter that the header has most of, outside quotes. */
function delimiterOf(header: Buffer): string {
  const counts = DELIMITERS.map((delimiter) => {
    let quoted = false;
    let count = 0;
    for (const byte of header) {
      if (byte === QUOTE) quoted = !quoted;
      else if (byte === delimiter && !quoted) count++;
    }
    return count;
  });
  return String.fromCharCode(DELIMITERS[counts.indexOf(Math.max(...counts))] ?? DELIMITERS[0]);
}

/** The fields of one row, or null where its quotes are wrong. */
function fieldsOf(row: string, delimiter: string): string[] | null {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    if (row[at] === "\"") {
      let end = at + 1;
      for (;;) {
        end = row.indexOf("\"", end);
        if (end < 0) return null;
        if (row[end + 1] !== "\"") break;
        end += 2;
      }
      fields.push(row.slice(at + 1, end).replaceAll("\"\"", "\""));
      at = end + 1;
      if (at < row.length && row[at] !== delimiter) return null;
    } else {
      const end = row.indexOf(delimiter, at);
      const field = row.slice(at, end < 0 ? row.length : end);
      fields.push(field);
      at = end < 0 ? row.length : end;
    }
    if (at >= row.length) return fields;
    at++;
    // A delimiter at the end is followed by one empty field.
    if (at === row.length) return [...fields, ""];
  }
}

function valueOf(field: string): unknown {
  if (!/^\s*[[{]/.test(field)) return field;
  const parsed = parseJson(field);
  return "value" in parsed ? parsed.value : field;
}
