// Measures the four criteria by which users judge the assistant: three on public sets, where a folder of them is named, and how long
// answers take on the open folder.
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { isCancelled } from "../base/errors.ts";
import { judgeCriteria } from "../evaluation/criteria.ts";
import type { CriterionSource } from "../evaluation/criteria.ts";
import { rounded } from "../evaluation/suite.ts";
import type { EvaluationHooks, EvaluationResult, Metrics } from "../evaluation/suite.ts";

export interface CriteriaRuns {
  /** Suites on data, by name; those that are missing are said to be. */
  readonly data: Readonly<Record<string, { run(data: string, hooks: EvaluationHooks): Promise<EvaluationResult> } | undefined>>;
  /** Times the open folder; null where none is open. */
  readonly latency: ((hooks: EvaluationHooks) => Promise<EvaluationResult>) | null;
}

/** A file by which the folder of a set is known. */
const SETS: Readonly<Record<string, RegExp>> = { localise: /^instances\.jsonl(?:\.gz)?$/, memory: /\.json(?:l)?(?:\.gz)?$/, safety: /\.jsonl(?:\.gz)?$/ };

/** `data` is a folder that holds `localise`, `memory` and `safety`, or "" where there is none. */
export async function runCriteria(data: string, runs: CriteriaRuns, hooks: EvaluationHooks): Promise<EvaluationResult> {
  const began = performance.now();
  const steps = ["localise", "memory", "safety", "latency"] as const;
  let done = 0;
  const source = async (name: "localise" | "memory" | "safety"): Promise<CriterionSource> => {
    if (data === "") return { missing: `No data was named: --data needs a folder that holds "${name}".` };
    const folder = setIn(path.join(data, name), SETS[name] ?? /$/);
    const suite = runs.data[name];
    if (folder === null || suite === undefined) return { missing: `${data} holds no set in a folder "${name}".` };
    return measured(folder, () => suite.run(folder, part(hooks, done++, steps.length)));
  };
  const retrieval = await source("localise");
  const memory = await source("memory");
  const safety = await source("safety");
  const { latency } = runs;
  const responseTime: CriterionSource = latency === null ? { missing: "No folder is open to be asked about." } : await measured("the open folder", () => latency(part(hooks, 3, steps.length)));
  const criteria = judgeCriteria({ retrieval, memory, safety, responseTime });
  return {
    suite: "criteria", n: criteria.length, seconds: (performance.now() - began) / 1000, settings: { data }, items: criteria.map((criterion) => ({ id: criterion.name, ...criterion, pass: Number(criterion.pass) })),
    metrics: {
      passed: criteria.filter(({ pass }) => pass).length,
      criteria: criteria.map((criterion): Metrics => ({ ...criterion, value: criterion.value === null ? null : rounded(criterion.value) })),
    },
  };
}

/** A suite that fails has not passed, and says why. */
async function measured(data: string, run: () => Promise<EvaluationResult>): Promise<CriterionSource> {
  try {
    return { result: await run(), data };
  } catch (error) {
    if (isCancelled(error)) throw error;
    return { missing: `It could not be measured: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** Progress of one of several suites, as a share of all. */
function part(hooks: EvaluationHooks, at: number, of: number): EvaluationHooks {
  return { ...hooks, onProgress: (done, total) => hooks.onProgress?.(Math.round(((at + done / Math.max(1, total)) / of) * 1000), 1000) };
}

/** The folder of a set: `folder` itself, or the first below it that holds what the set is known by. */
function setIn(folder: string, known: RegExp): string | null {
  if (!existsSync(folder)) return null;
  const entries = readdirSync(folder, { withFileTypes: true });
  if (entries.some((entry) => !entry.isDirectory() && known.test(entry.name))) return folder;
  for (const entry of entries) {
    const inner = entry.isDirectory() ? setIn(path.join(folder, entry.name), known) : null;
    if (inner !== null) return inner;
  }
  return null;
}
