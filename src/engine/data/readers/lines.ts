// Cuts a stream of bytes into lines of valid text, holding one line at most. What a line means is for others.
import { isUtf8 } from "node:buffer";

/** A line without its break, numbered from 1; or why it could not be taken in. */
export type Line = { readonly number: number; readonly text: string } | { readonly number: number; readonly fault: "too long" | "invalid UTF-8" };

const NEWLINE = 10;
const RETURN = 13;

/**
 * The lines of `chunks`, blank ones included. A line longer than `maximumBytes` is reported as soon as it is, and then
 * passed over without being held. Line breaks are LF and CR LF.
 */
export async function* readLines(chunks: AsyncIterable<Buffer>, maximumBytes: number): AsyncGenerator<Line> {
  let number = 1;
  let held: Buffer[] = [];
  let heldBytes = 0;
  let skipping = false;
  const take = (end: Buffer): Line => {
    const bytes = heldBytes === 0 ? end : Buffer.concat([...held, end]);
    held = [];
    heldBytes = 0;
    return lineOf(bytes, number);
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      if (skipping) skipping = false;
      else if (heldBytes + at - from > maximumBytes) {
        held = [];
        heldBytes = 0;
        yield { number, fault: "too long" };
      } else yield take(chunk.subarray(from, at));
      number++;
      from = at + 1;
    }
    if (skipping || from === chunk.length) continue;
    const rest = chunk.subarray(from);
    if (heldBytes + rest.length > maximumBytes) {
      held = [];
      heldBytes = 0;
      skipping = true;
      yield { number, fault: "too long" };
    } else {
      // A copy: the chunk may be the stream's own buffer.
      held.push(Buffer.from(rest));
      heldBytes += rest.length;
    }
  }
  if (heldBytes > 0) yield take(Buffer.alloc(0));
}

function lineOf(bytes: Buffer, number: number): Line {
  const end = bytes.length > 0 && bytes[bytes.length - 1] === RETURN ? bytes.length - 1 : bytes.length;
  const line = bytes.subarray(0, end);
  return isUtf8(line) ? { number, text: line.toString("utf8") } : { number, fault: "invalid UTF-8" };
}
