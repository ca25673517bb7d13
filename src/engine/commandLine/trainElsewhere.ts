// kalactica train … --on ray=URL, train fetch and train export: runs on other machines. What travels there, and what comes back,
// is in tasks/adaptersScaleOut.ts.
import path from "node:path";
import type { Engine } from "../engine.ts";
import type { TrainingMethod } from "../protocol/training.ts";
import type { ClusterHooks, ClusterRunParams, RayParams } from "../tasks/adaptersScaleOut.ts";
import { integerOption, UsageError } from "./command.ts";
import type { CommandContext, CommandOutput, OptionSpec } from "./command.ts";
import { figuresLine } from "./runText.ts";

/** Where a run happens, for `train sft|dpo|kto`. */
export const ELSEWHERE_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  on: { type: "value", placeholder: "ray=URL", description: "Train as a job on your Ray cluster (its dashboard's address, http://HOST:8265). Your data go there. A token is read from RAY_AUTH_TOKEN." },
  base: { type: "value", placeholder: "REPOSITORY|FOLDER", description: "With --on or export: the base model in transformers' format, as the cluster finds it." },
  workers: { type: "value", placeholder: "N", description: "With --on: workers of Ray Train. Default: 1, in the job itself." },
  gpus: { type: "flag", description: "With --on: every worker gets a GPU." },
  pip: { type: "value", placeholder: "NAME,…", description: "With --on: Python packages to install for the job, where the cluster lacks them (trl,peft,…)." },
  python: { type: "value", placeholder: "COMMAND", description: "With --on: the cluster's Python. Default: python." },
};

export const EXPORT_RUN_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  method: { type: "value", placeholder: "METHOD", description: "sft (default), dpo or kto." },
  format: { type: "value", placeholder: "FORMAT", description: "\"trl\" (a script and its configuration; default) or \"axolotl\" (its YAML)." },
  out: { type: "value", placeholder: "FOLDER", description: "Where it goes. It must not exist yet." },
};

function rayOf({ values }: CommandContext): RayParams {
  const on = values.get("on");
  const url = /^ray=(.+)$/.exec(on ?? "")?.[1];
  if (url === undefined) throw new UsageError(`--on is "${on ?? ""}", but must be ray=URL, for example ray=http://head-node:8265.`);
  const token = process.env["RAY_AUTH_TOKEN"];
  const pip = (values.get("pip") ?? "").split(",").filter((name) => name !== "");
  const python = values.get("python");
  return { url, ...token ? { token } : {}, ...pip.length > 0 ? { pip } : {}, ...python === undefined ? {} : { python } };
}

function paramsOf(method: TrainingMethod, dataset: string, config: Record<string, unknown>, { values, flags }: CommandContext): ClusterRunParams {
  const base = values.get("base");
  return { method, dataset, config, ...base === undefined ? {} : { base }, workers: integerOption(values, "workers", 1), gpus: flags.has("gpus") };
}

function hooksOf({ signal, progress }: CommandContext): ClusterHooks {
  return {
    signal, onLog: (line) => progress.say(line),
    onJob: (job) => progress.say(`Job ${job} was submitted. Ctrl-C stops it; \`kalactica train fetch ${job} --on …\` follows it again.`),
    onFigures: (figures, steps) => progress.report(`${figuresLine(figures)}, step`, figures.step, steps > 0 ? steps : null),
  };
}

/** `train sft|dpo|kto --on ray=URL`. */
export async function trainElsewhere(engine: Engine, method: TrainingMethod, dataset: string, config: Record<string, unknown>, context: CommandContext): Promise<CommandOutput> {
  const result = await (await engine.cluster()).trainOnRay(paramsOf(method, dataset, config, context), rayOf(context), hooksOf(context));
  return { json: result, text: broughtBack(result) };
}

/** `train fetch JOB --on ray=URL`. */
export async function fetchRun(engine: Engine, context: CommandContext): Promise<CommandOutput> {
  const [job, ...rest] = context.positionals;
  if (job === undefined || rest.length > 0) throw new UsageError(`Expected one job, got ${context.positionals.length}.`);
  const result = await (await engine.cluster()).fetchFromRay(job, rayOf(context), hooksOf(context));
  return { json: result, text: broughtBack(result) };
}

/** `train export`. */
export async function exportRun(engine: Engine, dataset: string, config: Record<string, unknown>, context: CommandContext): Promise<CommandOutput> {
  const { values } = context;
  const [method, format, out] = [values.get("method") ?? "sft", values.get("format") ?? "trl", values.get("out")];
  if (method !== "sft" && method !== "dpo" && method !== "kto") throw new UsageError(`--method is "${method}", but must be sft, dpo or kto.`);
  if (format !== "trl" && format !== "axolotl") throw new UsageError(`--format is "${format}", but must be trl or axolotl.`);
  if (out === undefined) throw new UsageError("--out is missing; it needs a folder.");
  const result = await (await engine.cluster()).export(paramsOf(method, dataset, config, context), format, path.resolve(out), context.signal);
  const unused = result.unused > 0 ? ` ${result.unused} records are of kinds that ${method} does not learn from.` : "";
  return { json: result, text: `Written: ${path.resolve(out)}, with ${result.rows.train} training and ${result.rows.validation} validation rows.${unused} README.md there says how to go on.` };
}

function broughtBack({ adapter }: { adapter: { sha256: string; model: string } }): string {
  const id = adapter.sha256.slice(0, 12);
  return `The adapter came back as ${id}, for ${adapter.model}. It is not active: try it with \`kalactica adapters activate ${id}\`.`;
}
