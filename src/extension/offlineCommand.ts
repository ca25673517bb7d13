// "Prove That Nothing Leaves This Machine": asks the engine for the proof and shows it. What is proven is tasks/proveOffline.ts's.
import * as vscode from "vscode";
import type { EngineClient } from "./engineClient.ts";
import type { ReportDocuments } from "./reportDocuments.ts";

export async function proveOffline(engine: Pick<EngineClient, "request" | "onNotification">, documents: ReportDocuments): Promise<void> {
  const { proof, text } = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: vscode.l10n.t("Exercising every feature with its sockets watched"), cancellable: true },
    async (progress, token) => {
      let shown = 0;
      const listening = engine.onNotification("offline/progress", ({ title, done, total }) => {
        const percent = (100 * done) / total;
        progress.report({ increment: percent - shown, message: title });
        shown = percent;
      });
      try {
        return await engine.request("offline/prove", null, token);
      } finally {
        listening.dispose();
      }
    },
  );
  await documents.showMarkdown(vscode.l10n.t("Proof of being offline"), text);
  if (proof.proven) return;
  void vscode.window.showWarningMessage(proof.attempts.length > 0
    ? vscode.l10n.t("{0} attempts to reach another machine were seen. The report names each.", proof.attempts.length)
    : vscode.l10n.t("Nothing tried to reach another machine, but not every feature could be exercised. The report says why."));
}
