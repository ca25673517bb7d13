// `evaluate repository`: every model, quantisation and adapter on this machine against the same lines that the repository's last commits
// added, and which one to use. Each line is asked twice: its ending as the editor would complete it, and the whole line as a gap.
// Loading models, timing and memory are handed in; whether a difference is chance is told by the paired test.
import { EngineError } from "../base/errors.ts";
import { mean, meanInterval, pairedDifference, percentile } from "./intervals.ts";
import type { LineEnding } from "./completion.ts";
import { editSimilarity, exactMatch } from "./model/textMatch.ts";
import { pairedP } from "./pairedTest.ts";
import { runItems } from "./runs/runItems.ts";
import { rounded } from "./suite.ts";
import type { EvaluationHooks, EvaluationResult, Metrics } from "./suite.ts";

/** A way to complete that can be recommended. */
export interface Candidate {
  /** Shown to people: model, quantisation, adapter. */
  readonly name: string;
  /** Hash or id of all that its answers depend on. */
  readonly key: string;
  /** To use it: the model's id, and the adapter's SHA-256 or null. Null for the look-up alone. */
  readonly use: { readonly model: string; readonly adapter: string | null } | null;
  readonly sizeBytes: number;
  /** Whether it is what the user has now. */
  readonly current: boolean;
  /** Loads it, runs `work`, and lets it go. Errors: those of loading. */
  with<T>(work: (trial: CandidateTrial) => Promise<T>, signal?: AbortSignal): Promise<T>;
}

export interface CandidateTrial {
  /** As the editor completes, gate and all. */
  complete(ending: LineEnding, signal?: AbortSignal): Promise<{ text: string | null; ms: number }>;
  /** What the model alone puts into the gap that `ending`'s whole line leaves; null for the look-up. */
  fill: ((line: WholeLine, signal?: AbortSignal) => Promise<{ text: string; tokens: number; ms: number }>) | null;
  /** Resident memory of the process now, and before it was loaded; bytes. */
  memory(): { now: number; before: number };
}

/** A line as a gap. */
export interface WholeLine {
  readonly path: string;
  readonly prefix: string;
  readonly suffix: string;
  readonly expected: string;
}

interface ItemResult {
  readonly text: string | null;
  readonly shown: number;
  readonly exact: number;
  readonly ms: number;
  readonly filled: string | null;
  readonly fillExact: number | null;
  readonly fillSimilarity: number | null;
  readonly tokens: number;
  readonly fillMs: number;
}

interface Measured {
  readonly candidate: Candidate;
  readonly results: readonly (ItemResult & { id: string })[];
  /** Bytes that it took beyond what the process had; null where all of its items were known already. */
  readonly memory: number | null;
}

/** What a suggestion may take while typing (ms), for a candidate to be recommended. Our choice. */
export const MOST_MS = 400;
/** Of what stands before the caret, for the reader of an item. */
const SHOWN_CHARACTERS = 400;

/** The whole line of an ending as a gap. */
export function wholeLine({ path, prefix, suffix, expected }: LineEnding): WholeLine {
  const start = prefix.lastIndexOf("\n") + 1;
  const indent = /^[ \t]*/.exec(prefix.slice(start))?.[0] ?? "";
  return { path, prefix: prefix.slice(0, start) + indent, suffix, expected: prefix.slice(start + indent.length) + expected };
}

/** Errors: `dataInvalid` where nothing can be asked or no candidate could be loaded; CancelledError. */
export async function evaluateRepository(endings: readonly LineEnding[], candidates: readonly Candidate[], settings: Readonly<Record<string, unknown>>, hooks: EvaluationHooks = {}): Promise<EvaluationResult> {
  const began = performance.now();
  if (endings.length === 0) throw new EngineError("dataInvalid", "The last commits added no line of code that could be completed. Take more of them with --commits.");
  const measured: Measured[] = [];
  const failed: { name: string; why: string }[] = [];
  for (const [at, candidate] of candidates.entries()) {
    try {
      measured.push(await measure(candidate, endings, settings, { ...hooks, onProgress: (done, total) => hooks.onProgress?.(at * total + done, candidates.length * total) }));
    } catch (error) {
      // A model that cannot be loaded here is part of the answer.
      if (!(error instanceof EngineError)) throw error;
      failed.push({ name: candidate.name, why: error.message });
    }
  }
  if (measured.length === 0) throw new EngineError("dataInvalid", `No model could be measured: ${failed.map(({ name, why }) => `${name}: ${why}`).join(" ")}`);
  const advice = recommendation(measured);
  const best = measured.find(({ candidate }) => candidate.name === advice.name) ?? measured[0]!;
  const items = endings.map(({ id, expected, prefix }, at) => {
    const own = best.results[at];
    return {
      id, exact: own?.exact ?? 0, shown: own?.shown ?? 0, fillExact: own?.fillExact ?? 0, before: prefix.slice(-SHOWN_CHARACTERS), expected,
      ...Object.fromEntries(measured.map(({ candidate, results }) => [candidate.name, results[at]?.text ?? ""])),
    };
  });
  return {
    suite: "repository", n: endings.length, seconds: (performance.now() - began) / 1000, items,
    settings: { ...settings, model: best.candidate.name, mostMs: MOST_MS, recommendation: advice, ...(failed.length > 0 ? { failed } : {}) },
    metrics: { ...figuresOf(best), interval: intervalsOf(best), models: Object.fromEntries(measured.map((one) => [one.candidate.name, { ...figuresOf(one), interval: intervalsOf(one), ...differenceFrom(best, one) }])) },
  };
}

async function measure(candidate: Candidate, endings: readonly LineEnding[], settings: Readonly<Record<string, unknown>>, hooks: EvaluationHooks): Promise<Measured> {
  return candidate.with(async (trial) => {
    let warm = false;
    let most = 0;
    const results = await runItems<LineEnding, ItemResult>({
      items: endings, idOf: ({ id }) => id, dependsOn: { suite: "repository", version: 1, candidate: candidate.key, ...settings },
      compute: async (ending) => {
        const line = wholeLine(ending);
        // The first request of a model pays for its context, once.
        if (!warm) await trial.complete(ending, hooks.signal);
        warm = true;
        const { text, ms } = await trial.complete(ending, hooks.signal);
        const first = text?.split("\n", 1)[0]?.trimEnd() ?? null;
        const filled = trial.fill === null ? null : await trial.fill(line, hooks.signal);
        const { now, before } = trial.memory();
        most = Math.max(most, now - before);
        return {
          text, shown: Number(first !== null), exact: Number(first !== null && first === ending.expected.trimEnd()), ms: rounded(ms), filled: filled?.text ?? null,
          fillExact: filled && Number(exactMatch(filled.text, line.expected)), fillSimilarity: filled && rounded(editSimilarity(filled.text, line.expected)), tokens: filled?.tokens ?? 0, fillMs: rounded(filled?.ms ?? 0),
        };
      },
      failed: () => ({ text: null, shown: 0, exact: 0, ms: 0, filled: null, fillExact: trial.fill && 0, fillSimilarity: trial.fill && 0, tokens: 0, fillMs: 0 }),
    }, hooks);
    return { candidate, results, memory: warm ? most : null };
  }, hooks.signal);
}

function column(results: Measured["results"], name: "exact" | "shown" | "ms" | "fillExact" | "fillSimilarity"): number[] {
  return results.flatMap((row) => row[name] ?? []);
}

function figuresOf({ candidate, results, memory }: Measured): Metrics {
  const shown = results.filter((row) => row.shown === 1);
  const fillMs = results.reduce((sum, row) => sum + row.fillMs, 0);
  const orNull = (values: readonly number[]): number | null => (values.length === 0 ? null : rounded(mean(values)));
  return {
    exact: rounded(mean(column(results, "exact"))), shown: rounded(mean(column(results, "shown"))), exactOfShown: orNull(shown.map(({ exact }) => exact)),
    fillExact: orNull(column(results, "fillExact")), fillSimilarity: orNull(column(results, "fillSimilarity")),
    p50Ms: rounded(percentile(column(results, "ms"), 0.5)), p95Ms: rounded(percentile(column(results, "ms"), 0.95)),
    tokensPerSecond: fillMs === 0 ? null : rounded((1000 * results.reduce((sum, row) => sum + row.tokens, 0)) / fillMs),
    memoryMb: memory === null ? null : Math.round(memory / 1e6), fileMb: Math.round(candidate.sizeBytes / 1e6),
  };
}

function intervalsOf({ results }: Measured): Metrics {
  const fill = column(results, "fillExact");
  return { exact: meanInterval(column(results, "exact")).map(rounded), shown: meanInterval(column(results, "shown")).map(rounded), ...(fill.length > 0 ? { fillExact: meanInterval(fill).map(rounded) } : {}) };
}

function differenceFrom(best: Measured, other: Measured): Metrics {
  if (best === other) return {};
  const [a, b] = [column(best.results, "exact"), column(other.results, "exact")];
  const { difference, low, high } = pairedDifference(a, b);
  return { recommendedBetterBy: { exact: rounded(difference), interval: { exact: [rounded(low), rounded(high)] }, p: rounded(pairedP(a, b)) } };
}

export interface Recommendation {
  readonly name: string;
  readonly model: string | null;
  readonly adapter: string | null;
  /** Why, with its figures. */
  readonly sentence: string;
  /** Whether it is what the user has now. */
  readonly current: boolean;
}

/**
 * The most exact completions among those that come in time; of equals the one with more exact whole lines, then the smaller. What the user has now stays
 * recommended where nothing is better by more than chance (p < 0.05), since a change that brings nothing costs something.
 */
function recommendation(measured: readonly Measured[]): Recommendation {
  const p95 = ({ results }: Measured): number => percentile(column(results, "ms"), 0.95);
  const exact = ({ results }: Measured): number => mean(column(results, "exact"));
  const fill = ({ results }: Measured): number => mean(column(results, "fillExact")) || 0;
  const inTime = measured.filter((one) => p95(one) <= MOST_MS);
  const usable = inTime.length > 0 ? inTime : measured;
  const [top = measured[0]!] = [...usable].sort((a, b) => exact(b) - exact(a) || fill(b) - fill(a) || a.candidate.sizeBytes - b.candidate.sizeBytes);
  const current = usable.find(({ candidate }) => candidate.current);
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const told = (one: Measured): string => `${percent(exact(one))} of ${one.results.length} line endings exact, 95 % of them within ${p95(one).toFixed(0)} ms`;
  const of = (one: Measured, sentence: string): Recommendation => ({ name: one.candidate.name, model: one.candidate.use?.model ?? null, adapter: one.candidate.use?.adapter ?? null, sentence, current: one.candidate.current });
  const slow = usable.includes(measured.find(({ candidate }) => candidate.current) ?? top) ? undefined : measured.find(({ candidate }) => candidate.current);
  const late = inTime.length === 0 ? ` None comes within ${MOST_MS} ms here.` : slow ? ` ${slow.candidate.name}, which you use now, takes up to ${p95(slow).toFixed(0)} ms here.` : "";
  if (current === undefined || current === top) return of(top, `${top.candidate.name}: ${told(top)}.${current === top ? " It is what you use now." : ""}${late}`);
  const p = pairedP(column(top.results, "exact"), column(current.results, "exact"));
  if (p >= 0.05) return of(current, `Stay with ${current.candidate.name}: ${told(current)}. The best beside it, ${top.candidate.name} (${percent(exact(top))}), is not better by more than chance (p = ${p.toFixed(2)}).${late}`);
  return of(top, `${top.candidate.name} instead of ${current.candidate.name}: ${told(top)}, against ${percent(exact(current))} (p ${p < 0.001 ? "< 0.001" : `= ${p.toFixed(3)}`}).${late}`);
}
