// What an engine process, and this process as its client, hold at one moment: memory after garbage collection, files,
// timers, listeners. Judges whether a series of such readings grows.
import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const PROBE = path.join(path.dirname(fileURLToPath(import.meta.url)), "engineProbe.cjs");

/** Bytes after garbage collection; counts of what is open. */
export interface Reading {
  action: number;
  pid: number;
  rss: number;
  heapUsed: number;
  external: number;
  /** Open file descriptors; 0 where the system does not tell. */
  files: number;
  timers: number;
  /** Handles other than timers: channels, sockets, watchers, workers. */
  handles: number;
  listeners: number;
  warnings: number;
  /** The client's side: heap of this process after garbage collection. */
  clientHeap: number;
}

interface Probed { pid: number; rss: number; heapUsed: number; external: number; resources: Record<string, number>; listeners: number; warnings: number }

/** Reads the engine `pid` that was started with {@link PROBE} and KALACTICA_PROBE=`file`. Errors: one that does not answer in 20 s. */
export async function readEngine(pid: number, file: string, action: number): Promise<Reading> {
  rmSync(file, { force: true });
  process.kill(pid, "SIGUSR2");
  const end = Date.now() + 20_000;
  while (!existsSync(file)) {
    if (Date.now() > end) throw new Error(`The engine ${pid} does not answer the probe.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const probed = JSON.parse(readFileSync(file, "utf8")) as Probed;
  const timers = probed.resources["Timeout"] ?? 0;
  const handles = Object.values(probed.resources).reduce((sum, count) => sum + count, 0) - timers;
  globalThis.gc?.();
  return { action, pid, rss: probed.rss, heapUsed: probed.heapUsed, external: probed.external, files: openFiles(pid), timers, handles, listeners: probed.listeners, warnings: probed.warnings, clientHeap: process.memoryUsage().heapUsed };
}

function openFiles(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}

export type Measure = Exclude<keyof Reading, "action" | "pid">;

/** The medians of the first and the last third of a series, and the growth between them as a part of the first. */
export function growth(readings: readonly Reading[], measure: Measure): { first: number; last: number; growth: number } {
  const third = Math.max(1, Math.floor(readings.length / 3));
  const first = median(readings.slice(0, third).map((reading) => reading[measure]));
  const last = median(readings.slice(-third).map((reading) => reading[measure]));
  return { first, last, growth: first === 0 ? (last === 0 ? 0 : Infinity) : last / first - 1 };
}

function median(values: number[]): number {
  const sorted = values.sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
