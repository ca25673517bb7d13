import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import path from "node:path";
import { ChatView } from "../chatView.ts";
import { repository, Workbench } from "../workbench.ts";

const sample = path.join(repository, "test/fixtures/workspace");

/** The sample project ignores nothing that it holds, so every file of it belongs into the index. */
function filesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;
}

describe("a question in the chat", function () {
  let workbench: Workbench;
  let chat: ChatView;

  before(async () => {
    workbench = await Workbench.open({ workspace: sample });
    chat = await ChatView.open(workbench);
  });
  after(() => workbench?.close());
  afterEach(function () {
    return workbench.pictureOfFailure(this.currentTest);
  });

  it("finds the folder indexed", async () => {
    assert.equal(await chat.indexReady(), filesIn(sample));
  });

  it("is answered with sources that were read again", async () => {
    assert.equal(await chat.ask("Where is backoffDelayMs defined?"), "done");
    assert.match(await chat.lastAnswer.innerText(), /backoffDelayMs/);
    const first = await chat.citedPlace();
    assert.equal(first.path, "src/retryPolicy.ts");
    assert.equal(first.verified, true);
    await workbench.picture("chat-answer-light");
  });

  it("opens the cited file at the cited line", async () => {
    const cited = await chat.citedPlace();
    await chat.citations.first().click();
    const opened = await workbench.until("the cited file is the active one", () =>
      workbench.inHost((vscode) => {
        const editor = vscode.window.activeTextEditor;
        return editor === undefined ? null : { file: vscode.workspace.asRelativePath(editor.document.uri), line: editor.selection.start.line + 1, visible: editor.visibleRanges.map((range) => [range.start.line + 1, range.end.line + 1] as const) };
      }),
    );
    assert.equal(opened.file, cited.path);
    assert.equal(opened.line, cited.startLine);
    assert.ok(opened.visible.some(([from, to]) => from <= cited.startLine && cited.startLine <= to), "the line is not in view");
  });

  it("says so when nothing in the folder supports an answer", async () => {
    assert.equal(await chat.ask("Where is the Kubernetes ingress controller certificate rotated?"), "done");
    assert.equal(await chat.lastAnswer.getByTestId("card").getAttribute("data-supported"), "false");
  });

  it("keeps the conversation across a reload of the window", async () => {
    const asked = await chat.turns.count();
    // In the browser VS Code keeps an extension's workspace state in the browser's database, written every 5 s.
    await workbench.page.waitForTimeout(6_000);
    await workbench.reload();
    chat = await ChatView.open(workbench);
    await chat.turns.nth(asked - 1).waitFor();
    assert.equal(await chat.turns.count(), asked);
    assert.match(await chat.turns.first().innerText(), /backoffDelayMs/);
  });
});
