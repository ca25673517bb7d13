// kalactica train sft|dpo|kto|grpo and train resume|status|pause|cancel|remove: runs from the command line, followed until they
// end. Ctrl-C pauses a run; it goes on with `train resume`. What a run is, is in tasks/trainingDesk.ts.
import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { parse as parseYaml, YAMLParseError } from "yaml";
import { EngineError } from "../base/errors.ts";
import type { Engine } from "../engine.ts";
import type { RunFigures, RunInfo, StartRunParams, TrainingMethod } from "../protocol/training.ts";
import { setByName, settingNames } from "../training/tune/runConfig.ts";
import { integerOption, UsageError } from "./command.ts";
import type { Command, CommandContext, CommandOutput, OptionSpec } from "./command.ts";
import { withEngine } from "./openEngine.ts";
import { ELSEWHERE_OPTIONS, EXPORT_RUN_OPTIONS, exportRun, fetchRun, trainElsewhere } from "./trainElsewhere.ts";
import { duration, figuresLine, runResult, runTable, runText } from "./runText.ts";

/** Flags for the settings that are changed most, by their dotted names. */
const SHORTCUTS: Readonly<Record<string, { name: string; description: string }>> = {
  epochs: { name: "epochs", description: "Passes over the data." },
  steps: { name: "maxSteps", description: "Most optimizer steps." },
  rate: { name: "optimizer.learningRate", description: "Learning rate, for example 2e-4." },
  batch: { name: "batchSize", description: "Samples per optimizer step." },
  length: { name: "sequenceLength", description: "Longest sample, in tokens." },
  rank: { name: "adapter.rank", description: "Rank of the adapter." },
  seed: { name: "seed", description: "Seed of everything drawn." },
};

const RUN_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  data: { type: "value", placeholder: "NAME|FILE", description: "A prepared data set (its name or version), or a data file, which is prepared first." },
  config: { type: "value", placeholder: "FILE", description: "Settings of the run as YAML or JSON, over the defaults." },
  ...Object.fromEntries(Object.entries(SHORTCUTS).map(([flag, { description }]) => [flag, { type: "value" as const, placeholder: "N", description }])),
  with: { type: "value", placeholder: "NAME=VALUE,…", description: `Any setting by name: ${settingNames().join(", ")}.` },
  "no-promote": { type: "flag", description: "Leave it to you whether the adapter goes live (adapters activate)." },
  "execute-code": { type: "flag", description: "Agree that code written by the model is run in the sandbox (GRPO with tests)." },
  estimate: { type: "flag", description: "Only say what memory and time the run would take." },
};

/** What describes a run that happens elsewhere. */
const CLUSTER_OPTIONS = Object.fromEntries(Object.entries(RUN_OPTIONS).filter(([name]) => !["no-promote", "execute-code", "estimate"].includes(name)));

const TRAINS: Readonly<Record<TrainingMethod, string>> = {
  sft: "Train an adapter on texts, conversations or examples (supervised).",
  dpo: "Train an adapter from pairs of better and worse replies.",
  kto: "Train an adapter from replies marked good or bad.",
  grpo: "Train an adapter by rewarding its own replies to tasks.",
};

export const TRAIN_RUN_COMMANDS: readonly Command[] = [
  ...(Object.keys(TRAINS) as TrainingMethod[]).map((method): Command => ({
    words: ["train", method], usage: "--data NAME|FILE [--config run.yaml]", summary: TRAINS[method], options: method === "grpo" ? RUN_OPTIONS : { ...RUN_OPTIONS, ...ELSEWHERE_OPTIONS },
    run: (context) => withEngine(context, { workspace: true }, (engine) => start(engine, method, context)),
  })),
  {
    words: ["train", "export"], usage: "--data NAME|FILE --out FOLDER [--format trl|axolotl]", summary: "Write a run as a folder for another cluster: data, script, configuration.",
    options: { ...CLUSTER_OPTIONS, ...EXPORT_RUN_OPTIONS, ...Object.fromEntries(Object.entries(ELSEWHERE_OPTIONS).filter(([name]) => ["base", "workers", "gpus"].includes(name))) },
    run: (context) => withEngine(context, { workspace: true }, async (engine) => exportRun(engine, await datasetOf(engine, dataOf(context), context), configOf(context), context)),
  },
  {
    words: ["train", "fetch"], usage: "JOB --on ray=URL", summary: "Follow a job of a Ray cluster again, and take its adapter in.", options: { on: ELSEWHERE_OPTIONS["on"]! },
    run: (context) => withEngine(context, { workspace: true }, (engine) => fetchRun(engine, context)),
  },
  {
    words: ["train", "resume"], usage: "RUN", summary: "Go on with a run that was paused, interrupted or failed.", options: {},
    run: (context) => withEngine(context, { workspace: true }, async (engine) => {
      const { id } = await engine.training.resume(oneRun(context));
      return follow(engine, id, context);
    }),
  },
  {
    words: ["train", "status"], usage: "[RUN] [--follow]", summary: "The runs of this folder, or how one of them stands.",
    options: { follow: { type: "flag", description: "Go on showing its figures until it ends." } },
    run: (context) => withEngine(context, { workspace: true }, (engine) => status(engine, context)),
  },
  {
    words: ["train", "pause"], usage: "RUN", summary: "Make a checkpoint and stop.", options: {},
    run: (context) => withEngine(context, { workspace: true }, async (engine) => {
      const { id } = await engine.training.runs.pause(oneRun(context));
      return output(await engine.training.runs.settled(id));
    }),
  },
  {
    words: ["train", "cancel"], usage: "RUN", summary: "Stop a run for good.", options: {},
    run: (context) => withEngine(context, { workspace: true }, async (engine) => {
      const { id } = await engine.training.runs.cancel(oneRun(context));
      return output(await engine.training.runs.settled(id));
    }),
  },
  {
    words: ["train", "remove"], usage: "RUN", summary: "Delete a run's folder; its adapter stays.", options: {},
    run: (context) => withEngine(context, { workspace: true }, async (engine) => {
      const { id } = await engine.training.runs.get(oneRun(context));
      await engine.training.runs.remove(id);
      return { json: { removed: id }, text: `Removed ${id}.` };
    }),
  },
];

function oneRun({ positionals }: CommandContext): string {
  if (positionals.length !== 1) throw new UsageError(`Expected one run, got ${positionals.length}. \`kalactica train status\` lists them.`);
  return positionals[0]!;
}

async function start(engine: Engine, method: TrainingMethod, context: CommandContext): Promise<CommandOutput> {
  const { values, flags, progress } = context;
  const data = dataOf(context);
  if (values.has("on")) return trainElsewhere(engine, method, await datasetOf(engine, data, context), configOf(context), context);
  const params: StartRunParams = {
    method, dataset: await datasetOf(engine, data, context), config: configOf(context),
    ...(flags.has("no-promote") ? { promote: "never" as const } : {}), executeCode: flags.has("execute-code"),
  };
  const estimate = await engine.training.estimate(params);
  const time = estimate.seconds === null ? "" : ` It takes about ${duration(estimate.seconds)}.`;
  progress.say(`${estimate.steps} steps of ${estimate.tokensPerStep} tokens. ${estimate.sentence}${time}`);
  if (flags.has("estimate")) return { json: estimate, text: estimate.sample.map(({ text, learnt }) => learnt ? `⟦${text}⟧` : text).join("") + "\n\nWhat stands in ⟦ ⟧ is learnt, the rest is only read.", exitCode: estimate.fits ? 0 : 1 };
  const { id } = await engine.training.start(params);
  progress.say(`Run ${id} began. Ctrl-C pauses it.`);
  return follow(engine, id, context);
}

function dataOf({ values }: CommandContext): string {
  const data = values.get("data");
  if (data === undefined) throw new UsageError("--data is missing; it needs the name of a data set (kalactica data list) or a data file.");
  return data;
}

/** A prepared data set goes by its name or version; a file is prepared under its own name first. */
async function datasetOf(engine: Engine, data: string, { signal, progress }: CommandContext): Promise<string> {
  const known = (await engine.training.listData()).some(({ name, version }) => name === data || version.startsWith(data));
  if (known || !existsSync(data)) return data;
  const file = path.resolve(data);
  const name = path.basename(file).replace(/(\.(jsonl?|csv|parquet|txt|gz|zst))+$/i, "") || "data";
  progress.say(`Preparing ${statSync(file).isDirectory() ? "folder" : "file"} ${file} as "${name}".`);
  await engine.training.prepareData({ source: "file", path: file, name }, { signal, onProgress: (label, done, total) => progress.report(label, done, total) });
  return name;
}

/** The file's settings, then --with, then the shortcuts: what is said last and shortest wins. */
function configOf({ values }: CommandContext): Record<string, unknown> {
  const file = values.get("config");
  let config = file === undefined ? {} : readConfigFile(file);
  for (const part of (values.get("with") ?? "").split(",").filter((text) => text !== "")) {
    const at = part.indexOf("=");
    if (at < 1) throw new UsageError(`--with takes NAME=VALUE, but "${part}" has no "=".`);
    config = setByName(config, part.slice(0, at), parseYaml(part.slice(at + 1)));
  }
  for (const [flag, { name }] of Object.entries(SHORTCUTS)) {
    const text = values.get(flag);
    if (text === undefined) continue;
    const value = flag === "rate" || flag === "epochs" ? Number(text) : integerOption(values, flag, null);
    if (!Number.isFinite(value)) throw new UsageError(`--${flag} is "${text}", but must be a number.`);
    config = setByName(config, name, value);
  }
  return config;
}

function readConfigFile(file: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new EngineError("notFound", `The configuration ${file} cannot be read. Check --config.`, { file }, error);
  }
  try {
    const value: unknown = parseYaml(text);
    if (value === null) return {};
    if (typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    throw new EngineError("badRequest", `${file}:${error.linePos?.[0].line ?? 1} is not YAML: ${error.message.split("\n")[0] ?? ""}. Correct that line.`, { file }, error);
  }
  throw new EngineError("badRequest", `The configuration ${file} holds no settings: it should be lines like "epochs: 2".`, { file });
}

/** Shows figures until the run ends; Ctrl-C pauses it and waits for its checkpoint. */
async function follow(engine: Engine, id: string, { signal, progress }: CommandContext): Promise<CommandOutput> {
  const { runs } = engine.training;
  const pause = (): void => {
    progress.say("Pausing; its checkpoint is being written.");
    runs.pause(id).catch((error: unknown) => progress.say(error instanceof Error ? error.message : String(error)));
  };
  if (signal.aborted) pause();
  else signal.addEventListener("abort", pause, { once: true });
  const stop = watch(engine, id, progress);
  try {
    return output(await runs.settled(id));
  } finally {
    stop();
    signal.removeEventListener("abort", pause);
  }
}

/** Reports a run's figures and changes of state; the result ends that. */
function watch(engine: Engine, id: string, progress: CommandContext["progress"]): () => void {
  let info: RunInfo | null = null;
  let state = "";
  let said = "";
  const figures = engine.training.onFigures((of, one: RunFigures) => {
    if (of !== id) return;
    if ([one.validationLoss, one.validationAccuracy, one.validationReward].some((value) => value !== undefined)) progress.say(`step ${one.step}: ${figuresLine(one)}`);
    else progress.report(`${figuresLine(one)}${info?.secondsLeft == null ? "" : `, ${duration(info.secondsLeft)} left`}, step`, one.step, info?.steps || null);
  });
  const changes = engine.training.onChanged((run) => {
    if (run.id !== id) return;
    info = run;
    // What comes with the end of a run stands in its result.
    if (run.endedAt !== null || run.resumable) return;
    if (run.sentence !== "" && run.sentence !== said) progress.say(run.sentence);
    if (run.sentence !== "") said = run.sentence;
    if (run.state !== state && (run.state === "evaluating" || run.state === "preparing")) progress.say(`${run.state}…`);
    ({ state } = run);
  });
  return () => {
    figures();
    changes();
  };
}

async function status(engine: Engine, context: CommandContext): Promise<CommandOutput> {
  const { runs } = engine.training;
  const [wanted] = context.positionals;
  if (wanted === undefined && !context.flags.has("follow")) {
    const all = await runs.list();
    return { json: { runs: all }, text: runTable(all) };
  }
  const info = wanted === undefined ? (await runs.list())[0] : await runs.get(wanted);
  if (!info) throw new EngineError("notFound", "There is no training run in this folder yet. Start one with `kalactica train sft --data …`.");
  if (!context.flags.has("follow")) return output(info);
  const stop = watch(engine, info.id, context.progress);
  const interrupted = new Promise<null>((resolve) => context.signal.addEventListener("abort", () => resolve(null), { once: true }));
  try {
    return output((await Promise.race([runs.settled(info.id), interrupted])) ?? (await runs.get(info.id)));
  } finally {
    stop();
  }
}

function output(run: RunInfo): CommandOutput {
  return { json: runResult(run), text: runText(run), exitCode: run.state === "failed" || run.state === "interrupted" ? 1 : 0 };
}
