// Calls of a function with literal arguments, found in text: docstring examples, asserts that samples brought along. Whether
// an example of the prompt holds is what is known best of all; those of samples are guesses that only count together.
import { readArguments, readValue } from "./literals.ts";
import type { Value } from "./literals.ts";

export interface Example {
  readonly inputs: readonly Value[];
  /** What the text says comes out; absent where it only calls. */
  readonly expected?: Value;
}

const MOST_EXAMPLES = 400;

/** The calls of `name` in `text` whose arguments are literals, with what is said to come out: `==`, `is`, `returns`, an arrow, the line after `>>>`. */
export function examplesIn(text: string, name: string): Example[] {
  const found: Example[] = [];
  const call = new RegExp(`(?<![\\w.])${name.replace(/[$]/g, "\\$&")}\\s*\\(`, "g");
  for (const match of text.matchAll(call)) {
    if (found.length >= MOST_EXAMPLES) break;
    const open = match.index + match[0].length;
    const read = readArguments(text.slice(open, open + 4_000));
    if (read === null) continue;
    const before = text.slice(text.lastIndexOf("\n", match.index) + 1, match.index);
    const expected = expectedAfter(text.slice(open + read.end, open + read.end + 2_000), before);
    if (/\b(?:def|function)\s+$/.test(before)) continue;
    found.push({ inputs: read.values, ...(expected ? { expected } : {}) });
  }
  return found;
}

function expectedAfter(after: string, before: string): Value | undefined {
  const negated = /\bassert\s+not\s+$|assert(?:False|\.equal\(false,)\s*\($/.test(before);
  const said = /^\s*(?:===?|is|equals|=>|->|➞|→|⇒|returns?|should (?:be|return|equal)|#\s*(?:=>|->|returns)?|\/\/\s*(?:=>|->|returns)?)\s*(?![=])/.exec(after);
  // A doctest's answer stands on the line below.
  const below = /^\s*\n\s*(?!>>>)/.exec(after);
  const rest = said ? after.slice(said[0].length) : />>>\s*(?:print\s*\(\s*)?$/.test(before) && below ? after.slice(below[0].length) : /(?:assertEquals?|expect|\bassert_equal|\bstrictEqual|\bdeepEqual|\bequal)\s*\(\s*$/.test(before) ? after.replace(/^\s*(?:\)\s*\.\s*(?:toBe|toEqual|toStrictEqual)\s*\(|,)/, "") : null;
  if (rest !== null) {
    const read = readValue(rest);
    // "== 3 * n" is no literal.
    return read && /^\s*(?:$|[\n,;)#.]|\/\/|"""|'''|and\b|for\b)/.test(rest.slice(read.end)) ? read.value : undefined;
  }
  if (negated) return { kind: "bool", value: false };
  // `assert f(2)` says that it is true.
  return /\bassert\s+$/.test(before) && /^\s*(?:$|[\n,;#])/.test(after) ? { kind: "bool", value: true } : undefined;
}
