// The first minutes of a new user: the walkthrough opens once, its steps are ticked by doing them, models are looked over, measured and
// switched, the status item tells the truth, a problem can be reported. As installed, with clicks and keys.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import type { Extension } from "vscode";
import type { Gallery } from "../../../src/engine/protocol/machine.ts";
import type { KaLacticaApi } from "../../../src/extension/extension.ts";
import { repository, Workbench } from "../workbench.ts";

const sample = path.join(repository, "test/fixtures/workspace");
const base = path.join(repository, "media/models/kalactica-base.gguf");
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const THEMES = [["light", "Light 2026"], ["dark", "Dark 2026"], ["high-contrast", "Default High Contrast"]] as const;

interface AxeResult { violations: { id: string; impact: string | null; nodes: { html: string }[] }[] }

describe("the first run", function () {
  this.timeout(180_000);
  let workbench: Workbench;
  let host: Server;
  let address: string;
  /** Held back after this many bytes, until it is let go. */
  let brake: { after: number; released: Promise<void> } | null = null;

  before(async () => {
    // A model to download, on this machine: the embedded one under another name.
    host = createServer((request, response) => {
      const size = statSync(base).size;
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
      response.writeHead(from > 0 ? 206 : 200, { "content-length": size - from, etag: '"one"', "accept-ranges": "bytes", ...(from > 0 ? { "content-range": `bytes ${from}-${size - 1}/${size}` } : {}) });
      const held = brake;
      if (held === null) { createReadStream(base, { start: from }).pipe(response); return; }
      // In two pieces, because progress is told a few times a second.
      const half = held.after / 2;
      const send = (start: number, end?: number): void => { if (!response.destroyed) createReadStream(base, { start, ...end === undefined ? {} : { end } }).pipe(response, { end: end === undefined }); };
      send(from, from + half - 1);
      setTimeout(() => send(from + half, from + held.after - 1), 600);
      void held.released.then(() => send(from + held.after));
    });
    await new Promise<void>((done) => host.listen(0, "127.0.0.1", done));
    address = `http://127.0.0.1:${(host.address() as AddressInfo).port}/tiny-test-model.gguf`;
    workbench = await Workbench.open({ workspace: sample, settings: { "workbench.welcomePage.walkthroughs.openOnInstall": true, "workbench.startupEditor": "none" } });
    await workbench.activated();
  });
  after(async () => {
    host.closeAllConnections();
    host.close();
    await workbench?.close();
  });
  afterEach(function () {
    return workbench.pictureOfFailure(this.currentTest);
  });

  const step = (title: string) => workbench.page.locator(".getting-started-step", { hasText: title });
  const ticked = async (title: string): Promise<boolean> => (await step(title).locator(".codicon-getting-started-step-checked.complete").count()) > 0;
  const start = (id: string): Promise<unknown> =>
    workbench.inHost((vscode, command: string) => {
      void vscode.commands.executeCommand(command);
    }, id);
  const gallery = (): Promise<Gallery> =>
    workbench.inHost(async (vscode) => {
      const { engine } = (vscode.extensions.getExtension("kalactica.kalactica") as Extension<KaLacticaApi>).exports;
      return engine.request("model/gallery", null);
    });
  const page = () => workbench.webview();
  const closeEditors = (): Promise<unknown> => workbench.command("workbench.action.closeAllEditors");

  /** Serious and critical findings of axe in the page that is shown. */
  const axe = async (): Promise<string[]> => {
    const frame = await (await page().locator("body").elementHandle())?.ownerFrame();
    assert.ok(frame);
    await frame.evaluate(AXE);
    const { violations } = await frame.evaluate(() => (window as unknown as { axe: { run(): Promise<AxeResult> } }).axe.run());
    return violations.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`);
  };
  const row = (name: string) => page().getByRole("option", { name: new RegExp(name) });
  const action = (name: string) => page().getByTestId(`action-${name}`);

  it("opens the walkthrough by itself", async () => {
    await step("Check this machine").waitFor({ timeout: 30_000 });
    assert.equal(await workbench.page.locator(".getting-started-step").count(), 7);
    // The index is made without being asked for.
    await workbench.until("the folder's index ticks its step", () => ticked("Let your folder be indexed"), 90_000);
    assert.equal(await ticked("Check this machine"), false);
    await workbench.picture("walkthrough");
  });

  it("checks the machine, and ticks the step when that was done", async () => {
    await workbench.page.locator(".getting-started-step.expanded .monaco-button", { hasText: "Check This Machine" }).click();
    await page().getByText("What works").waitFor({ timeout: 60_000 });
    await workbench.picture("doctor");
    await closeEditors();
    await workbench.command("kalactica.getStarted");
    await workbench.until("the step is ticked", () => ticked("Check this machine"));
  });

  it("shows the models: what is here, what fits, under which licence", async () => {
    await step("Look at the models").click();
    await workbench.page.locator(".getting-started-step.expanded .monaco-button", { hasText: "Show Models" }).click();
    await row("kalactica-base").waitFor({ timeout: 30_000 });
    const facts = await page().locator(".facts").innerText();
    assert.match(facts, /Completion/);
    assert.match(facts, /fill in the middle/);
    assert.match(facts, /Not measured yet/);
    const listed = await page().getByRole("option").allInnerTexts();
    const { models } = await gallery();
    assert.equal(listed.length, models.length);
    assert.equal(listed.filter((text) => /Recommended/.test(text)).length, models.filter(({ recommended, installed }) => recommended && !installed).length);
    await page().getByTestId("filter").fill("research");
    assert.equal(await page().getByRole("option").count(), 1);
    await page().getByRole("option").click();
    assert.match(await page().getByTestId("fact-licence").innerText(), /not for commercial use/);
    await page().getByTestId("filter").fill("");
  });

  for (const [name, theme] of THEMES) {
    it(`is readable in a ${name} theme, and axe finds nothing serious`, async () => {
      await workbench.setting("workbench.colorTheme", theme);
      await workbench.until("the theme has changed", async () => (await page().locator("body").getAttribute("data-vscode-theme-id")) === theme);
      await row("kalactica-base").click();
      await workbench.page.waitForTimeout(300); // colours fade over
      await workbench.picture(`models-${name}`);
      assert.deepEqual(await axe(), []);
    });
  }

  it("is used by keyboard alone: through the list, to the buttons, to a measured speed", async () => {
    await page().getByTestId("filter").focus();
    await workbench.page.keyboard.press("ArrowDown");
    await workbench.page.keyboard.press("End");
    assert.notEqual(await page().getByTestId("name").innerText(), "kalactica-base");
    await workbench.page.keyboard.press("Home");
    assert.equal(await page().getByTestId("name").innerText(), "kalactica-base");
    const focused = (): Promise<string | null> => page().locator("body").evaluate((body) => body.ownerDocument.activeElement?.getAttribute("data-testid") ?? null);
    for (let tabs = 0; tabs < 6 && (await focused()) !== "action-measure"; tabs++) await workbench.page.keyboard.press("Tab");
    assert.equal(await focused(), "action-measure");
    await workbench.page.keyboard.press("Enter");
    await page().getByText(/Writes [\d.,]+ tokens a second/).waitFor({ timeout: 60_000 });
    const model = (await gallery()).models.find(({ active }) => active);
    assert.ok((model?.speed?.generatedPerSecond ?? 0) > 0);
    assert.match(await row("kalactica-base").innerText(), /tokens\/s/);
  });

  it("downloads with progress, stops, and goes on where it was", async () => {
    await workbench.setting("workbench.colorTheme", "Light 2026");
    let release = (): void => undefined;
    brake = { after: 2_000_000, released: new Promise((done) => { release = done; }) };
    await workbench.inHost((vscode, uri: string) => { void vscode.commands.executeCommand("kalactica.downloadModel", uri); }, address);
    await row("tiny-test-model").click({ timeout: 20_000 });
    await page().getByTestId("progress").getByText(/\d MB of 4\.77 MB/).waitFor({ timeout: 20_000 });
    assert.match(await workbench.page.locator("#kalactica\\.kalactica\\.kalactica\\.status, .statusbar-item", { hasText: /\d+ %/ }).first().innerText(), /\d+ %/);
    await workbench.picture("models-downloading");
    await action("cancelDownload").click();
    await page().getByText("are here; Resume goes on there").waitFor({ timeout: 15_000 });
    release();
    brake = null;
    await action("download").click();
    await page().getByTestId("notice").waitFor({ timeout: 20_000 });
    assert.equal(await page().getByTestId("name").innerText(), "kalactica-base", "the file says its own name");
    await page().getByTestId("fact-file").getByText(/tiny-test-model\.gguf/).waitFor();
    // The same weights: measured once is measured.
    assert.match(await page().getByTestId("fact-speed-here").innerText(), /Writes/);
  });

  it("switches to it, and deletes it after asking", async () => {
    await action("use").click();
    await workbench.until("it is in use", async () => (await gallery()).models.find(({ active }) => active)?.id === "tiny-test-model", 30_000);
    await page().getByText("in use", { exact: true }).waitFor();
    await action("remove").click();
    const dialog = workbench.page.locator(".monaco-dialog-box");
    await dialog.getByText(/It is in use/).waitFor();
    await dialog.getByRole("button", { name: "Delete" }).click();
    await workbench.until("it is gone", async () => (await gallery()).models.every(({ id }) => id !== "tiny-test-model"), 30_000);
    assert.equal((await gallery()).models.find(({ active }) => active)?.id, "kalactica-base");
    assert.equal(existsSync(path.join(workbench.root, "user-data/User/globalStorage/kalactica.kalactica/models/tiny-test-model.gguf")), false);
    await closeEditors();
  });

  it("suggests a completion in the example, and Tab ticks the step", async () => {
    await start("kalactica.tryCompletion");
    await workbench.page.locator("[class*=ghost-text]").first().waitFor({ timeout: 30_000 });
    await workbench.picture("first-completion");
    await workbench.page.keyboard.press("Tab");
    await workbench.until("it was taken", async () => /const depth = readNumber\(options, "depth"\);/.test(await workbench.inHost((vscode) => vscode.window.activeTextEditor?.document.getText() ?? "")));
    await workbench.command("workbench.action.revertAndCloseActiveEditor");
    await workbench.command("kalactica.getStarted");
    await workbench.until("the step is ticked", () => ticked("Take a first completion"));
  });

  it("answers with sources, and ticks the step", async () => {
    await workbench.command("kalactica.getStarted");
    await step("Ask about your code").click();
    await workbench.page.locator(".getting-started-step.expanded .monaco-button", { hasText: "Ask About This Folder" }).click();
    await workbench.until("the step is ticked", () => ticked("Ask about your code"), 60_000);
    await workbench.picture("walkthrough-ticked");
  });

  it("tells in the status item where everything stands, and that nothing was sent", async () => {
    const item = workbench.page.locator(".statusbar-item", { hasText: "KaLactica" }).first();
    const label = (await item.locator("a").getAttribute("aria-label")) ?? "";
    for (const part of [/kalactica-base on the CPU/, /Index: \d+ files/, /Training: nothing runs/, /Memory: .+ in the engine/, /0 bytes sent out/]) assert.match(label, part);
    await item.hover();
    await workbench.page.waitForTimeout(1_200); // VS Code's own delay
    await workbench.picture("status-tooltip");
    await workbench.page.mouse.move(600, 300);
  });

  it("gathers a report of a problem that names nothing of the user's", async () => {
    await start("kalactica.reportProblem");
    const text = await workbench.until("the report is shown", () => workbench.inHost((vscode) => vscode.window.activeTextEditor?.document.getText().startsWith("# KaLactica: report") && vscode.window.activeTextEditor.document.getText()), 60_000);
    for (const part of [/- \*\*VS Code\*\*: 1\./, /## Checks/, /\| completion\.|None\./, /0 bytes in 0 attempts/, /\[host\] r\d+|r\d+ model\/gallery/]) assert.match(text, part);
    assert.equal(text.includes(workbench.workspace), false);
    for (const file of ["queue.ts", "tidepool"]) assert.equal(text.includes(file), false, file);
    await workbench.picture("problem-report");
    await workbench.command("workbench.action.revertAndCloseActiveEditor");
  });

  it("does not open the walkthrough again", async () => {
    await closeEditors();
    await workbench.reload();
    await workbench.activated();
    await workbench.page.waitForTimeout(1_500);
    assert.equal(await workbench.page.locator(".getting-started-step").count(), 0);
    await workbench.command("kalactica.getStarted");
    await workbench.until("what was done is still ticked", () => ticked("Take a first completion"));
  });
});
