import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { ChatView } from "../chatView.ts";
import { installVSCodeWeb } from "../install.ts";
import { manageExtension, startServer } from "../server.ts";
import { repository, Workbench } from "../workbench.ts";

const sample = path.join(repository, "test/fixtures/workspace");
/** The package that the whole suite makes (test/run.ts); without it, this checkout is opened. */
const packaged = process.env.KALACTICA_PACKAGE;

/** The sample project ignores nothing that it holds, so every file of it belongs into the index. */
function filesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;
}

describe("a question in the chat", function () {
  let workbench: Workbench;
  let chat: ChatView;
  let begun: number;

  before(async () => {
    begun = Date.now();
    workbench = await Workbench.open({ workspace: sample, ...(packaged === undefined ? {} : { packages: [packaged] }) });
  });
  after(() => workbench?.close());
  afterEach(function () {
    return workbench.pictureOfFailure(this.currentTest);
  });

  it("is answered within a minute of installing, by clicks and keys alone", async function () {
    this.timeout(400_000);
    const { page } = workbench;
    await page.getByRole("tab", { name: "KaLactica" }).first().click();
    // VS Code shows the walkthrough of what was just installed, and its picture is a webview too.
    const frame = await workbench.until("the chat can be written in", async () => {
      for (let nth = 0; nth < (await page.locator("iframe.webview.ready").count()); nth++) {
        if (await workbench.webview(nth).getByTestId("composer").count() > 0) return workbench.webview(nth);
      }
      return null;
    }, 120_000);
    await frame.getByTestId("composer").click();
    await page.keyboard.type("What does the RateLimiter do?");
    await page.keyboard.press("Enter");
    await frame.locator('[data-testid="citation"][data-verified="true"]').first().waitFor({ timeout: 120_000 });
    const seconds = (Date.now() - begun) / 1000;
    console.log(`      ${packaged === undefined ? "from opening this checkout" : "from installing the .vsix"} to the first cited answer: ${seconds.toFixed(1)} s`);
    // A machine with several times more to do than it has processors tells nothing about us.
    const allowed = os.loadavg()[0]! > 3 * os.availableParallelism() ? 300 : 60;
    await workbench.picture("first-answer");
    await workbench.command("workbench.action.closeAllEditors");
    assert.ok(seconds <= allowed, `it took ${seconds.toFixed(1)} s`);
  });

  it("was activated within the time that a start may take", async () => {
    await workbench.command("workbench.action.showRuntimeExtensions");
    try {
      const row = workbench.page.locator(".runtime-extensions-editor .extension").filter({ hasText: "KaLactica" }).first();
      await row.waitFor();
      const told = await workbench.until("VS Code tells the time", async () => /Activation: (\d+)ms/.exec(await row.innerText())?.[1]);
      console.log(`      activation: ${told} ms by the clock of VS Code, at a load of ${os.loadavg()[0]!.toFixed(1)}`);
      // By the clock, while other tests run; test/process/activation.test.ts holds processor time to 100 ms.
      assert.ok(Number(told) <= 1_500, `activation took ${told} ms`);
    } finally {
      await workbench.page.keyboard.press("Escape"); // it is shown as a dialog
    }
    await workbench.page.locator(".runtime-extensions-editor").waitFor({ state: "detached" });
  });

  it("finds the folder indexed", async () => {
    chat = await ChatView.open(workbench);
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

  it("is answered in VS Code's own chat too, by @kalactica, without an account", async () => {
    await workbench.command("workbench.action.chat.open", { query: "@kalactica where is backoffDelayMs defined?" });
    const answer = workbench.page.locator(".interactive-response").last();
    await answer.getByText("is a function defined in").waitFor({ timeout: 60_000 });
    await workbench.picture("participant-answer");
    await answer.locator(".chat-inline-anchor-widget").first().click();
    const line = await workbench.until("the place is open", () => workbench.inHost((vscode) => {
      const editor = vscode.window.activeTextEditor;
      return editor?.document.uri.path.endsWith("/src/retryPolicy.ts") === true ? editor.selection.start.line + 1 : null;
    }));
    // The comment above the function belongs to what is cited.
    assert.equal(line, 15);
    await workbench.command("workbench.action.closeAuxiliaryBar");
  });

  it("keeps the conversation across a reload of the window", async () => {
    const asked = await chat.turns.count();
    // In the browser VS Code keeps an extension's workspace state in the browser's database, written every 5 s.
    await workbench.page.waitForTimeout(6_000);
    await workbench.reload();
    chat = await ChatView.open(workbench);
    await chat.turns.nth(asked - 1).waitFor();
    assert.equal(await chat.turns.count(), asked);
    assert.match(await chat.turns.first().innerText(), /RateLimiter/);
  });

  it("leaves nothing of this behind when it is uninstalled", async function () {
    if (packaged === undefined) this.skip();
    this.timeout(240_000);
    const userData = path.join(workbench.root, "user-data");
    const ours = (): string[] =>
      readdirSync(userData, { recursive: true, encoding: "utf8" }).filter((name) => /kalactica/i.test(name) && !/^(?:logs|CachedExtensionVSIXs)\b/.test(name));
    assert.ok(ours().some((name) => name.endsWith("index.sqlite")), "nothing was stored in the first place");
    await workbench.server.stop();
    const vscode = await installVSCodeWeb(() => undefined);
    await manageExtension(vscode, workbench.root, ["--uninstall-extension", "kalactica.kalactica"]);
    // VS Code deletes an extension, and runs its hook, at its next start.
    const server = await startServer(vscode, { root: workbench.root });
    try {
      await fetch(`http://127.0.0.1:${server.port}/`);
      await workbench.until("VS Code has deleted the extension", () => !readdirSync(path.join(workbench.root, "extensions")).some((name) => name.startsWith("kalactica.kalactica-")), 120_000);
      await workbench.until("its data are gone", () => ours().length === 0, 30_000).catch(() => assert.deepEqual(ours(), []));
    } finally {
      await server.stop();
    }
  });
});
