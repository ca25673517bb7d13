// What a user does with evaluations in VS Code: make one, look at those that were made, compare, export, delete.
import os from "node:os";
import { EngineError } from "../base/errors.ts";
import { engineVersion } from "../base/paths.ts";
import { ItemFile } from "../evaluation/runs/itemCache.ts";
import { figuresOf, reportOf } from "../evaluation/runs/report.ts";
import type { ReportFormat } from "../evaluation/runs/report.ts";
import { itemsPage } from "../evaluation/runs/pairItems.ts";
import { RunStore } from "../evaluation/runs/runStore.ts";
import type { Provenance, StoredRun } from "../evaluation/runs/runStore.ts";
import type { EvaluationProgress, EvaluationRunInfo, EvaluationSuiteInfo, ItemsPage, ItemsQuery, RunDetail, RunDifference } from "../protocol/evaluation.ts";
import type { SuiteEngine } from "./evaluationSuites.ts";

/** What a run was made with, and where. */
export function provenanceOf(data: string): Provenance {
  const cores = os.cpus();
  return { at: new Date().toISOString(), data, engineVersion: engineVersion(), node: process.version, platform: `${process.platform} ${process.arch}`, processor: cores[0]?.model.trim() ?? "unknown", cores: cores.length };
}

export interface EvaluationDeskOptions {
  /** Folder of all evaluations on this machine. */
  readonly folder: string;
  readonly engine: SuiteEngine;
  readonly trusted: () => boolean;
  readonly onProgress: (progress: EvaluationProgress) => void;
}

/** Figures in a list of runs. */
const HEADLINES = 3;
/** Two that are compared. */
const RECENT = 2;

export class EvaluationDesk {
  readonly #options: EvaluationDeskOptions;
  readonly #store: RunStore;
  readonly #recent = new Map<string, StoredRun>();

  constructor(options: EvaluationDeskOptions) {
    this.#options = options;
    this.#store = new RunStore(options.folder);
  }

  /** Those about the open folder first. */
  async suites(): Promise<EvaluationSuiteInfo[]> {
    // Everything that measures is loaded when something is measured: it is a tenth of the engine's code.
    const { DATA_SUITES, ENGINE_SUITES } = await import("./evaluationSuites.ts");
    const own = Object.entries(ENGINE_SUITES).map(([name, { summary, needs, runsCode }]): EvaluationSuiteInfo => ({ name, summary, needs, runsCode }));
    const data = Object.entries(DATA_SUITES).map(([name, { summary }]): EvaluationSuiteInfo => ({ name, summary, needs: "data", runsCode: false }));
    return [...own, ...data].sort((a, b) => Number(a.needs === "data") - Number(b.needs === "data"));
  }

  /** Errors: `badRequest` for an unknown suite, missing data or an untrusted workspace, those of the suite, CancelledError. */
  async run({ id, suite, data }: { id: string; suite: string; data: string | null }, signal?: AbortSignal): Promise<EvaluationRunInfo> {
    const { DATA_SUITES, ENGINE_SUITES } = await import("./evaluationSuites.ts");
    const all = await this.suites();
    const known = all.find(({ name }) => name === suite);
    if (known === undefined) throw new EngineError("badRequest", `There is no suite "${suite}". There are: ${all.map(({ name }) => name).join(", ")}.`);
    if (known.needs === "data" && data === null) throw new EngineError("badRequest", `The suite ${suite} needs data: a file or a folder.`);
    if (known.runsCode && !this.#options.trusted()) throw new EngineError("badRequest", "Code that a model wrote is not run while this workspace is not trusted. Trust it first.");
    const cache = await ItemFile.open(this.#store.itemFile(suite));
    try {
      const hooks = { cache, onProgress: (done: number, total: number) => this.#options.onProgress({ id, done, total }), ...(signal ? { signal } : {}) };
      const place = known.needs === "workspace" ? "" : data ?? "";
      const result = await (ENGINE_SUITES[suite]?.run(this.#options.engine, place, hooks) ?? DATA_SUITES[suite]?.run(place, hooks));
      if (result === undefined) throw new EngineError("badRequest", `There is no suite "${suite}".`);
      return infoOf(await this.#store.add(result, provenanceOf(place)));
    } finally {
      await cache.close();
    }
  }

  /** Newest first. */
  async runs(): Promise<EvaluationRunInfo[]> {
    return (await this.#store.list()).map(infoOf);
  }

  /** Errors: `notFound`; `badRequest` where the two cannot be compared. */
  async report({ id, format, baseline }: { id: string; format: ReportFormat; baseline?: string }): Promise<string> {
    const run = await this.#store.find(id);
    return reportOf(run, format, baseline === undefined ? undefined : (await import("../evaluation/runs/compareRuns.ts")).compareRuns(await this.#store.find(baseline), run));
  }

  /** Errors: `notFound`. */
  async show(id: string): Promise<RunDetail> {
    const run = await this.#found(id);
    const parts = figuresOf(run.metrics).map(({ part, figures }) => ({ part, figures: figures.map(({ name, value, interval }) => ({ name, value, ...(interval ? { low: interval[0], high: interval[1] } : {}) })) }));
    return { info: infoOf(run), parts, settings: { ...run.settings } };
  }

  /** Errors: `notFound`; `badRequest` where the two cannot be compared. */
  async compare({ before, after }: { before: string; after: string }): Promise<RunDifference> {
    const { compareRuns } = await import("../evaluation/runs/compareRuns.ts");
    const { suite, metrics, settings } = compareRuns(await this.#found(before), await this.#found(after));
    return { suite, before, after, metrics: [...metrics], settings: [...settings] };
  }

  /** Errors: `notFound`; `badRequest` where the two cannot be compared or have no such score. */
  async items({ before, after, ...query }: ItemsQuery & { before: string; after: string | null }): Promise<ItemsPage> {
    return itemsPage(await this.#found(before), after === null ? null : await this.#found(after), query);
  }

  /** The last runs that were looked at stay in memory: pages of their items are asked for one after another. Runs never change. */
  async #found(id: string): Promise<StoredRun> {
    const run = this.#recent.get(id) ?? await this.#store.find(id);
    this.#recent.delete(id);
    this.#recent.set(id, run);
    if (this.#recent.size > RECENT) this.#recent.delete([...this.#recent.keys()][0] ?? "");
    return run;
  }

  /** Errors: `notFound`. */
  async remove(id: string): Promise<void> {
    this.#recent.delete(id);
    await this.#store.remove(id);
  }
}

function infoOf({ id, suite, n, seconds, metrics, settings, provenance }: Omit<StoredRun, "items">): EvaluationRunInfo {
  const { model, recommendation } = settings;
  return {
    id, suite, at: provenance.at, data: provenance.data, n, seconds, model: typeof model === "string" ? model : null,
    headline: figuresOf(metrics).flatMap(({ part, figures }) => figures.filter(({ name }) => name !== "n").map(({ name, value, interval }) => ({ name: part === "" ? name : `${part} ${name}`, value, ...(interval ? { low: interval[0], high: interval[1] } : {}) }))).slice(0, HEADLINES),
    ...(recommendation === undefined ? {} : { recommendation: recommendation as EvaluationRunInfo["recommendation"] & object }),
  };
}
