import assert from "node:assert/strict";
import path from "node:path";
import { ChatView } from "../chatView.ts";
import { enginePid } from "../engineProcess.ts";
import { repository, Workbench } from "../workbench.ts";

const sample = path.join(repository, "test/fixtures/workspace");

describe("an engine that is killed", function () {
  let workbench: Workbench;
  let chat: ChatView;

  before(async () => {
    workbench = await Workbench.open({ workspace: sample });
    chat = await ChatView.open(workbench);
    await chat.indexReady();
  });
  after(() => workbench?.close());
  afterEach(function () {
    return workbench.pictureOfFailure(this.currentTest);
  });

  it("comes back by itself, with its index, and answers", async () => {
    const first = enginePid(workbench);
    assert.ok(first !== undefined, "there is no engine process");
    process.kill(first, "SIGKILL");
    const second = await workbench.until("another engine runs", () => {
      const pid = enginePid(workbench);
      return pid !== undefined && pid !== first && pid;
    });
    assert.notEqual(second, first);
    await chat.indexReady();
    assert.equal(await chat.ask("What does the RateLimiter do?"), "done");
    assert.match(await chat.lastAnswer.innerText(), /token bucket/i);
  });

  it("leaves the extension host alone", async () => {
    const pid = workbench.extensionHostPid;
    process.kill(enginePid(workbench) ?? 0, "SIGKILL");
    await workbench.until("another engine runs", () => enginePid(workbench) !== undefined);
    assert.equal(workbench.extensionHostPid, pid);
    assert.equal(await workbench.inHost((vscode) => vscode.extensions.getExtension("kalactica.kalactica")?.isActive), true);
  });

  it("ends with its window", async () => {
    await workbench.until("the engine runs", () => enginePid(workbench) !== undefined);
    const pid = enginePid(workbench) ?? 0;
    await workbench.page.goto("about:blank");
    // code-server keeps an extension host for a while in case the window comes back; ending the server ends it.
    await workbench.server.stop();
    await workbench.until("the engine has ended", () => !isAlive(pid), 10_000);
  });

  function isAlive(pid: number): boolean {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  }
});
