// What is refused in a folder that is not trusted, in one place.
import * as vscode from "vscode";

/** Something that computes, executes or goes live was asked for in a folder that is not trusted. */
export class TrustNeeded extends Error {
  constructor(message: string) {
    super(message);
    this.name = "TrustNeeded";
  }
}

/** Throws TrustNeeded where nothing may be trained. */
export function requireTrust(): void {
  if (vscode.workspace.isTrusted) return;
  throw new TrustNeeded(vscode.l10n.t("Nothing is trained, and no adapter goes live, while this folder is not trusted. Trust it first."));
}
