// `evaluate latency`: how long the things take that a user waits for, on the folder that is open. The first of each is told apart:
// it pays for what later ones find prepared.
import { throwIfCancelled } from "../base/errors.ts";
import { SeededRandom } from "../base/random.ts";
import { percentile } from "./intervals.ts";
import { rounded } from "./suite.ts";
import type { EvaluationHooks, EvaluationResult, Metrics } from "./suite.ts";

/** What is timed. `firstToken` is null where the model writes no prose. */
export interface TimedEngine {
  search(query: string): Promise<void>;
  ask(question: string): Promise<{ cardMs: number; firstTokenMs: number | null; checksMs: number }>;
  complete(place: CompletionPlace): Promise<void>;
}

export interface CompletionPlace {
  readonly path: string;
  readonly language: string;
  readonly prefix: string;
  readonly suffix: string;
  /** 1-based. */
  readonly line: number;
  /** 0-based, in UTF-16 units. */
  readonly column: number;
}

export interface LatencyCases {
  /** Files of the folder whose lines are completed. */
  readonly files: readonly { readonly path: string; readonly language: string; readonly text: string }[];
  /** Names that the folder defines, to ask about. */
  readonly names: readonly string[];
}

const QUESTIONS = [(name: string) => `Where is ${name} defined?`, (name: string) => `What does ${name} do?`, (name: string) => `Who uses ${name}?`] as const;
/** As an editor clips what it sends. */
const [CLIP_PREFIX, CLIP_SUFFIX] = [32_768, 8_192] as const;

/** Times `n` of each, drawn by `seed`. */
export async function evaluateLatency(cases: LatencyCases, engine: TimedEngine, { n, seed }: { n: number; seed: number }, settings: Readonly<Record<string, unknown>>, hooks: EvaluationHooks = {}): Promise<EvaluationResult> {
  const began = performance.now();
  const random = new SeededRandom(seed);
  const timings: Record<string, number[]> = { search: [], card: [], firstToken: [], answer: [], checks: [], completion: [] };
  const items: Record<string, unknown>[] = [];
  const total = n * 3;
  const time = async (work: () => Promise<void>): Promise<number> => {
    const begun = performance.now();
    await work();
    return performance.now() - begun;
  };
  const step = (): void => {
    throwIfCancelled(hooks.signal);
    hooks.onProgress?.(items.length, total);
  };
  const names = cases.names.length > 0 ? cases.names : ["main"];
  for (let i = 0; i < n; i++) {
    const query = `${names[random.integer(names.length)] ?? ""} ${names[random.integer(names.length)] ?? ""}`;
    const ms = await time(() => engine.search(query));
    timings["search"]?.push(ms);
    items.push({ id: `search/${i}`, kind: "search", text: query, ms });
    step();
  }
  for (let i = 0; i < n; i++) {
    const question = (QUESTIONS[i % QUESTIONS.length] ?? QUESTIONS[0])(names[random.integer(names.length)] ?? "main");
    const begun = performance.now();
    const { cardMs, firstTokenMs, checksMs } = await engine.ask(question);
    const ms = performance.now() - begun;
    timings["answer"]?.push(ms);
    timings["card"]?.push(cardMs);
    timings["checks"]?.push(checksMs);
    if (firstTokenMs !== null) timings["firstToken"]?.push(firstTokenMs);
    items.push({ id: `answer/${i}`, kind: "answer", text: question, ms, cardMs, firstTokenMs, checksMs });
    step();
  }
  const places = cases.files.length > 0 ? Array.from({ length: n }, () => placeIn(cases.files[random.integer(cases.files.length)]!, random)) : [];
  for (const [i, place] of places.entries()) {
    const ms = await time(() => engine.complete(place));
    timings["completion"]?.push(ms);
    items.push({ id: `completion/${i}`, kind: "completion", text: place.path, ms });
    step();
  }
  const cold: Record<string, number> = {};
  const metrics: Record<string, Metrics> = {};
  for (const [name, all] of Object.entries(timings)) {
    const [first, ...rest] = all;
    if (first === undefined) continue;
    cold[name] = rounded(first);
    if (rest.length > 0) metrics[name] = { p50: rounded(percentile(rest, 0.5)), p95: rounded(percentile(rest, 0.95)), n: rest.length };
  }
  return { suite: "latency", n: items.length, seconds: (performance.now() - began) / 1000, items, settings: { ...settings, unit: "ms", seed }, metrics: { ...metrics, cold } };
}

/** A caret within a line that has something on it. */
function placeIn({ path, language, text }: LatencyCases["files"][number], random: SeededRandom): CompletionPlace {
  const lines = text.split("\n");
  const full = lines.map((line, at) => ({ line, at })).filter(({ line }) => line.trim().length >= 8);
  const { line, at } = full[random.integer(Math.max(1, full.length))] ?? { line: lines[0] ?? "", at: 0 };
  const column = Math.floor(line.length / 2);
  const offset = lines.slice(0, at).reduce((sum, earlier) => sum + earlier.length + 1, 0) + column;
  return { path, language, line: at + 1, column, prefix: text.slice(Math.max(0, offset - CLIP_PREFIX), offset), suffix: text.slice(offset + (line.length - column), offset + (line.length - column) + CLIP_SUFFIX) };
}
