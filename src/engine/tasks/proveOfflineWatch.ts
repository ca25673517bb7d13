// Runs one feature's processes with their sockets watched: from inside by their own count (socketReport.ts), from outside by the
// system's tables (systemSockets.ts). What the features are: proveOfflineFeatures.ts.
import { fork, spawn } from "node:child_process";
import type { ChildProcess, ChildProcessWithoutNullStreams } from "node:child_process";
import path from "node:path";
import { packageDir } from "../base/paths.ts";
import { CancelledError } from "../base/errors.ts";
import { isLoopback } from "../base/socketCount.ts";
import { readSocketReports, SOCKET_REPORT } from "../base/socketReport.ts";
import { hostOf, watchSockets } from "../base/systemSockets.ts";
import type { OpenSocket } from "../base/systemSockets.ts";
import type { OfflineAttempt } from "../protocol/offlineProof.ts";

/** Between two looks at the system's tables; a connection that is tried and refused lives longer than this on most networks. */
const SAMPLE_EVERY_MS = 50;
const KILL_AFTER_MS = 300_000;

export interface WatchOptions {
  feature: string;
  /** Folder for models and runs of the proof alone. */
  home: string;
  /** Where the processes report what they counted. */
  reportFile: string;
  signal: AbortSignal;
  /** For tests: watches a process from outside. Default: the system's tables. */
  watchOutside?: (pid: number) => { stop(): OpenSocket[] };
}

/** The bundle where this module is bundled, the source otherwise. */
function entry(bundle: string, source: string): string {
  return import.meta.url.endsWith(".ts") ? path.join(packageDir(), "src", "engine", source) : path.join(packageDir(), "dist", bundle);
}

/** Starts the processes of one feature and gathers what they tried. */
export class WatchedFeature {
  readonly #options: WatchOptions;
  readonly #outside: OpenSocket[] = [];

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** Runs `kalactica <args>` to its end and gives what it printed. Errors: an Error with its last line where it fails. */
  async command(args: readonly string[], input = ""): Promise<string> {
    const child = this.start(args);
    child.stdin.end(input);
    let output = "";
    let complaint = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => { output += text; });
    child.stderr.setEncoding("utf8").on("data", (text: string) => { complaint = (complaint + text).slice(-2_000); });
    const code = await ended(child);
    if (this.#options.signal.aborted) throw new CancelledError();
    if (code !== 0) throw new Error(`kalactica ${args[0] ?? ""} ended with ${code}: ${lastLine(complaint)}`);
    return output;
  }

  /** Starts `kalactica <args>`, whose streams are the caller's. */
  start(args: readonly string[]): ChildProcessWithoutNullStreams {
    return this.watch(spawn(process.execPath, ["--disable-warning=ExperimentalWarning", entry("cli.mjs", "cli.ts"), ...args], { env: this.#environment(), stdio: "pipe" }));
  }

  /** Starts the engine's process as an editor does, with its channel. */
  engine(): ChildProcess {
    return this.watch(fork(entry("engine.mjs", "main.ts"), [], { execArgv: ["--disable-warning=ExperimentalWarning"], env: this.#environment(), stdio: ["ignore", "ignore", "ignore", "ipc"] }));
  }

  /** Watches a process that was started otherwise; it must have been given {@link environment}. */
  watch<C extends ChildProcess>(child: C): C {
    const { signal, watchOutside = (pid: number) => watchSockets(pid, SAMPLE_EVERY_MS) } = this.#options;
    if (child.pid === undefined) return child;
    const watching = watchOutside(child.pid);
    const stop = (): void => { child.kill("SIGKILL"); };
    const limit = setTimeout(stop, KILL_AFTER_MS);
    signal.addEventListener("abort", stop, { once: true });
    child.once("exit", () => {
      clearTimeout(limit);
      signal.removeEventListener("abort", stop);
      this.#outside.push(...watching.stop());
    });
    return child;
  }

  /** What a process of the proof runs in: a home of its own, and the file to report to. */
  get environment(): Record<string, string | undefined> {
    return this.#environment();
  }

  /** All attempts so far, and how many processes counted theirs. */
  result(): { attempts: OfflineAttempt[]; processes: number } {
    const { feature, reportFile } = this.#options;
    const reports = readSocketReports(reportFile);
    const inside = new Map<string, OfflineAttempt>();
    for (const { attempts } of reports.values()) {
      // A process passes on what its children told it; they report for themselves, so each attempt counts once.
      for (const { by, kind, host, port, bytes, at } of attempts) inside.set(`${by} ${kind} ${host} ${port} ${at}`, { feature, process: by, kind, host, port, bytes, seen: "inside" });
    }
    const outside = this.#outside
      .map(({ protocol, local, remote, listening, process: name }): OfflineAttempt => {
        const place = listening ? local : remote;
        return { feature, process: name.trim(), kind: listening ? "listen" : protocol.startsWith("udp") ? "udp" : "tcp", host: hostOf(place), port: Number(place.slice(place.lastIndexOf(":") + 1)), bytes: null, seen: "outside" };
      })
      // What the process has told of itself needs no second witness; names are told inside, addresses outside.
      .filter((attempt) => !isLoopback(attempt.host) && ![...inside.values()].some(({ kind, port }) => kind === attempt.kind && port === attempt.port));
    return { attempts: [...inside.values(), ...outside], processes: reports.size };
  }

  #environment(): Record<string, string | undefined> {
    const { home, reportFile } = this.#options;
    return { ...process.env, KALACTICA_HOME: home, [SOCKET_REPORT]: reportFile, ELECTRON_RUN_AS_NODE: "1" };
  }
}

export function ended(child: ChildProcess): Promise<number | string> {
  if (child.exitCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve(code ?? signal ?? "unknown"));
    child.once("error", (error) => resolve(error.message));
  });
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}
