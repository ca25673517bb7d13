// Runs on disk: a folder each, written so that a kill at any moment loses nothing but the figure being written.
// Who may write: the holder of the run's lock (the trainer while it lives, otherwise an engine for one change).
// It starts nothing (runManager.ts) and trains nothing (training/).
//
// <folder>/<id>/  run.json      state (RunRecord), replaced atomically
//                 config.json   what the run is (RunJob), written once
//                 log.jsonl     figures, one JSON object per line
//                 samples.jsonl texts before and after
//                 receipt.json  what was reached
//                 request       RunRequest, for the trainer
//                 trainer.log   what the trainer and its native libraries print
//                 lock          held by the trainer while it lives
//                 tuning/       checkpoints and samples (training/tune/)
//                 events.out.tfevents.*
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { EngineError, errnoCode } from "../base/errors.ts";
import { writeFileAtomic } from "../base/files.ts";
import { ProcessLock } from "../base/processLock.ts";
import type { RunFigures, RunInfo, RunReceipt, RunSample, RunState, TrainingMethod } from "../protocol/training.ts";
import { filterJsonLines, readJsonLines } from "./jsonLines.ts";

/** What a run is, fixed when it is started: all that its trainer needs. */
export interface RunJob {
  readonly id: string;
  readonly method: TrainingMethod;
  readonly model: { readonly name: string; readonly file: string; readonly sha256: string };
  readonly dataset: { readonly name: string; readonly version: string };
  /** Folder of the data store. */
  readonly dataDir: string;
  /** Folder of the adapter store. */
  readonly adaptersDir: string;
  /** Whole configuration of the method (training/tune/runConfig.ts). */
  readonly config: Readonly<Record<string, unknown>>;
  readonly promote: "whenBetter" | "never";
  readonly executeCode: boolean;
  readonly threads: number;
  /** The setting `model.device` when the run was started; runs of before it mattered have none, and compute on the processor. */
  readonly device?: "auto" | "cpu" | "gpu";
  /** Held by whoever trains on this machine: one at a time, across windows and folders. */
  readonly machineLock: string;
}

/** State of a run as stored: what clients see, and what only engines need. */
export interface RunRecord extends RunInfo {
  /** The engine that queues or supervises it, by process id. */
  ownerPid: number;
  /** It did not stop on a person's word, so that it may go on by itself when an engine starts. */
  stoppedByItself: boolean;
  /** Starts without a step of progress since, so that a run that always dies is not started for ever. */
  fruitlessStarts: number;
  /** A finished run whose adapter shall go live, which an engine does: it alone can see that it is truly applied. */
  goLive: boolean;
}

/** What a trainer is asked for, with what its run's state shall say then. */
export interface RunRequest {
  readonly wanted: "pause" | "cancel";
  readonly sentence: string;
  /** Not a person's wish: the run may go on by itself. */
  readonly byItself: boolean;
}

/** States in which a trainer works on a run. */
export const ACTIVE_STATES: readonly RunState[] = ["preparing", "running", "pausing", "evaluating"];
/** States in which a run can be gone on with. */
export const RESUMABLE_STATES: readonly RunState[] = ["paused", "interrupted", "failed"];

/** What {@link newRunId} makes; nothing that could lead out of the folder. */
const RUN_ID = /^[\w-]+$/;
const LOG_TAIL_BYTES = 16_384;
const LOCK_ATTEMPTS = 4;
const LOCK_PAUSE_MS = 25;

/** A name that sorts by time and says the method. */
export function newRunId(method: TrainingMethod, now: Date = new Date()): string {
  const stamp = now.toISOString().replace(/[-:]/g, "").replace("T", "-").slice(0, 15);
  return `${stamp}-${method}-${randomBytes(2).toString("hex")}`;
}

export class RunStore {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** A file or folder of a run. */
  path(id: string, ...parts: string[]): string {
    return path.join(this.folder, id, ...parts);
  }

  /** Errors: `diskFull`, `unreadable`. */
  async create(job: RunJob, record: RunRecord): Promise<void> {
    await mkdir(this.path(job.id), { recursive: true });
    await writeFileAtomic(this.path(job.id, "config.json"), `${JSON.stringify(job, null, 2)}\n`);
    await this.write(record);
  }

  /** All runs, newest first. A folder without a readable run.json is passed over: it was being made or removed. */
  async list(): Promise<RunRecord[]> {
    let names: string[];
    try {
      names = await readdir(this.folder);
    } catch (error) {
      if (errnoCode(error) === "ENOENT") return [];
      throw new EngineError("unreadable", `The folder of training runs ${this.folder} cannot be read (${errnoCode(error) ?? "unknown error"}). Check its permissions.`, {}, error);
    }
    const records = await Promise.all(names.map((name) => this.#read(name)));
    return records.filter((record) => record !== null).sort((a, b) => b.createdAt - a.createdAt || b.id.localeCompare(a.id));
  }

  /** Errors: `notFound`; `dataInvalid` where its state is damaged. */
  async get(id: string): Promise<RunRecord> {
    const record = await this.#read(id);
    if (!record && RUN_ID.test(id) && existsSync(this.path(id, "run.json"))) {
      throw new EngineError("dataInvalid", `The state of the training run "${id}" is damaged (${this.path(id, "run.json")}). Its figures and receipt still lie beside that file, and its adapter in the adapters' folder. Delete ${this.path(id)} once you need them no more.`, { id });
    }
    if (!record) throw new EngineError("notFound", `There is no training run "${id}". \`kalactica train status\` lists the runs of this folder.`, { id });
    return record;
  }

  /** The run with this id, or the one that starts with it. Errors: `notFound`, `badRequest` where several do. */
  async find(idOrBeginning: string): Promise<RunRecord> {
    const all = await this.list();
    const found = all.filter((record) => record.id === idOrBeginning);
    const matching = found.length > 0 ? found : all.filter((record) => record.id.startsWith(idOrBeginning) || record.id.endsWith(`-${idOrBeginning}`));
    if (matching.length > 1) throw new EngineError("badRequest", `"${idOrBeginning}" could be ${matching.map((record) => record.id).join(" or ")}. Write more of the name.`);
    return matching[0] ?? this.get(idOrBeginning);
  }

  /** Errors: `notFound`. */
  async job(id: string): Promise<RunJob> {
    try {
      return JSON.parse(await readFile(this.path(id, "config.json"), "utf8")) as RunJob;
    } catch (error) {
      throw new EngineError("notFound", `The training run "${id}" has no readable config.json. Start it anew.`, { id }, error);
    }
  }

  /** Replaces the state. Only with the run's lock, or before a trainer was started. Errors: `diskFull`, `unreadable`. */
  async write(record: RunRecord): Promise<void> {
    await writeFileAtomic(this.path(record.id, "run.json"), `${JSON.stringify(record, null, 2)}\n`);
  }

  /** Changes the state where no trainer works on the run; null where one does. Errors: `notFound`, those of writing. */
  async change(id: string, change: (record: RunRecord) => Partial<RunRecord>): Promise<RunRecord | null> {
    const lock = this.lock(id);
    if (!(await take(lock))) return null;
    try {
      const record = await this.get(id);
      const changed = { ...record, ...change(record) };
      await this.write({ ...changed, resumable: RESUMABLE_STATES.includes(changed.state) });
      return await this.get(id);
    } finally {
      lock.release();
    }
  }

  lock(id: string): ProcessLock {
    return new ProcessLock(this.path(id, "lock"));
  }

  /** Whether a trainer works on the run. */
  async isTrained(id: string): Promise<boolean> {
    const lock = this.lock(id);
    const free = await take(lock);
    lock.release();
    return !free;
  }

  /** Asks the trainer for something; it looks between its units of work. */
  async request(id: string, request: RunRequest): Promise<void> {
    await writeFileAtomic(this.path(id, "request"), JSON.stringify(request));
  }

  /** What the trainer is asked for now; it stays until {@link clearRequest}. */
  requested(id: string): RunRequest | null {
    const file = this.path(id, "request");
    if (!existsSync(file)) return null;
    try {
      return JSON.parse(readFileSync(file, "utf8")) as RunRequest;
    } catch {
      return null;
    }
  }

  async clearRequest(id: string): Promise<void> {
    await rm(this.path(id, "request"), { force: true });
  }

  /** The history from `fromStep` on. */
  figures(id: string, fromStep: number): RunFigures[] {
    return readJsonLines<RunFigures>(this.path(id, "log.jsonl")).filter((figures) => figures.step >= fromStep);
  }

  /** Drops what an abandoned attempt logged after `step`, since it is done again. With the run's lock. */
  forgetAfter(id: string, step: number): void {
    for (const name of ["log.jsonl", "samples.jsonl"]) filterJsonLines<{ step: number }>(this.path(id, name), (line) => line.step <= step);
  }

  samples(id: string): RunSample[] {
    return readJsonLines<RunSample>(this.path(id, "samples.jsonl"));
  }

  async writeReceipt(id: string, receipt: RunReceipt): Promise<void> {
    await writeFileAtomic(this.path(id, "receipt.json"), `${JSON.stringify(receipt, null, 2)}\n`);
  }

  /** The last lines that the trainer printed. */
  logTail(id: string, lines = 12): string[] {
    let handle: number;
    try {
      handle = openSync(this.path(id, "trainer.log"), "r");
    } catch {
      return [];
    }
    try {
      const { size } = fstatSync(handle);
      const bytes = Buffer.alloc(Math.min(size, LOG_TAIL_BYTES));
      readSync(handle, bytes, 0, bytes.length, size - bytes.length);
      return bytes.toString("utf8").split("\n").filter((line) => line.trim() !== "").slice(-lines);
    } finally {
      closeSync(handle);
    }
  }

  /** Frees the space that only going on would need. */
  async removeCheckpoints(id: string): Promise<void> {
    await rm(this.path(id, "tuning"), { recursive: true, force: true });
  }

  /** Errors: `badRequest` where a trainer works on it, `notFound`. */
  async remove(id: string): Promise<void> {
    await this.get(id);
    if (await this.isTrained(id)) throw new EngineError("badRequest", `The training run "${id}" is running. Cancel it first.`, { id });
    // First the state, so that a removal cut short leaves nothing that looks like a run.
    await rm(this.path(id, "run.json"), { force: true });
    await rm(this.path(id), { recursive: true, force: true });
  }

  async #read(id: string): Promise<RunRecord | null> {
    if (!RUN_ID.test(id)) return null;
    try {
      const value = JSON.parse(await readFile(this.path(id, "run.json"), "utf8")) as RunRecord;
      return typeof value.id === "string" && value.id === id ? value : null;
    } catch {
      return null;
    }
  }
}

/** Takes a lock that another process may hold for the moment of a look. */
export async function take(lock: ProcessLock): Promise<boolean> {
  for (let attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
    if (lock.tryTake()) return true;
    await new Promise((resolve) => setTimeout(resolve, LOCK_PAUSE_MS));
  }
  return lock.tryTake();
}

/** What clients see of a record. */
export function runInfo(record: RunRecord): RunInfo {
  const own: (keyof RunRecord)[] = ["ownerPid", "stoppedByItself", "fruitlessStarts", "goLive"];
  return Object.fromEntries(Object.entries(record).filter(([name]) => !own.includes(name as keyof RunRecord))) as unknown as RunInfo;
}
