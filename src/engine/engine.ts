// The composition root: makes the rooms of one workspace, hands their functions to the tasks, and closes them.
// It decides nothing itself; what a request means is in tasks/, what an answer is in the rooms.
import path from "node:path";
import { EngineError, isCancelled } from "./base/errors.ts";
import type { Log } from "./base/log.ts";
import { mediaFile } from "./base/paths.ts";
import { PRIORITY, Scheduler } from "./base/scheduler.ts";
import { socketCount } from "./base/socketCount.ts";
import { CompletionSession } from "./completion/session.ts";
import type { EvaluatedModel } from "./evaluation/model/evaluatedModel.ts";
import type { EvaluationHooks, EvaluationResult } from "./evaluation/suite.ts";
import type { Rating } from "./memory/answerFeedback.ts";
import { defaultsFor } from "./model/hardwareDefaults.ts";
import { ModelRegistry } from "./model/registry.ts";
import { ModelRuntime } from "./model/runtime.ts";
import { modelCallsTools } from "./model/toolCalls.ts";
import type { ProblemReport } from "./protocol/machine.ts";
import type { EngineNotifier, HelloParams, ProxyChoice } from "./protocol/messages.ts";
import type {
  AnswerApplied, AnswerEvent, AskParams, AskResult, CompleteParams, CompleteResult, CompletionOutcome, DoctorItem, DownloadProgress,
  EngineStatus, GenerateParams, IndexReport, IndexStatus, ModelInfo, NotebookExecuted, SearchHit, TerminalExecuted, TokenCounts, ToolCall,
} from "./protocol/types.ts";
import { WorkspaceIndex } from "./retrieval/workspaceIndex.ts";
import { openEmbedder } from "./retrieval/embedder/embeddedEmbedder.ts";
import { screenCompletion } from "./safety/completionScreen.ts";
import { readSettings } from "./settings.ts";
import type { Settings } from "./settings.ts";
import { Adapters } from "./tasks/adapters.ts";
import type { ClusterTraining } from "./tasks/adaptersScaleOut.ts";
import { accessToIndex } from "./tasks/accessToIndex.ts";
import { answerQuestion } from "./tasks/answerQuestion.ts";
import { ProjectChecks } from "./tasks/checkDriftDesk.ts";
import { completeCode } from "./tasks/completeCode.ts";
import { EndpointStore } from "./endpoints/endpointStore.ts";
import { parseSharedIndex } from "./endpoints/sharedIndex.ts";
import { collectionName, publishIndex } from "./tasks/sharedIndex.ts";
import type { PublishReport } from "./tasks/sharedIndex.ts";
import { mergeShared, SHARED_CANDIDATES, SharedIndexes } from "./tasks/sharedIndexSearch.ts";
import { applyConnectionSettings, EndpointDesk, endpointFile, ENDPOINT_PREFIX } from "./tasks/endpointDesk.ts";
import { ModelInUse } from "./tasks/endpointModel.ts";
import { CompletionContext } from "./tasks/completionContext.ts";
import { EvaluationDesk } from "./tasks/evaluationDesk.ts";
import { ModelChoice } from "./tasks/chooseModel.ts";
import { withDefaults } from "./tasks/hardwareDefaults.ts";
import { ModelGallery } from "./tasks/modelGallery.ts";
import { MetricsDesk } from "./tasks/metricsDesk.ts";
import { MemoryDesk } from "./tasks/recallMemory.ts";
import { withCellPlaces } from "./tasks/attachedCells.ts";
import { answerFromNotebooks } from "./tasks/notebookAnswers.ts";
import { rememberExecution } from "./tasks/notebookEpisodes.ts";
import { NotebookDesk } from "./tasks/notebookDesk.ts";
import { rememberTerminalRun } from "./tasks/terminalEpisodes.ts";
import { SafetyDesk } from "./tasks/safetyDesk.ts";
import { loadPolicy } from "./tasks/safetyPolicy.ts";
import { DialogueReader } from "./tasks/trackDialogueModel.ts";
import { TrainingDesk } from "./tasks/trainingDesk.ts";
import { scrub, UserMemory } from "./tasks/userMemory.ts";

export interface EngineOptions extends Omit<HelloParams, "protocolVersion"> {
  log: Log;
  notify?: EngineNotifier;
  /** The key of an endpoint, where there is no client to ask: the command line's environment. */
  endpointKey?: (name: string) => string | undefined;
  /** False for the command line: nothing starts by itself. Default: true. */
  background?: boolean;
}

const NO_INDEX: IndexStatus = { state: "off", files: 0, chunks: 0, pendingFiles: 0, skipped: [] };
/** Status notifications are sent at most this often. */
const STATUS_EVERY_MS = 200;

export class Engine {
  readonly #options: EngineOptions;
  readonly #log: Log;
  readonly #scheduler = new Scheduler();
  readonly #runtime: ModelRuntime;
  readonly #models: ModelChoice;
  /** What answers and completes: the local model, or the endpoint that was chosen. */
  readonly #inUse: ModelInUse;
  #toolCalls: { id: string | null; known: Promise<boolean> } | null = null;
  readonly #shared: SharedIndexes;
  /** Model servers, and what may be sent to which. */
  readonly endpoints: EndpointDesk;
  readonly #index: WorkspaceIndex | null;
  readonly #indexFailure: string | null;
  readonly #completion: CompletionSession;
  readonly #dialogue: DialogueReader;
  readonly #memory: UserMemory;
  /** What was said, decided and run, for answers and for the user to see. */
  readonly memory: MemoryDesk;
  /** What ran in notebooks, and which cells are out of date. */
  readonly notebooks: NotebookDesk;
  /** Judges blocks of code and commands; keeps what the user allows. */
  readonly safety: SafetyDesk;
  readonly #completionContext: CompletionContext | null;
  /** What training made, and which of it is live. */
  readonly adapters: Adapters;
  /** Data sets and training runs. */
  readonly training: TrainingDesk;
  /** Models as people look them over: fit, speed, unfinished downloads. */
  readonly gallery: ModelGallery;
  /** What was and can be measured. */
  readonly evaluations: EvaluationDesk;
  /** How completions and answers fared with this user. */
  readonly metrics: MetricsDesk;
  readonly #closing = new AbortController();
  #settings: Settings;
  #trusted: boolean;
  #statusTimer: NodeJS.Timeout | null = null;
  #indexProgress: IndexStatus | null = null;

  private constructor(options: EngineOptions, parts: { settings: Settings; runtime: ModelRuntime; registry: ModelRegistry; models: ModelChoice; index: WorkspaceIndex | null; indexFailure: string | null; completion: CompletionSession; memory: UserMemory; endpoints: EndpointStore }) {
    this.#options = options;
    this.#log = options.log;
    this.#settings = parts.settings;
    this.#trusted = options.trusted;
    this.#runtime = parts.runtime;
    this.#models = parts.models;
    this.endpoints = new EndpointDesk({ store: parts.endpoints, settings: () => this.#settings, trusted: () => this.#trusted, notify: options.notify, keyFor: options.endpointKey, onChange: () => this.#statusChanged(), log: options.log.for("endpoints") });
    this.#inUse = new ModelInUse(parts.runtime, this.endpoints);
    this.#shared = new SharedIndexes({ embedder: () => parts.index?.embedder ?? null, exchange: (name, address, what, stallMs) => this.endpoints.exchangeWith(name, address, what, stallMs), log: options.log.for("retrieval") });
    this.#index = parts.index;
    this.#indexFailure = parts.indexFailure;
    this.#completion = parts.completion;
    this.#memory = parts.memory;
    this.notebooks = new NotebookDesk({ runs: parts.memory.notebookRuns, mayRecord: () => this.#settings["training.record"], log: options.log.for("notebooks"), onRun: (notebook, run, model) => { if (this.#settings["memory.enabled"]) rememberExecution(parts.memory.graph, notebook, run, model); } });
    this.memory = new MemoryDesk({ graph: parts.memory.graph, settings: () => this.#settings, forgetRating: (askId) => parts.memory.answers.rate(askId, null) });
    this.metrics = new MetricsDesk({ memory: parts.memory, completions: parts.completion.outcomes, mayRecord: () => this.#settings["training.record"], model: () => this.#inUse.status() });
    this.adapters = new Adapters({
      folder: path.join(options.storageDir, "adapters"),
      runtime: parts.runtime,
      chosenModel: () => this.#models.chosen(this.#settings, this.#trusted),
      loadedModel: () => this.#models.loaded(this.#settings, this.#trusted),
      installedModels: async () => (await this.#models.list(this.#settings)).filter(({ installed }) => installed),
      log: options.log.for("adapters"),
      onChange: (adapters) => options.notify?.("adapters/changed", adapters),
    });
    this.training = new TrainingDesk({
      workspaceDir: options.workspaceDir,
      storageDir: options.storageDir,
      sharedDir: options.modelsDir,
      memory: parts.memory,
      adapters: this.adapters,
      chosenModel: () => this.#models.chosen(this.#settings, this.#trusted),
      findModel: (idOrFile) => this.#models.find(idOrFile),
      defaultThreads: async () => defaultsFor(await this.#models.hardware(this.#settings)).trainingThreads,
      settings: () => this.#settings,
      trusted: () => this.#trusted,
      log: options.log,
      notify: options.notify,
    });
    this.gallery = new ModelGallery({
      registry: parts.registry, models: parts.models, runtime: parts.runtime, scheduler: this.#scheduler, modelsDir: options.modelsDir,
      list: () => this.listModels(), settings: () => this.#settings, trusted: () => this.#trusted, log: options.log.for("model"),
    });
    this.evaluations = new EvaluationDesk({ folder: path.join(path.dirname(options.modelsDir), "evaluations"), engine: this, trusted: () => this.#trusted, onProgress: (progress) => options.notify?.("evaluate/progress", progress) });
    this.#dialogue = new DialogueReader({
      status: () => this.#runtime.status(),
      generate: (request) => this.#runtime.generate(request),
      whenIdle: (signal, work) => this.#scheduler.run(PRIORITY.background, AbortSignal.any([signal, this.#closing.signal]), work),
      tell: (askId, state) => options.notify?.("answer/dialogue", { askId, state }),
      log: options.log.for("dialogue"),
    });
    const { index } = parts;
    this.safety = new SafetyDesk({ overrides: parts.memory.overrides, policy: () => loadPolicy(options.workspaceDir, this.#trusted), files: index && (() => index.texts()), log: options.log.for("safety"), project: index && new ProjectChecks({ index, workspaceDir: options.workspaceDir, accepted: parts.memory.acceptedDrafts, log: options.log.for("safety") }) });
    this.#completionContext = index && new CompletionContext((query, search) => index.search(query, search));
  }

  /**
   * Opens the rooms; with `background`, also starts loading the model and bringing the index up to date.
   * A workspace whose index cannot be opened still gets completions and a model: the status says why.
   * Errors: `diskFull`, `unreadable` where the storage folder cannot be written.
   */
  static async open(options: EngineOptions): Promise<Engine> {
    const { log, storageDir, modelsDir, workspaceDir } = options;
    const { settings, refused } = readSettings(options.settings);
    applyConnectionSettings(settings, options.proxy);
    for (const sentence of refused) log.for("settings").warn(sentence);
    // Two files on purpose: the index can always be built anew, what is learnt from the user cannot.
    const memory = new UserMemory(storageDir, (asideAs) => log.error("The memory database was damaged and set aside", { asideAs }));
    const runtime = new ModelRuntime(log.for("model"), (info) => engine.adapters.adapterFor(info));
    const registry = new ModelRegistry({ embeddedDir: mediaFile("models"), modelsDir, log: log.for("model") });
    const models = new ModelChoice({ registry, runtime, log: log.for("model") });
    let index: WorkspaceIndex | null = null;
    let indexFailure: string | null = null;
    if (workspaceDir !== null && settings["index.enabled"]) {
      try {
        index = await WorkspaceIndex.open({ workspaceDir, storageDir, settings, embedder: await openEmbedder(log.for("retrieval")), log: log.for("retrieval") });
      } catch (error) {
        indexFailure = error instanceof EngineError ? error.message : `The index could not be opened: ${String(error)}`;
        log.error("The index could not be opened", { error: indexFailure });
      }
    }
    const completion = new CompletionSession({ database: memory.database, redact: scrub });
    const endpoints = await EndpointStore.open(endpointFile(modelsDir), log.for("endpoints"));
    const engine: Engine = new Engine(options, { settings, runtime, registry, models, index, indexFailure, completion, memory, endpoints });
    runtime.onStatus(() => engine.#statusChanged());
    await engine.training.recover(options.background !== false);
    if (options.background !== false) engine.#startBackground();
    return engine;
  }

  status(): EngineStatus {
    return { index: this.#indexStatus(), model: this.#inUse.status(), bytesOut: socketCount().bytesOut, residentBytes: process.memoryUsage.rss() };
  }

  async configure(raw: Record<string, unknown>, trusted: boolean, proxy?: ProxyChoice | null): Promise<{ refused: string[] }> {
    const { settings, refused } = readSettings(raw);
    applyConnectionSettings(settings, proxy);
    const before = this.#settings;
    this.#settings = settings;
    this.#trusted = trusted;
    const modelKeys = ["model.file", "model.device", "model.contextSize", "model.unloadAfterMinutes", "model.threads"] as const;
    if (modelKeys.some((key) => before[key] !== settings[key])) await this.#models.load(settings, trusted).catch((error: unknown) => this.#log.warn("The model could not be changed", { error: String(error) }));
    this.#statusChanged();
    return { refused };
  }

  async doctor(signal?: AbortSignal): Promise<DoctorItem[]> {
    const { checkMachine } = await import("./tasks/checkMachine.ts");
    const items = await checkMachine({ settings: this.#settings, storageDir: this.#options.storageDir, models: await this.#models.list(this.#settings), index: this.#indexStatus(), log: this.#log, ...(signal ? { signal } : {}) });
    return [...items, ...this.endpoints.doctor()];
  }

  /** Models on this machine and endpoints, then what could be downloaded. */
  async listModels(): Promise<ModelInfo[]> {
    await this.endpoints.refresh();
    const { id, remote } = this.#inUse.status();
    const local = (await this.#models.list(this.#settings)).map((model) => (remote ? { ...model, active: false } : model));
    const endpoints = this.endpoints.models().map((model) => ({ ...model, active: model.id === id }));
    return [...local.filter(({ installed }) => installed), ...endpoints, ...local.filter(({ installed }) => !installed)];
  }

  /** What helps to understand a problem, without code, names of files or secrets; sent nowhere. */
  async report(client: { versions: Record<string, string>; log: readonly string[] }, signal?: AbortSignal): Promise<{ report: ProblemReport; text: string }> {
    const { problemReport, reportText } = await import("./tasks/problemReport.ts");
    const report = await problemReport({ workspaceDir: this.#options.workspaceDir, settings: this.#settings, status: () => this.status(), hardware: () => this.#models.hardware(this.#settings), doctor: (aborted) => this.doctor(aborted) }, client, signal);
    return { report, text: reportText(report) };
  }

  inspectModel(file: string): Promise<ModelInfo> {
    return this.#models.inspect(file, this.#settings);
  }

  async useModel(id: string): Promise<ModelInfo> {
    if (id.startsWith(ENDPOINT_PREFIX)) return this.endpoints.use(id.slice(ENDPOINT_PREFIX.length));
    const model = await this.#models.use(id, this.#settings);
    await this.endpoints.use(null);
    return model;
  }

  pullModel(uri: string, options: { signal?: AbortSignal; onProgress?: (progress: DownloadProgress) => void }): Promise<ModelInfo> {
    if (!this.#trusted) throw new EngineError("badRequest", "Nothing is downloaded while this workspace is not trusted. Trust it first.");
    return this.#models.pull(uri, options);
  }

  /** Loads the chosen model now. Cards and look-up do without one, so a failure is a sentence to show, not an end. */
  async loadModel(): Promise<string | null> {
    try {
      await this.#models.load(this.#settings, this.#trusted);
      return this.endpoints.passedOver();
    } catch (error) {
      if (error instanceof EngineError) return error.message;
      throw error;
    }
  }

  /** Runs on other machines: loaded when one is asked for. */
  async cluster(): Promise<ClusterTraining> {
    const { ClusterTraining } = await import("./tasks/adaptersScaleOut.ts");
    return new ClusterTraining({
      data: this.training.data, adapters: this.adapters, trusted: () => this.#trusted, log: this.#log.for("cluster"),
      chosenModel: () => this.#models.chosen(this.#settings, this.#trusted),
    });
  }

  /** The model in use, for the suites in which it writes. Errors: those of loading. */
  async evaluatedModel(): Promise<EvaluatedModel> {
    const { id } = this.#inUse.status();
    const endpoint = this.endpoints.models().find((model) => model.id === id);
    const { modelForEvaluation } = await import("./tasks/evaluateModel.ts");
    return modelForEvaluation(endpoint ?? await this.#models.loaded(this.#settings, this.#trusted), this.#inUse, this.#scheduler);
  }

  /** Completes endings of lines that the folder's last commits added, by the loaded model. Errors: `notFound` without a Git history. */
  async evaluateCompletion(options: { commits: number; n: number; seed: number }, hooks: EvaluationHooks): Promise<EvaluationResult> {
    const { workspaceDir } = this.#options;
    if (workspaceDir === null) throw new EngineError("noWorkspace", "No folder is open. Open a repository to evaluate completion in it.");
    const model = await this.evaluatedModel().catch(() => null);
    const { runCompletion } = await import("./tasks/evaluateCompletion.ts");
    return runCompletion({ workspaceDir, ...options, model: model?.abilities.infill ? { name: model.name, completes: this.#inUse } : null, settings: this.#settings, scheduler: this.#scheduler }, hooks);
  }

  /** Measures every installed model and adapter on lines that the folder's last commits added. Errors: as {@link evaluateCompletion}. */
  async evaluateRepository(options: { commits: number; n: number; seed: number; models: readonly string[] | null }, hooks: EvaluationHooks): Promise<EvaluationResult> {
    const { workspaceDir } = this.#options;
    if (workspaceDir === null) throw new EngineError("noWorkspace", "No folder is open. Open a repository to measure models on it.");
    const chosen = await this.#models.chosen(this.#settings, this.#trusted);
    const { runRepository } = await import("./tasks/evaluateRepository.ts");
    return runRepository({
      workspaceDir, ...options, settings: this.#settings, scheduler: this.#scheduler, log: this.#log,
      installed: () => this.#models.list(this.#settings), find: (id) => this.#models.find(id), adaptersOf: (model) => this.adapters.adaptersOf(model),
      current: { id: chosen.id, adapter: (await this.adapters.adapterFor(chosen))?.sha256 ?? null },
    }, hooks);
  }

  /** Brings index, model and look-up to where an evaluation can time them. */
  async prepareEvaluation(signal?: AbortSignal): Promise<void> {
    await this.updateIndex(signal ? { signal } : {});
    await this.loadModel();
    await this.prepareCompletion();
  }

  /** What the index holds, for the suites that ask about the open folder. */
  indexedContent(): { files: { path: string; language: string; text: string }[]; names: string[] } {
    const index = this.#requireIndex();
    const files = [...index.texts()];
    return { files, names: [...new Set(files.flatMap((file) => index.symbolsIn(file.path).map(({ name }) => name)))] };
  }

  async updateIndex({ signal, onProgress }: { full?: boolean; signal?: AbortSignal; onProgress?: (status: IndexStatus) => void }): Promise<IndexReport> {
    const index = this.#requireIndex();
    const merged = signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal;
    const report = await this.#scheduler.run(PRIORITY.background, merged, (lease) => index.update({
      signal: merged, lease,
      onProgress: (status) => {
        this.#indexProgress = status;
        onProgress?.(status);
        this.#statusChanged();
      },
    }));
    this.#indexProgress = null;
    this.#statusChanged();
    return report;
  }

  /** From the workspace, and from the shared indexes of the settings or those of `corpora`; `notes` says which of these could not be searched. */
  async search(query: string, k: number, signal?: AbortSignal, activePath?: string, corpora = this.#settings["retrieval.sharedIndexes"]): Promise<{ results: SearchHit[]; ms: number; notes?: string[] }> {
    const started = performance.now();
    const index = this.#requireIndex();
    const shared = corpora.length === 0 ? null : this.#shared.search(corpora, query, k * SHARED_CANDIDATES, signal);
    const local = await index.search(query, { k, ...(signal ? { signal } : {}), ...(activePath ? { activePath } : {}) });
    if (shared === null) return { results: local, ms: performance.now() - started };
    const { hits, notes } = await shared;
    const results = await mergeShared(local, hits, query, k, index.embedder, (hit) => index.vectorOf(hit));
    return { results, ms: performance.now() - started, ...(notes.length > 0 ? { notes } : {}) };
  }

  /** Publishes the workspace's passages to a shared index, "http://host:port#collection" (default: the folder's name). Errors: those of publishIndex, `consentNeeded`. */
  async shareIndex(address: string, hooks: { signal?: AbortSignal; onProgress?: (files: number, total: number) => void; consent?: boolean } = {}): Promise<PublishReport> {
    const index = this.#requireIndex();
    const workspaceDir = this.#options.workspaceDir ?? "";
    const parsed = parseSharedIndex(address, collectionName(workspaceDir));
    if (hooks.consent === true) await this.endpoints.consent(parsed.host, true);
    const exchange = await this.endpoints.exchangeWith(parsed.collection, parsed, "the passages of this workspace, without the files that hold secrets");
    return publishIndex({ index, workspaceDir, address: parsed, exchange, signal: hooks.signal, onProgress: hooks.onProgress });
  }

  /** The files that a described change most likely touches, best first. */
  async locate(description: string, k: number, signal?: AbortSignal): Promise<{ files: { path: string; score: number; via: string[] }[]; ms: number }> {
    const started = performance.now();
    const files = await this.#requireIndex().rankFiles(description, { k, ...(signal ? { signal } : {}) });
    return { files, ms: performance.now() - started };
  }

  async ask(params: AskParams, { signal, onEvent }: { signal?: AbortSignal; onEvent?: (event: AnswerEvent) => void }): Promise<AskResult> {
    const index = this.#requireIndex();
    this.#dialogue.stop();
    const screens = await this.safety.screens(signal);
    const offered = await this.gallery.proseFilter();
    const workspace = accessToIndex(index);
    const placed = await withCellPlaces(params, this.notebooks, workspace.readLines);
    const result = await this.metrics.answering(params, () => this.#scheduler.run(PRIORITY.chat, signal, (lease) => answerQuestion(placed, {
      workspace,
      model: {
        status: () => offered(this.#inUse.status()),
        countTokens: (text) => this.#inUse.countTokens(text),
        generate: (request) => this.#inUse.generate(request),
      },
      settings: this.#settings,
      lease,
      recordedRuns: (asked, readLines) => answerFromNotebooks(asked, this.notebooks, readLines),
      memory: this.memory,
      screens,
    }, { onEvent: onEvent ?? (() => undefined), ...(signal ? { signal } : {}) })));
    if (params.measured) return result;
    this.#memory.answers.given({ askId: params.askId, question: params.question, answer: result.answer, model: this.#inUse.status().id, prose: result.prose, sources: result.citations });
    this.memory.answered(params, result);
    if (!result.stopped) await index.rememberAnswer(result.answer, result.citations);
    void this.#dialogue.after(params, result);
    return result;
  }

  /** The loaded model by itself. Errors: `badRequest` where another model is loaded by now, `modelIncapable`, `contextOverflow`. */
  async generate({ model, messages, maxTokens, temperature = 0, tools }: GenerateParams, { signal, onText }: { signal?: AbortSignal; onText: (text: string) => void }): Promise<{ stopReason: "end" | "length" | "cancelled"; tokens: TokenCounts; calls: ToolCall[] }> {
    const { id } = this.#inUse.status();
    if (id !== model) throw new EngineError("badRequest", `The model ${model} is not loaded any more; it is ${id ?? "none"}. Choose it again.`);
    const { stopReason, tokens, calls = [] } = await this.#scheduler.run(PRIORITY.chat, signal, (lease) => this.#inUse.generate({ messages, maxTokens, temperature, lease, onText, ...(tools ? { tools } : {}), ...(signal ? { signal } : {}) }));
    return { stopReason, tokens, calls };
  }

  /** Whether the chat template of the model in use teaches calls of tools; read from its file, so that nothing is loaded for it. */
  async callsTools(): Promise<boolean> {
    const { id } = this.#inUse.status();
    if (this.#toolCalls?.id !== id) {
      const file = (await this.#models.list(this.#settings)).find((model) => model.id === id)?.file;
      this.#toolCalls = { id, known: file ? modelCallsTools(file) : Promise.resolve(false) };
    }
    return this.#toolCalls.known;
  }

  countTokens(text: string): Promise<number> {
    return this.#inUse.countTokens(text);
  }

  complete(params: CompleteParams, signal?: AbortSignal): Promise<CompleteResult> {
    return completeCode(params, {
      modelKey: () => this.#inUse.completionKey,
      session: this.#completion,
      settings: withDefaults(this.#settings, this.#models.knownHardware(this.#settings), this.#runtime.model?.parameters ?? 0),
      scheduler: this.#scheduler,
      model: this.#inUse.completes ? this.#inUse : null,
      screenCompletion: (text, place) => screenCompletion(text, place, { policy: this.safety.lastPolicy() }),
      context: (request) => this.#completionContext?.pieces(request) ?? [],
      ...(signal ? { signal } : {}),
    });
  }

  async filesChanged(paths: readonly string[]): Promise<void> {
    const index = this.#index;
    if (!index) return;
    await this.#scheduler.run(PRIORITY.background, this.#closing.signal, (lease) => index.updateFiles(paths, { signal: this.#closing.signal, lease }));
    for (const changed of paths) this.#completion.textRemoved(changed);
    for (const text of index.texts(paths)) this.#completion.textChanged(text);
    this.#statusChanged();
  }

  async documentTouched(document: { path: string; language: string; text: string; reason: "opened" | "edited" | "saved" }): Promise<void> {
    this.#completion.documentTouched(document);
    await this.#index?.touch(document);
  }

  documentClosed(closed: string): void {
    this.#index?.closeDocument(closed);
  }

  rateAnswer(askId: string, rating: Rating | null): void {
    if (!this.#memory.answers.rate(askId, rating)) this.#log.info("A rating came for an answer that is not known any more");
  }

  recordApplied(applied: AnswerApplied): void {
    if (this.#settings["training.record"]) this.#memory.applied.record(applied);
  }

  async recordNotebookRun(run: NotebookExecuted): Promise<void> {
    await this.#index?.rememberOutput("output", run.error?.traceback ?? run.output);
    return this.notebooks.executed(run);
  }

  async recordTerminalRun(run: TerminalExecuted): Promise<void> {
    if (!this.#settings["memory.enabled"] || !this.#settings["memory.recordTerminal"]) return;
    rememberTerminalRun(this.memory.graph, run, await this.#index?.rememberOutput("terminal", run.output) ?? []);
  }

  recordOutcome(outcome: CompletionOutcome): void {
    if (this.#settings["training.record"]) this.#completion.recordOutcome(outcome);
  }

  /** Stops what runs in the background and closes the rooms. Safe to call twice. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    if (this.#statusTimer) clearTimeout(this.#statusTimer);
    this.#completion.dispose();
    this.#dialogue.stop();
    this.training.close();
    await this.#runtime.dispose();
    await this.#index?.close();
    this.#memory.close();
  }

  #startBackground(): void {
    this.memory.prepare(this.#closing.signal).catch((error: unknown) => this.#log.warn("The memory could not be read", { error: String(error) }));
    this.#models.load(this.#settings, this.#trusted).catch((error: unknown) => {
      if (!isCancelled(error)) this.#log.warn("The model could not be loaded", { error: String(error) });
    });
    if (this.#index) {
      this.#prepareIndex(this.#index).catch((error: unknown) => {
        if (!isCancelled(error)) this.#log.error("Indexing failed", { error: String(error) });
        this.#indexProgress = null;
        this.#statusChanged();
      });
    }
    this.#statusChanged();
  }

  /** What was indexed before serves completions at once; what changed since is taken in afterwards. */
  async #prepareIndex(index: WorkspaceIndex): Promise<void> {
    await this.#completion.load(index.texts(), this.#closing.signal);
    const before = index.status().chunks;
    const report = await this.updateIndex({});
    if (report.chunks !== before || report.filesPerSecond > 0) await this.#completion.load(index.texts(), this.#closing.signal);
  }

  /** Loads the look-up's texts from the index; the command line calls this before it completes. */
  async prepareCompletion(): Promise<void> {
    if (this.#index) await this.#completion.load(this.#index.texts(), this.#closing.signal);
  }

  #requireIndex(): WorkspaceIndex {
    if (this.#index) return this.#index;
    if (this.#indexFailure !== null) throw new EngineError("indexCorrupt", this.#indexFailure);
    throw new EngineError("noWorkspace", this.#options.workspaceDir === null ? "No folder is open. Open one to search it and to get answers about it." : "The index is switched off (setting \"kalactica.index.enabled\"). Switch it on to search and to get answers.");
  }

  #indexStatus(): IndexStatus {
    if (this.#indexFailure !== null) return { ...NO_INDEX, state: "failed", failure: this.#indexFailure };
    return this.#indexProgress ?? this.#index?.status() ?? NO_INDEX;
  }

  /** Tells the client, at most every STATUS_EVERY_MS. */
  #statusChanged(): void {
    if (!this.#options.notify || this.#statusTimer || this.#closing.signal.aborted) return;
    this.#statusTimer = setTimeout(() => {
      this.#statusTimer = null;
      if (!this.#closing.signal.aborted) this.#options.notify?.("engine/statusChanged", this.status());
    }, STATUS_EVERY_MS);
  }
}
