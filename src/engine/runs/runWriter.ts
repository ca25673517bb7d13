// The trainer's hand on its run folder: state, figures (JSON Lines and TensorBoard), samples, receipt, and what it is asked
// for meanwhile. It holds the run's lock as long as it is open. It does not know how figures come about.
import { EngineError } from "../base/errors.ts";
import type { ProcessLock } from "../base/processLock.ts";
import type { RunFigures, RunReceipt, RunSample, RunState } from "../protocol/training.ts";
import { scalarsOf } from "./figureTags.ts";
import { JsonLinesWriter } from "./jsonLines.ts";
import { RESUMABLE_STATES, take } from "./runStore.ts";
import type { RunJob, RunRecord, RunRequest, RunStore } from "./runStore.ts";
import { EventFile } from "./tensorboard.ts";

export class RunWriter {
  readonly job: RunJob;
  readonly #store: RunStore;
  readonly #lock: ProcessLock;
  #record: RunRecord;
  #log: JsonLinesWriter<RunFigures> | null = null;
  #samples: JsonLinesWriter<RunSample> | null = null;
  #events: EventFile | null = null;
  /** State files are written one after another, so that the last word stays the last. */
  #writing: Promise<void> = Promise.resolve();

  private constructor(store: RunStore, lock: ProcessLock, job: RunJob, record: RunRecord) {
    this.#store = store;
    this.#lock = lock;
    this.job = job;
    this.#record = record;
  }

  /** Errors: `busyElsewhere` where another trainer works on the run, `notFound`. */
  static async open(store: RunStore, id: string): Promise<RunWriter> {
    const lock = store.lock(id);
    const record = await store.get(id);
    if (!(await take(lock))) throw new EngineError("busyElsewhere", `Another process is training "${id}". Pause it there first.`, { id });
    try {
      return new RunWriter(store, lock, await store.job(id), record);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  get record(): RunRecord {
    return this.#record;
  }

  /** What an engine asks this run for. */
  requested(): RunRequest | null {
    return this.#store.requested(this.job.id);
  }

  /** Begins logging after `step`, once; what an earlier attempt logged beyond it is dropped. Errors: `diskFull`, `unreadable`. */
  begin(step: number): void {
    if (this.#log) return;
    const { id } = this.job;
    this.#store.forgetAfter(id, step);
    this.#log = new JsonLinesWriter(this.#store.path(id, "log.jsonl"));
    this.#samples = new JsonLinesWriter(this.#store.path(id, "samples.jsonl"));
    this.#events = new EventFile(this.#store.path(id), step + 1);
  }

  /** Errors: `diskFull`, `unreadable`. */
  figures(figures: RunFigures): void {
    this.begin(figures.step - 1);
    this.#record = { ...this.#record, step: figures.step, last: figures, fruitlessStarts: figures.step > (this.#record.last?.step ?? -1) ? 0 : this.#record.fruitlessStarts };
    this.#log?.write(figures);
    this.#events?.add({ step: figures.step, at: figures.at, scalars: scalarsOf(figures) });
  }

  /** Errors: `diskFull`, `unreadable`. */
  sample(sample: RunSample): void {
    this.begin(sample.step);
    this.#samples?.write(sample);
  }

  /** Replaces parts of the state. Errors: `diskFull`, `unreadable`. */
  async update(change: Partial<RunRecord>): Promise<void> {
    const record = { ...this.#record, ...change };
    this.#record = { ...record, resumable: RESUMABLE_STATES.includes(record.state) };
    const writing = this.#writing.catch(() => undefined).then(() => this.#store.write(this.#record));
    this.#writing = writing;
    await writing;
  }

  /** The end of this trainer's work: state, sentence and, where the run is over, its time. */
  async end(state: RunState, sentence: string, change: Partial<RunRecord> = {}): Promise<void> {
    const over = state === "finished" || state === "cancelled" || state === "failed";
    await this.update({ ...change, state, sentence, secondsLeft: null, endedAt: over ? Date.now() : null });
    await this.#store.clearRequest(this.job.id);
  }

  async receipt(receipt: RunReceipt): Promise<void> {
    await this.#store.writeReceipt(this.job.id, receipt);
    await this.update({ receipt });
  }

  close(): void {
    this.#log?.close();
    this.#samples?.close();
    this.#events?.close();
    this.#lock.release();
  }
}
