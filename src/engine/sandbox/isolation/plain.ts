// The weaker way for systems without namespaces: a temporary folder, a clean environment, a process group and rlimits.
// It does NOT keep code off the network or from reading the user's files, so the sandbox refuses it unless its caller
// insists. Also the frame that macOS's own sandbox is put into (seatbelt.ts).
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { BoxedProgram, Isolation, Launch } from "./isolation.ts";
import { checkedFileName, prlimitWords, programWords, runScript, shellWords } from "./isolation.ts";

/** Put into the environment of every process of a run, to find those that left its process group. */
const MARK = "KALACTICA_SANDBOX";

export function plainProcesses(): Isolation {
  return {
    name: "none",
    withoutNetwork: false,
    sentence: process.platform === "win32"
      ? "Nothing isolates generated code on Windows: it runs with your rights, can use the network and read your files; only time and output are limited."
      : "Nothing isolates generated code here: it runs with your rights, can use the network and read your files; only time, memory, processes and output are limited.",
    launch: (program, marker) => folderLaunch(program, marker, () => []),
  };
}

/**
 * Starts the program in a fresh temporary folder on disk, which is removed afterwards (links in it are removed, not
 * followed). `before` gives words to put before the program's, for the folder's real path.
 */
export async function folderLaunch(program: BoxedProgram, marker: string, before: (folder: string) => string[]): Promise<Launch> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), "kalactica-box-")));
  const mark = path.basename(folder);
  try {
    for (const [name, content] of Object.entries(program.files)) {
      const file = path.join(folder, checkedFileName(name));
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, content);
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  const marked = { ...program, environment: { ...program.environment, [MARK]: mark } };
  const dispose = async (): Promise<void> => {
    await killMarked(mark);
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  if (process.platform === "win32") return { ...windowsLaunch(marked, folder, marker), dispose };
  return {
    file: "/bin/sh",
    arguments: ["-c", `set -e; script=$(cat <&3); exec 3<&-; eval "$script"`],
    environment: { PATH: "/usr/bin:/bin:/usr/sbin:/sbin", LC_ALL: "C" },
    folder,
    script: `${limitScript(program)}\n${runScript(marker, [...before(folder), ...programWords(marked, folder)])}`,
    dispose,
  };
}

/** Limits by prlimit on Linux and by the shell's own ulimit elsewhere, which has no limit of processes per run. */
function limitScript(program: BoxedProgram): string {
  const { cpuSeconds, fileBytes, openFiles } = program.limits;
  // --nproc counts all of the user's processes and would stop the first one: left out without a user namespace.
  if (process.platform === "linux") return `${shellWords(prlimitWords(program).filter((word) => !word.startsWith("--nproc")))} --pid $$`;
  return `ulimit -c 0; ulimit -t ${Math.ceil(cpuSeconds)}; ulimit -f ${Math.ceil(fileBytes / 512)}; ulimit -n ${Math.ceil(openFiles)}`;
}

/** Windows: no shell, no rlimits; what Node can do alone. Written after the documentation, not run on Windows yet. */
function windowsLaunch(program: BoxedProgram, folder: string, marker: string): Omit<Launch, "dispose"> {
  const start = `process.stderr.write(${JSON.stringify(`${marker}\n`)}); const { spawnSync } = require("node:child_process");
const r = spawnSync(${JSON.stringify(program.program)}, ${JSON.stringify(program.arguments)}, { stdio: "inherit", windowsHide: true, env: ${JSON.stringify({ ...program.environment, SYSTEMROOT: process.env.SYSTEMROOT ?? "C:\\Windows", TEMP: folder, TMP: folder, TZ: "UTC" })} });
process.exit(r.status ?? 1);`;
  return { file: process.execPath, arguments: ["-e", start], environment: { ELECTRON_RUN_AS_NODE: "1", SYSTEMROOT: process.env.SYSTEMROOT ?? "C:\\Windows" }, folder, script: "" };
}

/** Ends processes of the run that left its process group. Linux only; one that cleared its environment is not found. */
async function killMarked(mark: string): Promise<void> {
  if (process.platform !== "linux") return;
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      if ((await readFile(`/proc/${entry}/environ`, "latin1")).includes(`${MARK}=${mark}`)) process.kill(Number(entry), "SIGKILL");
    } catch {
      // Ended meanwhile, or not ours.
    }
  }
}
