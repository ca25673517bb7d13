import assert from "node:assert/strict";
import path from "node:path";
import { ChatView } from "../chatView.ts";
import { enginePid, processorSeconds, residentMb } from "../engineProcess.ts";
import { repository, Workbench } from "../workbench.ts";

const sample = path.join(repository, "test/fixtures/workspace");
const questions = ["What does shouldRetry do?", "Where is RateLimiter?", "Who calls shouldRetry?", "How do I use RateLimiter?", "Which file handles jobs?"];

describe("a window that has answered and now rests", function () {
  let workbench: Workbench;
  let chat: ChatView;
  let atFirst: number;

  before(async () => {
    workbench = await Workbench.open({ workspace: sample });
    atFirst = residentMb(workbench.extensionHostPid);
    chat = await ChatView.open(workbench);
    await chat.indexReady();
    for (const question of questions) {
      await chat.ask(question);
    }
  });
  after(() => workbench?.close());
  afterEach(function () {
    return workbench.pictureOfFailure(this.currentTest);
  });

  it("has not grown the extension host by more than 150 MB", () => {
    const growth = residentMb(workbench.extensionHostPid) - atFirst;
    console.log(`      extension host: ${atFirst.toFixed(0)} MB at first, ${growth.toFixed(0)} MB more now; engine: ${residentMb(enginePid(workbench) ?? 0).toFixed(0)} MB`);
    assert.ok(growth <= 150, `the extension host grew by ${growth.toFixed(0)} MB`);
  });

  it("keeps the engine within 1 GB", () => {
    assert.ok(residentMb(enginePid(workbench) ?? 0) <= 1024);
  });

  it("uses no processor time in the engine", async () => {
    const pid = enginePid(workbench) ?? 0;
    await workbench.page.waitForTimeout(1_000);
    const before = processorSeconds(pid);
    await workbench.page.waitForTimeout(5_000);
    const used = processorSeconds(pid) - before;
    // Ticks are 10 ms; the event loop's own timers are less than one.
    assert.ok(used <= 0.03, `the engine used ${used.toFixed(2)} s of processor time in 5 s`);
  });

  it("speaks German once VS Code does, commands and chat alike", async () => {
    // What a language pack does: the page and the server are told the language. The pack itself, VS Code's own words, is not installed here.
    await workbench.page.addInitScript(() => { Object.defineProperty(globalThis, "_VSCODE_NLS_LANGUAGE", { get: () => "de", set: () => undefined }); });
    await workbench.page.context().addCookies([{ name: "vscode.nls.locale", value: "de", url: `http://localhost:${workbench.server.port}` }]);
    await workbench.reload();
    await workbench.activated();
    const [language, title] = await workbench.inHost((vscode) => {
      const { contributes } = vscode.extensions.getExtension("kalactica.kalactica")!.packageJSON as { contributes: { commands: { command: string; title: string | { value: string } }[] } };
      const shown = contributes.commands.find(({ command }) => command === "kalactica.openChat")!.title;
      return [vscode.env.language, typeof shown === "string" ? shown : shown.value];
    });
    assert.deepEqual([language, title], ["de", "Chat öffnen"]);
    await workbench.command("kalactica.openChat");
    const composer = workbench.webview().getByTestId("composer");
    await composer.waitFor();
    assert.equal(await composer.getAttribute("placeholder"), "Fragen zu diesem Ordner");
    await workbench.picture("chat-german-window");
  });
});
