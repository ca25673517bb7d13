import assert from "node:assert/strict";
import path from "node:path";
import { ChatView } from "../chatView.ts";
import { repository, Workbench } from "../workbench.ts";

const sample = path.join(repository, "test/fixtures/workspace");

describe("a question in the chat", function () {
  let workbench: Workbench;
  let chat: ChatView;

  before(async () => {
    workbench = await Workbench.open({ workspace: sample });
    chat = await ChatView.open(workbench);
  });
  after(() => workbench?.close());

  it("finds the folder indexed", async () => {
    assert.match(await chat.indexReady(), /^1\d files$/);
  });

  it("is answered with sources that were read again", async () => {
    assert.equal(await chat.ask("Where is the pause between two attempts computed?"), "done");
    const text = await chat.lastAnswer.innerText();
    assert.match(text, /backoffDelayMs/);
    const first = chat.citations.first();
    assert.match((await first.innerText()).replace(/\s+/g, " "), /^\[1\] ?src\/retryPolicy\.ts/);
    assert.equal(await first.getAttribute("data-verified"), "true");
    await workbench.picture("chat-answer-light");
  });

  it("opens the cited file at the cited line", async () => {
    const label = (await chat.citations.first().innerText()).replace(/\s+/g, "");
    const [, file, line] = /^\[1\](.+?):(\d+)/.exec(label) ?? [];
    assert.ok(file !== undefined && line !== undefined, `no path and line in "${label}"`);
    await chat.citations.first().click();
    const opened = await workbench.until("the cited file is the active one", () =>
      workbench.inHost((vscode) => {
        const editor = vscode.window.activeTextEditor;
        return editor === undefined ? null : { file: vscode.workspace.asRelativePath(editor.document.uri), line: editor.selection.start.line + 1, visible: editor.visibleRanges.map((range) => [range.start.line + 1, range.end.line + 1] as const) };
      }),
    );
    assert.equal(opened.file, file);
    assert.equal(opened.line, Number(line));
    assert.ok(opened.visible.some(([from, to]) => from <= Number(line) && Number(line) <= to), "the line is not in view");
  });

  it("says so when nothing in the folder supports an answer", async () => {
    assert.equal(await chat.ask("Where is the Kubernetes ingress controller certificate rotated?"), "done");
    assert.equal(await chat.lastAnswer.getByTestId("card").getAttribute("data-supported"), "false");
  });

  it("keeps the conversation across a reload of the window", async () => {
    const asked = await chat.turns.count();
    await workbench.reload();
    chat = await ChatView.open(workbench);
    await chat.turns.nth(asked - 1).waitFor();
    assert.equal(await chat.turns.count(), asked);
    assert.match(await chat.turns.first().innerText(), /backoffDelayMs/);
  });
});
