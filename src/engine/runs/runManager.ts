// The queue of runs and the supervision of their trainer: one trains at a time on this machine, whatever window it belongs
// to; its state and figures are followed through its folder, so that a run of another window shows too.
// It does not know what a run computes; a trainer is asked through its folder and speaks through it (runWriter.ts).
import { EngineError } from "../base/errors.ts";
import { ProcessLock } from "../base/processLock.ts";
import type { RunFigures, RunInfo, RunReceipt, RunSample } from "../protocol/training.ts";
import { sentenceOfEnd } from "./runEnd.ts";
import { RunFollower } from "./runFollower.ts";
import { RUN_TIMINGS } from "./runManagerOptions.ts";
import type { RunManagerOptions, RunManagerTimings } from "./runManagerOptions.ts";
import { ACTIVE_STATES, RESUMABLE_STATES, runInfo } from "./runStore.ts";
import type { RunJob, RunRecord, RunRequest, RunStore } from "./runStore.ts";
import { EXIT_BUSY, isAlive } from "./trainerProcess.ts";
import type { TrainerEnd, TrainerProcess } from "./trainerProcess.ts";

/** A run that died at once this many times is not started by itself any more. */
const FRUITLESS_STARTS = 2;

const ON_BATTERY = "Paused while this machine runs on battery; it goes on with mains power (setting \"kalactica.training.pauseOnBattery\").";
const MACHINE_BUSY = "Waits until another training run on this machine has ended.";

export class RunManager {
  readonly #options: RunManagerOptions;
  readonly #timings: RunManagerTimings;
  readonly #store: RunStore;
  #queue: string[] = [];
  /** Runs of ours whose trainer is gone and whose end is being written down: nobody else finds a reason for it. */
  readonly #ending = new Set<string>();
  #active: { id: string; process: TrainerProcess; cancelled: boolean } | null = null;
  /** Runs that were paused for the battery and go on afterwards. */
  readonly #forPower = new Set<string>();
  readonly #follower: RunFollower;
  readonly #listeners = new Set<(record: RunRecord) => void>();
  #pumpTimer: NodeJS.Timeout | null = null;
  #powerTimer: NodeJS.Timeout | null = null;
  #pumping = false;
  #adopts = false;
  #closed = false;

  constructor(options: RunManagerOptions) {
    this.#options = options;
    this.#timings = { ...RUN_TIMINGS, ...options.timings };
    this.#store = options.store;
    this.#follower = new RunFollower(options.store, this.#timings.followMs, {
      onFigures: options.onFigures,
      onRecord: (id, record) => this.#seen(id, record),
      onQuiet: (id) => this.#quiet(id),
    }, options.log);
  }

  /**
   * Finds what earlier engines left: a run whose trainer died is "interrupted". With `adopt`, what did not stop on a
   * person's word goes on by itself, where the setting says so.
   */
  async recover(adopt: boolean): Promise<void> {
    this.#adopts = adopt;
    for (const record of await this.#store.list()) {
      if (ACTIVE_STATES.includes(record.state)) {
        const changed = await this.#markInterrupted(record.id);
        if (changed) await this.#adopt(changed);
        else this.#follower.follow(record.id);
      } else {
        await this.#adopt(await this.#promote(record));
      }
    }
  }

  async list(): Promise<RunInfo[]> {
    const records = await this.#store.list();
    for (const record of records) if (ACTIVE_STATES.includes(record.state)) this.#follower.follow(record.id);
    return records.map(runInfo);
  }

  /** Errors: `notFound`, `badRequest` where the beginning of an id fits several. */
  async get(idOrBeginning: string): Promise<RunInfo> {
    return runInfo(await this.#store.find(idOrBeginning));
  }

  figures(id: string, fromStep: number): RunFigures[] {
    return this.#store.figures(id, fromStep);
  }

  samples(id: string): RunSample[] {
    return this.#store.samples(id);
  }

  /** Queues a new run. Errors: `diskFull`, `unreadable`. */
  async start(job: RunJob, info: Omit<RunInfo, "state" | "sentence" | "resumable">): Promise<RunInfo> {
    const record: RunRecord = { ...info, state: "queued", sentence: "", resumable: false, ownerPid: process.pid, stoppedByItself: false, fruitlessStarts: 0, goLive: false };
    await this.#store.create(job, record);
    this.#enqueue(record);
    return runInfo(record);
  }

  /** Queues a run that was stopped. Errors: `notFound`, `badRequest` where there is nothing to go on with. */
  async resume(idOrBeginning: string): Promise<RunInfo> {
    const { id, state } = await this.#store.find(idOrBeginning);
    if (!RESUMABLE_STATES.includes(state)) throw new EngineError("badRequest", `The training run ${id} is ${state}, so there is nothing to resume.`, { id, state });
    this.#forPower.delete(id);
    const record = await this.#store.change(id, () => ({ state: "queued", sentence: "", endedAt: null, ownerPid: process.pid, stoppedByItself: false }));
    if (!record) throw new EngineError("busyElsewhere", `Another process is still working on the training run ${id}. Try again in a moment.`, { id });
    this.#enqueue(record);
    return runInfo(record);
  }

  /** Asks for a checkpoint and a stop. Errors: `notFound`, `badRequest` where it does not run. */
  async pause(idOrBeginning: string): Promise<RunInfo> {
    const { id } = await this.#store.find(idOrBeginning);
    this.#forPower.delete(id);
    return this.#pause(id, { wanted: "pause", sentence: "", byItself: false });
  }

  /** Stops a run for good; its figures stay, its checkpoints go. Errors: `notFound`, `badRequest` where it is over. */
  async cancel(idOrBeginning: string): Promise<RunInfo> {
    const record = await this.#store.find(idOrBeginning);
    const { id, state } = record;
    if (state === "finished" || state === "cancelled") throw new EngineError("badRequest", `The training run ${id} is ${state} already.`, { id, state });
    this.#forget(id);
    const request: RunRequest = { wanted: "cancel", sentence: "", byItself: false };
    const changed = this.#active?.id === id ? null : await this.#store.change(id, () => ({ state: "cancelled", sentence: "", endedAt: Date.now(), secondsLeft: null }));
    if (changed) {
      await this.#store.removeCheckpoints(id);
      return this.#changed(changed);
    }
    await this.#store.request(id, request);
    if (this.#active?.id === id) {
      this.#active.cancelled = true;
      this.#insist(this.#active.process);
    }
    return runInfo({ ...record, state: "pausing" });
  }

  /** Errors: `notFound`, `badRequest` while it runs. */
  async remove(idOrBeginning: string): Promise<void> {
    const { id } = await this.#store.find(idOrBeginning);
    this.#forget(id);
    await this.#store.remove(id);
  }

  /** Resolves when the run neither waits nor is worked on, with its state then. */
  async settled(id: string): Promise<RunInfo> {
    const isOver = ({ state, goLive }: RunRecord): boolean => state !== "queued" && !ACTIVE_STATES.includes(state) && this.#active?.id !== id && !goLive;
    const record = await this.#store.get(id);
    if (isOver(record)) return runInfo(record);
    if (ACTIVE_STATES.includes(record.state)) this.#follower.follow(id);
    return new Promise((resolve) => {
      const listener = (changed: RunRecord): void => {
        if (changed.id !== id || !isOver(changed)) return;
        this.#listeners.delete(listener);
        resolve(runInfo(changed));
      };
      this.#listeners.add(listener);
    });
  }

  /** Lets go: trainers make a checkpoint and end by themselves. */
  close(): void {
    this.#closed = true;
    this.#follower.close();
    for (const timer of [this.#pumpTimer, this.#powerTimer]) if (timer) clearTimeout(timer);
    this.#active?.process.leave();
    this.#listeners.clear();
  }

  async #pause(id: string, request: RunRequest): Promise<RunInfo> {
    const record = await this.#store.get(id);
    if (record.state === "queued") {
      this.#queue = this.#queue.filter((other) => other !== id);
      const changed = await this.#store.change(id, (now) => now.state === "queued" ? { state: "paused", sentence: request.sentence, stoppedByItself: request.byItself } : {});
      if (changed) return this.#changed(changed);
    } else if (!ACTIVE_STATES.includes(record.state)) {
      throw new EngineError("badRequest", `The training run ${id} is ${record.state}, so there is nothing to pause.`, { id, state: record.state });
    }
    await this.#store.request(id, request);
    this.#follower.follow(id);
    return this.#changed({ ...record, state: "pausing" });
  }

  async #adopt(record: RunRecord): Promise<void> {
    if (isAlive(record.ownerPid) && record.ownerPid !== process.pid) return;
    if (record.state === "queued") {
      if (this.#queue.includes(record.id)) return;
      if (this.#adopts) await this.#resumeQueued(record);
      else if (record.ownerPid !== process.pid) await this.#store.change(record.id, (now) => now.state === "queued" ? { state: "paused", sentence: "It waited for its turn when its window was closed." } : {});
      return;
    }
    const wanted = this.#adopts && this.#options.settings().resumeByItself && record.stoppedByItself && record.fruitlessStarts < FRUITLESS_STARTS;
    if (wanted && (record.state === "paused" || record.state === "interrupted")) await this.resume(record.id);
  }

  async #resumeQueued(record: RunRecord): Promise<void> {
    const changed = await this.#store.change(record.id, (now) => now.state === "queued" ? { ownerPid: process.pid } : {});
    if (changed?.state === "queued") this.#enqueue(changed);
  }

  #enqueue(record: RunRecord): void {
    this.#queue.push(record.id);
    this.#changed(record);
    this.#pumpSoon(0);
  }

  #forget(id: string): void {
    this.#queue = this.#queue.filter((other) => other !== id);
    this.#forPower.delete(id);
  }

  #pumpSoon(ms: number): void {
    if (this.#closed) return;
    if (this.#pumpTimer) clearTimeout(this.#pumpTimer);
    this.#pumpTimer = setTimeout(() => {
      this.#pumpTimer = null;
      this.#pump().catch((error: unknown) => this.#options.log.error("The queue of training runs stopped", { error: String(error) }));
    }, ms);
  }

  /** Starts the next run where nothing keeps it from training. */
  async #pump(): Promise<void> {
    const id = this.#queue[0];
    if (this.#closed || this.#active || id === undefined) return;
    if (this.#pumping) {
      // A slow disk: whoever is at it may just have decided to wait.
      this.#pumpSoon(this.#timings.busyMs);
      return;
    }
    this.#pumping = true;
    try {
      if (this.#options.settings().pauseOnBattery && (await this.#options.power()) === "battery") {
        await this.#wait(id, ON_BATTERY, this.#timings.powerMs);
        return;
      }
      const machine = new ProcessLock(this.#options.machineLock);
      const free = machine.tryTake();
      machine.release();
      if (!free) {
        await this.#wait(id, MACHINE_BUSY, this.#timings.busyMs);
        return;
      }
      this.#queue = this.#queue.filter((other) => other !== id);
      await this.#launch(id);
    } finally {
      this.#pumping = false;
    }
  }

  async #wait(id: string, sentence: string, ms: number): Promise<void> {
    this.#pumpSoon(ms);
    const { sentence: before } = await this.#store.get(id);
    if (before === sentence) return;
    const changed = await this.#store.change(id, (now) => now.state === "queued" ? { sentence } : {});
    if (changed) this.#changed(changed);
  }

  async #launch(id: string): Promise<void> {
    await this.#store.clearRequest(id);
    const record = await this.#store.change(id, (now) => now.state === "queued" ? { state: "preparing", sentence: "", ownerPid: process.pid, fruitlessStarts: now.fruitlessStarts + 1 } : {});
    if (record?.state !== "preparing" || this.#closed) {
      this.#pumpSoon(0);
      return;
    }
    this.#changed(record);
    let process_: TrainerProcess;
    try {
      process_ = this.#options.startTrainer(this.#store.folder, id, this.#store.path(id, "trainer.log"));
    } catch (error) {
      await this.#settle(id, { state: "failed", sentence: error instanceof Error ? error.message : String(error), endedAt: Date.now() });
      return;
    }
    this.#active = { id, process: process_, cancelled: false };
    process_.onNotice((sentence) => {
      this.#store.get(id).then((now) => this.#changed({ ...now, sentence }), () => undefined);
    });
    this.#follower.follow(id);
    this.#watchPower();
    void process_.ended.then(async (end) => {
      this.#ending.add(id);
      await this.#ended(id, end).finally(() => this.#ending.delete(id));
    }).catch((error: unknown) => this.#options.log.error("The end of a training run could not be noted", { id, error: String(error) }));
  }

  /** A trainer is gone: what it did not say itself is found out and said for it. */
  async #ended(id: string, end: TrainerEnd): Promise<void> {
    const cancelled = this.#active?.cancelled === true;
    if (this.#active?.id === id) this.#active = null;
    if (this.#closed) return;
    this.#follower.report(id);
    const record = await this.#store.get(id);
    if (!ACTIVE_STATES.includes(record.state)) {
      await this.#promote(record);
      await this.#settle(id, {});
    }
    else if (end.code === EXIT_BUSY) {
      const changed = await this.#store.change(id, () => ({ state: "queued", sentence: MACHINE_BUSY, fruitlessStarts: Math.max(0, record.fruitlessStarts - 1) }));
      if (changed) {
        this.#queue.unshift(id);
        this.#changed(changed);
      }
      this.#pumpSoon(this.#timings.busyMs);
    } else if (cancelled) {
      await this.#settle(id, { state: "cancelled", sentence: "", endedAt: Date.now(), secondsLeft: null });
      await this.#store.removeCheckpoints(id);
    } else {
      const fromOutside = end.signal === "SIGKILL" || end.signal === "SIGTERM";
      const sentence = sentenceOfEnd(record, end, this.#store.logTail(id));
      this.#options.log.warn("A trainer ended unexpectedly", { id, code: end.code, signal: end.signal });
      await this.#settle(id, { state: fromOutside ? "interrupted" : "failed", sentence, stoppedByItself: fromOutside, secondsLeft: null, endedAt: fromOutside ? null : Date.now() });
    }
  }

  /** Where a finished run's adapter is to go live, does that; a run of a living engine is left to it. */
  async #promote(record: RunRecord): Promise<RunRecord> {
    if (!record.goLive || this.#closed || (record.ownerPid !== process.pid && isAlive(record.ownerPid))) return record;
    let receipt: RunReceipt | null = record.receipt;
    try {
      receipt = await this.#options.goLive(record);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#options.log.error("The adapter of a finished run could not be made live", { id: record.id, error: why });
      receipt = receipt && { ...receipt, promoted: false, sentence: `The adapter was better, but it could not be made live: ${why}` };
    }
    if (receipt) await this.#store.writeReceipt(record.id, receipt);
    return (await this.#store.change(record.id, () => ({ goLive: false, receipt, sentence: receipt?.sentence ?? record.sentence }))) ?? record;
  }

  async #settle(id: string, change: Partial<RunRecord>): Promise<void> {
    this.#follower.forget(id);
    let record = await this.#store.get(id);
    try {
      record = (await this.#store.change(id, () => change)) ?? (await this.#store.get(id));
    } catch (error) {
      // A full disk must not keep anyone waiting for an end that has come; the next engine finds it out again.
      this.#options.log.error("The state of a training run could not be written", { id, error: error instanceof Error ? error.message : String(error) });
      record = { ...record, ...change };
    }
    this.#changed(record);
    this.#pumpSoon(0);
  }

  #insist(trainer: TrainerProcess): void {
    const timer = setTimeout(() => trainer.kill(), this.#timings.graceMs);
    void trainer.ended.then(() => clearTimeout(timer));
  }

  #changed(record: RunRecord): RunInfo {
    const info = runInfo(record);
    this.#options.onChanged(info);
    for (const listener of [...this.#listeners]) listener(record);
    return info;
  }

  /** Another state of a followed run. */
  async #seen(id: string, record: RunRecord | null): Promise<boolean> {
    if (record) this.#changed(record);
    if (this.#active?.id === id || (record && ACTIVE_STATES.includes(record.state))) return true;
    if (record) await this.#adopt(record);
    return false;
  }

  /** A trainer of another process that was killed says nothing any more: its lock tells. */
  async #quiet(id: string): Promise<boolean> {
    if (this.#active?.id === id || this.#ending.has(id) || (await this.#store.isTrained(id))) return true;
    const changed = await this.#markInterrupted(id).catch(() => null);
    if (changed) {
      this.#changed(changed);
      await this.#adopt(changed);
    }
    return false;
  }

  /** Notes that nobody works any more on a run that says so; null while a trainer does. */
  #markInterrupted(id: string): Promise<RunRecord | null> {
    return this.#store.change(id, (now) => ACTIVE_STATES.includes(now.state) ? { state: "interrupted", stoppedByItself: true, sentence: sentenceOfEnd(now, null, this.#store.logTail(id)) } : {});
  }

  /** Looks at the power source as long as something trains or waits for mains power. */
  #watchPower(): void {
    if (this.#powerTimer || this.#closed) return;
    this.#powerTimer = setTimeout(() => {
      this.#powerTimer = null;
      this.#lookAtPower().catch((error: unknown) => this.#options.log.warn("The power source could not be read", { error: String(error) }));
    }, this.#timings.powerMs);
    this.#powerTimer.unref();
  }

  async #lookAtPower(): Promise<void> {
    const onBattery = this.#options.settings().pauseOnBattery && (await this.#options.power()) === "battery";
    if (onBattery && this.#active && !this.#forPower.has(this.#active.id)) {
      const { id } = this.#active;
      this.#forPower.add(id);
      await this.#pause(id, { wanted: "pause", sentence: ON_BATTERY, byItself: true });
    } else if (!onBattery) {
      for (const id of [...this.#forPower]) {
        const { state } = await this.#store.get(id);
        if (state === "paused") await this.resume(id);
        else if (!ACTIVE_STATES.includes(state)) this.#forPower.delete(id);
      }
    }
    if (this.#active || this.#forPower.size > 0) this.#watchPower();
  }
}
