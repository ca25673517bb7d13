// What the training monitor's page is told: runs and adapters as they change, and the figures of the runs that it shows.
// One session per page. It knows the engine and the page's messages, and nothing of VS Code.
import type { RunFigures } from "../engine/protocol/training.ts";
import { isOpen } from "../webview/monitorProtocol.ts";
import type { MonitorHostMessage, MonitorStatus } from "../webview/monitorProtocol.ts";
import type { TrainingEngine, TrainingState } from "./trainingState.ts";

/** Figures are sent this often at most; people read no faster. */
const FLUSH_MS = 250;

export interface MonitorSessionOptions {
  engine: TrainingEngine;
  training: TrainingState;
  post: (message: MonitorHostMessage) => void;
  status: () => MonitorStatus;
  log: (message: string) => void;
  /** For tests. */
  flushMs?: number;
}

interface Watched {
  /** The last figures sent; those before or at it came with the history. Null until the history was sent. */
  sentAt: number | null;
  waiting: RunFigures[];
}

export class MonitorSession {
  readonly #options: MonitorSessionOptions;
  readonly #watched = new Map<string, Watched>();
  readonly #subscriptions: { dispose(): void }[];
  #chosen: string | null = null;
  /** A validation of the chosen run was reported; the texts that it wrote come before the next figures. */
  #samplesDue = false;
  #timer: NodeJS.Timeout | null = null;
  #disposed = false;

  constructor(options: MonitorSessionOptions) {
    this.#options = options;
    const { engine, training } = options;
    this.#subscriptions = [
      training.onChange((change) => {
        if (change.kind === "adapters") this.#post({ type: "adapters", adapters: [...training.adapters] });
        else if (change.kind === "all") this.sendSnapshot();
        else {
          this.#post({ type: "run", run: change.run });
          // The last samples come with the end of a run.
          if (change.run.id === this.#chosen && !isOpen(change.run.state)) void this.#sendSamples(change.run.id);
        }
      }),
      engine.onNotification("train/figures", ({ id, figures }) => this.#takeFigures(id, figures)),
      engine.onState((state) => {
        this.#post({ type: "status", status: options.status() });
        // A new engine may have gone on with what the old one left: the curves are read anew.
        if (state.name === "ready") this.watch([...this.#watched.keys()], "anew");
      }),
    ];
  }

  sendSnapshot(): void {
    const { training, status } = this.#options;
    this.#post({ type: "snapshot", runs: [...training.runs], adapters: [...training.adapters], status: status() });
  }

  sendStatus(): void {
    this.#post({ type: "status", status: this.#options.status() });
  }

  /** Sends the figures of these runs, and goes on sending what is added; the first one's samples and data too. */
  watch(runIds: readonly string[], how: "more" | "anew" = "more"): void {
    for (const id of [...this.#watched.keys()]) if (how === "anew" || !runIds.includes(id)) this.#watched.delete(id);
    for (const id of runIds) {
      if (this.#watched.has(id)) continue;
      const watched: Watched = { sentAt: null, waiting: [] };
      this.#watched.set(id, watched);
      void this.#sendHistory(id, watched);
    }
    const [chosen = null] = runIds;
    if (chosen !== null && (chosen !== this.#chosen || how === "anew")) {
      void this.#sendSamples(chosen);
      void this.#sendDataset(chosen);
    }
    if (chosen !== this.#chosen) this.#samplesDue = false;
    this.#chosen = chosen;
  }

  dispose(): void {
    this.#disposed = true;
    if (this.#timer) clearTimeout(this.#timer);
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  #takeFigures(id: string, figures: RunFigures): void {
    const watched = this.#watched.get(id);
    if (!watched) return;
    if (id === this.#chosen) {
      if (this.#samplesDue) void this.#sendSamples(id);
      this.#samplesDue = figures.validationLoss !== undefined;
    }
    watched.waiting.push(figures);
    if (watched.sentAt !== null) this.#flushSoon();
  }

  #flushSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      for (const [id, watched] of this.#watched) this.#flush(id, watched);
    }, this.#options.flushMs ?? FLUSH_MS);
  }

  #flush(id: string, watched: Watched): void {
    if (watched.sentAt === null || watched.waiting.length === 0) return;
    // What came while the history was read may be in it already.
    const figures = watched.waiting.filter(({ at }) => at > watched.sentAt!);
    watched.waiting = [];
    if (figures.length === 0) return;
    watched.sentAt = figures.at(-1)!.at;
    this.#post({ type: "figures", runId: id, figures, whole: false });
  }

  async #sendHistory(id: string, watched: Watched): Promise<void> {
    await this.#ask(`the figures of run ${id}`, async () => {
      const figures = await this.#options.engine.request("train/figures", { id, fromStep: 0 });
      if (this.#watched.get(id) !== watched) return;
      watched.sentAt = figures.at(-1)?.at ?? -Infinity;
      this.#post({ type: "figures", runId: id, figures, whole: true });
      this.#flush(id, watched);
    });
  }

  async #sendSamples(id: string): Promise<void> {
    await this.#ask(`the samples of run ${id}`, async () => {
      this.#post({ type: "samples", runId: id, samples: await this.#options.engine.request("train/samples", { id }) });
    });
  }

  async #sendDataset(id: string): Promise<void> {
    const run = this.#options.training.runs.find((other) => other.id === id);
    if (!run) return;
    const found = await this.#ask(`the data of run ${id}`, async () => {
      this.#post({ type: "dataset", runId: id, dataset: await this.#options.engine.request("data/show", { dataset: run.datasetVersion || run.dataset }) });
    });
    if (!found) this.#post({ type: "dataset", runId: id, dataset: null });
  }

  /** Runs a request whose failure leaves a part of the page empty; it is logged, not shown. */
  async #ask(what: string, request: () => Promise<void>): Promise<boolean> {
    try {
      await request();
      return true;
    } catch (error) {
      this.#options.log(`monitor: ${what} could not be read: ${String(error)}`);
      return false;
    }
  }

  #post(message: MonitorHostMessage): void {
    if (!this.#disposed) this.#options.post(message);
  }
}
