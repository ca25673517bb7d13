// What can be done with runs and adapters, asked back where something would be lost. Used by the monitor and the palette alike.
import path from "node:path";
import * as vscode from "vscode";
import type { AdapterFormat, AdapterInfo, RunInfo } from "../engine/protocol/training.ts";
import { adapterOf } from "../webview/monitorProtocol.ts";
import type { RunAction } from "../webview/monitorProtocol.ts";
import { dateTime, number, runTitle } from "../webview/trainingWords.ts";
import type { TrainingEngine, TrainingState } from "./trainingState.ts";
import { requireTrust } from "./trust.ts";

export interface Training {
  engine: TrainingEngine;
  training: TrainingState;
}

/** Does to a run what the monitor's button says. A run that is gone meanwhile is left alone. */
export async function runAction({ engine, training }: Training, runId: string, action: RunAction): Promise<void> {
  const run = training.runs.find(({ id }) => id === runId);
  if (!run) return;
  const adapter = adapterOf(run, training.adapters);
  switch (action) {
    case "pause":
      training.note(await engine.request("train/pause", { id: runId }));
      break;
    case "resume":
      requireTrust();
      training.note(await engine.request("train/resume", { id: runId }));
      break;
    case "cancel":
      if (await confirmCancel(run)) training.note(await engine.request("train/cancel", { id: runId }));
      break;
    case "remove":
      if (await confirmed(vscode.l10n.t("Delete {0}?", runTitle(run)), vscode.l10n.t("Its figures, samples and checkpoints are deleted. An adapter that it made stays."), vscode.l10n.t("Delete"))) {
        await engine.request("train/remove", { id: runId });
        training.forget(runId);
      }
      break;
    case "activate":
      if (adapter) await activateAdapter({ engine, training }, adapter);
      break;
    case "rollBack":
      await rollBack({ engine, training });
      break;
    case "export":
      if (adapter) await exportAdapter({ engine, training }, adapter);
  }
}

/** A run that has computed something is not thrown away by one click. */
async function confirmCancel(run: RunInfo): Promise<boolean> {
  if (run.step === 0) return true;
  return confirmed(vscode.l10n.t("Cancel {0} at step {1} of {2}?", runTitle(run), run.step, run.steps), vscode.l10n.t("It is not evaluated and does not go live. To go on later, pause it instead."), vscode.l10n.t("Cancel Run"));
}

async function confirmed(question: string, detail: string, yes: string): Promise<boolean> {
  return (await vscode.window.showWarningMessage(question, { modal: true, detail }, yes)) === yes;
}

/** "SFT · workspace, Nov 22 14:05": after the run that made it, else after its base. */
export function adapterName(adapter: AdapterInfo, runs: readonly RunInfo[]): string {
  const run = runs.find(({ id }) => id === adapter.run);
  return run ? `${runTitle(run)}, ${dateTime(run.createdAt)}` : vscode.l10n.t("{0}, imported {1}", adapter.model, dateTime(adapter.createdAt));
}

export async function activateAdapter({ engine, training }: Training, adapter: AdapterInfo): Promise<void> {
  requireTrust();
  // Against the receipt's own verdict only with open eyes.
  if (adapter.receipt && !adapter.receipt.promoted) {
    const { heldOut } = adapter.receipt;
    const figures = vscode.l10n.t("Held-out perplexity {0} before, {1} after.", number(heldOut.perplexityBefore), number(heldOut.perplexityAfter));
    if (!(await confirmed(vscode.l10n.t("Activate an adapter that was not promoted?"), `${adapter.receipt.sentence}\n\n${figures}`, vscode.l10n.t("Activate")))) return;
  }
  await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Window, title: vscode.l10n.t("Activating the adapter") },
    () => engine.request("adapters/activate", { sha256: adapter.sha256 }),
  );
  await training.refresh();
  vscode.window.setStatusBarMessage(vscode.l10n.t("Chat and completions now use {0}.", adapterName(adapter, training.runs)), 5_000);
}

export async function rollBack({ engine, training }: Training): Promise<void> {
  const before = await engine.request("adapters/rollback", null);
  await training.refresh();
  vscode.window.setStatusBarMessage(before ? vscode.l10n.t("Back to {0}.", adapterName(before, training.runs)) : vscode.l10n.t("Back to the base model alone."), 5_000);
}

export async function deactivate({ engine, training }: Training): Promise<void> {
  await engine.request("adapters/deactivate", null);
  await training.refresh();
  vscode.window.setStatusBarMessage(vscode.l10n.t("Chat and completions now use the base model alone."), 5_000);
}

export async function removeAdapter({ engine, training }: Training, adapter: AdapterInfo): Promise<void> {
  const name = adapterName(adapter, training.runs);
  if (!(await confirmed(vscode.l10n.t("Remove the adapter {0}?", name), vscode.l10n.t("Its file is deleted. This cannot be undone."), vscode.l10n.t("Remove")))) return;
  await engine.request("adapters/remove", { sha256: adapter.sha256 });
  await training.refresh();
}

export async function exportAdapter({ engine }: Training, adapter: AdapterInfo): Promise<void> {
  type Item = vscode.QuickPickItem & { format: AdapterFormat };
  const items: Item[] = [
    { label: vscode.l10n.t("GGUF adapter"), detail: vscode.l10n.t("For llama.cpp and whatever is built on it"), format: "gguf" },
    { label: vscode.l10n.t("PEFT safetensors"), detail: vscode.l10n.t("For Hugging Face PEFT, TRL and Axolotl"), format: "peft" },
    { label: vscode.l10n.t("Merged GGUF model"), detail: vscode.l10n.t("Base and adapter in one file, as large as the base"), format: "merged" },
  ];
  const picked = await vscode.window.showQuickPick(items, { title: vscode.l10n.t("Export Adapter") });
  if (!picked) return;
  const to = await chooseTarget(picked.format, adapter);
  if (to === null) return;
  const { files } = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: vscode.l10n.t("Exporting the adapter"), cancellable: true },
    (_, token) => engine.request("adapters/export", { sha256: adapter.sha256, format: picked.format, to }, token),
  );
  const [first = to] = files;
  const reveal = vscode.l10n.t("Show in Folder");
  if ((await vscode.window.showInformationMessage(vscode.l10n.t("Exported to {0}.", files.length > 1 ? path.dirname(first) : first), reveal)) === reveal) {
    await vscode.commands.executeCommand("revealFileInOS", vscode.Uri.file(first));
  }
}

/** A file for "gguf" and "merged", a folder for "peft"; null where the user changed their mind. */
async function chooseTarget(format: AdapterFormat, adapter: AdapterInfo): Promise<string | null> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  if (format === "peft") {
    const [chosen] = (await vscode.window.showOpenDialog({ canSelectFiles: false, canSelectFolders: true, openLabel: vscode.l10n.t("Export Here"), ...(folder ? { defaultUri: folder } : {}) })) ?? [];
    return chosen ? path.join(chosen.fsPath, `kalactica-${adapter.sha256.slice(0, 8)}-peft`) : null;
  }
  const name = format === "merged" ? `kalactica-${adapter.sha256.slice(0, 8)}-merged.gguf` : `kalactica-${adapter.sha256.slice(0, 8)}.gguf`;
  const chosen = await vscode.window.showSaveDialog({ filters: { GGUF: ["gguf"] }, ...(folder ? { defaultUri: vscode.Uri.joinPath(folder, name) } : {}) });
  return chosen?.fsPath ?? null;
}
