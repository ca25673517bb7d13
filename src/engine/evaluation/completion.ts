// `evaluate completion`: a repository as its own benchmark. Endings of lines that its last commits added are to be completed, with the
// look-up knowing the repository as it stood before them. Nothing of the answer was ever seen by index, look-up or training.
import { EngineError, throwIfCancelled } from "../base/errors.ts";
import { SeededRandom } from "../base/random.ts";
import { mean, meanInterval, pairedMetrics, percentile } from "./intervals.ts";
import { rounded } from "./suite.ts";
import type { EvaluationHooks, EvaluationResult, Metrics } from "./suite.ts";

export interface HistoryText {
  readonly path: string;
  readonly text: string;
  /** 1-based numbers of the lines that the last commits added. */
  readonly added: readonly number[];
}

export interface LineEnding {
  readonly id: string;
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly prefix: string;
  readonly suffix: string;
  readonly expected: string;
}

/** A way to complete: a model with the look-up beside it, or the look-up alone. */
export interface Completer {
  readonly name: string;
  complete(ending: LineEnding, signal?: AbortSignal): Promise<{ text: string | null; ms: number }>;
}

/** As an editor clips what it sends. */
const [CLIP_PREFIX, CLIP_SUFFIX] = [32_768, 8_192] as const;
const LONGEST_LINE = 160;
/** Of what stands before the caret, for the reader of an item. */
const SHOWN_CHARACTERS = 400;
const COMMENT = /^\s*(?:\/\/|#|\*|\/\*|--|;|%|<!--|"""|''')/;

/** `n` endings, at most one a line, drawn evenly by `seed`, in the order of path and line. */
export function lineEndings(texts: readonly HistoryText[], { n, seed }: { n: number; seed: number }): LineEnding[] {
  const eligible = texts.flatMap(({ path, text, added }) => {
    const lines = text.split("\n");
    return added.flatMap((line) => {
      const full = lines[line - 1] ?? "";
      return full.length <= LONGEST_LINE && !COMMENT.test(full) && !/\s$/.test(full) && cuts(full).length > 0 ? [{ path, text, line, full }] : [];
    });
  });
  const random = new SeededRandom(seed);
  return random.shuffle(eligible).slice(0, n).map(({ path, text, line, full }) => {
    const columns = cuts(full);
    const column = columns[random.integer(columns.length)] ?? 0;
    let start = 0;
    for (let i = 1; i < line; i++) start = text.indexOf("\n", start) + 1;
    return {
      id: `${path}:${line}`, path, line, column, expected: full.slice(column),
      prefix: text.slice(Math.max(0, start + column - CLIP_PREFIX), start + column), suffix: text.slice(start + full.length, start + full.length + CLIP_SUFFIX),
    };
  }).sort((a, b) => a.path.localeCompare(b.path) || a.line - b.line);
}

/** Word boundaries at which `line` may be cut: behind its first word, with two characters or more after it. */
function cuts(line: string): number[] {
  const indent = line.length - line.trimStart().length;
  return [...line.matchAll(/\b/g)].map(({ index }) => index).filter((column) => column > indent && line.slice(column).trim().length >= 2);
}

/** The first completer is the headline; the others are its ablations. Errors: `dataInvalid` where nothing can be asked. */
export async function evaluateCompletion(endings: readonly LineEnding[], completers: readonly Completer[], settings: Readonly<Record<string, unknown>>, hooks: EvaluationHooks = {}): Promise<EvaluationResult> {
  const began = performance.now();
  if (endings.length === 0) throw new EngineError("dataInvalid", "The last commits added no line of code that could be completed. Take more of them with --commits.");
  const rows = new Map<string, { shown: number; exact: number; ms: number; text: string | null }[]>();
  let done = 0;
  for (const completer of completers) {
    const own: { shown: number; exact: number; ms: number; text: string | null }[] = [];
    for (const ending of endings) {
      throwIfCancelled(hooks.signal);
      const { text, ms } = await completer.complete(ending, hooks.signal);
      const first = text?.split("\n", 1)[0]?.trimEnd() ?? null;
      own.push({ shown: Number(first !== null), exact: Number(first !== null && first === ending.expected.trimEnd()), ms, text });
      hooks.onProgress?.(++done, endings.length * completers.length);
    }
    rows.set(completer.name, own);
  }
  const metricsOf = (name: string): Metrics => {
    const own = rows.get(name) ?? [];
    const shown = own.filter((row) => row.shown === 1);
    return {
      shown: rounded(mean(own.map((row) => row.shown))), exactOfShown: shown.length === 0 ? null : rounded(mean(shown.map(({ exact }) => exact))), exact: rounded(mean(own.map(({ exact }) => exact))),
      p50Ms: rounded(percentile(own.map(({ ms }) => ms), 0.5)), p95Ms: rounded(percentile(own.map(({ ms }) => ms), 0.95)),
    };
  };
  const [headline] = completers;
  const first = rows.get(headline?.name ?? "") ?? [];
  const items = endings.map(({ id, expected, prefix }, at) => ({ id, before: prefix.slice(-SHOWN_CHARACTERS), exact: first[at]?.exact ?? 0, shown: first[at]?.shown ?? 0, expected, text: first[at]?.text ?? null, ms: rounded(first[at]?.ms ?? 0) }));
  const shown = first.filter((row) => row.shown === 1).map(({ exact }) => exact);
  return {
    suite: "completion", n: endings.length, seconds: (performance.now() - began) / 1000, items, settings: { ...settings, completers: completers.map(({ name }) => name) },
    metrics: {
      ...metricsOf(headline?.name ?? ""), interval: { shown: meanInterval(first.map((row) => row.shown)).map(rounded), exact: meanInterval(first.map(({ exact }) => exact)).map(rounded), ...(shown.length > 0 ? { exactOfShown: meanInterval(shown).map(rounded) } : {}) },
      ...(completers.length > 1 ? { by: Object.fromEntries(completers.map(({ name }, at) => [name, at === 0 ? metricsOf(name) : { ...metricsOf(name), headlineBetterBy: pairedMetrics("exact", first.map(({ exact }) => exact), (rows.get(name) ?? []).map(({ exact }) => exact)) }])) } : {}),
    },
  };
}

/** Of several results on the same endings, which to use: the most exact completions among those that come in time. */
export function recommend(results: readonly { readonly name: string; readonly exact: number; readonly p95Ms: number }[], mostMs: number): string | null {
  const inTime = results.filter(({ p95Ms }) => p95Ms <= mostMs);
  return [...inTime].sort((a, b) => b.exact - a.exact || a.p95Ms - b.p95Ms)[0]?.name ?? null;
}
