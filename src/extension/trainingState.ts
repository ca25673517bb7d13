// What the engine last said about runs and adapters, kept for everything in the window that shows them.
// It asks for the lists when the engine is ready and follows its notifications; it knows neither VS Code nor the monitor.
import type { EngineNotifications, EngineRequests } from "../engine/protocol/messages.ts";
import type { AdapterInfo, RunInfo } from "../engine/protocol/training.ts";
import { isOpen } from "../webview/monitorProtocol.ts";
import type { EngineClientState } from "./engineClient.ts";

interface CancelToken {
  readonly isCancellationRequested: boolean;
  onCancellationRequested(listener: (event: unknown) => unknown): { dispose(): void };
}

/** What training needs of the engine client. */
export interface TrainingEngine {
  readonly state: EngineClientState;
  request<M extends keyof EngineRequests>(method: M, params: EngineRequests[M]["params"], token?: CancelToken): Promise<EngineRequests[M]["result"]>;
  onNotification<M extends keyof EngineNotifications>(method: M, listener: (params: EngineNotifications[M]) => void): { dispose(): void };
  onState(listener: (state: EngineClientState) => void): { dispose(): void };
}

export type TrainingChange = { kind: "run"; run: RunInfo } | { kind: "adapters" } | { kind: "all" };

export class TrainingState {
  readonly #engine: TrainingEngine;
  readonly #log: (message: string) => void;
  readonly #listeners = new Set<(change: TrainingChange) => void>();
  readonly #subscriptions: { dispose(): void }[];
  #runs: readonly RunInfo[] = [];
  #adapters: readonly AdapterInfo[] = [];
  #known = false;

  constructor(engine: TrainingEngine, log: (message: string) => void) {
    this.#engine = engine;
    this.#log = log;
    this.#subscriptions = [
      engine.onNotification("train/changed", (run) => {
        this.#take(run);
        // A run that has ended may have left an adapter, active or not.
        if (run.state === "finished" && !this.#adapters.some(({ sha256 }) => sha256 === run.receipt?.adapterSha256)) void this.#refreshAdapters();
      }),
      engine.onNotification("adapters/changed", (adapters) => {
        this.#adapters = adapters;
        this.#tell({ kind: "adapters" });
      }),
      engine.onState((state) => { if (state.name === "ready") void this.refresh(); }),
    ];
    if (engine.state.name === "ready") void this.refresh();
  }

  /** Whether the engine was asked once: before, an empty list means nothing. */
  get known(): boolean {
    return this.#known;
  }

  /** Newest first. */
  get runs(): readonly RunInfo[] {
    return this.#runs;
  }

  get adapters(): readonly AdapterInfo[] {
    return this.#adapters;
  }

  /** The adapter that chat and completions use now. */
  get activeAdapter(): AdapterInfo | null {
    return this.#adapters.find(({ active }) => active) ?? null;
  }

  /** The run that computes now, else the next in the queue. */
  get currentRun(): RunInfo | null {
    return this.#runs.find(({ state }) => isOpen(state) && state !== "queued") ?? this.#runs.findLast(({ state }) => state === "queued") ?? null;
  }

  onChange(listener: (change: TrainingChange) => void): { dispose(): void } {
    this.#listeners.add(listener);
    return { dispose: () => this.#listeners.delete(listener) };
  }

  /** Takes in a run that the engine gave as the answer to a request, before its notification comes. */
  note(run: RunInfo): void {
    this.#take(run);
  }

  /** Forgets a run that was deleted. */
  forget(id: string): void {
    this.#runs = this.#runs.filter((run) => run.id !== id);
    this.#tell({ kind: "all" });
  }

  async refresh(): Promise<void> {
    try {
      [this.#runs, this.#adapters] = await Promise.all([this.#engine.request("train/list", null), this.#engine.request("adapters/list", null)]);
    } catch (error) {
      this.#log(`training: the engine gave no list of runs: ${String(error)}`);
    }
    this.#known = true;
    this.#tell({ kind: "all" });
  }

  async #refreshAdapters(): Promise<void> {
    try {
      this.#adapters = await this.#engine.request("adapters/list", null);
      this.#tell({ kind: "adapters" });
    } catch (error) {
      this.#log(`training: the engine gave no list of adapters: ${String(error)}`);
    }
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#listeners.clear();
  }

  #take(run: RunInfo): void {
    const others = this.#runs.filter(({ id }) => id !== run.id);
    this.#runs = [run, ...others].sort((a, b) => b.createdAt - a.createdAt);
    this.#tell({ kind: "run", run });
  }

  #tell(change: TrainingChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}
