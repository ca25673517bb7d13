// Palette commands about training data: prepare it, look at its report, decide record by record what is used.
import { randomUUID } from "node:crypto";
import path from "node:path";
import * as vscode from "vscode";
import type { DatasetInfo, DatasetSource, PrepareDataParams, ReviewItem, SamplePiece, TrainingMethod } from "../engine/protocol/training.ts";
import { dateTime } from "../webview/trainingWords.ts";
import { datasetMarkdown } from "./dataReport.ts";
import { sentenceFor } from "./messages.ts";
import type { ReportDocuments } from "./reportDocuments.ts";
import type { TrainingEngine } from "./trainingState.ts";
import { requireTrust } from "./trust.ts";

export interface DataCommands {
  engine: TrainingEngine;
  documents: ReportDocuments;
}

/** Records on one page of a review. */
const PAGE = 200;

/** Asks for a source and a name, prepares, and shows the report. Null where the user changed their mind. */
export async function prepareTrainingData(dependencies: DataCommands): Promise<DatasetInfo | null> {
  requirePreparing();
  const source = await chooseSource();
  if (!source) return null;
  const file = source === "file" ? await chooseFile() : undefined;
  if (file === null) return null;
  const name = await vscode.window.showInputBox({
    title: vscode.l10n.t("Prepare Training Data"), prompt: vscode.l10n.t("Name of the data set. Preparing the same name again adds a version; nothing is overwritten."),
    value: file === undefined ? source : path.basename(file).replace(/\.[^.]+$/, "").replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "").slice(0, 64), validateInput: (value) => (isName(value.trim()) ? null : vscode.l10n.t("Letters, digits, dots, dashes and underscores, at most 64.")),
  });
  if (name === undefined) return null;
  const dataset = await prepare(dependencies.engine, { source, name: name.trim(), ...(file === undefined ? {} : { path: file }) });
  await showReport(dependencies, dataset);
  const next = await proposeNext(dataset);
  if (next !== null) await vscode.commands.executeCommand(next);
  return dataset;
}

/** Preparing reads what the folder names; like training it waits for trust. */
function requirePreparing(): void {
  requireTrust();
  if (!vscode.workspace.workspaceFolders?.length) throw new Error(vscode.l10n.t("Open a folder first: training data is prepared for a folder and kept with it."));
}

function isName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name);
}

async function chooseSource(): Promise<DatasetSource | null> {
  type Item = vscode.QuickPickItem & { source: DatasetSource };
  const items: Item[] = [
    { label: `$(files) ${vscode.l10n.t("Code of this workspace")}`, detail: vscode.l10n.t("Completions and passages, split by file; for SFT"), source: "workspace" },
    { label: `$(git-commit) ${vscode.l10n.t("Git history")}`, detail: vscode.l10n.t("Changes with their messages, split by time; for SFT"), source: "git" },
    { label: `$(notebook) ${vscode.l10n.t("Notebooks")}`, detail: vscode.l10n.t("Cells with outputs, and cells that failed and then ran; for SFT and DPO"), source: "notebooks" },
    { label: `$(feedback) ${vscode.l10n.t("Your feedback")}`, detail: vscode.l10n.t("Completions kept or undone, answers edited or rated; for DPO and KTO"), source: "feedback" },
    { label: `$(file) ${vscode.l10n.t("A file…")}`, detail: vscode.l10n.t("JSON, JSONL, CSV or Parquet in the usual formats"), source: "file" },
  ];
  const picked = await vscode.window.showQuickPick(items, { title: vscode.l10n.t("Prepare Training Data"), placeHolder: vscode.l10n.t("What should be learnt from?"), matchOnDetail: true });
  return picked?.source ?? null;
}

async function chooseFile(): Promise<string | null> {
  const filters = { [vscode.l10n.t("Training data")]: ["json", "jsonl", "ndjson", "csv", "tsv", "parquet"], [vscode.l10n.t("All files")]: ["*"] };
  const [uri] = (await vscode.window.showOpenDialog({ canSelectMany: false, filters, title: vscode.l10n.t("Choose training data") })) ?? [];
  return uri?.fsPath ?? null;
}

/** Prepares with progress and cancel; cancelled, it leaves nothing behind and throws quietly. */
export async function prepare(engine: TrainingEngine, params: PrepareDataParams): Promise<DatasetInfo> {
  const id = randomUUID();
  return vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: vscode.l10n.t("Preparing “{0}”", params.name), cancellable: true },
    async (progress, token) => {
      let shown = 0;
      let stage = "";
      const listening = engine.onNotification("data/progress", ({ id: which, label, done, total }) => {
        if (which !== id) return;
        if (label !== stage) [stage, shown] = [label, 0];
        const percent = total ? Math.min(100, (100 * done) / total) : 0;
        progress.report({ increment: Math.max(0, percent - shown), message: total ? `${label} (${done.toLocaleString()} / ${total.toLocaleString()})` : `${label} (${done.toLocaleString()})` });
        shown = Math.max(shown, percent);
      });
      try {
        return await engine.request("data/prepare", { ...params, id }, token);
      } finally {
        listening.dispose();
      }
    },
  );
}

/** The method that a data set is for, by the kinds of its records; null where no trainer takes them. */
export function methodFor({ kinds }: Pick<DatasetInfo, "kinds">): TrainingMethod | null {
  const has = (kind: string): boolean => (kinds[kind] ?? 0) > 0;
  if (has("preference")) return "dpo";
  if (has("judged")) return "kto";
  if (has("task")) return "grpo";
  return has("text") || has("conversation") || has("example") ? "sft" : null;
}

/** The report with one record as the model will see it, where a model is at hand to render it. */
export async function showReport({ engine, documents }: DataCommands, dataset: DatasetInfo): Promise<void> {
  await documents.showMarkdown(vscode.l10n.t("Data {0}", dataset.name), datasetMarkdown(dataset, await renderedSample(engine, dataset)));
}

async function renderedSample(engine: TrainingEngine, dataset: DatasetInfo): Promise<SamplePiece[] | string> {
  const method = methodFor(dataset);
  if (!method || dataset.train === 0) return vscode.l10n.t("There is no record to learn from.");
  try {
    const { sample } = await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Window, title: vscode.l10n.t("Rendering a sample") },
      (_, token) => engine.request("train/estimate", { method, dataset: dataset.name }, token),
    );
    return sample;
  } catch (error) {
    return vscode.l10n.t("It cannot be shown with the chosen model: {0}", sentenceFor(error) ?? vscode.l10n.t("cancelled"));
  }
}

async function proposeNext(dataset: DatasetInfo): Promise<string | null> {
  const review = vscode.l10n.t("Review…");
  const train = vscode.l10n.t("Train…");
  const problems = dataset.report.problems.length + dataset.report.problemsLeftOut;
  const sentence = vscode.l10n.t("“{0}” has {1} records to learn from and {2} held out{3}.", dataset.name, dataset.train.toLocaleString(), dataset.validation.toLocaleString(), problems > 0 ? vscode.l10n.t("; {0} problems are in its report", problems) : "");
  const buttons = isReviewed(dataset) ? [review, train] : [train];
  const picked = await vscode.window.showInformationMessage(sentence, ...buttons);
  if (picked === review) return "kalactica.reviewTrainingData";
  return picked === train ? "kalactica.train" : null;
}

/** What people said and did is looked at by them before it is learnt. */
export function isReviewed({ source }: Pick<DatasetInfo, "source">): boolean {
  return source === "feedback" || source === "notebooks";
}

/** Lets the user choose among prepared data sets; null where they changed their mind, or where there is none to choose. */
export async function chooseDataset(engine: TrainingEngine, title: string, fits: (dataset: DatasetInfo) => boolean): Promise<DatasetInfo | "prepare" | null> {
  type Item = vscode.QuickPickItem & { dataset?: DatasetInfo };
  const all = await engine.request("data/list", null);
  const items: Item[] = all.filter(fits).map((dataset) => ({
    label: dataset.name, description: vscode.l10n.t("{0} records, {1} held out", dataset.train.toLocaleString(), dataset.validation.toLocaleString()),
    detail: vscode.l10n.t("{0}, prepared {1}, version {2}", Object.entries(dataset.kinds).filter(([, n]) => n > 0).map(([kind, n]) => `${n.toLocaleString()} ${kind}`).join(", "), dateTime(dataset.createdAt), dataset.version.slice(0, 8)), dataset,
  }));
  const more: Item[] = [{ label: "", kind: vscode.QuickPickItemKind.Separator }, { label: `$(add) ${vscode.l10n.t("Prepare Training Data…")}` }];
  const picked = await vscode.window.showQuickPick([...items, ...more], { title, placeHolder: items.length === 0 ? vscode.l10n.t("No prepared data fits; prepare some first") : vscode.l10n.t("Choose a data set"), matchOnDescription: true });
  if (!picked) return null;
  return picked.dataset ?? "prepare";
}

/** Shows the records of a data set page by page; what is taken out makes a new version. */
export async function reviewTrainingData(dependencies: DataCommands): Promise<void> {
  requirePreparing();
  const { engine } = dependencies;
  const reviewedFirst = await chooseDataset(engine, vscode.l10n.t("Review Training Data"), isReviewed);
  if (reviewedFirst === "prepare") {
    await prepareTrainingData(dependencies);
    return;
  }
  if (!reviewedFirst) return;
  let dataset = reviewedFirst;
  for (let offset = 0; ; offset += PAGE) {
    const page = await engine.request("data/review", { dataset: dataset.name, offset, limit: PAGE });
    if (page.items.length === 0) {
      if (offset === 0) await vscode.window.showInformationMessage(vscode.l10n.t("“{0}” has no records to review.", dataset.name));
      break;
    }
    const included = await reviewPage(dependencies, dataset, page.items, offset, page.total);
    if (!included) break;
    dataset = await decide(engine, dataset, page.items, included);
    if (offset + PAGE >= page.total) break;
  }
  if (dataset.version !== reviewedFirst.version) {
    await vscode.window.showInformationMessage(vscode.l10n.t("“{0}” now has {1} records to learn from and {2} held out; the version before stays.", dataset.name, dataset.train.toLocaleString(), dataset.validation.toLocaleString()));
  }
}

async function decide(engine: TrainingEngine, dataset: DatasetInfo, items: readonly ReviewItem[], included: ReadonlySet<string>): Promise<DatasetInfo> {
  let latest = dataset;
  for (const wanted of [true, false]) {
    const ids = items.filter((item) => item.included !== wanted && included.has(item.id) === wanted).map(({ id }) => id);
    if (ids.length > 0) latest = await engine.request("data/decide", { dataset: latest.name, ids, included: wanted });
  }
  return latest;
}

/** One page as a list with check marks; the ids that stay, or null where the user closed it. */
function reviewPage({ documents }: DataCommands, dataset: DatasetInfo, records: readonly ReviewItem[], offset: number, total: number): Promise<ReadonlySet<string> | null> {
  type Item = vscode.QuickPickItem & { record: ReviewItem };
  const compare: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon("diff"), tooltip: vscode.l10n.t("Compare") };
  const open: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon("go-to-file"), tooltip: vscode.l10n.t("Show the whole record") };
  const picker = vscode.window.createQuickPick<Item>();
  picker.title = vscode.l10n.t("“{0}”: records {1}–{2} of {3}. Only checked ones are learnt from.", dataset.name, offset + 1, offset + records.length, total);
  picker.canSelectMany = true;
  picker.ignoreFocusOut = true;
  picker.matchOnDescription = true;
  picker.matchOnDetail = true;
  picker.items = records.map((record) => ({
    label: line(record.chosen), description: record.at, detail: record.rejected === undefined ? vscode.l10n.t("after: {0}", line(record.prompt.trimEnd().split("\n").at(-1) ?? "")) : vscode.l10n.t("instead of: {0}", line(record.rejected)),
    buttons: record.rejected === undefined ? [open] : [compare, open], record,
  }));
  picker.selectedItems = picker.items.filter(({ record }) => record.included);
  return new Promise((resolve) => {
    let result: ReadonlySet<string> | null = null;
    picker.onDidTriggerItemButton(({ item: { record }, button }) => {
      const extension = /\.\w+(?=$|:)/.exec(record.at)?.[0] ?? ".txt";
      if (button === compare) void documents.showDiff(vscode.l10n.t("{0}: rejected ↔ chosen", record.at), record.rejected ?? "", record.chosen, extension);
      else void documents.showText(`record${extension}`, recordText(record));
    });
    picker.onDidAccept(() => {
      result = new Set(picker.selectedItems.map(({ record }) => record.id));
      picker.hide();
    });
    picker.onDidHide(() => {
      picker.dispose();
      resolve(result);
    });
    picker.show();
  });
}

function recordText({ at, kind, prompt, chosen, rejected }: ReviewItem): string {
  return [`${kind} · ${at}`, "", "── prompt ──", prompt, "", "── chosen ──", chosen, ...(rejected === undefined ? [] : ["", "── rejected ──", rejected])].join("\n");
}

function line(text: string): string {
  const first = text.split("\n").find((each) => each.trim() !== "")?.trim() ?? "";
  const shown = first.length > 100 ? `${first.slice(0, 99)}…` : first;
  // A label's "$(name)" would be read as an icon.
  return shown === "" ? "(empty)" : shown.replaceAll("$(", "$\u200b(");
}

