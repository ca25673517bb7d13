// What a description of a change ("fix(parser): crash on empty input …", an issue, a request) says about files: its words,
// those of its first line told apart, the names and paths it spells out. It looks nothing up.
import { porterStem } from "../../base/porterStemmer.ts";
import { identifiersIn, queryWords } from "../keyword/analyzer.ts";
import type { QueryWord } from "../keyword/fieldSearch.ts";
import { stemOf } from "../keyword/fieldWords.ts";

export interface ChangeQuery {
  words: QueryWord[];
  /** Names as code spells them. */
  identifiers: string[];
  /** Letters and digits of the whole text, lower case, without anything between them. */
  flat: string;
  /** Lower-case words of the text. */
  plain: ReadonlySet<string>;
  /** File names and paths that it spells out. */
  paths: string[];
}

/** Words that descriptions of changes use whatever they change. */
const WORDS_OF_CHANGE = new Set((
  "add added adds adding fix fixes fixed fixing update updated updates updating change changed changes changing remove removed removes removing use used uses using support supports supported " +
  "refactor refactored feat feature chore bug make makes made now when allow allows improve improved new better cleanup minor patch merge commit pull request issue"
).split(" ").map(porterStem));

const CONVENTIONAL = /^(?:feat|fix|chore|refactor|docs?|tests?|perf|build|ci|style|revert)(?:\(([^)]*)\))?!?:\s*/i;

export function changeQuery(text: string): ChangeQuery {
  const plainText = text.replace(CONVENTIONAL, (_, scope?: string) => (scope ? `${scope} ` : ""));
  const subject = new Set(queryWords(plainText.split("\n", 1)[0] ?? "").map(stemOf));
  const all = [...new Set(queryWords(plainText, 64).map(stemOf))];
  const telling = all.filter((word) => !WORDS_OF_CHANGE.has(word));
  const lower = plainText.toLowerCase();
  return {
    words: (telling.length > 0 ? telling : all).map((word) => ({ word, weight: 1, subject: subject.has(word) })),
    identifiers: identifiersIn(plainText).slice(0, 32),
    flat: lower.replace(/[^\p{L}\p{N}]+/gu, ""),
    plain: new Set(lower.match(/[\p{L}\p{N}]+/gu) ?? []),
    paths: mentionedPaths(plainText),
  };
}

/** File names and paths that a text spells out: "src/engine/log.ts", "log.ts:41", "package.json". */
export function mentionedPaths(text: string): string[] {
  return [...new Set([...text.matchAll(/[\p{L}\p{N}_@.-]*(?:[/\\][\p{L}\p{N}_@.-]+)*\.[A-Za-z]\w{0,9}\b/gu)].map(([path]) => path.replaceAll("\\", "/").replace(/^\.?\//, "")))].filter((path) => path.length > 3).slice(0, 8);
}
