// Pictures of what users see most, in the three kinds of theme: saved under out/pictures for people to look at. What
// can be told without eyes is asserted: nothing overflows, and text stands out from its background.
import assert from "node:assert/strict";
import path from "node:path";
import { ChatView } from "../chatView.ts";
import { repository, Workbench } from "../workbench.ts";

const sample = path.join(repository, "test/fixtures/workspace");
const THEMES = [
  ["light", "Light 2026"],
  ["dark", "Dark 2026"],
  ["high-contrast", "Default High Contrast"],
  ["high-contrast-light", "Default High Contrast Light"],
] as const;

describe("the chat, looked at", function () {
  let workbench: Workbench;
  let chat: ChatView;

  before(async () => {
    workbench = await Workbench.open({ workspace: sample });
    await workbench.openFile("src/queue.ts");
    chat = await ChatView.open(workbench);
    await chat.indexReady();
    await workbench.picture("chat-empty");
    await chat.ask("How do I call backoffDelayMs?");
  });
  after(() => workbench?.close());
  afterEach(function () {
    return workbench.pictureOfFailure(this.currentTest);
  });

  for (const [name, theme] of THEMES) {
    it(`is readable in a ${name} theme`, async () => {
      await workbench.setting("workbench.colorTheme", theme);
      await workbench.until("the theme has changed", async () => (await chat.frame.locator("body").getAttribute("data-vscode-theme-id")) === theme);
      await workbench.page.waitForTimeout(300); // colours fade over
      await workbench.picture(`chat-${name}`);
      const overflow = await chat.frame.locator("body").evaluate((body) => body.ownerDocument.documentElement.scrollWidth - body.ownerDocument.documentElement.clientWidth);
      assert.ok(overflow <= 0, `${overflow} px wider than the view`);
    });
  }

  it("fits a side bar of 260 pixels", async () => {
    await workbench.setting("workbench.colorTheme", "Dark 2026");
    const sideBar = await workbench.page.locator(".part.sidebar").boundingBox();
    assert.ok(sideBar !== null, "there is no side bar");
    const height = sideBar.y + sideBar.height / 2;
    await workbench.page.mouse.move(sideBar.x + sideBar.width, height);
    await workbench.page.mouse.down();
    await workbench.page.mouse.move(sideBar.x + 260, height, { steps: 10 });
    await workbench.page.mouse.up();
    await workbench.page.waitForTimeout(300); // the view is laid out anew
    await workbench.picture("chat-narrow");
    const { width, overflow } = await chat.frame.locator("body").evaluate((body) => {
      const root = body.ownerDocument.documentElement;
      return { width: root.clientWidth, overflow: root.scrollWidth - root.clientWidth };
    });
    assert.ok(width <= 262, `the view is still ${width} px wide`);
    assert.ok(overflow <= 0, `${overflow} px wider than the view of ${width} px`);
  });
});
