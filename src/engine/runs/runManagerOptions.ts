// What the manager of runs is given: its surroundings, passed in so that tests can stand in for them, and its times.
import type { Log } from "../base/log.ts";
import type { RunFigures, RunInfo, RunReceipt } from "../protocol/training.ts";
import type { PowerReader } from "./powerSource.ts";
import type { RunRecord, RunStore } from "./runStore.ts";
import type { StartTrainer } from "./trainerProcess.ts";

export interface RunManagerTimings {
  /** Between looks at the folders of runs that are being trained. */
  followMs: number;
  /** Before a run that found the machine busy is tried again. */
  busyMs: number;
  powerMs: number;
  /** A trainer that was asked to stop and does not is ended after this time. */
  graceMs: number;
}

export const RUN_TIMINGS: RunManagerTimings = { followMs: 250, busyMs: 2_000, powerMs: 30_000, graceMs: 20_000 };

export interface RunManagerOptions {
  store: RunStore;
  /** Held by the trainer that works on this machine. */
  machineLock: string;
  log: Log;
  startTrainer: StartTrainer;
  power: PowerReader;
  settings: () => { pauseOnBattery: boolean; resumeByItself: boolean };
  onChanged: (run: RunInfo) => void;
  onFigures: (id: string, figures: RunFigures) => void;
  /** Makes the adapter of a finished run live; gives the receipt as it is then. */
  goLive: (record: RunRecord) => Promise<RunReceipt>;
  timings?: Partial<RunManagerTimings>;
}
