// Starts code-server on loopback with user data of its own and ends its whole process group. It knows nothing
// of browsers or of the extension under test; it is used by the end-to-end tests and by `npm start`.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import type { VSCodeWeb } from "./install.ts";

export interface ServerOptions {
  /** Folder for user data, extensions and logs; made where it is missing. */
  readonly root: string;
  /** Unpacked extension folders, linked before the first start as an installation would place them. */
  readonly extensions?: readonly string[];
  /** `.vsix` files, installed before the first start. */
  readonly packages?: readonly string[];
  /** User settings on top of the defaults below, written where the folder has none yet. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Whether workspaces must be trusted first (default: every folder is trusted without asking). */
  readonly workspaceTrust?: boolean;
  /** Turns on VS Code's smoke-test driver, without which a test payload in the URL is ignored. */
  readonly smokeTestDriver?: boolean;
  /** A CommonJS file that the server and its extension hosts load first (NODE_OPTIONS does not reach the hosts). */
  readonly preload?: string;
  /** More environment for the server, its extension hosts and what they start. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Server {
  readonly port: number;
  readonly pid: number;
  /** Time until the server was healthy. */
  readonly readyMs: number;
  readonly logFile: string;
  /** Ends the server, its extension hosts and what they started. */
  stop(): Promise<void>;
}

const QUIET_SETTINGS = {
  "workbench.startupEditor": "none",
  "telemetry.telemetryLevel": "off",
  "update.mode": "none",
  "extensions.autoUpdate": false,
  "extensions.autoCheckUpdates": false,
  "extensions.ignoreRecommendations": true,
  "workbench.enableExperiments": false,
  "workbench.settings.enableNaturalLanguageSearch": false,
  "npm.fetchOnlinePackageInfo": false,
  "json.schemaDownload.enable": false,
  "typescript.disableAutomaticTypeAcquisition": true,
  "git.enabled": false,
  "workbench.tips.enabled": false,
  // VS Code's own chat asks for an account; it stays closed so that the pictures show what is ours.
  "workbench.secondarySideBar.defaultVisibility": "hidden",
};

/** A port on loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as net.AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

/** Starts the server and resolves when it answers. Throws with the server's own output where it does not within 60 s. */
export async function startServer(vscode: VSCodeWeb, options: ServerOptions): Promise<Server> {
  const port = await freePort();
  const { root } = options;
  const userData = path.join(root, "user-data");
  const extensions = path.join(root, "extensions");
  mkdirSync(path.join(userData, "User"), { recursive: true });
  mkdirSync(extensions, { recursive: true });
  for (const folder of options.extensions ?? []) linkExtension(folder, extensions);
  const settings = { ...QUIET_SETTINGS, "security.workspace.trust.enabled": options.workspaceTrust === true, ...options.settings };
  const settingsFile = path.join(userData, "User/settings.json");
  if (!existsSync(settingsFile)) writeFileSync(settingsFile, JSON.stringify(settings, null, 2));
  // VS Code takes these from the machine that it runs on, not from the user's settings.
  const ofMachine = Object.entries(settings).filter(([key]) => key.startsWith("workbench.welcomePage.walkthroughs."));
  const machineFile = path.join(userData, "Machine/settings.json");
  mkdirSync(path.dirname(machineFile), { recursive: true });
  if (!existsSync(machineFile)) writeFileSync(machineFile, JSON.stringify(Object.fromEntries(ofMachine), null, 2));
  const config = path.join(root, "config.yaml");
  writeFileSync(config, "auth: none\n");

  const env = environment(root, options.env);
  const entry = path.join(vscode.codeServer, "out/node/entry.js");
  const places = ["--config", config, "--user-data-dir", userData, "--extensions-dir", extensions];
  const logFile = path.join(root, "server.log");
  await installPackages(vscode, root, options.packages ?? []);

  const log = openSync(logFile, "a");
  const begun = Date.now();
  const child = spawn(
    vscode.node,
    [
      ...(options.preload === undefined ? [] : [`--require=${options.preload}`]),
      entry,
      ...places,
      "--auth", "none",
      "--bind-addr", `127.0.0.1:${port}`,
      "--disable-telemetry",
      "--disable-update-check",
      "--disable-getting-started-override",
      "--ignore-last-opened",
      ...(options.workspaceTrust === true ? [] : ["--disable-workspace-trust"]),
      ...(options.smokeTestDriver === true ? ["--vscode-option", "enable-smoke-test-driver"] : []),
    ],
    { stdio: ["ignore", log, log], env, detached: true },
  );
  closeSync(log);
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${vscode.node} could not be started. Delete the cache folder of VS Code for the browser and install it again.`);
  const stop = (): Promise<void> => stopGroup(child);
  const onExit = (): void => {
    killGroup(pid, "SIGKILL");
  };
  process.once("exit", onExit);
  child.once("exit", () => process.off("exit", onExit));
  while (!(await isHealthy(port))) {
    const late = Date.now() - begun > 60_000;
    if (!late && child.exitCode === null && child.signalCode === null) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      continue;
    }
    await stop();
    throw new Error(`code-server ${late ? "did not answer within 60 s" : "ended at once"}:\n${readFileSync(logFile, "utf8").slice(-4000)}`);
  }
  return { port, pid, readyMs: Date.now() - begun, logFile, stop };
}

/** Links `folder` as `publisher.name-version`, the place an installed extension has. */
function linkExtension(folder: string, into: string): void {
  const manifest = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as { publisher: string; name: string; version: string };
  const place = path.join(into, `${manifest.publisher}.${manifest.name}-${manifest.version}`);
  rmSync(place, { force: true }); // a link of an earlier start
  symlinkSync(path.resolve(folder), place);
}

/** Installs `.vsix` files as a user does, by VS Code's own installer, into the folder of a server that does not run yet. */
export async function installPackages(vscode: VSCodeWeb, root: string, files: readonly string[]): Promise<void> {
  for (const file of files) await manageExtension(vscode, root, ["--install-extension", file]);
}

/** Runs VS Code's command line for extensions (`--install-extension FILE`, `--uninstall-extension ID`) and returns what it says. */
export async function manageExtension(vscode: VSCodeWeb, root: string, args: readonly string[]): Promise<string> {
  mkdirSync(root, { recursive: true });
  const config = path.join(root, "config.yaml");
  writeFileSync(config, "auth: none\n");
  const places = ["--config", config, "--user-data-dir", path.join(root, "user-data"), "--extensions-dir", path.join(root, "extensions")];
  const child = spawn(vscode.node, [path.join(vscode.codeServer, "out/node/entry.js"), ...places, ...args], { env: environment(root), stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`${args.join(" ")} failed (exit ${String(code)}):\n${output.slice(-2000)}`);
  return output;
}

/** The environment of a server whose user data are all in `root`: nothing of VS Code's or npm's own comes in. */
function environment(root: string, more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([key]) => !/^(VSCODE_|ELECTRON_|npm_)/.test(key));
  return {
    ...Object.fromEntries(inherited),
    // Without a gallery the workbench has nobody to ask for extensions, icons and recommendations.
    EXTENSIONS_GALLERY: JSON.stringify({ serviceUrl: "" }),
    XDG_CONFIG_HOME: path.join(root, "config"),
    XDG_DATA_HOME: path.join(root, "data"),
    XDG_STATE_HOME: path.join(root, "state"),
    ...more,
  };
}

async function isHealthy(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(2000) });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}

/** SIGTERM to the process group, SIGKILL after 5 s to what is left of it. */
async function stopGroup(child: ChildProcess): Promise<void> {
  const { pid } = child;
  if (pid === undefined) return;
  const exited = child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : new Promise<void>((resolve) => child.once("exit", () => resolve()));
  killGroup(pid, "SIGTERM");
  await Promise.race([exited, new Promise((resolve) => setTimeout(resolve, 5000).unref())]);
  for (let i = 0; i < 50 && killGroup(pid, 0); i++) {
    if (i === 20) killGroup(pid, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  killGroup(pid, "SIGKILL");
}

/** Signals a process group; false where it is gone. */
function killGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}
