// What VS Code's menu of code actions gets from KaLactica, and what picking one asks.
import assert from "node:assert/strict";
import * as vscode from "vscode";
import type { SlashCommand, ChatAttachment } from "../../../src/webview/protocol.ts";
import { askAboutCode, CodeActions } from "../../../src/extension/codeActions.ts";
import { fileUri, product, until } from "./product.ts";

interface Asked { question: string; command: SlashCommand | null; attachment: ChatAttachment | undefined }

describe("code actions", () => {
  const uri = fileUri("src/retryPolicy.ts");
  const problems = vscode.languages.createDiagnosticCollection("kalactica-test");
  const problem = Object.assign(new vscode.Diagnostic(new vscode.Range(20, 2, 20, 8), "Cannot find name 'attmpt'.", vscode.DiagnosticSeverity.Error), { source: "ts", code: 2304 });
  const asked: Asked[] = [];
  const chat = { askAbout: async (question: string, command: SlashCommand | null, attachments: ChatAttachment[]) => { asked.push({ question, command, attachment: attachments[0] }); } };
  const ours = async (range: vscode.Range): Promise<string[]> => (await vscode.commands.executeCommand<vscode.CodeAction[]>("vscode.executeCodeActionProvider", uri, range)).map(({ title }) => title).filter((title) => /KaLactica/.test(title));

  before(async () => {
    await product();
    await vscode.window.showTextDocument(uri);
  });
  afterEach(() => { asked.length = 0; problems.clear(); });
  after(() => {
    problems.dispose();
    return vscode.commands.executeCommand("workbench.action.closeAllEditors");
  });

  it("explain, test and document where code is, and fix where there is a diagnostic", async () => {
    assert.deepEqual((await ours(new vscode.Range(20, 2, 20, 2))).sort(), ["Document with KaLactica", "Explain with KaLactica", "Write Tests with KaLactica"]);
    problems.set(uri, [problem]);
    await until("the fix is offered", async () => (await ours(new vscode.Range(20, 3, 20, 3))).includes("Fix with KaLactica"));
  });

  it("light no bulb by themselves where nothing is wrong, and none at all when switched off", async () => {
    const document = await vscode.workspace.openTextDocument(uri);
    const provide = (triggerKind: vscode.CodeActionTriggerKind, diagnostics: vscode.Diagnostic[] = []) => new CodeActions().provideCodeActions(document, new vscode.Range(20, 2, 20, 2), { triggerKind, diagnostics, only: undefined });
    assert.deepEqual(provide(vscode.CodeActionTriggerKind.Automatic), []);
    assert.deepEqual(provide(vscode.CodeActionTriggerKind.Automatic, [problem]).map(({ title }) => title), ["Fix with KaLactica"]);
    const settings = vscode.workspace.getConfiguration("kalactica");
    await settings.update("codeActions.enabled", false, vscode.ConfigurationTarget.Global);
    try {
      assert.deepEqual(provide(vscode.CodeActionTriggerKind.Invoke, [problem]), []);
    } finally {
      await settings.update("codeActions.enabled", undefined, vscode.ConfigurationTarget.Global);
    }
  });

  it("ask with the diagnostic's message and the lines that it is about", async () => {
    await askAboutCode(chat, "fix", uri, new vscode.Range(20, 3, 20, 3), [problem]);
    assert.match(asked[0]?.question ?? "", /^Fix this problem: Cannot find name 'attmpt'\. \(ts 2304, line 21, `.+`\)$/);
    assert.equal(asked[0]?.command, "fix");
    assert.ok((asked[0]?.attachment?.startLine ?? 99) < 21 && (asked[0]?.attachment?.endLine ?? 0) > 21, "the lines around it go along");
    assert.equal(asked[0]?.attachment?.kind, "selection");
  });

  it("ask about the selection where there is one", async () => {
    await askAboutCode(chat, "doc", uri, new vscode.Range(18, 0, 21, 1), []);
    const { text, ...attachment } = asked[0]?.attachment ?? { text: "" };
    assert.deepEqual(attachment, { kind: "selection", path: "src/retryPolicy.ts", startLine: 19, endLine: 22 });
    assert.match(text ?? "", /backoffDelayMs/);
  });
});
