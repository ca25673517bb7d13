// One trainer process: how it is found, started and ended. What it does is in tasks/runTraining.ts; what its end means for
// its run, in runManager.ts.
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import path from "node:path";
import { relayChild } from "../base/log.ts";
import { packageDir } from "../base/paths.ts";
import { countChild } from "../base/socketCount.ts";

/** Exit code of a trainer that found another one at work (EX_TEMPFAIL of sysexits.h). */
export const EXIT_BUSY = 75;

export interface TrainerEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface TrainerProcess {
  readonly pid: number;
  readonly ended: Promise<TrainerEnd>;
  /** Calls `listener` with what the trainer says beside its folder (on a full disk it cannot write there). */
  onNotice(listener: (sentence: string) => void): void;
  /** Ends it at once. What it had in hand since its last checkpoint is lost. */
  kill(): void;
  /** Lets go of it: it makes a checkpoint and ends by itself. */
  leave(): void;
}

export type StartTrainer = (runsDir: string, id: string, logFile: string) => TrainerProcess;

/** The bundle where this module is bundled, the source otherwise (tests and tools). */
export function trainerModule(): string {
  return import.meta.url.endsWith(".ts") ? path.join(packageDir(), "src", "engine", "trainer.ts") : path.join(packageDir(), "dist", "trainer.mjs");
}

/** A starter of trainers from `module`; what they print is appended to the run's log file. */
export function trainerStarter(module: string = trainerModule()): StartTrainer {
  return (runsDir, id, logFile) => {
    if (!existsSync(module)) throw new Error(`The trainer ${module} is missing. Install KaLactica again.`);
    const output = openSync(logFile, "a");
    let child: ChildProcess;
    try {
      // The channel's end tells the trainer that the engine is gone, however that came about; it carries notices only.
      child = fork(module, ["run", runsDir, id], {
        execArgv: ["--disable-warning=ExperimentalWarning"],
        env: { ...process.env, ELECTRON_RUN_AS_NODE: "1" },
        stdio: ["ignore", output, output, "ipc"],
      });
    } finally {
      closeSync(output);
    }
    countChild(child);
    relayChild(child);
    const ended = new Promise<TrainerEnd>((resolve) => {
      child.once("exit", (code, signal) => resolve({ code, signal }));
      child.once("error", () => resolve({ code: null, signal: null }));
    });
    const onNotice = (listener: (sentence: string) => void): void => {
      child.on("message", (message) => {
        if (typeof message === "object" && message !== null && "notice" in message && typeof message.notice === "string") listener(message.notice);
      });
    };
    return { pid: child.pid ?? -1, ended, onNotice, kill: () => void child.kill("SIGKILL"), leave: () => { if (child.connected) child.disconnect(); child.unref(); } };
  };
}

/** Whether a process with this id is there. */
export function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
