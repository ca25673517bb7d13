import assert from "node:assert/strict";
import path from "node:path";
import { ChatView } from "../chatView.ts";
import { repository, Workbench } from "../workbench.ts";

const sample = path.join(repository, "test/fixtures/workspace");

describe("ghost text", function () {
  let workbench: Workbench;

  before(async () => {
    workbench = await Workbench.open({ workspace: sample });
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
    await placeCaretAfter("    return succeeded;\n  }\n");
    // The second half of a line that stands elsewhere in the folder in the same shape.
    await workbench.page.keyboard.type("\n  async #retryJob(job: Job): Promise<boolean> {\n    const handler = this.#handlers", { delay: 25 });
    const ghost = workbench.page.locator("[class*=ghost-text]").first();
    await ghost.waitFor({ timeout: 15_000 });
    await workbench.picture("ghost-text-light");
    const shown = (await ghost.innerText()).replace(/\u00a0/g, " ");
    assert.notEqual(shown.trim(), "");
    const before = await textOfEditor();
    await workbench.page.keyboard.press("Tab");
    const after = await workbench.until("the text has grown", async () => {
      const text = await textOfEditor();
      return text !== before && text;
    });
    assert.ok(after.length > before.length && after.includes(`const handler = this.#handlers${shown.trimEnd()}`), `expected "${shown}" after the caret`);
  });

  it("stays away after Escape", async () => {
    await workbench.page.keyboard.press("Escape");
    assert.equal(await workbench.page.locator("[class*=ghost-text]").count(), 0);
  });

  async function placeCaretAfter(text: string): Promise<void> {
    await workbench.page.locator(".editor-instance .monaco-editor .view-lines").first().click();
    await workbench.inHost((vscode, before: string) => {
      const editor = vscode.window.activeTextEditor!;
      const offset = editor.document.getText().indexOf(before);
      if (offset < 0) throw new Error(`"${before}" is not in ${editor.document.fileName}`);
      const position = editor.document.positionAt(offset + before.length);
      editor.selection = new vscode.Selection(position, position);
      editor.revealRange(new vscode.Range(position, position), vscode.TextEditorRevealType.InCenter);
    }, text);
  }

  function textOfEditor(): Promise<string> {
    return workbench.inHost((vscode) => vscode.window.activeTextEditor?.document.getText() ?? "");
  }
});
