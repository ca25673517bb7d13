// The doctor: looks at hardware, libraries, models, index and disk, and says what to do about what is wrong.
// Every item is found out by trying; nothing is assumed from versions alone.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { DatabaseSync } from "node:sqlite";
import { EngineError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { engineVersion, packageDir } from "../base/paths.ts";
import { probeHardware } from "../model/hardware.ts";
import type { DoctorItem, IndexStatus, ModelInfo } from "../protocol/types.ts";
import { Sandbox } from "../sandbox/sandbox.ts";
import type { Settings } from "../settings.ts";
import { explainDefaults } from "./hardwareDefaults.ts";

export interface MachineCheckOptions {
  settings: Settings;
  storageDir: string;
  models: readonly ModelInfo[];
  index: IndexStatus;
  log: Log;
}

/** Less free disk than this is a warning. */
const ENOUGH_DISK_BYTES = 2e9;
const SELF_TEST_TIMEOUT_MS = 30_000;

type Finding = Omit<DoctorItem, "name">;

/** Runs every check; one that throws becomes a problem with its message. */
export async function checkMachine(options: MachineCheckOptions): Promise<DoctorItem[]> {
  const checks: [string, () => Finding | Promise<Finding>][] = [
    ["KaLactica", () => ok(`version ${engineVersion()}, Node ${process.versions.node}, ${process.platform} ${process.arch}`)],
    ["Hardware", () => hardware(options)],
    ["Decided from it", () => defaults(options)],
    ["Language model library", () => libraryVersion("node-llama-cpp")],
    ["Vector index library", () => vectorLibrary()],
    ["SQLite", () => sqlite()],
    ["Training runtime", () => training()],
    ["Generated code", () => generatedCode(options.log)],
    ["Models", () => models(options.models)],
    ["Index", () => index(options.index)],
    ["Disk", () => disk(options.storageDir)],
  ];
  const items: DoctorItem[] = [];
  for (const [name, check] of checks) {
    try {
      items.push({ name, ...(await check()) });
    } catch (error) {
      items.push({ name, state: "problem", found: error instanceof Error ? error.message : String(error), remedy: "Install KaLactica again for this platform. If that does not help, report this line." });
    }
  }
  return items;
}

function ok(found: string): Finding {
  return { state: "ok", found, remedy: null };
}

async function hardware({ settings, log }: MachineCheckOptions): Promise<Finding> {
  const found = await probeHardware(settings["model.device"], log);
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
  const gpu = found.gpu ? `${found.gpu.name} (${found.gpu.kind}, ${gigabytes(found.gpu.freeVramBytes)} of ${gigabytes(found.gpu.totalVramBytes)} free)` : "no usable GPU";
  return ok(`${found.cpu}, ${found.cores} cores, ${gigabytes(found.availableRamBytes)} of ${gigabytes(found.totalRamBytes)} memory free, ${gpu}`);
}

/** Threads, context and times as this machine and the settings make them. */
async function defaults({ settings, log }: MachineCheckOptions): Promise<Finding> {
  const decided = explainDefaults(await probeHardware(settings["model.device"], log), settings);
  return ok(decided.map(({ name, value, why }) => `${name}: ${value}. ${why}`).join("\n"));
}

/** The installed version; packages do not export their package.json, so it is looked for above their entry. */
function libraryVersion(name: string): Finding {
  const entry = fileURLToPath(import.meta.resolve(name));
  const folder = entry.slice(0, entry.lastIndexOf(`node_modules${path.sep}`) + `node_modules${path.sep}`.length);
  const manifest = JSON.parse(readFileSync(path.join(folder, name, "package.json"), "utf8")) as { version: string };
  return ok(`${name} ${manifest.version}`);
}

/** Puts three points into a graph and asks for the nearest. */
async function vectorLibrary(): Promise<Finding> {
  const found = await import("hnswlib-node").catch(() => null);
  if (found === null) return ok("hnswlib-node has no build for this platform: vectors are compared one by one, which takes longer in very large folders");
  const hnswlib = found.default;
  const graph = new hnswlib.HierarchicalNSW("ip", 2);
  graph.initIndex(3);
  graph.addPoint([1, 0], 0);
  graph.addPoint([0, 1], 1);
  graph.addPoint([-1, 0], 2);
  const nearest = graph.searchKnn([0.1, 0.9], 1).neighbors[0];
  if (nearest !== 1) throw new Error(`hnswlib-node gives wrong neighbours (${String(nearest)} instead of 1).`);
  return ok("hnswlib-node answers correctly");
}

function sqlite(): Finding {
  const database = new DatabaseSync(":memory:");
  try {
    database.exec("CREATE VIRTUAL TABLE words USING fts5(text); INSERT INTO words VALUES ('a small test')");
    const { version } = database.prepare("SELECT sqlite_version() AS version FROM words WHERE words MATCH 'small'").get() as { version: string };
    return ok(`SQLite ${version} with full-text search`);
  } finally {
    database.close();
  }
}

/** Compares gradients with finite differences, in a process of its own: a native assert would end this one. */
async function training(): Promise<Finding> {
  const trainer = path.join(packageDir(), "dist", "trainer.mjs");
  const { stdout } = await promisify(execFile)(process.execPath, [trainer, "self-test"], { timeout: SELF_TEST_TIMEOUT_MS, env: { ...process.env, ELECTRON_RUN_AS_NODE: "1" } });
  const { ok: sound, maxRelativeError } = JSON.parse(stdout) as { ok: boolean; maxRelativeError: number };
  if (sound) return ok(`gradients agree with finite differences (largest relative error ${maxRelativeError.toExponential(1)})`);
  return { state: "problem", found: `gradients differ from finite differences by ${maxRelativeError.toExponential(1)}`, remedy: "Do not train on this machine: its ggml library computes wrongly. Answers and completions are not affected." };
}

/** Tries the isolation that GRPO and evaluations run the model's code in. Without it, everything else works. */
async function generatedCode(log: Log): Promise<Finding> {
  let sandbox: Sandbox;
  try {
    sandbox = await Sandbox.open({ log });
  } catch (error) {
    if (!(error instanceof EngineError) || error.reason !== "nativeMissing") throw error;
    return { state: "warning", found: error.message, remedy: "Only training with rewards that run code, and evaluations that do, need this." };
  }
  try {
    const { sentence, interpreters } = sandbox.describe();
    return ok(`${sentence} ${interpreters.map(({ language, found }) => `${language}: ${found}`).join("; ")}`);
  } finally {
    await sandbox.close();
  }
}

function models(list: readonly ModelInfo[]): Finding {
  const installed = list.filter((model) => model.installed);
  if (installed.length === 0) return { state: "problem", found: "no model on this machine", remedy: "Download one with \"KaLactica: Choose Model\" or `kalactica models pull`." };
  const active = installed.find((model) => model.active);
  const names = installed.map((model) => `${model.name} ${model.quantisation}`).join(", ");
  if (active?.fit?.fits === false) return { state: "problem", found: `${names}; ${active.fit.explanation}`, remedy: "Choose a smaller model with \"KaLactica: Choose Model\"." };
  return ok(`${names}; in use: ${active?.name ?? "none"}`);
}

function index(status: IndexStatus): Finding {
  if (status.state === "failed") return { state: "problem", found: status.failure ?? "the index failed", remedy: "Run \"KaLactica: Update Index\"." };
  return ok(status.state === "off" ? "no folder is open" : `${status.files} files, ${status.chunks} passages, ${status.skipped.length} left out`);
}

async function disk(folder: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const found = `${(free / 1e9).toFixed(1)} GB free at ${folder}`;
  return free < ENOUGH_DISK_BYTES ? { state: "warning", found, remedy: "Free some space: models and indexes need it." } : ok(found);
}
