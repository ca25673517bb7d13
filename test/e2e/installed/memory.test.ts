// Memory as a user meets it: something is remembered in the chat, comes back as a chip under a later answer, is dismissed, and is
// really gone once it is forgotten.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Extension } from "vscode";
import type { KaLacticaApi } from "../../../src/extension/extension.ts";
import { ChatView } from "../chatView.ts";
import { repository, Workbench } from "../workbench.ts";

const sample = path.join(repository, "test/fixtures/workspace");
/** A word that stands nowhere else, so that its trace in a file can be nothing but this memory. */
const MARKER = "quillfeather";

describe("memory", function () {
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

  const notice = () => chat.frame.getByTestId("notice");
  const chips = () => chat.lastAnswer.getByTestId("memory");
  async function say(text: string): Promise<void> {
    await chat.composer.click();
    await chat.composer.fill(text);
    await chat.composer.press("Enter");
  }
  const remembered = (words: string) => workbench.inHost(async (vscode, contains: string) => {
    const { engine } = (vscode.extensions.getExtension("kalactica.kalactica") as Extension<KaLacticaApi>).exports;
    return (await engine.request("memory/list", { contains, invalidated: true, limit: 50 })).items.map(({ kind, text, dismissals }) => ({ kind, text, dismissals }));
  }, words);

  it("comes back as a chip under a later answer, tells why, and is dismissed", async () => {
    await say(`/remember The backoff of retries uses full jitter, see ticket ${MARKER}`);
    await notice().getByText(/^Remembered: The backoff/).waitFor();
    assert.equal(await chat.ask("What jitter does the backoff of retries use? @memory"), "done");
    const chip = chips().filter({ hasText: "The backoff of retries uses full jitter" });
    await chip.waitFor();
    await workbench.picture("chat-memory");
    await say("/why");
    await chat.frame.getByTestId("why").getByRole("heading", { name: "Memories", exact: true }).waitFor();
    await chat.frame.getByTestId("why").press("Escape");
    await chip.getByLabel(/^Dismiss: /).click();
    await chip.waitFor({ state: "detached" });
    await workbench.until("the engine knows of it", async () => (await remembered(MARKER)).some(({ dismissals }) => dismissals === 1));
  });

  it("stands in the memory view", async () => {
    await workbench.command("kalactica.showMemory");
    await workbench.page.getByRole("treeitem", { name: /^The backoff of retries uses full jitter/ }).first().waitFor();
    await workbench.picture("memory-view");
  });

  it("is really gone once it is forgotten", async () => {
    const database = path.join(workbench.root, "user-data/User/workspaceStorage");
    const traces = () => readdirSync(database, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /^memory\.sqlite/.test(entry.name)).map((entry) => path.join(entry.parentPath, entry.name))
      .filter((file) => existsSync(file) && readFileSync(file).includes(MARKER));
    assert.notDeepEqual(traces(), []);
    await chat.composer.waitFor();
    await say(`/forget ${MARKER}`);
    const picker = workbench.page.locator(".quick-input-widget");
    await picker.getByText("The backoff of retries").first().waitFor();
    await picker.getByRole("checkbox").first().click();
    await workbench.page.keyboard.press("Enter");
    await workbench.page.locator(".monaco-dialog-box").getByRole("button", { name: "Forget" }).click();
    await notice().getByText(/^Forgotten/).waitFor();
    assert.deepEqual(await remembered(MARKER), []);
    assert.deepEqual(traces(), []);
    assert.equal(await chat.frame.getByTestId("memory").count(), 0);
  });
});
