// evaluate drift: does the check tell a project's own code from another project's in the same language, does it notice lines
// out of order, and does it flag own code as rarely as it says? Own files are parted four ways: each part is judged by a model
// and a threshold that come from the other three, so that every own snippet is judged once by what has never seen its file.
import { EngineError } from "../base/errors.ts";
import { SeededRandom } from "../base/random.ts";
import { auroc, aurocInterval, groupedInterval } from "./auroc.ts";
import type { Scored } from "./auroc.ts";
import { readDriftSet } from "./driftSet.ts";
import type { DriftFile } from "./driftSet.ts";
import { LexicalBaseline } from "./driftBaseline.ts";
import { rounded } from "./suite.ts";
import type { EvaluationHooks, EvaluationResult, Metrics } from "./suite.ts";

export interface DriftSnippet {
  readonly path: string;
  readonly startLine: number;
  readonly text: string;
}

export interface DriftJudgement {
  readonly score: number;
  /** The larger, the more foreign; by name of the check. */
  readonly checks: Readonly<Record<string, number>>;
}

/** What is measured: a model fitted to own files. */
export interface DriftJudge {
  /** The score above which a snippet is flagged; null where there were too few snippets to say. */
  threshold(rate: number): number | null;
  judge(text: string): Promise<DriftJudgement>;
}

export interface DriftFunctions {
  /** The language that most files are in, and whether a file is in it. */
  languageOf(path: string): string;
  fit(language: string, files: readonly DriftFile[], signal?: AbortSignal): Promise<DriftJudge | null>;
  snippets(files: readonly DriftFile[], most: number): readonly DriftSnippet[];
  readonly settings: Readonly<Record<string, unknown>>;
}

const FOLDS = 4;
const RATE = 0.05;
const MOST_FILES = 200;
const MOST_OWN = 400;
const MOST_OTHER = 300;
/** Non-blank lines of a snippet, by the upper end of each class. */
const LENGTHS: readonly (readonly [name: string, most: number])[] = [["10-19 lines", 19], ["20-39 lines", 39], ["40-60 lines", Infinity]];

type Kind = "own" | "other" | "shuffled";

interface Item {
  readonly kind: Kind;
  readonly path: string;
  readonly startLine: number;
  readonly lines: number;
  readonly score: number;
  readonly flagged: boolean | null;
  readonly lexical: number;
  readonly checks: Readonly<Record<string, number>>;
}

export async function evaluateDrift(folder: string, functions: DriftFunctions, hooks: EvaluationHooks = {}): Promise<EvaluationResult> {
  const started = performance.now();
  const set = await readDriftSet(folder);
  const language = commonLanguage(set.own, functions);
  const inLanguage = (files: readonly DriftFile[], seed: number): DriftFile[] => new SeededRandom(seed).shuffle(files.filter((file) => functions.languageOf(file.path) === language)).slice(0, MOST_FILES);
  const own = inLanguage(set.own, 1), other = inLanguage(set.other, 2);
  if (own.length < FOLDS || other.length === 0) throw new EngineError("dataInvalid", `"own" holds ${own.length} files in ${language} and "other" ${other.length}; at least ${FOLDS} and 1 are needed. Add files of one language.`, { language });
  const ownSnippets = functions.snippets(own, MOST_OWN), otherSnippets = functions.snippets(other, MOST_OTHER);
  if (ownSnippets.length === 0 || otherSnippets.length === 0) throw new EngineError("dataInvalid", `The files in ${language} hold no snippets of at least ten lines on ${ownSnippets.length === 0 ? "own" : "the other"} side. Add longer files.`);
  const foldOf = new Map(own.map((file, at) => [file.path, at % FOLDS]));
  const items: Item[] = [];
  const total = ownSnippets.length * 2 + otherSnippets.length;
  for (let fold = 0; fold < FOLDS; fold++) {
    const known = own.filter((file) => foldOf.get(file.path) !== fold);
    const judge = await functions.fit(language, known, hooks.signal);
    if (judge === null) continue;
    const baseline = new LexicalBaseline(known.map(({ text }) => text));
    const threshold = judge.threshold(RATE);
    const random = new SeededRandom(fold + 1);
    const judged = async (kind: Kind, { path, startLine, text }: DriftSnippet): Promise<void> => {
      const { score, checks } = await judge.judge(text);
      items.push({ kind, path, startLine, lines: text.split("\n").filter((line) => line.trim() !== "").length, score, flagged: threshold === null ? null : score > threshold, lexical: baseline.distance(text), checks });
      hooks.signal?.throwIfAborted();
      hooks.onProgress?.(items.length, total);
    };
    for (const snippet of ownSnippets) if (foldOf.get(snippet.path) === fold) {
      await judged("own", snippet);
      await judged("shuffled", { ...snippet, text: random.shuffle(snippet.text.split("\n")).join("\n") });
    }
    for (const [at, snippet] of otherSnippets.entries()) if (at % FOLDS === fold) await judged("other", snippet);
  }
  return {
    suite: "drift", n: items.length, metrics: metricsOf(items),
    settings: { ...functions.settings, language, ownFiles: own.length, otherFiles: other.length, folds: FOLDS, rate: RATE, unit: "snippet of whole statements, 10 to 60 lines that hold anything" },
    seconds: (performance.now() - started) / 1000, items: items.map((item) => ({ id: `${item.kind}/${item.path}:${item.startLine}`, ...item })),
  };
}

function commonLanguage(files: readonly DriftFile[], functions: DriftFunctions): string {
  const sizes = new Map<string, number>();
  for (const { path, text } of files) {
    const language = functions.languageOf(path);
    if (!["plaintext", "markdown", "json", "yaml", "toml"].includes(language)) sizes.set(language, (sizes.get(language) ?? 0) + text.length);
  }
  const [first] = [...sizes].sort((a, b) => b[1] - a[1]);
  if (!first) throw new EngineError("dataInvalid", "The folder \"own\" holds no source files of a language that is known by its file names.", {});
  return first[0];
}

function metricsOf(items: readonly Item[]): Metrics {
  const cases = (kind: Kind, score: (item: Item) => number, of: readonly Item[] = items): Scored[] =>
    of.filter((item) => item.kind === "own" || item.kind === kind).map((item) => ({ score: score(item), positive: item.kind === kind, group: `${item.kind === "other" ? "other" : "own"}/${item.path}` }));
  const combined = (item: Item): number => item.score, lexical = (item: Item): number => item.lexical;
  const interval = (bounds: readonly [number, number]): number[] => bounds.map(rounded);
  const flagged = (of: readonly Item[]): number => of.length === 0 ? NaN : of.filter((item) => item.flagged === true).length / of.length;
  const own = items.filter((item) => item.kind === "own" && item.flagged !== null).map((item) => ({ ...item, group: item.path }));
  const names = Object.keys(items[0]?.checks ?? {});
  return {
    auroc: rounded(auroc(cases("other", combined))),
    lexicalAuroc: rounded(auroc(cases("other", lexical))),
    shuffledAuroc: rounded(auroc(cases("shuffled", combined))),
    shuffledLexicalAuroc: rounded(auroc(cases("shuffled", lexical))),
    falsePositiveRate: rounded(flagged(own)),
    statedRate: RATE,
    flaggedOther: rounded(flagged(items.filter((item) => item.kind === "other" && item.flagged !== null))),
    flaggedShuffled: rounded(flagged(items.filter((item) => item.kind === "shuffled" && item.flagged !== null))),
    nOwn: items.filter(({ kind }) => kind === "own").length, nOther: items.filter(({ kind }) => kind === "other").length,
    interval: {
      auroc: interval(aurocInterval(cases("other", combined))), lexicalAuroc: interval(aurocInterval(cases("other", lexical))),
      shuffledAuroc: interval(aurocInterval(cases("shuffled", combined))), falsePositiveRate: interval(groupedInterval(own, flagged)),
    },
    checks: Object.fromEntries(names.map((name) => [name, { auroc: rounded(auroc(cases("other", (item) => item.checks[name]!))), shuffledAuroc: rounded(auroc(cases("shuffled", (item) => item.checks[name]!))) }])),
    byLength: Object.fromEntries(LENGTHS.map(([name, most], at) => {
      const of = items.filter(({ lines }) => lines <= most && lines > (LENGTHS[at - 1]?.[1] ?? 0));
      return [name, { n: of.length, auroc: rounded(auroc(cases("other", combined, of))), shuffledAuroc: rounded(auroc(cases("shuffled", combined, of))), falsePositiveRate: rounded(flagged(of.filter((item) => item.kind === "own" && item.flagged !== null))) }];
    })),
  };
}
