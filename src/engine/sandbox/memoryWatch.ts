// Watches the resident memory of running boxes from outside: rlimits count per process, a box has many. On Linux only the boxes' own
// processes are looked at, elsewhere one look at the process table serves all. It also ends every box when the whole machine runs short.
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import { promisify } from "node:util";

const INTERVAL_MS = 100;
/** Share of the machine's memory below which boxes are ended: memory files are nobody's resident memory. */
const SHORT_SHARE = 0.03;

interface Watched {
  readonly pid: number;
  readonly bytes: number;
  readonly exceeded: () => void;
}

const watched = new Set<Watched>();
let timer: NodeJS.Timeout | undefined;

/** Calls `exceeded` once when `pid` and its descendants together hold more than `bytes`. Returns how to stop. */
export function watchMemory(pid: number, bytes: number, exceeded: () => void): () => void {
  const entry: Watched = { pid, bytes, exceeded };
  watched.add(entry);
  schedule();
  return () => {
    watched.delete(entry);
  };
}

function schedule(): void {
  if (timer !== undefined || watched.size === 0) return;
  timer = setTimeout(() => {
    look().catch(() => undefined).finally(() => {
      timer = undefined;
      schedule();
    });
  }, INTERVAL_MS);
  timer.unref();
}

async function look(): Promise<void> {
  const short = await machineIsShort();
  if (process.platform === "linux" && childrenAreListed()) {
    for (const entry of [...watched]) judge(entry, linuxResident(entry.pid), short);
    return;
  }
  const processes = await processTable();
  const children = new Map<number, number[]>();
  for (const [pid, { parent }] of processes) {
    const list = children.get(parent);
    if (list) list.push(pid);
    else children.set(parent, [pid]);
  }
  for (const entry of [...watched]) {
    let total = 0;
    const open = [entry.pid];
    for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
      total += processes.get(pid)?.resident ?? 0;
      open.push(...(children.get(pid) ?? []));
    }
    judge(entry, total, short);
  }
}

function judge(entry: Watched, total: number, short: boolean): void {
  if (total <= entry.bytes && !short) return;
  watched.delete(entry);
  entry.exceeded();
}

/** Whether this kernel lists a thread's children (CONFIG_PROC_CHILDREN, since Linux 4.2). */
function childrenAreListed(): boolean {
  return existsSync(`/proc/${process.pid}/task/${process.pid}/children`);
}

/**
 * Resident bytes of `root` and its descendants, by reading nothing but them. Reading every process of the machine took a fifth of a
 * second of computing for each judged reply (170 processes); these few reads take less than a millisecond, so that they may block.
 */
function linuxResident(root: number): number {
  let total = 0;
  const open = [root];
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    try {
      total += Number(readFileSync(`/proc/${pid}/statm`, "latin1").split(" ")[1]) * PAGE_BYTES;
      for (const thread of readdirSync(`/proc/${pid}/task`)) {
        for (const child of readFileSync(`/proc/${pid}/task/${thread}/children`, "latin1").split(" ")) if (child !== "") open.push(Number(child));
      }
    } catch {
      // Ended meanwhile.
    }
  }
  return total;
}

type Table = Map<number, { parent: number; resident: number }>;

async function processTable(): Promise<Table> {
  if (process.platform === "linux") return linuxTable();
  if (process.platform === "win32") return new Map();
  const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "pid=,ppid=,rss="]);
  return new Map(stdout.trim().split("\n").map((line) => {
    const [pid = 0, parent = 0, kibibytes = 0] = line.trim().split(/\s+/).map(Number);
    return [pid, { parent, resident: kibibytes * 1024 }];
  }));
}

async function linuxTable(): Promise<Table> {
  const table: Table = new Map();
  const names = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  await Promise.all(names.map(async (name) => {
    try {
      // "pid (name) state ppid …": the name may hold anything, so fields count from the last bracket; rss is field 24.
      const stat = await readFile(`/proc/${name}/stat`, "latin1");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      table.set(Number(name), { parent: Number(fields[1]), resident: Number(fields[21]) * PAGE_BYTES });
    } catch {
      // Ended meanwhile.
    }
  }));
  return table;
}

/** 4 KiB everywhere but on some arm64 systems, where this undercounts; the rlimits hold there too. */
const PAGE_BYTES = 4096;

async function machineIsShort(): Promise<boolean> {
  if (process.platform !== "linux") return false;
  const text = await readFile("/proc/meminfo", "latin1");
  const kibibytes = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? NaN);
  return kibibytes("MemAvailable") < SHORT_SHARE * kibibytes("MemTotal");
}
