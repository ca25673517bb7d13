// The first try of KaLactica from a clone: builds it and opens it in the best place this machine has — the desktop
// VS Code, VS Code in the browser, or the terminal. It opens no socket of its own except to fetch a VS Code that is
// not there, and says so before.
import { spawn } from "node:child_process";
import { cpSync, existsSync, readFileSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openDesktop } from "./desktop.ts";
import { openTerminal } from "./terminal.ts";
import { openWeb } from "./web.ts";
import type { StartContext } from "./context.ts";

const usage = `usage: npm start [-- [--desktop | --web | --terminal] [FOLDER]]

Opens FOLDER (default: a small sample project) with KaLactica in it.
  --desktop   the desktop VS Code: \`code\` on the PATH, otherwise downloaded
  --web       VS Code in the browser (code-server from npm, about 800 MB the first time)
  --terminal  no editor: index, ask and complete on the command line
Without a flag the first of these that works is taken.`;

process.exitCode = await main();

async function main(): Promise<number> {
  let parsed;
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: { desktop: { type: "boolean" }, web: { type: "boolean" }, terminal: { type: "boolean" }, help: { type: "boolean", short: "h" } },
    });
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
  const { values, positionals } = parsed;
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const chosen = (["desktop", "web", "terminal"] as const).filter((place) => values[place] === true);
  if (chosen.length > 1 || positionals.length > 1) {
    console.error(`Choose one place and one folder.\n\n${usage}`);
    return 2;
  }
  const [folder] = positionals;
  if (folder !== undefined && !isFolder(folder)) {
    console.error(`${path.resolve(folder)} is not a folder. Give the folder of a project, or nothing for the sample project.`);
    return 1;
  }

  const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
  const cache = path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache"), "kalactica", "start");
  const context: StartContext = {
    repository,
    cache,
    isSample: folder === undefined,
    workspace: folder === undefined ? sampleWorkspace(repository, cache) : path.resolve(folder),
    hasDisplay: process.platform === "win32" || process.platform === "darwin" || Boolean(process.env.DISPLAY ?? process.env.WAYLAND_DISPLAY),
  };
  if ((await build(repository)) !== 0) {
    console.error("The build failed: see the lines above. `npm ci` brings everything that it needs.");
    return 1;
  }
  return open(chosen[0], context);
}

/** Goes through the places in order of preference; each says why it cannot be had. */
async function open(chosen: "desktop" | "web" | "terminal" | undefined, context: StartContext): Promise<number> {
  if (chosen === "terminal") return openTerminal(context);
  if (chosen === "desktop") return (await openDesktop(context, true)) ? 0 : 1;
  if (chosen === "web") return (await openWeb(context)) ? 0 : 1;

  // Nobody is there to look at a window or to end a server, so nothing may wait for them.
  if (!process.stdin.isTTY && !context.hasDisplay) {
    console.log("There is neither a display nor a terminal here, so KaLactica is shown on the command line; `npm start -- --web` serves VS Code for a browser.");
    return openTerminal(context);
  }
  if (context.hasDisplay && (await openDesktop(context, process.stdin.isTTY))) return 0;
  if (await openWeb(context)) return 0;
  console.log("No VS Code could be had, so KaLactica is shown on the command line.");
  return openTerminal(context);
}

/** A copy of the sample project, so that trying things out leaves the clone as it is. */
function sampleWorkspace(repository: string, cache: string): string {
  const { version } = JSON.parse(readFileSync(path.join(repository, "package.json"), "utf8")) as { version: string };
  const copy = path.join(cache, `tidepool-${version}`);
  if (!existsSync(copy)) cpSync(path.join(repository, "test/fixtures/workspace"), copy, { recursive: true });
  return copy;
}

function isFolder(folder: string): boolean {
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Builds quietly; the builder's own lines are shown only where it fails. */
function build(repository: string): Promise<number> {
  const child = spawn(process.execPath, ["esbuild.mjs"], { cwd: repository, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve) => {
    child.once("close", (code) => {
      if (code !== 0) process.stderr.write(output);
      resolve(code ?? 1);
    });
  });
}
