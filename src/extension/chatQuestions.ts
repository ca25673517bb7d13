// What is asked where a command stands alone, by every surface alike. Words only.
import * as vscode from "vscode";
import type { SlashCommand } from "../webview/protocol.ts";

export const COMMAND_QUESTIONS: Record<Exclude<SlashCommand, "search">, () => string> = {
  explain: () => vscode.l10n.t("Explain this code."), fix: () => vscode.l10n.t("Fix the problems in this code."),
  tests: () => vscode.l10n.t("Write tests for this code."), doc: () => vscode.l10n.t("Write documentation for this code."),
};
