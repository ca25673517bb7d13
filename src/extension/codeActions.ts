// Offers, where VS Code asks for code actions, to explain, test or document what is selected or stands around the caret, and to fix
// what a diagnostic complains of. Offering reads the editor alone: the engine is asked only for what the user picks.
import * as vscode from "vscode";
import type { ChatAttachment, SlashCommand } from "../webview/protocol.ts";
import { attachmentAround, attachmentOfCell, attachmentOfRange, cellOf } from "./chatAttachments.ts";
import { COMMAND_QUESTIONS } from "./chatQuestions.ts";
import { showFailure } from "./messages.ts";

/** The way into our chat. */
export interface Asking {
  askAbout(question: string, command: SlashCommand | null, attachments: ChatAttachment[], activePath: string | null): Promise<void>;
}

const ASK_COMMAND = "kalactica.internal.askAboutCode";
const SELECTOR: vscode.DocumentSelector = [{ scheme: "file" }, { scheme: "vscode-notebook-cell" }];
/** Lines on either side of a diagnostic that go along where no function is known around it. */
const LINES_AROUND = 5;
/** Diagnostics of one place that are put into one question. */
const MOST_DIAGNOSTICS = 5;
const MOST_MESSAGE_CHARACTERS = 1_000;

const KINDS = {
  explain: vscode.CodeActionKind.Empty.append("kalactica.explain"),
  tests: vscode.CodeActionKind.Refactor.append("kalactica.tests"),
  doc: vscode.CodeActionKind.RefactorRewrite.append("kalactica.document"),
  fix: vscode.CodeActionKind.QuickFix.append("kalactica"),
} as const;

export class CodeActions implements vscode.CodeActionProvider {
  provideCodeActions(document: vscode.TextDocument, range: vscode.Range | vscode.Selection, { diagnostics, triggerKind, only }: vscode.CodeActionContext): vscode.CodeAction[] {
    if (!vscode.workspace.getConfiguration("kalactica").get<boolean>("codeActions.enabled", true)) return [];
    const actions: vscode.CodeAction[] = [];
    const problems = diagnostics.filter(({ severity }) => severity <= vscode.DiagnosticSeverity.Warning);
    if (problems.length > 0) {
      const fix = this.#action("fix", vscode.l10n.t("Fix with KaLactica"), document, range, problems);
      fix.diagnostics = [...problems];
      actions.push(fix);
    }
    // The others are for who asks (the menu, its key): a light bulb at every word would be noise.
    if (triggerKind === vscode.CodeActionTriggerKind.Invoke && hasCode(document, range)) {
      actions.push(
        this.#action("explain", vscode.l10n.t("Explain with KaLactica"), document, range),
        this.#action("tests", vscode.l10n.t("Write Tests with KaLactica"), document, range),
        this.#action("doc", vscode.l10n.t("Document with KaLactica"), document, range),
      );
    }
    return actions.filter(({ kind }) => only === undefined || (kind !== undefined && only.contains(kind)));
  }

  #action(command: keyof typeof KINDS, title: string, document: vscode.TextDocument, range: vscode.Range, problems: readonly vscode.Diagnostic[] = []): vscode.CodeAction {
    const action = new vscode.CodeAction(title, KINDS[command]);
    action.command = { command: ASK_COMMAND, title, arguments: [command, document.uri, range, problems] };
    return action;
  }
}

export function registerCodeActions(chat: Asking): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.languages.registerCodeActionsProvider(SELECTOR, new CodeActions(), { providedCodeActionKinds: Object.values(KINDS) }),
    vscode.commands.registerCommand(ASK_COMMAND, async (command: keyof typeof KINDS, uri: vscode.Uri, range: vscode.Range, problems: readonly vscode.Diagnostic[]) => {
      try {
        await askAboutCode(chat, command, uri, range, problems);
      } catch (error) {
        await showFailure(error);
      }
    }),
  );
}

/** What picking an action does: the question of its kind, about the selection, what stands around the caret, or the diagnostics. */
export async function askAboutCode(chat: Asking, command: keyof typeof KINDS, uri: vscode.Uri, range: vscode.Range, problems: readonly vscode.Diagnostic[]): Promise<void> {
  const document = await vscode.workspace.openTextDocument(uri);
  const attachment = command === "fix" ? await attachmentOfProblems(document, range, problems) : range.isEmpty ? await attachmentAround(document, range.start) : attachmentOfRange(document, range);
  if (!attachment) throw new Error(vscode.l10n.t("This file is not part of the open folder. Open the folder that it belongs to."));
  await chat.askAbout(command === "fix" ? fixQuestion(document, problems) : COMMAND_QUESTIONS[command](), command, [attachment], attachment.path);
}

/** The function around the diagnostics, or the lines around them; in a notebook the cell with what it showed. */
async function attachmentOfProblems(document: vscode.TextDocument, range: vscode.Range, problems: readonly vscode.Diagnostic[]): Promise<ChatAttachment | null> {
  const cell = cellOf(document);
  if (cell) return attachmentOfCell(cell);
  const whole = problems.reduce((all, problem) => all.union(problem.range), range);
  const around = await attachmentAround(document, whole.start);
  if (around && around.startLine <= whole.start.line + 1 && around.endLine >= whole.end.line + 1 && around.endLine > around.startLine) return around;
  const last = Math.min(document.lineCount - 1, whole.end.line + LINES_AROUND);
  return attachmentOfRange(document, new vscode.Range(Math.max(0, whole.start.line - LINES_AROUND), 0, last, document.lineAt(last).text.length));
}

/** "Fix this: Cannot find name 'attmpt'. (ts 2304, line 12, `attmpt + 1`)" */
function fixQuestion(document: Pick<vscode.TextDocument, "lineAt">, problems: readonly vscode.Diagnostic[]): string {
  const said = problems.slice(0, MOST_DIAGNOSTICS).map(({ message, source, code, range }) => {
    const name = typeof code === "object" ? code.value : code;
    const from = [source, name].filter((part) => part !== undefined && part !== "").join(" ");
    return `${message.slice(0, MOST_MESSAGE_CHARACTERS)} (${[...(from === "" ? [] : [from]), vscode.l10n.t("line {0}", range.start.line + 1), `\`${document.lineAt(range.start.line).text.trim().slice(0, 160)}\``].join(", ")})`;
  });
  return said.length === 1 ? vscode.l10n.t("Fix this problem: {0}", said[0] ?? "") : `${vscode.l10n.t("Fix these problems:")}\n${said.map((line) => `- ${line}`).join("\n")}`;
}

/** Whether there is anything to ask about: a selection with text, or a caret on a line with code. */
function hasCode(document: vscode.TextDocument, range: vscode.Range): boolean {
  return (range.isEmpty ? document.lineAt(range.start.line).text : document.getText(range)).trim() !== "";
}
