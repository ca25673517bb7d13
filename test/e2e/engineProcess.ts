// Finds the engine process of a window from outside, by the process table: what a user's task manager would show.
import { readFileSync } from "node:fs";
import { processTree } from "../../src/engine/base/systemSockets.ts";
import type { Workbench } from "./workbench.ts";

/** Process id of the engine that the window's extension host has started, or undefined. Linux only, as the server is. */
export function enginePid(workbench: Workbench): number | undefined {
  return processTree(workbench.extensionHostPid).find((pid) => commandLine(pid).includes("/dist/engine.mjs"));
}

/** Resident memory of a process in MB. */
export function residentMb(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kilobytes === undefined) throw new Error(`Process ${pid} has no resident memory; it has ended.`);
  return Number(kilobytes) / 1024;
}

/** Seconds of processor time that a process has used so far. */
export function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // utime and stime, in ticks of 1/100 s (man 5 proc; the fields are counted from the third).
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}
