// Palette commands about evaluations: make one, look at those that were made, compare two, export, delete.
import { randomUUID } from "node:crypto";
import path from "node:path";
import * as vscode from "vscode";
import type { EvaluationRunInfo, EvaluationSuiteInfo } from "../engine/protocol/evaluation.ts";
import { dateTime } from "../webview/trainingWords.ts";
import type { ReportDocuments } from "./reportDocuments.ts";
import type { TrainingEngine } from "./trainingState.ts";
import { requireTrust } from "./trust.ts";

export interface EvaluationCommands {
  engine: Pick<TrainingEngine, "request" | "onNotification">;
  documents: ReportDocuments;
}

/** Asks what to measure, measures it with progress and cancel, and shows the report. */
export async function evaluate(dependencies: EvaluationCommands): Promise<void> {
  const { engine } = dependencies;
  const suite = await chooseSuite(await engine.request("evaluate/suites", null));
  if (!suite) return;
  if (suite.needs !== "data" && !vscode.workspace.workspaceFolders?.length) throw new Error(vscode.l10n.t("Open a folder first: this measures how KaLactica does on it."));
  const data = suite.needs === "workspace" ? null : await chooseData(suite);
  if (data === undefined || (suite.runsCode && !(await agreesToRun()))) return;
  const id = randomUUID();
  const run = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: vscode.l10n.t("Evaluating: {0}", suite.name), cancellable: true },
    async (progress, token) => {
      let shown = 0;
      const listening = engine.onNotification("evaluate/progress", ({ id: which, done, total }) => {
        if (which !== id) return;
        const percent = total > 0 ? Math.min(100, (100 * done) / total) : 0;
        progress.report({ message: vscode.l10n.t("{0} of {1}", done, total), increment: Math.max(0, percent - shown) });
        shown = Math.max(shown, percent);
      });
      try {
        return await engine.request("evaluate/run", { id, suite: suite.name, data }, token);
      } finally {
        listening.dispose();
      }
    },
  );
  await showReport(dependencies, run);
}

/** The evaluations that were made; one that is picked can be looked at, compared, exported or deleted. */
export async function showEvaluations(dependencies: EvaluationCommands): Promise<void> {
  const runs = await dependencies.engine.request("evaluate/runs", null);
  if (runs.length === 0) {
    const start = vscode.l10n.t("Evaluate…");
    if ((await vscode.window.showInformationMessage(vscode.l10n.t("Nothing was evaluated on this machine yet."), start)) === start) await evaluate(dependencies);
    return;
  }
  const run = await chooseRun(runs, vscode.l10n.t("Evaluations"));
  if (!run) return;
  type Item = vscode.QuickPickItem & { act: () => Promise<void> };
  const others = runs.filter((other) => other.suite === run.suite && other.id !== run.id);
  const items: Item[] = [
    { label: `$(open-preview) ${vscode.l10n.t("Show Report")}`, act: () => showReport(dependencies, run) },
    ...(others.length === 0 ? [] : [{
      label: `$(diff) ${vscode.l10n.t("Compare With…")}`,
      act: async () => {
        const baseline = await chooseRun(others, vscode.l10n.t("Compare with which earlier run?"));
        if (baseline) await showReport(dependencies, run, baseline.id);
      },
    }]),
    { label: `$(export) ${vscode.l10n.t("Export…")}`, act: () => exportReport(dependencies, run) },
    { label: `$(trash) ${vscode.l10n.t("Delete")}`, act: () => remove(dependencies, run) },
  ];
  const picked = await vscode.window.showQuickPick(items, { title: titleOf(run) });
  await picked?.act();
}

async function chooseSuite(suites: readonly EvaluationSuiteInfo[]): Promise<EvaluationSuiteInfo | undefined> {
  type Item = vscode.QuickPickItem & { suite?: EvaluationSuiteInfo };
  const itemOf = (suite: EvaluationSuiteInfo): Item => ({ label: suite.name, detail: suite.summary, suite });
  const items: Item[] = [
    { label: vscode.l10n.t("On this folder"), kind: vscode.QuickPickItemKind.Separator },
    ...suites.filter(({ needs }) => needs !== "data").map(itemOf),
    { label: vscode.l10n.t("On a public or own data set"), kind: vscode.QuickPickItemKind.Separator },
    ...suites.filter(({ needs }) => needs === "data").map(itemOf),
  ];
  return (await vscode.window.showQuickPick(items, { title: vscode.l10n.t("Evaluate"), placeHolder: vscode.l10n.t("What should be measured?"), matchOnDetail: true }))?.suite;
}

/** Undefined where the user changed their mind, null where the open folder alone is to be measured. */
async function chooseData(suite: EvaluationSuiteInfo): Promise<string | null | undefined> {
  if (suite.needs === "either") {
    const [folder, named] = [vscode.l10n.t("This Folder Alone"), vscode.l10n.t("With Public Data Sets…")];
    const choice = await vscode.window.showQuickPick([folder, named], { title: suite.name, placeHolder: vscode.l10n.t("What has no data is said not to be measured.") });
    if (choice !== named) return choice === folder ? null : undefined;
  }
  const [uri] = (await vscode.window.showOpenDialog({ canSelectFiles: true, canSelectFolders: true, canSelectMany: false, title: vscode.l10n.t("Data for {0}", suite.name) })) ?? [];
  return uri?.fsPath;
}

async function agreesToRun(): Promise<boolean> {
  requireTrust();
  const run = vscode.l10n.t("Run It");
  const detail = vscode.l10n.t("It runs in a sandbox: without network, away from your files, with limits on time and memory.");
  return (await vscode.window.showWarningMessage(vscode.l10n.t("This evaluation runs code that the model writes."), { modal: true, detail }, run)) === run;
}

async function chooseRun(runs: readonly EvaluationRunInfo[], title: string): Promise<EvaluationRunInfo | undefined> {
  type Item = vscode.QuickPickItem & { run: EvaluationRunInfo };
  const items = runs.map((run): Item => ({ label: run.suite, description: dateTime(Date.parse(run.at)), detail: [headlineOf(run), run.model, run.data === "" ? null : path.basename(run.data)].filter((part) => part !== null && part !== "").join(" · "), run }));
  return (await vscode.window.showQuickPick(items, { title, matchOnDescription: true, matchOnDetail: true }))?.run;
}

/** "exact 0.412 [0.340, 0.480] · p95Ms 180". */
function headlineOf({ headline }: EvaluationRunInfo): string {
  const figure = (value: number): string => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(3));
  return headline.map(({ name, value, low, high }) => `${name} ${figure(value)}${low === undefined || high === undefined ? "" : ` [${figure(low)}, ${figure(high)}]`}`).join(" · ");
}

function titleOf({ suite, at }: EvaluationRunInfo): string {
  return `${suite}, ${dateTime(Date.parse(at))}`;
}

async function showReport({ engine, documents }: EvaluationCommands, run: EvaluationRunInfo, baseline?: string): Promise<void> {
  const { text } = await engine.request("evaluate/report", { id: run.id, format: "md", ...(baseline === undefined ? {} : { baseline }) });
  await documents.showMarkdown(titleOf(run), text);
}

async function exportReport({ engine }: EvaluationCommands, run: EvaluationRunInfo): Promise<void> {
  const filters = { [vscode.l10n.t("Web page")]: ["html"], Markdown: ["md"], [vscode.l10n.t("Items as a table")]: ["csv"], JSON: ["json"] };
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const to = await vscode.window.showSaveDialog({ filters, ...(folder ? { defaultUri: vscode.Uri.joinPath(folder, `${run.id}.html`) } : {}) });
  if (!to) return;
  const ending = path.extname(to.fsPath).slice(1);
  const format = ending === "md" || ending === "csv" || ending === "json" ? ending : "html";
  const { text } = await engine.request("evaluate/report", { id: run.id, format });
  await vscode.workspace.fs.writeFile(to, new TextEncoder().encode(text));
  await vscode.window.showInformationMessage(vscode.l10n.t("Written to {0}.", to.fsPath));
}

async function remove({ engine }: EvaluationCommands, run: EvaluationRunInfo): Promise<void> {
  const yes = vscode.l10n.t("Delete");
  if ((await vscode.window.showWarningMessage(vscode.l10n.t("Delete the evaluation {0}?", titleOf(run)), { modal: true }, yes)) === yes) await engine.request("evaluate/remove", { id: run.id });
}
