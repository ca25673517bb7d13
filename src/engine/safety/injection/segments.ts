// Cuts a document into the pieces that an instruction would be: sentences of lines, a code block with the sentence that leads to
// it, comments of markup. Bounded in number and length; it judges nothing.

export interface Segment {
  readonly start: number;
  readonly end: number;
  /** The piece, with the code block that follows it. */
  readonly text: string;
  /** Stands in a comment of markup or of code, or in an attribute. */
  readonly isComment: boolean;
  /** A code block follows. */
  readonly code: string | null;
  /** Is the whole of its line. */
  readonly isAlone: boolean;
  /** A heading, a list item, indented (code or a quotation), or none of these. */
  readonly form: "heading" | "item" | "indented" | "plain";
}

const MOST_SEGMENTS = 4_000;
const LONGEST_SEGMENT = 1_200;
const CODE_KEPT = 600;
/** A full stop followed by a space and a capital, a mark that ends a sentence in other scripts, or markup (taken out before as NUL). */
const SENTENCE_END = /(?<=[.!?]["')\]]?)\s+(?=[\p{Lu}"'(<\p{Lo}¿¡])|(?<=[。！？])|\0+/gu;
/** Fewer words are a label or a fragment rather than an order. */
const FEWEST_WORDS = 3;
const COMMENT = /^\s*(?:<!--|\/\/|\/\*|\*|#(?![#\w])|--|;|%)/;

/** The segments of `text` in order. `complete` is false where there were more than are looked at. */
export function segmentsOf(text: string): { segments: Segment[]; complete: boolean } {
  const segments: Segment[] = [];
  let fence: { start: number; text: string } | null = null;
  let at = 0;
  const lines = text.split("\n");
  let isInMarkupComment = false;
  for (const line of lines) {
    const start = at;
    at += line.length + 1;
    if (segments.length >= MOST_SEGMENTS) return { segments, complete: false };
    if (/^\s*(?:```|~~~)/.test(line)) {
      if (fence) {
        attach(segments, fence, start + line.length);
        fence = null;
      } else fence = { start, text: "" };
      continue;
    }
    if (fence) {
      if (fence.text.length < CODE_KEPT) fence.text += `${line}\n`;
      continue;
    }
    const isComment = isInMarkupComment || COMMENT.test(line) || line.includes("<!--");
    if (line.includes("<!--")) isInMarkupComment = !line.includes("-->", line.indexOf("<!--"));
    else if (line.includes("-->")) isInMarkupComment = false;
    if (line.trim() !== "") cut(line, start, isComment, segments);
  }
  if (fence) attach(segments, fence, text.length);
  return { segments, complete: true };
}

/** The sentences of a line. */
function cut(line: string, lineStart: number, isComment: boolean, into: Segment[]): void {
  const pieces: [number, number][] = [];
  let from = 0;
  SENTENCE_END.lastIndex = 0;
  const tags = line.includes("<") ? line.replace(/<\/?[A-Za-z][^<>]{0,200}>|<!--|-->/g, (tag) => "\0".repeat(tag.length)) : line;
  for (const { index, 0: gap } of tags.matchAll(SENTENCE_END)) {
    pieces.push([from, index]);
    from = index + gap.length;
  }
  pieces.push([from, line.length]);
  for (const [a, b] of pieces) {
    for (let start = a; start < b; start += LONGEST_SEGMENT) {
      const end = Math.min(b, start + LONGEST_SEGMENT);
      const text = tags.slice(start, end).replaceAll("\0", " ").replace(/^\s*(?:\/\/+|\/\*+|\*+|#+|--+|;+|%+|>+|[-+•]|\d+[.)])?\s*/, "").replace(/\s*\*\/\s*$/, "").trim();
      const last = into.at(-1);
      // A sentence that is wrapped goes on in the next line.
      if (last && a === 0 && lineStart - last.end <= 1 && last.code === null && last.text.length + text.length < LONGEST_SEGMENT && /^[\p{Ll}\d("'`*]/u.test(text) && !/[.!?:。！？]["')\]]?$/.test(last.text)) {
        into[into.length - 1] = { ...last, end: lineStart + end, text: `${last.text} ${text}` };
        continue;
      }
      if (text.length < 4 || !isSaid(text)) continue;
      into.push({ start: lineStart + start, end: lineStart + end, text, isComment, code: null, isAlone: pieces.length === 1, form: formOf(line) });
    }
  }
}

function formOf(line: string): Segment["form"] {
  if (/^\s{0,3}#{1,6}\s/.test(line)) return "heading";
  if (/^\s*(?:[-*+•]|\d+[.)])\s/.test(line)) return "item";
  return /^(?: {4}|\t)/.test(line) ? "indented" : "plain";
}

/** Enough words to say something; scripts without spaces need a few letters. */
function isSaid(text: string): boolean {
  const words = text.match(/\p{L}{2,}/gu);
  return words !== null && (words.length >= FEWEST_WORDS || /[^\u0000-\u024f]{4}/.test(text));
}

/** A block belongs to the sentence above it. */
function attach(segments: Segment[], fence: { start: number; text: string }, end: number): void {
  const last = segments.at(-1);
  const code = fence.text.slice(0, CODE_KEPT);
  if (last && fence.start - last.end < 8) segments[segments.length - 1] = { ...last, end, text: `${last.text}\n${code}`, code };
  else segments.push({ start: fence.start, end, text: code, isComment: false, code, isAlone: true, form: "plain" });
}
