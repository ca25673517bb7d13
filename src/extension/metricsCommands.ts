// Exporting and erasing the figures of use: asks where to or whether, and tells what was done. The figures are the engine's.
import * as vscode from "vscode";
import type { TrainingEngine } from "./trainingState.ts";

/** Writes the figures of the last `days` to a file of the user's choice. */
export async function exportUse(engine: Pick<TrainingEngine, "request">, days: number, format: "json" | "csv"): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const filters = format === "csv" ? { [vscode.l10n.t("Table")]: ["csv"] } : { JSON: ["json"] };
  const to = await vscode.window.showSaveDialog({ filters, ...(folder ? { defaultUri: vscode.Uri.joinPath(folder, `kalactica-use.${format}`) } : {}) });
  if (!to) return;
  const { text } = await engine.request("metrics/export", { days, format });
  await vscode.workspace.fs.writeFile(to, new TextEncoder().encode(text));
  await vscode.window.showInformationMessage(vscode.l10n.t("Written to {0}.", to.fsPath));
}

/** Deletes them after asking; whether it did. */
export async function eraseUse(engine: Pick<TrainingEngine, "request">): Promise<boolean> {
  const erase = vscode.l10n.t("Erase");
  const detail = vscode.l10n.t("The records of shown and accepted completions, of answers and of ratings in this folder are deleted from this machine, whatever their age. Training cannot learn from them any more. This cannot be undone.");
  if ((await vscode.window.showWarningMessage(vscode.l10n.t("Erase the figures of use?"), { modal: true, detail }, erase)) !== erase) return false;
  const { completions, answers, ratings, clean } = await engine.request("metrics/erase", null);
  void vscode.window.showInformationMessage(clean
    ? vscode.l10n.t("Erased: {0} completions, {1} answers, {2} ratings.", completions, answers, ratings)
    : vscode.l10n.t("Erased: {0} completions, {1} answers, {2} ratings. Another window is reading the file; erase once more when it is closed, so that no remains stay in its log.", completions, answers, ratings));
  return true;
}
