// Turns failures into the sentence that people see, once, and decides which deserve a notification at all.
import * as vscode from "vscode";
import { EngineRequestError, RequestCancelled } from "./engineClient.ts";
import { TrustNeeded } from "./trust.ts";

/** The sentence for an error, or null when it should stay quiet (something was cancelled). */
export function sentenceFor(error: unknown): string | null {
  if (error instanceof RequestCancelled || error instanceof vscode.CancellationError) return null;
  if (error instanceof EngineRequestError) return error.message;
  return error instanceof Error ? error.message : String(error);
}

interface Remedy {
  label: string;
  command: string;
}

/** What kind of thing would mend a failure. */
export type RemedyKind = "chooseModel" | "openFolder" | "restartEngine" | "manageTrust" | "prepareData" | "showLog";

/** Decides by the reason, never by the message. */
export function remedyKindOf(error: unknown): RemedyKind {
  if (error instanceof TrustNeeded) return "manageTrust";
  switch (error instanceof EngineRequestError ? error.reason : "internal") {
    case "noModel":
    case "modelNotFound":
    case "modelTruncated":
    case "modelForeign":
    case "modelTooNew":
    case "modelTooLarge":
    case "modelLoadFailed":
    case "modelIncapable":
      return "chooseModel";
    case "engineGone":
    case "timeout":
      return "restartEngine";
    case "noWorkspace":
      return "openFolder";
    case "dataInvalid":
      return "prepareData";
    default:
      return "showLog";
  }
}

/** The command that helps, and what its button is called. */
export function remedyFor(error: unknown): Remedy {
  switch (remedyKindOf(error)) {
    case "chooseModel":
      return { label: vscode.l10n.t("Choose Model"), command: "kalactica.chooseModel" };
    case "restartEngine":
      return { label: vscode.l10n.t("Restart Engine"), command: "kalactica.restartEngine" };
    case "openFolder":
      return { label: vscode.l10n.t("Open Folder"), command: "workbench.action.files.openFolder" };
    case "manageTrust":
      return { label: vscode.l10n.t("Manage Workspace Trust"), command: "workbench.trust.manage" };
    case "prepareData":
      return { label: vscode.l10n.t("Prepare Training Data"), command: "kalactica.prepareTrainingData" };
    case "showLog":
      return { label: vscode.l10n.t("Show Log"), command: "kalactica.showLog" };
  }
}

/** Shows the failure of something the user asked for, with one button that helps. */
export async function showFailure(error: unknown): Promise<void> {
  const sentence = sentenceFor(error);
  if (sentence === null) return;
  const remedy = remedyFor(error);
  const picked = await vscode.window.showErrorMessage(sentence, remedy.label);
  if (picked === remedy.label) await vscode.commands.executeCommand(remedy.command);
}
