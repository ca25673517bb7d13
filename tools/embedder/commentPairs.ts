// Pairs from comments inside code: what a comment says and the lines below it. Scans lines, parses nothing, reads no files.

export interface CommentPair {
  query: string;
  code: string;
}

/** Lines of code that a comment speaks of. */
const COMMENTED_LINES = 10;
const MOST_WORDS = 40;
const FEWEST_WORDS = 3;
const FEWEST_CHARACTERS = 60;

/** All telling comments of a source text, each with the lines below it. */
export function commentPairs(text: string): CommentPair[] {
  const lines = text.split("\n");
  const found: CommentPair[] = [];
  for (let i = 0; i < lines.length; i++) {
    const comment: string[] = [];
    let next = i;
    for (let said = commentOn(lines[next]); said !== null; said = commentOn(lines[next])) {
      comment.push(said);
      next++;
    }
    if (comment.length === 0) continue;
    const query = comment.join(" ").trim();
    const code = lines.slice(next, next + COMMENTED_LINES).join("\n");
    if (isTelling(query) && code.trim().length >= FEWEST_CHARACTERS) found.push({ query, code });
    i = next;
  }
  return found;
}

function commentOn(line: string | undefined): string | null {
  return line === undefined ? null : /^\s*(?:#|\/\/)\s?(.*)$/.exec(line)?.[1]?.trim() ?? null;
}

/** False for licences, marks for tools, rules of dashes and code that was commented out. */
function isTelling(comment: string): boolean {
  const words = comment.match(/[A-Za-z]{2,}/g) ?? [];
  if (words.length < FEWEST_WORDS || words.length > MOST_WORDS) return false;
  if (/copyright|licen[sc]e|eslint|pylint|noqa|istanbul|@ts-|type:|todo|fixme|https?:|[;{}]\s*$|=>|^\W{3}/i.test(comment)) return false;
  return comment.replace(/[^A-Za-z ]/g, "").length > 0.8 * comment.length;
}
