// kalactica data …: prepare, list, show, diff, verify, review, export, delete and gc of data sets. What they do is in
// tasks/trainingDesk.ts and data/versions.ts; how results read, in dataText.ts.
import path from "node:path";
import { EngineError } from "../base/errors.ts";
import type { DatasetStore } from "../data/versions.ts";
import type { Engine } from "../engine.ts";
import type { DatasetInfo, DatasetSource } from "../protocol/training.ts";
import { integerOption, UsageError } from "./command.ts";
import type { Command, CommandContext, CommandOutput } from "./command.ts";
import { datasetLine, diffText, reportText, reviewText, rowsText } from "./dataText.ts";
import { withEngine } from "./openEngine.ts";

const SOURCES: readonly DatasetSource[] = ["workspace", "git", "notebooks", "feedback"];

export const DATA_COMMANDS: readonly Command[] = [
  {
    words: ["data", "prepare"], usage: "--source workspace|git|notebooks|feedback|FILE --name NAME", summary: "Make a data set for training: read, checked, cleaned, split, stored as a version.",
    options: {
      source: { type: "value", placeholder: "SOURCE|FILE", description: "workspace (its code), git (its history), notebooks, feedback, or a data file or folder (.jsonl, .json, .csv, .parquet)." },
      name: { type: "value", placeholder: "NAME", description: "What to call it; a name that exists gets a new version." },
      path: { type: "value", placeholder: "DIR", description: "Another folder than the workspace to read from." },
      validation: { type: "value", placeholder: "SHARE", description: "Share kept for validation, 0 to 0.5. Default: 0.1." },
      split: { type: "value", placeholder: "BY", description: "What validation is: group (any files, commits, prompts) or time (the newest). Default: time for git and feedback." },
      seed: { type: "value", placeholder: "N", description: "Seed of everything drawn. Default: 1." },
    },
    run: (context) => withEngine(context, { workspace: true }, (engine) => prepare(engine, context)),
  },
  { words: ["data", "list"], usage: "[NAME]", summary: "The data sets of this folder, or the versions of one.", options: {}, run: onStore(list) },
  {
    words: ["data", "show"], usage: "NAME|VERSION", summary: "The report of a data set and some of its records.",
    options: {
      rows: { type: "value", placeholder: "N", description: "Records shown. Default: 5." },
      from: { type: "value", placeholder: "N", description: "The first one shown, from 0." },
      split: { type: "value", placeholder: "SPLIT", description: "train or validation; default: both." },
    },
    run: onStore(show),
  },
  { words: ["data", "diff"], usage: "A [B]", summary: "What changed from version A to B; with one name, from its last version but one.", options: {}, run: onStore(diff) },
  { words: ["data", "verify"], usage: "[NAME|VERSION]", summary: "Read everything that is stored and name what is damaged.", options: {}, run: onStore(verify) },
  {
    words: ["data", "review"], usage: "NAME [--exclude IDS | --include IDS]", summary: "List records with their ids; leave some out, or take them back in, as a new version.",
    options: {
      exclude: { type: "value", placeholder: "ID,ID", description: "Records to leave out." },
      include: { type: "value", placeholder: "ID,ID", description: "Records to take back in." },
      rows: { type: "value", placeholder: "N", description: "Records listed. Default: 20." },
      from: { type: "value", placeholder: "N", description: "The first one listed, from 0." },
    },
    run: (context) => withEngine(context, { workspace: true }, (engine) => review(engine, context)),
  },
  {
    words: ["data", "export"], usage: "NAME|VERSION --out DIR", summary: "Write a data set to JSON Lines files, for TRL or as it is stored.",
    options: {
      out: { type: "value", placeholder: "DIR", description: "Where the files go." },
      format: { type: "value", placeholder: "trl|records", description: "TRL's formats, one file a split and format, or the stored records. Default: trl." },
    },
    run: onStore(exportFiles),
  },
  { words: ["data", "delete"], usage: "NAME", summary: "Take a name away; its versions go with the next \"data gc\".", options: {}, run: onStore(remove) },
  { words: ["data", "gc"], usage: "", summary: "Remove versions that no name stands for and no run was trained on.", options: {}, run: (context) => withEngine(context, { workspace: true }, gc) },
];

function onStore(work: (store: DatasetStore, context: CommandContext) => Promise<CommandOutput>): Command["run"] {
  return (context) => withEngine(context, { workspace: true }, (engine) => work(engine.training.data, context));
}

async function prepare(engine: Engine, { values, positionals, signal, progress }: CommandContext): Promise<CommandOutput> {
  if (positionals.length > 0) throw new UsageError(`"${positionals[0] ?? ""}" is one word too many. The data file goes to --source.`);
  const source = needed(values, "source", "workspace, git, notebooks, feedback or a data file");
  const name = needed(values, "name", "what to call the data set");
  const validation = values.get("validation");
  const validationShare = validation === undefined ? undefined : Number(validation);
  if (validationShare !== undefined && !(validationShare >= 0 && validationShare <= 0.5)) throw new UsageError(`--validation is "${validation ?? ""}", but must be a share from 0 to 0.5.`);
  const splitBy = values.get("split");
  if (splitBy !== undefined && splitBy !== "group" && splitBy !== "time") throw new UsageError(`--split is "${splitBy}", but must be group or time.`);
  const kind = SOURCES.find((known) => known === source);
  const folder = values.get("path");
  if (kind === undefined && folder !== undefined) throw new UsageError("--path goes with --source workspace, git or notebooks; a data file is named by --source itself.");
  const place = kind === undefined ? path.resolve(source) : folder === undefined ? undefined : path.resolve(folder);
  const started = performance.now();
  const info = await engine.training.prepareData({
    source: kind ?? "file", name, ...(place === undefined ? {} : { path: place }), ...(validationShare === undefined ? {} : { validationShare }),
    ...(splitBy === undefined ? {} : { splitBy }), ...(values.has("seed") ? { seed: integerOption(values, "seed", 1, 0) } : {}),
  }, { signal, onProgress: (label, done, total) => progress.report(label, done, total) });
  const seconds = (performance.now() - started) / 1_000;
  return { json: { ...info, seconds }, text: `${datasetLine(info)}\n${reportText(info)}\n${seconds.toFixed(1)} s` };
}

async function list(store: DatasetStore, { positionals }: CommandContext): Promise<CommandOutput> {
  const [name] = positionals;
  const damaged: { name: string; sentence: string }[] = [];
  const datasets: DatasetInfo[] = name === undefined ? await store.list((of, sentence) => damaged.push({ name: of, sentence })) : await store.history(name);
  if (name !== undefined && datasets.length === 0) await store.open(name);
  const lines = [...datasets.map(datasetLine), ...damaged.map((item) => `${item.name}: ${item.sentence}`)];
  return { json: { datasets, damaged }, text: lines.length === 0 ? "No data set was prepared here yet. \"kalactica data prepare --source workspace --name code\" makes one." : lines.join("\n"), ...(damaged.length > 0 ? { exitCode: 1 } : {}) };
}

async function show(store: DatasetStore, context: CommandContext): Promise<CommandOutput> {
  const dataset = oneName(context);
  const split = context.values.get("split");
  if (split !== undefined && split !== "train" && split !== "validation") throw new UsageError(`--split is "${split}", but must be train or validation.`);
  const { info, manifest } = await store.open(dataset);
  const rows = await store.rows(dataset, { limit: integerOption(context.values, "rows", 5, 0), offset: integerOption(context.values, "from", 0, 0), ...(split ? { split } : {}), signal: context.signal });
  return { json: { ...info, lineage: manifest.lineage, rows }, text: `${datasetLine(info)}\n${reportText(info)}\n\n${rowsText(rows)}` };
}

async function diff(store: DatasetStore, { positionals, signal }: CommandContext): Promise<CommandOutput> {
  const [a, b] = positionals;
  if (a === undefined || positionals.length > 2) throw new UsageError("Name two data sets or versions to compare, or one name to compare with its last version but one.");
  let [from, to] = [a, b];
  if (to === undefined) {
    const [current, before] = await store.history(a);
    if (current === undefined) await store.open(a);
    if (before === undefined) throw new EngineError("notFound", `"${a}" has no earlier version that is still stored. Name two versions to compare.`);
    [from, to] = [before.version, a];
  }
  const result = await store.diff(from, to, signal);
  return { json: result, text: diffText(result) };
}

async function verify(store: DatasetStore, { positionals, signal, progress }: CommandContext): Promise<CommandOutput> {
  const result = await store.verify(positionals[0], { signal, onProgress: (done, total) => progress.report("verifying parts", done, total) });
  const text = result.damaged.length === 0
    ? `All is well: ${result.versions} versions, ${result.parts} parts, ${(result.bytes / 1e6).toFixed(1)} MB.`
    : result.damaged.map(({ sentence, versions }) => `${sentence}${versions.length === 0 ? "" : ` Needed by ${versions.map((version) => version.slice(0, 12)).join(", ")}.`}`).join("\n");
  return { json: { ok: result.damaged.length === 0, ...result }, text, ...(result.damaged.length > 0 ? { exitCode: 1 } : {}) };
}

async function review({ training }: Engine, context: CommandContext): Promise<CommandOutput> {
  const name = oneName(context);
  const { values, signal } = context;
  const ids = (option: string): string[] => (values.get(option) ?? "").split(",").map((id) => id.trim()).filter((id) => id !== "");
  const changes = [...ids("exclude").map((id) => ({ id, included: false })), ...ids("include").map((id) => ({ id, included: true }))];
  if (changes.length > 0) {
    const info = await training.decideData(name, changes, signal);
    return { json: info, text: `${datasetLine(info)}\n${changes.length} records were decided on.` };
  }
  const items = await training.data.review(name, { limit: integerOption(values, "rows", 20), offset: integerOption(values, "from", 0, 0), signal });
  return { json: { items }, text: reviewText(items) };
}

async function exportFiles(store: DatasetStore, context: CommandContext): Promise<CommandOutput> {
  const dataset = oneName(context);
  const out = path.resolve(needed(context.values, "out", "a folder"));
  const format = context.values.get("format") ?? "trl";
  if (format !== "trl" && format !== "records") throw new UsageError(`--format is "${format}", but must be trl or records.`);
  const files = await store.export(dataset, out, { format, signal: context.signal });
  const notes = files.some((file) => file.format.startsWith("infill")) ? ["Fill-in-the-middle records went to files of their own, as TRL has no form for them."] : [];
  return { json: { files }, text: [...files.map(({ file, records }) => `${file}: ${records} records`), ...notes].join("\n") };
}

async function remove(store: DatasetStore, context: CommandContext): Promise<CommandOutput> {
  const name = oneName(context);
  if (!(await store.delete(name))) await store.open(name);
  return { json: { deleted: name }, text: `"${name}" is gone. "kalactica data gc" frees its space.` };
}

async function gc(engine: Engine): Promise<CommandOutput> {
  const keep = (await engine.training.runs.list()).map(({ datasetVersion }) => datasetVersion);
  const result = await engine.training.data.collectGarbage({ keep });
  return { json: result, text: `${result.versions.length} versions and ${result.parts} parts removed, ${(result.bytes / 1e6).toFixed(1)} MB freed.` };
}

function needed(values: ReadonlyMap<string, string>, option: string, what: string): string {
  const value = values.get(option);
  if (value === undefined || value === "") throw new UsageError(`--${option} is missing; it needs ${what}.`);
  return value;
}

function oneName({ positionals }: CommandContext): string {
  const [name] = positionals;
  if (name === undefined || positionals.length > 1) throw new UsageError("Name one data set or version.");
  return name;
}
