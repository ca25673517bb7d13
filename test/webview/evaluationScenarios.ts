// States of the evaluation page for the preview and the browser tests: what its host would send. All of it is made up.
import type { EvaluationItem, EvaluationRunInfo, ItemFilter, ItemsPage, ItemsQuery, RunDetail, RunDifference } from "../../src/engine/protocol/evaluation.ts";
import type { AnswerUse, CompletionUse, UseReport } from "../../src/engine/protocol/metrics.ts";
import type { ChosenRuns, EvaluationTab } from "../../src/webview/evaluationProtocol.ts";

export interface EvaluationScenario {
  runs: EvaluationRunInfo[];
  tab?: EvaluationTab;
  items: EvaluationItem[];
  use: UseReport;
}

const run = (id: string, suite: string, hour: number, value: number, model: string | null): EvaluationRunInfo => ({
  id, suite, at: `2026-11-22T${String(hour).padStart(2, "0")}:30:00.000Z`, data: suite === "completion" ? "" : "/data/HumanEval.jsonl", n: 60, seconds: 41.2, model,
  headline: [{ name: suite === "completion" ? "exact" : "pass@1", value, low: value - 0.06, high: value + 0.06 }],
});

/** Every third is right before only, every fourth after only. */
const items: EvaluationItem[] = Array.from({ length: 60 }, (_, i) => {
  const [before, after] = [Number(i % 3 === 0), Number(i % 4 === 0)];
  return {
    id: `src/queue/worker${i}.ts:${10 + i}`, winner: before === after ? null : before > after ? "before" : "after",
    scores: [{ name: "exact", before, after }, { name: "shown", before: 1, after: 1 }],
    shared: [{ name: "before", text: `async runNext(): Promise<void> {\n  const job = this.#jobs.shift();\n  if (job === undefined) ` }, { name: "expected", text: `return done(job${i});` }],
    own: before === after ? [] : [{ name: "text", before: before ? `return done(job${i});` : "throw new Error(\"no job\");", after: after ? `return done(job${i});` : "break;" }],
  };
});

const completionUse = (shown: number, accepted: number): CompletionUse => ({
  shown, accepted, partiallyAccepted: Math.round(shown / 20), rejected: shown - accepted - Math.round(shown / 20), reviewed30s: accepted, kept30s: Math.round(accepted * 0.85), reviewed5min: accepted, kept5min: Math.round(accepted * 0.7),
  charactersShown: shown * 24, charactersKept: accepted * 19, p50Ms: 64, p95Ms: 241,
});
const answerUse = (asked: number): AnswerUse => ({ asked, written: Math.round(asked * 0.8), stopped: 1, failed: 0, retried: 2, up: 3, down: 1, citations: asked * 4, withFollowed: Math.round(asked / 3), followed: asked, firstTokenP50Ms: 210, firstTokenP95Ms: 690, totalP50Ms: 1_900, totalP95Ms: 6_400 });

const use: UseReport = {
  from: "2026-11-09", to: "2026-11-22", days: 30, recording: true, file: "/home/dev/.config/Code/User/workspaceStorage/4f1a/kalactica.kalactica/memory.sqlite",
  completions: {
    total: completionUse(1_240, 402), byDay: Array.from({ length: 14 }, (_, i) => ({ day: `2026-11-${String(9 + i).padStart(2, "0")}`, ...completionUse(60 + 7 * i, 15 + 4 * i) })),
    byModel: [{ model: "kalactica-base", adapter: "", ...completionUse(900, 260) }, { model: "kalactica-base", adapter: "e03b7719aa52", ...completionUse(340, 142) }],
    byLanguage: [{ language: "typescript", ...completionUse(1_000, 340) }, { language: "python", ...completionUse(240, 62) }], cells: [],
  },
  answers: { total: answerUse(24), byDay: [{ day: "2026-11-22", ...answerUse(24) }], byModel: [{ model: "kalactica-base", adapter: "", ...answerUse(24) }], byLanguage: [{ language: "typescript", ...answerUse(20) }, { language: "", ...answerUse(4) }], cells: [] },
};
const NOTHING = { total: completionUse(0, 0), byDay: [], byModel: [], byLanguage: [], cells: [] };

const runs = [run("completion-b", "completion", 11, 0.25, "base with adapter"), run("completion-a", "completion", 9, 0.33, "base"), run("code-a", "code", 8, 0.02, "base")];

export const EVALUATION_SCENARIOS: Readonly<Record<string, EvaluationScenario>> = {
  runs: { runs, items, use },
  empty: { runs: [], items: [], use: { ...use, recording: false, completions: NOTHING, answers: { ...use.answers, total: answerUse(0), byDay: [], byModel: [], byLanguage: [] } } },
  use: { runs, items, use, tab: "use" },
  hostile: {
    runs: [{ ...runs[0]!, id: "<img src=x onerror=alert(1)>", suite: "<script>alert(1)</script>".repeat(8), model: "x".repeat(400), data: `/${"deep/".repeat(90)}` }, ...runs.slice(1)], use,
    items: [{ id: `<b>${"long".repeat(120)}</b>`, winner: null, scores: [{ name: "exact", before: 1e12, after: -1e-9 }], shared: [{ name: "<i>name</i>", text: "<img src=https://example.org/x>\n".repeat(60) }], own: [{ name: "text", before: "a".repeat(3_000), after: "" }] }],
  },
};

export function detailOf(scenario: EvaluationScenario, id: string): RunDetail {
  const info = scenario.runs.find((other) => other.id === id)!;
  return { info, settings: { gate: 0.5 }, parts: [{ part: "", figures: [...info.headline, { name: "p95Ms", value: 180.4 }] }, { part: "by › look-up alone", figures: [{ name: "exact", value: 0.2 }] }] };
}

export function differenceOf({ before, after }: ChosenRuns): RunDifference {
  return {
    suite: "completion", before, after: after ?? "", settings: [{ name: "model", before: "base", after: "base with adapter" }],
    metrics: [{ metric: "exact", n: 60, before: 0.333, after: 0.25, difference: -0.083, low: -0.21, high: 0.05, p: 0.307, verdict: "same" }, { metric: "shown", n: 60, before: 0.2, after: 0.6, difference: 0.4, low: 0.28, high: 0.52, p: 0.00002, verdict: "better" }],
  };
}

/** As the engine answers, of the scenario's items. */
export function pageOf(scenario: EvaluationScenario, { after }: ChosenRuns, { score, filter, words, offset, limit }: ItemsQuery): ItemsPage {
  const all = scenario.items.map((item) => (after === null ? { ...item, winner: null, own: [], scores: item.scores.map(({ name, before }) => ({ name, before, after: null })), shared: [...item.shared, ...item.own.map(({ name, before }) => ({ name, text: before }))] } : item));
  const counts: Record<ItemFilter, number> = { all: all.length, changed: all.filter(({ winner }) => winner !== null).length, before: all.filter(({ winner }) => winner === "before").length, after: all.filter(({ winner }) => winner === "after").length };
  const found = all.filter((item) => (filter === "all" || (filter === "changed" ? item.winner !== null : item.winner === filter)) && JSON.stringify(item).includes(words));
  return { scores: ["exact", "shown"], score: score ?? "exact", binary: true, counts, found: found.length, items: found.slice(offset, offset + limit) };
}
