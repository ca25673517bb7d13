// One process in its box, from start to end: pipes, time and output limits, ending the whole group. It does not know how
// the box is built (isolation/) nor which language runs.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import type { Writable } from "node:stream";
import { CancelledError, EngineError } from "../base/errors.ts";
import type { BoxedProgram, Isolation, Launch } from "./isolation/isolation.ts";
import type { SandboxOutcome } from "./limits.ts";
import { watchMemory } from "./memoryWatch.ts";

/** Building a box takes about 0.1 s; on a loaded machine more. */
const BUILD_TIMEOUT_MS = 20_000;
/** After the first process ended, others may hold the pipes where nothing ends them: waited for this long. */
const LINGER_MS = 1000;

export interface BoxedResult {
  readonly outcome: SandboxOutcome;
  /** Null where a signal ended the program. */
  readonly exitCode: number | null;
  readonly signal: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** From the program's start to its end, without building the box. */
  readonly ms: number;
}

export interface BoxedProcessOptions {
  readonly isolation: Isolation;
  readonly program: BoxedProgram;
  /** Text for standard input; empty where absent. */
  readonly input?: string;
  /** Standard input stays open for `write`. */
  readonly interactive?: boolean;
  /** Resident bytes of all processes above which the run is ended. */
  readonly residentBytes: number;
  /** Called with each line of standard output, which is then not collected. */
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** Errors: `cancelled`; `internal` where the box could not be built, with what its builder said. */
export class BoxedProcess {
  readonly done: Promise<BoxedResult>;
  readonly #child: ChildProcess;
  #ended: SandboxOutcome | undefined;

  static async start(options: BoxedProcessOptions): Promise<BoxedProcess> {
    if (options.signal?.aborted) throw new CancelledError();
    const marker = `box-${randomBytes(12).toString("hex")}`;
    const launch = await options.isolation.launch(options.program, marker);
    try {
      return new BoxedProcess(options, launch, marker);
    } catch (error) {
      await launch.dispose();
      throw error;
    }
  }

  private constructor(options: BoxedProcessOptions, launch: Launch, marker: string) {
    const filter = launch.filterFile === undefined ? undefined : openSync(launch.filterFile, "r");
    try {
      this.#child = spawn(launch.file, launch.arguments, {
        env: launch.environment,
        ...(launch.folder === undefined ? {} : { cwd: launch.folder }),
        // A group and session of its own: no terminal, and one signal reaches all.
        detached: process.platform !== "win32",
        windowsHide: true,
        stdio: ["pipe", "pipe", "pipe", "pipe", ...(filter === undefined ? [] : [filter])],
      });
    } finally {
      if (filter !== undefined) closeSync(filter);
    }
    this.done = this.#run(options, launch, marker);
    // A caller that only writes and kills must not end the process by an unhandled rejection.
    this.done.catch(() => undefined);
  }

  /** Gives the program input; what it does not read any more is dropped. */
  write(text: string): void {
    if (this.#child.stdin?.writable === true) this.#child.stdin.write(text);
  }

  closeInput(): void {
    this.#child.stdin?.end();
  }

  /** Ends the program and everything it started. */
  kill(outcome: SandboxOutcome): void {
    this.#ended ??= outcome;
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      if (process.platform === "win32") this.#child.kill("SIGKILL");
      else process.kill(-pid, "SIGKILL");
    } catch {
      // Already gone.
    }
  }

  async #run(options: BoxedProcessOptions, launch: Launch, marker: string): Promise<BoxedResult> {
    const child = this.#child;
    const { limits } = options.program;
    const out = new BoundedText(), err = new BoundedText();
    let startedAt = 0;
    let unwatch: (() => void) | undefined;
    let timer = setTimeout(() => { this.kill("timeout"); }, BUILD_TIMEOUT_MS);
    const abort = (): void => { this.kill("killed"); };
    options.signal?.addEventListener("abort", abort, { once: true });

    const count = (text: BoundedText, bytes: Buffer): void => {
      text.add(bytes, limits.outputBytes);
      if (out.bytes + err.bytes > limits.outputBytes) this.kill("output");
    };
    const lines = options.onLine === undefined ? undefined : new LineReader(options.onLine, limits.outputBytes, () => { this.kill("output"); });
    child.stdout?.on("data", (bytes: Buffer) => { if (lines) lines.add(bytes); else count(out, bytes); });
    let building = Buffer.alloc(0);
    child.stderr?.on("data", (bytes: Buffer) => {
      if (startedAt > 0) { count(err, bytes); return; }
      building = Buffer.concat([building, bytes]);
      const at = building.indexOf(`${marker}\n`);
      if (at < 0) return;
      startedAt = performance.now();
      clearTimeout(timer);
      timer = setTimeout(() => { this.kill("timeout"); }, limits.wallMs);
      if (child.pid !== undefined) unwatch = watchMemory(child.pid, options.residentBytes, () => { this.kill("memory"); });
      const rest = building.subarray(at + marker.length + 1);
      if (rest.length > 0) count(err, rest);
    });
    const script = child.stdio[3] as Writable;
    for (const pipe of [child.stdin, script]) pipe?.on("error", () => undefined);
    script.end(launch.script);
    if (options.interactive !== true) child.stdin?.end(options.input ?? "");

    try {
      const { code, signal } = await this.#exit();
      if (options.signal?.aborted) throw new CancelledError();
      if (startedAt === 0) {
        const said = building.toString("utf8").trim().slice(-500);
        throw new EngineError("internal", `The sandbox could not be built: ${said === "" ? `its builder ended with code ${String(code ?? signal)}` : said}`, { isolation: options.isolation.name });
      }
      const ms = performance.now() - startedAt;
      return { ...this.#judge(code, signal, ms, err.text(), limits.cpuSeconds), stdout: out.text(), stderr: err.text(), ms };
    } finally {
      clearTimeout(timer);
      unwatch?.();
      options.signal?.removeEventListener("abort", abort);
      // Whatever is left of the group goes, however the first process ended.
      this.kill("killed");
      await launch.dispose();
    }
  }

  /** Resolves when the process ended and its pipes are closed, or a little after where somebody still holds them. */
  #exit(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      child.once("error", (error) => { reject(new EngineError("internal", `The sandbox could not be started: ${error.message}`, {}, error)); });
      child.once("exit", (code, signal) => {
        const linger = setTimeout(() => {
          for (const pipe of [child.stdout, child.stderr]) pipe?.destroy();
        }, LINGER_MS);
        child.once("close", () => { clearTimeout(linger); resolve({ code, signal }); });
      });
    });
  }

  #judge(code: number | null, signal: NodeJS.Signals | null, ms: number, stderr: string, cpuSeconds: number): Pick<BoxedResult, "outcome" | "exitCode" | "signal"> {
    // Shells and box builders report a signal as 128 + its number.
    const number = signal !== null ? 9 : code !== null && code > 128 && code < 160 ? code - 128 : null;
    const exitCode = number === null ? code : null;
    if (this.#ended !== undefined) return { outcome: this.#ended, exitCode: null, signal: number ?? 9 };
    if (code === 0) return { outcome: "passed", exitCode, signal: null };
    if (number === SIGXCPU || (number === 9 && ms >= cpuSeconds * 1000)) return { outcome: "timeout", exitCode, signal: number };
    if (OUT_OF_MEMORY.test(stderr.slice(-4000))) return { outcome: "memory", exitCode, signal: number };
    return { outcome: number === null ? "failed" : "killed", exitCode, signal: number };
  }
}

const SIGXCPU = 24;
/** How interpreters say that the limit of memory was reached. */
const OUT_OF_MEMORY = /MemoryError|heap out of memory|Array buffer allocation failed|Cannot allocate memory|std::bad_alloc/;

/** Collects output up to a bound. */
class BoundedText {
  bytes = 0;
  readonly #chunks: Buffer[] = [];

  add(chunk: Buffer, bound: number): void {
    const room = Math.max(0, bound - this.bytes);
    if (room > 0) this.#chunks.push(chunk.subarray(0, room));
    this.bytes += chunk.length;
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }
}

/** Cuts output into lines; a line longer than the bound ends the run. */
class LineReader {
  #rest = "";
  readonly #decoder = new TextDecoder();
  readonly #onLine: (line: string) => void;
  readonly #bound: number;
  readonly #tooLong: () => void;

  constructor(onLine: (line: string) => void, bound: number, tooLong: () => void) {
    this.#onLine = onLine;
    this.#bound = bound;
    this.#tooLong = tooLong;
  }

  add(bytes: Buffer): void {
    this.#rest += this.#decoder.decode(bytes, { stream: true });
    for (let at = this.#rest.indexOf("\n"); at >= 0; at = this.#rest.indexOf("\n")) {
      const line = this.#rest.slice(0, at);
      this.#rest = this.#rest.slice(at + 1);
      this.#onLine(line);
    }
    if (this.#rest.length > this.#bound) {
      this.#rest = "";
      this.#tooLong();
    }
  }
}
