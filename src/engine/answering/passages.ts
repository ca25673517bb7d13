// Ranks the files that search found for a question about behaviour ("which file handles …") and picks the lines that match.
// Uses search's own order as one signal among few; it does not search.
import type { SearchHit } from "../protocol/types.ts";
import type { Question } from "./question.ts";
import { splitIdentifier } from "./subjects.ts";
import { isSecondary, isTest, stem } from "./wording.ts";

/** A file with the passages of it that were found. */
export interface RankedFile {
  path: string;
  score: number;
  /** Best first. */
  passages: Passage[];
  /** Share of the question's words, weighted by rarity among the finds, that its name and passages hold, in [0, 1]. */
  coverage: number;
}

export interface Passage {
  hit: SearchHit;
  score: number;
  /** 1-based lines of the file that hold words of the question, best first, at most {@link MAXIMUM_MATCHING_LINES}. */
  matchingLines: number[];
}

const MAXIMUM_MATCHING_LINES = 3;
// Our choice, settled on questions about two repositories (test/bench/answers.ts repeats it).
const WEIGHT = { order: 1, coverage: 1.1, fileName: 0.9, symbol: 0.5, more: 0.15, secondary: 0.55 } as const;
const ORDER_OFFSET = 4;

/** The stems a question looks for. */
export function questionStems(question: Question): string[] {
  const parts = question.words.flatMap((word) => splitIdentifier(word));
  for (const subject of question.identifiers) parts.push(...splitIdentifier(subject.name), ...subject.container.flatMap(splitIdentifier));
  return [...new Set(parts.map(stem))].filter((part) => part.length > 1);
}

/** Groups `hits`, best first, by file and ranks the files. `files` are all indexed paths: a file whose name says it all may not be among the hits. */
export function rankFiles(question: Question, hits: readonly SearchHit[], preferredPath?: string): RankedFile[] {
  const stems = questionStems(question);
  const texts = hits.map((hit) => stemsOf(`${hit.breadcrumb.join(" ")} ${hit.text}`));
  const names = hits.map((hit) => stemsOf(hit.path.replace(/\.\w+$/, "")));
  // A word that every find holds tells nothing; one that few hold tells most.
  const weights = new Map(stems.map((wanted) => {
    const holding = texts.filter((text, i) => text.has(wanted) || names[i]?.has(wanted)).length;
    return [wanted, 1 + Math.log((hits.length + 1) / (holding + 1))] as const;
  }));
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0) || 1;
  const share = (present: (wanted: string) => boolean): number => [...weights].reduce((sum, [wanted, weight]) => sum + (present(wanted) ? weight : 0), 0) / total;
  const wantsTests = stems.includes("test");
  const wantsSecondary = stems.some((wanted) => ["doc", "exampl", "tutorial", "demo", "sampl", "benchmark", "legacy"].includes(wanted));

  const byFile = new Map<string, { passages: Passage[]; name: ReadonlySet<string>; all: Set<string> }>();
  hits.forEach((hit, i) => {
    const text = texts[i] ?? new Set();
    const symbols = stemsOf(hit.breadcrumb.join(" "));
    const score = WEIGHT.order * (ORDER_OFFSET / (ORDER_OFFSET + i)) + WEIGHT.coverage * share((wanted) => text.has(wanted)) + WEIGHT.symbol * share((wanted) => symbols.has(wanted));
    const entry = byFile.get(hit.path) ?? { passages: [], name: names[i] ?? new Set(), all: new Set<string>() };
    entry.passages.push({ hit, score, matchingLines: matchingLines(hit, weights) });
    for (const present of text) entry.all.add(present);
    for (const present of entry.name) entry.all.add(present);
    byFile.set(hit.path, entry);
  });

  const ranked: RankedFile[] = [];
  for (const [path, entry] of byFile) {
    entry.passages.sort((a, b) => b.score - a.score);
    const rest = entry.passages.slice(1, 3).reduce((sum, passage) => sum + passage.score, 0);
    const base = stemsOf((path.split("/").at(-1) ?? "").replace(/\.\w+$/, ""));
    // A name of which the question says every part is worth more than one it merely touches.
    const named = share((wanted) => base.has(wanted)) * (base.size === 0 ? 0 : 0.5 + 0.5 * ([...base].filter((part) => weights.has(part)).length / base.size)) + 0.4 * share((wanted) => entry.name.has(wanted) && !base.has(wanted));
    let score = (entry.passages[0]?.score ?? 0) + WEIGHT.more * rest + WEIGHT.fileName * named;
    if (isTest(path) ? !wantsTests : isSecondary(path) && !wantsSecondary) score *= WEIGHT.secondary;
    if (path === preferredPath) score *= 1.05;
    ranked.push({ path, score, passages: entry.passages, coverage: share((wanted) => entry.all.has(wanted)) });
  }
  return ranked.sort((a, b) => b.score - a.score);
}

/** The stems of all words and parts of identifiers in `text`. */
export function stemsOf(text: string): Set<string> {
  return new Set(splitIdentifier(text.slice(0, 20_000)).map(stem));
}

function matchingLines(hit: SearchHit, weights: ReadonlyMap<string, number>): number[] {
  const scored: { line: number; score: number }[] = [];
  hit.text.split("\n").forEach((line, i) => {
    if (line.trim().length < 3 || /^\s*(?:import\b|from\s.+\simport|#include|using\s|\/\/\s*eslint|[})\];]+\s*$)/.test(line)) return;
    const present = stemsOf(line.slice(0, 500));
    let score = 0;
    for (const [wanted, weight] of weights) if (present.has(wanted)) score += weight;
    // Among equals, a line that declares says more than one that mentions.
    if (score > 0 && /\b(?:function|class|def|interface|type|const|func|fn|public|private|async|export|struct|impl)\b/.test(line)) score += 0.3;
    if (score > 0) scored.push({ line: hit.startLine + i, score });
  });
  return scored.sort((a, b) => b.score - a.score || a.line - b.line).slice(0, MAXIMUM_MATCHING_LINES).map((entry) => entry.line);
}
