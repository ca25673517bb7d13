// Decides whether a place wants the rest of one line or a block of several. It looks at text only, not at a syntax tree.
import { indentationOf } from "./placement.ts";

export type LineRule = "single" | "multi";

/**
 * "multi" where a block is open and empty (the line above or the caret's own line opens it and nothing deeper follows)
 * or where the caret stands on a blank line between blank lines; "single" everywhere else.
 */
export function lineRuleAt(prefix: string, suffix: string): LineRule {
  const lineStart = prefix.lastIndexOf("\n") + 1;
  const linePrefix = prefix.slice(lineStart);
  const end = suffix.indexOf("\n");
  const lineSuffix = end < 0 ? suffix : suffix.slice(0, end);
  if (!/^[\s)\]}>;,:'"`]*$/.test(lineSuffix)) return "single";
  const following = end < 0 ? undefined : suffix.slice(end + 1).split("\n").find((line) => line.trim() !== "");
  const followingIndent = following === undefined ? -1 : indentationOf(following);
  if (linePrefix.trim() === "") {
    const above = prefix.slice(0, Math.max(0, lineStart - 1)).split("\n").reverse().find((line) => line.trim() !== "");
    if (above === undefined) return "single";
    const opens = /(?:[{([:]|=>|\bthen|\bdo)\s*$/.test(above);
    return opens && followingIndent <= indentationOf(above) ? "multi" : "single";
  }
  if (lineSuffix.trim() !== "") return "single";
  const declares = /^\s*(?:export |default |async |public |private |protected |static )*(?:function|class|def|interface|enum|struct|fn|func|impl)\b/.test(linePrefix);
  return declares && followingIndent <= indentationOf(linePrefix) ? "multi" : "single";
}

/** Whether the caret's line, completed by `text`, opens a block in which nothing stands yet. */
export function opensEmptyBlock(prefix: string, text: string, suffix: string): boolean {
  const end = suffix.indexOf("\n");
  if ((end < 0 ? suffix : suffix.slice(0, end)).trim() !== "") return false;
  const line = prefix.slice(prefix.lastIndexOf("\n") + 1) + text;
  if (!/(?:[{([]|=>|\)\s*(?:->[^:]*)?:|\b(?:else|try|finally):)\s*$/.test(line)) return false;
  const following = end < 0 ? undefined : suffix.slice(end + 1).split("\n").find((candidate) => candidate.trim() !== "");
  return following === undefined || indentationOf(following) <= indentationOf(line);
}
