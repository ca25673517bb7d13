// What code of an answer can be made to do in the editor: copied, inserted, shown as a change, accepted, discarded.
// The answer is one that the extension finds in its store, since the base model writes none; all else is real.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Conversation } from "../../../src/webview/protocol.ts";
import { json, LoopbackServer, politeServer } from "../../support/loopbackServer.ts";
import { ChatView } from "../chatView.ts";
import { repository, Workbench } from "../workbench.ts";

const sample = path.join(repository, "test/fixtures/workspace");
const CODE = "export function shouldRetry(attempt: number, error: unknown, policy: RetryPolicy = defaultRetryPolicy): boolean {\n  return !(error instanceof PermanentFailure) && attempt < policy.maxAttempts;\n}";

const conversation: Conversation = {
  id: "stored", title: "Simplify shouldRetry", updatedAt: Date.now(),
  turns: [{
    id: "t1", question: "Simplify shouldRetry", command: "fix", attachments: [], askedAt: 1, state: "done", status: null, card: null, citations: [],
    prose: `One condition is enough:\n\n\`\`\`ts src/retryPolicy.ts\n${CODE}\n\`\`\`\n\nSee [the queue](src/queue.ts#L3).`, checks: null, failure: null, rating: null,
  }],
};

describe("code of an answer", function () {
  let workbench: Workbench;
  let chat: ChatView;

  before(async () => {
    workbench = await Workbench.open({ workspace: sample });
    await workbench.activated();
    const storages = path.join(workbench.root, "user-data/User/workspaceStorage");
    const storage = await workbench.until("the extension has its storage", () => {
      const found = existsSync(storages) ? readdirSync(storages).map((name) => path.join(storages, name, "kalactica.kalactica")).find(existsSync) : undefined;
      return found ?? null;
    });
    mkdirSync(path.join(storage, "chat"), { recursive: true });
    writeFileSync(path.join(storage, "chat/stored.json"), JSON.stringify({ format: 1, conversation }));
    writeFileSync(path.join(storage, "chat/current.json"), JSON.stringify({ format: 1, currentId: "stored" }));
    await workbench.openFile("src/errors.ts");
    chat = await ChatView.open(workbench);
    await chat.frame.locator(".code").waitFor();
  });
  after(() => workbench?.close());
  afterEach(function () {
    return workbench.pictureOfFailure(this.currentTest);
  });

  const action = (label: string) => chat.frame.locator(".code").getByLabel(label, { exact: true });
  const textOf = (file: string) => workbench.inHost(async (vscode, name: string) => {
    const document = await vscode.workspace.openTextDocument(vscode.Uri.file(name));
    return { text: document.getText(), dirty: document.isDirty };
  }, path.join(workbench.workspace, file));
  const diffIsOpen = () => workbench.inHost((vscode) => vscode.window.tabGroups.all.some(({ tabs }) => tabs.some(({ input }) => input instanceof vscode.TabInputTextDiff)));

  it("is copied to the clipboard", async () => {
    await action("Copy").click();
    await workbench.until("the clipboard holds the code", async () => (await workbench.inHost((vscode) => vscode.env.clipboard.readText())) === CODE);
  });

  it("is shown as a change to the file that it names, and leaves it alone when discarded", async () => {
    const before = await textOf("src/retryPolicy.ts");
    await action("Apply with diff").click();
    await workbench.until("a diff is open", diffIsOpen);
    await chat.frame.getByTestId("proposal").waitFor();
    await workbench.picture("chat-proposed-change");
    await chat.frame.getByRole("button", { name: "Discard" }).click();
    await workbench.until("the diff is closed", async () => !(await diffIsOpen()));
    await chat.frame.getByTestId("proposal").waitFor({ state: "detached" });
    assert.deepEqual(await textOf("src/retryPolicy.ts"), before);
  });

  it("takes the place of the definition when accepted, as an edit that undo takes back", async () => {
    const before = await textOf("src/retryPolicy.ts");
    await action("Apply with diff").click();
    await chat.frame.getByRole("button", { name: "Accept" }).click();
    await workbench.until("the file has changed", async () => (await textOf("src/retryPolicy.ts")).text !== before.text);
    const after = await textOf("src/retryPolicy.ts");
    assert.equal(after.dirty, true, "not saved behind the user's back");
    assert.equal(after.text, before.text.replace(/export function shouldRetry[\s\S]*$/, `${CODE}\n`));
    await workbench.until("the diff is closed", async () => !(await diffIsOpen()));
    await workbench.command("undo");
    await workbench.until("undo took it back", async () => (await textOf("src/retryPolicy.ts")).text === before.text);
  });

  it("is not proposed twice: a diff that is closed is a change discarded", async () => {
    await action("Apply with diff").click();
    await workbench.until("a diff is open", diffIsOpen);
    await workbench.command("workbench.action.closeActiveEditor");
    await chat.frame.getByTestId("proposal").waitFor({ state: "detached" });
  });

  it("can be accepted from the diff editor, too", async () => {
    const before = await textOf("src/retryPolicy.ts");
    await action("Apply with diff").click();
    await workbench.until("a diff is open", diffIsOpen);
    await workbench.page.getByRole("button", { name: "Accept Proposed Change" }).click();
    await workbench.until("the file has changed", async () => (await textOf("src/retryPolicy.ts")).text !== before.text);
    await workbench.command("undo");
  });

  it("is inserted at the cursor, indented as the line there", async () => {
    await workbench.openFile("src/errors.ts");
    await workbench.inHost(async (vscode) => {
      const editor = vscode.window.activeTextEditor!;
      await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), "  \n"));
      editor.selection = new vscode.Selection(0, 2, 0, 2);
    });
    await action("Insert at cursor").click();
    await workbench.until("the code is there", async () => (await textOf("src/errors.ts")).text.startsWith(CODE.split("\n").map((line) => `  ${line}`).join("\n")));
  });

  it("has links to files of the folder, which open at their line", async () => {
    await chat.frame.getByRole("link", { name: "the queue" }).click();
    await workbench.until("the file is open at its line", () => workbench.inHost((vscode) => {
      const editor = vscode.window.activeTextEditor;
      return editor?.document.uri.path.endsWith("/src/queue.ts") === true && editor.selection.active.line === 2;
    }));
  });

  it("can be asked about with @file, which lists the folder's files", async () => {
    await chat.composer.click();
    await chat.composer.pressSequentially("what is @retryP");
    await chat.frame.getByRole("option", { name: /retryPolicy\.ts/ }).first().waitFor();
    await workbench.page.keyboard.press("Enter");
    assert.equal(await chat.composer.inputValue(), "what is @retryPolicy.ts ");
    await chat.composer.fill("");
  });

  it("is written by a model on a server once that was added from the palette, and says where it was sent", async function () {
    this.timeout(120_000);
    const key = "sk-lab-5f2c9d77a1";
    const polite = politeServer({ text: "It asks the policy [1]." });
    const server = new LoopbackServer((response, asked, request) => (asked.headers.authorization === `Bearer ${key}` ? polite(response, asked, request) : json(response, { error: { message: "no key" } }, 401)));
    const base = await server.listen();
    const { page } = workbench;
    const input = page.locator(".quick-input-widget input.input").first();
    const answerInput = async (prompt: string, text: string): Promise<void> => {
      await page.locator(".quick-input-widget", { hasText: prompt }).waitFor({ timeout: 30_000 });
      await input.fill(text);
      await page.keyboard.press("Enter");
    };
    try {
      const adding = workbench.command("kalactica.addEndpoint");
      await answerInput("The address of a model server", base);
      await answerInput("The key for", key);
      await answerInput("What to call it", "Lab");
      await page.locator(".quick-input-list .monaco-list-row", { hasText: "The local model" }).click({ timeout: 30_000 });
      await adding;
      await workbench.picture("endpoint-added");
      assert.equal(await chat.ask("What does shouldRetry do?"), "done");
      assert.match(await chat.lastAnswer.getByTestId("health").innerText(), /^\W*written by Lab at 127\.0\.0\.1:\d+ \(this machine\); \d+ passages? w(?:as|ere) sent/);
      assert.match(await chat.lastAnswer.innerText(), /It asks the policy/);
      assert.ok(await chat.frame.getByTestId("header").getByText(/Lab at 127\.0\.0\.1/).isVisible());
      await workbench.picture("endpoint-answer");
      // The engine is another one now; the key is still where VS Code keeps secrets.
      const asked = server.asked.length;
      await workbench.command("kalactica.restartEngine");
      assert.equal(await chat.ask("What does shouldRetry check first?", 60_000), "done");
      assert.ok(server.asked.slice(asked).every(({ headers }) => headers.authorization === `Bearer ${key}`) && server.asked.length > asked);
      const stored = readdirSync(path.join(workbench.root, "user-data"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
      assert.deepEqual(stored.filter((file) => readFileSync(file).includes(key)), [], "the key is in no file in clear");
    } finally {
      await server.close();
    }
  });
});
