// Reads from the system's tables (/proc) which internet sockets a process tree has open, so that native code is seen as well as
// JavaScript. Linux only; elsewhere it reports nothing. It samples: a socket that lives shorter than the interval can escape it,
// which is why socketCount.ts counts inside the processes beside it.
import { existsSync, readFileSync, readdirSync, readlinkSync } from "node:fs";

/** One internet socket of a process. */
export interface OpenSocket {
  readonly protocol: "tcp" | "tcp6" | "udp" | "udp6";
  readonly local: string;
  readonly remote: string;
  readonly listening: boolean;
  readonly pid: number;
  readonly process: string;
}

interface Row {
  readonly protocol: OpenSocket["protocol"];
  readonly local: string;
  readonly remote: string;
  readonly listening: boolean;
  readonly inode: string;
}

const PROTOCOLS = ["tcp", "tcp6", "udp", "udp6"] as const;

/** Parses one table of `/proc/net` (`man 5 proc`); addresses come out as `address:port`. */
export function parseSocketTable(protocol: OpenSocket["protocol"], text: string): Row[] {
  const rows: Row[] = [];
  for (const line of text.split("\n").slice(1)) {
    const fields = line.trim().split(/\s+/);
    const [, local, remote, state] = fields;
    const inode = fields[9];
    if (local === undefined || remote === undefined || inode === undefined) continue;
    rows.push({ protocol, local: address(local), remote: address(remote), listening: state === "0A", inode });
  }
  return rows;
}

/** `0100007F:1F90` → `127.0.0.1:8080`: 32-bit words in the machine's (little-endian) order. */
function address(hex: string): string {
  const [words = "", port = "0"] = hex.split(":");
  const bytes: number[] = [];
  for (let word = 0; word < words.length; word += 8) {
    for (let byte = 3; byte >= 0; byte--) bytes.push(Number.parseInt(words.slice(word + byte * 2, word + byte * 2 + 2), 16));
  }
  if (bytes.length === 4) return `${bytes.join(".")}:${Number.parseInt(port, 16)}`;
  const mapped = bytes.slice(0, 10).every((b) => b === 0) && bytes[10] === 255 && bytes[11] === 255;
  if (mapped) return `${bytes.slice(12).join(".")}:${Number.parseInt(port, 16)}`;
  const groups = Array.from({ length: 8 }, (_, i) => (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16));
  return `[${groups.join(":")}]:${Number.parseInt(port, 16)}`;
}

/** Whether a socket reaches, or can be reached from, another machine. */
export function leavesMachine(socket: Pick<OpenSocket, "local" | "remote" | "listening">): boolean {
  if (socket.listening) return !isLoopback(socket.local);
  // An unconnected socket has no remote address; a UDP one bound to every interface has not sent anything yet.
  if (isUnset(socket.remote)) return false;
  // A machine that speaks to an address of its own sends nothing out.
  return !isLoopback(socket.remote) && hostOf(socket.remote) !== hostOf(socket.local);
}

/** The address of `address:port`, without the brackets of IPv6. */
export function hostOf(place: string): string {
  return place.slice(0, place.lastIndexOf(":")).replace(/^\[|\]$/g, "");
}

function isLoopback(place: string): boolean {
  return place.startsWith("127.") || place.startsWith("[0:0:0:0:0:0:0:1]:");
}

function isUnset(place: string): boolean {
  return place.startsWith("0.0.0.0:") || place.startsWith("[0:0:0:0:0:0:0:0]:");
}

/** Every internet socket that `rootPid` and its descendants hold now. */
export function socketsOfTree(rootPid: number): OpenSocket[] {
  if (process.platform !== "linux") return [];
  const rows = new Map<string, Row>();
  for (const protocol of PROTOCOLS) {
    for (const row of parseSocketTable(protocol, readText(`/proc/net/${protocol}`))) rows.set(row.inode, row);
  }
  const sockets: OpenSocket[] = [];
  if (rows.size === 0) return sockets;
  for (const pid of processTree(rootPid)) {
    for (const inode of socketInodes(pid)) {
      const row = rows.get(inode);
      if (row === undefined) continue;
      const { protocol, local, remote, listening } = row;
      sockets.push({ protocol, local, remote, listening, pid, process: readText(`/proc/${pid}/cmdline`).replaceAll("\0", " ").slice(0, 200) });
    }
  }
  return sockets;
}

/** `rootPid` and all processes below it. */
export function processTree(rootPid: number): number[] {
  const tree = [rootPid];
  if (existsSync(`/proc/${rootPid}/task/${rootPid}/children`)) {
    for (let i = 0; i < tree.length; i++) tree.push(...childrenOf(tree[i] as number));
    return tree;
  }
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    // The command in parentheses may hold spaces, so the fields are counted from the last parenthesis.
    const stat = readText(`/proc/${name}/stat`);
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [Number(name)]);
    else siblings.push(Number(name));
  }
  for (let i = 0; i < tree.length; i++) tree.push(...(children.get(tree[i] as number) ?? []));
  return tree;
}

/** As the kernel lists them by thread (CONFIG_PROC_CHILDREN): far cheaper than reading every process of the machine. */
function childrenOf(pid: number): number[] {
  let threads: string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // gone
  }
  return threads.flatMap((thread) => readText(`/proc/${pid}/task/${thread}/children`).trim().split(" ").filter((text) => text !== "").map(Number));
}

function* socketInodes(pid: number): Generator<string> {
  const folder = `/proc/${pid}/fd`;
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return; // gone, or not ours
  }
  for (const name of names) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`${folder}/${name}`))?.[1];
      if (inode !== undefined) yield inode;
    } catch {
      continue; // closed meanwhile
    }
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** Whether the system's tables can be read here. */
export function canReadSockets(): boolean {
  return process.platform === "linux" && readText("/proc/net/tcp") !== "";
}

/** Sampling takes at most this part of the time, however slow the tables are to read. */
const MOST_OF_THE_TIME = 0.1;

/**
 * Samples the tree below `rootPid` every `intervalMs` (default 200; less often where a look takes long) until `stop`, which
 * returns every socket seen that leaves the machine, each once.
 */
export function watchSockets(rootPid: number, intervalMs = 200): { stop(): OpenSocket[] } {
  const seen = new Map<string, OpenSocket>();
  let timer: NodeJS.Timeout | undefined;
  const sample = (): void => {
    for (const socket of socketsOfTree(rootPid)) {
      if (leavesMachine(socket)) seen.set(`${socket.pid} ${socket.protocol} ${socket.local} ${socket.remote}`, socket);
    }
  };
  const sampleAndWait = (): void => {
    const begun = performance.now();
    sample();
    timer = setTimeout(sampleAndWait, Math.max(intervalMs, (performance.now() - begun) / MOST_OF_THE_TIME));
    timer.unref();
  };
  sampleAndWait();
  return {
    stop: () => {
      clearTimeout(timer);
      sample();
      return [...seen.values()];
    },
  };
}
