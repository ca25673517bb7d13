// Runs git in a repository and streams what it prints. No shell, no pager, no hooks, no network, no programs that the
// repository's configuration names: reading a history must not run anything that came with it. It interprets no output.
import { spawn } from "node:child_process";
import { constants, setPriority } from "node:os";
import { CancelledError, EngineError, errnoCode, throwIfCancelled } from "../../base/errors.ts";

/** Settings by which a repository could make git start other programs or colour its output. */
const CONFINED = [
  "--no-pager", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "log.showSignature=false", "-c", "core.quotePath=false",
  "-c", "color.ui=false", "-c", "diff.external=", "-c", "core.attributesFile=/dev/null", "-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false", "-c", "diff.renameLimit=200",
];

const STDERR_CHARACTERS = 2_000;

/**
 * What `git ARGS` prints in `folder`, piece by piece as it comes; breaking off ends git. Multi-byte characters are whole.
 * Throws `cancelled`; `notFound` where git is not installed or `folder` is in no repository; `unreadable` where git fails.
 */
export async function* gitOutput(folder: string, args: readonly string[], signal?: AbortSignal): AsyncGenerator<string> {
  throwIfCancelled(signal);
  const child = spawn("git", ["-C", folder, ...CONFINED, ...args], { env: environment(), stdio: ["ignore", "pipe", "pipe"], windowsHide: true });
  const ended = new Promise<number | Error>((resolve) => {
    child.once("error", resolve);
    child.once("close", (code) => resolve(code ?? -1));
  });
  if (child.pid !== undefined) lowerPriority(child.pid);
  const abort = (): void => { child.kill(); };
  signal?.addEventListener("abort", abort, { once: true });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => { if (stderr.length < STDERR_CHARACTERS) stderr += text; });
  try {
    for await (const piece of child.stdout.setEncoding("utf8")) yield piece as string;
    const end = await ended;
    if (signal?.aborted) throw new CancelledError();
    if (end !== 0) throw failure(folder, end, stderr);
  } finally {
    signal?.removeEventListener("abort", abort);
    child.stdout.destroy();
    child.kill();
    await ended;
  }
}

/** The output as a whole, for commands that print little. */
export async function gitText(folder: string, args: readonly string[], signal?: AbortSignal): Promise<string> {
  let text = "";
  for await (const piece of gitOutput(folder, args, signal)) text += piece;
  return text;
}

/** The commit that `folder` stands at. Throws `notFound` where there is no Git, no repository or no commit yet. */
export async function headCommit(folder: string, signal?: AbortSignal): Promise<string> {
  return (await gitText(folder, ["rev-parse", "--verify", "HEAD^{commit}"], signal)).trim();
}

/** The output cut at every `separator`; the separators are left out, and so is an empty last field. */
export async function* gitFields(folder: string, args: readonly string[], separator: string, signal?: AbortSignal): AsyncGenerator<string> {
  let rest = "";
  for await (const piece of gitOutput(folder, args, signal)) {
    const fields = (rest + piece).split(separator);
    rest = fields.pop() ?? "";
    yield* fields;
  }
  if (rest !== "") yield rest;
}

function environment(): NodeJS.ProcessEnv {
  // GIT_DIR and the like would lead into another repository.
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_"));
  return { ...Object.fromEntries(kept), GIT_TERMINAL_PROMPT: "0", GIT_ALLOW_PROTOCOL: "none", GIT_NO_LAZY_FETCH: "1", GIT_NO_REPLACE_OBJECTS: "1", LC_ALL: "C.UTF-8" };
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It has ended already, or the system has no priorities to give.
  }
}

function failure(folder: string, end: number | Error, stderr: string): EngineError {
  if (end instanceof Error) {
    if (errnoCode(end) === "ENOENT") return new EngineError("notFound", "Git was not found on this machine. Install it, or leave the history out.", { folder });
    return new EngineError("unreadable", `Git could not be started: ${end.message}.`, { folder }, end);
  }
  if (/not a git repository|cannot change to|does not have any commits|bad default revision|needed a single revision/i.test(stderr)) return new EngineError("notFound", `${folder} has no Git history. Open the folder of a repository with commits.`, { folder });
  if (/dubious ownership/i.test(stderr)) return new EngineError("unreadable", `Git does not read ${folder}, as it belongs to another user. If you trust it, run: git config --global --add safe.directory ${folder}`, { folder });
  return new EngineError("unreadable", `Git could not read the history of ${folder}: ${stderr.trim().split("\n")[0] ?? `it ended with ${end}`}`, { folder, end, stderr });
}
