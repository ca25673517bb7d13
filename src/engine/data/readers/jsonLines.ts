// Rows of a JSON Lines file: one JSON value a line. Formats of rows are for formats/.
import { readLines } from "./lines.ts";
import { errorAt, MAXIMUM_ROW_BYTES, megabytes, parseJson } from "./rows.ts";
import type { RowItem } from "./rows.ts";

/** One item a line that is not blank; `name` is how the file is called in places ("train.jsonl"). */
export async function* readJsonLines(chunks: AsyncIterable<Buffer>, name: string, maximumBytes: number = MAXIMUM_ROW_BYTES): AsyncGenerator<RowItem> {
  for await (const line of readLines(chunks, maximumBytes)) {
    const at = `${name}:${line.number}`;
    if ("fault" in line) {
      yield errorAt(at, line.fault === "too long"
        ? `This line is longer than ${megabytes(maximumBytes)}, the most that is taken in as one record. Split it into several records.`
        : "This line is not valid UTF-8. Save the file as UTF-8.");
      continue;
    }
    if (line.text.trim() === "") continue;
    const parsed = parseJson(line.text);
    if ("sentence" in parsed) yield errorAt(at, `This line is ${parsed.sentence}. Expected one JSON object a line.`);
    else yield { at, value: parsed.value };
  }
}
