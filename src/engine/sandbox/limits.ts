// What a run in the sandbox may use, and how it can end. Values only; isolation/ and childRun.ts enforce them.

export interface SandboxLimits {
  /** From the program's start to its end, in ms. */
  readonly wallMs: number;
  /** CPU time of each process, in whole seconds. */
  readonly cpuSeconds: number;
  /** Memory of all processes together, beyond what a bare interpreter takes, in bytes. */
  readonly memoryBytes: number;
  /** Processes and threads at the same time. A bare Node has about 12 threads. */
  readonly processes: number;
  /** Size of one file, in bytes. */
  readonly fileBytes: number;
  /** Size of the whole temporary folder, in bytes (exact where it is a memory file system of its own). */
  readonly folderBytes: number;
  readonly openFiles: number;
  /** Standard output and error together, in bytes. */
  readonly outputBytes: number;
}

/** Enough for a function and its tests, little enough that several at once do no harm. Our choice. */
export const DEFAULT_LIMITS: SandboxLimits = {
  wallMs: 10_000,
  cpuSeconds: 10,
  memoryBytes: 512 * 1024 * 1024,
  processes: 64,
  fileBytes: 16 * 1024 * 1024,
  folderBytes: 64 * 1024 * 1024,
  openFiles: 128,
  outputBytes: 1024 * 1024,
};

/**
 * How a run ended: `passed` exit code 0; `failed` another one; `timeout` wall or CPU time; `memory` and `output` their
 * limits; `killed` by a signal that was not ours.
 */
export type SandboxOutcome = "passed" | "failed" | "timeout" | "memory" | "output" | "killed";

export type SandboxLanguage = "python" | "javascript" | "typescript";

/** The defaults with `over` put over them. A limit that is no positive number is refused by throwing RangeError. */
export function withDefaults(over: Partial<SandboxLimits> = {}): SandboxLimits {
  const limits = { ...DEFAULT_LIMITS, ...over };
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isFinite(value) || value <= 0) throw new RangeError(`The sandbox limit ${name} must be a positive number; it is ${String(value)}.`);
  }
  return limits;
}
