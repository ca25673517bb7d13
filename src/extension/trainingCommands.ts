// Palette commands about runs: the one-click fine-tune, a run with settings of one's own, pause, resume, cancel.
import * as vscode from "vscode";
import type { DatasetInfo, RunEstimate, RunInfo, StartRunParams, TrainingMethod } from "../engine/protocol/training.ts";
import { actionsOf } from "../webview/monitorProtocol.ts";
import { METHOD_NAMES, runDetail, runLabel } from "../webview/trainingWords.ts";
import { chooseDataset, prepare, prepareTrainingData, showReport } from "./dataCommands.ts";
import type { DataCommands } from "./dataCommands.ts";
import { confirmationText } from "./dataReport.ts";
import { runAction } from "./trainingActions.ts";
import type { TrainingState } from "./trainingState.ts";
import { requireTrust } from "./trust.ts";
import { mark, translated } from "../webview/shared/l10n.ts";

export interface TrainingCommands extends DataCommands {
  training: TrainingState;
  showMonitor: (runId?: string) => void;
}

/** The name under which the one-click path keeps its data. */
const WORKSPACE_DATA = "workspace";

function requireFolder(): void {
  requireTrust();
  if (!vscode.workspace.workspaceFolders?.length) throw new Error(vscode.l10n.t("Open a folder first: it is what is learnt from."));
}

/** Prepares the workspace's code where that was not done, shows data and estimate in one question, starts, opens the monitor. */
export async function fineTuneWorkspace(dependencies: TrainingCommands): Promise<void> {
  requireFolder();
  const { engine } = dependencies;
  const known = (await engine.request("data/list", null)).filter(({ name, source }) => name === WORKSPACE_DATA && source === "workspace");
  let dataset = known.sort((a, b) => b.createdAt - a.createdAt)[0] ?? (await prepare(engine, { source: "workspace", name: WORKSPACE_DATA }));
  for (;;) {
    const answer = await confirm(dependencies, { method: "sft", dataset: dataset.name }, dataset, vscode.l10n.t("Fine-tune on this workspace?"), vscode.l10n.t("Fine-tune"), known.includes(dataset));
    if (answer !== "prepare") return;
    dataset = await prepare(engine, { source: "workspace", name: WORKSPACE_DATA });
  }
}

/** Method, data, model and settings, one question each, then the same confirmation. */
export async function train(dependencies: TrainingCommands): Promise<void> {
  requireFolder();
  const { engine } = dependencies;
  const method = await chooseMethod();
  if (!method) return;
  let dataset = await chooseDataset(engine, vscode.l10n.t("Train with {0}", METHOD_NAMES[method]), (each) => takes(method, each));
  if (dataset === "prepare") dataset = await prepareTrainingData(dependencies);
  if (!dataset) return;
  const model = await chooseTrainedModel(dependencies);
  if (model === null) return;
  const params: StartRunParams = { method, dataset: dataset.name, ...(model === "" ? {} : { model }) };
  const config = await chooseSettings(dependencies, params);
  if (!config) return;
  await confirm(dependencies, { ...params, config }, dataset, vscode.l10n.t("Train with {0} on “{1}”?", METHOD_NAMES[method], dataset.name), vscode.l10n.t("Train"), false);
}

async function chooseMethod(): Promise<TrainingMethod | null> {
  type Item = vscode.QuickPickItem & { method: TrainingMethod };
  const items: Item[] = [
    { label: "SFT", description: vscode.l10n.t("Supervised fine-tuning"), detail: vscode.l10n.t("Learns to continue code and text as the data does"), method: "sft" },
    { label: "DPO", description: vscode.l10n.t("Direct preference optimisation"), detail: vscode.l10n.t("Learns to prefer the chosen over the rejected of each pair"), method: "dpo" },
    { label: "KTO", description: vscode.l10n.t("Kahneman–Tversky optimisation"), detail: vscode.l10n.t("Learns from single replies that were found good or bad"), method: "kto" },
    { label: "GRPO", description: vscode.l10n.t("Group relative policy optimisation"), detail: vscode.l10n.t("Writes replies and learns from their rewards, such as tests that pass"), method: "grpo" },
  ];
  return (await vscode.window.showQuickPick(items, { title: vscode.l10n.t("Train"), placeHolder: vscode.l10n.t("How should it learn?"), matchOnDescription: true }))?.method ?? null;
}

const TAKEN: Record<TrainingMethod, readonly string[]> = {
  sft: ["text", "conversation", "example"], dpo: ["preference"], kto: ["judged"], grpo: ["task"],
};

/** Whether a data set has records that the method learns from. */
function takes(method: TrainingMethod, { kinds }: DatasetInfo): boolean {
  return TAKEN[method].some((kind) => (kinds[kind] ?? 0) > 0);
}

/** Id of an installed model, "" for the chosen one, null where the user changed their mind. */
async function chooseTrainedModel({ engine }: TrainingCommands): Promise<string | null> {
  const installed = (await engine.request("model/list", null)).filter((model) => model.installed);
  if (installed.length < 2) return "";
  type Item = vscode.QuickPickItem & { id: string };
  const items = installed.sort((a, b) => Number(b.active) - Number(a.active)).map((model): Item => ({
    label: model.name, description: [model.active ? vscode.l10n.t("in use") : "", model.quantisation, model.architecture].filter(Boolean).join(" · "), id: model.id,
  }));
  return (await vscode.window.showQuickPick(items, { title: vscode.l10n.t("Train"), placeHolder: vscode.l10n.t("Which model should learn? Its file stays as it is; an adapter is learnt beside it."), matchOnDescription: true }))?.id ?? null;
}

interface Knob {
  /** Dotted name in the run's configuration. */
  name: string;
  label: string;
  detail: string;
  methods?: readonly TrainingMethod[];
}

const KNOBS: readonly Knob[] = [
  { name: "optimizer.learningRate", label: mark("Learning rate"), detail: mark("How far each step goes") },
  { name: "epochs", label: mark("Epochs"), detail: mark("How often the data is gone through") },
  { name: "maxSteps", label: mark("Most steps"), detail: mark("0: as many as the epochs take") },
  { name: "adapter.rank", label: mark("Adapter rank"), detail: mark("How much the adapter can hold") },
  { name: "batchSize", label: mark("Batch size"), detail: mark("Samples per step"), methods: ["sft", "dpo", "kto"] },
  { name: "sequenceLength", label: mark("Sequence length"), detail: mark("Longest sample in tokens; 0: as long as the model takes, at most 2,048") },
  { name: "dpo.beta", label: "β", detail: mark("How closely the model stays to what it was"), methods: ["dpo"] },
  { name: "dpo.loss", label: mark("Loss"), detail: mark("sigmoid, hinge, ipo or robust"), methods: ["dpo"] },
  { name: "kto.beta", label: "β", detail: mark("How closely the model stays to what it was"), methods: ["kto"] },
  { name: "grpo.groupSize", label: mark("Replies per prompt"), detail: mark("The group that rewards are compared in"), methods: ["grpo"] },
  { name: "grpo.promptsPerStep", label: mark("Prompts per step"), detail: "", methods: ["grpo"] },
  { name: "grpo.maxReplyTokens", label: mark("Longest reply"), detail: mark("In tokens"), methods: ["grpo"] },
  { name: "grpo.beta", label: mark("Weight of the KL divergence"), detail: mark("0: none"), methods: ["grpo"] },
  { name: "seed", label: mark("Seed"), detail: mark("The same seed gives the same run") },
];

/** Shows the main settings with their defaults and lets the user change them one by one; null where they changed their mind. */
async function chooseSettings({ engine }: TrainingCommands, params: StartRunParams): Promise<Record<string, unknown> | null> {
  const defaults = (await estimate({ engine }, params)).config;
  let config: Record<string, unknown> = {};
  type Item = vscode.QuickPickItem & { knob?: Knob };
  for (;;) {
    const value = (name: string): unknown => valueAt(config, name) ?? valueAt(defaults, name);
    const items: Item[] = [
      { label: `$(play) ${vscode.l10n.t("Continue")}`, detail: vscode.l10n.t("Data, memory and time are shown before anything starts") },
      { label: vscode.l10n.t("Settings"), kind: vscode.QuickPickItemKind.Separator },
      ...KNOBS.filter(({ methods, name }) => (!methods || methods.includes(params.method)) && value(name) !== undefined).map((knob): Item => ({
        label: translated(knob.label), description: `${String(value(knob.name))}${valueAt(config, knob.name) === undefined ? "" : ` (${vscode.l10n.t("changed")})`}`, detail: translated(knob.detail), knob,
      })),
    ];
    const picked = await vscode.window.showQuickPick(items, { title: vscode.l10n.t("Train with {0}", METHOD_NAMES[params.method]), placeHolder: vscode.l10n.t("Continue, or choose a setting to change") });
    if (!picked) return null;
    if (!picked.knob) return config;
    const { name, label, detail } = picked.knob;
    const isNumber = typeof value(name) === "number";
    const typed = await vscode.window.showInputBox({
      title: translated(label), prompt: translated(detail), value: String(value(name)),
      validateInput: (text) => (isNumber && (text.trim() === "" || !Number.isFinite(Number(text))) ? vscode.l10n.t("Expected a number, such as {0}.", String(valueAt(defaults, name))) : null),
    });
    if (typed !== undefined) config = withValue(config, name, isNumber ? Number(typed) : typed.trim());
  }
}

function valueAt(config: Record<string, unknown>, name: string): unknown {
  return name.split(".").reduce<unknown>((inner, key) => (typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>)[key] : undefined), config);
}

function withValue(config: Record<string, unknown>, name: string, value: unknown): Record<string, unknown> {
  const [first = "", ...rest] = name.split(".");
  if (rest.length === 0) return { ...config, [first]: value };
  return { ...config, [first]: withValue((config[first] ?? {}) as Record<string, unknown>, rest.join("."), value) };
}

function estimate({ engine }: Pick<TrainingCommands, "engine">, params: StartRunParams): Thenable<RunEstimate> {
  return vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: vscode.l10n.t("Estimating memory and time"), cancellable: true },
    (_, token) => engine.request("train/estimate", params, token),
  );
}

/** One question with the data's report and the estimate; on yes the run starts and the monitor shows it. */
async function confirm(dependencies: TrainingCommands, params: StartRunParams, dataset: DatasetInfo, question: string, yes: string, mayPrepareAnew: boolean): Promise<"started" | "prepare" | "no"> {
  const { engine, training, showMonitor } = dependencies;
  const figures = await estimate(dependencies, params);
  const report = vscode.l10n.t("Show Data Report");
  const anew = vscode.l10n.t("Prepare Data Anew");
  if (!figures.fits) {
    const chooseModel = vscode.l10n.t("Choose Model");
    const picked = await vscode.window.showWarningMessage(vscode.l10n.t("This run does not fit into memory."), { modal: true, detail: figures.sentence }, chooseModel);
    if (picked === chooseModel) await vscode.commands.executeCommand("kalactica.chooseModel");
    return "no";
  }
  const executes = params.method === "grpo" && executesCode(figures.rewards);
  const detail = [confirmationText(dataset, figures), ...(executes ? [vscode.l10n.t("This run executes code that the model writes, in a sandbox on this machine with limits on time, memory and files. By starting it you agree to that.")] : [])].join("\n\n");
  const picked = await vscode.window.showInformationMessage(question, { modal: true, detail }, yes, report, ...(mayPrepareAnew ? [anew] : []));
  if (picked === report) {
    await showReport(dependencies, dataset);
    return "no";
  }
  if (picked === anew) return "prepare";
  if (picked !== yes) return "no";
  const run = await engine.request("train/start", { ...params, ...(executes ? { executeCode: true } : {}) });
  training.note(run);
  showMonitor(run.id);
  return "started";
}

/** Whether a reward runs what the model wrote; comparing it with a reference is the one that does not. The engine refuses a run that executes without the user's word. */
function executesCode(rewards: Readonly<Record<string, number>>): boolean {
  return Object.entries(rewards).some(([name, weight]) => name !== "match" && weight !== 0);
}

/** Does `action` to the run for which it is possible; asks which where there are several. */
export async function toSomeRun({ engine, training }: TrainingCommands, action: "pause" | "resume" | "cancel"): Promise<void> {
  if (action === "resume") requireTrust();
  const possible = training.runs.filter((run) => actionsOf(run, training.adapters).includes(action));
  const run = possible.length > 1 ? await chooseRun(possible) : possible[0];
  if (run) await runAction({ engine, training }, run.id, action);
  else if (possible.length === 0) {
    const none = { pause: vscode.l10n.t("No run is training now."), resume: vscode.l10n.t("No run is paused or interrupted."), cancel: vscode.l10n.t("No run is training, waiting or paused.") };
    await vscode.window.showInformationMessage(none[action]);
  }
}

async function chooseRun(runs: readonly RunInfo[]): Promise<RunInfo | undefined> {
  const picked = await vscode.window.showQuickPick(runs.map((run) => ({ label: runLabel(run), description: runDetail(run), run })), { placeHolder: vscode.l10n.t("Which run?") });
  return picked?.run;
}
