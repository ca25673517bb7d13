import assert from "node:assert/strict";
import path from "node:path";
import { ChatView } from "../chatView.ts";
import { repository, Workbench } from "../workbench.ts";

const sample = path.join(repository, "test/fixtures/workspace");

describe("ghost text", function () {
  let workbench: Workbench;

  before(async () => {
    // The product's own time cap would hide a completion that comes late because the machine is busy with other things.
    workbench = await Workbench.open({ workspace: sample, settings: { "kalactica.completion.timeoutMs": 3000 } });
    const chat = await ChatView.open(workbench);
    await chat.indexReady();
    await workbench.command("workbench.action.closeSidebar");
  });
  after(() => workbench?.close());
  afterEach(function () {
    return workbench.pictureOfFailure(this.currentTest);
  });

  it("appears while typing and is taken with Tab", async () => {
    await workbench.openFile("src/worker.ts");
    // A second method that begins as the first one does: what follows is in the folder, so the look-up alone is sure of it.
    await insertAfter("    return succeeded;\n  }\n", "\n  async #retryJob(job: Job): Promise<boolean> {\n    const handler = this.#handlers[job.kind];\n    try {\n      if (handler === undefined)");
    await workbench.page.keyboard.type(" ");
    const ghost = workbench.page.locator("[class*=ghost-text]").first();
    await ghost.waitFor({ timeout: 15_000 });
    await workbench.picture("ghost-text-light");
    // Coloured like code, so each word is an element of its own.
    const words = await workbench.page.locator(".view-lines span[class*=ghost-text]:not(:has(span))").allInnerTexts();
    const shown = words.join("").replace(/\u00a0/g, " ").trim();
    assert.match(shown, /^throw new UnknownKindError\(job\.kind\);/);
    const before = await textOfEditor();
    await workbench.page.keyboard.press("Tab");
    const after = await workbench.until("the text has grown", async () => {
      const text = await textOfEditor();
      return text !== before && text;
    });
    assert.ok(after.length > before.length && after.includes(`if (handler === undefined) ${shown}`), `expected "${shown}" after the caret`);
  });

  it("counts in the figures of use once it was shown and taken", async () => {
    await workbench.inHost((vscode) => {
      void vscode.commands.executeCommand("kalactica.showUse");
    });
    const total = workbench.webview().getByTestId("use-completions").getByTestId("total");
    await total.waitFor({ timeout: 30_000 });
    assert.match((await total.innerText()).replace(/\s+/g, " "), /^All [1-9]\d* 1 \(\d+ %\) /, "one was accepted");
    assert.match(await workbench.webview().getByTestId("nothing-sent").innerText(), /Nothing of this is sent anywhere/);
    await workbench.picture("figures-of-use");
    await workbench.command("workbench.action.closeActiveEditor");
  });

  it("stays away after Escape", async () => {
    await workbench.page.keyboard.press("Escape");
    assert.equal(await workbench.page.locator("[class*=ghost-text]").count(), 0);
  });

  /** Inserts `text` behind the first `anchor`, with the caret at its end and the keyboard in the editor. */
  async function insertAfter(anchor: string, text: string): Promise<void> {
    const lines = workbench.page.locator(".editor-instance .monaco-editor .view-lines").first();
    await lines.click();
    await workbench.page.locator(".editor-instance .monaco-editor.focused").waitFor();
    const place = await workbench.inHost(async (vscode, before: string, added: string) => {
      const editor = vscode.window.activeTextEditor!;
      const offset = editor.document.getText().indexOf(before);
      if (offset < 0) throw new Error(`"${before}" is not in ${editor.document.fileName}`);
      await editor.edit((edit) => edit.insert(editor.document.positionAt(offset + before.length), added));
      const caret = editor.document.positionAt(offset + before.length + added.length);
      editor.selection = new vscode.Selection(caret, caret);
      editor.revealRange(new vscode.Range(caret, caret), vscode.TextEditorRevealType.InCenter);
      return `Ln ${caret.line + 1}, Col ${caret.character + 1}`;
    }, anchor, text);
    // The selection travels from the host to the page; the status bar tells when it has arrived.
    await workbench.page.locator(".statusbar-item", { hasText: place }).first().waitFor();
  }

  function textOfEditor(): Promise<string> {
    return workbench.inHost((vscode) => vscode.window.activeTextEditor?.document.getText() ?? "");
  }
});
