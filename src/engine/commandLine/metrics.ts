// kalactica metrics: how completions and answers fared with this user, read from where the editor and the command line record it.
// It records nothing itself and sends nothing.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { OutcomeStore } from "../completion/outcomes.ts";
import { MetricsDesk } from "../tasks/metricsDesk.ts";
import { scrub, UserMemory } from "../tasks/userMemory.ts";
import type { AnswerUse, CompletionUse, UseErased, UseReport } from "../protocol/metrics.ts";
import { integerOption, UsageError } from "./command.ts";
import type { Command, CommandContext } from "./command.ts";
import { storageOf, workspaceOf } from "./openEngine.ts";

const NOTHING_SENT = "Nothing of this is sent anywhere: it stands in the file named above, on this machine, and --erase deletes it.";

export const metricsCommand: Command = {
  words: ["metrics"], usage: "[--days N] [--csv] [--erase] [--storage DIR]",
  summary: "How suggestions and answers fared with you on this folder: shown, accepted, kept, characters, times, thumbs, citations opened. Local only.",
  options: {
    days: { type: "value", placeholder: "N", description: "How many days up to today. Default: 30." },
    csv: { type: "flag", description: "Print a table: a line a day, model, adapter and language." },
    erase: { type: "flag", description: "Delete all of it, with the records of completions and the ratings that training could have learnt from." },
    storage: { type: "value", placeholder: "DIR", description: "The folder that holds memory.sqlite. Default: VS Code's for this folder and .kalactica in it." },
  },
  run(context) {
    const days = integerOption(context.values, "days", 30);
    const erase = context.flags.has("erase");
    if (erase && context.flags.has("csv")) throw new UsageError("--erase and --csv do not go together: export first, then erase.");
    const places = placesOf(context);
    const found: { file: string; report?: UseReport; erased?: UseErased; csv?: string }[] = places.map((folder) => withDesk(folder, (desk) => {
      const file = path.join(folder, "memory.sqlite");
      if (erase) return { file, erased: desk.erase() };
      return { file, report: desk.report(days), ...(context.flags.has("csv") ? { csv: desk.export(days, "csv") } : {}) };
    }));
    if (found.length === 0) return Promise.resolve({ json: { stores: [] }, text: `Nothing was recorded for ${workspaceOf(context)} yet. Completions and answers in VS Code or by \`kalactica ask\` are, while "training.record" is on.` });
    const text = found.map(({ file, report, erased, csv }) => csv ?? [file, ...(report ? ["", textOf(report)] : []), ...(erased ? [erasedText(erased)] : [])].join("\n"));
    return Promise.resolve({ json: { stores: found }, text: context.flags.has("csv") ? text.join("") : [...text, ...(erase ? [] : [NOTHING_SENT])].join("\n\n") });
  },
};

function withDesk<T>(folder: string, work: (desk: MetricsDesk) => T): T {
  const memory = new UserMemory(folder, () => undefined);
  try {
    return work(new MetricsDesk({ memory, completions: new OutcomeStore(memory.database, scrub), mayRecord: () => true, model: () => ({ id: null }) }));
  } finally {
    memory.close();
  }
}

/** Folders with a memory.sqlite for the folder that is meant: the one that was named, or the command line's and VS Code's. */
function placesOf(context: CommandContext): string[] {
  const named = context.values.get("storage");
  const candidates = named === undefined ? [storageOf(context), ...editorStorages(workspaceOf(context))] : [path.resolve(named)];
  const found = candidates.filter((folder) => existsSync(path.join(folder, "memory.sqlite")));
  if (named !== undefined && found.length === 0) throw new UsageError(`There is no memory.sqlite in ${named}. The page "Use" of "KaLactica: Show Evaluations" names the folder.`);
  return found;
}

/** Where VS Code keeps what belongs to `workspace`: each of its storage folders names its workspace in a file beside. */
function editorStorages(workspace: string): string[] {
  const home = os.homedir();
  const configuration = process.platform === "win32" ? process.env["APPDATA"] ?? path.join(home, "AppData", "Roaming") : process.platform === "darwin" ? path.join(home, "Library", "Application Support") : process.env["XDG_CONFIG_HOME"] ?? path.join(home, ".config");
  const roots = [...["Code", "Code - Insiders", "VSCodium", "Code - OSS"].map((name) => path.join(configuration, name)), path.join(home, ".vscode-server", "data"), path.join(home, ".local", "share", "code-server")].map((root) => path.join(root, "User", "workspaceStorage"));
  return roots.filter((root) => existsSync(root)).flatMap((root) => readdirSync(root).map((name) => path.join(root, name)))
    .filter((folder) => folderOf(path.join(folder, "workspace.json")) === workspace).map((folder) => path.join(folder, "kalactica.kalactica"));
}

function folderOf(file: string): string | null {
  try {
    const { folder } = JSON.parse(readFileSync(file, "utf8")) as { folder?: unknown };
    return typeof folder === "string" && folder.startsWith("file:") ? path.resolve(fileURLToPath(folder)) : null;
  } catch {
    // No such file, or one of another shape: the folder is not ours to read.
    return null;
  }
}

function share(part: number, whole: number): string {
  return whole === 0 ? "–" : `${((100 * part) / whole).toFixed(0)} %`;
}

const time = (ms: number | null): string => (ms === null ? "–" : `${ms} ms`);

function completionLine(name: string, use: CompletionUse): string {
  return `  ${name.padEnd(34)} ${String(use.shown).padStart(6)} ${String(use.accepted).padStart(9)} (${share(use.accepted, use.shown).padStart(5)}) ${share(use.kept30s, use.reviewed30s).padStart(6)} ${share(use.kept5min, use.reviewed5min).padStart(6)} ${String(use.charactersKept).padStart(10)} ${time(use.p50Ms).padStart(9)} ${time(use.p95Ms).padStart(9)}`;
}

function answerLine(name: string, use: AnswerUse): string {
  return `  ${name.padEnd(34)} ${String(use.asked).padStart(6)} ${String(use.written).padStart(8)} ${String(use.stopped).padStart(8)} ${String(use.retried).padStart(8)} ${`${use.up}/${use.down}`.padStart(8)} ${`${use.withFollowed}/${use.asked}`.padStart(10)} ${time(use.firstTokenP50Ms).padStart(9)} ${time(use.firstTokenP95Ms).padStart(9)}`;
}

function modelName({ model, adapter }: { model: string; adapter: string }): string {
  return `${model === "" ? "no model" : model}${adapter === "" ? "" : ` + ${adapter}`}`.slice(0, 34);
}

function textOf({ from, to, completions, answers, recording }: UseReport): string {
  return [
    `${from} to ${to}${recording ? "" : " (nothing is recorded at present: \"training.record\" is off)"}`, "",
    `  ${"Completions".padEnd(34)} ${"shown".padStart(6)} ${"accepted".padStart(9)} ${"".padStart(7)} ${"30 s".padStart(6)} ${"5 min".padStart(6)} ${"characters".padStart(10)} ${"p50".padStart(9)} ${"p95".padStart(9)}`,
    completionLine("all", completions.total),
    ...completions.byModel.map((row) => completionLine(modelName(row), row)),
    ...completions.byLanguage.map((row) => completionLine(row.language, row)),
    ...completions.byDay.map((row) => completionLine(row.day, row)), "",
    `  ${"Answers".padEnd(34)} ${"asked".padStart(6)} ${"by model".padStart(8)} ${"stopped".padStart(8)} ${"retried".padStart(8)} ${"up/down".padStart(8)} ${"followed".padStart(10)} ${"1st p50".padStart(9)} ${"1st p95".padStart(9)}`,
    answerLine("all", answers.total),
    ...answers.byModel.map((row) => answerLine(modelName(row), row)),
    ...answers.byLanguage.map((row) => answerLine(row.language === "" ? "no language" : row.language, row)),
    ...answers.byDay.map((row) => answerLine(row.day, row)),
  ].join("\n");
}

function erasedText({ completions, answers, ratings, clean }: UseErased): string {
  return `Deleted: ${completions} completions, ${answers} answers, ${ratings} ratings.${clean ? "" : " Another process is reading the file; its log still holds remains until that is closed. Close VS Code and erase again."}`;
}
