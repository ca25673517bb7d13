// Where everything about training meets in the engine: data sets, runs and adapters of one workspace, behind the requests of
// the same names. It makes sure of trust, plans a run before it is queued, and makes a finished run's adapter live.
// What a request means in detail is in prepareData.ts, planRun.ts, adapters.ts and runs/.
import path from "node:path";
import { EngineError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { engineVersion } from "../base/paths.ts";
import { excludedIds } from "../data/store/review.ts";
import { DatasetStore } from "../data/versions.ts";
import { readMemory } from "../model/hardware.ts";
import { openSampleTokenizer } from "../model/sampleTokenizer.ts";
import type { EngineNotifier } from "../protocol/messages.ts";
import type { DatasetInfo, PrepareDataParams, ReviewPage, RunEstimate, RunFigures, RunInfo, RunReceipt, RunSample, StartRunParams } from "../protocol/training.ts";
import type { ModelInfo } from "../protocol/types.ts";
import { powerReader } from "../runs/powerSource.ts";
import { RunManager } from "../runs/runManager.ts";
import { newRunId, RunStore } from "../runs/runStore.ts";
import type { RunRecord } from "../runs/runStore.ts";
import { trainerStarter } from "../runs/trainerProcess.ts";
import type { Settings } from "../settings.ts";
import { baseHash } from "../training/adapters/store.ts";
import type { Adapters } from "./adapters.ts";
import type { UserMemory } from "./userMemory.ts";
import type { PrepareDataHooks } from "./prepareData.ts";
import type { UserPreferenceFit } from "./userPreference.ts";
import { watchAdapters } from "./watchAdapters.ts";

export interface TrainingDeskOptions {
  /** This workspace's storage. */
  storageDir: string;
  /** Shared by all windows of this machine. */
  sharedDir: string;
  workspaceDir: string | null;
  /** What was learnt from the user: the sources "feedback" and "notebooks" read it. */
  memory: UserMemory;
  adapters: Adapters;
  chosenModel(): Promise<ModelInfo>;
  findModel(idOrFile: string): Promise<ModelInfo>;
  /** Threads that training computes with where no setting says. */
  defaultThreads(): Promise<number>;
  settings: () => Settings;
  trusted(): boolean;
  log: Log;
  notify?: EngineNotifier | undefined;
}

export class TrainingDesk {
  readonly #options: TrainingDeskOptions;
  readonly #dataDir: string;
  readonly data: DatasetStore;
  readonly runs: RunManager;
  readonly #store: RunStore;
  readonly #changeListeners = new Set<(run: RunInfo) => void>();
  #stopWatching: () => void = () => undefined;
  readonly #figureListeners = new Set<(id: string, figures: RunFigures) => void>();

  constructor(options: TrainingDeskOptions) {
    this.#options = options;
    this.#dataDir = path.join(options.storageDir, "data");
    this.data = new DatasetStore(this.#dataDir);
    this.#store = new RunStore(path.join(options.storageDir, "runs"));
    this.runs = new RunManager({
      store: this.#store,
      machineLock: this.#machineLock,
      log: options.log.for("runs"),
      startTrainer: trainerStarter(),
      power: powerReader(),
      settings: () => {
        const settings = options.settings();
        return { pauseOnBattery: settings["training.pauseOnBattery"], resumeByItself: settings["training.resumeByItself"] };
      },
      onChanged: (run) => {
        options.notify?.("train/changed", run);
        for (const listener of this.#changeListeners) listener(run);
      },
      onFigures: (id, figures) => {
        options.notify?.("train/figures", { id, figures });
        for (const listener of this.#figureListeners) listener(id, figures);
      },
      goLive: (record) => this.#goLive(record),
    });
  }

  /** Calls `listener` at each change of a run; the result takes it away again. */
  onChanged(listener: (run: RunInfo) => void): () => void {
    this.#changeListeners.add(listener);
    return () => this.#changeListeners.delete(listener);
  }

  /** Calls `listener` with each new point of a run's curves; the result takes it away again. */
  onFigures(listener: (id: string, figures: RunFigures) => void): () => void {
    this.#figureListeners.add(listener);
    return () => this.#figureListeners.delete(listener);
  }

  /** Finds what earlier engines left; with `adopt`, goes on with it where the settings say so, and with what others make live. */
  async recover(adopt: boolean): Promise<void> {
    await this.runs.recover(adopt && this.#options.trusted());
    if (!adopt) return;
    const { adapters, log } = this.#options;
    this.#stopWatching = watchAdapters(adapters.store.folder, () => {
      adapters.refresh().catch((error: unknown) => log.warn("The adapter that another process made live could not be taken over", { error: String(error) }));
    });
  }

  /** Errors: those of the source; `badRequest` in an untrusted workspace; CancelledError, which leaves nothing behind. */
  async prepareData(params: PrepareDataParams, hooks: { signal?: AbortSignal; onProgress?: (label: string, done: number, total: number | null) => void } = {}): Promise<DatasetInfo> {
    this.#requireTrust("prepared for training");
    const { id } = params;
    const { workspaceDir, storageDir, settings, memory, notify } = this.#options;
    const shown: PrepareDataHooks = {
      ...(hooks.signal ? { signal: hooks.signal } : {}),
      onProgress: ({ phase, done, total, unit }) => {
        const label = `${phase} ${unit}`;
        hooks.onProgress?.(label, done, total);
        if (id !== undefined) notify?.("data/progress", { id, label, done, total });
      },
    };
    // Someone waits for answers of this engine meanwhile; a command line has nothing else to do.
    if (notify) return (await import("./prepareDataProcess.ts")).prepareApart({ params, dataDir: this.#dataDir, storageDir, workspaceDir, settings: settings() }, shown);
    // Loaded when data are prepared: readers and formats are a tenth of the engine's code.
    const [{ prepareDataset }, { cleanText, openDataSource }] = await Promise.all([import("./prepareData.ts"), import("./dataSources.ts")]);
    return prepareDataset(params, {
      store: this.data, clean: cleanText, codeVersion: engineVersion(),
      openSource: (wanted) => openDataSource(wanted, { workspaceDir, settings: settings(), memory }),
    }, shown);
  }

  /** Fits the reward model of the user's preferences on a data set of feedback. Errors: `notFound`, `dataInvalid` where it holds none, CancelledError. */
  async fitPreference(dataset: string, { seed, signal }: { seed: number; signal?: AbortSignal }): Promise<UserPreferenceFit> {
    const opened = await this.data.open(dataset);
    const { fitUserPreference } = await import("./userPreference.ts");
    return fitUserPreference(opened, { storageDir: this.#options.storageDir, seed, log: this.#options.log.for("training"), ...(signal === undefined ? {} : { signal }) });
  }

  listData(): Promise<DatasetInfo[]> {
    return this.data.list();
  }

  /** Errors: `notFound`. */
  async showData(dataset: string): Promise<DatasetInfo> {
    return (await this.data.open(dataset)).info;
  }

  /** Errors: `notFound`, `dataInvalid` where the version is damaged. */
  async reviewData(dataset: string, offset: number, limit: number): Promise<ReviewPage> {
    const { info, manifest } = await this.data.open(dataset);
    const excluded = excludedIds(manifest).length;
    return { items: await this.data.review(dataset, { offset, limit }), total: info.train + info.validation + excluded, excluded };
  }

  /** Takes records in or out, as a new version under the same name. Errors: as {@link reviewData}. */
  async decideData(dataset: string, changes: readonly { readonly id: string; readonly included: boolean }[], signal?: AbortSignal): Promise<DatasetInfo> {
    const { source } = (await this.data.open(dataset)).info;
    const decided = await this.data.setIncluded(dataset, changes, engineVersion(), signal);
    // What the user did comes into every later data set too, so that the decision is kept beside it.
    if (source === "feedback" || source === "notebooks") {
      const inclusion = new Map(changes.map(({ id, included }) => [id, included]));
      const items = await this.data.review(dataset, { limit: Number.MAX_SAFE_INTEGER, ...(signal ? { signal } : {}) });
      const { review } = this.#options.memory;
      review.include(items.filter(({ id }) => inclusion.get(id) === true).map(({ at }) => at));
      review.exclude(items.filter(({ id }) => inclusion.get(id) === false).map(({ at }) => at));
    }
    return decided;
  }

  /** Errors: those of planRun; `notFound` for model or data. */
  async estimate(params: StartRunParams): Promise<RunEstimate> {
    return (await this.#plan(params)).estimate;
  }

  /** Queues a run. Errors: as {@link estimate}; `modelTooLarge` where it does not fit; `badRequest` without trust or agreement. */
  async start(params: StartRunParams): Promise<RunInfo> {
    this.#requireTrust("trained");
    const { estimate, model, dataset } = await this.#plan(params);
    if (!estimate.fits) throw new EngineError("modelTooLarge", estimate.sentence, { memoryBytes: estimate.memoryBytes, availableBytes: estimate.availableBytes });
    const { rewards } = estimate;
    const { executesCode } = await import("./taskRewards.ts");
    if (params.method === "grpo" && params.executeCode !== true && executesCode(rewards)) {
      throw new EngineError("badRequest", "This run executes code that the model writes, in a sandbox. Agree to that first (--execute-code on the command line), or name other rewards.", { rewards });
    }
    const id = newRunId(params.method);
    const modelSha256 = await this.#hashOf(model.file);
    return this.runs.start({
      id, method: params.method,
      model: { name: model.name, file: model.file, sha256: modelSha256 },
      dataset: { name: dataset.name, version: dataset.version },
      dataDir: this.#dataDir,
      adaptersDir: this.#options.adapters.store.folder,
      config: estimate.config,
      promote: params.promote ?? "whenBetter",
      executeCode: params.executeCode === true,
      threads: await this.#threads(),
      device: this.#options.settings()["model.device"] as "auto" | "cpu" | "gpu",
      machineLock: this.#machineLock,
    }, {
      id, method: params.method, model: model.name, modelFile: model.file, modelSha256,
      dataset: dataset.name, datasetVersion: dataset.version, config: estimate.config,
      createdAt: Date.now(), endedAt: null, step: 0, steps: estimate.steps, epoch: 0, secondsLeft: estimate.seconds, last: null, receipt: null,
    });
  }

  /** Errors: `notFound`, `badRequest`. */
  async resume(id: string): Promise<RunInfo> {
    this.#requireTrust("trained");
    return this.runs.resume(id);
  }

  figures(id: string, fromStep: number): RunFigures[] {
    return this.runs.figures(id, fromStep);
  }

  samples(id: string): RunSample[] {
    return this.runs.samples(id);
  }

  close(): void {
    this.#stopWatching();
    this.runs.close();
  }

  async #plan(params: StartRunParams): Promise<{ estimate: RunEstimate; model: ModelInfo & { file: string }; dataset: DatasetInfo }> {
    const model = params.model === undefined ? await this.#options.chosenModel() : await this.#options.findModel(params.model);
    const { file } = model;
    if (file === null) throw new EngineError("noModel", `The model ${model.name} is not on this machine. Download it first.`, { id: model.id });
    const dataset = await this.data.open(params.dataset);
    const tokenizer = await openSampleTokenizer(file, this.#options.log.for("model"));
    try {
      const [{ planRun }, { estimateAdaptedModel }] = await Promise.all([import("./planRun.ts"), import("../training/network/estimate.ts")]);
      const estimate = await planRun(params, {
        model: { ...model, file, sha256: await this.#hashOf(file) },
        dataset, tokenizer, threads: await this.#threads(),
        memoryOf: async ({ modelFile, adapter, maxTokens, activationBytes }) => (await estimateAdaptedModel(modelFile, adapter, maxTokens, activationBytes)).memoryBytes,
        availableBytes: (await readMemory()).availableRamBytes,
        runs: await this.runs.list(),
      });
      return { estimate, model: { ...model, file }, dataset: dataset.info };
    } finally {
      await tokenizer.close();
    }
  }

  /** A run's model need not be the one in use: then only the pointer moves, and the canary is checked when it is loaded. */
  async #goLive(record: RunRecord): Promise<RunReceipt> {
    const { receipt } = record;
    if (receipt === null) throw new Error("a run without a receipt cannot go live");
    const { adapters } = this.#options;
    const inUse = (await this.#options.chosenModel()).file;
    if (inUse !== null && (await this.#hashOf(inUse)) === record.modelSha256) await adapters.activate(receipt.adapterSha256);
    else await adapters.store.activate(receipt.adapterSha256, { sha256: record.modelSha256, name: record.model });
    return receipt;
  }

  #hashOf(file: string): Promise<string> {
    return baseHash(file, path.join(this.#options.adapters.store.folder, "base-hashes.json"));
  }

  async #threads(): Promise<number> {
    const settings = this.#options.settings();
    return settings["training.threads"] || settings["model.threads"] || (await this.#options.defaultThreads());
  }

  get #machineLock(): string {
    return path.join(this.#options.sharedDir, "training.lock");
  }

  #requireTrust(what: string): void {
    if (!this.#options.trusted()) throw new EngineError("badRequest", `Nothing is ${what} while this workspace is not trusted. Trust it first.`);
  }
}
