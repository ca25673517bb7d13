// Writes what a process counted of its sockets (socketCount.ts) to the file named in the environment, for the proof of being
// offline, and reads such a file. Where the environment names none, it does nothing.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { socketCount } from "./socketCount.ts";
import type { SocketCount } from "./socketCount.ts";

/** Names the file; children inherit it, so that every process of a feature writes to the same one. */
export const SOCKET_REPORT = "KALACTICA_SOCKET_REPORT";
const LOOK_EVERY_MS = 200;

interface Line { pid: number; count: SocketCount }

/** Writes now, whenever something was counted, and at the end: a process that is killed has said what it did before. */
export function reportSockets(): void {
  const file = process.env[SOCKET_REPORT];
  if (file === undefined || file === "") return;
  let written = "";
  const write = (): void => {
    const line = `${JSON.stringify({ pid: process.pid, count: socketCount() } satisfies Line)}\n`;
    if (line === written) return;
    written = line;
    appendFileSync(file, line);
  };
  write();
  setInterval(write, LOOK_EVERY_MS).unref();
  process.on("exit", write);
}

/** What each process that wrote to `file` said last, by process id. Empty where none did. */
export function readSocketReports(file: string): Map<number, SocketCount> {
  const counts = new Map<number, SocketCount>();
  if (!existsSync(file)) return counts;
  for (const text of readFileSync(file, "utf8").split("\n")) {
    if (text === "") continue;
    const { pid, count } = JSON.parse(text) as Line;
    counts.set(pid, count);
  }
  return counts;
}
