// Counts what this process sends to other machines, inside the process: every TCP, TLS and UDP socket that JavaScript opens, every
// name that is asked for, and every port that is opened to others. For the "0 bytes sent out" that users see and for the proof of it.
// It blocks nothing and opens nothing. Native code is not seen (no library of ours opens sockets; systemSockets.ts watches the
// system's own tables for that), nor are workers, of which the engine starts none that reach out.
import type { ChildProcess } from "node:child_process";
import dgram from "node:dgram";
import dns from "node:dns";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import { SENT_KINDS } from "../protocol/socketCount.ts";
import type { SocketAttempt, SocketCount, SocketKind } from "../protocol/socketCount.ts";

export type { SocketAttempt, SocketCount, SocketKind };

export interface CountingOptions {
  /** Names this process in the attempts: "engine", "trainer", "extension host", "command line". Default: "engine". */
  by?: string;
  /**
   * A part of a path. Where it is given, only sockets whose call stack has it are counted: the extension host is shared with every other
   * extension, whose traffic is not ours to report.
   */
  onlyFrom?: string;
  /** Whether what goes to an address stays on this machine. Default: {@link isLoopback}. */
  staysHere?: (address: string | undefined) => boolean;
}

/** Attempts that are kept singly; the bytes of later ones are counted all the same. */
const KEPT_ATTEMPTS = 1000;
const STACK_FRAMES = 60;
const TELL_EVERY_MS = 1000;

interface Live { attempt: SocketAttempt; look: () => void }

const attempts: SocketAttempt[] = [];
const live = new Set<Live>();
const children = new Map<ChildProcess, SocketCount>();
let bytesOut = 0;
let counting: Required<CountingOptions> | null = null;

/** Starts counting in this process. Calling it again only changes the options. Must run before what is to be counted. */
export function startCounting({ by = "engine", onlyFrom = "", staysHere = isLoopback }: CountingOptions = {}): void {
  const before = counting;
  counting = { by, onlyFrom, staysHere };
  if (before === null) install();
}

/** What was counted here since {@link startCounting}, and told by processes that were given to {@link countChild}: attempts oldest first. */
export function socketCount(): SocketCount {
  const own = ownCount();
  return children.size === 0 ? own : joinCounts([own, ...children.values()]);
}

/** Takes in what `child` says of itself by {@link tellParent}; what it said last stays when it has ended. */
export function countChild(child: ChildProcess): void {
  child.on("message", (message) => {
    const told = (message as Partial<ToldCount> | null)?.sockets;
    if (told !== undefined) children.set(child, told);
  });
}

/** The message of a child; other listeners of its channel pass it over. */
export interface ToldCount { sockets: SocketCount }

/** Tells the process that started this one what is counted here, whenever that has changed, until this one ends. */
export function tellParent(): void {
  let told = "";
  const tell = (): void => {
    const count = socketCount();
    const now = `${count.attempts.length} ${count.bytesOut}`;
    if (count.attempts.length === 0 || now === told || !process.connected) return;
    told = now;
    process.send?.({ sockets: count } satisfies ToldCount);
  };
  setInterval(tell, TELL_EVERY_MS).unref();
  process.on("exit", tell);
}

function ownCount(): SocketCount {
  for (const { look } of live) look();
  return { attempts: attempts.map((attempt) => ({ ...attempt })), bytesOut };
}

/** Whether an address, or the host of a URL, is this machine for certain. Names other than "localhost" are not, whatever they resolve to. */
export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false;
  const bare = address.toLowerCase().replace(/^\[|\]$/g, "").replace(/^::ffff:/, "");
  return bare === "localhost" || bare.endsWith(".localhost") || bare === "::1" || /^127(\.\d{1,3}){3}$/.test(bare);
}

function staysHere(address: string | undefined): boolean {
  return (counting?.staysHere ?? isLoopback)(address);
}

/** Notes an attempt, or nothing where the call is not ours. */
function note(kind: SocketKind, host: string, port: number): SocketAttempt | null {
  if (counting === null) return null;
  if (counting.onlyFrom !== "" && !stack().includes(counting.onlyFrom)) return null;
  const attempt: SocketAttempt = { kind, host, port, bytes: 0, at: new Date().toISOString(), by: counting.by };
  if (attempts.length < KEPT_ATTEMPTS) attempts.push(attempt);
  return attempt;
}

function stack(): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = STACK_FRAMES;
  const text = new Error().stack ?? "";
  Error.stackTraceLimit = limit;
  return text;
}

function add(attempt: SocketAttempt, bytes: number): void {
  attempt.bytes += bytes;
  bytesOut += bytes;
}

interface Target { host?: string | undefined; port?: number | string | undefined; path?: string | undefined; fd?: number | undefined; _handle?: unknown }

/** The forms in which Node's `connect` and `listen` take where to: options, a port with a host, a path, or (inside Node) an array of these. */
function targetOf(args: readonly unknown[]): Target {
  const first: unknown = Array.isArray(args[0]) ? args[0][0] : args[0];
  if (typeof first === "object" && first !== null) return first;
  if (typeof first === "string" && !/^\d+$/.test(first)) return { path: first };
  return { port: first as number | string | undefined, host: typeof args[1] === "string" ? args[1] : undefined };
}

/** A TLS socket's handle lies on the one that carries the encrypted bytes, which are what leaves. Node keeps both private. */
interface HandleWithCount { bytesWritten?: number; _parent?: { bytesWritten?: number } }

function follow(socket: net.Socket, attempt: SocketAttempt): void {
  let counted = 0;
  let local: boolean | null = null;
  const look = (): void => {
    if (socket.remoteAddress !== undefined) local = staysHere(socket.remoteAddress);
    const handle = (socket as unknown as { _handle?: HandleWithCount | null })._handle;
    // Data that wait for a connection are counted by Node as written; they have left only once there is one.
    const written = socket.connecting ? 0 : Math.max(handle?._parent?.bytesWritten ?? 0, handle?.bytesWritten ?? 0);
    if (written <= counted || local === true) return;
    add(attempt, written - counted);
    counted = written;
  };
  const entry: Live = { attempt, look };
  live.add(entry);
  // The handle, and with it its count, goes in `_destroy`: the last moment to look.
  const hidden = socket as unknown as { _destroy: (...args: unknown[]) => unknown };
  const destroy = hidden._destroy;
  hidden._destroy = function (this: unknown, ...args: unknown[]): unknown {
    look();
    live.delete(entry);
    return destroy.apply(this, args);
  };
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Puts `before` in front of a method, which then runs unchanged. */
function wrap(owner: object, name: string, before: (self: unknown, args: unknown[]) => void): void {
  const methods = owner as Record<string, Method | undefined>;
  const original = methods[name];
  if (typeof original !== "function") return;
  methods[name] = function (this: unknown, ...args: unknown[]): unknown {
    before(this, args);
    return original.apply(this, args);
  };
}

function install(): void {
  wrap(net.Socket.prototype, "connect", (self, args) => {
    const { host, port, path } = targetOf(args);
    // Without a host it is Node's default, localhost; with a path it is a pipe.
    if (path || host === undefined || host === "" || staysHere(host)) return;
    const attempt = note("tcp", host, Number(port ?? 0));
    if (attempt) follow(self as net.Socket, attempt);
  });
  wrap(net.Server.prototype, "listen", (_, args) => {
    const { host, port, path, fd, _handle } = targetOf(args);
    if (path || port === undefined || fd !== undefined || _handle !== undefined || (host !== undefined && staysHere(host))) return;
    note("listen", host ?? "*", Number(port));
  });
  wrap(dgram.Socket.prototype, "send", (self, args) => {
    const address = args.slice(1).findLast((value) => typeof value === "string");
    if (typeof address !== "string" || staysHere(address)) return;
    // Node calls itself again once a socket without an address of its own has got one.
    if (!isBound(self as dgram.Socket)) return;
    const [message, second, third, fourth] = args;
    const sliced = typeof fourth === "number"; // send(message, offset, length, port, address)
    const attempt = note("udp", address, Number(sliced ? fourth : second));
    if (attempt) add(attempt, sliced ? Number(third) : lengthOf(message));
  });
  wrap(dgram.Socket.prototype, "connect", (_, [port, address]) => {
    if (typeof address === "string" && !staysHere(address)) note("udp", address, Number(port));
  });
  for (const owner of [dns, dns.promises, dns.Resolver.prototype, dns.promises.Resolver.prototype]) {
    for (const name of Object.getOwnPropertyNames(owner)) {
      if (!/^(lookup|resolve|reverse)/.test(name)) continue;
      // The system asks on our behalf; what it sends for it cannot be counted here, only that it was asked.
      wrap(owner, name, (_, [host]) => {
        if (typeof host === "string" && !staysHere(host) && net.isIP(host) === 0) note("dns", host, 53);
      });
    }
  }
  syncBuiltinESMExports();
}

function isBound(socket: dgram.Socket): boolean {
  try {
    socket.address();
    return true;
  } catch {
    return false;
  }
}

function lengthOf(message: unknown): number {
  if (typeof message === "string") return Buffer.byteLength(message);
  if (ArrayBuffer.isView(message)) return message.byteLength;
  return Array.isArray(message) ? message.reduce<number>((sum, part) => sum + lengthOf(part), 0) : 0;
}

/** The counts of several processes as one: attempts in the order of time. */
export function joinCounts(counts: readonly SocketCount[]): SocketCount {
  return {
    attempts: counts.flatMap((count) => count.attempts).sort((a, b) => a.at.localeCompare(b.at)),
    bytesOut: counts.reduce((sum, count) => sum + count.bytesOut, 0),
  };
}

/** Attempts by which something could have left: everything but an open port. */
export function sendingAttempts({ attempts: all }: SocketCount): SocketAttempt[] {
  return all.filter(({ kind }) => SENT_KINDS.has(kind));
}
