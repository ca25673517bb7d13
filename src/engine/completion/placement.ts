// Makes a raw candidate fit its place: nothing that already stands after the caret, no unbalanced closers, no run past the
// enclosing block, no repetition, whitespace as the file has it. It does not judge whether the text is right (gate.ts).

/** Where a candidate is to stand. */
export interface Place {
  prefix: string;
  suffix: string;
  /** Most lines of the result. */
  maximumLines: number;
}

/** Why a candidate was dropped, for the log and for tests. */
export type Unfit = "empty" | "duplicate" | "repetition" | "unbalanced";

export type Placed =
  /** `replacesAfter`: characters after the caret that the text brings itself and so replaces; they are a subsequence of it. */
  | { text: string; replacesAfter: number; unfit: null }
  | { text: null; unfit: Unfit };

const openers = "([{";
const closers = ")]}";
/** Clients clip what stands before the caret to this many characters. */
const clippedPrefix = 32_768;

/** The candidate as it would be inserted at the caret, or why it cannot be. */
export function placeCandidate(raw: string, place: Place): Placed {
  const linePrefix = place.prefix.slice(place.prefix.lastIndexOf("\n") + 1);
  const lineSuffix = firstLine(place.suffix);
  let text = raw.replace(/\r\n?/g, "\n");
  if (/[ \t]$/.test(place.prefix)) text = text.replace(/^[ \t]+/, "");
  text = withinScope(text, linePrefix, place);
  text = matchIndentation(text, place.prefix);
  text = text.replace(/\s+$/, "");
  let replacesAfter = 0;
  if (lineSuffix.trim() !== "" && !text.includes("\n")) {
    if (!text.endsWith(lineSuffix) && isSubsequence(lineSuffix, text)) replacesAfter = lineSuffix.length;
    else text = withoutOverlap(text, linePrefix, lineSuffix);
  }
  if (text.trim() === "") return { text: null, unfit: "empty" };
  if (duplicatesWhatFollows(text, linePrefix, place.suffix)) return { text: null, unfit: "duplicate" };
  if (repeats(text, place.prefix)) return { text: null, unfit: "repetition" };
  if (surplusClosers(text, place.prefix)) return { text: null, unfit: "unbalanced" };
  return { text, replacesAfter, unfit: null };
}

/** Whether the characters of `part` occur in `whole` in their order: what an editor accepts as replaced by ghost text. */
export function isSubsequence(part: string, whole: string): boolean {
  let at = 0;
  for (const character of part) {
    const found = whole.indexOf(character, at);
    if (found < 0) return false;
    at = found + character.length;
  }
  return true;
}

/** Whether an automatic suggestion may stand before `lineSuffix`: only closers and punctuation may follow the caret. */
export function mayStandBefore(lineSuffix: string): boolean {
  return /^[\s)\]}>;,:'"`]*$/.test(lineSuffix);
}

function firstLine(text: string): string {
  const end = text.indexOf("\n");
  return (end < 0 ? text : text.slice(0, end)).replace(/\r$/, "");
}

/** Columns of indentation, a tab counting four. */
export function indentationOf(line: string): number {
  let columns = 0;
  for (const character of line) {
    if (character === " ") columns++;
    else if (character === "\t") columns += 4;
    else break;
  }
  return columns;
}

/** Cuts before the first line that leaves the caret's block, that repeats what follows, or that is one too many. */
function withinScope(text: string, linePrefix: string, place: Place): string {
  const lines = text.split("\n");
  if (lines.length === 1) return text;
  const base = indentationOf(linePrefix);
  const following = place.suffix.slice(place.suffix.indexOf("\n") + 1).split("\n").find((line) => line.trim() !== "")?.trimEnd();
  const opensBlock = /[([{:]\s*$/.test(linePrefix + (lines[0] as string));
  const kept = [lines[0] as string];
  for (const line of lines.slice(1)) {
    if (kept.length >= place.maximumLines) break;
    const content = line.trim();
    if (content !== "") {
      const indent = indentationOf(line);
      if (indent < base) break;
      if (place.suffix.includes("\n") && following !== undefined && line.trimEnd() === following) break;
      // The line that closes the block the first line opened ends the suggestion.
      if (opensBlock && indent === base) {
        if (/^[)\]}]/.test(content)) kept.push(line);
        break;
      }
    }
    kept.push(line);
  }
  return kept.join("\n");
}

/** Spaces or tabs, as the file indents. */
function matchIndentation(text: string, prefix: string): string {
  if (!text.includes("\n")) return text;
  const tabs = /^\t/m.test(prefix);
  const spaces = /^ {2,}/m.test(prefix);
  if (tabs === spaces) return text;
  return text.split("\n").map((line, i) => {
    if (i === 0) return line;
    const content = line.trimStart();
    const indent = indentationOf(line);
    return (tabs ? "\t".repeat(Math.round(indent / 4)) : " ".repeat(indent)) + content;
  }).join("\n");
}

/**
 * Takes off the end of `text` what already stands after the caret on its line: the longest tail that equals the head of
 * `lineSuffix` and without which the line is no worse balanced.
 */
function withoutOverlap(text: string, linePrefix: string, lineSuffix: string): string {
  const rest = lineSuffix.trim();
  if (rest === "" || text.includes("\n")) return text;
  for (let length = Math.min(rest.length, text.length); length > 0; length--) {
    if (!text.endsWith(rest.slice(0, length))) continue;
    const shorter = text.slice(0, text.length - length).trimEnd();
    const whole = imbalance(linePrefix + text + lineSuffix);
    if (imbalance(linePrefix + shorter + lineSuffix) <= whole) return shorter;
  }
  return text;
}

/** Unmatched brackets on a line, both ways, ignoring those inside quotes. */
function imbalance(line: string): number {
  const stack: string[] = [];
  let unmatched = 0;
  for (const character of outsideQuotes(line)) {
    const closer = closers.indexOf(character);
    if (openers.includes(character)) stack.push(character);
    else if (closer >= 0) {
      if (stack.at(-1) === openers[closer]) stack.pop();
      else unmatched++;
    }
  }
  return unmatched + stack.length;
}

function outsideQuotes(line: string): string {
  return line.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`/g, "");
}

/** A one-line suggestion that makes the caret's line the same as the next one, and is more than a closer. */
function duplicatesWhatFollows(text: string, linePrefix: string, suffix: string): boolean {
  const next = suffix.slice(suffix.indexOf("\n") + 1).split("\n").find((line) => line.trim() !== "")?.trim();
  if (next === undefined || !suffix.includes("\n")) return false;
  const first = text.split("\n", 1)[0] as string;
  const line = (linePrefix + first).trim();
  return line === next && line.length > 3 && /\w{2}/.test(line);
}

/** Whether the text goes round in circles: a line thrice, a piece of a line four times, or the two lines above once more. */
function repeats(text: string, prefix: string): boolean {
  if (/(.{4,40}?)\1{3,}/.test(text) && !/^[\s\-=*#_./]+$/.test(text)) return true;
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line.length > 3);
  const counts = new Map<string, number>();
  for (const line of lines) {
    const count = (counts.get(line) ?? 0) + 1;
    if (count >= 3) return true;
    counts.set(line, count);
  }
  const tail = prefix.slice(-2_000).split("\n");
  const current = ((tail.at(-1) as string) + (text.split("\n", 1)[0] as string)).trim();
  const above = tail.slice(0, -1).map((line) => line.trim()).filter((line) => line !== "");
  return current.length > 8 && above.at(-1) === current && above.at(-2) === current;
}

/** Whether the text closes a bracket that nothing before the caret opened; not judged where the prefix may be clipped. */
function surplusClosers(text: string, prefix: string): boolean {
  const own = depths(text.split("\n").map(outsideQuotes).join("\n"));
  if (own.lowest >= 0 || prefix.length >= clippedPrefix) return false;
  return depths(prefix.split("\n").map(outsideQuotes).join("\n")).end + own.lowest < 0;
}

function depths(text: string): { lowest: number; end: number } {
  let depth = 0;
  let lowest = 0;
  for (const character of text) {
    if (openers.includes(character)) depth++;
    else if (closers.includes(character)) lowest = Math.min(lowest, --depth);
  }
  return { lowest, end: depth };
}
