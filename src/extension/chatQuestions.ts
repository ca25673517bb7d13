// What is asked where a command stands alone, by every surface alike. Words only.
import * as vscode from "vscode";
import type { SlashCommand } from "../webview/protocol.ts";

/** Whether these are the words of {@link COMMAND_QUESTIONS}: the view writes the same ones. */
export function isOwnQuestion(question: string, command: SlashCommand | null): boolean {
  return command !== null && command !== "search" && question.trim() === COMMAND_QUESTIONS[command]();
}

export const COMMAND_QUESTIONS: Record<Exclude<SlashCommand, "search">, () => string> = {
  explain: () => vscode.l10n.t("Explain this code."), fix: () => vscode.l10n.t("Fix the problems in this code."),
  tests: () => vscode.l10n.t("Write tests for this code."), doc: () => vscode.l10n.t("Write documentation for this code."),
};
