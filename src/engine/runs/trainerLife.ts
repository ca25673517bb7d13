// The life of a trainer process around its work: low priority, locks, wishes from outside (pause, cancel, the engine's end,
// signals), and the state that the run is left in. What the work is, is passed in.
import os from "node:os";
import { EngineError, isCancelled } from "../base/errors.ts";
import { ProcessLock } from "../base/processLock.ts";
import type { RunState } from "../protocol/training.ts";
import { RunStore, take } from "./runStore.ts";
import type { RunRequest } from "./runStore.ts";
import { RunWriter } from "./runWriter.ts";
import { EXIT_BUSY } from "./trainerProcess.ts";

/** Below what a person does at the same time, above what only idle machines do. Windows: below normal. */
const NICENESS = 10;
const REQUEST_POLL_MS = 200;

export interface TrainerContext {
  readonly writer: RunWriter;
  /** Aborted: make a checkpoint and stop. */
  readonly pause: AbortSignal;
  /** Aborted: stop; nothing is needed any more. */
  readonly cancel: AbortSignal;
  /** Shows a sentence beside the run's state until its next step; where the disk is full, the engine hears of it all the same. */
  readonly notice: (sentence: string) => void;
}

export interface TrainerOutcome {
  readonly state: Extract<RunState, "finished" | "paused" | "cancelled">;
  /** What is to be said beside the state; "" where it says all. */
  readonly sentence: string;
}

/** Works on run `id` until its end; resolves with the exit code of the process. */
export async function liveAsTrainer(runsDir: string, id: string, work: (context: TrainerContext) => Promise<TrainerOutcome>): Promise<number> {
  try {
    os.setPriority(NICENESS);
  } catch {
    // Forbidden in some containers: the run is only less polite.
  }
  const store = new RunStore(runsDir);
  const { machineLock } = await store.job(id);
  const machine = new ProcessLock(machineLock);
  if (!(await take(machine))) return EXIT_BUSY;
  const writer = await openUnlessBusy(store, id);
  if (!writer) {
    machine.release();
    return EXIT_BUSY;
  }
  const wishes = new Wishes(writer);
  try {
    const notice = (sentence: string): void => {
      if (process.connected) process.send?.({ notice: sentence });
      writer.update({ sentence }).catch((error: unknown) => console.error(error));
    };
    const outcome = await work({ writer, notice, pause: wishes.pause.signal, cancel: wishes.cancel.signal });
    const asked = wishes.last;
    await writer.end(outcome.state, outcome.state === "paused" ? asked?.sentence ?? outcome.sentence : outcome.sentence, { stoppedByItself: outcome.state === "paused" && asked?.byItself === true });
    // What only going on would need.
    if (outcome.state !== "paused") await store.removeCheckpoints(id);
    return 0;
  } catch (error) {
    return await endWith(error, store, writer, wishes);
  } finally {
    wishes.close();
    writer.close();
    machine.release();
  }
}

async function openUnlessBusy(store: RunStore, id: string): Promise<RunWriter | null> {
  try {
    return await RunWriter.open(store, id);
  } catch (error) {
    if (error instanceof EngineError && error.reason === "busyElsewhere") return null;
    throw error;
  }
}

async function endWith(error: unknown, store: RunStore, writer: RunWriter, wishes: Wishes): Promise<number> {
  if (wishes.cancel.signal.aborted) {
    await writer.end("cancelled", "");
    await store.removeCheckpoints(writer.job.id);
    return 0;
  }
  // A stop before the work could make a checkpoint: whatever the last one holds is gone on with.
  if (wishes.pause.signal.aborted && isCancelled(error)) {
    await writer.end("paused", wishes.last?.sentence ?? "", { stoppedByItself: wishes.last?.byItself === true });
    return 0;
  }
  console.error(error);
  if (error instanceof EngineError) await writer.end(error.reason === "diskFull" ? "interrupted" : "failed", error.message);
  else await writer.end("failed", `The training run failed: ${error instanceof Error ? error.message : String(error)}. trainer.log in the run's folder has the details.`);
  return 1;
}

/** What is asked of this process, from whichever side. */
class Wishes {
  readonly pause = new AbortController();
  readonly cancel = new AbortController();
  readonly #writer: RunWriter;
  readonly #poll: NodeJS.Timeout;
  #signalled: RunRequest | null = null;

  constructor(writer: RunWriter) {
    this.#writer = writer;
    this.#poll = setInterval(() => this.#look(), REQUEST_POLL_MS);
    // Ctrl-C in a terminal reaches every process in it; the others are the system's.
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => this.#stop({ wanted: "pause", sentence: "", byItself: signal !== "SIGINT" }));
    const engineGone = (): void => this.#stop({ wanted: "pause", sentence: "Its window was closed.", byItself: true });
    process.on("disconnect", engineGone);
    // An engine that ended while this process started up leaves a channel that is closed already.
    if (process.channel !== undefined && process.channel !== null && !process.connected) engineGone();
  }

  /** The wish that stopped the run; one written into its folder says more than a signal. */
  get last(): RunRequest | null {
    return this.#writer.requested() ?? this.#signalled;
  }

  close(): void {
    clearInterval(this.#poll);
    if (process.connected) process.disconnect();
  }

  #look(): void {
    const request = this.#writer.requested();
    if (request) this.#stop(request);
  }

  #stop(request: RunRequest): void {
    if (request.wanted === "cancel") this.cancel.abort();
    if (this.pause.signal.aborted) return;
    this.#signalled = request;
    if (request.wanted === "pause") this.pause.abort();
    this.#writer.update({ state: "pausing" }).catch((error: unknown) => console.error(error));
  }
}
