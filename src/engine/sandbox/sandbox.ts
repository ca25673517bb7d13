// The sandbox: finds out how this machine can isolate generated code, refuses where it cannot, and runs programs within
// limits, some at a time. It does not judge replies (judge/, rewards.ts).
//
// Tried here: Linux namespaces as root and as a user, bubblewrap as a user. Written after the documentation and not run
// here: macOS (sandbox-exec) and Windows, which has no isolation and is refused unless the caller insists.
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { CancelledError, EngineError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { BoxedProcess } from "./boxedProcess.ts";
import type { BoxedResult } from "./boxedProcess.ts";
import { findInterpreters } from "./interpreters.ts";
import type { Found, Interpreter, InterpreterPrograms } from "./interpreters.ts";
import { bubblewrap } from "./isolation/bubblewrap.ts";
import type { BoxedProgram, Isolation } from "./isolation/isolation.ts";
import { linuxNamespaces } from "./isolation/linuxBox.ts";
import { plainProcesses } from "./isolation/plain.ts";
import { seatbelt } from "./isolation/seatbelt.ts";
import type { SandboxLanguage, SandboxLimits } from "./limits.ts";
import { withDefaults } from "./limits.ts";
import { seccompFilter } from "./seccompFilter.ts";

export interface SandboxOptions {
  readonly programs?: InterpreterPrograms;
  /** Runs code even where nothing keeps it off the network and the user's files. The user must have said so. */
  readonly allowWithoutNetworkIsolation?: boolean;
  /** Programs that run at the same time; half the cores where absent. */
  readonly parallel?: number;
  readonly log?: Log;
  /** Ways to try, in this order; those of the platform where absent. For tests. */
  readonly ways?: readonly Isolation["name"][];
  /** bubblewrap's program, where it is not on the PATH. */
  readonly bubblewrapProgram?: string;
}

export interface SandboxProgram {
  readonly language: SandboxLanguage;
  readonly code: string;
  /** Standard input; empty where absent. */
  readonly stdin?: string;
  /** Files beside the program, by relative path. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly limits?: Partial<SandboxLimits>;
  readonly signal?: AbortSignal;
}

export type SandboxResult = BoxedResult;

/** A program that is talked to line by line. */
export interface SandboxSession {
  send(line: string): void;
  /** Ends it; `done` then resolves. */
  end(): void;
  readonly done: Promise<SandboxResult>;
}

const FILE_NAMES: Record<SandboxLanguage, string> = { python: "main.py", javascript: "main.mjs", typescript: "main.mts" };

export class Sandbox {
  readonly isolation: Isolation;
  readonly interpreters: Readonly<Record<SandboxLanguage, Found>>;
  readonly #slots: Slots;
  readonly #folder: string | undefined;

  private constructor(isolation: Isolation, interpreters: Record<SandboxLanguage, Found>, parallel: number, folder: string | undefined) {
    this.isolation = isolation;
    this.interpreters = interpreters;
    this.#slots = new Slots(parallel);
    this.#folder = folder;
  }

  /**
   * Finds interpreters and the strongest isolation that a trial run shows to work.
   * Errors: `nativeMissing` where nothing isolates and `allowWithoutNetworkIsolation` is not set.
   */
  static async open(options: SandboxOptions = {}): Promise<Sandbox> {
    const interpreters = await findInterpreters(options.programs);
    const parallel = Math.max(1, Math.floor(options.parallel ?? availableParallelism() / 2));
    const filter = seccompFilter(process.arch);
    const folder = filter === undefined ? undefined : await mkdtemp(path.join(tmpdir(), "kalactica-seccomp-"));
    const filterFile = folder === undefined ? undefined : path.join(folder, "filter.bpf");
    if (filter !== undefined && filterFile !== undefined) await writeFile(filterFile, filter);
    const refusals: string[] = [];
    for (const isolation of await waysToTry(options, filterFile)) {
      const refusal = await refusalOf(isolation);
      if (refusal === undefined) {
        if (!isolation.withoutNetwork && options.allowWithoutNetworkIsolation !== true) break;
        return new Sandbox(isolation, interpreters, parallel, folder);
      }
      refusals.push(`${isolation.name}: ${refusal}`);
      options.log?.debug("A way of isolating generated code does not work here.", { way: isolation.name, refusal });
    }
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    throw new EngineError("nativeMissing", `Generated code cannot be isolated from the network and from your files on this machine, so it is not run. ${remedy()}`, { refusals });
  }

  /** Runs a program to its end. Errors: `cancelled`, `nativeMissing` for an interpreter that is not there, `internal`. */
  async run(program: SandboxProgram): Promise<SandboxResult> {
    const boxed = this.#boxed(program);
    return this.#slots.hold(program.signal, async () => {
      const started = await BoxedProcess.start({
        isolation: this.isolation, program: boxed.program, residentBytes: boxed.residentBytes,
        ...(program.stdin === undefined ? {} : { input: program.stdin }), ...(program.signal === undefined ? {} : { signal: program.signal }),
      });
      return started.done;
    });
  }

  /**
   * Runs several programs at once that are talked to line by line, in one slot; all are ended when `work` is done.
   * Errors: as `run`, and those of `work`.
   */
  async converse<T>(programs: readonly (SandboxProgram & { readonly onLine: (line: string) => void })[], signal: AbortSignal | undefined, work: (sessions: SandboxSession[]) => Promise<T>): Promise<T> {
    return this.#slots.hold(signal, async () => {
      const processes: BoxedProcess[] = [];
      try {
        for (const program of programs) {
          const boxed = this.#boxed(program);
          processes.push(await BoxedProcess.start({
            isolation: this.isolation, program: boxed.program, residentBytes: boxed.residentBytes, interactive: true, onLine: program.onLine,
            ...(signal === undefined ? {} : { signal }),
          }));
        }
        return await work(processes.map((boxed) => ({
          send: (line) => { boxed.write(`${line}\n`); },
          end: () => { boxed.kill("killed"); },
          done: boxed.done,
        })));
      } finally {
        for (const boxed of processes) boxed.kill("killed");
        await Promise.allSettled(processes.map((boxed) => boxed.done));
      }
    });
  }

  /** What isolates here and which interpreters run, for the doctor and for reports. */
  describe(): { isolation: string; withoutNetwork: boolean; sentence: string; interpreters: { language: SandboxLanguage; found: string }[] } {
    return {
      isolation: this.isolation.name,
      withoutNetwork: this.isolation.withoutNetwork,
      sentence: this.isolation.sentence,
      interpreters: Object.values(this.interpreters).map((found) => ({ language: found.language, found: "missing" in found ? found.missing : `${found.program} ${found.version}` })),
    };
  }

  /** Removes the little that lies on disk between runs. */
  async close(): Promise<void> {
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
  }

  #boxed({ language, code, files = {}, limits: over }: SandboxProgram): { program: BoxedProgram; residentBytes: number } {
    const found = this.interpreters[language];
    if ("missing" in found) throw new EngineError("nativeMissing", found.missing, { language });
    const limits = withDefaults(over);
    return { program: boxedProgram(found, FILE_NAMES[language], { ...files, [FILE_NAMES[language]]: code }, limits), residentBytes: limits.memoryBytes + found.ownResidentBytes };
  }
}

function boxedProgram(interpreter: Interpreter, file: string, files: Record<string, string | Uint8Array>, limits: SandboxLimits): BoxedProgram {
  return {
    program: interpreter.program,
    arguments: [...interpreter.arguments(limits.memoryBytes), file],
    environment: interpreter.environment,
    files,
    limits,
    dataBytes: limits.memoryBytes + interpreter.ownDataBytes,
    needs: interpreter.needs,
  };
}

async function waysToTry(options: SandboxOptions, filterFile: string | undefined): Promise<Isolation[]> {
  const ways: Isolation[] = [];
  if (process.platform === "linux") {
    const bwrap = options.bubblewrapProgram ?? await onPath("bwrap");
    const namespaces = linuxNamespaces();
    const bubble = bwrap === undefined ? [] : [bubblewrap({ program: bwrap, ...(filterFile === undefined ? {} : { filterFile }) }), bubblewrap({ program: bwrap })];
    // Root must first become somebody else, which only our own box does; for others bubblewrap adds a seccomp filter.
    ways.push(...(process.getuid?.() === 0 ? [namespaces, ...bubble] : [...bubble, namespaces]));
  }
  if (process.platform === "darwin") ways.push(seatbelt());
  ways.push(plainProcesses());
  const { ways: wanted } = options;
  return wanted === undefined ? ways : wanted.flatMap((name) => ways.filter((way) => way.name === name));
}

/** Tries `isolation` with a shell that looks for a network and for the home folder; undefined where it holds. */
async function refusalOf(isolation: Isolation): Promise<string | undefined> {
  if (process.platform === "win32") return undefined;
  const limits = withDefaults({ wallMs: 10_000 });
  // A process in an empty network namespace sees no interface but loopback; the home folder must not be there.
  const home = process.env.HOME ?? "/root";
  const look = process.platform === "linux"
    ? `if [ -r /proc/net/dev ]; then tail -n +3 /proc/net/dev | grep -v '^ *lo:' >&2 && exit 3; fi; ls -A "$1" 2>/dev/null | head -1; exit 0`
    : `ls -A "$1" 2>/dev/null | head -1; exit 0`;
  try {
    const program: BoxedProgram = { program: "/bin/sh", arguments: ["-c", look, "sh", home], environment: {}, files: {}, limits, dataBytes: 256e6, needs: [] };
    const { done } = await BoxedProcess.start({ isolation, program, residentBytes: limits.memoryBytes });
    const { outcome, exitCode, stdout, stderr } = await done;
    if (!isolation.withoutNetwork) return exitCode === 0 || exitCode === 3 ? undefined : `a trial run ended with ${outcome}`;
    if (exitCode === 3) return "the trial run saw a network interface";
    if (stdout.trim() !== "") return "the trial run saw the home folder";
    return outcome === "passed" ? undefined : `a trial run ended with ${outcome}: ${stderr.slice(-200)}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function remedy(): string {
  if (process.platform === "linux") return "Install bubblewrap (package \"bubblewrap\"), or allow user namespaces, or say that code may run without isolation.";
  if (process.platform === "win32") return "Use the Windows Subsystem for Linux, or say that code may run without isolation.";
  return "Say that code may run without isolation if you trust the model's code.";
}

async function onPath(program: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)("/bin/sh", ["-c", `command -v ${program}`]);
    return stdout.trim() || undefined;
  } catch {
    return undefined;
  }
}

/** A bounded number of runs at the same time, in order of arrival. */
class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async hold<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await this.#wait(signal);
    try {
      if (signal?.aborted) throw new CancelledError();
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const start = (): void => {
        signal?.removeEventListener("abort", abort);
        resolve();
      };
      const abort = (): void => {
        const at = this.#waiting.indexOf(start);
        if (at >= 0) this.#waiting.splice(at, 1);
        reject(new CancelledError());
      };
      if (signal?.aborted) { reject(new CancelledError()); return; }
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiting.push(start);
    });
  }
}
