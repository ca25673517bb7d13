// Takes the pictures of the documents and the frames of the README's recording, in a real VS Code in the browser on the sample workspace:
//   node24 tools/docs/pictures.ts FOLDER
// What it leaves there is made small by hand (README.md beside this file says how). Judges nothing: the tests do.
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { ChatView } from "../../test/e2e/chatView.ts";
import { repository, Workbench } from "../../test/e2e/workbench.ts";

const folder = path.resolve(process.argv[2] ?? "out/documents");
const SIZE = { width: 1120, height: 700 };
mkdirSync(path.join(folder, "frames"), { recursive: true });

const workbench = await Workbench.open({ workspace: path.join(repository, "test/fixtures/workspace"), size: SIZE, settings: { "kalactica.completion.timeoutMs": 3000, "editor.minimap.enabled": false, "editor.fontSize": 12, "workbench.secondarySideBar.defaultVisibility": "hidden", "chat.commandCenter.enabled": false } });
try {
  const { page } = workbench;
  const picture = async (name: string): Promise<void> => {
    await page.screenshot({ path: path.join(folder, `${name}.png`) });
  };
  await workbench.command("workbench.action.closeAuxiliaryBar");
  await workbench.openFile("src/queue.ts");
  const chat = await ChatView.open(workbench);
  await chat.indexReady();
  await widenSideBar(460);

  const recording = record();
  await chat.composer.click();
  await page.keyboard.type("Who calls backoffDelayMs?", { delay: 70 });
  await page.waitForTimeout(400);
  await page.keyboard.press("Enter");
  await chat.ended();
  await page.waitForTimeout(1200);
  await picture("ask-light");
  await chat.citations.nth(1).click();
  await page.waitForTimeout(1500);
  await workbench.openFile("src/worker.ts");
  await insertAfter("    return succeeded;\n  }\n", "\n  async #retryJob(job: Job): Promise<boolean> {\n    const handler = this.#handlers[job.kind];\n    try {\n      if (handler === undefined)", "\n    } catch {\n      return false;\n    }\n  }\n");
  await page.keyboard.type(" ", { delay: 70 });
  await page.locator("[class*=ghost-text]").first().waitFor({ timeout: 15_000 });
  await page.waitForTimeout(1200);
  await picture("complete-light");
  await page.keyboard.press("Tab");
  await page.waitForTimeout(1500);
  await recording.stop();

  await chat.frame.getByTestId("health").last().click({ timeout: 5_000 });
  await page.waitForTimeout(500);
  await chat.frame.getByTestId("health").last().evaluate((line) => line.scrollIntoView({ block: "start" }));
  await page.waitForTimeout(500);
  await picture("checks-light");
  await workbench.command("kalactica.showModels");
  await page.waitForTimeout(6_000);
  await picture("models-light");
  await workbench.setting("workbench.colorTheme", "Dark 2026");
  await page.waitForTimeout(1500);
  await picture("models-dark");
} catch (error) {
  await workbench.page.screenshot({ path: path.join(folder, "failed.png") });
  throw error;
} finally {
  await workbench.close();
}

/** Takes frames one after the other until it is stopped, and writes when each was taken (ms) into frames.json. */
function record(): { stop(): Promise<void> } {
  const times: number[] = [];
  let going = true;
  const begun = Date.now();
  const taking = (async () => {
    while (going) {
      const at = Date.now() - begun;
      await workbench.page.screenshot({ path: path.join(folder, "frames", `${String(times.length).padStart(4, "0")}.jpg`), type: "jpeg", quality: 92 });
      times.push(at);
      await workbench.page.waitForTimeout(60);
    }
  })();
  // Where something else fails first, the window closes under a frame; that failure is the one to tell.
  taking.catch(() => undefined);
  return {
    async stop() {
      going = false;
      await taking;
      writeFileSync(path.join(folder, "frames.json"), JSON.stringify(times));
    },
  };
}

async function widenSideBar(width: number): Promise<void> {
  const box = await workbench.page.locator(".part.sidebar").boundingBox();
  if (box === null) return;
  await workbench.page.mouse.move(box.x + box.width, box.y + box.height / 2);
  await workbench.page.mouse.down();
  await workbench.page.mouse.move(box.x + width, box.y + box.height / 2, { steps: 8 });
  await workbench.page.mouse.up();
}

/** Inserts `text` and `behind` after the first `anchor`, with the caret between them and the keyboard in the editor. */
async function insertAfter(anchor: string, text: string, behind: string): Promise<void> {
  await workbench.page.locator(".editor-instance .monaco-editor .view-lines").first().click();
  await workbench.inHost(async (vscode, before: string, added: string, rest: string) => {
    const editor = vscode.window.activeTextEditor!;
    const offset = editor.document.getText().indexOf(before) + before.length;
    await editor.edit((edit) => edit.insert(editor.document.positionAt(offset), added + rest));
    const caret = editor.document.positionAt(offset + added.length);
    editor.selection = new vscode.Selection(caret, caret);
    editor.revealRange(new vscode.Range(caret, caret), vscode.TextEditorRevealType.InCenter);
  }, anchor, text, behind);
  await workbench.page.waitForTimeout(800);
}
