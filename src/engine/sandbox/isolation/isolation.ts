// What a way of isolating gives to the sandbox: how to start a program in it, and what it keeps away. Types and what all
// ways share; each way has a file beside this one.
import { release } from "node:os";
import path from "node:path";
import { EngineError } from "../../base/errors.ts";
import type { SandboxLimits } from "../limits.ts";

/** A program to be run in a box of its own. */
export interface BoxedProgram {
  readonly program: string;
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Content by relative path with slashes; they lie in the working folder. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  readonly limits: SandboxLimits;
  /** Private memory per process, in bytes (RLIMIT_DATA). */
  readonly dataBytes: number;
  /** Folders and files that the program reads beside the system's own. */
  readonly needs: readonly string[];
}

/** A process to start; it writes `marker` and a newline to standard error once the box stands, right before the program. */
export interface Launch {
  readonly file: string;
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly folder?: string;
  /** Written to file descriptor 3. */
  readonly script: string;
  /** Bytes for file descriptor 4, from a file. */
  readonly filterFile?: string;
  /** Removes what was made for this launch, and ends processes that got away where the way cannot rule that out. */
  dispose(): Promise<void>;
}

export interface Isolation {
  readonly name: "namespaces" | "bubblewrap" | "seatbelt" | "none";
  /** Whether no network can be reached, not even this machine's own ports. */
  readonly withoutNetwork: boolean;
  /** What keeps code in, and what does not, in one sentence for people. */
  readonly sentence: string;
  launch(program: BoxedProgram, marker: string): Promise<Launch>;
}

/** What every program gets as its environment, and nothing of the user's. `box` is the working folder as it sees it. */
export function boxEnvironment(box: string): Record<string, string> {
  return { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: box, TMPDIR: box, PWD: box, LANG: "C.UTF-8", LC_ALL: "C.UTF-8", TZ: "UTC", USER: "nobody", LOGNAME: "nobody" };
}

/** `text` as one word of a POSIX shell. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

export function shellWords(words: readonly string[]): string {
  return words.map(shellWord).join(" ");
}

/** `name` as a path inside the box. Errors: `badRequest` for one that leads out of it. */
export function checkedFileName(name: string): string {
  const normal = path.posix.normalize(name);
  if (normal === "." || normal.startsWith("../") || normal === ".." || path.posix.isAbsolute(normal) || /[\0\n\\]/.test(name)) {
    throw new EngineError("badRequest", `The file name ${JSON.stringify(name)} leads out of the sandbox's folder. Give a relative path without "..".`, { name });
  }
  return normal;
}

/** Shell lines that write the program's files into the current folder. Base64, so that any byte passes. */
export function writeFilesScript(files: BoxedProgram["files"]): string {
  const lines: string[] = [];
  for (const [name, content] of Object.entries(files)) {
    const file = checkedFileName(name);
    if (file.includes("/")) lines.push(`mkdir -p ${shellWord(path.posix.dirname(file))}`);
    lines.push(`base64 -d > ${shellWord(file)} <<'END_OF_FILE'`, Buffer.from(content).toString("base64").replace(/.{1,76}/g, "$&\n").trimEnd(), "END_OF_FILE");
  }
  return lines.join("\n");
}

/**
 * Whether the kernel counts a user's processes per user namespace (since Linux 5.14) rather than over the whole machine,
 * where the user's own would use the limit up. Root's boxes have a user number each.
 */
function countsProcessesPerBox(): boolean {
  const [major = 0, minor = 0] = release().split(".").map((part) => parseInt(part, 10));
  return process.getuid?.() === 0 || major > 5 || (major === 5 && minor >= 14);
}

/** The words that put rlimits on what follows them (util-linux). */
export function prlimitWords(program: BoxedProgram): string[] {
  const { cpuSeconds, processes, fileBytes, openFiles } = program.limits;
  const seconds = Math.ceil(cpuSeconds);
  const words = [
    "prlimit", `--cpu=${seconds}:${seconds + 1}`, `--data=${Math.ceil(program.dataBytes)}`, `--nproc=${Math.ceil(processes)}`,
    `--fsize=${Math.ceil(fileBytes)}`, `--nofile=${Math.ceil(openFiles)}`, "--core=0", "--memlock=0", "--msgqueue=0",
  ];
  return countsProcessesPerBox() ? words : words.filter((word) => !word.startsWith("--nproc"));
}

/** The words that start the program with nothing but its own environment. */
export function programWords(program: BoxedProgram, box: string): string[] {
  const environment = { ...boxEnvironment(box), ...program.environment };
  return ["env", "-i", ...Object.entries(environment).map(([name, value]) => `${name}=${value}`), program.program, ...program.arguments];
}

/**
 * Shell lines that announce the box and run `words` in it as a child, so that the shell reaps what it leaves; the shell's
 * own remarks ("Killed") go nowhere, and its exit code is the program's (128 + signal where one ended it).
 */
export function runScript(marker: string, words: readonly string[]): string {
  return [`printf '%s\\n' ${shellWord(marker)} >&2`, "set +e", "umask 022", "exec 4>&2 2>/dev/null", `${shellWords(words)} 2>&4 4>&-`, "exit $?"].join("\n");
}
