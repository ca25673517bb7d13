// Palette commands about evaluations: make one, show its report, export, delete. Looking at them is evaluationView.ts.
import { randomUUID } from "node:crypto";
import path from "node:path";
import * as vscode from "vscode";
import type { EvaluationRunInfo, EvaluationSuiteInfo } from "../engine/protocol/evaluation.ts";
import { dateTime } from "../webview/trainingWords.ts";
import { showFailure } from "./messages.ts";
import type { ReportDocuments } from "./reportDocuments.ts";
import type { TrainingEngine } from "./trainingState.ts";
import { requireTrust } from "./trust.ts";

export interface EvaluationCommands {
  engine: Pick<TrainingEngine, "request">;
  documents: ReportDocuments;
}

/** What making one needs besides. */
export interface MakesEvaluations extends EvaluationCommands {
  engine: Pick<TrainingEngine, "request" | "onNotification">;
  /** An evaluation was made. */
  onRun: () => Promise<void>;
}

/** Asks what to measure, measures it with progress and cancel, and shows the report. */
export async function evaluate(dependencies: MakesEvaluations): Promise<void> {
  const suite = await chooseSuite(await dependencies.engine.request("evaluate/suites", null));
  if (suite) await evaluateSuite(dependencies, suite);
}

/** Scores every installed model and adapter on this repository and says which to use: one command, nothing to choose. */
export async function evaluateRepository(dependencies: MakesEvaluations): Promise<void> {
  const suite = (await dependencies.engine.request("evaluate/suites", null)).find(({ name }) => name === "repository");
  if (suite) await evaluateSuite(dependencies, suite);
}

/** Tells what was found best, and offers to use it where that is something else than now. */
async function offer({ engine }: Pick<MakesEvaluations, "engine">, { recommendation }: EvaluationRunInfo): Promise<void> {
  if (!recommendation) return;
  const { model, adapter, current, sentence } = recommendation;
  const use = vscode.l10n.t("Use It");
  const picked = await vscode.window.showInformationMessage(sentence, ...(model !== null && !current ? [use] : []));
  if (picked !== use || model === null) return;
  const { name } = await engine.request("model/use", { id: model });
  if (adapter !== null) await engine.request("adapters/activate", { sha256: adapter });
  else if ((await engine.request("adapters/list", null)).some(({ active, model: base }) => active && base === name)) await engine.request("adapters/deactivate", null);
  vscode.window.setStatusBarMessage(vscode.l10n.t("KaLactica now uses {0}.", recommendation.name), 5_000);
}

async function evaluateSuite(dependencies: MakesEvaluations, suite: EvaluationSuiteInfo): Promise<void> {
  const { engine } = dependencies;
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
  await dependencies.onRun();
  await showReport(dependencies, run);
  void offer(dependencies, run).catch(showFailure);
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

function titleOf({ suite, at }: EvaluationRunInfo): string {
  return `${suite}, ${dateTime(Date.parse(at))}`;
}

/** The report of a run, with `baseline` compared with that one, as a rendered document. */
export async function showReport({ engine, documents }: EvaluationCommands, run: EvaluationRunInfo, baseline?: string): Promise<void> {
  const { text } = await engine.request("evaluate/report", { id: run.id, format: "md", ...(baseline === undefined ? {} : { baseline }) });
  await documents.showMarkdown(titleOf(run), text);
}

/** Writes a run to a file of the user's choice. */
export async function exportReport({ engine }: Pick<EvaluationCommands, "engine">, run: EvaluationRunInfo): Promise<void> {
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

/** Deletes a run after asking; whether it did. */
export async function removeRun({ engine }: Pick<EvaluationCommands, "engine">, run: EvaluationRunInfo): Promise<boolean> {
  const yes = vscode.l10n.t("Delete");
  if ((await vscode.window.showWarningMessage(vscode.l10n.t("Delete the evaluation {0}?", titleOf(run)), { modal: true }, yes)) !== yes) return false;
  await engine.request("evaluate/remove", { id: run.id });
  return true;
}
