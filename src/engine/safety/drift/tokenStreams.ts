// What of a code's tokens is judged as a sequence: once with its names, once with only their shapes and the layout.
import { nameParts, nameShape } from "./codeTokens.ts";
import type { CodeToken } from "./codeTokens.ts";

/** Deepest change of indentation that is told apart, in columns. */
const DEEPEST = 12;

/** Tokens with their names as written; layout only as deeper, same or shallower. What the code speaks of. */
export function lexicalStream(tokens: readonly CodeToken[]): string[] {
  return tokens.map((token) => {
    switch (token.kind) {
      case "newline": return token.deeper > 0 ? "\n>" : token.deeper < 0 ? "\n<" : "\n";
      case "number": return token.text.length === 1 ? token.text : "0";
      case "string": return token.words.length === 1 ? `"${token.words[0]!}` : "\"";
      case "comment": return "#";
      default: return token.text;
    }
  });
}

/** Tokens with names as shapes, operators with the space before them, newlines with the exact step in columns. How it is laid out. */
export function layoutStream(tokens: readonly CodeToken[]): string[] {
  return tokens.map((token) => {
    const space = token.spaced ? " " : "";
    switch (token.kind) {
      case "newline": return `\n${Math.max(-DEEPEST, Math.min(DEEPEST, token.deeper))}${token.blank > 0 ? `+${Math.min(2, token.blank)}` : ""}`;
      case "name": return `${space}${nameShape(token.text)}`;
      case "number": return `${space}0`;
      default: return space + token.text;
    }
  });
}

/** The words of names, strings and comments, in lower case, with how often each stands there. */
export function wordBag(tokens: readonly CodeToken[]): Map<string, number> {
  const bag = new Map<string, number>();
  const add = (word: string): void => void bag.set(word, (bag.get(word) ?? 0) + 1);
  for (const token of tokens) {
    if (token.kind === "name") for (const part of nameParts(token.text)) add(part);
    for (const word of token.words) for (const part of nameParts(word)) add(part);
  }
  return bag;
}

/** The different names in code, without those of one letter, in order of appearance. */
export function namesOf(tokens: readonly CodeToken[]): string[] {
  return [...new Set(tokens.filter(({ kind, text }) => kind === "name" && text.length > 1).map(({ text }) => text))];
}
