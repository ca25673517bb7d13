// The one table of what follows from hardware where the user has said nothing: threads, context, how long a completion may take, and
// from which speed on a model is asked for prose. It looks at nothing itself (hardware.ts does) and overrules no setting.
import type { Hardware } from "./hardware.ts";

/** Models below this run on the CPU and on few threads: their tokens take a millisecond or two, and GPU memory stays free (our choice). */
export const SMALL_MODEL_PARAMETERS = 100e6;

/** What decides; a part of Hardware, so that tables can be read and tested without a machine. */
export type Machine = Pick<Hardware, "cores" | "totalRamBytes" | "device"> & { gpu: Pick<NonNullable<Hardware["gpu"]>, "totalVramBytes"> | null };

interface Row {
  /** How doctor and gallery call such a machine. */
  name: string;
  holds: (machine: Machine) => boolean;
  /** Largest context that is taken unasked, in tokens. */
  contextTokens: number;
  /** Threads of models from SMALL_MODEL_PARAMETERS on, of smaller ones, and of training. */
  threads: (cores: number) => { large: number; small: number; training: number };
  /** Milliseconds after which a completion of a model of SMALL_MODEL_PARAMETERS or more is given up. */
  completionMs: number;
}

/**
 * Computing threads: llama.cpp's threads wait for each other by spinning at every operation, so that with all cores taken,
 * any other busy program (a language server) stalls every token. Measured on two cores with a load of 20: 97 tokens/s of
 * prompt on one thread, 9 on two, for a model of 14 MB. So small models use one thread, or two of more than two cores;
 * large ones and training leave a core free where there are four or more.
 */
function threadsOf(cores: number): { large: number; small: number; training: number } {
  const most = cores >= 4 ? cores - 1 : cores;
  return { large: most, small: cores > 2 ? 2 : 1, training: most };
}

/** A suggestion that comes later than this finds most people typing again (our choice). */
const QUICK_MS = 400;
/** A large model on a CPU has little to say within QUICK_MS; whoever chooses one waits for it (our choice). */
const PATIENT_MS = 800;

/** First row that holds. Contexts: 8192 tokens are eight passages, a question and an answer; below 8 GB of memory half of it, with 16 GB of a GPU's twice (our choice). */
const TABLE: readonly Row[] = [
  { name: "GPU with 16 GB or more", holds: ({ device, gpu }) => device !== "cpu" && gpu !== null && gpu.totalVramBytes >= 15.5e9, contextTokens: 16384, threads: threadsOf, completionMs: QUICK_MS },
  { name: "GPU", holds: ({ device, gpu }) => device !== "cpu" && gpu !== null, contextTokens: 8192, threads: threadsOf, completionMs: QUICK_MS },
  { name: "CPU with less than 8 GB of memory", holds: ({ totalRamBytes }) => totalRamBytes < 7.5e9, contextTokens: 4096, threads: threadsOf, completionMs: PATIENT_MS },
  { name: "CPU", holds: () => true, contextTokens: 8192, threads: threadsOf, completionMs: PATIENT_MS },
];

/** Prose that comes more slowly than this is not waited for; the card stands alone (our choice: a line in ten seconds). */
export const LEAST_PROSE_TOKENS_PER_SECOND = 2;

/** How long a completion may take while nothing is known of model and machine. */
export const COMPLETION_CAP_MS = QUICK_MS;

export interface HardwareDefaults {
  /** The kind of machine, for people. */
  kind: string;
  contextTokens: number;
  largeModelThreads: number;
  smallModelThreads: number;
  trainingThreads: number;
  /** For models of SMALL_MODEL_PARAMETERS or more, and for smaller ones. */
  largeModelCompletionMs: number;
  smallModelCompletionMs: number;
}

/** What follows from `machine`. */
export function defaultsFor(machine: Machine): HardwareDefaults {
  const row = TABLE.find(({ holds }) => holds(machine))!;
  const threads = row.threads(Math.max(1, machine.cores));
  return {
    kind: row.name, contextTokens: row.contextTokens, largeModelThreads: threads.large, smallModelThreads: threads.small, trainingThreads: threads.training,
    largeModelCompletionMs: row.completionMs, smallModelCompletionMs: QUICK_MS,
  };
}

/** Threads that a model of this size computes with. */
export function threadsFor(parameters: number, machine: Machine): number {
  const { largeModelThreads, smallModelThreads } = defaultsFor(machine);
  return parameters < SMALL_MODEL_PARAMETERS ? smallModelThreads : largeModelThreads;
}

/** Milliseconds after which a completion by a model of this size is given up. */
export function completionCapMs(parameters: number, machine: Machine): number {
  const { largeModelCompletionMs, smallModelCompletionMs } = defaultsFor(machine);
  return parameters < SMALL_MODEL_PARAMETERS ? smallModelCompletionMs : largeModelCompletionMs;
}
