// Opens KaLactica in the desktop VS Code, with a profile of its own so that nothing of the user's is touched and
// nothing is sent. It does not test anything (test/e2e/desktop.ts does).
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { downloadAndUnzipVSCode } from "@vscode/test-electron";
import type { StartContext } from "./context.ts";

/** The first VS Code with everything that the extension uses (`engines.vscode`). */
const OLDEST = [1, 127] as const;

/** Opens a window and returns true, or says why it cannot and returns false. Downloads a VS Code only if `mayDownload`. */
export async function openDesktop(context: StartContext, mayDownload: boolean): Promise<boolean> {
  const executable = installedCode() ?? (mayDownload ? await downloadedCode(context.cache) : undefined);
  if (executable === undefined) return false;
  const profile = path.join(context.cache, "desktop-profile");
  const settings = path.join(profile, "User/settings.json");
  mkdirSync(path.dirname(settings), { recursive: true });
  if (!existsSync(settings)) {
    writeFileSync(settings, JSON.stringify({ "telemetry.telemetryLevel": "off", "update.mode": "none", "workbench.startupEditor": "none", "workbench.enableExperiments": false }, null, 2));
  }
  const args = [
    "--new-window",
    `--extensionDevelopmentPath=${context.repository}`,
    `--user-data-dir=${profile}`,
    `--extensions-dir=${path.join(context.cache, "desktop-extensions")}`,
    "--disable-telemetry",
    "--disable-updates",
    "--skip-welcome",
    "--skip-release-notes",
    context.workspace,
  ];
  const window = spawn(executable, args, { stdio: "ignore", detached: true, shell: process.platform === "win32" && executable.endsWith(".cmd") });
  const problem = await new Promise<Error | undefined>((resolve) => {
    window.once("error", resolve);
    window.once("spawn", () => resolve(undefined));
  });
  if (problem !== undefined) {
    console.log(`${executable} could not be started: ${problem.message}`);
    return false;
  }
  window.unref();
  console.log(`VS Code opens ${context.workspace} with KaLactica in it. Its chat is in the activity bar.`);
  return true;
}

/** `code` on the PATH, where it is recent enough and not the one of a remote terminal, which opens no new window. */
function installedCode(): string | undefined {
  if (process.env.VSCODE_IPC_HOOK_CLI !== undefined) {
    console.log("This is a remote terminal of VS Code, whose `code` cannot start a development window.");
    return undefined;
  }
  const name = process.platform === "win32" ? "code.cmd" : "code";
  const run = spawnSync(name, ["--version"], { encoding: "utf8", timeout: 20_000, shell: process.platform === "win32" });
  if (run.status !== 0) {
    console.log("`code` is not on the PATH.");
    return undefined;
  }
  const version = run.stdout.split("\n")[0]?.trim() ?? "";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return name;
  console.log(`The VS Code on the PATH is ${version}, and KaLactica needs ${OLDEST.join(".")} or later.`);
  return undefined;
}

async function downloadedCode(cache: string): Promise<string | undefined> {
  console.log("Fetching a desktop VS Code through @vscode/test-electron (about 150 MB the first time) …");
  try {
    return await downloadAndUnzipVSCode({ cachePath: path.join(cache, "vscode-desktop") });
  } catch (error) {
    console.log(`It could not be fetched: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}
