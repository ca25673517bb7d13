// Opens an engine for one run of the command line, and closes it whatever happens.
import { mkdirSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { EngineError } from "../base/errors.ts";
import { Log } from "../base/log.ts";
import type { LogEntry } from "../base/log.ts";
import { Engine } from "../engine.ts";
import { SETTINGS } from "../settings.ts";
import { keyVariable } from "../tasks/endpointDesk.ts";
import { UsageError } from "./command.ts";
import type { CommandContext } from "./command.ts";

/** Where downloaded models and the chosen one are kept: KALACTICA_HOME or ~/.kalactica. */
export function homeDir(): string {
  return process.env["KALACTICA_HOME"] ?? path.join(os.homedir(), ".kalactica");
}

/** The folder named by --workspace, or the current one. Errors: `notFound`, `unreadable`. */
export function workspaceOf(context: CommandContext): string {
  const folder = path.resolve(context.values.get("workspace") ?? ".");
  try {
    if (!statSync(folder).isDirectory()) throw new EngineError("notFound", `${folder} is a file, but a folder was expected. Name the folder that holds it.`);
  } catch (error) {
    if (error instanceof EngineError) throw error;
    throw new EngineError("notFound", `There is no folder ${folder}. Check --workspace.`, {}, error);
  }
  return folder;
}

/** Reads `--set key=value,key=value`. Values are JSON where they parse as such, otherwise text. */
function settingsOf(context: CommandContext): Record<string, unknown> {
  const settings: Record<string, unknown> = {};
  for (const part of (context.values.get("set") ?? "").split(",").filter((text) => text !== "")) {
    const at = part.indexOf("=");
    const key = part.slice(0, at);
    if (at < 1) throw new UsageError(`--set takes KEY=VALUE, but "${part}" has no "=".`);
    if (!Object.hasOwn(SETTINGS, key)) throw new UsageError(`There is no setting "${key}". There are: ${Object.keys(SETTINGS).join(", ")}.`);
    const text = part.slice(at + 1);
    try {
      settings[key] = JSON.parse(text);
    } catch {
      settings[key] = text;
    }
  }
  const model = context.values.get("model");
  if (model !== undefined) settings["model.file"] = model.endsWith(".gguf") ? path.resolve(model) : model;
  return settings;
}

/** Where the command line keeps the index and the memory of the folder named by --workspace, or of the current one. */
export function storageOf(context: CommandContext): string {
  return path.join(workspaceOf(context), ".kalactica");
}

/** Runs `work` with an engine that starts nothing by itself; its warnings go to standard error. */
export async function withEngine<T>(context: CommandContext, options: { workspace: boolean }, work: (engine: Engine) => Promise<T>): Promise<T> {
  const home = homeDir();
  const workspaceDir = options.workspace ? workspaceOf(context) : null;
  const storageDir = workspaceDir === null ? home : path.join(workspaceDir, ".kalactica");
  for (const folder of [storageDir, path.join(home, "models")]) {
    try {
      mkdirSync(folder, { recursive: true });
    } catch (error) {
      throw new EngineError("unreadable", `The folder ${folder} cannot be made. Allow writing there, or set KALACTICA_HOME to another place.`, {}, error);
    }
  }
  const verbose = process.env["KALACTICA_DEBUG"] !== undefined;
  const log = new Log("engine", ({ level, room, message, fields }: LogEntry) => {
    if (verbose) context.progress.say(`${level} [${room}] ${message} ${JSON.stringify(fields)}`);
    else if (level === "error") context.progress.say(message);
  }, verbose ? "debug" : "error");
  const engine = await Engine.open({
    client: "command line", workspaceDir, storageDir, modelsDir: path.join(home, "models"),
    settings: settingsOf(context), trusted: true, log, background: false, endpointKey: (name) => process.env[keyVariable(name)],
  });
  try {
    return await work(engine);
  } finally {
    await engine.close();
  }
}
