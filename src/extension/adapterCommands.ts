// The palette's list of adapters: which is active, what each is worth, and what can be done with it.
import * as vscode from "vscode";
import type { AdapterInfo } from "../engine/protocol/training.ts";
import { bytes, dateTime, headline } from "../webview/trainingWords.ts";
import { activateAdapter, adapterName, deactivate, exportAdapter, removeAdapter, rollBack } from "./trainingActions.ts";
import type { Training } from "./trainingActions.ts";

type Act = (training: Training, adapter: AdapterInfo) => Promise<void>;

export async function manageAdapters(training: Training): Promise<void> {
  await training.training.refresh();
  const { adapters, activeAdapter, runs } = training.training;
  if (adapters.length === 0) {
    const fineTune = vscode.l10n.t("Fine-tune on This Workspace");
    const picked = await vscode.window.showInformationMessage(vscode.l10n.t("There are no adapters yet. A training run makes one."), fineTune);
    if (picked === fineTune) await vscode.commands.executeCommand("kalactica.fineTuneWorkspace");
    return;
  }
  type Item = vscode.QuickPickItem & { adapter?: AdapterInfo; act?: () => Promise<void> };
  const items: Item[] = [
    ...(activeAdapter ? [
      { label: `$(discard) ${vscode.l10n.t("Roll Back")}`, description: vscode.l10n.t("to what was active before"), act: () => rollBack(training) },
      { label: `$(circle-slash) ${vscode.l10n.t("Use the Base Model Alone")}`, act: () => deactivate(training) },
    ] : []),
    { label: vscode.l10n.t("Adapters"), kind: vscode.QuickPickItemKind.Separator },
    ...[...adapters].sort((a, b) => Number(b.active) - Number(a.active) || b.createdAt - a.createdAt).map((adapter): Item => ({
      label: `${adapter.active ? "$(check) " : ""}${adapterName(adapter, runs)}`, description: figuresOf(adapter),
      detail: adapter.problem ?? vscode.l10n.t("for {0} · rank {1}, {2}, {3} · {4}", adapter.model, adapter.rank, bytes(adapter.bytes), dateTime(adapter.createdAt), adapter.sha256.slice(0, 12)), adapter,
    })),
  ];
  const picked = await vscode.window.showQuickPick(items, { title: vscode.l10n.t("Manage Adapters"), matchOnDescription: true, matchOnDetail: true });
  if (picked?.act) await picked.act();
  else if (picked?.adapter) await chooseAct(training, picked.adapter);
}

/** "held-out perplexity −18.3 %, general text +0.4 %". */
function figuresOf({ receipt, problem }: AdapterInfo): string {
  if (problem !== undefined) return vscode.l10n.t("damaged");
  if (!receipt) return vscode.l10n.t("not evaluated");
  return `${headline(receipt)}${receipt.promoted ? "" : ` · ${vscode.l10n.t("not promoted")}`}`;
}

async function chooseAct(training: Training, adapter: AdapterInfo): Promise<void> {
  type Item = vscode.QuickPickItem & { act: Act };
  const items: Item[] = [
    ...(adapter.problem !== undefined ? [] : [
      adapter.active
        ? { label: `$(circle-slash) ${vscode.l10n.t("Deactivate")}`, act: ((t) => deactivate(t)) satisfies Act }
        : { label: `$(check) ${vscode.l10n.t("Activate")}`, description: vscode.workspace.isTrusted ? "" : vscode.l10n.t("needs a trusted folder"), act: activateAdapter satisfies Act },
      { label: `$(export) ${vscode.l10n.t("Export…")}`, act: exportAdapter satisfies Act },
    ]),
    { label: `$(trash) ${vscode.l10n.t("Remove…")}`, act: removeAdapter },
  ];
  const picked = await vscode.window.showQuickPick(items, { title: adapterName(adapter, training.training.runs) });
  await picked?.act(training, adapter);
}
