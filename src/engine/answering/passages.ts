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
  /** The question's telling words that neither its name nor its passages hold, as the question spells them. */
  missing: string[];
  /** How many telling words they do hold. */
  told: number;
}

export interface Passage {
  hit: SearchHit;
  score: number;
  /** 1-based lines of the file that hold words of the question, best first, at most {@link MAXIMUM_MATCHING_LINES}. Read when asked for. */
  matchingLines: () => number[];
}

const MAXIMUM_MATCHING_LINES = 3;
// Our choice, settled on questions about two repositories (test/bench/answers.ts repeats it).
const WEIGHT = { order: 1, coverage: 1.1, fileName: 0.9, symbol: 0.5, more: 0.15, secondary: 0.55 } as const;
const ORDER_OFFSET = 4;
/** Neighbouring words of the question that are neighbours in a file's or symbol's name too. */
const NEIGHBOURS = 0.35;
/** Words that mean nearly the same in code; one counts this much for another. */
const SYNONYM_SHARE = 0.6;
const SYNONYMS = [
  "store save persist write insert add put", "delete remove clear drop discard erase", "create make build construct new generate", "get fetch load read retrieve obtain", "send post emit publish dispatch transmit",
  "show render display draw present print", "check validate verify ensure assert", "start init setup launch bootstrap begin run", "stop cancel abort halt end kill", "error exception failure fail",
  "parse decode deserialize read", "encode serialize dump write stringify", "connect open socket", "config setting option preference", "change update modify edit set", "compute calculate count measure",
  "convert transform map translate", "find search lookup query match", "split chunk cut divide", "login auth authenticate signin", "download pull fetch", "list enumerate all",
  "detect check recognize discover", "choose select pick decide", "wait delay sleep debounce throttle", "watch observe listen subscribe monitor", "score rank rate rerank",
  "register add subscribe", "trim strip clean sanitize", "merge combine join concat fuse", "log report print trace", "retry reconnect repeat again", "train fit finetune learn", "test evaluate benchmark",
].map((group) => new Set(group.split(" ").map(stem)));
const GENERIC_WORDS = "shown new use make handle manage process perform run user happen respect exist work code data value current different various correct proper automatic first last main actual really default " +
  "long short big large small many few other same good bad full empty whole difference turn them back away";
/** Of the groups above, what names things rather than actions. */
const NOUNS = new Set("chunk error exception failure config setting option preference socket score log report test benchmark query login auth list".split(" ").map(stem));
/** Words that name actions or nothing in particular. */
const GENERIC = new Set([...SYNONYMS.flatMap((group) => [...group]), ...GENERIC_WORDS.split(" ").map(stem)].filter((word) => !NOUNS.has(word)));
const GENERIC_WEIGHT = 0.8;
/** A word that no find holds: it may be the asker's own, or the very thing that is not here. */
const ABSENT_WEIGHT = 3.5;
const PASSAGES_PER_FILE = 10;
/** Files that list names rather than do things. */
const LISTS_ONLY = /(?:^|\/)(?:constants?|types?|enums?|__init__|index\.d)\.\w+$|\.d\.ts$|(?:^|\/)locales?\//;
const LISTS_SHARE = 0.85;

/** The stems a question looks for. */
export function questionStems(question: Question): string[] {
  const parts = question.words.flatMap((word) => splitIdentifier(word));
  for (const subject of question.identifiers) parts.push(...splitIdentifier(subject.name), ...subject.container.flatMap(splitIdentifier));
  return [...new Set(parts.map(stem))].filter((part) => part.length > 1);
}

/** Groups `hits`, best first, by file and ranks the files. `nFiles` is how many the workspace has: what is rare among the finds need not be rare there. */
export function rankFiles(question: Question, hits: readonly SearchHit[], { preferredPath, nFiles = hits.length }: { preferredPath?: string; nFiles?: number } = {}): RankedFile[] {
  const stems = questionStems(question);
  const texts = hits.map((hit) => stemsOf(`${hit.breadcrumb.join(" ")} ${hit.text}`));
  const names = hits.map((hit) => stemsOf(hit.path.replace(/\.\w+$/, "")));
  // What few passages of the workspace hold tells most; their number is estimated from that of the files.
  const nPassages = Math.max(hits.length, PASSAGES_PER_FILE * nFiles);
  const weights = new Map(stems.map((wanted) => {
    const holding = texts.filter((text, i) => text.has(wanted) || names[i]?.has(wanted)).length;
    // Verbs are chosen freely by who asks; nouns are mostly those of the code.
    if (GENERIC.has(wanted)) return [wanted, GENERIC_WEIGHT] as const;
    return [wanted, holding === 0 ? ABSENT_WEIGHT : 1 + Math.log((nPassages + 1) / (holding + 1))] as const;
  }));
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0) || 1;
  const share = (present: (wanted: string) => boolean): number => [...weights].reduce((sum, [wanted, weight]) => sum + (present(wanted) ? weight : SYNONYM_SHARE * weight * Number(synonymsOf(wanted).some(present))), 0) / total;
  const pairs = question.runs.flatMap((run) => run.slice(1).map((word, i) => `${stem(run[i] ?? "")} ${stem(word)}`));
  const wantsTests = stems.includes("test");
  const wantsSecondary = stems.some((wanted) => ["doc", "exampl", "tutorial", "demo", "sampl", "benchmark", "legacy"].includes(wanted));

  const byFile = new Map<string, { passages: Passage[]; name: ReadonlySet<string>; all: Set<string> }>();
  hits.forEach((hit, i) => {
    const text = texts[i] ?? new Set();
    const symbols = stemsOf(hit.breadcrumb.join(" "));
    const score = WEIGHT.order * (ORDER_OFFSET / (ORDER_OFFSET + i)) + WEIGHT.coverage * share((wanted) => text.has(wanted)) + WEIGHT.symbol * share((wanted) => symbols.has(wanted));
    const entry = byFile.get(hit.path) ?? { passages: [], name: names[i] ?? new Set(), all: new Set<string>() };
    entry.passages.push({ hit, score, matchingLines: () => matchingLines(hit, weights) });
    for (const present of text) entry.all.add(present);
    for (const present of entry.name) entry.all.add(present);
    byFile.set(hit.path, entry);
  });

  const ranked: RankedFile[] = [];
  for (const [path, entry] of byFile) {
    entry.passages.sort((a, b) => b.score - a.score);
    const rest = entry.passages.slice(1, 3).reduce((sum, passage) => sum + passage.score, 0);
    const base = new Set(splitIdentifier((path.split("/").at(-1) ?? "").replace(/\.\w+$/, "")).map(stem));
    // A name of which the question says every part is worth more than one it merely touches.
    const named = share((wanted) => base.has(wanted)) * (base.size === 0 ? 0 : 0.5 + 0.5 * ([...base].filter((part) => weights.has(part)).length / base.size)) + 0.4 * share((wanted) => entry.name.has(wanted) && !base.has(wanted));
    const names = [path.split("/").at(-1) ?? "", ...entry.passages.slice(0, 3).map((passage) => passage.hit.breadcrumb.at(-1) ?? "")].map((name) => splitIdentifier(name).map(stem).join(" "));
    const neighbours = pairs.filter((pair) => names.some((name) => ` ${name} `.includes(` ${pair} `))).length;
    let score = (entry.passages[0]?.score ?? 0) + WEIGHT.more * rest + WEIGHT.fileName * named + NEIGHBOURS * Math.min(2, neighbours);
    if (isTest(path) ? !wantsTests : isSecondary(path) && !wantsSecondary) score *= WEIGHT.secondary;
    if (LISTS_ONLY.test(path)) score *= LISTS_SHARE;
    if (path === preferredPath) score *= 1.05;
    const telling = question.words.filter((word) => splitIdentifier(word).map(stem).every((part) => !GENERIC.has(part)));
    const missing = telling.filter((word) => splitIdentifier(word).map(stem).every((part) => !entry.all.has(part) && !synonymsOf(part).some((other) => entry.all.has(other))));
    ranked.push({ path, score, passages: entry.passages, coverage: share((wanted) => entry.all.has(wanted)),
      missing, told: telling.length - missing.length + question.identifiers.length,
    });
  }
  return ranked.sort((a, b) => b.score - a.score);
}

function synonymsOf(wanted: string): string[] {
  return SYNONYMS.flatMap((group) => (group.has(wanted) ? [...group] : []));
}

/** The stems of all words and parts of identifiers in `text`, and of the identifiers as one word: "reStructuredText" is "restructuredtext" too. */
export function stemsOf(text: string): Set<string> {
  const stems = new Set<string>();
  for (const [word] of text.slice(0, 20_000).matchAll(/[\p{L}\p{N}]+/gu)) {
    const parts = splitIdentifier(word);
    for (const part of parts) stems.add(stem(part));
    if (parts.length > 1) stems.add(stem(word));
  }
  return stems;
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
