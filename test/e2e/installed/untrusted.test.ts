import assert from "node:assert/strict";
import path from "node:path";
import { ChatView } from "../chatView.ts";
import { repository, Workbench } from "../workbench.ts";

const sample = path.join(repository, "test/fixtures/workspace");

describe("a folder that is not trusted", function () {
  let workbench: Workbench;

  before(async () => {
    workbench = await Workbench.open({ workspace: sample, untrusted: true });
  });
  after(() => workbench?.close());
  afterEach(function () {
    return workbench.pictureOfFailure(this.currentTest);
  });

  it("is opened restricted, with the extension active", async () => {
    assert.equal(await workbench.inHost((vscode) => vscode.workspace.isTrusted), false);
    const active = await workbench.until("the extension is active", () => workbench.inHost((vscode) => vscode.extensions.getExtension("kalactica.kalactica")?.isActive === true));
    assert.equal(active, true);
  });

  it("says in the chat that the folder's settings are ignored, and answers", async () => {
    const chat = await ChatView.open(workbench);
    assert.match(await chat.frame.getByTestId("banner").innerText(), /Restricted Mode/);
    await chat.indexReady();
    assert.equal(await chat.ask("Where is shouldRetry?"), "done");
    assert.match(await chat.lastAnswer.innerText(), /src\/retryPolicy\.ts/);
    await workbench.picture("chat-restricted");
  });

  it("does not let the folder choose the model file", async () => {
    const value = await workbench.inHost(async (vscode) => {
      const configuration = vscode.workspace.getConfiguration("kalactica");
      await configuration.update("model.file", "/tmp/from-the-folder.gguf", vscode.ConfigurationTarget.Workspace);
      return vscode.workspace.getConfiguration("kalactica").get<string>("model.file");
    });
    assert.equal(value, "");
  });

  it("refuses to download", async () => {
    void workbench.inHost((vscode) => {
      void vscode.commands.executeCommand("kalactica.downloadModel", "https://127.0.0.1:9/model.gguf");
    });
    await workbench.page.locator(".notifications-toasts .notification-list-item-message", { hasText: /not trusted/ }).waitFor({ timeout: 10_000 });
  });
});
